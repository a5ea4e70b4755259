"""Why a watched pool lost what it lost, as far as that is known without a serial run.

What a task needs when it runs alone is what `words.causes` compares with; here nothing was run
alone. So only what the one run itself shows is named, and everything else is not determined.
"""

from collections.abc import Sequence
from typing import NamedTuple

from runners.model import Workers
from runners.watching.parts import Parts
from runners.words.causes import (
    BYTES_MATTER,
    MATTERS,
    OTHERS,
    OVERHEAD,
    SHORT_S,
    TITLES,
    bytes_text,
    round_up,
    seconds_text,
)
from runners.words.rounding import counted

MOST_ON_ONE, ONE_READY = 1.35, (0.8, 1.5)
"""Threads that compute in turns use no more CPUs, all together, and would use so many: a little
beside the one is for waiting for the turn (`words.causes`)."""
HARDLY = 0.1
"""Tasks that compute for less of their time wait, mostly; that for a CPU does not count."""


class Facts(NamedTuple):
    """What was seen of a pool, beside the parts of its time.

    `cpus` is how many CPUs the tasks used while any was in the pool, `ready` how many they would
    have used, and `on_cpu` the part of their time that they computed, had they never waited for a
    CPU. Sizes are of a task, those of messages that were weighed; None where
    none was.
    """

    workers: int
    workers_seen: int
    kind: Workers
    usable_cpus: float
    tasks: int
    batches: int
    task_s: float
    largest_share: float | None
    cpus: float
    ready: float
    on_cpu: float
    gil: bool
    others_share: float
    is_chunked: bool
    sent_bytes: float | None
    returned_bytes: float | None


class Why(NamedTuple):
    """A part of a pool's time for readers: its name, its core-seconds and what is known of it."""

    name: str
    core_s: float
    words: str


def why(parts: Parts, facts: Facts) -> Sequence[Why]:
    """The parts that matter, the largest first, with the CPU time of the tasks at their head."""
    causes = {
        "empty": _empty,
        "startup": _startup,
        "dispatch": _dispatch,
        "balance": _balance,
        "blocking": _blocking,
        "contention": _contention,
    }
    names = {"empty": "no task in the pool", **TITLES}
    found = [
        Why(names[key], core_s, causes[key](parts, facts))
        for key, core_s in parts.losses().items()
        if core_s >= MATTERS * parts.provided_s
    ]
    found.sort(key=lambda one: one.core_s, reverse=True)
    rest_s = parts.provided_s - parts.cpu_s - sum(one.core_s for one in found)
    if rest_s >= MATTERS * parts.provided_s:
        found.append(Why("smaller parts", rest_s, ""))
    return [Why("CPU time of tasks", parts.cpu_s, ""), *found]


def _empty(parts: Parts, facts: Facts) -> str:
    gaps = counted(facts.batches - 1, "time")
    return f"the program did something else, {gaps}: give in the next tasks sooner"


def _startup(parts: Parts, facts: Facts) -> str:
    first_s, all_s = parts.first_s / facts.workers, parts.startup_s / facts.workers
    words = f"{seconds_text(first_s)} until the first task ran"
    if all_s - first_s > MATTERS * all_s:
        others = "batches" if facts.batches > 1 else "results"
        words += f", {seconds_text(all_s - first_s)} to begin and end {others}"
    if heavy := _heavy(facts):
        return f"{words}; {heavy}"
    return f"{words}: give the pool more work, or make it once"


def _heavy(facts: Facts) -> str:
    said = [
        f"{what} {bytes_text(size)}"
        for what, size in (
            ("each task carries", facts.sent_bytes),
            ("each result brings back", facts.returned_bytes),
        )
        if size is not None and size >= BYTES_MATTER
    ]
    return " and ".join(said)


def _dispatch(parts: Parts, facts: Facts) -> str:
    if heavy := _heavy(facts):
        return f"workers had no task in between; {heavy}"
    if facts.workers_seen > facts.workers:
        seen = counted(facts.workers_seen, "worker")
        return f"{seen} took turns, {facts.workers} at a time: replace them less often"
    gap_s = parts.dispatch_s / facts.tasks
    if gap_s < SHORT_S and facts.task_s < SHORT_S and facts.task_s * OVERHEAD < gap_s:
        times = round_up(gap_s / OVERHEAD / max(facts.task_s, 1e-7))
        words = f"a task takes {seconds_text(facts.task_s)}, handing it out {seconds_text(gap_s)}"
        chunks = "" if facts.is_chunked else f", or map with chunksize={times}"
        return f"{words}: put {times:,} calls into one task{chunks}"
    return "workers had no task in between; why is not determined"


def _balance(parts: Parts, facts: Facts) -> str:
    each = facts.tasks / facts.batches
    if each < facts.workers:
        workers = counted(facts.workers, "worker")
        if facts.batches > 1:
            tasks = f"{each:.2g} {'task' if each == 1 else 'tasks'} at a time"
            return f"{tasks} for {workers}: give in more before the program waits for results"
        return f"{counted(facts.tasks, 'task')} for {workers}: cut the work finer"
    if facts.largest_share is not None and facts.largest_share > 1.25 / facts.workers:
        return f"one task is {facts.largest_share:.0%} of all work: cut it finer"
    return "workers had nothing more to do at different times; why is not determined"


def _blocking(parts: Parts, facts: Facts) -> str:
    if facts.on_cpu < HARDLY:
        return "tasks hardly compute, they wait: more workers may wait at the same time"
    in_turns = facts.cpus < MOST_ON_ONE and ONE_READY[0] < facts.ready < ONE_READY[1]
    if facts.kind == "thread" and facts.gil and facts.workers > 1 and in_turns:
        return (
            f"all threads together kept {facts.ready:.1f} CPUs busy, as they do where one computes "
            "at a time: if tasks hold the GIL, use processes"
        )
    locks = "the GIL, " if facts.kind == "thread" and facts.gil else ""
    return f"tasks waited, for {locks}a lock, I/O or threads of their own: which is not determined"


def _contention(parts: Parts, facts: Facts) -> str:
    said = []
    if facts.others_share > OTHERS:
        said.append(f"other programs or guests took {facts.others_share:.0%} of the CPUs")
    if facts.workers > facts.usable_cpus and facts.on_cpu >= HARDLY:
        cpus = f"{facts.usable_cpus:g} {'CPU' if facts.usable_cpus == 1 else 'CPUs'}"
        workers = counted(facts.workers, "worker")
        said.append(f"{workers} share {cpus}: use no more workers than CPUs")
    return "; ".join(said) or "tasks were ready and had no CPU; why is not determined"
