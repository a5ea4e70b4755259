"""`python -m runners.compare`: what it says and returns, from real files of made-up runs."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from runners.compare import command
from runners.compare.command import FAULT, INCONCLUSIVE, NOT_WORSE, NOTHING, USAGE, WORSE, run
from runners.compare.side import read_side
from runners.model import SCHEMA, Environment, Run
from runners.results.columns import IDENTITY, RUNS
from runners.results.write import write_environment, write_json
from tests import synthetic
from tests.conftest import run_program

IDENTICAL: Mapping[str, Any] = {
    "code": {"mymodule": "0123"},
    "packages": {},
    "python": "CPython 3.13.1",
    "machine": "x86_64 A",
    "usable_cpus": 2.0,
}


def cell(
    folder: Path, name: str = "cell", identity: Mapping[str, Any] | None = IDENTICAL, **facts: Any
) -> Path:
    """A cell's folder, as a program leaves it; its runs are those of `synthetic.runs`."""
    quiet = {"noise": 0.003, "rounds": 20, "processes": 5}
    synthetic.write(folder / name, synthetic.runs(**{**quiet, **facts}))
    if identity is not None:
        write_json(folder / name / IDENTITY, dict(identity))
    write_environment(folder / name, Environment({"hostname": "here"}, 2.0))
    return folder


@pytest.fixture(autouse=True, scope="module")
def _each_folder_is_read_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "read_side", cache(read_side))
        yield


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result that no test changes."""
    return cell(tmp_path_factory.mktemp("results") / "before")


def told(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    """The exit status, and all that was printed."""
    status = run([str(word) for word in words])
    out, err = capsys.readouterr()
    return status, out + err


def test_a_slower_cell_is_worse(
    before: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = {**IDENTICAL, "code": {"mymodule": "4567"}}
    after = cell(tmp_path / "after", identity=changed, serial_s=0.22, seed=1)
    status, text = told(capsys, before, after, "--margin", "2%")
    assert status == NOT_WORSE  # no gate was asked for
    assert "after differs from before in: code of mymodule\n" in text
    assert "primes, thread, n = 2: both sides got slower alike" in text
    assert "one cell: 1 worse" in text
    assert told(capsys, before, after, "--margin=2%", "--fail-on", "worse")[0] == WORSE
    assert told(capsys, after, before, "--margin=2%", "--fail-on=inconclusive")[0] == NOT_WORSE


def test_a_speedup_that_rose_because_serial_got_slower_is_no_gain(
    before: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    after = cell(tmp_path / "after", serial_s=0.24, speedup=1.8 * 1.2, seed=1)
    _, text = told(capsys, before, after, "--margin", "5%")
    assert "the speedup rose because the plain loop got slower" in text
    assert "1 not worse" in text  # its parallel times are what they were
    assert "1 better" in told(capsys, before, after, "--margin=5%", "--by=speedup")[1]


def test_on_another_machine_or_python_the_speedups_lead(
    before: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = cell(tmp_path / "m", identity={**IDENTICAL, "machine": "x86_64 B"}, serial_s=0.1)
    _, text = told(capsys, before, machine)
    assert "machine: x86_64 A, now x86_64 B" in text
    assert "on the speedup" in text
    assert "worse" not in text.replace("not worse", "")
    newer = {**IDENTICAL, "python": "CPython 3.15.0"}
    python = cell(tmp_path / "p", identity=newer, python="3.15.0", seed=1)
    _, text = told(capsys, before, f"new={python}")
    assert "new differs from before in: python: CPython 3.13.1, now CPython 3.15.0" in text
    assert "on the speedup" in text
    same = cell(tmp_path / "s", seed=1)
    assert "on the parallel time" in told(capsys, before, same)[1]


def test_a_node_of_another_kind_is_another_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where the processors have one name: this one has half of the CPUs."""
    folders = [cell(tmp_path / name, seed=at) for at, name in enumerate("ab")]
    for folder, cpus in zip(folders, (256, 128), strict=True):
        facts = {"hostname": "here", "cpu_model_name": "EPYC 7763", "cpu_count": cpus}
        write_environment(folder / "cell", Environment(facts, 2.0))
    _, text = told(capsys, *folders)
    assert "b differs from a in: node: EPYC 7763, 256 CPUs, now EPYC 7763, 128 CPUs" in text
    assert "on the speedup" in text


