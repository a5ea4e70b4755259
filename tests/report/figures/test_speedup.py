"""Figures are read back from their artists: what is drawn is what the summary says."""

import dataclasses
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.colors import to_hex
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.text import Annotation, Text

from runners.analysis.laws import Law
from runners.analysis.scaling import fit_usl, predict, usl
from runners.model import Role, Span, Timeline
from runners.report import figures as plots
from runners.words.causes import TITLES
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
    assert titles(figure) == ["primes chunks=8", "primes chunks=16"]
    assert legend(figure)[:3] == ["pool chunksize=4", "pool chunksize=null", "thread"]


def test_a_parameter_that_follows_n_does_not_tear_a_line() -> None:
    cells = [cell("pool", n, 1.0, **{"workload.chunks": 4 * n}) for n in (1, 2, 4)]
    assert titles(plots.speedup(summary(*cells))) == ["primes (chunks varies with n)"]


def test_a_cell_measured_again_is_a_line_of_its_own() -> None:
    figure = plots.speedup(summary(*sweep("pool"), cell("pool", 2, 1.7)))
    assert legend(figure)[:2] == ["pool", "pool (again, 2)"]


def test_every_line_has_its_own_style() -> None:
    figure = plots.speedup(summary(*(cell(f"pool{k:02}", n) for k in range(20) for n in (1, 2))))
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
    assert axes.get_xticks().tolist() == [1, 2, 3, 16]  # 15 has no room for a label
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "3", "16"]


def test_points_stay_nearer_to_their_n_than_to_the_next() -> None:
    names = ("pool", "process", "thread", "loky", "dask")
    figure = plots.speedup(summary(*(cell(name, n) for name in names for n in (6, 7, 8))))
    bars = [found for found in figure.axes[0].containers if isinstance(found, ErrorbarContainer)]
    places = np.array([np.asarray(bar.lines[0].get_xdata(), dtype=float) for bar in bars])
    assert places.shape == (5, 3)
    assert (abs(places - [6, 7, 8]) < 0.3).all()


def test_one_n_is_a_point_for_each_executor() -> None:
    names = ("thread", "pool", "process")
    figure = plots.speedup(summary(*(cell(name, 2) for name in names)))
    [axes] = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == sorted(names)
    paths = [np.asarray(line.get_xydata(), float) for line in axes.lines]
    assert all(np.ptp(path[:, 1]) == 0 for path in paths if len(path) > 1)  # none slopes


def test_a_bound_beyond_its_estimate_is_drawn_as_no_length() -> None:
    figure = plots.speedup(summary(cell("pool", 2, 1.5, speedup_low=1.51)))
    assert np.allclose(intervals(figure.axes[0]), [(1.5, 1.545)])


def cut_off(figure: Figure) -> list[str]:
    """The texts that do not lie within the figure."""
    figure.draw_without_rendering()  # lays it out
    frame = figure.bbox
    found = []
    for text in figure.findobj(Text):
        box = text.get_window_extent()
        if text.get_text() and text.get_visible():
            inside = frame.x0 <= box.x0 and box.x1 <= frame.x1
            if not (inside and frame.y0 <= box.y0 and box.y1 <= frame.y1):
                found.append(text.get_text())
    return found


@pytest.mark.parametrize("draw", [plots.speedup, plots.efficiency])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_nothing_is_cut_off(draw: Callable[[pd.DataFrame], Figure], count: int) -> None:
    cells = [
        cell(name, n, n**0.5, workload=f"workload{k}", status="ok" if n < 8 else "crashed")
        | losses(balance=0.3)
        for k in range(count)
        for name in ("pool", "thread_subclass", "process")
        for n in (1, 2, 4, 8)
    ]
    serial = cell("serial", 1, workload="workload0") | losses()
    figure = draw(summary(*cells, serial))
    assert cut_off(figure) == []
    assert len(figure.axes) == count


