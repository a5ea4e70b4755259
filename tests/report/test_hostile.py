"""A report on results whose names and errors are made to be something else than text."""

import csv
import re
from pathlib import Path
from xml.etree import ElementTree

from markdown_it import MarkdownIt

from runners.analysis.files import CSV, read_summary
from runners.analysis.laws import fit_laws
from runners.analysis.recommend import recommend
from runners.analysis.summary import summarise
from runners.report.files import run as main
from runners.report.markdown import markdown
from runners.results.read import read_runs
from tests import synthetic
from tests.synthetic import write

TEXT = "# H1\n<script>alert(1)</script> ![x](http://y) | `c` $\\frac{ \x1b[31m\0 \u202e"
PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")


def folder(place: Path, text: str, formula: str) -> Path:
    """Two cells that differ in a parameter, and one that failed."""
    for at, value in enumerate((f"{text} a", f"{formula} b")):
        write(place / str(at), synthetic.runs(parameters={"workload.name": value}, noise=0))
    name = text[: text.find("\n")] if "\n" in text else text
    write(
        place / "2",
        synthetic.runs(workload=name, noise=0, status="failed", error=f"{text}\nTraceback"),
    )
    return place


def shape(text: str) -> list[str]:
    """What the Markdown is made of, but for text."""
    tokens = PARSER.parse(text)
    found = [part.type for token in tokens for part in (token, *(token.children or ()))]
    return [kind for kind in found if not kind.startswith("text")]


def test_text_in_results_is_text_in_every_format(tmp_path: Path) -> None:
    plain = folder(tmp_path / "plain", "abc", "def")
    hostile = folder(tmp_path / "hostile", TEXT, "=1+cmd|' /C calc'!A0")
    runs = read_runs(plain)
    summary = summarise(runs)
    told = [line for found in recommend(summary, runs) for line in found.lines()]
    laws = list(fit_laws(summary, runs))
    assert main([str(hostile)]) == 0
    report = (hostile / "report.md").read_text()
    assert shape(report) == shape(
        markdown(runs, summary, laws, [], recommendations=told, drawn=["seconds"])
    )
    for name in ("speedup.svg", "seconds.svg", "efficiency.svg"):
        ElementTree.parse(hostile / name)
        assert "<script" not in (hostile / name).read_text()
    with (hostile / CSV).open(newline="") as file:
        cells = [cell for line in csv.reader(file) for cell in line]
    assert "'=1+cmd|' /C calc'!A0 b" in cells
    assert not [cell for cell in cells if re.match(r"[=+@\t\r]|-(?!\d|$)", cell)]
    assert f"{TEXT} a" in set(read_summary(hostile / CSV)["workload.name"].dropna())
