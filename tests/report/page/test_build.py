"""The page of made-up results, as a parser of HTML sees it."""

import base64
import hashlib
import re
import tomllib
from collections import Counter
from dataclasses import replace
from fnmatch import fnmatch
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from runners.analysis.recommend import recommend
from runners.analysis.summary import summarise
from runners.model import Environment, Run
from runners.report.entries import entries
from runners.report.page import build
from runners.report.page.figures import MOST_FIGURES
from runners.results.read import read_runs
from runners.results.write import write_environment
from tests import synthetic
from tests.conftest import ROOT

HOSTILE = "</script></style><script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202e\x1b[2J"
VOID = {"meta", "img", "input", "br", "link"}
FIGURE = (
    b'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
    b'width="72pt" height="72pt" viewBox="0 0 72 72"><style>*{fill: red}</style>'
    b'<defs><path id="m1" d="M 0.123456 0" style="fill: #ffffff; font-family: x"/></defs>'
    b'<g id="figure_1"><use xlink:href="#m1" style="stroke: none"/><text>n</text></g></svg>'
)


class Parsed(HTMLParser):
    """All elements with their attributes and the text in them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {}
        self.words: list[str] = []
        self.opened: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), (tag, attrs)
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.opened and self.opened.pop() != tag:  # td, th and tr may be left open
            pass

    def handle_data(self, data: str) -> None:
        if self.opened and self.opened[-1] in ("style", "script"):
            self.inside.setdefault(self.opened[-1], []).append(data)
        else:
            self.words.append(data)

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [
            found
            for name, found in self.elements
            if name == tag and all(found.get(key) == value for key, value in attributes.items())
        ]

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


def page(
    folder: Path, common: Path, runs: pd.DataFrame, summary: pd.DataFrame, **more: Any
) -> bytes:
    return build.page(folder, common, runs, summary, entries(summary), **more)


def written(folder: Path, cells: list[list[Run]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The cells as a sweep would leave them: runs and summary."""
    for at, own in enumerate(cells):
        synthetic.write(folder / str(at), own)
    runs = read_runs(folder)
    return runs, summarise(runs)


def built(folder: Path, cells: list[list[Run]], **more: Any) -> Parsed:
    runs, summary = written(folder, cells)
    return Parsed(page(folder, folder, runs, summary, **more).decode())


def some() -> list[list[Run]]:
    """Two executors with three n, of which one cell failed."""
    made = [
        synthetic.runs(executor=executor, n=n, speedup=0.9 * n)
        for executor in ("thread", "process")
        for n in (1, 2)
    ]
    return [
        *made,
        synthetic.runs(n=4, status="failed", error="Traceback\nValueError: no", rounds=1),
    ]


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Parsed:
    folder = tmp_path_factory.mktemp("results")
    runs, summary = written(folder, some())
    write_environment(folder / "0", Environment({"hostname": "here"}, 2.0))
    (folder / "0" / ".hydra").mkdir()
    (folder / "0" / ".hydra/overrides.yaml").write_text("- workload=primes\n- 'a=it''s'\n")
    figures = {"speedup": FIGURE, "efficiency": FIGURE}
    recommended = recommend(summary, runs)
    made = page(folder, folder, runs, summary, recommended=recommended, figures=figures)
    return Parsed(made.decode())


def test_the_policy_allows_its_own_style_and_script_and_nothing_else(parsed: Parsed) -> None:
    [policy] = parsed.all("meta", **{"http-equiv": "Content-Security-Policy"})
    for tag in ("style", "script"):
        assert len(parsed.all(tag)) == 1
        digest = hashlib.sha256("".join(parsed.inside[tag]).encode()).digest()
        assert f"{tag}-src 'sha256-{base64.b64encode(digest).decode()}'" in str(policy["content"])
    assert str(policy["content"]).startswith("default-src 'none'; ")
    assert "unsafe" not in str(policy["content"])
    own = [name for _, attributes in parsed.elements for name in attributes]
    assert not [name for name in own if name == "style" or name.startswith("on")]