def fitted(line: str, alpha: float, ns: tuple[int, ...] = (1, 2, 4, 8)) -> Law:
    """A law of that line of primes, with a band of some width."""
    rounds = [(n, float(usl(n, alpha, 0)) * noise) for n in ns for noise in (0.98, 1.0, 1.02)]
    n, throughput = zip(*rounds, strict=True)
    law = fit_usl(n, throughput, rounds=np.zeros(len(n)))
    return Law("primes", line, False, ns, (), 64.0, (), usl=law)


def test_a_law_is_a_curve_with_its_band_up_to_the_axis_limit() -> None:
    ns = (1, 2, 4, 8)
    cells = [cell("pool", n, float(usl(n, 0.1, 0))) for n in ns]
    law = fitted("pool", 0.1)
    assert law.usl is not None
    axes = plots.speedup(summary(*cells), None, [law]).axes[0]
    [curve] = [line for line in axes.get_lines() if line.get_linewidth() == 0.8]
    n, y = (np.asarray(data, float) for data in curve.get_data())
    assert (n[0], n[-1]) == pytest.approx((1, axes.get_xlim()[1]))
    assert y == pytest.approx(predict(law.usl, n)[0])
    [found] = [c for c in axes.collections if isinstance(c, PolyCollection)]
    edges = found.get_paths()[0].vertices
    assert isinstance(edges, np.ndarray)
    _, low, high = predict(law.usl, n[-1:])
    at_end = edges[np.isclose(edges[:, 0], n[-1]), 1]
    assert (at_end.min(), at_end.max()) == pytest.approx((low[0], high[0]))


def test_a_law_has_the_colour_and_the_place_of_its_line() -> None:
    cells = [cell(name, n, n) for name in ("pool", "thread") for n in (1, 2, 4, 8)]
    axes = plots.speedup(summary(*cells), None, [fitted("thread", 0.1)]).axes[0]
    [curve] = [line for line in axes.get_lines() if line.get_linewidth() == 0.8]
    bars = [found for found in axes.containers if isinstance(found, ErrorbarContainer)]
    assert curve.get_color() == bars[1].lines[0].get_color() != bars[0].lines[0].get_color()
    assert float(np.asarray(curve.get_xdata())[0]) == float(
        np.asarray(bars[1].lines[0].get_xdata())[0]
    )


def test_a_law_without_a_fit_is_not_drawn_nor_in_the_legend() -> None:
    law = Law("primes", "pool", False, (1, 2), (4, 8), 2.0, (), reason="too few")
    cells = [cell("pool", n, n) for n in (1, 2, 4, 8)]
    assert "scaling law" not in " ".join(legend(plots.speedup(summary(*cells), None, [law])))
    drawn = plots.speedup(summary(*cells), None, [fitted("pool", 0.1)])
    assert "scaling law (USL, 95% band)" in legend(drawn)


def losses(waiting: bool = False, **shares: float) -> dict[str, Any]:
    """The ladder's columns of a cell; steps not named lose nothing."""
    return {"waiting": waiting} | {f"loss_{name}": shares.get(name, 0.0) for name in TITLES}


def parts(axes: Axes) -> list[list[tuple[float, float, str]]]:
    """For each bar, from the top: its parts as (left end, right end, colour)."""
    found: dict[float, list[tuple[float, float, str]]] = {}
    for part in (patch for patch in axes.patches if isinstance(patch, PathPatch)):
        for corners in np.asarray(part.get_path().vertices).reshape(-1, 5, 2):
            x, y = corners[:4].T
            bar = found.setdefault(round(float(y.mean()), 6), [])
            bar.append((float(x.min()), float(x.max()), to_hex(part.get_facecolor())))
    return [sorted(found[y]) for y in sorted(found)]


