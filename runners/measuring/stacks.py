"""Where the processes of a measurement stand that takes too long, and what a row says of it.

They are asked by a signal, one after the other, and write their stacks to a file (`child.stacks`).
What stands there comes from where workloads run: only what has the shape of a stack is taken.
"""

import os
import re
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from runners.child.stacks import FILE, SIGNAL
from runners.living import started
from runners.measuring.processes import command_line

MOST_PROCESSES, MOST_BYTES = 32, 1 << 20
ANSWER_S, QUIET_S, MOST_S, POLL_S, ALL_S = 0.5, 0.05, 1.0, 0.005, 3.0
"""How long to wait for an answer, for more of it, and for all of it; how often to look; how long
all of them may take."""
LARGEST_BYTES = 10 << 20
"""Of a file whose line is told."""
MOST_STACKS, MOST_FRAMES, MOST_CHARS, MOST_NAMES = 6, 6, 200, 8
"""So many different stacks are told, of so many frames each; so much of a line of code; and so many
names of threads."""

THREAD = re.compile(
    r"^(Current thread|Thread|Task) 0x[0-9a-f]+ ?(?:\[.*\] )?\(most recent call first\)"
)
FRAME = re.compile(r'^  File "([^"\n]*)", line (\d+) in ([^\n]*)$')
NOTE = re.compile(r"^(Serving|Forked|Raised|Doing|Ending) (\d+): ([^\n]*)$")

PACKAGE = str(Path(__file__).parent.parent)
STDLIB = sysconfig.get_path("stdlib")
INSTALLED = {"site-packages", "dist-packages"}
EXIT = "the workload's __exit__"
STEPS: dict[tuple[str, str], dict[str, str | None]] = {
    ("child/trial.py", "__init__"): {
        "__enter__": "the workload's __enter__",
        "tasks": "the workload's tasks()",
        "": "loading the workload",
    },
    ("child/trial.py", "_tasks"): {"": "the workload's tasks()"},
    ("child/trial.py", "_share"): {"": "the workload's share()"},
    ("child/trial.py", "_finish"): {
        "metrics": "the workload's metrics()",
        "release": "the workload's release()",
    },
    ("child/trial.py", "close"): {"": EXIT},
    ("child/judge.py", "_check_anew"): {
        "check": "the workload's check()",
        "": "the comparison of the results",
    },
    ("child/judge.py", "_is_checked"): {"": "the workload's check()"},
    ("child/judge.py", "beside"): {"": "the comparison of the results"},
    ("child/parts.py", "pickled"): {"": "pickling the tasks or results"},
    ("child/faults.py", "unreceivable"): {"": "loading the pickled tasks"},
    ("child/worker.py", "install"): {"attach": "the workload's attach()"},
    ("child/timing.py", "close"): {"": "the executor's __exit__"},
    ("child/timing.py", "timed"): {
        "map": None,
        "__enter__": "the executor's __enter__",
        "__exit__": "the executor's __exit__",
    },
}
"""What the measuring process is about: by a function of its own, and one that this has called."""


class Frame(NamedTuple):
    file: str
    line: int
    function: str

    @property
    def own(self) -> tuple[str, str]:
        """The module of this program that it is in, and its function; "" where it is in none."""
        inside = self.file.startswith(PACKAGE + os.sep)
        return os.path.relpath(self.file, PACKAGE) if inside else "", self.function

    @property
    def is_users(self) -> bool:
        """Whether it is in the code that is measured, and not in ours or in a library's."""
        if module := self.own[0]:
            return module.startswith("workloads/") and module != "workloads/callable.py"
        installed = not INSTALLED.isdisjoint(Path(self.file).parts)
        return not (installed or self.file.startswith((STDLIB, "<")))

    def __str__(self) -> str:
        return f"{_short(self.file)}:{self.line} in {self.function}"


@dataclass(frozen=True, slots=True)
class Stack:
    """Of one thread, or one task of an event loop; the innermost frame first."""

    pid: int
    frames: tuple[Frame, ...]
    is_task: bool = False

    @property
    def users(self) -> Frame | None:
        return next((frame for frame in self.frames if frame.is_users), None)


