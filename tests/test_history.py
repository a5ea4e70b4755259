"""`python -m runners.history`: what it says and returns, from real files of made-up runs."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha1
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from runners.compare.command import FAULT, NOTHING, USAGE
from runners.compare.side import read_side
from runners.history import command, reading
from runners.history.command import run
from runners.model import Environment
from runners.report import figures
from runners.results.columns import IDENTITY, SWEEP
from runners.results.write import write_environment, write_json
from tests import synthetic


def commit(number: int) -> str:
    return sha1(str(number).encode()).hexdigest()


def short(number: int) -> str:
    return commit(number)[:8]


def result(
    folder: Path,
    number: int,
    *,
    facts: Mapping[str, Any] | None = None,
    identity: Mapping[str, Any] | None = None,
    day: int | None = None,
    **cell: Any,
) -> Path:
    """A result of the commit of that number, which was made on that day, and measured then."""
    quiet = {"noise": 0.004, "rounds": 10, "processes": 5, "seed": number, "python": "3.13.1"}
    later = timedelta(days=number if day is None else day)
    runs = [
        replace(run, started_at=(datetime.fromisoformat(run.started_at) + later).isoformat())
        for run in synthetic.runs(**{**quiet, **cell})
    ]
    synthetic.write(folder / "cell", runs)
    known: dict[str, Any] = {
        "code": {"m": commit(number)},
        "packages": {},
        "python": "CPython 3.13.1",
    }
    known |= {"machine": "x86_64 A", "usable_cpus": 2.0, **(identity or {})}
    write_json(folder / "cell" / IDENTITY, known)
    date = (synthetic.START + timedelta(days=number)).isoformat()
    own = {"git_commit": commit(number), "git_commit_date": date, "git_branch": "main"}
    write_environment(folder, Environment({**own, **(facts or {})}, 2.0))
    return folder


def told(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    """The exit status, and all that was printed."""
    status = run([str(word) for word in words])
    out, err = capsys.readouterr()
    return status, out + err


@pytest.fixture(autouse=True, scope="module")
def _each_folder_is_read_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "read_side", cache(read_side))
        yield


@pytest.fixture(autouse=True)
def _no_images(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Which take longest; one test draws them."""
    if "drawn" not in request.node.name:
        monkeypatch.setattr(figures, "image", lambda *_: b"")
        monkeypatch.setattr(figures, "over_time", lambda _: None)


