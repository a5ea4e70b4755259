"""Where in the code a cell loses its time: the functions of its profiles, by kind of loss."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from runners.model import Frame, Mode, Profile, Role, Stack

Kind = Literal["pickling", "GIL", "computing", "waiting", "idle"]
"""Pickling and unpickling; holding the GIL otherwise; on a CPU, or ready for one, without the GIL;
a task that waits; a thread that waits outside of tasks: for work, for results, for others."""

What = Literal["pickling", "task", "other"]
TRIAL, TIMED = Frame("main", "trial.py"), "timing.py"
"""The main thread of a measuring process, and what has the clock in it: all else is not timed."""
TASK = Frame("run_task", "worker.py")
"""A task runs in it: `child.worker`."""
HELPERS, WORKER = ("resource_tracker.py", "forkserver.py"), "BaseProcess._bootstrap"
"""Processes of `multiprocessing` that run no task, and what those that it starts have."""
PICKLERS = ("reduction.py", "pickle.py", "cloudpickle.py")
"""Files of which every function pickles or unpickles, and so does whatever it calls."""
RECEIVERS = {("recv", "connection.py"), ("get", "queues.py")}
"""Functions that receive and then unpickle, in C, by a call of their own."""
PIPES = ("connection.py", "queues.py", "synchronize.py", "threading.py")
"""What receivers call that is not unpickling."""


@dataclass(frozen=True, slots=True)
class Place:
    """A function, and what it takes of a run in each side, in thread-seconds.

    `caller` is the function that calls it where it waits or pickles, else "".
    """

    kind: Kind
    function: str
    caller: str
    seconds: Mapping[Role, float]


@dataclass(frozen=True, slots=True)
class Places:
    """Functions by their losses, and of each side what each kind takes of a run in all, in s."""

    places: tuple[Place, ...]
    totals: Mapping[Role, Mapping[Kind, float]]

    def has_gil(self, role: Role) -> bool:
        return self.totals[role]["GIL"] > 0

    def pickling(self, role: Role) -> float:
        """The part that pickling has of the time in which the GIL is held; without a GIL, of the
        time on a CPU. 0 where there is none."""
        own = self.totals.get(role)
        if own is None:
            return 0.0
        other = own["GIL"] if self.has_gil(role) else own["computing"]
        return own["pickling"] / (own["pickling"] + other) if own["pickling"] > 0 else 0.0


def places(profiles: Mapping[Role, Profile]) -> Places:
    """The functions of a cell in the order of what they take of the measured side, most first."""
    taken: dict[tuple[Kind, str, str], dict[Role, float]] = defaultdict(dict)
    totals: dict[Role, dict[Kind, float]] = {}
    for role, profile in profiles.items():
        own = totals[role] = dict.fromkeys(get_args(Kind), 0.0)
        for key, seconds in _taken(profile).items():
            taken[key][role] = seconds
            own[key[0]] += seconds
    found = [Place(*key, seconds) for key, seconds in taken.items()]
    found.sort(key=lambda one: (-one.seconds.get("measured", 0.0), one.function, one.caller))
    return Places(tuple(found), totals)


def _taken(profile: Profile) -> dict[tuple[Kind, str, str], float]:
    """What each function takes of a run by itself.

    Each mode has samples of its own, so that a difference of two is noise where it is small.
    """
    wall, cpu, gil = (_by_function(profile, mode) for mode in get_args(Mode))
    found: dict[tuple[Kind, str, str], float] = defaultdict(float)
    holding: dict[str, float] = defaultdict(float)
    for (what, function, caller), seconds in (gil or cpu).items():
        if what == "pickling":
            found["pickling", function, caller] = seconds
        elif gil:
            holding[function] += seconds
    on_cpu: dict[str, float] = defaultdict(float)
    for (what, function, _), seconds in cpu.items():
        on_cpu[function] += seconds if what != "pickling" else 0.0
    for function, seconds in holding.items():
        found["GIL", function, ""] = seconds
    for function, seconds in on_cpu.items():
        found["computing", function, ""] = max(seconds - holding[function], 0.0)
    for key, seconds in wall.items():
        what, function, caller = key
        if what != "pickling":
            kind: Kind = "waiting" if what == "task" else "idle"
            found[kind, function, caller] = max(seconds - cpu.get(key, 0.0), 0.0)
    return {key: seconds for key, seconds in found.items() if seconds > 0}


def _by_function(profile: Profile, mode: Mode) -> dict[tuple[What, str, str], float]:
    """Of each function what it takes of a run by itself, and its caller.

    Pickling is of the function that the pickler calls, or of the pickler, and of who calls that:
    it may be a queue, which tells what is sent where.
    """
    found: dict[tuple[What, str, str], float] = defaultdict(float)
    for stack, seconds in _timed(profile.stacks.get(mode, {})):
        what: What = "task" if TASK in stack else "other"
        at, before = len(stack) - 1, len(stack) - 2
        if (pickler := _pickler(stack, mode)) is not None:
            what, at, before = "pickling", pickler[1], pickler[0] - 1
        caller = str(stack[before]) if before >= 0 else ""
        found[what, str(stack[at]), caller] += seconds / profile.runs
    return found


def _timed(stacks: Mapping[Stack, float]) -> Iterator[tuple[Stack, float]]:
    """Those of a run: not what this program does around it, nor helpers of `multiprocessing`."""
    for stack, seconds in stacks.items():
        is_around = TRIAL in stack[:2] and all(frame.file != TIMED for frame in stack)
        is_worker = any(frame.name == WORKER for frame in stack)
        is_helper = not is_worker and any(frame.file in HELPERS for frame in stack)
        if stack and not is_around and not is_helper:
            yield stack, seconds


def _pickler(stack: Stack, mode: Mode) -> tuple[int, int] | None:
    """Where in the stack something is pickled: the pickler, and what it calls or itself.

    None where nothing is. Who receives may wait as well, and not only unpickle, where it does not
    run.
    """
    last = len(stack) - 1
    for at, frame in enumerate(stack):
        if frame.file in PICKLERS:
            inner = next((k for k in range(at, last + 1) if stack[k].file not in PICKLERS), last)
            return at, inner
        if (frame.name.rpartition(".")[2], frame.file) in RECEIVERS:
            if at == last and mode != "wall":
                return at, at
            if at < last and stack[at + 1].file not in (*PIPES, *PICKLERS):
                return at, at + 1
    return None
