"""What is printed about a cell, made of plain values."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runners.analysis.cell import CellSummary
from runners.command.progress import Place, Terminal, differing
from runners.command.resume import Earlier
from runners.measuring.pace import Pair
from runners.model import Order, Plan, run_of
from tests import synthetic
from tests.conftest import MakePlan


@pytest.mark.parametrize(
    ("earlier", "said"),
    [
        (Earlier("reused", (), "ok", "precision"), "reused, ended by precision"),
        (Earlier("reused", (), "failed", "failure"), "reused, it failed"),
        (Earlier("reused", (), "unsupported", "failure"), "reused, it is unsupported"),
        (
            Earlier("continued", (), "ok", "time budget", (Pair(1.0, 2.0, 0),)),
            "continued, short of its precision",
        ),
        (Earlier("continued", (), "ok", None, (Pair(1.0, 2.0, 0),)), "continued, not finished"),
        (Earlier("again", (), "ok"), "measured again, not finished"),
        (Earlier("again", (), "crashed", "failure"), "measured again, it was crashed"),
        (Earlier("again", (), "timeout", "failure"), "measured again, it timed out"),
        (Earlier("again"), "measured again, nothing says how it was measured"),
        (Earlier("again", ("n: 1, now 2", "code of x")), "measured again, n: 1, now 2; code of x"),
    ],
)
def test_what_becomes_of_an_earlier_measurement_is_said(
    earlier: Earlier, said: str, make_plan: MakePlan, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = make_plan("n=2")
    Terminal(plan, Path("out"), Place(3, 12, "primes end=9 on pool, n = 2")).begin(earlier)
    assert capsys.readouterr().out == f"  3/12  primes end=9 on pool, n = 2: {said}\n"
    forced = replace(plan, measure=replace(plan.measure, force=True))
    Terminal(forced, Path("out")).begin(Earlier("again"))
    assert capsys.readouterr().out == "primes on pool, n = 2: measured again, measure.force\n"


def test_a_function_is_told_by_its_name(make_plan: MakePlan) -> None:
    def plan(function: str, arguments: str = "[1]") -> Plan:
        given = (f"workload.function={function}", f"workload.arguments={arguments}")
        return make_plan("workload=callable", *given, "executor=thread", "n=2")

    one = plan("builtins:abs")
    assert Terminal(one, Path("out")).name == "builtins.abs on thread, n = 2"
    assert differing([one, plan("math:sqrt"), plan("math:sqrt", "[4]")]) == [
        "builtins.abs on thread, n = 2",
        "math.sqrt arguments=[1] on thread, n = 2",
        "math.sqrt arguments=[4] on thread, n = 2",
    ]
    assert one.workload == "callable"
    alike = [
        replace(one, parameters={**one.parameters, "workload.function": f"{place}/mine.py:f"})
        for place in ("before", "after")
    ]
    assert differing(alike) == [
        "before/mine.py:f on thread, n = 2",
        "after/mine.py:f on thread, n = 2",
    ]


def test_nothing_is_said_of_a_cell_that_is_new(
    make_plan: MakePlan, capsys: pytest.CaptureFixture[str]
) -> None:
    Terminal(make_plan(), Path("out")).begin(Earlier("new"))
    Terminal(make_plan(), Path("out")).begin(Earlier("new", (), "left out"))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (
            {"speedup": 1.8, "speedup_low": 1.7, "speedup_high": 1.9},
            "1.80×  [1.70, 1.90]  12 rounds",
        ),
        ({"speedup": 1.8, "rounds": 1}, "1.80×  [one round: no interval]  1 round"),
        ({"status": "failed", "error": "no [/such] key\nmore"}, "failed: no [/such] key"),
        (
            {"status": "failed", "error": "1 failed:\nTraceback ...\nKeyError: '[red]'"},
            "failed: KeyError: '[red]'",
        ),
    ],
)
def test_the_line_of_a_cell_says_what_came_out(
    columns: dict[str, Any],
    said: str,
    make_plan: MakePlan,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cell = synthetic.cell(**columns)
    place = Place(3, 12, "callable x=[/a] on pool, n = 2")
    assert Terminal(make_plan(), Path("out"), place).finish(cell) == cell.status
    assert capsys.readouterr().out.split() == f"3/12 {place.name} {said}".split()


def cell_of(plan: Plan, **columns: Any) -> CellSummary:
    numbers = {"speedup": 1.6, "speedup_low": 1.5, "speedup_high": 1.7, "bound": 2.0}
    known = {name: getattr(plan, name) for name in ("executor", "n", "scaling", "worker_kind")}
    known |= {"baseline": plan.baseline, "usable_cpus": plan.usable_cpus, "efficiency": 0.8}
    return synthetic.cell(**{**numbers, **known, **columns})


def table_of(make_plan: MakePlan, capsys: pytest.CaptureFixture[str], **columns: Any) -> list[str]:
    """The lines of a single cell, with one space for many."""
    plan = make_plan("workload=countdown", "executor=pool", "n=2")
    Terminal(plan, Path("out")).finish(cell_of(plan, **columns))
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_the_machines_own_ceiling_is_printed(
    make_plan: MakePlan, capsys: pytest.CaptureFixture[str]
) -> None:
    ceiling = {"ceiling": 1.73, "ceiling_low": 1.68, "ceiling_high": 1.79, "attainable": 1.73}
    lines = table_of(make_plan, capsys, **ceiling, efficiency_of_ceiling=0.92)
    assert "machine 1.73× [1.68, 1.79] for two loops that share nothing" in lines
    assert "efficiency 80% of 2 workers 92% of what the machine gives" in lines


def test_without_one_efficiency_refers_to_the_bound(
    make_plan: MakePlan, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = table_of(make_plan, capsys, ceiling=1.73)  # of tasks that wait, nothing follows from it
    assert not any(line.startswith("machine") for line in lines)
    assert "efficiency 80% of 2 workers 80% of the attainable speedup" in lines


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"compared": "equal", "checked": True}, "results equal to serial, checked 12 rounds"),
        (
            {"compared": "any", "checked": True, "baseline": "thread"},
            "results checked, not compared they may differ from run to run; 12 rounds",
        ),
        ({"compared": "compare=none"}, "results not compared compare=none; 12 rounds"),
        ({}, "results not known the rows do not say what was compared; 12 rounds"),
        ({"status": "wrong", "compared": "equal"}, "results wrong 12 rounds"),
    ],
)
def test_the_results_are_said_to_be_what_they_were_found_to_be(
    columns: dict[str, Any], said: str, make_plan: MakePlan, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = table_of(make_plan, capsys, **{"baseline": "serial", "half_width": 0.031, **columns})
    [line] = [line for line in lines if line.startswith("results")]
    assert line == f"{said}, ±3.1%, ended by None"


def test_first_calls_are_not_compared_with_warm_ones(
    make_plan: MakePlan, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = make_plan("workload=countdown", "executor=pool", "n=2", "measure.fresh=true")
    cell = cell_of(plan, fresh=True)
    Terminal(plan, Path("out")).finish(cell)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[0].startswith("countdown on pool, n = 2, first calls (")
    assert "interpreter a new one for each run first calls: nothing is warm" in lines
    assert not any(line.startswith("cold") for line in lines)


@pytest.mark.parametrize("text", ["[/some/path]", "[bold]loud[/]", "[red", "a\\[b]", ":smile:"])
def test_names_paths_and_errors_are_not_markup(
    text: str, make_plan: MakePlan, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = cast(Any, SimpleNamespace(status="failed", error=text, rounds=0))
    plan = make_plan("n=2")
    Terminal(plan, Path(text), Place(3, 12, text)).finish(cell)
    assert capsys.readouterr().out.count(text) == 2
    single = Terminal(plan, Path(text))
    order = Order(0, 0, 0, "measured", cold=True, warmup=True)
    single.failed = run_of(plan, order, "failed", "", text)
    single.finish(cell)
    assert capsys.readouterr().out.count(text) == 2