@given(st.lists(st.floats(-0.1, 0.16), min_size=6, max_size=6), st.booleans())
@settings(max_examples=10, deadline=None)
def test_the_parts_of_a_bar_fill_the_core_seconds(shares: list[float], waiting: bool) -> None:
    row = losses(waiting, **dict(zip(TITLES, shares, strict=True)))
    if waiting:
        row |= {"loss_contention": np.nan, "loss_computation": np.nan}
        shares = shares[:4]
    axes = plots.efficiency(summary(cell("pool", 2) | row)).axes[0]
    [found] = parts(axes)
    assert found[0][0] == pytest.approx(sum(share for share in shares if share < 0), abs=0.04)
    assert found[-1][1] == pytest.approx(1, abs=0.04)
    for (_, right, _), (left, _, _) in pairwise(found):
        assert left == pytest.approx(right)
    assert percents(axes) == [f"{1 - sum(shares):.0%}"]


def percents(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts if text.get_text().endswith("%")]


def test_a_gain_lies_left_of_zero_and_counts_as_useful() -> None:
    row = cell("pool", 2) | losses(startup=0.2, computation=-0.1)
    axes = plots.efficiency(summary(row)).axes[0]
    [[gain, useful, startup]] = parts(axes)
    assert gain[:2] == pytest.approx((-0.1, 0))
    assert useful[:2] == pytest.approx((0, 0.8))
    assert startup[:2] == pytest.approx((0.8, 1))
    assert percents(axes) == ["90%"]
    assert axes.get_xlim()[0] < -0.1


def test_waiting_has_a_colour_of_its_own() -> None:
    computing = cell("pool", 1) | losses(blocking=0.4)
    waiting = cell("pool", 2) | losses(waiting=True, blocking=0.4, contention=np.nan)
    figure = plots.efficiency(summary(computing, waiting))
    first, second = parts(figure.axes[0])
    assert first[0] == second[0]
    assert first[1][:2] == second[1][:2]
    assert first[1][2] != second[1][2]
    assert legend(figure) == ["useful", "off-CPU time", "longer waiting"]


def test_a_bar_for_each_executor_and_n_under_its_name() -> None:
    cells = [c | losses(balance=0.1) for c in (*sweep("pool"), *sweep("thread"))]
    axes = plots.efficiency(summary(*reversed(cells))).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["1", "2", "4"] * 2
    heads = [(text.get_text(), text.xy[1]) for text in axes.texts if isinstance(text, Annotation)]
    ticks = axes.get_yticks()
    assert dict(heads)["pool"] < ticks[0]
    assert ticks[2] < dict(heads)["thread"] < ticks[3]
    assert axes.yaxis_inverted()


def test_cells_without_a_ladder_are_named() -> None:
    failed = cell("pool", 4, status="failed") | losses()
    without = cell("pool", 8) | losses(startup=np.nan)
    axes = plots.efficiency(summary(cell("pool", 2) | losses(), failed, without)).axes[0]
    assert len(parts(axes)) == 1
    note = axes.texts[-1].get_text().replace("\n", " ")
    assert note == "not drawn: pool n=4 failed; pool n=8 without a complete round"


def run_of(role: Role, *tasks: tuple[int, int, int, float], wall_s: float = 1.0) -> Timeline:
    """A run from tasks of (worker, start, end, CPU share), in milliseconds."""
    spans = tuple(
        Span(at, 1, worker, start * 10**6, end * 10**6, round((end - start) * cpu * 1e6), -1)
        for at, (worker, start, end, cpu) in enumerate(tasks)
    )
    return Timeline(0, 0, role, 0, wall_s, 0.0, 0.0, spans)


def bars(axes: Axes) -> list[list[tuple[float, float]]]:
    """Left and right ends of the bars, lane by lane."""
    lanes = [found for found in axes.collections if isinstance(found, PolyCollection)]
    found = []
    for lane in lanes:
        ends = [np.asarray(path.vertices)[:, 0] for path in lane.get_paths()]
        found.append([(float(x.min()), float(x.max())) for x in ends])
    return found


BASELINE = run_of("baseline", (1, 0, 400, 1.0), (1, 400, 1000, 1.0))
MEASURED = run_of("measured", (2, 100, 500, 0.5), (1, 110, 700, 0.0), wall_s=0.8)


