"""What is to be measured and how: a cell, the cells that share their rounds, one run."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runners.model.names import Flag, Gil, KeepSpans, Role, Scaling, Warmth, Workers


@dataclass(frozen=True, slots=True)
class Measure:
    """How a cell is measured; `conf/measure/*.yaml` documents each setting.

    Which numbers they may have is in `planning/ranges.py`.
    """

    precision: float
    min_rounds: int
    max_rounds: int
    interpreters: int
    warmup: int
    time_budget_s: float
    timeout_s: float
    keep_spans: KeepSpans
    seed: int
    sweep_budget_s: float | None
    memory_limit_bytes: int | None
    force: bool
    wait_quiet_s: float = 0.0
    fresh: bool = False
    start_timeout_s: float = 60.0
    worth: float = 0.03
    memory: bool = False


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter that measures, by what it says of itself.

    `asked` is what its user called it: `this`, a version, a path. `version` is as in 3.15.0rc1,
    `build` says when, by what compiler and how it was built, `start_method` is what its
    `multiprocessing` starts processes by.
    """

    asked: str
    executable: str
    implementation: str
    version: str
    free_threaded: bool
    build: str
    start_method: str

    @property
    def is_this(self) -> bool:
        """Whether it is the one that this program runs in, with all that is installed there."""
        return self.asked == THIS

    @property
    def name(self) -> str:
        """As its users call it: `3.13.1`, `3.15.0t` without the GIL, `PyPy 3.11.13`."""
        known = "" if self.implementation == "CPython" else f"{self.implementation} "
        return f"{known}{self.version}{'t' if self.free_threaded else ''}"

    def label(self, gil: Gil | None) -> str:
        """The same and, where that was chosen, whether it has its GIL: `3.15.0t, GIL on`."""
        return self.name + (f", GIL {gil}" if gil is not None else "")


THIS = "this"
"""What the interpreter of this program is called."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the user's code that is measured beside the one that is here (`versus`).

    `asked` is what its user called it, `name` what rows and figures do, `commit` that of git, ""
    for a folder. What is in the folder `root` here is in `tree` there, `working` is the working
    folder there.
    """

    asked: str
    name: str
    commit: str
    root: str
    tree: str
    working: str

    @property
    def mark(self) -> str:
        """What two measurements of it have in common: a tree of a commit is anywhere."""
        return self.commit or self.tree


@dataclass(frozen=True, slots=True)
class Factory:
    """A call still to be made: the dotted name of a class and its keyword arguments."""

    target: str
    parameters: Mapping[str, Any]


RANKS = "{ranks}"
"""Stands for a number of processes, of which one measures and the others are its workers."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How a measuring process gets workers that another program may have to start (`Launching`).

    Without `words` it is started as any other. With them it is the first of the processes that
    they start; each of these calls `entry`, a dotted name, with the path of a socket, at which the
    parent waits for the first one. `environment` is what changes; None: is not to be there. `name`
    is what rows call it. `for_any`: it holds for any number of workers. `is_kept`: they live as
    long as it does. `refused` says in one line
    why nothing works.
    """

    name: str
    words: tuple[str, ...] = ()
    environment: Mapping[str, str | None] = field(default_factory=dict)
    entry: str = ""
    is_kept: bool = False
    for_any: bool = False
    flags: tuple[Flag, ...] = ()
    refused: str | None = None


def launch_of(plain: Mapping[str, Any]) -> Launch:
    """The one whose `dataclasses.asdict` that is."""
    flags = tuple(Flag(**flag) for flag in plain["flags"])
    return Launch(**dict(plain) | {"words": tuple(plain["words"]), "flags": flags})


