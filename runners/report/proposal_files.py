"""The files of a proposal: Markdown, CSV, LaTeX (booktabs) and the figure."""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence

from runners.analysis.interval import Interval
from runners.report import figures
from runners.report.markdown import bullets, table
from runners.report.proposal import Proposal, Row
from runners.words import escaping
from runners.words.rounding import bracketed

SMALL = 0.01
"""Smaller numbers of core-hours have a power of ten in the head of their column."""


def written(proposal: Proposal, unfinished: str = "") -> dict[str, bytes]:
    """The content of its files, by name. `unfinished` is a line if the sweep has cells to go."""
    figure = figures.proposal(proposal)
    texts = {
        "md": markdown(proposal, unfinished),
        "csv": as_csv(proposal),
        "tex": latex(proposal, unfinished),
    }
    return {
        **{f"{proposal.file}.{end}": text.encode("utf-8") for end, text in texts.items()},
        f"{proposal.file}.pdf": figures.image(figure, "pdf"),
        f"{proposal.file}.png": figures.image(figure, "png"),
    }


def _power(rows: Iterable[Row]) -> int:
    """The power of ten that the core-hours have, where they are small."""
    largest = max((row.core_hours.estimate for row in rows), default=1.0)
    if largest >= SMALL or not largest > 0:
        return 0
    return 3 * math.floor(math.log10(largest) / 3)


def _body(proposal: Proposal) -> Iterator[list[str]]:
    """The table's rows as text, without its first column."""
    scale = 10.0 ** -_power(proposal.rows)
    for row in proposal.rows:
        cost = row.core_hours.scaled(scale)
        percent = row.efficiency.scaled(100)
        yield [
            *([f"{row.work}×"] if proposal.weak else []),
            "?" if row.nodes is None else str(row.nodes),
            *(_told(each) for each in (row.time_s, row.speedup, percent, cost)),
        ]


def _told(interval: Interval) -> str:
    return bracketed(interval.estimate, interval.low, interval.high)


def _head(proposal: Proposal, power: str) -> list[str]:
    work, scaled = (["work"], "scaled speedup") if proposal.weak else ([], "speedup")
    return ["n", *work, "nodes", "time (s)", scaled, "efficiency (%)", f"core-hours{power}"]


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def markdown(proposal: Proposal, unfinished: str = "") -> str:
    """The page of a proposal."""
    power = _power(proposal.rows)
    head = _head(proposal, f" (10{str(power).translate(_RAISED)})" if power else "")
    first = [f"1 ({proposal.loop})", *(str(row.n) for row in proposal.measured)]
    rows = [[n, *rest] for n, rest in zip(first, _body(proposal), strict=True)]
    name = escaping.markdown(proposal.title())
    what = f"{proposal.line} on {proposal.where}. Taken because {proposal.why}."
    parts = [
        f"# {name}",
        *([f"**{escaping.markdown(unfinished)}**"] if unfinished else []),
        escaping.markdown(what),
        table(head, rows),
        f"![{name}]({proposal.file}.png)",
        proposal.about(),
        *(["What to know of these numbers:", bullets(proposal.notes)] if proposal.notes else []),
    ]
    return "\n\n".join(parts) + "\n"


def as_csv(proposal: Proposal) -> str:
    """A line for each row of the table, with all digits."""
    names = ("time", "speedup", "efficiency", "core_hours", "speedup_n1")
    ends = ("", "_low", "_high")
    units = {"time": "_s"}
    file = io.StringIO()
    out = csv.writer(file, lineterminator="\n")
    numbers = [f"{name}{end}{units.get(name, '')}" for name in names for end in ends]
    out.writerow(
        ["workload", "executor", "n", "nodes", "work", *numbers, "rounds", "node", "flags"]
    )
    for row in proposal.rows:
        found = (row.time_s, row.speedup, row.efficiency, row.core_hours, row.over_n1)
        values = [value for each in found for value in (each.estimate, each.low, each.high)]
        nodes = "" if row.nodes is None else row.nodes
        names_of = [escaping.csv(text) for text in (proposal.panel, row.name or proposal.loop)]
        digits = [f"{value:.6g}" if math.isfinite(value) else "" for value in values]
        remarks = [escaping.csv(text) for text in (proposal.where, row.flags)]
        out.writerow([*names_of, row.n, nodes, row.work, *digits, row.rounds, *remarks])
    return file.getvalue()


def _two_lines(cells: Sequence[str]) -> Iterator[str]:
    """A row of a table of LaTeX with its intervals below the numbers: beside them is no room."""
    parts = [cell.partition(" [") for cell in cells]
    below = [rf"\scriptsize{{}}[{end}" if bracket else "" for _, bracket, end in parts]
    yield " & ".join(number for number, _, _ in parts) + r" \\"
    if any(below):
        yield " & ".join(below).lstrip() + r" \\[2pt]"


def latex(proposal: Proposal, unfinished: str = "") -> str:
    """A table and a figure that can be pasted; the notes are comments above them."""
    power = _power(proposal.rows)
    head = _head(proposal, "")
    shown = [*map(escaping.latex, head[:-1]), "core-hours" + (f" ($10^{{{power}}}$)" * bool(power))]
    first = [f"1 ({escaping.latex(proposal.loop)})", *(str(row.n) for row in proposal.measured)]
    rows = [
        line
        for n, rest in zip(first, _body(proposal), strict=True)
        for line in _two_lines([n, *map(escaping.latex, rest)])
    ]
    caption = f"{proposal.title()} with {proposal.line} on {proposal.where}."
    notes = [*([unfinished] if unfinished else []), *proposal.notes]
    return "\n".join(
        [
            r"% \usepackage{booktabs,graphicx} in the preamble; table* for a page of two columns",
            *(f"% {' '.join(note.split())}" for note in notes),
            r"\begin{table}",
            r"  \centering\small\setlength{\tabcolsep}{3pt}",
            rf"  \caption{{{escaping.latex(caption)} {escaping.latex(proposal.about())}}}",
            rf"  \label{{tab:{proposal.file}}}",
            rf"  \begin{{tabular}}{{{'r' * len(shown)}}}",
            r"    \toprule",
            f"    {' & '.join(shown)} \\\\",
            r"    \midrule",
            *(f"    {row}" for row in rows),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
            "",
            r"\begin{figure}",
            r"  \centering",
            rf"  \includegraphics{{{proposal.file}.pdf}}",
            rf"  \caption{{{escaping.latex(caption)} Bars are 95\% intervals.}}",
            rf"  \label{{fig:{proposal.file}}}",
            r"\end{figure}",
            "",
        ]
    )
