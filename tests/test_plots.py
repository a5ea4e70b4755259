"""Figures are read back from their artists: what is drawn is what the summary says."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from runners import plots
from tests import synthetic


def cell(executor: str, n: int, speedup: float = 1.0, **columns: Any) -> dict[str, Any]:
    """A row of the summary, with an interval of 3% to either side."""
    identity = {"workload": "primes", "executor": executor, "n": n, "scaling": "strong"}
    numbers = {"usable_cpus": 2.0, "status": "ok", "speedup": speedup}
    bounds = {"speedup_low": 0.97 * speedup, "speedup_high": 1.03 * speedup}
    row = identity | numbers | bounds | columns
    return {"cell": repr(sorted(row.items()))} | row


def summary(*cells: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(cells))


def sweep(executor: str, **columns: Any) -> list[dict[str, Any]]:
    speedups = {1: 0.95, 2: 1.8, 4: 1.9}
    return [cell(executor, n, speedup, **columns) for n, speedup in speedups.items()]


def titles(figure: Figure) -> list[str]:
    return [axes.get_title(loc="left") for axes in figure.axes]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def intervals(axes: Axes) -> list[tuple[float, float]]:
    bars = [found for found in axes.containers if isinstance(found, ErrorbarContainer)]
    segments = [segment for bar in bars for part in bar.lines[2] for segment in part.get_segments()]
    return [(low, high) for (_, low), (_, high) in segments]


def points(axes: Axes) -> list[float]:
    """The heights of the faint points, one for each round."""
    clouds = [found for found in axes.collections if isinstance(found, PathCollection)]
    return [float(y) for cloud in clouds for _, y in np.asarray(cloud.get_offsets())]


def band(axes: Axes) -> list[tuple[float, float]]:
    spans = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    return [(span.get_y(), span.get_y() + span.get_height()) for span in spans]


def test_the_intervals_are_those_of_the_summary() -> None:
    frame = summary(*sweep("pool"))
    drawn = intervals(plots.speedup(frame).axes[0])
    assert np.allclose(drawn, frame[["speedup_low", "speedup_high"]])


def test_a_panel_for_each_workload_and_never_weak_with_strong() -> None:
    cells = [*sweep("pool"), *sweep("pool", workload="countdown"), *sweep("pool", scaling="weak")]
    figure = plots.speedup(summary(*cells))
    assert titles(figure) == ["countdown", "primes", "primes, weak scaling"]
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert labels[1] == "speedup T₁/Tₙ (95% interval)"
    assert labels[2] == "scaled speedup n·T₁/Tₙ (95% interval)"


def test_labels_name_only_the_parameters_that_vary() -> None:
    fixed = {"workload.end": 30, "executor.start_method": "fork"}
    cells = [
        *sweep("pool", **fixed, **{"workload.chunks": 8, "executor.chunksize": None}),
        *sweep("pool", **fixed, **{"workload.chunks": 8, "executor.chunksize": 4.0}),
        *sweep("pool", **fixed, **{"workload.chunks": 16, "executor.chunksize": 4.0}),
        *sweep("thread", **{"workload.end": 30, "workload.chunks": 16}),
    ]
    figure = plots.speedup(summary(*cells))
    assert titles(figure) == ["primes chunks=16", "primes chunks=8"]
    assert legend(figure)[:3] == ["pool chunksize=4", "pool chunksize=null", "thread"]


def test_a_parameter_that_follows_n_does_not_tear_a_line() -> None:
    cells = [cell("pool", n, 1.0, **{"workload.chunks": 4 * n}) for n in (1, 2, 4)]
    assert titles(plots.speedup(summary(*cells))) == ["primes (chunks varies with n)"]


def test_a_cell_measured_again_is_a_line_of_its_own() -> None:
    figure = plots.speedup(summary(*sweep("pool"), cell("pool", 2, 1.7)))
    assert legend(figure)[:2] == ["pool", "pool (again, 2)"]


def test_every_line_has_its_own_style() -> None:
    figure = plots.speedup(summary(*(cell(f"pool{k:02}", 2) for k in range(20))))
    handles = [h for h in figure.legends[0].legend_handles if isinstance(h, Line2D)][:20]
    styles = {(h.get_color(), h.get_marker(), h.get_linestyle()) for h in handles}
    assert len(styles) == 20


def test_lines_are_dodged_so_that_intervals_do_not_overlap() -> None:
    figure = plots.speedup(summary(*sweep("pool"), *sweep("process"), *sweep("thread")))
    bars = [found for found in figure.axes[0].containers if isinstance(found, ErrorbarContainer)]
    places = np.log2([np.asarray(bar.lines[0].get_xdata(), dtype=float) for bar in bars])
    assert (np.diff(places, axis=0) > 0.05).all()
    assert np.allclose(places.mean(axis=0), [0, 1, 2])


def test_serial_cells_are_the_noise_band_and_no_line() -> None:
    cells = [cell("serial", 1, 0.99), cell("serial", 2, 1.02), *sweep("pool")]
    figure = plots.speedup(summary(*cells))
    assert np.allclose(band(figure.axes[0]), [(0.97 * 0.99, 1.03 * 1.02)])
    assert len(intervals(figure.axes[0])) == 3
    assert "serial" not in legend(figure)
    assert "serial against serial (A/A)" in legend(figure)


def test_the_legend_names_only_what_is_there() -> None:
    assert legend(plots.speedup(summary(*sweep("pool")))) == ["pool", "ideal: n", "usable CPUs: 2"]


def test_cells_that_are_not_ok_are_named_and_not_drawn() -> None:
    cells = [cell("pool", 1), cell("pool", 2, status="failed"), cell("pool", 4, status="failed")]
    axes = plots.speedup(summary(*cells, cell("thread", 2, np.nan))).axes[0]
    assert len(intervals(axes)) == 1
    note = " ".join(text.get_text() for text in axes.texts).replace("\n", " ")
    assert note == "not drawn: pool n=2, 4 failed; thread n=2 without a complete round"


def test_a_workload_that_failed_entirely_says_so() -> None:
    axes = plots.speedup(summary(cell("pool", 2, np.nan, status="unsupported"))).axes[0]
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["nothing to draw", "not drawn: pool n=2 unsupported"]


def frames(**settings: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    runs = synthetic.runs(**settings)
    row = cell(runs[0].executor, runs[0].n, 1.8, cell=runs[0].cell, scaling=runs[0].scaling)
    return summary(row), pd.DataFrame([run.row() for run in runs])


@pytest.mark.parametrize(("scaling", "factor"), [("strong", 1), ("weak", 2)])
def test_the_points_are_the_rounds_that_count(scaling: str, factor: int) -> None:
    frame, runs = frames(scaling=scaling, status="failed")
    drawn = points(plots.speedup(frame, runs).axes[0])
    counts = runs[(runs["status"] == "ok") & ~runs["cold"]]
    sides = counts.pivot_table(index="round", columns="role", values="wall_s").dropna()
    assert len(sides) == 11  # of 12, the last of which failed
    assert np.allclose(sorted(drawn), sorted(factor * sides["baseline"] / sides["measured"]))


def test_rounds_far_above_the_lines_are_counted_not_hidden() -> None:
    frame, runs = frames()
    outlier = (runs["role"] == "measured") & (runs["round"] == 3)
    runs.loc[outlier, "wall_s"] /= 10
    axes = plots.speedup(frame, runs).axes[0]
    assert [text.get_text() for text in axes.texts] == ["1 round above the frame"]


@pytest.mark.parametrize(
    ("cpus", "ns", "top"),
    [
        (2.0, (1, 2, 4, 64), 2.0),  # the ideal line leaves the frame, the usable CPUs are in it
        (64.0, (1, 2), 2.0),  # n = 2 is all that could be reached
        (64.0, (1, 64), 1.545),  # 64 is too far away from what was
    ],
)
def test_the_frame_fits_the_data(cpus: float, ns: tuple[int, ...], top: float) -> None:
    cells = [cell("pool", n, 1.5, usable_cpus=cpus) for n in ns]
    axes = plots.speedup(summary(*cells)).axes[0]
    assert axes.get_ylim() == pytest.approx((0, 1.15 * top))


def test_ticks_are_the_measured_n() -> None:
    axes = plots.speedup(summary(*(cell("pool", n) for n in (1, 2, 3, 15, 16)))).axes[0]
    assert axes.get_xscale() == "log"
    assert axes.get_xticks().tolist() == [1, 2, 3, 15, 16]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "3", "15", ""]


def test_a_bound_beyond_its_estimate_is_drawn_as_no_length() -> None:
    figure = plots.speedup(summary(cell("pool", 2, 1.5, speedup_low=1.51)))
    assert np.allclose(intervals(figure.axes[0]), [(1.5, 1.545)])


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_nothing_is_cut_off(count: int) -> None:
    cells = [
        cell(name, n, n**0.5, workload=f"workload{k}", status="ok" if n < 8 else "crashed")
        for k in range(count)
        for name in ("pool", "thread_subclass", "process")
        for n in (1, 2, 4, 8)
    ]
    figure = plots.speedup(summary(*cells, cell("serial", 1, workload="workload0")))
    figure.draw_without_rendering()  # lays it out
    assert len(figure.axes) == count
    frame = figure.bbox
    for text in figure.findobj(Text):
        box = text.get_window_extent()
        if text.get_text() and text.get_visible():
            assert box.x0 >= frame.x0, text
            assert box.x1 <= frame.x1, text
            assert box.y0 >= frame.y0, text
            assert box.y1 <= frame.y1, text


def test_an_image_depends_on_nothing_but_the_figure() -> None:
    first, second = (plots.image(plots.speedup(summary(*sweep("pool"))), "svg") for _ in range(2))
    assert first == second
    assert b">workers n</text>" in first
    assert plots.image(plots.speedup(summary(*sweep("pool"))), "png").startswith(b"\x89PNG")


def test_pyplot_is_left_alone() -> None:
    plots.speedup(summary(*sweep("pool")))
    assert plt.get_fignums() == []
