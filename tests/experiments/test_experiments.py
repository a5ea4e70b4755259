"""The experiments, the program that runs them, and the page that it writes."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from experiments import sweeps
from experiments.catalogue import experiments, row_order
from experiments.language import load
from experiments.program import _left
from experiments.program import run as main
from runners.analysis.claims import Claim, judge, speedup
from runners.command.arguments import count_cells
from runners.model import UsageError
from tests.conftest import ROOT, grid, planned, run_program, start_program

ENGLISH = load()
EXPERIMENTS = {experiment.name: experiment for experiment in experiments(ENGLISH)}
LECTURE = {*(f"L{k}" for k in range(1, 25)), *(f"P{k}" for k in range(1, 4))}
TINY = (
    *(
        "--",
        "workload.count=1000",
        "measure.min_rounds=2",
        "measure.max_rounds=2",
        "measure.warmup=1",
    ),
    *("measure.keep_spans=none", "executor=thread,process", "n=2"),
)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_has_a_question_and_a_claim_for_each_of_its_rows(name: str) -> None:
    experiment = EXPERIMENTS[name]
    assert "?" in experiment.question
    assert set(experiment.rows) <= LECTURE
    assert {row for claim in experiment.claims for row in claim.rows} == set(experiment.rows)
    for claim in experiment.claims:
        assert claim.text.endswith(".")
        assert claim.rows or not claim.lecture


def test_no_row_of_the_lecture_is_missing() -> None:
    covered = {row for experiment in EXPERIMENTS.values() for row in experiment.rows}
    assert LECTURE - covered == set()


@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if EXPERIMENTS[name].claims])
@pytest.mark.usefixtures("make_plan")  # initialises Hydra
def test_every_claim_is_about_one_cell_of_the_sweep(name: str) -> None:
    argument = f"+experiment={name}"
    rows: list[dict[str, Any]] = []
    cells = grid(argument)
    for overrides in cells.combinations(EXPERIMENTS[name].params, [argument]):
        try:
            plan = planned(cells.config(overrides, len(rows)))
        except UsageError as error:
            told = dict(text.split("=") for text in overrides)
            rows.append({"status": "unsupported", "error": str(error), **_refused(told)})
            continue
        identity = {"workload": plan.workload, "executor": plan.executor, "n": plan.n}
        identity |= {"gil": plan.gil != "off", "placement": plan.placement}
        rows.append({**identity, "scaling": plan.scaling, "status": "ok", **plan.parameters})
    assert len(rows) == EXPERIMENTS[name].cells
    summary = pd.DataFrame(rows).assign(speedup=1.0, speedup_low=1.0, speedup_high=1.0)
    for claim in EXPERIMENTS[name].claims:
        assert claim.criterion.cells
        for cell in claim.criterion.cells:
            found = judge(Claim("", (), speedup(cell)), summary)
            words = ENGLISH.said(found.measured)
            assert found.verdict == "result" or "unsupported" in words, words


def _refused(overrides: dict[str, str]) -> dict[str, Any]:
    """What the row of a refused cell still has."""
    known: dict[str, Any] = {
        key: overrides[key]
        for key in ("workload", "executor", "n", "placement")
        if key in overrides
    }
    return known | ({"n": int(known["n"])} if "n" in known else {})


def test_an_override_takes_the_place_of_an_experiments_parameter() -> None:
    params = {"n": "1,2", "executor": "thread,process"}
    assert count_cells(params, []) == 4
    assert count_cells(params, ["n=1,2,4", "workload.count=5"]) == 6
    assert count_cells(params, ["n=2", "executor=pool"]) == 1


def test_the_order_is_that_of_the_lecture() -> None:
    names = list(EXPERIMENTS)
    assert names.index("gil") < names.index("break_even")
    rows = [(), ("P1",), ("L13",), ("L2", "L15")]
    assert sorted(rows, key=row_order) == [("L2", "L15"), ("L13",), ("P1",), ()]


def test_the_list_names_question_and_rows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    listed = capsys.readouterr().out
    head = "gil (L13, L14, L19; cells: 4, up to 0:26)"
    assert f"{head}\n    Do threads make pure Python code faster" in listed
    assert all(f"\n{name} (" in f"\n{listed}" for name in EXPERIMENTS)
    assert main(["--help"]) == 0
    helped = capsys.readouterr().out
    assert helped.startswith("usage: python -m experiments")
    assert helped.endswith(f"\nExperiments:\n{listed}")
    assert main(["--list", "gil"]) == 0
    assert "break_even" not in capsys.readouterr().out


def test_an_unknown_name_is_one_line_with_the_choices(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gil", "gli"]) == 2
    error = capsys.readouterr().err
    assert error == (
        "error: gli: there is no such experiment (did you mean gil?); choose from "
        f"{', '.join(sorted(EXPERIMENTS))}\n"
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `python -m experiments gil` leaves, measured small and quickly."""
    cwd = tmp_path_factory.mktemp("lecture")
    done = run_program("gil", "--quick", "--output=out", *TINY, cwd=cwd, module="experiments")
    assert done.returncode == 0, done.stderr
    assert re.search(r"1/1  gil .* \d+ s\n", done.stdout)
    assert re.search(r"^L19  .*  (holds|does not hold|undecided)", done.stdout, re.MULTILINE)
    assert "out/lecture.html" in done.stdout
    assert not list(cwd.rglob("report.md"))  # each sweep would take seconds to write its own
    return cwd / "out"