@dataclass(slots=True)
class Hang:
    """What is known of processes that do not come to an end; `main` is the measuring process.

    `ending` are threads without which workers have come to their end.
    """

    main: int
    stacks: list[Stack] = field(default_factory=list)
    raised: str | None = None
    beside: list[str] = field(default_factory=list)
    mute: int = 0
    ending: str = ""

    @property
    def step(self) -> str | None:
        """What the measuring process was about, as far as its stack tells."""
        for stack in self.stacks:
            within: list[str] = []
            for frame in stack.frames if stack.pid == self.main and not stack.is_task else ():
                if (steps := STEPS.get(frame.own)) is not None:
                    names = (steps[name] for name in reversed(within) if name in steps)
                    return next(names, steps.get(""))
                within.append(frame.function)
        return None

    def told(self, what: str, limit_s: float, key: str) -> str:
        """The error of the row: a line that says what hangs where, and the stacks below it."""
        step = self.step
        about = f"{step} ({what})" if step is not None else what
        text = f"{about} took longer than {limit_s:g} s; see {key}"
        if self.ending:
            text += (
                f"; workers have done all, and do not end before the thread {self.ending}, which "
                "is no daemon: start it with daemon=True, or, where a module starts it at import, "
                'under if __name__ == "__main__":'
            )
        elif (place := self._place()) is not None:
            text += f"; {place}"
        lines = [text]
        if self.raised is not None:
            lines.append(f"before that, the run had failed: {self.raised}")
        if self.beside:
            lines.append(
                f"processes were forked beside other threads ({', '.join(self.beside)}): a lock "
                "that one of these held then stays locked in the worker, for ever; try "
                "executor.start_method=spawn"
            )
        return "\n".join([*lines, *self._lines()])

    def _place(self) -> str | None:
        """Where most of them stand, in the user's own code if possible."""
        workers = [stack for stack in self.stacks if stack.pid != self.main]
        for among in (workers, self.stacks):
            found = Counter(frame for stack in among if (frame := stack.users) is not None)
            if not found:
                continue
            frame, count = found.most_common(1)[0]
            pids = {stack.pid for stack in among if stack.users == frame}
            if pids == {self.main}:
                who = "it stands" if count == 1 else f"{count} threads stand"
                if any(stack.is_task for stack in among if stack.users == frame):
                    who = "a coroutine waits" if count == 1 else f"{count} coroutines wait"
            else:
                who = "a worker stands" if len(pids) == 1 else f"{len(pids)} workers stand"
            return f"{who} at {frame}{_source(frame)}"
        own = [stack for stack in self.stacks if stack.pid == self.main and stack.frames]
        return f"it stands at {own[-1].frames[0]}" if own else None

    def _lines(self) -> list[str]:
        told = [stack for stack in self.stacks if stack.users is not None] or self.stacks
        found = Counter((stack.pid == self.main, stack.frames) for stack in told)
        lines = []
        for kind in sorted(found, key=lambda kind: kind[0])[:MOST_STACKS]:  # workers first
            is_main, frames = kind
            inner = _inner(frames)
            if not inner:
                continue
            who = "measuring process" if is_main else "worker"
            times = f" ({found[kind]} alike)" if found[kind] > 1 else ""
            lines.append(f"{who}{times}: {' < '.join(map(str, inner))}")
        if self.mute:
            lines.append(f"{self.mute} more processes told nothing of themselves")
        return lines