@dataclass(frozen=True, slots=True)
class Plan:
    """One cell, fully resolved: what to measure and how. Picklable.

    `payload` is the workload, pickled once by the interpreter that measures, so that one that
    cannot travel to a worker is found before anything is timed; `given` are the arguments of the
    executor, likewise, as its constructor wants them. `parameters` holds every parameter of both
    plugins under the name of its column (`workload.end`). `compared` says whether the results of
    different runs are compared. `baseline` names the executor of the baseline. `provisioned` is the
    number of workers that the measured side has: n, or 1 where the caller works; `start_method` is
    that of the `multiprocessing` context that they can use, if any. `sends_tasks` says that tasks
    are pickled on their way to them. With `reuse` its executor is kept over the runs of a process.
    `apart` says that it needs a measuring process of its own.
    `cpu_stat` is the control group's file that counts throttling.
    `flags` are what the workload says beforehand. `renewing` says that each round has other tasks.
    `python` is the interpreter that measures, with `options`; `gil` says whether it is to have its
    global lock, None leaves that to it. `version` is that of the user's code, None for the one that
    is here. `python_order` is the place of its host among those of the command.
    `placement` is as in the configuration, with lists as `[0,2]`, and `cpus` are those of the
    workers, one each, in the order in which they are taken. `physical_cores` is the number of cores
    that the usable CPUs are on, `worker_cores` that of `cpus`; None where it is not told.
    `launches` says that its executor is asked, where it is measured, how to start its process:
    `launch`.
    `profile` says that each side is to be run once more for a profiler.
    `identity` is all that another measurement must have in common with this one to stand for it.
    """

    workload: str
    executor: str
    n: int
    scaling: Scaling
    executor_as: Factory
    baseline: str
    baseline_as: Factory
    reuse: bool
    apart: bool
    parameters: Mapping[str, Any]
    payload: bytes
    compared: bool
    provisioned: int
    worker_kind: Workers
    start_method: str | None
    sends_tasks: bool
    flags: tuple[Flag, ...]
    measure: Measure
    usable_cpus: float
    cpu_stat: str | None
    renewing: bool
    python: Python
    gil: Gil | None
    options: tuple[str, ...]
    identity: Mapping[str, Any]
    given: bytes
    version: Version | None = None
    python_order: int = 0
    placement: str = "none"
    cpus: tuple[int, ...] = ()
    physical_cores: int | None = None
    worker_cores: int | None = None
    launches: bool = False
    profile: bool = False
    launch: Launch | None = None

    @property
    def host(self) -> tuple[str, Gil | None, str | None, str]:
        """What cells have in common that share a baseline: interpreter, code and placement."""
        version = self.version.asked if self.version else None
        return self.python.asked, self.gil, version, self.placement

    @property
    def python_label(self) -> str:
        """What its interpreter is called in rows and figures."""
        return self.python.label(self.gil)

    @property
    def cell(self) -> str:
        """Twelve hexadecimal digits that stand for everything that defines the measurement."""
        text = json.dumps(self.identity, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def warmth(self) -> Warmth | None:
        """How warm the code is in workers of the measured side; None where that is not known."""
        if self.reuse:
            return "kept"
        if self.measure.fresh:
            return "fresh"
        if self.worker_kind in ("caller", "thread", "coroutine"):
            return "same process"
        if self.worker_kind == "process" and self.start_method is not None:
            return "inherited" if self.start_method == "fork" else "fresh"
        return None


def plan_of(plain: Mapping[str, Any]) -> Plan:
    """The plan whose `dataclasses.asdict` that is: plain data, for any version of Python."""
    return Plan(
        **dict(plain)
        | {
            "executor_as": Factory(**plain["executor_as"]),
            "baseline_as": Factory(**plain["baseline_as"]),
            "flags": tuple(Flag(**flag) for flag in plain["flags"]),
            "measure": Measure(**plain["measure"]),
            "python": Python(**plain["python"]),
            "version": Version(**plain["version"]) if plain["version"] else None,
            "options": tuple(plain["options"]),
            "cpus": tuple(plain["cpus"]),
            "launch": launch_of(plain["launch"]) if plain["launch"] else None,
        }
    )


HERE = "here"
"""What the version of the user's code is called that is there without `versus`."""

PANEL = "panel-"
"""How the name of a panel of several cells begins, and that of its folder in the sweep's."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Cells that are measured in the same rounds: each side runs once in a round.

    They share their workload, its parameters, the scaling and the settings of the measurement. A
    cell by itself is a panel of two sides, the baseline and the measured one. The `hosts` are the
    candidates (positions in `plans`) that share a baseline and, unless sides are apart, a measuring
    process; they are measured by the same interpreter, on the same CPUs, and have the same version
    of the code.
    """

    plans: tuple[Plan, ...]

    @property
    def name(self) -> str | None:
        """What `panel` says in the rows: None for a cell by itself."""
        if len(self.plans) == 1:
            return None
        cells = " ".join(plan.cell for plan in self.plans)
        return PANEL + hashlib.sha256(cells.encode()).hexdigest()[:12]

    @property
    def sides_apart(self) -> bool:
        """Whether each side has a process of its own, where it finds nothing that another left."""
        return self.plans[0].measure.fresh or self.plans[0].renewing

    def host(self, candidate: int) -> int:
        """The number of its interpreter and code among those of the panel."""
        known = list(dict.fromkeys(plan.host for plan in self.plans))
        return known.index(self.plans[candidate].host)

    @property
    def hosts(self) -> tuple[tuple[int, ...], ...]:
        hosts: dict[Any, list[int]] = {}
        for at, plan in enumerate(self.plans):
            # What executors of threads load is copied into every process that is forked: by 3% to
            # 4% slower than in a process without it (`benchmarks.panel`).
            kind = ("apart", at) if plan.apart else ("process", plan.worker_kind == "process")
            if self.sides_apart:  # they share no more than their baseline
                kind = ("interpreter", 0)
            hosts.setdefault((plan.host, kind), []).append(at)
        return tuple(map(tuple, hosts.values()))


@dataclass(frozen=True, slots=True)
class Order:
    """What the measuring process is told to do next: one side of one round.

    The measured side is that of the plan at `candidate`. With the role `spin` it is to run so many
    `loops` of `loop_s` at once, to ask what the machine gives; no other order asks for more than
    `most_loops`.
    A workload that is `Renewing` has the tasks of the number `tasks_of`, with weak scaling those of
    the next ones as well. `results` is a file for the results of the round: the first run to be ok
    writes it, and those after it, in other processes, compare theirs with it. `times` is the file
    for the shortest time of each task in the plain loop (`child.rows`), of all rounds. `across` is
    a folder in which versions of the user's code have their results for each other.
    """

    process: int
    round: int
    position: int
    role: Role
    cold: bool
    warmup: bool
    candidate: int = 0
    side: int = 0
    loops: int = 0
    most_loops: int = 0
    loop_s: float = 0.0
    tasks_of: int = 0
    results: str | None = None
    times: str | None = None
    across: str | None = None