def test_one_more_is_added_to_the_page(folder: Path, tmp_path: Path) -> None:
    page = shutil.copytree(folder, tmp_path / "out") / "lecture.md"
    before = page.read_text()
    words = ("threads_two_ways", "--quick", "--output=out", *TINY)
    done = run_program(*words, cwd=tmp_path, module="experiments")
    assert done.returncode == 0, done.stderr
    assert "L19" not in done.stdout  # what is told is what was measured
    after = page.read_text()
    assert "to come" not in after.lower()
    sections = re.findall(r"^## (\w+)", after, re.MULTILINE)
    assert [name for name in sections if name in EXPERIMENTS] == sorted(
        ("gil", "threads_two_ways"), key=list(EXPERIMENTS).index
    )
    assert set(before.splitlines()) - set(after.splitlines()) <= {*before.splitlines()[:9]}
    html = page.with_suffix(".html").read_text()
    assert re.findall(r'<h2 id="(\w+)">', html)[:2] == ["threads_two_ways", "gil"]
    assert (page.parent / "gil.html").read_bytes() == (folder / "gil.html").read_bytes()


def test_its_files_are_in_the_documentation(folder: Path) -> None:
    page = (ROOT / "docs/results.md").read_text()
    found = {path.name for path in folder.iterdir() if path.is_file()}
    assert found == {"lecture.md", "lecture.html", "gil.html", "gil-speedup.png"}
    assert (folder / "gil/output.txt").is_file()
    for name in ("lecture.md", "lecture.html", "NAME.html", "NAME-FIGURE.png", "NAME/output.txt"):
        assert f"`{name}`" in page


def test_the_page_has_a_verdict_for_every_claim(folder: Path) -> None:
    text = (folder / "lecture.md").read_text()
    verdicts = [line for line in text.splitlines() if line.startswith(("| L", "| new"))]
    claims = sorted(EXPERIMENTS["gil"].claims, key=lambda claim: row_order(claim.rows))
    assert len(verdicts) == len(claims)
    for line, claim in zip(verdicts, claims, strict=True):
        row, words, lecture, measured, _, verdict, link = line[2:-2].split(" | ")
        assert (row, words, lecture) == (", ".join(claim.rows) or "new", claim.text, claim.lecture)
        assert re.search(r"\d", measured)
        assert verdict in ("holds", "does not hold", "undecided", "result", "not for this Python")
        assert link == "[gil](#gil)"
    assert "python -m experiments gil --quick -- workload.count=1000" in text
    assert "python_version: " in text
    [figure] = re.findall(r"!\[.*\]\((.*)\)", text)
    assert (folder / figure).read_bytes().startswith(b"\x89PNG")


