"""The words that the ladder's losses and the summary's flags are given."""

import inspect
import math
import re
from typing import Any

import pytest

from runners.analysis import summary as stats
from runners.model import Workers
from runners.words.advice import REMEDIES, TITLES, explain, remedy


def cell(**values: Any) -> dict[str, Any]:
    """A row of the summary frame that lost nothing, but for `values`."""
    row: dict[str, Any] = {"n": 4, "usable_cpus": 2.0, "tasks": 8.0, "waiting": False, "gil": True}
    row |= {"worker_kind": "process", "largest_task_share": math.nan, "cpu_share": 0.99}
    return row | {f"loss_{factor}": 0.0 for factor in TITLES} | values


def test_losses_that_matter_come_largest_first() -> None:
    row = cell(loss_startup=0.05, loss_balance=0.3, loss_dispatch=0.049, loss_computation=-0.4)
    found = [(loss.factor, loss.title, loss.share) for loss in explain(row)]
    assert found == [("balance", "load balance", 0.3), ("startup", "start-up and join", 0.05)]


def test_unknown_losses_are_left_out() -> None:
    unknown = {f"loss_{factor}": math.nan for factor in TITLES}
    assert explain(cell(tasks=math.nan, **unknown)) == []


@pytest.mark.parametrize(
    ("values", "kind", "hint"),
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
def test_hint_fits_the_cause(values: dict[str, Any], kind: Workers, hint: str) -> None:
    (loss,) = explain(cell(worker_kind=kind, **values))
    assert hint in loss.hint


@pytest.mark.parametrize(
    ("share", "hint"),
    [(0.38, "one task is 38% of all work: cut it finer"), (0.25, "some workers finish early")],
)
def test_a_task_limits_the_balance_only_above_its_fair_share(share: float, hint: str) -> None:
    (loss,) = explain(cell(loss_balance=0.3, largest_task_share=share))
    assert hint in loss.hint


def test_every_flag_has_a_remedy() -> None:
    flags = re.findall(r'yield f?"([^"{]+)', inspect.getsource(stats._flags))
    assert len(flags) >= 10
    assert {remedy(flag.strip()) for flag in flags} <= set(REMEDIES.values())
    assert len({remedy(flag.strip()) for flag in flags}) >= len(REMEDIES)
