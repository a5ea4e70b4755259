"""The figures that experiments draw themselves show what the summary says."""

import math
from typing import Any

import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from experiments import practice_primes, switch_interval
from runners.report.figures.drawing import image


def whiskers(figure: Figure) -> list[tuple[float, ...]]:
    """The two ends of each error bar, as x0, y0, x1, y1, from the first to the last."""
    [axes] = figure.axes
    collections = [found for found in axes.collections if isinstance(found, LineCollection)]
    return [tuple(line.ravel()) for found in collections for line in found.get_segments()]


def primes(executor: str, **columns: Any) -> dict[str, Any]:
    times = {f"{side}_{end}_s": math.nan for side in ("baseline", "measured") for end in ENDS}
    return {"executor": executor, "executor.forget": "none", "status": "ok", **times, **columns}


ENDS = ("median", "low", "high")
THREADS = primes(
    "thread",
    **{"baseline_median_s": 0.3, "baseline_low_s": 0.28, "baseline_high_s": 0.31},
    **{"measured_median_s": 0.4, "measured_low_s": 0.35, "measured_high_s": 0.45},
)
PROCESSES = primes("process", measured_median_s=0.2)


def test_the_bars_of_the_three_ways_have_their_times_and_intervals() -> None:
    figure = practice_primes.figures(pd.DataFrame([THREADS, PROCESSES]))["times"]
    [axes] = figure.axes
    bars = [patch.get_width() for patch in axes.patches if isinstance(patch, Rectangle)]
    assert bars == pytest.approx([0.3, 0.4, 0.2])
    assert [line[::2] for line in whiskers(figure)[:2]] == [
        pytest.approx((0.28, 0.31)),
        pytest.approx((0.35, 0.45)),
    ]
    assert [text.get_text() for text in axes.texts] == [
        " 300 ms [280, 310]",
        " 400 ms [350, 450]",
        " 200 ms",
    ]
    assert image(figure, "png").startswith(b"\x89PNG")


def test_the_wait_for_the_gil_is_drawn_against_the_interval() -> None:
    cell = {"status": "ok", "metric.delay_s_low": 0.005, "metric.delay_s_high": 0.008}
    summary = pd.DataFrame(
        [
            {**cell, "executor.switch_interval_s": 0.005, "metric.delay_s": 0.006},
            {"status": "timeout", "executor.switch_interval_s": 0.02},
        ]
    )
    figure = switch_interval.figures(summary)["wait"]
    assert whiskers(figure) == [pytest.approx((0.005, 0.005, 0.005, 0.008))]
    assert switch_interval.figures(summary.loc[summary["status"] != "ok"]) == {}