def test_a_finished_cell_is_not_measured_again(folder: Path) -> None:
    before = [path.read_bytes() for path in sorted(folder.rglob("runs.jsonl"))]
    done = run_program(
        "gil", "--quick", "--output=out", *TINY, cwd=folder.parent, module="experiments"
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "gil/output.txt").read_text().count("reused") == len(before) == 2
    assert [path.read_bytes() for path in sorted(folder.rglob("runs.jsonl"))] == before


def test_an_experiment_that_cannot_be_run_is_said_and_the_page_written(tmp_path: Path) -> None:
    few = ("measure.time_budget_s=600", "measure.min_rounds=1", "measure.max_rounds=1")
    words = ("pool", "gil", "--output=.", "--", *few, "measure.interpreters=1")
    count = "workload.count=1000"  # which one of them has
    done = run_program(*words, count, cwd=tmp_path, module="experiments")
    assert done.returncode == 1
    assert done.stdout.startswith(
        "Experiments: 2, cells: 5. Measuring takes up to 50:00, by the time budgets of 600 s a "
        "cell; starting takes some more; that is longer than 15 minutes in all"
    )
    assert "Traceback" not in done.stderr + done.stdout
    text = (tmp_path / "lecture.md").read_text()
    assert re.search(r"\*\*Not measured: .*count", text)
    assert text.count("| not measured |") == len(EXPERIMENTS["pool"].claims)


def test_what_no_experiment_takes_is_told_once_and_nothing_is_written(tmp_path: Path) -> None:
    done = run_program("--output=out", "--", "nonsense=1", cwd=tmp_path, module="experiments")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "nonsense: there is no such key" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_will_take_longer_says_so() -> None:
    assert _left(125, 60, ENGLISH) == "about 2:05 left"
    assert _left(600, 301, ENGLISH) == (
        "about 10:00 left; that is longer than 15 minutes in all, the most on two idle CPUs"
    )


def test_the_whole_lecture_fits_into_a_quarter_of_an_hour() -> None:
    cells = sum(one.cells for one in EXPERIMENTS.values() if one.claims and not one.by_name)
    assert cells * (sweeps.budget_s() + 1) <= sweeps.LONGEST_S
    assert sweeps.budget_s(quick=True) < sweeps.budget_s()
    assert sweeps.budget_s(overrides=["measure.time_budget_s=2,30", "n=2"]) == 30


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_request_to_stop_ends_it_and_says_how_to_go_on(tmp_path: Path, number: int) -> None:
    endless = ("measure.min_rounds=100000", "measure.max_rounds=100000", "measure.time_budget_s=90")
    words = ("gil", "--output=out", "--", "workload.count=1000", *endless)
    with start_program(*words, cwd=tmp_path, module="experiments") as program:
        while not (begun := list(tmp_path.glob("out/gil/*/runs.jsonl"))):  # in random order
            assert not program.has_ended
            time.sleep(0.05)
        os.kill(program.pid, number)
        done = program.ended(timeout_s=30)
    assert done.returncode == 128 + number
    assert done.stderr == "interrupted; what was measured is in out\ngo on with the same command\n"
    rows = begun[0].read_text().splitlines()
    assert '"interrupted"' in rows[-1]


def test_a_runner_does_not_outlive_the_experiments_that_started_it(tmp_path: Path) -> None:
    """On Linux, where a process can ask for that."""
    if sys.platform != "linux":
        pytest.skip("there is no such request on this system")
    code = "import os; from runners.door import end_with_parent; "
    code += f"end_with_parent(os.getppid()); open({str(tmp_path / 'pid')!r}, 'w').write('there'); "
    code += "import time; time.sleep(60)"
    parent = (
        "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', sys.argv[1]]).pid, "
        "flush=True); import time; time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent, code], stdout=subprocess.PIPE, cwd=ROOT, text=True
    ) as started:
        assert started.stdout is not None
        pid = int(started.stdout.readline())
        while not (tmp_path / "pid").exists():
            time.sleep(0.02)
        started.kill()
    for _ in range(200):
        if not Path(f"/proc/{pid}/stat").exists() or "Z" in state(pid):
            return
        time.sleep(0.02)
    raise AssertionError("it goes on")


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"
