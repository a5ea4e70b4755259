"""The report's section on two versions of the code, and what the command compares."""

from pathlib import Path

import pytest

from runners.analysis.summary import summarise
from runners.compare import command
from runners.compare.command import run
from runners.report.files import versions_of, write_report
from runners.report.versus import Against, section, terminal
from runners.results.read import read_runs
from runners.results.write import write_json
from runners.words.versions import differing, same_code
from tests import synthetic

OLD, OLDER = "HEAD~1 (1a2b3c4)", "v1 (5d6e7f8)"
WAYS = {("thread", 2): 1.5, ("process", 2): 1.8}


def results(folder: Path, loops: dict[str, float], codes: dict[str, str] | None = None) -> Path:
    for one in synthetic.versions(loops, WAYS):
        synthetic.write(folder / one.cell, [one])
        if codes is not None and not one.cell.startswith("panel-"):
            code = {"mine": codes[one.code_version or ""], "runners.model": "x"}
            write_json(folder / one.cell / "cell.json", {"code": code})
    return folder


def compared(folder: Path) -> list[Against]:
    runs = read_runs(folder)
    return versions_of([folder], summarise(runs), runs)


def test_each_cell_has_a_row_with_its_verdict(tmp_path: Path) -> None:
    folder = results(tmp_path, {"": 1.25, OLD: 1.0}, {"": "a", OLD: "b"})
    written = write_report([folder])
    report = (folder / "report.md").read_text(encoding="utf-8")
    text = report.partition("## Against HEAD\\~1 (1a2b3c4)\n\n")[2].partition("\n\n## ")[0]
    assert "primes, process, n = 2 | worse | 0.8" in text.replace("0.79", "0.80")
    assert "![The ratio of each cell with its interval](versus.png)" in text
    assert "in: code of mine" in text
    assert {"versus.png", "versus.svg"} <= {path.name for path in written.paths}
    last = written.compared[-1]
    assert last == f"here against {OLD}: two cells: 2 worse (ratios above 1 are better)"
    assert "both sides got slower alike" in "\n".join(written.compared)


def test_the_same_code_twice_is_told(tmp_path: Path) -> None:
    folder = results(tmp_path, {"": 1.0, OLD: 1.0}, {"": "a", OLD: "a"})
    told = "the code of primes is the same in both (mine): what differs is noise"
    assert told in [*terminal(compared(folder))]
    assert told in "\n".join(section(compared(folder)))


def test_several_versions_have_a_section_each(tmp_path: Path) -> None:
    folder = results(tmp_path, {"": 1.0, OLD: 1.5, OLDER: 2.0})
    text = "\n".join(section(compared(folder)))
    assert text.count("## Against ") == text.count("2 better") == 2
    assert "(versus.png)" in text
    assert "(versus-2.png)" in text


def test_one_folder_with_one_version_is_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([str(results(tmp_path, {"": 1.0}))]) == command.USAGE
    assert "it holds no two versions of the code" in capsys.readouterr().err


def test_which_version_is_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(results(tmp_path, {"": 1.0, OLD: 1.5, OLDER: 0.5}))
    assert run([folder]) == command.USAGE
    told = capsys.readouterr().err
    assert OLD in told
    assert OLDER in told
    assert run([folder, "--version", "v1", "--fail-on", "worse"]) == command.WORSE
    assert run([folder, "--version", OLD, "--fail-on", "worse"]) == command.NOT_WORSE
    assert run([folder, "--version", "nothing"]) == command.USAGE


def test_beside_another_result_only_what_is_here_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = str(results(tmp_path / "before", {"": 1.0}))
    after = str(results(tmp_path / "after", {"": 1.5, OLD: 1.0}))
    assert run([before, after, "--by", "parallel"]) == command.NOT_WORSE
    out = capsys.readouterr().out
    assert f"after also holds {OLD}: what was here is compared alone" in out
    assert "two cells: 2 worse" in out


def test_older_results_have_no_version(tmp_path: Path) -> None:
    synthetic.write(tmp_path, synthetic.runs())
    assert {*read_runs(tmp_path)["code_version"]} == {""}


def test_modules_of_both_are_held_together() -> None:
    before, after = {"a": "1", "b": "1", "gone": "1"}, {"a": "1", "b": "2", "new": "1"}
    assert differing((before, after)) == ["b", "gone", "new"]
    assert [*same_code([("f", (before, after))])] == []
    ours = {"runners.model": "1"}
    assert [*same_code([("f", (ours, ours)), ("g", (before, before))])] == [
        "the code of f is the same in both: what differs is noise",
        "the code of g is the same in both (a, b, gone): what differs is noise",
    ]
