"""The report's section on several interpreters: what each makes of the same workload."""

from collections.abc import Iterator, Sequence
from dataclasses import astuple

from runners.analysis.across import SAME, Across, Gain
from runners.analysis.interval import Interval
from runners.report.entries import cut
from runners.report.markdown import bullets, table
from runners.words.escaping import markdown as escaped
from runners.words.many import spread
from runners.words.rounding import bracketed, duration

FIGURE = "pythons"
MOST_WORKLOADS = 8

ABOUT = f"""\
![The plain loop and the speedups on each interpreter]({FIGURE}.png)

"Against" is the plain loop's time on an interpreter over that on the first one named: above 1 it is
slower there. The speedups beside it are against the plain loop of the same interpreter. What a
change of both is worth, interpreter and executor, is in the second table: the time of the first
interpreter's plain loop over that of the executor on this one."""

UNPAIRED = """\
Some of these have fewer than two rounds in common with the first plain loop: there, two sets of
times are compared, and what the machine did between them is in the difference."""


def section(found: Sequence[Across], notes: Sequence[str]) -> list[str]:
    """The section as paragraphs; nothing where there is nothing to compare."""
    if not found:
        return []
    parts = ["## Across interpreters", ABOUT]
    if len(some := spread(found, MOST_WORKLOADS)) < len(found):
        parts.append(
            f"{len(some)} of {len(found)} workloads, evenly in the order of their names; all are "
            "in summary.csv."
        )
    for workload in some:
        parts += [f"### {escaped(workload.panel)}", *_tables(workload)]
    return [*parts, bullets(cut(notes))] if notes else parts


def _tables(workload: Across) -> Iterator[str]:
    ways = workload.ways
    names = [f"{way} n = {n}" for way, n in ways]
    yield table(
        ["interpreter", workload.loop, f"against {workload.first}", *names],
        (
            [
                one.name,
                _time(one.loop_s),
                _ratio(one.loop),
                *(_field(one.gains.get(way), gain=False) for way in ways),
            ]
            for one in workload.interpreters
        ),
    )
    if not workload.paired:
        yield UNPAIRED
    if ways:
        yield f"Times faster than the {workload.loop} on {escaped(workload.first)}:"
        yield table(
            ["interpreter", workload.loop, *names],
            (
                [
                    one.name,
                    _ratio(SAME.over(one.loop)),
                    *(_field(one.gains.get(way), gain=True) for way in ways),
                ]
                for one in workload.interpreters
            ),
        )


def _field(cell: Gain | None, *, gain: bool) -> str:
    """Its ratio, or its status where it has none."""
    if cell is None:
        return ""
    if cell.status != "ok":
        return cell.status
    return _ratio(cell.gain if gain else cell.speedup)


def _time(seconds: Interval) -> str:
    return duration(*astuple(seconds))


def _ratio(ratio: Interval) -> str:
    if ratio.low == ratio.high == 1:
        return "1"
    return bracketed(*astuple(ratio))
