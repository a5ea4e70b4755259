"""n=auto: which numbers of workers are tried, first and between two that differ."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmarks.auto import CURVES, WORTH, outcomes
from benchmarks.recorded import DATA, read
from runners import speedup
from runners.analysis.candidate import Candidate
from runners.analysis.how_many import HowMany
from runners.analysis.interval import Interval
from runners.command.auto import between, second, to_try
from runners.command.cells import Cell
from runners.results.write import append
from tests import synthetic
from tests.conftest import run_program

NAPS = (
    *("workload=io_sleep", "workload.repeat=4", "workload.low=0.015", "workload.high=0.02"),
    *("measure=quick", "measure.min_rounds=6", "measure.max_rounds=6", "sweep.report=false"),
)


@pytest.mark.parametrize(
    ("usable", "cores", "tasks", "waits", "expected"),
    [
        (1, None, None, False, [1]),
        (0.5, 1, None, False, [1]),
        (2.5, 2, None, False, [1, 2]),
        (16, 8, None, False, [1, 2, 4, 8, 16]),
        (12, 6, None, False, [1, 2, 4, 6, 8, 12]),
        (12, 6, 9, False, [1, 2, 4, 6, 8, 9]),
        (2, 1, None, True, [1, 2, 4, 8]),
        (2, 1, 5, True, [1, 2, 4, 5]),
        (6, None, 1, True, [1]),
    ],
)
def test_what_is_tried_first(
    usable: float, cores: int | None, tasks: int | None, waits: bool, expected: list[int]
) -> None:
    assert to_try(usable, cores, tasks, waits=waits) == expected


def told(below: int | None, enough: int | None, above: int | None) -> HowMany:
    def one(n: int | None) -> Candidate | None:
        return None if n is None else Candidate(str(n), "pool", "pool", n, Interval(1, 1, 1))

    return HowMany("", 0.03, one(enough), (), (), 0.0, one(below), one(above))


@pytest.mark.parametrize(
    ("below", "enough", "above", "expected"),
    [
        (None, None, None, []),
        (None, 4, None, []),
        (1, 2, None, []),
        (2, 4, None, [3]),
        (4, 8, None, [5, 6, 7]),
        (32, 64, None, [40, 48, 56]),
        (None, 8, 16, [10, 12, 14]),
        (4, 8, 16, [5, 6, 7, 10, 12, 14]),
    ],
)
def test_what_is_tried_between(
    below: int | None, enough: int | None, above: int | None, expected: list[int]
) -> None:
    assert between(told(below, enough, above)) == expected


def test_tasks_that_wait_have_more_workers_than_cpus(tmp_path: Path) -> None:
    """Four tasks at most; whether there is a second panel depends on the machine."""
    done = run_program(*("n=auto", "executor=thread", "hydra.sweep.dir=out", *NAPS), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    sweep = tmp_path / "out"
    rows = [json.loads(file.read_text().splitlines()[-1]) for file in sweep.glob("io_*/runs.jsonl")]
    tried = sorted(row["n"] for row in rows)
    assert {1, 2, 4} <= {*tried} <= {1, 2, 3, 4}
    assert len(tried) == len({*tried})
    assert {row["worth"] for row in rows} == {0.03}
    assert json.loads((sweep / "sweep.json").read_text()) == {"cells": len(tried)}
    panels = {row["n"]: row["panel"] for row in rows}
    assert panels[1] == panels[2] == panels[4]
    again = run_program(*("n=auto", "executor=thread", "resume=out", *NAPS), cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("reused") >= len(tried)


def test_the_second_panel_has_what_is_between(tmp_path: Path) -> None:
    known = {("pool", 2): 1.9, ("pool", 4): 3.6, ("pool", 8): 6.8, ("pool", 16): 4.0}
    runs = synthetic.panel(known, noise=0.004)
    for run in runs:
        append(tmp_path / run.cell, run)
    measured = {run.n: run.cell for run in runs if run.role == "measured"}
    cells = [
        Cell(at, "", ("executor=pool", f"n={n}"), tmp_path, cast(Any, SimpleNamespace(cell=cell)))
        for at, (n, cell) in enumerate(measured.items())
    ]
    expected = [("executor=pool", f"n={n}") for n in (5, 6, 7, 10, 12, 14)]
    assert list(second(cells, tmp_path)) == expected
    assert list(second([cell for cell in cells if "n=8" not in cell.overrides], tmp_path)) == [
        ("executor=pool", "n=8")  # which an earlier command has measured
    ]


@pytest.mark.parametrize(
    ("more", "remedy"),
    [
        (("-m", "n=auto,4"), "name either auto or numbers"),
        (("n=auto", "cluster=local"), "name the numbers, as in n=1,2,4,8"),
        (("n=auto", "hydra/launcher=basic"), "name the numbers, as in n=1,2,4,8"),
        (("n=auto", "workload=prime"), "did you mean primes"),
        (("n=auto", "workload.repeat=0"), "workload.repeat=0"),
        (("n=automatic",), "n: must be a whole number"),
    ],
)
def test_what_does_not_go_together_is_one_line(
    more: tuple[str, ...], remedy: str, tmp_path: Path
) -> None:
    done = run_program(*NAPS, "executor=thread", *more, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert remedy in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def test_a_dry_run_tries_nothing(tmp_path: Path) -> None:
    done = run_program(*NAPS, "-m", "executor=thread,serial", "n=auto", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("on serial") == 1  # for which n makes no difference
    assert "nothing was measured" in done.stdout
    assert "if the tasks wait" in done.stderr
    assert not list(tmp_path.rglob("runs.jsonl"))


def test_from_python_too(tmp_path: Path) -> None:
    result = speedup(
        abs,
        [1, 2],
        n="auto",
        parameters={"measure.min_rounds": 2, "measure.max_rounds": 2, "measure.interpreters": 1},
        quiet=True,
        folder=tmp_path / "out",
    )
    assert {1} <= {*result.summary["n"]} <= {1, 2}


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("recording", ["hashing-in-turn", "primes-loaded-one-by-one"])
def test_what_is_found_is_as_good_as_the_best(curve: str, recording: str) -> None:
    """A bad n is found in at most 5%: of 40 more than six would come up once in 200 times."""
    counts = outcomes(CURVES[curve], read(DATA / f"{recording}.csv"), 20, 40)
    assert counts["bad"] <= 6
    assert WORTH == 0.03
    if recording == "hashing-in-turn":
        assert counts["good"] >= 10
