"""The section of the report on what the cells needed in memory."""

import math
from collections.abc import Iterator, Sequence

from runners.report.entries import Entry, rows
from runners.report.markdown import ALT, table
from runners.words.causes import bytes_text, seconds_text

WHAT = """\
The most that the measuring process and all it started had at a time, in one run of each side that
was not timed: at least that, for it was looked at each 5 ms. A page that several have counts once.
"Copied" is what forked workers had shared at first and copied later. Workers on other machines, and
those of a cluster that ran already, are not counted. The control group of the parallel run, where
one could be made, counts caches of files and memory of the kernel's as well."""


def section(found: Sequence[Entry]) -> Iterator[str]:
    """What the cells needed in memory, and in CPU time; nothing where that was not asked."""
    known = [entry for entry in found if entry.rank > 0 and entry.cell.memory_bytes > 0]
    if not known:
        return
    yield "## Memory"
    yield f"![{ALT['memory']}](memory.png)"
    yield WHAT
    some = rows(known)
    if some.note:
        yield some.note
    head = ["workload", "executor", "n", "baseline", "parallel", "largest worker", "copied"]
    head += ["control group"]
    yield table(
        [*head, "CPU time of a task, baseline", "parallel"],
        (
            [
                *entry.head,
                *(
                    bytes_text(size) if math.isfinite(size) else ""
                    for size in (
                        entry.cell.baseline_memory_bytes,
                        entry.cell.memory_bytes,
                        entry.cell.worker_memory_bytes,
                        entry.cell.copied_memory_bytes,
                        entry.cell.group_memory_bytes,
                    )
                ),
                *(
                    seconds_text(cpu_s) if math.isfinite(cpu_s) else ""
                    for cpu_s in (entry.cell.baseline_task_cpu_s, entry.cell.task_cpu_s)
                ),
            ]
            for entry in some.entries
        ),
    )