def test_a_step_is_named_and_drawn_with_all_that_is_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From folders whose names say nothing of the order of their commits."""
    for number in range(5):
        newer = {"python": "CPython 3.14.0"} if number >= 3 else {}
        result(
            *(tmp_path / "all" / f"run-{9 - number}", number),
            speedup=1.8 if number < 3 else 1.4,
            identity=newer,
            python="3.14.0" if newer else "3.13.1",
        )
    result(tmp_path / "all/more", 5, speedup=1.4, python="3.14.0", identity=newer)
    status, text = told(capsys, tmp_path / "all")
    assert status == 0
    assert f"six results, from {short(0)} to {short(5)}, in order by the dates of" in text
    assert f"{short(3)} worse: parallel time 0.7" in " ".join(text.split())
    assert f"since {short(2)}: python: CPython 3.13.1, now CPython 3.14.0" in text
    assert "one cell over six results: one step" in text
    frame = pd.read_csv(tmp_path / "all/history.csv")
    assert frame["result"].tolist() == [short(number) for number in range(6)]
    assert frame["commit"].tolist() == [commit(number) for number in range(6)]
    assert frame["parallel_change"].fillna("").tolist() == [""] * 3 + ["step"] + [""] * 2
    assert frame["parallel_ratio"][3] == pytest.approx(1.4 / 1.8, rel=0.02)
    assert frame["speedup"][5] == pytest.approx(1.4, rel=0.02)
    assert frame["serial_change"].isna().all()
    markdown = (tmp_path / "all/history.md").read_text()
    assert markdown.startswith("# one cell over six results: one step\n")
    assert f"{commit(3)} | 2026-01-04" in markdown
    assert "![Speedups and times over the results](history.png)" in markdown
    assert (tmp_path / "all/history.png").read_bytes().startswith(b"\x89PNG")
    drawn = (tmp_path / "all/history.svg").read_text()
    assert all(label in drawn for label in ("step, worse", "python", short(0), "primes, thread"))


def test_a_new_machine_is_no_slower_commit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(4):
        other = {"machine": "x86_64 B"} if number >= 2 else {}
        result(tmp_path / str(number), number, serial_s=0.3 if other else 0.2, identity=other)
    status, text = told(capsys, tmp_path)
    assert status == 0
    assert "no steps" in text
    assert f"A, 2 CPUs (from {short(0)} on); B, 2 CPUs (from {short(2)} on)" in text
    assert f"{short(2)}: machine: x86_64 A, now x86_64 B" in text
    # Two results that share no machine are drawn, and nothing is said of them.
    assert "one cell over two results: no steps" in told(capsys, tmp_path / "0", tmp_path / "3")[1]


def test_a_result_that_is_alone_is_no_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(4):
        result(tmp_path / str(number), number, serial_s=0.3 if number == 1 else 0.2)
    text = " ".join(told(capsys, tmp_path)[1].split())
    assert f"only {short(1)} worse: parallel time 0.6" in text
    assert "no steps, one single result apart from the others" in text
    text = " ".join(told(capsys, *(tmp_path / str(number) for number in range(2)))[1].split())
    assert f"{short(1)} worse: parallel time 0.6" in text
    assert "whether it stays is not known yet" in text


def test_a_folder_for_each_commit_whatever_is_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(2):  # two sweeps each, of the same commit
        for part in ("primes", "countdown"):
            folder = result(tmp_path / f"top/{number}/{part}", number, workload=part)
            write_json(folder / SWEEP, {"cells": 1})
    status, text = told(capsys, tmp_path / "top", "--output", tmp_path / "out")
    assert status == 0
    assert "two cells over two results" in text
    assert (tmp_path / "out/history.csv").is_file()
    status, text = told(capsys, f"old={tmp_path / 'top/0'}", f"new={tmp_path / 'top/1'}")
    assert "two results, from old to new" in text


def test_without_commits_the_time_of_measurement_orders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    none = {"git_commit": None, "git_commit_date": None}
    result(tmp_path / "b", 1, facts=none)
    result(tmp_path / "a", 2, facts=none)
    result(tmp_path / "c", 0)
    text = told(capsys, tmp_path)[1]
    assert f"from {short(0)} to a, in order by the time of measurement" in text
    # One commit may be measured several times; those have a number.
    for number in (3, 4):
        own = {"git_commit": commit(9), "git_commit_date": "2026-02-01T00:00:00+01:00"}
        result(tmp_path / f"same/{number}", number, facts=own)
    text = told(capsys, tmp_path / "same")[1]
    assert f"from {short(9)} (1) to {short(9)} (2), in order by the dates" in text


def test_a_cell_that_failed_or_is_missing_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(2):
        result(tmp_path / str(number), number)
    result(tmp_path / "2", 2, status="failed", error="ValueError: no")
    result(tmp_path / "2/more", 2, executor="pool")
    status, text = told(capsys, tmp_path)
    assert status == 0
    assert f"no times in {short(2)}: failed: ValueError: no" in text
    assert "measured once, not shown: primes, pool, n = 2" in text
    frame = pd.read_csv(tmp_path / "history.csv")
    assert frame["status"].tolist() == ["ok", "ok", "ok", "failed"]


def test_times_of_weak_scaling_are_those_that_were_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(2):
        result(tmp_path / str(number), number, scaling="weak", noise=0.001)
    assert told(capsys, tmp_path)[0] == 0
    frame = pd.read_csv(tmp_path / "history.csv")
    assert frame["speedup"].tolist() == pytest.approx([1.8, 1.8], rel=0.01)
    assert frame["serial_s"].tolist() == pytest.approx([0.2, 0.2], rel=0.01)
    assert frame["parallel_s"].tolist() == pytest.approx([0.4 / 1.8] * 2, rel=0.01)


@pytest.mark.parametrize(
    "facts",
    [
        {"git_commit": ["a"]},
        {"git_commit_date": "9999-12-31T23:59:59-23:59"},
        {"git_commit_date": "0001-01-01T00:00:00+23:59"},
        {"git_commit_date": 3},
    ],
)
def test_what_somebody_has_made_of_an_environment_is_taken_as_text(
    facts: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result(tmp_path / "h/a", 1, facts=facts)
    result(tmp_path / "h/b", 2)
    status, text = told(capsys, tmp_path / "h", "--output", tmp_path / "out")
    assert status == 0, text


def test_mistakes_are_a_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (result(tmp_path / str(number), number) for number in range(2))
    pool = result(tmp_path / "pool", 3, executor="pool")
    shutil.copytree(one, tmp_path / "copy")
    (tmp_path / "empty").mkdir()
    cases: list[tuple[tuple[str | Path, ...], int, str]] = [
        ((one,), USAGE, "one result is no history"),
        ((one, one), USAGE, "it has runs that are also in"),
        ((one, f"again={one}"), USAGE, "it has runs that are also in"),
        ((one, tmp_path / "copy"), USAGE, "one is a copy of the other"),
        ((one, tmp_path / "nowhere"), USAGE, "no such folder"),
        ((one, tmp_path / "empty"), USAGE, "no runs here"),
        ((one, "=x"), USAGE, "no folder is named"),
        ((one, pool), NOTHING, "no measured cell in common"),
    ]
    for words, expected, why in cases:
        status, text = told(capsys, *words)
        assert (status, text.count("\n")) == (expected, 1), text
        assert why in text
    with pytest.raises(SystemExit) as end:
        run([str(one), str(other), "--margin", "5"])
    assert end.value.code == USAGE
    assert told(capsys, one, other, "--margin", "5%")[0] == 0


def test_a_fault_of_the_program_has_a_status_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(command, "read_history", fail)
    assert told(capsys, tmp_path)[0] == FAULT
