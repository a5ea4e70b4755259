"""Where a side spends its time: an untimed run of it, with a sampling profiler beside it.

From Python 3.15 on that is the interpreter's own (`profiling.sampling`), before it py-spy; both are
attached from outside, to the measuring process and all that descends from it. Three of them look at
the same time, and none stops the process: one takes every sample, one those on a CPU, one those
that hold the GIL. The difference tells who waits.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from runners.measuring.interrupts import Interrupts
from runners.measuring.untimed import Side, Untimed
from runners.model import Frame, Mode, Plan, Profile, Role, Stack, last_line

RATE_HZ = 100
ATTACH_S = 1.0
"""What a profiler takes to find the processes that are there; it looks for new ones each 0.1 s,"""
OWN_ATTACH_S = 2.0
"""and Python's own starts another interpreter for each."""
PROFILE_S = 3.0
"""Runs are repeated until they have taken so long together,"""
MOST_S = 10.0
"""or all has, with what is around them."""
END_S = 20.0
"""How long a profiler has to write what it has seen."""
MOST_STACKS = 1000
"""Of a mode, the heaviest; the others are left out."""
MOST_FRAMES = 200
"""Of a stack, the innermost ones."""
MOST_BYTES = 2**28
"""The largest file of a profiler that is read."""
MODES: Mapping[Mode, str] = {"wall": "--idle", "cpu": "", "gil": "--gil"}
"""What py-spy calls them; by default it leaves out threads that no CPU runs."""
OWN = "profiling.sampling"
SINCE = (3, 15)
"""The first Python with a sampling profiler of its own."""
REMEDY = (
    "let this program look into its own processes: run it as root or with CAP_SYS_PTRACE, or set "
    "`sysctl kernel.yama.ptrace_scope=0`; in a container, add `--cap-add=SYS_PTRACE`"
)
_SAMPLED = re.compile(r"(.*) (\d+)")
_OWN_FRAME = re.compile(r"(.*?):(.*):-?\d+")
_COMMAND = re.compile(r"Process (\d+)")
_IS_PROCESS = re.compile(r"process \d+:")

Counts = dict[Stack, float]
"""Thread-seconds."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A profiler: its name, the words that start it, and how what it has written is read.

    `attach_s` is what it takes to find the processes that are there.
    `words` takes the mode, the process and the file; `read` gives of that file, and of those beside
    it, each process and the thread-seconds of its stacks.
    """

    name: str
    attach_s: float
    words: Callable[[Mode, int, Path], list[str]]
    read: Callable[[Path], Iterator[tuple[str, Counts]]]


def profile(plan: Plan, role: Role, interrupts: Interrupts) -> Profile:
    """Where that side of the cell spends its time.

    Raises Untimed, whose message says in a line why there is no profile, and Interrupted at a
    request to stop.
    """
    tool = _tool(plan)
    try:
        with ExitStack() as stack:
            side = stack.enter_context(Side(plan, role, interrupts))
            place = Path(side.folder.name, "profilers")
            place.mkdir()
            side.run()  # imports, caches, and workers that are kept
            _probe(side.pid)
            found: dict[Mode, _Profiler] = {}
            for mode in _modes(plan):
                found[mode] = one = _Profiler(tool, mode, side.pid, place)
                stack.callback(one.kill)
            wait([interrupts.fileno()], tool.attach_s)
            interrupts.check()
            runs, taken_s, until_s = 0, 0.0, time.monotonic() + MOST_S
            while not runs or (taken_s < PROFILE_S and time.monotonic() < until_s):
                taken_s += side.run()
                runs += 1
            for one in found.values():
                one.stop()
            seen = {mode: one.result() for mode, one in found.items()}
    except OSError as error:
        raise Untimed(f"{tool.name}: {error.strerror or error}") from None
    if not any(counts for _, counts in seen["wall"]):
        raise Untimed(f"{tool.name} has seen nothing of it; let the run take longer")
    processes = {process for one in seen.values() for process, _ in one}
    return Profile(
        role,
        tool.name,
        runs,
        len(processes),
        {mode: _merged(counts for _, counts in one) for mode, one in seen.items()},
    )


class _Profiler:
    """A profiler at work, in a session of its own: Ctrl+C does not reach it.

    It ends by itself when the process does that it looks at, so it outlives no dead program.
    """

    def __init__(self, tool: Tool, mode: Mode, pid: int, place: Path) -> None:
        self.tool = tool
        (place / mode).mkdir()
        self.path = place / mode / "profile"
        self.output = open(place / mode / "said", "w+b")  # noqa: SIM115 - closed by kill
        try:
            self.process = subprocess.Popen(
                tool.words(mode, pid, self.path),
                stdin=subprocess.DEVNULL,
                stdout=self.output,
                stderr=self.output,
                cwd=place,
                start_new_session=True,
            )
        except BaseException:
            self.output.close()
            raise

    def stop(self) -> None:
        """Have it write what it has seen: it and those that it has started for workers."""
        self._signal(signal.SIGINT)

    def result(self) -> list[tuple[str, Counts]]:
        """The thread-seconds of each stack in each process. Raises Untimed."""
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            raise Untimed(f"{self.tool.name} has not ended in {END_S:g} s") from None
        try:
            return list(self.tool.read(self.path))
        except FileNotFoundError:
            raise Untimed(f"{self.tool.name} failed: {self._said()}") from None
        except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
            raise Untimed(f"what {self.tool.name} wrote cannot be read ({error})") from None

    def _said(self) -> str:
        self.output.seek(0)
        said = last_line(self.output.read(100_000).decode(errors="replace")) or "it says nothing"
        return f"{said}; {REMEDY}" if "ermission" in said or "not permitted" in said else said

    def kill(self) -> None:
        """Safe to call again."""
        self._signal(signal.SIGKILL)
        self.process.wait()
        self.output.close()

    def _signal(self, number: int) -> None:
        # Its group has the profilers of workers as well, and may outlive it.
        try:
            os.killpg(self.process.pid, number)
        except (ProcessLookupError, PermissionError):
            pass