def test_a_bar_for_each_task_in_the_lane_of_its_worker() -> None:
    figure = plots.timeline([MEASURED, BASELINE], "primes on thread, n = 2")
    above, below = figure.axes[:2]
    assert above.get_title(loc="left") == "baseline: plain loop, 1 s"
    assert below.get_title(loc="left") == "measured: primes on thread, n = 2, 0.8 s"
    assert np.allclose(bars(above), [[(0, 0.4), (0.4, 1)]])
    assert np.allclose(bars(below), [[(0.1, 0.5)], [(0.11, 0.7)]])
    assert [text.get_text() for text in above.texts] == ["0", "1"]
    assert above.get_xlim() == below.get_xlim()


def test_start_up_and_join_are_shaded() -> None:
    axes = plots.timeline([BASELINE, MEASURED], "").axes[1]
    shades = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    ends = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in shades]
    assert np.allclose(ends, [(0, 0.1), (0.7, 0.8)])


def test_the_colour_is_the_share_on_a_cpu() -> None:
    axes = plots.timeline([BASELINE, MEASURED], "").axes
    lanes = [c for ax in axes[:2] for c in ax.collections if isinstance(c, PolyCollection)]
    colours = [to_hex(np.asarray(lane.get_facecolor())[0]) for lane in lanes]
    assert len(set(colours)) == 3
    assert colours == [to_hex(colormaps["viridis_r"](share)) for share in (1.0, 0.5, 0.0)]


def test_a_run_that_would_be_too_small_has_a_scale_of_its_own() -> None:
    short = run_of("measured", (1, 0, 90, 1.0), wall_s=0.1)
    above, below = plots.timeline([BASELINE, short], "x").axes[:2]
    assert below.get_title(loc="left") == "measured: x, 100 ms"
    assert np.allclose(bars(below), [[(0, 90)]])
    assert below.get_xlabel() == "time since the run's begin [ms]"
    assert above.get_xlabel() == "time since the run's begin [s]"


def test_too_many_workers_are_counted() -> None:
    many = run_of("measured", *((worker, worker, 900, 1.0) for worker in range(40)))
    figure = plots.timeline([many], "")
    assert len(bars(figure.axes[0])) == 32
    assert "… and 8 more workers" in [text.get_text() for text in figure.axes[0].texts]
    figure.draw_without_rendering()
    drawn = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert 0 <= drawn.x0 < drawn.x1 <= width
    assert 0 <= drawn.y0 < drawn.y1 <= height


def test_a_sample_says_of_how_many_tasks_and_workers_it_is() -> None:
    few = run_of("measured", *((worker, worker, 900, 1.0) for worker in range(40)))
    part = dataclasses.replace(few, tasks=100_000, workers=60)
    axes = plots.timeline([part], "x").axes[0]
    assert axes.get_title(loc="left").endswith(", a sample of 40 of 100,000 tasks")
    assert "… and 28 more workers" in [text.get_text() for text in axes.texts]


def test_short_tasks_have_no_number() -> None:
    many = run_of("measured", *((1, k, k + 1, 1.0) for k in range(900)))
    assert plots.timeline([many], "").axes[0].texts[:] == []


def test_an_image_depends_on_nothing_but_the_figure() -> None:
    first, second = (plots.image(plots.speedup(summary(*sweep("pool"))), "svg") for _ in range(2))
    assert first == second
    assert b">workers n</text>" in first
    assert plots.image(plots.speedup(summary(*sweep("pool"))), "png").startswith(b"\x89PNG")


def test_pyplot_is_left_alone() -> None:
    plots.speedup(summary(*sweep("pool")))
    assert plt.get_fignums() == []


def test_an_interval_of_a_few_rounds_does_not_set_the_scale() -> None:
    cells = [cell("pool", 1), cell("pool", 2) | {"speedup_low": 0.1, "speedup_high": 130.0}]
    assert plots.speedup(summary(*cells)).axes[0].get_ylim()[1] < 10
    assert plots.plot(summary(*cells), plots.Choices()).axes[0].get_ylim()[1] < 10
