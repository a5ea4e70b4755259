"""The lecture's pages, from made-up outcomes."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.figure import Figure

from experiments.catalogue import Experiment, experiments
from experiments.language import load
from experiments.page import TO_COME, Outcome, counted, section, write_page
from experiments.page.line import drawn
from experiments.page.source import source
from runners.analysis.claims import Changed, Claim, Judgement, as_it_is, judge, speedup
from runners.analysis.interval import Interval
from runners.model import Environment
from runners.report.page.render import policy
from tests import synthetic

ENGLISH = load()
EXPERIMENTS = experiments(ENGLISH)
HOSTILE = "</style><script>alert(1)</script>"


class Reader(HTMLParser):
    """Checks that what is opened is closed, and collects attributes and texts."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def values(self, name: str) -> list[str]:
        return [str(value) for key, value in self.attributes if key == name]


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    return reader


def measured(name: str, value: float) -> dict[str, float]:
    return {f"metric.{name}{end}": value for end in ("", "_low", "_high", "_max")}


def no_figures(summary: pd.DataFrame) -> Mapping[str, Figure]:
    return {}


def outcome(
    summary: pd.DataFrame,
    *claims: Claim,
    figures: Any = no_figures,
    failure: str = "",
    name: str = "gil",
) -> Outcome:
    """What an experiment found out in that summary; without one all is undecided."""
    experiment = Experiment(
        name, "Is it?", ("L2",), claims, figures, {}, code=("runners.workloads.countdown:count",)
    )
    unjudged = Judgement("undecided", as_it_is("<b>1|2</b>"))
    judgements = [(claim, unjudged if summary.empty else judge(claim, summary)) for claim in claims]
    return Outcome(experiment, ["python"], summary, [], judgements, failure)


def page(folder: Path, *outcomes: Outcome, left: str = "") -> tuple[str, str]:
    """lecture.md and lecture.html."""
    write_page([section(one, ENGLISH) for one in outcomes], folder, ENGLISH, left)
    return (folder / "lecture.md").read_text(), (folder / "lecture.html").read_text()


CLAIM = Claim("it_is", ("L13",), speedup({}).above(1.5), "It *is*.")
NOTHING = pd.DataFrame()


def test_a_figure_that_fails_does_not_cost_the_page(tmp_path: Path) -> None:
    def figures(summary: pd.DataFrame) -> dict[str, Figure]:
        raise KeyError("workload.lock")

    frame = synthetic.summary(
        {
            **{"workload": "point", "status": "failed", "error": "it failed", "rounds": 0},
            **measured("torn_reads", 3.0),
            **measured("wake_s", 0.002),
            **measured("mb_per_s", 900.0),
        }
    )
    text, html = page(tmp_path, outcome(frame, figures=figures))
    assert "The figure could not be drawn: KeyError: 'workload.lock'" in text
    assert "The figure could not be drawn: KeyError: &#39;workload.lock&#39;" in html
    besides = "failed: it failed; 3 torn reads; wake 2.00 ms [2.00, 2.00]; 900 MB/s"
    assert f"<td>{besides}</td>" in html


def test_a_story_has_all_its_parts_and_its_code_in_colours(tmp_path: Path) -> None:
    figure = Figure()
    figure.subplots().plot([1, 2])
    summary = synthetic.summary({"speedup": 1.6, "speedup_low": 1.55, "speedup_high": 1.7})
    found = outcome(summary, CLAIM, figures=lambda summary: {"speedup": figure})
    _, html = page(tmp_path, found)
    reader = read(html)
    order = ["Is it?", "What the lecture said", "How it is tried here", "c</span> <span"]
    order += ['aria-labelledby="gil-speedup-title"', "1.60× [1.55, 1.70]", ">Why<"]
    order += ["What has changed since", "Repeat it:", '<table class="verdicts">', "Environment"]
    places = [html.index(part) for part in order]
    assert places == sorted(places)
    assert {"holds", "line", "k"} <= set(reader.values("class"))
    assert {"gil", "verdicts"} <= set(reader.values("id"))
    assert (tmp_path / "gil-speedup.png").read_bytes().startswith(b"\x89PNG")


def test_a_page_stands_alone_and_each_experiment_has_one(tmp_path: Path) -> None:
    outcomes = [outcome(NOTHING, CLAIM), outcome(NOTHING, CLAIM, name="waiting")]
    _, html = page(tmp_path, *outcomes)
    alone = (tmp_path / "waiting.html").read_text()
    for text in (html, alone):
        reader = read(text)
        assert not reader.values("src")
        assert "<script" not in text
        style = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
        assert len(style) == 1
        assert policy(style[0], "").replace("'", "&#39;") in text
    assert set(read(html).values("href")) == {
        *("#verdicts", "#gil", "#waiting", "gil.html", "waiting.html")
    }
    assert set(read(alone).values("href")) == {"lecture.html#waiting"}
    assert "web server" in alone
    assert "80,000,000" not in alone