class Stacks:
    """The file that the processes of one measurement write to, in their folder."""

    def __init__(self, folder: str) -> None:
        self.path = Path(folder) / "stacks"
        self.path.touch(0o600)

    @property
    def environment(self) -> dict[str, str]:
        """By which those processes know of it."""
        return {FILE: str(self.path)}

    def ask(self, main: int, others: Collection[int]) -> Hang:
        """Ask all of them; `main` is the measuring process. Takes some seconds at most."""
        main = self._serving() or main
        hang = Hang(main)
        until_s = time.monotonic() + ALL_S
        notes = self.noted(main)
        hang.raised = notes.get("Raised")
        beside = set(filter(None, notes.get("Forked", "").split(", ")))
        pids = [main, *sorted(set(others) - {main})]
        listening = [pid for pid in pids if self._listens(pid)]
        for pid in listening[:MOST_PROCESSES]:
            if time.monotonic() > until_s:
                break
            hang.stacks += _stacks(pid, self._answer(pid))
        hang.ending = next(filter(None, (self.noted(pid).get("Ending") for pid in others)), "")
        own = command_line(main)
        forked = [pid for pid in listening if pid != main and command_line(pid) == own]
        if forked:
            native = native_threads(main, before=min(started(pid) or 0 for pid in forked))
            if beside:  # Python's threads, which are known by better names
                native.discard(_comm(main))
            hang.beside = sorted(beside | native)[:MOST_NAMES]
        answered = {stack.pid for stack in hang.stacks}
        hang.mute = sum(pid not in answered for pid in listening)
        return hang

    def _serving(self) -> int | None:
        """The measuring process by its own word: during its start nobody else may know it."""
        found = map(NOTE.match, self._since(0).splitlines())
        return next((int(one[2]) for one in found if one and one[1] == "Serving"), None)

    def noted(self, main: int) -> dict[str, str]:
        """The last of each kind of what that process noted without being asked (`stacks.note`)."""
        found = map(NOTE.match, self._since(0).splitlines())
        return {one[1]: _plain(one[3]) for one in found if one is not None and int(one[2]) == main}

    def _answer(self, pid: int) -> str:
        """What that process writes when it is asked; "" if nothing comes.

        It writes in pieces, and may lose the CPU in between: what is later than the end would be
        taken for the next one's.
        """
        before = known = self._size()
        try:
            os.kill(pid, SIGNAL)
        except OSError:
            return ""
        begin_s = time.monotonic()
        until_s, last_s = begin_s + ANSWER_S, begin_s + MOST_S
        while time.monotonic() < min(until_s, last_s):
            time.sleep(POLL_S)
            if (size := self._size()) > known:
                known, until_s = size, time.monotonic() + QUIET_S
        return self._since(before)

    def _listens(self, pid: int) -> bool:
        """Whether that process has the file open: others may have the number for another one."""
        if not Path("/proc/self/fd").exists():
            return True
        try:
            here = self.path.resolve()
            return any(file.readlink() == here for file in Path(f"/proc/{pid}/fd").iterdir())
        except OSError:
            return False

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def _since(self, offset: int) -> str:
        try:  # a task may have put anything there
            file = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return ""
        try:
            return os.pread(file, MOST_BYTES, offset).decode(errors="replace")
        except OSError:
            return ""
        finally:
            os.close(file)


def native_threads(pid: int, before: float) -> set[str]:
    """The names of the other threads of that process that were there `before`, in clock ticks.

    The kernel knows those of libraries, too. Threads without a name have that of the process.
    """
    names = set()
    for folder in Path(f"/proc/{pid}/task").glob("[0-9]*"):
        try:
            if int(folder.name) != pid and _ticks(folder / "stat") < before:
                names.add((folder / "comm").read_text().strip())
        except OSError:
            continue
    return names


def _ticks(stat: Path) -> int:
    return int(stat.read_text().rpartition(")")[2].split()[19])


def _comm(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _stacks(pid: int, text: str) -> list[Stack]:
    found: list[tuple[bool, list[Frame]]] = []
    for line in text.splitlines():
        if head := THREAD.match(line):
            found.append((head[1] == "Task", []))
        elif found and (frame := FRAME.match(line)) is not None:
            file, number, function = frame.groups()
            found[-1][1].append(Frame(_plain(file), int(number), _plain(function)))
    return [Stack(pid, tuple(frames), is_task) for is_task, frames in found if frames]


def _inner(frames: Sequence[Frame]) -> list[Frame]:
    """The innermost frames, down to the last one of the user's, or to ours."""
    frames = [frame for frame in frames if not frame.file.startswith("<frozen ")]  # of imports
    last = max((k for k, frame in enumerate(frames) if frame.is_users), default=None)
    if last is None:
        own = (k for k, frame in enumerate(frames) if frame.own[0])
        last = next(own, len(frames)) - 1
    inner = frames[: last + 1]
    users = [k for k, frame in enumerate(inner) if frame.is_users]
    if len(inner) > MOST_FRAMES and users and users[0] >= MOST_FRAMES - 1:
        return [*inner[: MOST_FRAMES - 1], inner[users[0]]]
    return inner[:MOST_FRAMES]


def _source(frame: Frame) -> str:
    """That line of the file, with a colon before it; "" if it cannot be read."""
    try:
        path = Path(frame.file)
        if not (path.is_file() and 0 < path.stat().st_size <= LARGEST_BYTES):
            return ""  # the kernel's own files have no size, and some are waited at for ever
        with open(frame.file, encoding="utf-8", errors="replace") as file:
            line = next((text for k, text in enumerate(file, 1) if k == frame.line), "")
    except OSError:
        return ""
    return f": {_plain(line.strip())[:MOST_CHARS]}" if line.strip() else ""


def _short(file: str) -> str:
    """A path as its reader knows it."""
    for folder in (str(Path.cwd()), STDLIB, *sys.path):
        if folder and file.startswith(folder.rstrip(os.sep) + os.sep):
            return os.path.relpath(file, folder)
    return file


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
