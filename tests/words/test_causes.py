"""The words that the ladder's losses are given."""

import math
from typing import Any

import pytest

from runners.analysis.cell import CellSummary
from runners.model import Loss, Workers
from runners.words.advice import TITLES, explain, hint, told
from tests import synthetic


def cell(**values: Any) -> CellSummary:
    """A cell that lost nothing, but for `values`."""
    row: dict[str, Any] = {"n": 4, "usable_cpus": 2.0, "tasks": 8.0, "gil": True}
    row |= {"worker_kind": "process", "cpu_share": 0.99}
    return synthetic.cell(**row | {f"loss_{factor}": 0.0 for factor in TITLES} | values)


def test_losses_that_matter_come_largest_first() -> None:
    row = cell(loss_startup=0.05, loss_balance=0.3, loss_dispatch=0.049, loss_computation=-0.4)
    assert explain(row) == [Loss("balance", 0.3), Loss("startup", 0.05)]
    assert [told(loss, row).partition(":")[0] for loss in explain(row)] == [
        *("30% load imbalance", "5% start-up and join")
    ]


def test_the_machines_part_of_a_loss_is_told() -> None:
    row = cell(n=2, loss_computation=0.2, loss_computation_machine=0.15)
    [loss] = explain(row)
    assert told(loss, row).startswith("20% work inflation (the machine's own: 15%): so do loops")
    row = cell(n=2, loss_computation=0.2, loss_computation_machine=0.01)
    [loss] = explain(row)
    assert told(loss, row).startswith("20% work inflation: tasks compute more slowly")


def test_unknown_losses_are_left_out() -> None:
    unknown = {f"loss_{factor}": math.nan for factor in TITLES}
    assert explain(cell(tasks=math.nan, **unknown)) == []


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        ({"loss_startup": 0.62}, "process", "starting and joining workers takes 62% of"),
        ({"loss_dispatch": 0.12}, "process", "handing out tasks takes 12% of"),
        ({"loss_balance": 0.5}, "process", "some workers finish early"),
        ({"loss_balance": 0.5, "tasks": 1.0}, "process", "1 task for 4 workers"),
        ({"loss_blocking": 0.5}, "thread", "tasks hold the GIL: use processes"),
        ({"loss_blocking": 0.5}, "process", "workers wait for I/O or locks"),
        ({"loss_blocking": 0.5, "gil": False}, "thread", "workers wait for I/O or locks"),
        ({"loss_blocking": 0.5, "waiting": True}, "thread", "what they wait for is shared"),
        ({"loss_blocking": 0.5, "cpu_share": 0.3}, "thread", "workers wait for I/O or locks"),
        ({"loss_contention": 0.5}, "process", "4 workers share 2 CPUs"),
        ({"loss_contention": 0.5, "usable_cpus": 1.5}, "process", "4 workers share 1.5 CPUs"),
        ({"loss_contention": 0.5, "n": 2}, "process", "other load or steal on the machine"),
        ({"loss_computation": 0.5}, "thread", "caches, memory bandwidth, frequency"),
        (
            {"loss_computation": 0.5, "executor.start_method": "spawn"},
            "process",
            "workers run cold code",
        ),
        (
            {"loss_computation": 0.5, "executor.start_method": "fork"},
            "process",
            "caches, memory bandwidth, frequency",
        ),
    ],
)
def test_hint_fits_the_cause(values: dict[str, Any], kind: Workers, words: str) -> None:
    row = cell(worker_kind=kind, **values)
    (loss,) = explain(row)
    assert words in hint(loss, row)


@pytest.mark.parametrize(
    ("largest", "words"),
    [(0.38, "one task is 38% of all work: cut it finer"), (0.25, "some workers finish early")],
)
def test_a_task_limits_the_balance_only_above_its_fair_share(largest: float, words: str) -> None:
    row = cell(loss_balance=0.3, largest_task_share=largest)
    (loss,) = explain(row)
    assert words in hint(loss, row)
