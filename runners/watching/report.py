"""The report on a watched pool: text, numbers, the timeline and its files."""

import base64
import html
import json
import os
from collections.abc import Mapping
from dataclasses import fields
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners.child.counters import read_counters
from runners.child.ladder import crew, largest_task_share, median, task_times
from runners.child.sample import MOST_SPANS as MOST_SHOWN
from runners.child.sample import sample
from runners.child.watched import CUT, FAILED, GIL, clock_ns
from runners.model import Timeline, UsageError, printable
from runners.planning.environment import usable_cpus
from runners.report.trace import trace_events
from runners.results.columns import SPANS
from runners.results.write import write_files
from runners.watching.ledger import Ledger
from runners.watching.parts import Parts, batches, parts
from runners.watching.why import Facts, why
from runners.words.causes import bytes_text, seconds_text
from runners.words.rounding import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_SPANS = 100_000
"""In the file of spans; of more tasks it has a sample."""


class Report:
    """What was seen of a pool.

    `spans` are those of all tasks that ended, in the order in which they were given in; `summary`
    has the numbers by name, times in seconds and those of the pool in core-seconds (`Parts`).
    """

    def __init__(self, ledger: Ledger) -> None:
        self._about = ledger.about
        self._ledger = ledger
        self._used = read_counters(None).since(ledger.begin)
        seen = ledger.seen()
        self.spans = tuple(sorted(seen.spans))  # by number
        self._more, self._died = seen.more, seen.died
        self._batches = batches(self._open())

    def _open(self) -> list[tuple[int, int]]:
        """The times in which a task was in the pool, as far as they are known."""
        given = self._ledger.submitted
        spans = [
            (given[number] if 0 < given[number] < start else start, end)
            for number, _, _, start, end, _, _ in self.spans
        ]
        # Which result is whose does not matter for when there was any message on its way.
        messages = zip(sorted(self._ledger.went), sorted(self._ledger.came), strict=False)
        return [*spans, *messages]

    @cached_property
    def parts(self) -> Parts | None:
        """Where the time of the pool went; None where no task ended."""
        return parts(self.spans, self._batches, self._about.workers) if self.spans else None

    @cached_property
    def summary(self) -> Mapping[str, Any]:
        about, ledger = self._about, self._ledger
        given = sum(1 for time in ledger.submitted if time)
        times = task_times(self.spans)
        sent, returned = self._sizes()
        found: dict[str, Any] = {
            "pool": about.name,
            "workers": about.workers,
            "worker_kind": about.kind,
            "workers_seen": len({(span.pid, span.thread) for span in self.spans}),
            "usable_cpus": usable_cpus(),
            "tasks": given,
            "ended": len(self.spans),
            "failed": sum(1 for more in self._more if more.flags & FAILED),
            "cancelled": ledger.cancelled if ledger.is_apart else None,
            "unfinished": given - len(self.spans) - ledger.cancelled,
            "broken": ledger.broken,
            "batches": len(self._batches),
            "wall_s": self._wall_s(),
            "task_median_s": median(times) if times else None,
            "task_longest_s": max(times, default=None),
            "largest_task_share": largest_task_share(times) if times else None,
            "wait_s": self._wait_s(),
            "sent_bytes": sent,
            "returned_bytes": returned,
            "max_rss_bytes": max((more.rss_bytes for more in self._more), default=0) or None,
            "gil": any(more.flags & GIL for more in self._more),
            "others_share": self._others_share(),
        }
        return found | (self.parts._asdict() if self.parts is not None else {})

    def _wall_s(self) -> float:
        return (self._batches[-1][1] - self._batches[0][0]) / 1e9 if self._batches else 0.0

    def _wait_s(self) -> float | None:
        """The median time that a task was in the pool before it began."""
        given = self._ledger.submitted
        waits = [span.start_ns - given[span.index] for span in self.spans if given[span.index]]
        return max(median(waits), 0.0) / 1e9 if waits else None

    def _sizes(self) -> tuple[float | None, float | None]:
        """Bytes of a task and of a result, the means of those that were weighed."""
        sent = self._ledger.sent
        tasks = sum(count for count, _, _ in sent)
        back = [more.returned_bytes for more in self._more if more.returned_bytes >= 0]
        return (
            sum(size for _, size, _ in sent) / tasks if tasks else None,
            sum(back) / len(back) if back else None,
        )

    def _others_share(self) -> float:
        """The part of the CPUs that other programs and guests took, from `watch` on; 0: unknown."""
        used, wall_s = self._used, (clock_ns() - self._ledger.begin_ns) / 1e9
        taken = [max(one or 0.0, 0.0) for one in (used.others_cpu_s, used.steal_s)]
        return min(sum(taken) / (wall_s * used.cpus), 1.0) if used.cpus and wall_s else 0.0

    @cached_property
    def text(self) -> str:
        """What is printed at the end of the block."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> list[str]:
        about, found = self._about, self.summary
        head = f"{printable(about.name)}, {counted(about.workers, 'worker')}"
        cpus = found["usable_cpus"]
        head += f" ({cpus:g} usable {'CPU' if cpus == 1 else 'CPUs'})"
        if self.parts is None:
            given = found["tasks"]
            what = "no task was given to it" if not given else f"none of {given} tasks ended"
            return [f"{head}: {what}", *self._troubles()]
        wall = seconds_text(found["wall_s"])
        tasks = f"{found['ended']:,} {'task' if found['ended'] == 1 else 'tasks'}"
        provided_s = self.parts.provided_s
        lines = [
            f"{head}: {tasks} in {wall}",
            f"time of the pool    {seconds_text(provided_s)}, from the first task given in to the "
            f"last result, times {about.workers}",
        ]
        for part in why(self.parts, self._facts(self.parts)):
            share = f"{part.core_s / provided_s:.0%}" if provided_s else "-"
            lines.append(f"  {share:>4}  {part.name:<21}{part.words}".rstrip())
        longest = f"longest {seconds_text(found['task_longest_s'])}"
        if (share := found["largest_task_share"]) is not None:
            longest += f" ({share:.0%} of all work)"
        times = f"tasks               median {seconds_text(found['task_median_s'])}, {longest}"
        if found["wait_s"] is not None:
            times += f"; {seconds_text(found['wait_s'])} in the queue"
        lines += [times, *self._freight(), *self._troubles()]
        lines.append(
            "speedup             not known: nothing was run serially (`runners.speedup` does both)"
        )
        return lines

    def _freight(self) -> list[str]:
        more = any(is_cut for _, _, is_cut in self._ledger.sent)
        less = any(more.flags & CUT for more in self._more)
        said = [
            f"{'at least ' if is_cut else ''}{bytes_text(size)} {what}"
            for size, is_cut, what in zip(
                self._sizes(), (more, less), ("to a task", "back from it"), strict=True
            )
            if size is not None
        ]
        return [f"pickled             {', '.join(said)} (a sample was weighed)"] if said else []

    def _troubles(self) -> list[str]:
        found = self.summary
        counts = [f"{found[name]:,} {name}" for name in ("failed", "cancelled") if found[name]]
        if self._died:
            where = ", ".join(map(str, sorted(set(self._died))[:5]))
            counts.append(f"{len(self._died):,} began and had not ended (process {where})")
        if (others := found["unfinished"] - len(self._died)) > 0:
            what = "had not begun" if self._ledger.is_apart else "cancelled or not ended"
            counts.append(f"{others:,} {what}")
        if found["broken"]:
            counts.append(f"the pool broke ({found['broken']})")
        return [f"not all went well   {', '.join(counts)}"] if counts else []

    def _facts(self, found: Parts) -> Facts:
        summary, times = self.summary, task_times(self.spans)
        open_s = (found.provided_s - found.empty_s) / self._about.workers
        return Facts(
            workers=self._about.workers,
            workers_seen=summary["workers_seen"],
            kind=self._about.kind,
            usable_cpus=summary["usable_cpus"],
            tasks=len(self.spans),
            batches=len(self._batches),
            task_s=sum(times) / len(times),
            largest_share=summary["largest_task_share"],
            cpus=found.cpu_s / open_s if open_s else 0.0,
            ready=(found.cpu_s + found.contention_s) / open_s if open_s else 0.0,
            on_cpu=found.cpu_s / own_s if (own_s := found.cpu_s + found.blocking_s) > 0 else 1.0,
            gil=summary["gil"],
            others_share=summary["others_share"],
            is_chunked=not self._about.chunks or self._ledger.longest_chunk > 1,
            sent_bytes=summary["sent_bytes"],
            returned_bytes=summary["returned_bytes"],
        )

    def _timeline(self, most: int) -> Timeline:
        if not self.spans:
            raise UsageError("watch: no task ended in this pool, so there is no timeline")
        workers = crew(self.spans)
        chosen = sample(workers, most)
        begin = self._batches[0][0]
        return Timeline(
            *(0, 0, "measured", begin, self._wall_s(), 0.0, 0.0),
            spans=tuple(chosen),
            tasks=len(self.spans),
            workers=len(workers),
        )

    @property
    def _name(self) -> str:
        return printable(f"{self._about.name}, {counted(self._about.workers, 'worker')}")

    def figure(self) -> "Figure":
        """The timeline: which worker did which task when. Raises UsageError if no task ended."""
        from runners.report import figures  # matplotlib

        found = figures.timeline([self._timeline(MOST_SHOWN)], self._name)
        # It belongs to no window of pyplot; this is how a notebook shows it all the same.
        found.__dict__["_repr_png_"] = partial(figures.image, found, "png")
        return found

    def _repr_html_(self) -> str:
        """The text and the timeline, for a notebook."""
        said = f'<pre style="font-family: monospace">{html.escape(self.text)}</pre>'
        if not self.spans:
            return said
        from runners.report import figures

        data = base64.b64encode(figures.image(self.figure(), "png")).decode()
        return f'{said}<img style="max-width: 100%" src="data:image/png;base64,{data}">'

    def save(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write watch.txt, watch.json (the summary), spans.jsonl, trace.json and timeline.png.

        Returns their paths; of a pool in which no task ended, the first two. Raises UsageError
        where they cannot be written.
        """
        if not isinstance(folder, str | os.PathLike):
            raise UsageError(f"folder: {folder!r} is no name of a folder; pass a path")
        files = {
            "watch.txt": self.text.encode("utf-8", "replace"),
            "watch.json": _json(self.summary),
        }
        if self.spans:
            from runners.report import figures

            shown = self._timeline(MOST_SHOWN)
            spans = _plain(self._timeline(MOST_SPANS))
            files |= {
                SPANS: _json(spans) + b"\n",
                "trace.json": _json(trace_events([shown], self._name)),
                "timeline.png": figures.image(figures.timeline([shown], self._name), "png"),
            }
        try:
            return write_files(Path(folder), files)
        except OSError as error:
            raise UsageError(f"{folder}: it cannot be written to ({error.strerror})") from None

    def __repr__(self) -> str:
        return f"<Report: {self.text.partition(chr(10))[0]}>"


def _plain(timeline: Timeline) -> dict[str, Any]:
    return {field.name: getattr(timeline, field.name) for field in fields(timeline)}


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
