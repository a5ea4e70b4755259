"""What all figures share: sizes and fonts, notes and legends, and how a figure becomes a file.

No function here needs a display or touches the global state of pyplot.
"""

import io
import math
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

Style = Mapping[str, Any]
MOST_PIXELS = 12_000
"""Along a side of an image: what is larger has a lower resolution."""
MOST_NOTED, MOST_LISTED = 6, 8
"""In a note: lines with cells that are not drawn, and the n of one; others are counted."""
MARKERS = "osD^vph"
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (3, 1, 1, 1, 1, 1)))
"""Of lines, beside their colours: any one of the three is enough to tell a few."""
LABEL = 48
"""Characters in a line of the legend."""

_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "hatch.linewidth": 0.6,
    "text.parse_math": False,  # a `$` in a name is a character
}
_ENTRY = 0.18  # inches of a line in the legend
_LEGEND = 0.6  # inches that figures have for it
_LINE = 0.16  # inches of a further line of a title
_LETTER = 0.1  # inches of a letter in it, across
_BESIDE = 0.6  # inches that the numbers take from the width of a panel
_WIDTHS = {1: 6.0, 2: 8.0, 3: 9.6}  # inches, by columns


Form = Literal["png", "svg", "pdf"]
FORMS: tuple[Form, ...] = ("png", "svg")
"""What each figure is written as; the page shows the second."""
STYLES = ("screen", "paper")
_PAPER: dict[Any, Any] = {"axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6}
_PAPER_POINTS = 8.0


BEYOND = 2.5
"""An axis ends at so many times the highest point, where the interval of a few rounds goes on."""


@contextmanager
def styled(style: str = "screen", font: float | None = None) -> Iterator[None]:
    """The look of every figure; only what is made inside has it.

    `font` is the size of its text in points; by default it is that of the style.
    """
    own = dict(_STYLE)
    points = font or (_PAPER_POINTS if style == "paper" else None)
    if points is not None:
        scale = points / _STYLE["font.size"]
        own |= {name: size * scale for name, size in _STYLE.items() if name.endswith("size")}
    own |= _PAPER if style == "paper" else {}
    with sns.axes_style("ticks"), matplotlib.rc_context(own):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, whose parts make room for each other."""
    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(h_pad=0.06, w_pad=0.05))


def grid(heights: Sequence[float], names: Sequence[str]) -> tuple[Figure, list[Axes]]:
    """A figure with one panel of each of the heights, in inches, in up to three columns.

    A height is that of a panel whose name, its title, takes one line.
    """
    columns = min(len(heights), 3 if len(heights) not in (2, 4) else 2)
    lines = [wrapped(name, letters(_WIDTHS[columns] / columns)).count("\n") for name in names]
    heights = [height + _LINE * more for height, more in zip(heights, lines, strict=True)]
    rows = [max(heights[at : at + columns]) for at in range(0, len(heights), columns)]
    figure = new_figure(_WIDTHS[columns], sum(rows) + 0.5)
    found = figure.subplots(len(rows), columns, squeeze=False, height_ratios=rows).ravel().tolist()
    for axes in found[len(heights) :]:
        axes.remove()
    return figure, found[: len(heights)]


def title(axes: Axes, text: str) -> None:
    """What a panel shows, in lines that it has room for."""
    spec = axes.get_subplotspec()
    figure = axes.get_figure(root=True)
    assert spec is not None
    assert figure is not None
    width = figure.get_figwidth() / spec.get_gridspec().ncols
    axes.set_title(wrapped(text, letters(width)), loc="left", weight="bold")


def letters(width: float) -> int:
    """How many characters a title's line has in a panel of so many inches."""
    return int((width - _BESIDE) / _LETTER)


def wrapped(text: str, width: int) -> str:
    """The text in lines of that many characters, which end where a part of a name does."""
    lines = [""]
    for part in re.findall(r"[^\s_./:=,-]*[\s_./:=,-]?", text):
        if len(lines[-1]) + len(part.rstrip()) > width and lines[-1]:
            lines.append("")
        lines[-1] += part
        while len(lines[-1].rstrip()) > width:
            lines[-1:] = [lines[-1][:width], lines[-1][width:]]
    return "\n".join(line.strip() for line in lines)


def not_drawn(cells: pd.DataFrame, drawn: pd.DataFrame) -> list[str]:
    """Which of the cells are not among those that are drawn, and why: a line, or none."""
    missing = cells.drop(drawn.index)
    why = missing["status"].where(missing["status"] != "ok", "without a complete round")
    groups = [
        (f"{line} n={_few(sorted(group['n']))} {reason}", len(group))
        for (line, reason), group in missing.groupby(["line", why], sort=False)
    ]
    parts = [text for text, _ in groups[:MOST_NOTED]]
    if more := sum(count for _, count in groups[MOST_NOTED:]):
        parts.append(f"{more} more")
    return [f"not drawn: {'; '.join(parts)}"] if parts else []


def _few(ns: Sequence[int]) -> str:
    more = len(ns) - MOST_LISTED
    return ", ".join(map(str, ns[:MOST_LISTED])) + (f" and {more} more" if more > 0 else "")


def heading(figure: Figure, text: str, **style: Any) -> None:
    """Say that above all panels, and above what is said there already; "" says nothing."""
    if text:
        lines = [*textwrap.wrap(text, letters(figure.get_figwidth())), figure.get_suptitle()]
        how = {"fontsize": 8.5, "color": "0.35"} | style
        figure.suptitle("\n".join(filter(None, lines)), **how)


def note_missing(axes: Axes, cells: pd.DataFrame, drawn: pd.DataFrame, *more: str) -> None:
    """Say below a panel which of its cells are not in it and why, and what `more` there is."""
    notes = not_drawn(cells, drawn)
    if drawn.empty:
        axes.text(0.5, 0.5, "nothing to draw", transform=axes.transAxes, ha="center", color="0.4")
    text = "\n".join(line for note in (*notes, *more) for line in textwrap.wrap(note, 46))
    if text:
        axes.annotate(
            text,
            (0, 0),
            (0, -32),
            xycoords="axes fraction",
            textcoords="offset points",
            va="top",
            fontsize=7.5,
            color="0.35",
        )


def legend(figure: Figure, handles: Iterable[Artist]) -> None:
    """One legend below all panels, in as many columns as fit into the figure's width.

    The figure grows by what a long one needs, which would else be taken from the panels.
    """
    found = list(handles)
    lengths = [min(len(str(handle.get_label())), LABEL) for handle in found]
    scale = matplotlib.rcParams["legend.fontsize"] / _STYLE["legend.fontsize"]
    widths = [scale * (0.6 + 0.065 * length) for length in lengths]  # inches
    fitting = [
        count
        for count in range(1, len(found) + 1)
        if sum(max(column) for column in np.array_split(widths, count)) <= figure.get_figwidth()
    ]
    columns = max(fitting, default=1)
    lines = sum(str(handle.get_label()).count("\n") + 1 for handle in found)
    more = max(0.0, scale * _ENTRY * lines / columns - _LEGEND)
    figure.set_figheight(figure.get_figheight() + more)
    figure.legend(handles=found, loc="outside lower center", ncols=columns, frameon=False)


def line_styles(lines: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour, marker and dashes for each line: any one of the three is enough to tell a few."""
    colours = sns.color_palette("colorblind", max(len(lines), 1))
    return {
        line: {
            "color": colours[at],
            "marker": MARKERS[at % len(MARKERS)],
            "ls": DASHES[at % len(DASHES)],
        }
        for at, line in enumerate(lines)
    }


def tick_labels(ns: Sequence[int]) -> list[str]:
    """Every n, but for those that stand too close to others to be read: not the first or last."""
    labels, nearest = [], (ns[-1] / ns[0]) ** 0.07
    after = math.inf
    for n in reversed(ns):
        labels.append(str(n) if n * nearest < after else "")
        after = n if labels[-1] else after
    if len(ns) > 1 and not labels[-1]:  # the first, instead of the one beside it
        labels[next(k for k in reversed(range(len(ns) - 1)) if labels[k])] = ""
        labels[-1] = str(ns[0])
    return labels[::-1]


def image(figure: Figure, form: Form) -> bytes:
    """The figure as a file's content; the same figure gives the same bytes. Text stays text."""
    engine = figure.get_layout_engine()
    if engine is not None:  # once for all forms: of a large figure it takes most of the time
        engine.execute(figure)
        figure.set_layout_engine("none")
    file = io.BytesIO()
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form, {})
    dpi = min(200.0, MOST_PIXELS / max(figure.get_size_inches()))
    rc: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "speedup-lab"}
    rc["pdf.fonttype"] = 42  # journals refuse the other kind
    with matplotlib.rc_context(rc | {"text.parse_math": False}):
        figure.savefig(file, format=form, dpi=dpi, metadata=metadata)
    return file.getvalue()
