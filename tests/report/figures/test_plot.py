"""A figure of one's own, and those made of it: what is drawn where, and what is refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from runners.model import UsageError
from runners.report import figures as plots
from runners.report.figures import Choices
from runners.report.figures.drawing import tick_labels
from runners.report.figures.plot import log_ticks
from runners.report.options import chosen, parser
from tests.synthetic import summary


def cell(executor: str, n: int, **columns: Any) -> dict[str, Any]:
    speedup = columns.pop("speedup", 0.9 * n)
    return {
        **{"cell": f"{executor}{n}{columns}", "executor": executor, "n": n, "rounds": 9},
        **{"speedup": speedup, "speedup_low": speedup * 0.9, "speedup_high": speedup * 1.1},
        **{"efficiency": speedup / n, "efficiency_low": 0.5, "efficiency_high": 1.0},
        **{"measured_median_s": 1 / n, "measured_low_s": 0.9 / n, "measured_high_s": 1.1 / n},
        "baseline_median_s": 1.0,
        **columns,
    }


SWEEP = [
    cell(executor, n, **{"workload.end": end, "executor.start_method": method})
    for executor, method in (("pool", "fork"), ("pool", "spawn"), ("thread", None))
    for n in (1, 2, 4)
    for end in (200_000, 1_000_000)
]


def titles(figure: Figure) -> list[str]:
    return [axes.get_title(loc="left").replace("\n", " ") for axes in figure.axes]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def ticks(figure: Figure) -> list[str]:
    return [label.get_text() for label in figure.axes[0].get_xticklabels()]


def points(figure: Figure) -> list[float]:
    bars = [found for found in figure.axes[0].containers if isinstance(found, ErrorbarContainer)]
    return sorted(y for bar in bars for y in np.asarray(bar.lines[0].get_ydata(), float).tolist())


def note(figure: Figure) -> str:
    return figure.get_suptitle().replace("\n", " ")


def test_columns_are_on_x_in_colour_in_dashes_and_in_panels() -> None:
    figure = plots.plot(
        summary(*SWEEP),
        Choices(x="end", y="seconds", colour="executor", dash="start_method", panel="n"),
    )
    assert titles(figure) == ["n = 1", "n = 2", "n = 4"]
    assert ticks(figure) == ["200000", "1000000"]
    assert legend(figure) == ["pool, fork", "pool, spawn", "thread, none"]
    assert points(figure) == [1.0] * 6
    assert note(figure) == ""


def test_numbers_are_sorted_as_numbers() -> None:
    figure = plots.plot(summary(*SWEEP), Choices())
    assert [name.split("=")[1] for name in titles(figure)] == ["200000", "1000000"]
    figure = plots.plot(summary(*SWEEP), Choices(x="executor", colour="workload.end", panel="n"))
    assert legend(figure)[:2] == ["end = 200000", "end = 1000000"]


def test_what_the_choices_do_not_tell_apart_is_said_and_not_averaged() -> None:
    figure = plots.plot(summary(*SWEEP), Choices(colour="executor", panel="workload"))
    assert note(figure) == ("Lines of one look differ in workload.end and executor.start_method.")
    assert len(points(figure)) == len(SWEEP)


def test_one_value_on_x_gives_a_point_for_each_colour() -> None:
    figure = plots.plot(summary(*(one for one in SWEEP if one["n"] == 2)), Choices(panel="end"))
    assert ticks(figure) == ["pool start_method=fork", "pool start_method=spawn", "thread"]
    assert figure.axes[0].get_xlabel() == "executor"


def test_a_cell_without_an_interval_is_hollow() -> None:
    alone = cell("thread", 2, speedup_low=float("nan"), speedup_high=float("nan"))
    figure = plots.plot(summary(cell("thread", 1), alone), Choices())
    bars = [found for found in figure.axes[0].containers if isinstance(found, ErrorbarContainer)]
    hollow = [bar.lines[0].get_markerfacecolor() == "none" for bar in bars]
    assert sorted(
        zip(hollow, (len(np.asarray(bar.lines[0].get_xydata())) for bar in bars), strict=True)
    ) == [
        (False, 1),
        (True, 1),
    ]
    assert "no interval" in legend(figure)


@pytest.mark.parametrize("choice", [{"x": 5}, {"colour": 5}, {"y": None}, {"log_y": "x"}])
def test_choices_are_names(choice: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(choice))):
        Choices(**choice)


def test_a_size_without_room_for_more_than_text_is_told() -> None:
    with pytest.raises(UsageError, match=r"size=1\.5x1\.5: its text leaves no room"):
        plots.plot(summary(*SWEEP), Choices(size=(1.5, 1.5), font=12))


def test_size_and_font_are_as_chosen() -> None:
    figure = plots.plot(summary(*SWEEP), Choices(size=(3.4, 2.4), font=6, style="paper"))
    assert figure.get_size_inches().tolist() == [3.4, 2.4]
    assert figure.axes[0].xaxis.label.get_fontsize() == 6


def test_efficiency_in_percent_and_seconds_beside_the_plain_loop() -> None:
    figure = plots.plot(summary(*SWEEP), Choices(y="efficiency"))
    assert figure.axes[0].yaxis.get_major_formatter()(0.5, 0) == "50%"
    figure = plots.seconds(summary(*SWEEP))
    assert legend(figure)[-1] == "the plain loop"
    assert figure.axes[0].get_yscale() == "log"


def test_weak_scaling_has_a_figure_where_there_are_several_n() -> None:
    assert plots.weak(summary(*SWEEP)) is None
    weak = [{**cell("pool", n), "scaling": "weak"} for n in (1, 2)]
    assert plots.weak(summary(*weak[:1])) is None
    figure = plots.weak(summary(*weak, *SWEEP))
    assert figure is not None
    assert titles(figure) == ["primes, weak scaling"]


def test_break_even_has_a_figure_where_tasks_have_several_lengths() -> None:
    assert plots.break_even(summary(*SWEEP)) is None
    lengths = {100: (1e-5, 0.01), 1000: (1e-4, 0.1), 10_000: (1e-3, 0.9), 100_000: (1e-2, 1.8)}
    cells = [
        cell("pool", 2, speedup=speedup, **{"workload.end": end, "task_s": task_s, "tasks": 8})
        for end, (task_s, speedup) in lengths.items()
    ]
    figure = plots.break_even(summary(*cells))
    assert figure is not None
    assert titles(figure) == ["primes, by end"]
    [crossing] = [line for line in figure.axes[0].lines if line.get_marker() == "|"]
    assert 1e-3 < np.asarray(crossing.get_xdata(), float)[0] < 1e-2


def test_the_words_of_the_command_are_these_choices() -> None:
    words = "DIR --x n --colour executor --dash start_method --panel workload --y efficiency"
    words += " --size 3.4x2.4 --font 8 --format pdf,svg --style paper --log-y"
    asked, forms = chosen(parser().parse_args(words.split()))
    assert asked == Choices(
        *("n", "efficiency", "executor", "start_method", "workload"),
        log_y=True,
        size=(3.4, 2.4),
        font=8.0,
        style="paper",
    )
    assert forms == ["pdf", "svg"]
    assert chosen(parser().parse_args(["DIR"])) == (None, ["png", "svg"])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--x exec", "did you mean executor?"),
        ("--y speedups", "did you mean speedup?"),
        ("--y executor", "y=executor: no such number"),
        ("--panel ends", "did you mean end?"),
        ("--size big", "as in 3.4x2.4"),
        ("--size 3.4", "as in 3.4x2.4"),
        ("--size 0.1x2", "size=0.1x2: width and height in inches, from 1.5"),
        ("--size 200x200", "size=200x200: width and height in inches, from 1.5 to 100"),
        ("--font big", "in points, from 4 to 40"),
        ("--font 400", "in points, from 4 to 40"),
        ("--format gif", "choose some of png, svg, pdf"),
        ("--format png,sgv", "did you mean svg?"),
    ],
)
def test_what_there_is_not_is_told_with_what_there_is(words: str, told: str) -> None:
    def figure() -> None:
        asked, _ = chosen(parser().parse_args(["DIR", *words.split()]))
        plots.plot(summary(*SWEEP), asked or Choices())

    with pytest.raises(UsageError) as caught:
        figure()
    assert told in str(caught.value)


@given(st.floats(1e-6, 1e3), st.floats(1.3, 1e6))
def test_a_logarithmic_axis_has_from_two_to_seven_labels(low: float, factor: float) -> None:
    ticks = log_ticks(low, low * factor)
    assert 2 <= len(ticks) <= 7
    assert all(low <= tick <= low * factor for tick in ticks)
    assert ticks == sorted(ticks)


def test_of_names_each_has_its_dots_beside_each_other_and_dashes_are_markers() -> None:
    cells = summary(*(cell(e, n) for e in ("pool", "thread") for n in (1, 2, 4)))
    figure = plots.plot(cells, Choices(x="executor", dash="n", colour="executor"))
    lines = [line for line in figure.axes[0].lines if line.get_marker() not in ("None", "", None)]
    places = {round(float(x), 6) for line in lines for x in np.atleast_1d(line.get_xdata())}
    assert len(places) == 6
    [legend] = figure.legends
    handles: Any = legend.legend_handles
    assert len({handle.get_marker() for handle in handles[:3]}) == 3
    assert figure.get_suptitle() == ""
    untold = plots.plot(cells, Choices(x="executor"))
    assert untold.get_suptitle() == "Dots of one look differ in n."


def test_a_legend_that_is_wider_than_the_figure_leaves_no_room() -> None:
    name = "an_executor_with_a_very_long_name_of_its_own"
    cells = summary(cell("pool", 1), cell(name, 1), cell("pool", 2), cell(name, 2))
    with pytest.raises(UsageError, match="leaves no room"):
        plots.plot(cells, Choices(size=(2.5, 4), font=14))


def test_the_first_and_the_last_n_have_their_labels() -> None:
    assert tick_labels([1, 2, 4, 5, 6, 7, 8]) == ["1", "2", "4", "5", "6", "", "8"]
    assert tick_labels([7, 8]) == ["7", "8"]
    every = tick_labels(list(range(1, 65)))
    assert (every[0], every[-1]) == ("1", "64")


def test_a_plain_loop_is_drawn_where_it_is_one() -> None:
    rows = [cell("thread", n, python=p, python_build=p) for n in (1, 2) for p in ("a", "b")]
    for own, drawn in ((rows[::2], True), (rows, False)):
        figure = plots.seconds(summary(*own))
        told = [text.get_text() for text in figure.legends[0].get_texts()]
        assert ("the plain loop" in told) == drawn


def test_the_version_that_is_here_has_a_name() -> None:
    rows = [cell("thread", n, code_version=v) for n in (1, 2) for v in ("", "older")]
    figure = plots.plot(summary(*rows), Choices(colour="code_version"))
    told = [text.get_text() for text in figure.legends[0].get_texts()]
    assert told[:2] == ["here", "older"]


def test_lines_stand_beside_each_other_whatever_the_numbers() -> None:
    rows = [cell(e, 2, **{"workload.end": end}) for e in ("pool", "thread") for end in (1e5, 2e5)]
    axes = plots.plot(summary(*rows), Choices(x="workload.end", panel="n")).axes[0]
    lines = [line for line in axes.lines if line.get_marker() not in ("None", "", None)]
    places = {float(x) for line in lines for x in np.atleast_1d(line.get_xdata())}
    assert len(places) == 4