def test_nothing_is_loaded_from_elsewhere(parsed: Parsed) -> None:
    for tag, attributes in parsed.elements:
        for name in ("src", "href", "xlink:href", "action", "data", "srcset"):
            value = attributes.get(name) or ""
            assert not re.match(r"(?!data:image/png)[a-z]+:|//", value, re.I), (tag, attributes)
    assert not parsed.all("link")
    assert "@import" not in "".join(parsed.inside["style"])
    assert "url(" not in "".join(parsed.inside["style"])


def test_ids_are_unique_and_what_refers_to_them_finds_them(parsed: Parsed) -> None:
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert [name for name, count in Counter(ids).items() if count > 1] == []
    wanted = {
        str(attributes[name]).removeprefix("#")
        for _, attributes in parsed.elements
        for name in ("href", "aria-labelledby")
        if name in attributes and (name != "href" or str(attributes[name]).startswith("#"))
    }
    assert {"speedup-m1", "efficiency-m1"} <= wanted <= {*ids}


def test_every_cell_is_in_the_table_and_opens(parsed: Parsed) -> None:
    bodies = [attributes for _, attributes in parsed.elements if "data-f" in attributes]
    assert len(bodies) == len(parsed.all("details")) - 1 == 5  # one is of the answer
    for words in ("ValueError: no", "failed", "primes, process, n = 2", "T₁", "useful", "hostname"):
        assert words in parsed.text
    assert "primes, process: n = 2" in parsed.text
    assert "One cell of 5 not ok: 1 failed." in parsed.text
    assert parsed.all("caption")
    assert all(attributes.get("scope") for attributes in parsed.all("th"))
    assert len(parsed.all("svg", role="img")) == 2 + 5  # figures, and the rounds of cells
    assert parsed.text.count("rings do not count") == 5


def test_a_command_that_repeats_a_cell_is_quoted_for_a_shell(parsed: Parsed) -> None:
    assert "python -m runners workload=primes 'a=it'\"'\"'s'" in parsed.text
    assert "No command repeats it" in parsed.text  # of the others


def test_what_is_alike_is_told_once_and_filters_are_of_what_differs(parsed: Parsed) -> None:
    names = {attributes["name"] for attributes in parsed.all("select")}
    assert names == {"executor", "n", "status", "flag"}
    heads = parsed.text.partition("A cell opens with its name.")[2].split()[:3]
    assert heads == ["Executor", "n", "Speedup"]
    assert "Workload: primes" in parsed.text


def test_names_and_errors_are_text(tmp_path: Path) -> None:
    cells = [
        [replace(run, parameters={"workload.name": f"{HOSTILE}{which}"}) for run in own]
        for which, own in enumerate(
            (
                synthetic.runs(workload="w<b>", n=1, parameters={"workload.name": 1}),
                synthetic.runs(workload="w<b>", n=1, parameters={"workload.name": 2}),
            )
        )
    ]
    cells.append(synthetic.runs(n=2, status="failed", error=f"x{HOSTILE}\n{HOSTILE}", rounds=1))
    folder = tmp_path / "javascript:alert(1) <script>"
    machine = Environment({"hostname": HOSTILE, "platform": HOSTILE}, 2.0)
    for at, own in enumerate(cells):
        place = folder / HOSTILE.replace("/", "") / str(at)
        synthetic.write(place, own)
        write_environment(place, machine)
        (place / ".hydra").mkdir()
        (place / ".hydra/overrides.yaml").write_text('- "workload=</script>\\u202e\\n\'; rm"\n')
    runs = read_runs(folder)
    data = page(tmp_path, folder.resolve(), runs, summarise(runs), missing=HOSTILE)
    parsed = Parsed(data.decode())
    assert len(parsed.all("script")) == len(parsed.all("style")) == 1
    assert not parsed.all("img")
    assert not parsed.all("b", onerror="alert(1)")
    assert "\u202e" not in data.decode()
    assert "\x1b" not in data.decode()
    assert "alert(1)</script>" in parsed.text  # it is there, to be read
    assert "$'workload=</script>\\U0000202e\\U0000000a\\'; rm'" in parsed.text
    files = [str(a["href"]) for a in parsed.all("a") if str(a.get("href")).endswith(".jsonl")]
    assert len(files) == 3
    assert all(file.startswith("javascript%3Aalert%281%29%20%3Cscript%3E/") for file in files)


