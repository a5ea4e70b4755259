"""docs/results.md names every file that is written and every column that is declared.

Its tables of columns are made from the declarations: `python -m tests.test_results_docs` writes
them anew.
"""

import dataclasses
import re
from collections.abc import Sequence
from fnmatch import fnmatch

import pytest

from runners.analysis import columns as of_summary
from runners.model import Span, Timeline
from runners.report.exports import EXPORTS
from runners.report.files import write_report
from runners.report.markdown import table
from runners.results import columns as of_runs
from runners.results.columns import Column
from runners.words.escaping import Markdown
from tests.conftest import ROOT, run_program

pytestmark = pytest.mark.once

PAGE = ROOT / "docs/results.md"
TABLES: dict[str, Sequence[Column]] = {
    "RUNS": of_runs.COLUMNS,
    "IDENTITY": of_summary.IDENTITY,
    "OUTCOME": of_summary.OUTCOME,
    "STATISTICS": of_summary.STATISTICS,
    "RESOURCES": of_summary.RESOURCES,
    "MACHINE": of_summary.MACHINE,
    "FIGURES": of_summary.FIGURES,
    "REMARKS": of_summary.REMARKS,
}
PLACE = re.compile(r"(<!-- columns: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
SMALL = ("measure=quick", "measure.min_rounds=1", "measure.max_rounds=1", "measure.warmup=1")


def columns_table(columns: Sequence[Column]) -> str:
    """The columns as a table in Markdown."""
    return table(
        ["column", "type", "unit", "meaning"],
        ([Markdown(f"`{c.name}`"), c.dtype, c.unit, Markdown(c.meaning)] for c in columns),
    )


def filled(text: str) -> str:
    """The page with its tables of columns as they are declared."""
    return PLACE.sub(lambda place: f"{place[1]}{columns_table(TABLES[place[2]])}\n{place[3]}", text)


def test_the_page_shows_the_declared_columns() -> None:
    text = PAGE.read_text()
    assert [name for _, name, _ in PLACE.findall(text)] == list(TABLES)
    remedy = "python -m tests.test_results_docs writes the tables anew"
    assert filled(text) == text, remedy


def test_its_tables_are_all_columns_of_the_summary() -> None:
    shown = [column for name, part in TABLES.items() if name != "RUNS" for column in part]
    assert shown == list(of_summary.COLUMNS)


def test_it_names_the_fields_of_a_span_in_order() -> None:
    section = PAGE.read_text().partition("## Spans")[2]
    named = re.findall(r"`(\w+)`", section.partition("|---|---|")[2])
    fields = list(Span._fields)
    assert [name for name in named if name in fields] == fields
    for field in dataclasses.fields(Timeline):
        assert f"`{field.name}`" in section


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What a cell measured twice, a sweep and their reports leave; Hydra's by their folder."""
    cwd = tmp_path_factory.mktemp("written")
    cell = ("workload=countdown", "workload.count=500", *SMALL, "hydra.run.dir=one")
    plugins = ("workload=countdown,cube", "workload.count=500", "executor=thread,process")
    sweep = ("-m", *plugins, *SMALL)
    for arguments in (cell, (*cell, "measure.force=true"), (*sweep, "hydra.sweep.dir=sweep")):
        done = run_program(*arguments, cwd=cwd, plugins=False)
        assert done.returncode == 0, done.stderr
    write_report([cwd / "one"], exports=list(EXPORTS), proposal="")
    files = [path for path in cwd.rglob("*") if path.is_file()]
    return {".hydra/" if ".hydra" in path.parts else path.name for path in files}


def named_files() -> dict[str, str]:
    """The names of files on the page, each with a pattern for `fnmatch`; also for the soak."""
    tables = PAGE.read_text().partition("## Files")[2].partition("`python -m experiments`")[0]
    cells = re.findall(r"^\| (`.*?) \|", tables, re.MULTILINE)
    names = {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}
    return {name: name.replace(".N", ".*") for name in names}


def test_every_file_is_named_and_every_name_is_of_a_file(written: set[str]) -> None:
    """Those of the lecture are looked at in test_experiments.py, which has them, and the figure of
    several interpreters in report/test_pythons.py, that of versions in report/test_versus.py,
    what many cells have in report/test_many.py, and the figures of memory, of one's own, of weak
    scaling and of the break-even in report/figures. Profiles are those of results/test_profiles.py.
    """
    patterns = named_files()
    for file in written:
        assert any(fnmatch(file, pattern) for pattern in patterns.values()), file
    for name, pattern in patterns.items():
        elsewhere = {"pythons.png", "pythons.svg", "versus.png", "versus.svg", "versus.csv"}
        elsewhere |= {"details.md", "profile-baseline.json", "profile-measured.json"}
        for figure in ("memory", "plot", "weak", "break_even"):
            elsewhere |= {f"{figure}.png", f"{figure}.svg"}
        assert any(fnmatch(file, pattern) for file in written | elsewhere), name


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