def _merged(parts: Iterator[Counts]) -> dict[Stack, float]:
    """The heaviest stacks of all processes."""
    total: Counts = defaultdict(float)
    for counts in parts:
        for stack, seconds in counts.items():
            total[stack] += seconds
    heaviest = sorted(total, key=lambda stack: -total[stack])[:MOST_STACKS]
    return {stack: round(total[stack], 6) for stack in heaviest}


def _probe(pid: int) -> None:
    """Raise Untimed unless a process that is no ancestor may look into that one (ptrace(2)).

    Opening its memory asks the kernel what a profiler will: it stops nothing.
    """
    look = f"open('/proc/{pid}/mem', 'rb').close()"
    asked = subprocess.run(
        [sys.executable, "-I", "-S", "-c", look], capture_output=True, start_new_session=True
    )
    if b"PermissionError" in asked.stderr:  # else it has ended, which is told elsewhere
        raise Untimed(f"this system lets no program look into another one (ptrace); {REMEDY}")


# The profilers


def _tool(plan: Plan) -> Tool:
    """The one for the interpreter that measures. Raises Untimed where there is none."""
    python = plan.python
    if not sys.platform.startswith("linux"):
        raise Untimed("profiles are made on Linux only")
    if python.implementation != "CPython":
        raise Untimed(f"no profiler looks into {python.name}: choose a CPython")
    if plan.launch is not None and plan.launch.words:
        raise Untimed(f"workers that {plan.launch.words[0]} starts cannot be looked into")
    major, minor = re.findall(r"\d+", python.version)[:2]
    if (int(major), int(minor)) >= SINCE:
        return Tool(f"{OWN} of {python.name}", OWN_ATTACH_S, _own_words(python.executable), _own)
    if python.free_threaded:
        raise Untimed(
            f"py-spy does not look into {python.name}: from Python 3.15t on there is {OWN}"
        )
    beside = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    spy = shutil.which("py-spy", path=os.pathsep.join(beside))
    if spy is None:
        raise Untimed(
            "py-spy is not installed, and Python before 3.15 has no sampling profiler: "
            "`pip install 'speedup-lab[profile]'`"
        )
    return Tool("py-spy", ATTACH_S, _spy_words(spy), _spy)


def _modes(plan: Plan) -> list[Mode]:
    has_gil = not plan.python.free_threaded or plan.gil == "on"
    return [mode for mode in MODES if has_gil or mode != "gil"]


def _spy_words(program: str) -> Callable[[Mode, int, Path], list[str]]:
    def words(mode: Mode, pid: int, path: Path) -> list[str]:
        options = ["--subprocesses", "--nonblocking", "--function", "--full-filenames"]
        which = [MODES[mode]] if MODES[mode] else []
        where = ["--format", "speedscope", "--output", str(path), "--pid", str(pid)]
        return [program, "record", "--rate", str(RATE_HZ), *options, *which, *where]

    return words


def _spy(path: Path) -> Iterator[tuple[str, Counts]]:
    """What py-spy wrote: speedscope's JSON, a profile for each thread."""
    found: Any = json.loads(_text(path))
    frames = [
        Frame(str(one["name"]), Path(str(one["file"])).name) for one in found["shared"]["frames"]
    ]
    for one in found["profiles"]:
        counts: Counts = defaultdict(float)
        for sample, weight in zip(one["samples"], one["weights"], strict=True):
            known = (frames[at] for at in sample[-MOST_FRAMES:])
            # With the processes among them, each by its command line.
            stack = tuple(frame for frame in known if not _IS_PROCESS.match(frame.name))
            counts[stack] += float(weight)
        named = _COMMAND.match(str(one["name"]))
        if counts:
            yield named[1] if named else "", counts


def _own_words(executable: str) -> Callable[[Mode, int, Path], list[str]]:
    def words(mode: Mode, pid: int, path: Path) -> list[str]:
        options = ["--all-threads", "--subprocesses", "--mode", mode, "--collapsed"]
        command = [executable, "-m", OWN, "attach", "--sampling-rate", str(RATE_HZ)]
        return [*command, *options, "--output", str(path), str(pid)]

    return words


def _own(path: Path) -> Iterator[tuple[str, Counts]]:
    """What Python's own wrote: a file for each process, a line for each stack and thread."""
    files = sorted(path.parent.glob(f"{path.name}*"))
    if not files:
        raise FileNotFoundError(path)
    for file in files:
        counts: Counts = defaultdict(float)
        for line in _text(file).splitlines():
            sampled = _SAMPLED.fullmatch(line)
            if sampled is None:
                raise ValueError(f"{line[:80]!r} is no stack")
            _, *parts = sampled[1].split(";")
            frames = (_OWN_FRAME.fullmatch(part) for part in parts[-MOST_FRAMES:])
            stack = tuple(Frame(one[2], one[1]) for one in frames if one is not None)
            counts[stack] += int(sampled[2]) / RATE_HZ
        if counts:
            yield file.name, counts


def _text(path: Path) -> str:
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES >> 20} MiB")
    return path.read_text("utf-8", "replace")
