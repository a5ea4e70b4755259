"""The table of a paper: `summary.tex`, with the rules of booktabs."""

import math
from collections.abc import Iterable

from runners.analysis.candidate import times
from runners.report.entries import Entry
from runners.words.escaping import latex
from runners.words.rounding import duration

HEAD = ("workload", "executor", "$n$", "$T_1$", "$T_n$", "speedup [95\\%]", "efficiency")


def tex(cells: Iterable[Entry]) -> str:
    """A tabular with a row for each cell, to be put in by `\\input`; not for a whole page's length.

    What was not measured has the cell's status instead of numbers.
    """
    lines = [
        "% Needs \\usepackage{booktabs}",
        "\\begin{tabular}{llrrrrr}",
        "\\toprule",
        f"{' & '.join(HEAD)} \\\\",
        "\\midrule",
    ]
    for one in cells:
        cell = one.cell
        head = [latex(one.panel), latex(one.line), str(cell.n)]
        if math.isfinite(cell.speedup.estimate):
            walls = (cell.times[side].median.estimate for side in ("baseline", "measured"))
            found = [*map(duration, walls), times(cell.speedup)]
            found.append(f"{cell.efficiency.estimate:.0%}")
            rest = " & ".join(map(latex, found))
        else:
            rest = f"\\multicolumn{{4}}{{l}}{{{latex(cell.status)}}}"
        lines.append(f"{' & '.join(head)} & {rest} \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"]) + "\n"
