"""Interrupts, resuming and claims on a folder, on the real program in real processes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runners.analysis.summary import summarise
from runners.command.resume import Earlier, begin, following, look
from runners.measuring.processes import descendants, lives
from runners.measuring.tree import marked
from runners.model import Run, Status
from runners.results.claim import claimed, holder
from runners.results.read import read_runs
from runners.results.write import append, write_json
from tests import synthetic
from tests.conftest import PLUGINS, ROOT, MakePlan, run_program, start_program

FEW = ("measure=quick", "measure.min_rounds=2", "measure.max_rounds=2", "measure.time_budget_s=60")
HANGS = ("workload=misbehaving", "measure=quick")


def until(condition: Callable[[], object], what: str, limit_s: float = 30) -> None:
    for _ in range(round(limit_s / 0.05)):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within {limit_s:g} s: {what}")


def rows(folder: Path) -> list[dict[str, object]]:
    """The whole ones: the program may be writing another one."""
    file = folder / "runs.jsonl"
    text = file.read_text() if file.exists() else ""
    return list(map(json.loads, text[: text.rfind("\n") + 1].splitlines()))


def left_over(token: str) -> list[int]:
    """All processes that the program started: they have its environment."""
    return marked(f"SPEEDUP_LAB_TEST={token}")


@pytest.mark.parametrize(
    ("executor", "what", "number"),
    [
        *((name, "nothing", signal.SIGINT) for name in ("pool", "process", "thread")),
        # What is sent to the program does not matter to what it ends, and how.
        ("process", "nothing", signal.SIGTERM),
        *(("pool", "hanging", signal.SIGINT), ("process", "hanging", signal.SIGTERM)),
        *(("thread", "hanging", signal.SIGINT), ("process", "deaf", signal.SIGTERM)),
        *(("thread", "spinning", signal.SIGINT), ("thread", "locked", signal.SIGTERM)),
    ],
)
def test_a_request_to_stop_ends_everything_and_keeps_what_is_done(
    executor: str, what: str, number: signal.Signals, tmp_path: Path
) -> None:
    token = f"{executor}-{what}-{number}"
    with start_program(
        *("workload=misbehaving", f"workload.what={what}", f"executor={executor}"),
        *("measure.time_budget_s=600", "measure.max_rounds=100000", "measure.precision=1e-9"),
        "hydra.run.dir=out",
        cwd=tmp_path,
        SPEEDUP_LAB_TEST=token,
    ) as program:
        # A hanging task may sit in the first run already; the folder is there before that.
        until((tmp_path / "out/cell.json").exists, "the measurement begins")
        if what == "nothing":
            until(lambda: len(rows(tmp_path / "out")) > 3, "some runs are done")
        else:
            time.sleep(0.5)
        before = rows(tmp_path / "out")
        os.kill(program.pid, number)
        os.kill(program.pid, number)  # an impatient user's second one
        done = program.ended(timeout_s=30)
    assert done.returncode == 128 + number
    assert "resume=out" in done.stderr
    assert "Traceback" not in done.stderr
    assert left_over(token) == []
    assert not list((tmp_path / "out").glob(".claim*"))
    after = rows(tmp_path / "out")
    assert after[: len(before)] == before
    assert (after[-1]["status"], after[-1]["ended_by"]) == ("interrupted", "interrupted")
    assert signal.Signals(number).name in str(after[-1]["error"])
    assert (tmp_path / "out/environment.json").exists()


@pytest.mark.parametrize(
    ("executor", "number"),
    [("pool", signal.SIGHUP), ("process", signal.SIGKILL), ("thread", signal.SIGQUIT)],
)
def test_killing_the_program_leaves_nothing(
    executor: str, number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No process, not even one whose environment says nothing, and no temporary folder."""
    token = f"killed-{executor}"
    (temporary := tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("LEFT", str(tmp_path / "left"))
    with start_program(
        *(*HANGS, "workload.what=leaving_and_hanging", f"executor={executor}"),
        "hydra.run.dir=out",
        cwd=tmp_path,
        SPEEDUP_LAB_TEST=token,
    ) as program:
        until((tmp_path / "left").exists, "the measuring process is at work")
        below = descendants(program.pid)
        assert len(below) >= 3
        os.kill(program.pid, number)
        program.ended(timeout_s=30)
    until(lambda: not any(map(lives, below)), "no process is left")
    until(lambda: not list(temporary.glob("speedup-lab-*")), "no folder is left")
    assert left_over(token) == []


def test_what_a_killed_program_leaves_is_read_and_interrupted(tmp_path: Path) -> None:
    token = "killed-at-work"
    with start_program(
        *("workload=misbehaving", "workload.what=nothing", "executor=thread", "hydra.run.dir=out"),
        *("measure.time_budget_s=600", "measure.max_rounds=100000", "measure.precision=1e-9"),
        cwd=tmp_path,
        SPEEDUP_LAB_TEST=token,
    ) as program:
        until(lambda: len(rows(tmp_path / "out")) > 3, "some runs are done")
        os.kill(program.pid, signal.SIGKILL)
        program.ended(timeout_s=30)
    until(lambda: not left_over(token), "no process is left")
    assert [file.name for file in (tmp_path / "out").glob(".claim*")] == [".claim.1"]
    assert holder(tmp_path / "out") is None
    cell = summarise(read_runs(tmp_path / "out")).iloc[0]
    assert cell["status"] == "interrupted"
    assert cell["error"] == "the program ended before the cell did"


def sweep(cwd: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    arguments = ("workload=countdown", "workload.count=1000", "executor=thread,process")
    options = ("n=1,2", "sweep.report=false", *FEW)
    return run_program("-m", *arguments, *options, *more, cwd=cwd)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What that sweep leaves, for tests that begin with a copy of it."""
    folder = tmp_path_factory.mktemp("swept")
    done = sweep(folder, "hydra.sweep.dir=out")
    assert done.returncode == 0, done.stderr
    return folder / "out"


def test_a_sweep_measures_again_only_what_is_missing(swept: Path, tmp_path: Path) -> None:
    shutil.copytree(swept, tmp_path / "out")
    cells = sorted((tmp_path / "out").glob("countdown*/runs.jsonl"))
    first = [cell.read_bytes() for cell in cells]
    assert len(cells) == 4

    done = sweep(tmp_path, "resume=out")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("reused") == 4
    assert [cell.read_bytes() for cell in cells] == first

    cells[0].unlink()
    lines = cells[1].read_text().splitlines()
    last = json.loads(lines[-1]) | {"status": "crashed", "ended_by": "failure"}
    cells[1].write_text("\n".join([*lines[:-1], json.dumps(last)]) + "\n")
    done = sweep(tmp_path, "resume=out")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("reused") == 2
    assert done.stdout.count("measured again, it was crashed") == 1
    assert len(cells[1].with_name("runs.jsonl.1").read_text().splitlines()) == len(lines)
    assert list(summarise(read_runs(tmp_path / "out"))["status"]) == ["ok"] * 4

    done = sweep(tmp_path, "resume=out", "measure.force=true")
    assert done.stdout.count("measured again, measure.force") == 4
    assert sorted((tmp_path / "out").glob("countdown*/runs.jsonl")) == cells


def test_what_differs_is_named_and_the_old_rows_are_kept(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    code = (ROOT / "runners/workloads/countdown.py").read_text()
    (tmp_path / "mine/counting.py").write_text(code)
    (tmp_path / "mine/workload").mkdir()
    yaml = "_target_: counting.Countdown\ncount: 1000\nrepeat: 2\n"
    (tmp_path / "mine/workload/counting.yaml").write_text(yaml)

    def measure(*more: str) -> str:
        done = run_program(
            *(f"--config-dir={tmp_path / 'mine'}", "workload=counting", "n=1", *FEW),
            *("hydra.run.dir=out", *more),
            cwd=tmp_path,
            plugins=False,
            PYTHONPATH=f"{ROOT}:{tmp_path / 'mine'}",
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "reused" not in measure()
    assert "reused" in measure()
    (tmp_path / "mine/counting.py").write_text(code + "\n# changed\n")
    assert "measured again, code of counting" in measure()
    told = measure("measure.seed=2", "workload.count=999")
    assert "measured again, measure.seed: 1, now 2" in told
    assert "workload.parameters.count: 1000, now 999" in told
    assert sorted(path.name for path in (tmp_path / "out").glob("runs.jsonl*")) == [
        *("runs.jsonl", "runs.jsonl.1", "runs.jsonl.2"),
    ]


def test_a_cell_short_of_its_precision_is_continued(tmp_path: Path) -> None:
    cell = ("workload=countdown", "workload.count=20000", "executor=thread", "n=1", "measure=quick")
    more = ("measure.max_rounds=30", "measure.min_rounds=30", "hydra.run.dir=out")
    assert run_program(*cell, *more, "measure.time_budget_s=0.2", cwd=tmp_path).returncode == 0
    first = rows(tmp_path / "out")
    assert first[-1]["ended_by"] == "time budget"
    done = run_program(*cell, *more, "measure.time_budget_s=0.2", cwd=tmp_path)
    assert "continued, short of its precision" in done.stdout
    both = rows(tmp_path / "out")
    assert both[: len(first)] == first
    assert len(both) > len(first)
    keys = [(row["round"], row["role"]) for row in both]
    assert len(set(keys)) == len(keys)
    assert len(set(read_runs(tmp_path / "out")["cell"])) == 1


@pytest.mark.parametrize("end", ["killed", "interrupted"])
@pytest.mark.parametrize(
    ("kept", "outcome"), [(2, "again"), (3, "again"), (4, "continued"), (99, "reused")]
)
def test_a_cell_is_continued_from_its_first_complete_round_on(
    tmp_path: Path, make_plan: MakePlan, kept: int, outcome: str, end: str
) -> None:
    plan = make_plan()
    write_json(tmp_path / "cell.json", plan.identity)
    runs = synthetic.runs(rounds=3, processes=1)  # and a cold one before them
    for run in runs[:kept]:
        append(tmp_path, run)
    if end == "interrupted" and outcome != "reused":
        append(tmp_path, stopped(runs[0], kept // 2))
    earlier = look(tmp_path, plan)
    assert earlier.outcome == outcome
    if outcome != "reused":
        begin(tmp_path, plan, earlier)
    assert (tmp_path / "runs.jsonl").exists() == (outcome != "again")
    assert (tmp_path / "runs.jsonl.1").exists() == (outcome == "again")
    if outcome == "continued":
        walls = {run.role: run.wall_s for run in runs[2:4]}
        [pair] = earlier.rounds
        assert pair.baseline_s == pytest.approx(walls["baseline"])
        assert (pair.measured_s, pair.process) == (walls["measured"], 0)
        assert following(tmp_path) == (2 if end == "killed" else 3, 1)


def stopped(run: Run, number: int) -> Run:
    """The row that ends a cell at a request to stop, in that round."""
    ended = {"status": "interrupted", "ended_by": "interrupted", "error": "interrupted by SIGINT"}
    return replace(run, round=number, wall_s=None, spans=(), **ended)  # type: ignore[arg-type]


def test_a_cell_that_went_on_after_it_was_interrupted_is_ok(tmp_path: Path) -> None:
    runs = synthetic.runs(rounds=6, processes=1)
    first = [replace(run, ended_by=None) for run in runs[:6]]
    rest = [replace(run, round=run.round + 1, process=1) for run in runs[6:]]
    for run in (*first, stopped(runs[0], 3)):
        append(tmp_path, run)
    assert list(summarise(read_runs(tmp_path))["status"]) == ["interrupted"]
    for run in rest[:-1]:  # as it stands when the program is killed the second time
        append(tmp_path, run)
    cell = summarise(read_runs(tmp_path)).iloc[0]
    assert (cell["status"], cell["error"]) == (
        "interrupted",
        "the program ended before the cell did",
    )
    append(tmp_path, rest[-1])
    cell = summarise(read_runs(tmp_path)).iloc[0]
    assert (cell["status"], cell["ended_by"], cell["rounds"]) == ("ok", "precision", 6)
    assert str(cell["error"]) == "nan"


@pytest.mark.parametrize("status", ["incomplete", "timeout", "crashed"])
def test_what_may_not_come_again_is_measured_again(
    tmp_path: Path, make_plan: MakePlan, status: Status
) -> None:
    plan = make_plan()
    write_json(tmp_path / "cell.json", plan.identity)
    for run in synthetic.runs(rounds=3, processes=1, status=status, error="x", ended_by="failure"):
        append(tmp_path, run)
    assert look(tmp_path, plan) == Earlier("again", (), status, "failure")


@pytest.mark.parametrize("damage", [b"[1, 2]", b"5", b"{", b"[" * 100_000, b"\xff\x00"])
def test_a_damaged_identity_is_as_good_as_none(
    tmp_path: Path, make_plan: MakePlan, damage: bytes
) -> None:
    for run in synthetic.runs(rounds=3, processes=1):
        append(tmp_path, run)
    (tmp_path / "cell.json").write_bytes(damage)
    assert look(tmp_path, make_plan()) == Earlier("again")


def test_a_trouble_that_passes_is_measured_again_and_is_no_success(tmp_path: Path) -> None:
    away = ("-m", "executor=away", "executor.shows=made,mapping", "n=1", "sweep.report=false")
    first = run_program(*away, *FEW, "hydra.sweep.dir=out", cwd=tmp_path)
    assert first.returncode == 1, first.stderr
    assert first.stdout.count("incomplete: ") == 2
    again = run_program(*away, *FEW, "resume=out", cwd=tmp_path)
    assert again.returncode == 1, again.stderr
    assert "reused" not in again.stdout
    assert again.stdout.count("measured again, it was incomplete") == 1
    assert again.stdout.count("incomplete: ") == 2
    files = list(tmp_path.rglob("*-away-*/runs.jsonl"))
    errors = [str(rows(file.parent)[-1]["error"]).rpartition(": ")[2] for file in files]
    assert sorted(errors) == ["everybody has gone away", "nobody is there to be asked"]


def test_any_path_can_be_gone_on_with(tmp_path: Path) -> None:
    path = "~o d(=[,é{}'$\"#/x"
    cell = ("workload=countdown", "workload.count=1000", "executor=serial", "n=1", *FEW)
    one = run_program(*cell, f"hydra.run.dir={path}", cwd=tmp_path)
    many = run_program("-m", *cell, f"hydra.sweep.dir={path} 2", "sweep.report=false", cwd=tmp_path)
    assert (one.returncode, many.returncode) == (0, 0), one.stderr + many.stderr
    assert list((tmp_path / f"{path} 2").glob("*/runs.jsonl"))
    (tmp_path / path).rename(tmp_path / f"{path}${{y}}")
    two = run_program(*cell, f"resume={path}${{y}}/", cwd=tmp_path)
    assert two.returncode == 0, two.stderr
    assert "reused, ended by rounds" in two.stdout
    assert len(list(tmp_path.iterdir())) == 1  # nothing has gone elsewhere


def test_a_folder_belongs_to_one_program_at_a_time(tmp_path: Path) -> None:
    words = (*HANGS, "workload.what=hanging", "executor=thread", "hydra.run.dir=out")
    hung = subprocess.Popen(  # from nothing, as a user does
        [sys.executable, "-m", "runners", f"--config-dir={PLUGINS}", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(PLUGINS)])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    until((tmp_path / "out/cell.json").exists, "the folder is claimed")
    second = run_program("n=1", "hydra.run.dir=out", cwd=tmp_path)
    hung.send_signal(signal.SIGTERM)
    hung.communicate()
    assert second.returncode == 2
    told = f"out: another program is measuring into this folder, pid {hung.pid} on "
    assert told in second.stderr
    assert not (tmp_path / "out/.hydra/overrides.yaml").read_text().count("n=1")
    assert len(second.stderr.splitlines()) <= 2


@pytest.mark.parametrize("launcher", ["speedup_lab", "basic"])
def test_a_cell_that_another_measures_or_that_cannot_be_read_is_left_alone(
    launcher: str, tmp_path: Path
) -> None:
    """This very process has one of them, as a job of an earlier sweep might."""
    out = tmp_path / "out"
    write_json(out / "sweep.json", {"cells": 3})
    (out / "2/runs.jsonl").mkdir(parents=True)
    with claimed(out / "1"):
        done = run_program(
            *("-m", "workload=countdown", "workload.count=100", "executor=thread", "n=1,2,4"),
            *(*FEW, "resume=out", "hydra.sweep.subdir=${n}", f"hydra/launcher={launcher}"),
            "sweep.report=false",
            cwd=tmp_path,
        )
        assert rows(out / "1") == []
    assert (done.returncode, done.stderr) == (1, "")
    busy = f"not measured, it is being measured by pid {os.getpid()} on "
    assert done.stdout.count(busy) == 1
    file = out / "2/runs.jsonl"
    assert f"not measured, it cannot be read: {file.relative_to(tmp_path)}" in done.stdout
    assert [path.name for path in (out / "2").iterdir()] == ["runs.jsonl"]
    assert rows(out / "4")[-1]["status"] == "ok"
    assert not list(out.rglob(".claim*"))


def test_a_sweep_out_of_time_leaves_cells_out_and_says_so(tmp_path: Path) -> None:
    done = run_program(
        *("-m", "workload=io_sleep", "executor=thread", "n=1,2,4,8", "hydra.sweep.dir=out"),
        *("measure=quick", "measure.sweep_budget_s=2.5", "sweep.panel=false"),
        cwd=tmp_path,
    )
    assert done.returncode == 1
    statuses = [rows(file.parent)[-1]["status"] for file in (tmp_path / "out").glob("*/runs.jsonl")]
    assert len(statuses) == 4
    assert "ok" in statuses
    assert "left out" in statuses
    left = statuses.count("left out")
    assert done.stdout.count("left out: of measure.sweep_budget_s=2.5") == left
    report = (tmp_path / "out/report.md").read_text()
    assert f"**Not finished: {left} of 4 cells ({left} left out).**" in report
    assert report.count("left out: of measure.sweep_budget_s=2.5") == left


def test_a_report_on_a_part_of_a_sweep_says_what_is_missing(swept: Path, tmp_path: Path) -> None:
    shutil.copytree(swept, tmp_path / "out")
    whole = run_program("out", cwd=tmp_path, module="runners.report")
    assert whole.returncode == 0, whole.stderr
    assert "Not finished" not in whole.stderr + (tmp_path / "out/report.md").read_text()
    first, second, *_ = sorted((tmp_path / "out").glob("countdown*/runs.jsonl"))
    first.unlink()
    unfinished = second.read_text().splitlines()[:-1]
    second.write_text("\n".join(unfinished) + "\n")
    part = run_program("out", cwd=tmp_path, module="runners.report")
    assert part.returncode == 0
    told = "Not finished: 2 of 4 cells (1 interrupted, 1 not begun)."
    assert told in part.stderr
    report = (tmp_path / "out/report.md").read_text()
    assert f"**{told}**" in report
    assert "interrupted: the program ended before the cell did" in report
    assert "Not finished: 2 of 4 cells" in (tmp_path / "out/speedup.svg").read_text()


def test_what_was_left_out_is_measured_when_the_sweep_has_more_time(tmp_path: Path) -> None:
    none = sweep(tmp_path, "hydra.sweep.dir=out", "measure.sweep_budget_s=1e-9")
    assert none.returncode == 1
    assert none.stdout.count("left out: of measure.sweep_budget_s=1e-09 only 0.0 s are left") == 4
    more = sweep(tmp_path, "resume=out", "measure.sweep_budget_s=600")
    assert more.returncode == 0, more.stderr
    assert "again" not in more.stdout
    assert list(summarise(read_runs(tmp_path / "out"))["status"]) == ["ok"] * 4
