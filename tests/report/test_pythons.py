"""The report of several interpreters: its section, its figure, its files."""

from dataclasses import replace
from pathlib import Path

import pytest

from runners.analysis.across import across
from runners.analysis.compare import Comparison
from runners.analysis.summary import summarise
from runners.model import Run
from runners.report import files as report
from runners.report.pythons import UNPAIRED, section
from runners.results.read import read_runs
from runners.results.write import append
from tests import synthetic

LOOPS = {"3.11.9": 1.0, "3.13.1": 0.8}
METHODS = {"3.11.9": "fork", "3.13.1": "forkserver"}


def results(folder: Path, *, panel: bool = True) -> Path:
    runs = synthetic.pythons(LOOPS, {("thread", 1): 0.98, ("process", 2): 1.7}, panel=panel)
    refused = synthetic.runs(
        executor="interpreters",
        python="3.11.9",
        order=0,
        build=synthetic.BUILD,
        rounds=1,
        status="unsupported",
        error="needs Python 3.14",
    )
    for run in [*map(_started, runs), refused[-1]]:
        append(folder / run.cell, run)
    return folder


def _started(run: Run) -> Run:
    if run.executor != "process" or run.python is None:
        return run
    method = {"executor.start_method": METHODS[run.python]}
    return replace(run, parameters={**run.parameters, **method})


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, report.Report]:
    folder = results(tmp_path_factory.mktemp("several"))
    return folder, report.write_report([folder])


def shown(folder: Path) -> str:
    text = (folder / "report.md").read_text(encoding="utf-8")
    return text.partition("## Across interpreters\n\n")[2].partition("\n\n## ")[0]


def fields(line: str) -> list[str]:
    return [field.strip() for field in line.strip("| ").split("|")]


def test_a_table_has_a_row_for_each_interpreter(written: tuple[Path, report.Report]) -> None:
    folder, found = written
    lines = shown(folder).splitlines()
    assert "### primes" in lines
    first, second = [k for k, line in enumerate(lines) if line.startswith("| interpreter |")]
    ways = ["interpreters n = 2", "process n = 2", "thread n = 1"]
    assert fields(lines[first]) == ["interpreter", "plain loop", "against 3.11.9", *ways]
    assert fields(lines[second]) == ["interpreter", "plain loop", *ways]
    names = [fields(line)[0] for line in lines[first + 2 : first + 4]]
    assert names == list(LOOPS)
    assert fields(lines[first + 2])[2:4] == ["1", "unsupported"]
    loop, ratio, absent, process, thread = fields(lines[first + 3])[1:]
    assert loop.startswith("160 ms [") or loop.startswith(("159 ms [", "161 ms ["))
    assert ratio.startswith(("0.79", "0.80"))
    assert ratio.endswith("]")
    assert absent == ""
    assert process.startswith(("1.69 [", "1.70 [", "1.71 ["))
    assert thread.startswith("0.9")
    gain = fields(lines[second + 3])
    assert gain[1].startswith(("1.24 [", "1.25 [", "1.26 ["))
    assert gain[3].startswith("2.1")
    assert found.paths


def test_the_notes_stand_below(written: tuple[Path, report.Report]) -> None:
    folder, _ = written
    said = shown(folder)
    assert "- process: the start method is fork on 3.11.9, forkserver on 3.13.1" in said
    assert UNPAIRED not in said


def test_the_figure_is_written_and_linked(written: tuple[Path, report.Report]) -> None:
    folder, found = written
    assert {"pythons.png", "pythons.svg"} <= {path.name for path in found.paths}
    assert (folder / "pythons.png").stat().st_size
    assert "(pythons.png)" in shown(folder)


def test_each_interpreter_is_named_in_the_tables_and_recommended(
    written: tuple[Path, report.Report],
) -> None:
    folder, found = written
    text = (folder / "report.md").read_text(encoding="utf-8")
    rows = text.partition("## Results")[2].partition("##")[0]
    assert "| primes | process, 3.13.1 | 2 |" in rows
    assert [line.partition(":")[0] for line in found.recommendations] == [
        *("primes on 3.11.9", "primes on 3.13.1", "primes"),
    ]
    assert "the fastest of all interpreters and executors is process n = 2 on 3.13.1" in text


def test_without_common_rounds_it_says_so(tmp_path: Path) -> None:
    runs = read_runs(results(tmp_path, panel=False))
    parts = section(across(summarise(runs), Comparison(runs)), [])
    assert UNPAIRED in parts


def test_nothing_to_compare_has_no_section() -> None:
    """And no figure: `test_report` has the files of one interpreter."""
    assert section([], ["a note"]) == []
