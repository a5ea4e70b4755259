"""Figures as they are within a page."""

import math
import re
from xml.etree import ElementTree

import pytest

from runners.report import figures
from runners.report.page import svg
from tests.report.page.test_build import FIGURE


def test_a_figure_has_no_style_of_its_own_and_ids_that_begin_with_its_name() -> None:
    made = svg.inline(FIGURE, "speedup", "a <title>")
    assert "style" not in made
    assert 'id="speedup-m1"' in made
    assert 'href="#speedup-m1"' in made
    assert 'fill="#ffffff"' in made
    assert "font-family" not in made
    assert "figure_1" not in made  # nothing refers to it
    assert "M 0.12 0" in made
    assert "a &lt;title&gt;" in made
    root = ElementTree.fromstring(made)
    assert root.get("role") == "img"
    assert root.get("width") == "96"
    assert root[0].get("id") == root.get("aria-labelledby")


def test_a_figure_of_matplotlib_is_the_same_but_for_that() -> None:
    with figures.styled():
        figure = figures.new_figure(3, 2)
        axes = figure.subplots()
        axes.plot([1, 2], [1, 2], clip_on=True, marker="o", label="</svg><script>")
        axes.set_title("</svg><script>alert(1)</script>")
        figure.legend()
    data = figures.image(figure, "svg")
    made = svg.inline(data, "f", "f")
    assert "<script" not in made
    assert "style=" not in made
    kept, own = ElementTree.fromstring(data), ElementTree.fromstring(made)
    for tag in ("path", "use", "text", "clipPath"):
        assert len(list(own.iter(tag))) == len(list(kept.iter(f"{svg.SVG}{tag}"))) > 0
    refers = [one.get("clip-path") for one in own.iter() if one.get("clip-path")]
    ids = {one.get("id") for one in own.iter("clipPath")}
    assert {str(name).removeprefix("url(#").removesuffix(")") for name in refers} == ids


def test_what_is_no_svg_is_refused() -> None:
    with pytest.raises(ValueError, match="speedup"):
        svg.inline(b"an image", "speedup", "")


@pytest.mark.parametrize("interval", [(1.0, 0.9, 1.2), (1.0, math.nan, math.nan), (1.0, -3.0, 999)])
def test_a_bar_stays_within_its_scale(interval: tuple[float, float, float]) -> None:
    root = ElementTree.fromstring(svg.interval_bar(interval, 2.0))
    lines = [path.get("d", "") for path in root]
    assert lines[-1] == "M50 2v6"
    assert len(lines) == (2 if math.isnan(interval[1]) else 3)
    across = [float(x) for line in lines for x in re.findall(r"[MH]([-.\d]+)", line)]
    assert all(0 <= x <= 100 for x in across)


def test_points_are_in_order_and_those_that_do_not_count_are_rings() -> None:
    made = svg.points([1.0, 2.0, 3.0], [True, False, False], (2.5, 2.0, 3.0), "1 < 2")
    root = ElementTree.fromstring(made)
    assert root.findtext("title") == "1 < 2"
    [full] = [path.get("d", "") for path in root if path.get("class") == "full"]
    [ring] = [path.get("d", "") for path in root if path.get("class") == "ring"]
    assert full.count("h0") == 2
    assert ring.count("M") == 1
    first, second = (part.split() for part in full.split("h0")[:2])
    assert int(first[0][1:]) < int(second[0][1:])
    assert int(first[1]) > int(second[1])  # the larger one is further up
    assert svg.points([1.0], [False], (math.nan,) * 3, "").count("<path") == 1
