"""The lecture's page in a real browser: on paper, on a phone, in the dark."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest
from matplotlib.figure import Figure

from experiments.catalogue import experiments
from experiments.language import load
from experiments.page import Outcome, section, write_page
from runners.analysis.claims import Amount, Judgement, Said, Verdict
from runners.analysis.interval import Interval
from runners.model import Environment
from tests import synthetic
from tests.browser import PAPERS, pages, set_width, started, violations

pytestmark = pytest.mark.browser

SAID = Said("others_share", {"value": Amount("1.23× [1.20, 1.26]"), "share": Amount("61%")})
CLAIMED = Said("at_least", {"line": Amount("1.50×")})


def figures(summary: pd.DataFrame) -> Mapping[str, Figure]:
    figure = Figure(figsize=(6, 4))
    figure.subplots().plot([1, 2])
    return {"speedup": figure}


def no_figures(summary: pd.DataFrame) -> Mapping[str, Figure]:
    return {}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole lecture, of a busy machine, with a figure in every fourth section."""
    folder = tmp_path_factory.mktemp("lecture")
    language = load()
    summary = synthetic.summary({"executor": "thread", "n": 2, "others_share": 0.61})
    environment = Environment({"python_implementation": "CPython", "hostname": "<b>"}, 2.0)
    lecture = [one for one in experiments(language) if one.claims and not one.by_name]
    assert len(lecture) >= 26
    sections = []
    for at, experiment in enumerate(lecture):
        judgements = [
            (
                claim,
                Judgement(
                    get_args(Verdict)[number % len(get_args(Verdict))],
                    *(SAID, CLAIMED, Interval(1.23, 1.2, 1.26), (1.5, math.inf), "3.2"),
                ),
            )
            for number, claim in enumerate(experiment.claims)
        ]
        shown = replace(experiment, figures=no_figures if at % 4 else figures)
        found = Outcome(shown, ["python"], summary, [environment], judgements, "")
        sections.append(section(found, language))
    write_page(sections, folder, language)
    return folder


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    yield from started()


@pytest.fixture
def show(driver: Any, place: Path) -> Iterator[Callable[..., Any]]:
    """Open a page, so wide; nothing may go wrong meanwhile."""

    def shown(name: str = "lecture", width: int = 1280, scheme: str = "light") -> Any:
        feature = {"name": "prefers-color-scheme", "value": scheme}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        set_width(driver, width)
        driver.get((place / f"{name}.html").as_uri())
        return driver

    driver.get_log("browser")
    yield shown
    assert driver.get_log("browser") == []


def test_the_whole_lecture_takes_at_most_fifteen_pages(show: Callable[..., Any]) -> None:
    driver = show()
    assert all(4 <= pages(driver, *size) <= 15 for size in PAPERS)
    driver = show("gil")
    assert all(pages(driver, *size) <= 2 for size in PAPERS)


@pytest.mark.parametrize("name", ["lecture", "gil"])
def test_nothing_is_wider_than_a_phone(show: Callable[..., Any], name: str) -> None:
    driver = show(name, width=390)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= 390


def test_a_name_leads_to_its_section_and_to_its_own_page(show: Callable[..., Any]) -> None:
    driver = show()
    driver.find_element("css selector", "nav a[href='#waiting']").click()
    assert driver.current_url.endswith("#waiting")
    driver.find_element("css selector", "a[href='waiting.html']").click()
    assert "server" in driver.find_element("css selector", "h1").text
    assert driver.find_element("css selector", "details table").is_displayed()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["lecture", "gil"])
def test_axe_finds_nothing(show: Callable[..., Any], name: str, scheme: str) -> None:
    assert violations(show(name, scheme=scheme)) == []