def test_what_is_to_come_is_listed(tmp_path: Path) -> None:
    found = outcome(NOTHING, CLAIM, failure=TO_COME, name="made_up")
    text, html = page(tmp_path, found, left="about 0:40 left")
    assert "**Still to come (about 0:40 left): made_up.**" in text
    assert "Still to come (about 0:40 left): made_up." in html
    for one in (text, html):
        assert "To come." in one
        assert "not measured" not in one.lower().replace("not measured, with", "")


def test_rows_are_sorted_and_markup_is_text(tmp_path: Path) -> None:
    claims = [
        Claim("it_is", rows, speedup({}), "It *is*.") for rows in ((), ("L13",), ("L2", "L3"))
    ]
    text, html = page(tmp_path, outcome(NOTHING, *claims, failure=HOSTILE))
    rows = re.findall(r"^\| (new|L\d+[^|]*?) \|", text, re.MULTILINE)
    assert rows == ["L2, L3", "L13", "new"]
    assert "**Not measured: " in text
    assert "<b>" not in html
    assert "&lt;b&gt;1|2&lt;/b&gt;" in html
    assert "<script" not in html
    assert "Not measured: &lt;/style&gt;&lt;script&gt;" in html


def cell(**columns: Any) -> pd.DataFrame:
    numbers = {"speedup": 0.868, "speedup_low": 0.86, "speedup_high": 0.87, "python": "3.13.1"}
    return synthetic.summary({**numbers, **columns})


def test_a_busy_machine_is_told_on_top_and_decides_nothing(tmp_path: Path) -> None:
    quiet, busy = cell(others_share=0.01), cell(others_share=0.63)
    text, html = page(tmp_path / "quiet", outcome(quiet, CLAIM))
    assert "does not hold: 1." in text
    assert "Busy machine" not in text + html
    text, html = page(tmp_path / "busy", outcome(busy, CLAIM), outcome(quiet, name="waiting"))
    warning = "Busy machine: other load took up to 63% of the CPUs while 1 of 2 cells were measured"
    assert warning in text
    assert html.index(warning) < html.index("<nav")
    assert "undecided: 1." in text
    assert "0.868× [0.860, 0.870]; other load took 63% of the CPUs" in html
    assert warning.replace("1 of 2", "1 of 1") in (tmp_path / "busy/gil.html").read_text()
    assert "Busy machine" not in (tmp_path / "busy/waiting.html").read_text()


def test_what_python_has_changed_is_no_failure(tmp_path: Path) -> None:
    claims = [
        Claim("a", ("L6",), speedup({}).above(1.5), "One.", changed=Changed("3.2")),
        Claim("b", (), speedup({}).above(1.5), "Two.", python="3.11"),
    ]
    text, html = page(tmp_path, outcome(cell(), *claims))
    assert "| was true, changed in Python 3.2 |" in text
    assert '<td data-column="verdict" class="verdict">was true, changed in Python 3.2</td>' in html
    assert '<li class="changed">' in html
    assert '<li class="other-python"><span class="verdict">not for this Python</span>' in html
    assert "was true, changed since: 1, not for this Python: 1." in html
    assert "does-not-hold" not in html.partition("</style>")[2]


def test_what_there_is_none_of_is_not_counted() -> None:
    found = [Judgement("holds", as_it_is("")), Judgement("result", as_it_is(""))]
    assert counted(found, ENGLISH) == "holds: 1, result: 1"


def test_machines_are_told_once_with_what_differs(tmp_path: Path) -> None:
    found = outcome(NOTHING, CLAIM)
    places = [Environment({"hostname": "a", "git_commit": str(k)}, 2.0) for k in (1, 1, 2)]
    both = Outcome(found.experiment, [], NOTHING, places, found.judgements, "")
    _, html = page(tmp_path, both)
    assert html.count("<dt>hostname</dt>") == 1
    assert "<dt>git_commit</dt><dd>1; 2</dd>" in html


def test_a_line_shows_what_is_claimed_and_what_was_measured() -> None:
    shown = drawn(Interval(2.0, 1.0, 4.0), (2.3, float("inf")))
    assert 'class="claimed" d="M100 2H200V14H100z"' in shown
    assert 'class="interval" d="M43.48 8H173.9"' in shown
    exact = drawn(Interval(0.0, 0.0, 0.0), (0.0, 0.0))
    assert exact == ""  # nothing to scale by
    assert drawn(Interval(float("nan"), 0, 0), (1, 2)) == ""
    assert drawn(None, None) == ""
    without = drawn(Interval(1.6, float("nan"), float("inf")), (1.0, 1.74))
    assert 'class="interval" d="M159.9 8H159.9"' in without


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda one: one.name)
def test_the_code_of_an_experiment_is_there_and_short(experiment: Experiment) -> None:
    lines = [source(name).splitlines() for name in experiment.code]
    assert lines
    assert all(2 <= len(each) <= 24 for each in lines)
    assert all(each[0].startswith(("def ", "async def ", "class ")) for each in lines)
