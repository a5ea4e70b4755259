"""The matrix is read back from its artists: every pair of the summary is in its field."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation

from runners.report import figures as plots
from runners.report.figures.matrix import _ink, matrix_n
from tests.report.figures.test_speedup import cut_off


def cell(workload: str, executor: str, speedup: float = 1.5, **columns: Any) -> dict[str, Any]:
    identity = {"workload": workload, "executor": executor, "n": 2, "scaling": "strong"}
    numbers = {"status": "ok", "worker_kind": "thread", "speedup": speedup}
    bounds = {"speedup_low": 0.97 * speedup, "speedup_high": 1.03 * speedup}
    return identity | numbers | bounds | columns


def drawn(*cells: dict[str, Any]) -> Figure:
    return plots.matrix(pd.DataFrame(list(cells)), 2)


def names(axes: Axes) -> tuple[list[str], list[str]]:
    rows, columns = axes.get_yticklabels(), axes.get_xticklabels()
    return [row.get_text() for row in rows], [column.get_text() for column in columns]


def fields(axes: Axes) -> dict[tuple[str, str], list[str]]:
    """The words in each field, from the top."""
    rows, columns = names(axes)
    found: dict[tuple[str, str], list[str]] = {}
    for text in axes.texts:
        assert isinstance(text, Annotation)
        x, y = text.xy
        if text.get_text():
            found.setdefault((rows[round(y)], columns[round(x)]), []).append(text.get_text())
    return found


def faces(axes: Axes) -> dict[tuple[str, str], Rectangle]:
    rows, columns = names(axes)
    patches = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    return {(rows[round(p.get_y() + 0.5)], columns[round(p.get_x() + 0.5)]): p for p in patches}


def test_every_pair_is_in_its_field_with_its_interval() -> None:
    axes = drawn(
        cell("hashing", "thread", 1.8),
        cell("hashing", "pool", 1.2),
        cell("countdown", "thread", 0.5),
        cell("countdown", "thread", 9.9, n=4),
    ).axes[0]
    assert fields(axes) == {
        ("hashing", "thread"): ["1.80", "[1.75, 1.85]"],
        ("hashing", "pool"): ["1.20", "[1.16, 1.24]"],
        ("countdown", "thread"): ["0.500", "[0.485, 0.515]"],
    }
    assert axes.get_title(loc="left") == "n = 2 [95% interval]"


def test_pairs_that_are_not_ok_are_hatched_with_their_status_and_missing_ones_blank() -> None:
    axes = drawn(
        cell("hashing", "thread"),
        cell("hashing", "pool", status="unsupported"),
        cell("countdown", "pool", np.nan),
    ).axes[0]
    words, patches = fields(axes), faces(axes)
    assert words["hashing", "pool"] == ["unsupported"]
    assert words["countdown", "pool"] == ["no round"]
    hatched = {pair for pair, patch in patches.items() if patch.get_hatch()}
    assert hatched == {("hashing", "pool"), ("countdown", "pool")}
    assert ("countdown", "thread") not in patches


def test_a_speedup_without_an_interval_stands_alone() -> None:
    unknown = {"speedup_low": np.nan, "speedup_high": np.nan}
    assert fields(drawn(cell("hashing", "thread", 1.8, **unknown)).axes[0]) == {
        ("hashing", "thread"): ["1.80"]
    }


def test_executors_stand_together_by_kind_and_workloads_by_name() -> None:
    kinds = {"mpi": "remote", "pool": "process", "thread": "thread", "loky": "process"}
    cells = [
        cell(workload, executor, worker_kind=kind)
        for workload in ("primes", "hashing")
        for executor, kind in kinds.items()
    ]
    expected = ["hashing", "primes"], ["thread", "loky", "pool", "mpi"]
    assert names(drawn(*cells).axes[0]) == expected


def test_the_scale_is_centred_at_1_and_as_wide_to_both_sides() -> None:
    figure = drawn(
        cell("a", "pool", 4.0), cell("b", "pool", 0.25), cell("c", "pool"), cell("d", "pool", 1e-4)
    )
    patches = faces(figure.axes[0])
    colour = {row: np.array(to_rgb(patch.get_facecolor())) for (row, _), patch in patches.items()}
    assert colour["a"][2] > colour["a"][0]  # faster: blue
    assert colour["b"][0] > colour["b"][2]  # slower: red
    assert np.allclose(colour["b"], colour["d"])  # beyond the scale
    bar = figure.axes[1]
    assert bar.get_ylim() == pytest.approx((0.25, 4))
    assert [label.get_text() for label in bar.get_yticklabels()] == [
        *("0.25×", "0.5×", "1×", "2×", "4×"),
    ]


@given(st.tuples(*[st.floats(0, 1)] * 3))
def test_words_can_be_read_on_any_colour(face: tuple[float, float, float]) -> None:
    def luminance(colour: tuple[float, float, float]) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(face), luminance(to_rgb(_ink(face)))), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5  # WCAG 2.1, level AA


@pytest.mark.parametrize("count", [2, 12])
def test_nothing_is_cut_off_and_words_stay_in_their_fields(count: int) -> None:
    cells = [
        cell(f"workload{row} chunks=1000", f"executor{column:02} chunksize=4", speedup, status=ok)
        for row in range(count)
        for column in range(count)
        for speedup, ok in [((1.234, 0.000321)[row % 2], "ok" if column else "interrupted")]
    ]
    figure = drawn(*cells)
    assert cut_off(figure) == []
    [axes, _] = figure.axes
    patches = faces(axes)
    rows, columns = names(axes)
    texts = [text for text in axes.texts if text.get_text()]
    assert len(texts) >= count * count
    for text in texts:
        assert isinstance(text, Annotation)
        x, y = text.xy
        field = patches[rows[round(y)], columns[round(x)]].get_window_extent()
        box = text.get_window_extent()
        assert field.x0 <= box.x0 <= box.x1 <= field.x1
        assert field.y0 <= box.y0 <= box.y1 <= field.y1


def test_the_matrix_is_drawn_for_the_n_with_most_cells() -> None:
    def found(*cells: tuple[str, str, int]) -> int | None:
        rows = [cell(workload, executor, n=n) for workload, executor, n in cells]
        return matrix_n(pd.DataFrame(rows))

    square = [(workload, executor) for workload in "ab" for executor in ("pool", "thread")]
    assert found(*((*pair, n) for pair in square for n in (2, 4))) == 4
    assert found(*((*pair, n) for pair in square for n in (2, 4)), ("c", "pool", 2)) == 2
    assert found(*((*pair, 2) for pair in square), *(("a", f"e{k}", 8) for k in range(9))) == 2
    assert found(("a", "pool", 2), ("a", "thread", 2), ("b", "pool", 4)) is None
