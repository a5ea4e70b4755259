"""A result as text, and as HTML that is readable on a light and on a dark page."""

import base64
import html as markup
from collections.abc import Sequence
from typing import TYPE_CHECKING

from runners.analysis.cell import CellSummary, cells
from runners.model import printable
from runners.report import facts as table
from runners.report.facts import rounds_told, speedup_told
from runners.words.causes import reason
from runners.words.labels import labels
from runners.words.rounding import time_unit

if TYPE_CHECKING:
    import pandas as pd

MOST_BYTES = 300_000
"""Of a figure in the HTML of a result, which a notebook keeps in its file."""
HEAD = ("", "n", "serial", "parallel", "speedup [95% interval]", "of the attainable", "rounds")
# Colours are those of the page; lines are half of them.
LINE = "border-bottom:1px solid color-mix(in srgb, currentColor 25%, transparent)"
CELL = f"padding:0.2em 1em 0.2em 0;text-align:left;vertical-align:top;{LINE}"


def text(summary: "pd.DataFrame", recommendation: str) -> str:
    """The table of the cell, or that of all cells with what they recommend."""
    found = cells(summary)
    lines = [_title(summary, found)]
    if len(found) == 1:
        [cell] = found
        if cell.rounds == 0:
            lines.append(_failed(cell))
        else:
            facts = table.facts(cell)
            column = table.width(facts)
            lines += [f"{name:<17}{left:<{column}}{right}" for name, left, right in facts]
        lines += [f"{name:<17}{kind}{rest}" for name, kind, rest in table.notes(cell)]
        return "\n".join(line.rstrip() for line in lines)
    rows = [HEAD, *_rows(summary, found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (f"{part:<{width}}" for part, width in zip(row, widths, strict=True))
        lines.append("  ".join(padded).rstrip())
    return "\n".join([*lines, *recommendation.splitlines()])


def html(summary: "pd.DataFrame", recommendation: str, image: bytes) -> str:
    """The same, with an image if there is one, a PNG."""
    found = cells(summary)
    parts = [f"<div><b>{_escaped(_title(summary, found))}</b></div>"]
    if len(found) == 1:
        [cell] = found
        parts.append(_table(table.facts(cell)) if cell.rounds else _lines(_failed(cell)))
        parts += [_paragraph(f"{name}: {kind}{rest}") for name, kind, rest in table.notes(cell)]
    else:
        parts.append(_table([HEAD, *_rows(summary, found)]))
        parts += map(_paragraph, recommendation.splitlines())
        parts.append(_figure(image))
    return f'<div class="speedup-lab">{"".join(parts)}</div>'


def _title(summary: "pd.DataFrame", found: "Sequence[CellSummary]") -> str:
    first, panels = found[0], _panels(summary)
    cpus = f"{first.usable_cpus:g} usable CPUs"
    if len(found) > 1:
        return f"{', '.join(dict.fromkeys(panels))} ({cpus})"
    what = f"{panels[0]} on {first.executor}, n = {first.n}"
    return f"{what} ({cpus})   {rounds_told(first.rounds)}"


def _panels(summary: "pd.DataFrame") -> list[str]:
    return [str(name) for name in labels(summary)["panel"]]


def _rows(summary: "pd.DataFrame", cells: "Sequence[CellSummary]") -> list[tuple[str, ...]]:
    """A row for each cell."""
    lines, panels = labels(summary)["line"], _panels(summary)
    several = len(set(panels)) > 1
    found: list[tuple[str, ...]] = []
    for cell, line, panel in zip(cells, lines, panels, strict=True):
        name = f"{panel} on {line}" if several else str(line)
        if cell.status != "ok" or cell.rounds == 0:
            found.append((name, str(cell.n), "", "", cell.status, reason(cell.error or ""), ""))
            continue
        times = (_seconds(cell.times[role].median.estimate) for role in ("baseline", "measured"))
        share = f"{cell.speedup.estimate / cell.bound:.0%}"
        found.append(
            (name, str(cell.n), *times, speedup_told(cell.speedup), share, str(cell.rounds))
        )
    return found


def _seconds(value: float) -> str:
    unit, scale = time_unit(value)
    return f"{value * scale:.3g} {unit}"


def _failed(cell: "CellSummary") -> str:
    return f"{cell.status}: {cell.error or ''}"


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    head, *body = rows
    return (
        '<table style="border-collapse:collapse;background:none;color:inherit;font-size:inherit">'
        f"<tr>{''.join(_field('th', part) for part in head)}</tr>"
        + "".join(f"<tr>{''.join(_field('td', part) for part in row)}</tr>" for row in body)
        + "</table>"
    )


def _field(tag: str, part: str) -> str:
    return f'<{tag} style="{CELL}">{_escaped(part)}</{tag}>'


def _lines(text: str) -> str:
    """As they stand: a traceback, say."""
    style = "font-family:monospace;margin-top:0.4em"
    return f'<pre style="{style}">{chr(10).join(map(_escaped, text.splitlines()))}</pre>'


def _paragraph(line: str) -> str:
    return f'<div style="margin-top:0.4em">{_escaped(line)}</div>'


def _figure(image: bytes) -> str:
    if not image or len(image) > MOST_BYTES:
        return ""
    source = base64.b64encode(image).decode()
    style = "max-width:100%;background:white;margin-top:0.6em"
    return f'<img alt="speedup" style="{style}" src="data:image/png;base64,{source}">'


def _escaped(text: str) -> str:
    return markup.escape(printable(text))
