"""Long names of workloads, executors, interpreters and results have room in every figure."""

import dataclasses
from collections.abc import Callable
from itertools import combinations

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from runners.report import figures as plots
from runners.report.figures.drawing import wrapped
from tests import synthetic
from tests.report import test_compared
from tests.report.figures import test_pythons
from tests.report.figures.test_speedup import BASELINE, MEASURED, cell, cut_off, losses

WORKLOADS = (
    "mymodule.analysis:fit_everything_at_once_with_a_very_long_name alphabet=letters_and_digits",
    "mymodule.analysis:count_words_in_all_documents_of_the_corpus alphabet=letters_and_digits",
    "warm_memory_window:measure_many_more_words_with_wide_letters_moving",
)
EXECUTORS = ("a_company_executor_for_the_cluster_beyond", "process_pool", "thread")
INTERPRETERS = ("3.11.9", "3.13.1 free-threaded, GIL on", "PyPy 3.11.13 (nightly build)")


def many(draw: Callable[..., Figure], *more: object) -> Figure:
    rows = [
        cell(executor, n, workload=workload, worker_kind="thread") | losses(balance=0.3)
        for workload in WORKLOADS
        for executor in EXECUTORS
        for n in (1, 2)
    ]
    return draw(synthetic.summary(*rows), *more)


def pythons() -> Figure:
    rows = [
        test_pythons.cell(at % 3, executor, 2, workload=workload)
        | {"python": f"{INTERPRETERS[at % 3]}{at}", "python_order": at}
        for at in range(6)
        for executor in EXECUTORS
        for workload in WORKLOADS
    ]
    return plots.pythons(synthetic.summary(*rows))


def forest() -> Figure:
    found = test_compared.results(*map(test_compared.cell, WORKLOADS))
    return plots.forest(dataclasses.replace(found, names=(WORKLOADS[0], WORKLOADS[1])))


FIGURES: dict[str, Callable[[], Figure]] = {
    "speedup": lambda: many(plots.speedup),
    "efficiency": lambda: many(plots.efficiency),
    "matrix": lambda: many(plots.matrix, 2),
    "pythons": pythons,
    "timeline": lambda: plots.timeline([BASELINE, MEASURED], ", ".join(WORKLOADS)),
    "forest": forest,
}


@pytest.mark.parametrize("name", FIGURES)
def test_texts_neither_meet_nor_are_cut_off(name: str) -> None:
    figure = FIGURES[name]()
    assert not [text for text in cut_off(figure) if len(text) > 4]  # of numbers, some are not drawn
    upright = [
        (text.get_text(), text.get_window_extent())
        for text in figure.findobj(Text)
        if len(text.get_text()) > 4 and text.get_visible() and text.get_rotation() in (0, 90)
    ]
    met = [
        (one, other)
        for (one, here), (other, there) in combinations(upright, 2)
        if min(here.x1, there.x1) - max(here.x0, there.x0) > 1
        and min(here.y1, there.y1) - max(here.y0, there.y0) > 1
    ]
    assert not met


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("primes", ["primes"]),
        ("count_all words", ["count_all", "words"]),
        ("module.function:name", ["module.", "function:", "name"]),
        ("w" * 25, ["w" * 10, "w" * 10, "w" * 5]),
        ("", [""]),
    ],
)
def test_a_line_ends_where_a_part_of_a_name_does(text: str, lines: list[str]) -> None:
    assert wrapped(text, 10).split("\n") == lines
