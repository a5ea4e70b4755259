"""The flags of a cell in words: what each says, and what to do about it."""

import re
from collections.abc import Iterable

from runners.model import Flag, FlagCode

WORDS: dict[FlagCode, tuple[str, str]] = {
    "first_calls": (
        "first calls take {}",
        "later calls find their result or their data ready (a cache, imports, state): "
        "measure.fresh=true measures first calls; of workload=callable, "
        "workload.arguments_per_round=true gives each round other arguments",
    ),
    "busy_machine": (
        "busy machine: {}",
        "repeat when it is quiet, or let measure.wait_quiet_s wait for that",
    ),
    "few_rounds": (
        "fewer than {}",
        "the intervals are wide: raise measure.time_budget_s or shrink the tasks",
    ),
    "outliers": (
        "outliers in {}",
        "something else ran now and then: nothing was left out, and medians hardly move",
    ),
    "trend": (
        "trend over rounds",
        "the machine grew slower or faster: let it rest, or measure longer",
    ),
    "processes_disagree": (
        "processes disagree",
        "interpreters differ, or the machine changed between them: raise measure.interpreters",
    ),
    "position": (
        "the side that runs first differs",
        "a run may leave something behind for the next one: caches, memory, files; each side "
        "comes first equally often, so that the speedup lies between both",
    ),
    "time_spent": (
        "most of the time went elsewhere: {}",
        "raise measure.time_budget_s, or give the tasks more work and smaller results",
    ),
    "methods_disagree": (
        "methods disagree",
        "a typical round and the total say different things: some rounds are very uneven",
    ),
    "steal": (
        "steal {}",
        "other guests of this host took CPU time: repeat at a quieter time",
    ),
    "throttled": (
        "throttled {}",
        "the control group's CPU quota was used up: use fewer workers, or set a larger quota",
    ),
    "oversubscribed": (
        "more workers than usable CPUs ({})",
        "they take turns: set n no higher than the usable CPUs",
    ),
    "fewer_cpus": (
        "the job has fewer CPUs than n ({})",
        "workers take turns on them: ask for as many CPUs (cluster.cpus, or --cpus-per-task of "
        "sbatch), or set n no higher",
    ),
    "not_exclusive": (
        "other jobs may run on its node",
        "what they do is in the times: take whole nodes (cluster.exclusive=true, or --exclusive of "
        "sbatch)",
    ),
    "beyond_cores": (
        "more workers than physical cores ({})",
        "two threads of a core share its units, so that each gets less than a core, with no serial "
        "share in it: compare n = the cores, or placement=cores and siblings",
    ),
    "library_threads": (
        "threads x workers > CPUs ({})",
        "each worker has its own: cap them (OMP_NUM_THREADS=1, cv2.setNumThreads(1), "
        "POLARS_MAX_THREADS=1, n_jobs=1, or as the library has it), or use fewer workers",
    ),
    "timer_cost": (
        "timer cost {}",
        "timing such short tasks takes a large part of the run: put more work into each",
    ),
    "short_runs": (
        "runs shorter than 1 ms",
        "the executor's own cost hides the rest: give it more work",
    ),
    "not_steady": (
        "no steady state",
        "times still fell in the rounds that count: raise measure.warmup",
    ),
    "same_tasks": (
        "each task is done {} times",
        "weak scaling repeats the tasks, which find their data in the caches: give the workload "
        "fresh ones (tasks_for)",
    ),
    "above_bound": (
        "above what the machine gives ({})",
        "no program has more CPU time than there is: perhaps the sides do not do the same work, "
        "or one of them finds more of its data in the caches",
    ),
    "equal_draws": (
        "tasks returned equal draws in {} runs",
        "workers begin with the same random state, as forked ones do, and some results are copies "
        "of others: seed per task",
    ),
    "leaves_behind": (
        "a run leaves {}",
        "what is left may disturb later runs: end and remove it in the task, or in the workload's "
        "release or __exit__",
    ),
    "shared_connection": (
        "open across a fork: {}",
        "a connection is one process's: open one in each worker, or executor.start_method=spawn",
    ),
    "by_name": (
        "{} works here by its name",
        "in a program of your own, give the workers a function at the top level of a module",
    ),
    "unguarded": (
        "{} when the file is imported",
        'put it under if __name__ == "__main__":',
    ),
    "computing_coroutines": (
        "coroutines compute between their awaits: {} of their time",
        "they share one thread, which is all that they can keep busy: use processes",
    ),
    "loop_threads": (
        "coroutines have their work done in threads ({} CPUs one by one)",
        "run_in_executor and to_thread: what limits threads limits it; if that is the GIL, use "
        "processes",
    ),
    "open_ports": (
        "{} listens on all addresses of this machine while it runs",
        "a network of its own could not be made (it takes Linux, CAP_SYS_ADMIN, which root has, "
        "and an MPI that starts its workers itself): close its ports by a firewall, or choose "
        "executor=process_pool or loky",
    ),
    "gil_enabled": (
        "the GIL was switched on by {}",
        "threads take turns as in any other build: look for a version of the module that declares "
        "itself safe without the GIL; gil=off measures without it, at your own risk",
    ),
    "copied_memory": (
        "forked workers copied {} of what they shared",
        "who looks at an object writes its reference count, and the page of it is copied: keep "
        "large data in arrays, or in shared memory, and not in many objects",
    ),
    "other_clocks": (
        "no ladder: left out {} by another machine's clock",
        "their times cannot be put beside those of this one, in timelines neither; the speedup "
        "counts them; for a ladder measure with all workers on one machine",
    ),
}
"""Of each code: what the flag says, with {} for its detail, and what to do about it."""

FORMER: dict[str, tuple[FlagCode, str]] = {
    "fewer than {} rounds": ("few_rounds", "{} rounds"),
    "BLAS threads x workers > CPUs ({})": ("library_threads", "BLAS, {}"),
}
"""What version 0.2 said, with the code and the detail that it stands for now."""

_SEPARATOR = "; "


def told(flag: Flag) -> str:
    """What the flag says, as in "outliers in measured (2)"."""
    return WORDS[flag.code][0].format(flag.detail)


def remedy(flag: Flag) -> str:
    """What to do about it."""
    return WORDS[flag.code][1]


def as_text(flags: Iterable[Flag]) -> str:
    """All flags of a cell as one text, for a file."""
    return _SEPARATOR.join(map(told, flags))


def from_text(text: str) -> tuple[Flag, ...]:
    """The flags that `as_text` wrote. Raises ValueError where one is not known here."""
    return tuple(map(_recognised, text.split(_SEPARATOR))) if text else ()


def _recognised(text: str) -> Flag:
    for says, (code, detail) in _sayings().items():
        before, _, after = says.partition("{}")
        found = re.fullmatch(f"{re.escape(before)}(.*){re.escape(after)}", text)
        if found and bool(found[1]) == ("{}" in says):
            return Flag(code, detail.format(found[1]))
    raise ValueError(f"{text!r} is no flag that this version knows")


def _sayings() -> dict[str, tuple[FlagCode, str]]:
    now = {says: (code, "{}" if "{}" in says else "") for code, (says, _) in WORDS.items()}
    return FORMER | now
