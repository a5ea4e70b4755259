"""Where the speedup passes 1 as tasks grow, and what is said where it does not."""

import math
from typing import Any

import pandas as pd
import pytest

from runners.analysis.break_even import BreakEven, break_even

TASK_S = (1e-5, 1e-4, 1e-3, 1e-2)


def cells(*speedups: float, width: float = 0.0, **columns: Any) -> list[dict[str, Any]]:
    """Rows of the summary: a countdown in each of the lengths of `TASK_S`."""
    return [
        {
            **{"workload": "countdown", "executor": "pool", "n": 2, "scaling": "strong"},
            **{"worker_kind": "process", "status": "ok", "tasks": 8, "task_s": task_s},
            **{"workload.count": round(task_s * 1e8), "speedup": speedup},
            **{"speedup_low": speedup * (1 - width), "speedup_high": speedup * (1 + width)},
            **columns,
        }
        for task_s, speedup in zip(TASK_S, speedups, strict=True)
    ]


def curves(*rows: dict[str, Any]) -> list[BreakEven]:
    return list(break_even(pd.DataFrame(list(rows))))


def curve(*rows: dict[str, Any]) -> BreakEven:
    [found] = curves(*rows)
    return found


def test_a_curve_is_what_was_measured_from_short_to_long() -> None:
    found = curve(*reversed(cells(0.1, 0.5, 1.5, 1.9)))
    assert (found.panel, found.parameter, found.line, found.n) == ("countdown", "count", "pool", 2)
    assert found.task_s == TASK_S
    assert found.tasks == (8,) * 4
    assert [speedup.estimate for speedup in found.speedups] == [0.1, 0.5, 1.5, 1.9]


def test_it_breaks_even_between_two_lengths() -> None:
    at = curve(*cells(0.1, 0.5, 2.0, 1.9)).at_s
    assert at.estimate == pytest.approx(math.sqrt(1e-4 * 1e-3))  # halfway, on both scales
    at = curve(*cells(0.1, 0.25, 2.0, 1.9)).at_s
    assert at.estimate == pytest.approx(1e-4 * 10 ** (2 / 3))


def test_its_bounds_are_where_those_of_the_speedups_pass_1() -> None:
    found = curve(*cells(0.1, 0.5, 2.0, 1.9, width=0.1))
    low, high = (1e-4 * 10 ** (math.log(1 / (0.5 * f)) / math.log(4)) for f in (1.1, 0.9))
    assert (found.at_s.low, found.at_s.high) == pytest.approx((low, high))
    assert found.text() == "316 µs [270, 377]"


def test_a_speedup_that_comes_and_goes_counts_from_where_it_stays() -> None:
    at = curve(*cells(1.01, 0.5, 2.0, 1.9)).at_s
    assert at.estimate == pytest.approx(math.sqrt(1e-4 * 1e-3))


@pytest.mark.parametrize(
    ("speedups", "width", "text"),
    [
        ((1.2, 1.5, 1.8, 1.9), 0.1, "always, even at 10.0 µs"),
        ((0.1, 0.2, 0.5, 0.6), 0.1, "never up to 10.0 ms"),
        ((0.1, 0.2, 0.98, 0.99), 0.05, "never clearly up to 10.0 ms"),
        ((0.1, 0.2, 1.01, 1.01), 0.05, "never clearly up to 10.0 ms"),
        ((0.1, 0.2, 1.01, 0.9), 0.05, "never up to 10.0 ms"),
        ((0.5, 1.5, 1.5, 0.5), 0.1, "some lengths, but not at 10.0 ms"),
        ((0.5, 1.5, 1.5, 1.0), 0.1, "some lengths, but not clearly at 10.0 ms"),
        ((0.95, 1.5, 1.8, 1.9), 0.1, "at most 22.0 µs"),
        ((1.05, 1.5, 1.8, 1.9), 0.1, "at most 14.4 µs"),
    ],
)
def test_what_is_said(speedups: tuple[float, ...], width: float, text: str) -> None:
    assert curve(*cells(*speedups, width=width)).text() == text


def test_other_parameters_executors_and_n_have_curves_of_their_own() -> None:
    speedups = (0.1, 0.5, 2.0, 1.9)
    rows = [
        row | {"workload.repeat": repeat}
        for row, repeat in (
            *((row, 8) for row in cells(*speedups)),
            *((row, 16) for row in cells(*speedups, tasks=16)),
            *((row, 8) for row in cells(*speedups, n=4)),
            *((row, 8) for row in cells(*speedups, executor="thread")),
        )
    ]
    found = [(c.panel, c.line, c.n) for c in curves(*rows)]
    assert found == [
        ("countdown repeat=16", "pool", 2),
        ("countdown repeat=8", "pool", 2),
        ("countdown repeat=8", "pool", 4),
        ("countdown repeat=8", "thread", 2),
    ]


def test_what_does_not_change_the_length_of_a_task_is_no_curve() -> None:
    rows = cells(0.9, 1.0, 1.1, 1.2)
    assert curves(*(row | {"task_s": 0.01 + at / 1000} for at, row in enumerate(rows))) == []
    assert curves(*(row | {"workload.count": at % 2} for at, row in enumerate(rows))) == []


def test_only_measured_cells_of_real_executors_count() -> None:
    assert curves(*cells(0.1, 0.5, 2.0, 1.9, worker_kind="caller")) == []
    rows = cells(0.1, 0.5, 2.0, 1.9)
    found = curve(*rows[:-1], rows[-1] | {"status": "timeout"})
    assert found.task_s == TASK_S[:-1]
    assert curves(*rows[:-2]) == []


def test_lengths_without_an_interval_are_left_out_or_are_the_reason() -> None:
    """A single round has none."""
    rows = cells(0.1, 0.5, 2.0, 1.9)
    rows[0] |= {"speedup_low": math.nan, "speedup_high": math.nan}
    assert curve(*rows).task_s == TASK_S[1:]
    rows[1] |= {"speedup_low": math.nan, "speedup_high": math.nan}
    text = curve(*rows).text()
    assert text == "not known: 2 of 4 lengths have no interval; raise measure.time_budget_s"


@pytest.mark.parametrize("values", ["abcd", [False, True, False, True]])
def test_a_parameter_that_is_no_number_is_no_size(values: Any) -> None:
    rows = cells(0.1, 0.5, 2.0, 1.9)
    for row, value in zip(rows, values, strict=True):
        row["workload.count"] = value
    assert curves(*rows) == []