def test_what_cannot_be_told_is_inconclusive(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = (cell(tmp_path / str(k), noise=0.3, seed=k) for k in (1, 2))
    words = one, other, "--margin", "1%"
    assert told(capsys, *words)[0] == NOT_WORSE
    assert told(capsys, *words, "--fail-on", "worse")[0] == NOT_WORSE
    assert told(capsys, *words, "--fail-on", "worse,inconclusive")[0] == INCONCLUSIVE


def test_a_cell_that_failed_fails_the_gate_and_others_are_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = cell(cell(tmp_path / "before"), "four", n=4)
    after = cell(tmp_path / "after", status="failed", error="ValueError: no")
    cell(after, "weak", scaling="weak")
    status, text = told(capsys, before, after, "--fail-on", "worse")
    assert status == WORSE
    assert "failed: ValueError: no" in text
    assert "one cell: 1 failed" in text
    assert "only in before, not compared: primes, thread, n = 4" in text
    assert "only in after, not compared: primes, weak scaling, thread, n = 2" in text
    assert told(capsys, before, after)[0] == NOT_WORSE


def test_times_and_speedups_of_weak_scaling_are_those_of_the_report(tmp_path: Path) -> None:
    one, other = (cell(tmp_path / name, scaling="weak", seed=at) for at, name in enumerate("ab"))
    assert run([str(one), str(other), "--output", str(tmp_path)]) == NOT_WORSE
    [row] = pd.read_csv(tmp_path / "compare.csv").to_dict("records")
    assert row["speedup_before"] == pytest.approx(1.8, rel=0.01)
    assert row["parallel_s_after"] == pytest.approx(2 * 0.2 / 1.8, rel=0.01)


def test_one_that_failed_before_too_or_is_supported_nowhere_is_not_counted_as_worse(
    before: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = (cell(tmp_path / name, status="unsupported", error="no") for name in "ab")
    assert told(capsys, one, other, "--fail-on", "worse")[0] == NOT_WORSE
    assert told(capsys, one, other, "--fail-on", "inconclusive")[0] == INCONCLUSIVE
    assert told(capsys, before, other, "--fail-on", "worse")[0] == WORSE


def write_rows(folder: Path, runs: list[Run], **changed: object) -> Path:
    """As another version of the program wrote them."""
    folder.mkdir(parents=True)
    rows = [json.dumps({**run.row(), **changed}) for run in runs]
    (folder / RUNS).write_text("\n".join(rows) + "\n")
    return folder


def test_results_of_older_versions_are_compared_by_what_they_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = write_rows(tmp_path / "old", synthetic.runs(), schema=1)
    status, text = told(capsys, old, cell(tmp_path / "new", seed=1))
    assert status == NOT_WORSE
    assert "old: 1 of 1 cells have no cell.json" in text
    assert "whether both were measured on the same machine is not known" in text
    assert "on the speedup" in text


def test_mistakes_are_a_line_each(
    before: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    newer = write_rows(tmp_path / "newer", synthetic.runs(), schema=SCHEMA + 1)
    other = cell(tmp_path / "other", executor="pool")
    shutil.copytree(before, tmp_path / "copy")
    cases: list[tuple[tuple[str | Path, ...], int, str]] = [
        ((before, before), USAGE, "it is the same folder"),
        ((before, f"again={before}"), USAGE, "it is the same folder"),
        ((before, before / "cell"), USAGE, "it is the same folder"),
        ((tmp_path, other), USAGE, "it has runs that are also in"),
        ((before, tmp_path / "copy"), USAGE, "the very same runs"),
        ((before, tmp_path / "nowhere"), USAGE, "no such folder"),
        ((before, tmp_path / "empty"), USAGE, "no runs here"),
        ((before, tmp_path / "file"), USAGE, "it is a file"),
        ((before, other, "--output", tmp_path / "file/x"), USAGE, "file is a file; name a folder"),
        ((before, newer), USAGE, f"schema {SCHEMA + 1}"),
        ((before, "=x"), USAGE, "no folder is named"),
        ((f"a={before}", f"a={other}"), USAGE, "two results have this name"),
        ((before, other, "--across=size"), USAGE, "neither result has this parameter"),
        ((before, other), NOTHING, "no cell in common (executor: thread, and pool)"),
    ]
    for words, expected, why in cases:
        status, text = told(capsys, *words)
        assert (status, text.count("\n")) == (expected, 1), text
        assert why in text


def test_a_result_that_cannot_be_read_in_part_is_refused(
    before: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its other cells alone would pass a gate."""
    after = cell(cell(tmp_path / "after"), "four", n=4)
    allowed = os.access

    def access(path: Path, mode: int) -> bool:  # whoever runs the tests may be allowed everything
        return Path(path).parent.name != "four" and allowed(path, mode)

    monkeypatch.setattr(os, "access", access)
    status, text = told(capsys, before, after)
    assert (status, text.count("\n")) == (USAGE, 1)
    assert f"{after}/four/runs.jsonl: it cannot be read (Permission denied)" in text


@pytest.mark.parametrize(
    "words",
    [["--margin", "5"], ["--margin=-1%"], ["--fail-on", "better"], ["--fial-on=worse"], ["a", "b"]],
)
def test_options_are_checked(
    before: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        run([str(before), str(before), *words])
    assert end.value.code == USAGE
    assert capsys.readouterr().err.count("\n") == 1


def test_a_fault_of_the_program_is_told_from_a_cell_that_is_worse(
    before: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "read_side", lambda _: 1 / 0)
    assert run([str(before), str(cell(tmp_path / "after"))]) == FAULT


def test_files_are_written_where_asked_and_nowhere_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = cell(tmp_path / "before"), cell(tmp_path / "after", speedup=1.8 / 1.1, seed=1)
    for folder in (before, after):
        cell(folder, "one", n=1, speedup=0.95, seed=2 if folder == before else 3)
        cell(folder, folder.name, n=4, parameters={"workload.size": f"=|{folder.name}"})
    kept = sorted(tmp_path.rglob("*"))
    told(capsys, before, f"a|b={after}", "--margin=2%")
    assert sorted(tmp_path.rglob("*")) == kept
    told(capsys, before, f"a|b={after}", "--margin=2%", "--output", tmp_path / "out")
    names = ["compare.csv", "compare.md", "compare.png", "compare.svg"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    text = (tmp_path / "out/compare.md").read_text()
    assert text.startswith("### a\\|b against before: two cells: 1 worse, 1 not worse\n")
    assert text.count("<details>") == text.count("</details>") == 4
    table = pd.read_csv(tmp_path / "out/compare.csv")
    assert table["outcome"].tolist() == ["not worse", "worse", "only in before", "only in a|b"]
    worse = table.iloc[1]
    assert worse["parallel_ratio_high"] < 1 / 1.02
    assert worse["parallel_ratio"] == pytest.approx(1 / 1.1, rel=0.01)
    assert "=" not in {str(name)[0] for name in table["name"]}


def test_the_program_itself(before: Path, tmp_path: Path) -> None:
    after = cell(tmp_path / "after", serial_s=0.25, seed=1)
    words = str(before), str(after), "--margin=5%", "--fail-on=worse"
    done = run_program(*words, cwd=tmp_path, module="runners.compare")
    assert (done.returncode, done.stderr) == (WORSE, "")
    assert "after against before: one cell: 1 worse" in done.stdout
