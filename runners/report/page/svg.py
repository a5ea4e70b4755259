"""Figures inside a page: matplotlib's SVG as part of its markup, and small ones of our own.

The page's content policy allows no style of an element's own, so what matplotlib writes there
becomes attributes.
"""

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from markupsafe import Markup, escape

SVG, LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
_DROPPED = ("metadata", "style")
_KEPT = re.compile(r"(fill|stroke|opacity|font-size|font-weight|font-style|text-anchor|clip)")
_NUMBER = re.compile(r"-?\d+\.\d{3,}")


def inline(svg: bytes, name: str, title: str) -> Markup:
    """A figure as markup; its ids begin with `name`, so that several may be on a page.

    Raises ValueError where it is no SVG.
    """
    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError as error:
        raise ValueError(f"{name}: {error}") from None
    for element in list(root.iter()):
        for child in list(element):
            if child.tag.removeprefix(SVG) in _DROPPED:
                element.remove(child)
    used = set(re.findall(r"#([\w.-]+)", svg.decode()))
    for element in root.iter():
        element.tag = element.tag.removeprefix(SVG)
        element.attrib = dict(_attributes(element, name, used))
        if not (element.text or "").strip():
            element.text = None
        if not (element.tail or "").strip():
            element.tail = None
    root.attrib.pop("height", None)
    if (width := root.get("width", "")).endswith("pt"):
        root.set("width", f"{float(width[:-2]) * 4 / 3:.0f}")  # of the page, in its pixels
    label = ElementTree.Element("title", {"id": f"{name}-title"})
    label.text = title
    root.insert(0, label)
    root.attrib |= {"role": "img", "aria-labelledby": f"{name}-title"}
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _attributes(
    element: ElementTree.Element, name: str, used: set[str]
) -> Sequence[tuple[str, str]]:
    """Those of the element as they are in the page."""
    found = []
    for key, value in element.attrib.items():
        if key == "style":
            parts = (part.partition(":") for part in value.split(";"))
            styles = {prop.strip(): setting.strip() for prop, _, setting in parts}
            found += [(k, v) for k, v in styles.items() if _KEPT.match(k)]
        elif key == "id":
            if value in used:
                found.append((key, f"{name}-{value}"))
        else:
            found.append(("href" if key == LINK else key, value))
    return [(key, _renamed(key, _rounded(key, value), name)) for key, value in found]


def _rounded(key: str, value: str) -> str:
    """A tenth of a hundredth of a point is not seen, and there are many of them."""
    if key == "id":
        return value
    short = _NUMBER.sub(lambda found: f"{float(found[0]):.2f}", value)
    return " ".join(short.split())


def _renamed(key: str, value: str, name: str) -> str:
    if key == "href" and value.startswith("#"):
        return f"#{name}-{value[1:]}"
    return value.replace("url(#", f"url(#{name}-")


def interval_bar(values: Sequence[float], most: float) -> Markup:
    """An estimate with its interval on a line from 0 to `most`, with a mark at 1."""
    at = [f"{100 * min(max(value, 0.0), most) / most:.3g}" for value in (*values, 1.0)]
    estimate, low, high, one = at
    line = f'<path d="M{low} 5H{high}"/>' if values[1] == values[1] else ""
    return Markup(
        '<svg class="bar" viewBox="0 0 100 10" aria-hidden="true">'
        f'<path class="one" d="M{one} 0v10"/>{line}<path class="at" d="M{estimate} 2v6"/></svg>'
    )


def part_bar(begin: float, end: float) -> Markup:
    """A part of a whole, from one share of it to another."""
    low, high = sorted(100 * min(max(end_, 0.0), 1.0) for end_ in (begin, end))
    return Markup(
        f'<svg class="part" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        f'<path d="M{low:.3g} 3H{high:.3g}"/></svg>'
    )


WIDTH, HEIGHT = 400, 80


def points(
    values: Sequence[float], hollow: Sequence[bool], interval: Sequence[float], title: str
) -> Markup:
    """Values in their order as points, some of them hollow; behind them an estimate's interval."""
    known = [*values, *(end for end in interval if end == end)]
    low, high = min(known), max(known)
    pad = (high - low) * 0.08 or abs(high) * 0.05 or 1.0
    low, high = low - pad, high + pad

    def y(value: float) -> int:
        return round(HEIGHT * (high - value) / (high - low))

    step = WIDTH / (len(values) + 1)
    full, rings = "", ""
    for at, (value, is_hollow) in enumerate(zip(values, hollow, strict=True), 1):
        x = round(at * step)
        if is_hollow:
            rings += f"M{x - 3} {y(value)}a3 3 0 1 0 6 0a3 3 0 1 0-6 0"
        else:
            full += f"M{x} {y(value)}h0"
    band = ""
    if len(interval) == 3 and interval[0] == interval[0]:
        estimate, below, above = interval
        if below == below:
            top, bottom = y(above), y(below)
            band = f'<path class="band" d="M0 {top}H{WIDTH}V{bottom}H0z"/>'
        band += f'<path class="mid" d="M0 {y(estimate)}H{WIDTH}"/>'
    return Markup(
        f'<svg class="points" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<title>{escape(title)}</title>{band}"
        + (f'<path class="full" d="{full}"/>' if full else "")
        + (f'<path class="ring" d="{rings}"/>' if rings else "")
        + "</svg>"
    )
