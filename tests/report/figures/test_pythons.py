"""The figure of several interpreters is read back from its artists."""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer

from runners.report import figures as plots
from tests import synthetic
from tests.report.figures.test_speedup import cut_off, intervals, legend

NAMES = ("3.11.9", "3.13.1", "PyPy 3.11.13")
SERIAL = (1.0, 0.8, 0.25)


def cell(at: int, executor: str, n: int, speedup: float = 1.5, **columns: Any) -> dict[str, Any]:
    """A row of the summary on that interpreter, with intervals of 3% to either side."""
    python = {"python": NAMES[at], "python_order": at, "python_build": "b"}
    row = {"executor": executor, "n": n, "worker_kind": "thread", "baseline": "serial"}
    ratio = SERIAL[at]
    wide = 0.0 if at == 0 else 0.03
    return {
        "cell": f"{at}{executor}{n}{columns.get('workload')}",
        **{"speedup": speedup, "speedup_low": 0.97 * speedup, "speedup_high": 1.03 * speedup},
        **{"serial_ratio": ratio, "serial_ratio_low": ratio * (1 - wide)},
        "serial_ratio_high": ratio * (1 + wide),
        **python,
        **row,
        **columns,
    }


def summary(*cells: dict[str, Any]) -> pd.DataFrame:
    return synthetic.summary(*cells)


def lines(axes: Axes) -> list[list[float]]:
    """The heights of each line's points, NaN where one is missing."""
    bars = [found for found in axes.containers if isinstance(found, ErrorbarContainer)]
    return [np.asarray(bar.lines[0].get_ydata(), float).tolist() for bar in bars]


def ticks(axes: Axes) -> list[str]:
    return [tick.get_text() for tick in axes.get_xticklabels()]


def test_above_is_the_speed_of_the_loop_and_below_the_speedup() -> None:
    frame = summary(*(cell(at, "pool", 2, 1.5 + at / 10) for at in (2, 0, 1)))
    above, below = plots.pythons(frame).axes
    assert lines(above) == [pytest.approx([1, 1.25, 4])]
    assert lines(below) == [pytest.approx([1.5, 1.6, 1.7])]
    assert ticks(below) == list(NAMES)
    low, high = np.array(intervals(above)).T
    assert low == pytest.approx([1, 1.25 / 1.03, 4 / 1.03])
    assert high == pytest.approx([1, 1.25 / 0.97, 4 / 0.97])


def test_what_could_not_run_is_a_gap_and_is_named() -> None:
    refused = cell(0, "interpreters", 2, np.nan, status="unsupported")
    others = [cell(at, "interpreters", 2) for at in (1, 2)]
    figure = plots.pythons(summary(refused, *others, *(cell(at, "pool", 2) for at in range(3))))
    below = figure.axes[1]
    assert lines(below) == [
        pytest.approx([np.nan, 1.5, 1.5], nan_ok=True),
        pytest.approx([1.5, 1.5, 1.5]),
    ]
    assert "interpreters, 3.11.9 n=2 unsupported" in " ".join(below.get_xlabel().split())


def test_each_workload_that_several_ran_has_a_column() -> None:
    frame = summary(
        *(cell(at, "pool", 2, workload=name) for at in range(2) for name in "abcde"),
        cell(2, "pool", 2, workload="alone", serial_ratio=np.nan),
    )
    figure = plots.pythons(frame)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert [title for title in titles if title] == list("abcde")
    assert len(figure.axes) == 10
    assert ticks(figure.axes[-1]) == list(NAMES[:2])


def test_each_executor_and_n_has_a_line_of_its_own_and_an_entry() -> None:
    frame = summary(*(cell(at, name, n) for at in (0, 1) for name in ("pool", "a") for n in (1, 2)))
    figure = plots.pythons(frame)
    names = [f"{name}, n = {n}" for name in ("a", "pool") for n in (1, 2)]
    assert legend(figure) == ["plain loop", *names, "1: as fast as the plain loop", "ideal: n"]
    assert len(lines(figure.axes[1])) == 4


@pytest.mark.parametrize(("many", "name"), [(3, "3.{}.1t"), (8, "3.{}.0rc1t, GIL off")])
def test_names_have_room(many: int, name: str) -> None:
    cells = []
    for at in range(many):
        for k in range(4):
            one = cell(at and 1, "process", 2, workload=f"a_workload_with_a_name_{k}")
            own = {"python": name.format(11 + at), "python_order": at, "cell": f"{at} {k}"}
            cells.append({**one, **own})
    figure = plots.pythons(summary(*cells))
    assert not cut_off(figure)
    shown = figure.axes[-1].get_xticklabels()
    tilted = shown[0].get_rotation() > 0
    assert tilted == (many == 8)
    if not tilted:
        boxes = [tick.get_window_extent() for tick in shown]
        assert all(one.x1 <= other.x0 for one, other in pairwise(boxes))