def test_a_page_of_one_cell_shows_it_open(tmp_path: Path) -> None:
    parsed = built(tmp_path, [synthetic.runs()])
    assert [attributes for attributes in parsed.all("details") if "open" in attributes]
    assert not parsed.all("form")
    assert "primes, thread, n = 2: 1.8" in parsed.text


def test_of_several_machines_a_cell_says_which_is_its_own(tmp_path: Path) -> None:
    cells = some()[:2]
    runs, summary = written(tmp_path, cells)
    for at in range(2):
        write_environment(tmp_path / str(at), Environment({"hostname": f"host{at}"}, 2.0))
    parsed = Parsed(page(tmp_path, tmp_path, runs, summary).decode())
    assert "Environment 1" in parsed.text
    assert "Environment 2" in parsed.text
    assert "host0" in parsed.text
    assert "host1" in parsed.text


def copies(folder: Path, count: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The runs and the summary of so many cells with the same 40 rounds; every third has failed."""
    synthetic.write(folder, synthetic.runs(rounds=40, processes=4))
    runs = read_runs(folder)
    names = [f"{at:012x}" for at in range(count)]
    many = pd.concat([runs.assign(cell=name, panel=name) for name in names], ignore_index=True)
    summary = pd.concat([summarise(runs)] * count, ignore_index=True)
    summary = summary.assign(cell=names, **{"workload.size": range(count)})
    bad = summary["workload.size"] % 3 == 0
    return many, summary.assign(status=summary["status"].mask(bad, "failed"))


def test_a_thousand_cells_take_less_than_5_mb(tmp_path: Path) -> None:
    """With commands, links, and as much of figures as a page takes; as fifty more cells show."""
    (tmp_path / ".hydra").mkdir()
    words = ("workload=primes", "workload.end=1000000", "executor=process_pool", "measure=quick")
    (tmp_path / ".hydra/overrides.yaml").write_text("".join(f"- {word}\n" for word in words))
    large = FIGURE.replace(b"M 0.123456 0", b"M 1 1 " * (MOST_FIGURES // 6 - 100))
    figures = {"speedup": large, "efficiency": large}
    data = page(tmp_path, tmp_path, *copies(tmp_path, 50), figures=figures)
    more = page(tmp_path, tmp_path, *copies(tmp_path, 100), figures=figures)
    each = (len(more) - len(data)) / 50
    assert data.count(b"M 1 1 M 1 1") > 10_000
    assert b"Core-seconds provided, useful and lost: too large for this page" in data
    assert data.count(b"python -m runners") == 50
    assert len(data) + 950 * each < 5_000_000
    assert data.count(b"<details") == 50
    assert b"Shown are" not in data


def test_more_cells_are_cut_by_a_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs, summary = copies(tmp_path, 9)
    for name, most in (("MOST_CELLS", 5), ("MOST_BAD", 1)):
        monkeypatch.setattr(build, name, most)
    summary.loc[4, "speedup"] = 0.5  # the lowest of those that are ok: 1, 2, 5, 7, 8 are others
    parsed = Parsed(page(tmp_path, tmp_path, runs, summary).decode())
    assert "Shown are 5 of 9 cells" in parsed.text
    assert "and 1 that are not ok. All of them are in summary.csv" in parsed.text
    shown = {str(found["id"])[-1] for _, found in parsed.elements if "data-f" in found}
    assert len(shown) == 5
    assert "4" not in shown
    assert len(shown & {"0", "3", "6"}) == 1
    parsed = Parsed(page(tmp_path, tmp_path, runs, summary.assign(status="ok")).decode())
    assert "with the highest speedups. All of them" in parsed.text


def test_an_installed_program_has_all_that_a_page_is_made_of() -> None:
    """What is no Python is declared as data of the package."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        [patterns] = tomllib.load(file)["tool"]["setuptools"]["package-data"].values()
    files = [file for file in (ROOT / "runners/report/page").iterdir() if file.is_file()]
    data = [file.name for file in files if file.suffix != ".py"]
    assert {"base.html", "page.css", "page.js"} < {*data}
    assert all(any(fnmatch(name, pattern) for pattern in patterns) for name in data)
