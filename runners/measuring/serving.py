"""What the reaper does once the measuring process is on its way: `reaper` starts it.

It sleeps until the parent says something, or a process that it is to take leave of has ended. Each
line from the parent is a number and a word, with a value in some:

    before            note what is there before a run
    after SCOPE       what the run has left, and whether something was stopped meanwhile
    look              who is stopped now
    memory            have a control group count the memory of all; it says which
    end PATIENCE_S    end all; the measuring process may take so long to end by itself

What it says is JSON, an object a line: `started`, `cgroup`, `exited`, and to each of the above an
`answer` with the number of what it answers to.
"""

import json
import os
import select
import signal
import time
from typing import Any

from runners.measuring import cgroup
from runners.measuring.processes import (
    LEFT,
    MARK,
    TERM_S,
    bearing,
    children,
    descendants,
    end_all,
    is_helper,
    listed,
    lives,
    send,
    state,
)
from runners.measuring.removal import remove_folder
from runners.measuring.shared_memory import SHARED, Objects, unused

SOON_S, LOOKS = 0.02, 5
"""What is still there after so many times this time was left, and is not just ending, or some other
program's that it has just made."""
CACHES = {"__pycache__"}
IGNORED = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT", "SIGTSTP", "SIGUSR1", "SIGUSR2", "SIGPIPE")
"""A batch system sends them to everybody. The parent answers; who cleans up has to stay."""
CONTINUED = signal.SIGURG
"""What a worker sends that was stopped and goes on: ignored by whoever does not expect it."""


class Serving:
    """The reaper at work. `pid` is the measuring process."""

    def __init__(
        self,
        control: int,
        pid: int,
        folders: list[str],
        adopts: bool,
        is_launcher: bool = False,
    ) -> None:
        self.control = control
        self.pid = pid
        self.folders = folders
        self.status: int | None = None
        self.ending = False
        self.stopped_s: float | None = None
        self.stops: list[tuple[float, float]] = []
        self.continued_s: list[float] = []
        self.awake, waking = os.pipe()
        for end in (self.awake, waking):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
        for name in IGNORED:
            signal.signal(getattr(signal, name), signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)  # it wakes, that is all
        signal.signal(CONTINUED, lambda number, frame: self.continued_s.append(time.monotonic()))
        self.objects = Objects()
        self.known: set[int] = set()
        self.files: set[str] = set()
        self.shared = self.seen = self.objects.earlier
        self.members = {pid}
        self.others = False
        self.adopts = adopts
        # srun's processes do not descend from it; their environment tells.
        self.mark = f"{MARK}={os.environ.get(MARK, '')}".encode() if is_launcher else None
        self.say({"started": pid, "adopts": adopts})
        self.cgroup = cgroup.made(pid)
        self.memory_group: str | None = None
        self.say({"cgroup": self.cgroup})
        self.note(())
        self.reap()

    def serve(self) -> None:
        heard = b""
        poll = select.poll()
        for source in (self.control, self.awake):
            poll.register(source, select.POLLIN)
        while True:
            ready = dict(poll.poll())
            self.wake()
            if self.control not in ready:
                continue
            said = self.listen()
            if not said:  # the parent is dead
                self.end(0.0, self.folders)
                return
            *lines, heard = (heard + said).split(b"\n")
            for line in lines:
                number, _, words = line.decode().partition(" ")
                word, _, value = words.partition(" ")
                self.say({"answer": self.answer(word, value), "to": int(number)})
                if self.ending:
                    return

    def answer(self, word: str, value: str) -> Any:
        match word:
            case "before":
                return self.before()
            case "after":
                return self.after(value)
            case "look":
                return self.stopped()
            case "memory":
                self.memory_group = cgroup.made_for_memory([self.pid, *self.all()])
                self.note(self.all())
                return self.memory_group
            case "end":
                return self.end(float(value), self.folders[:1])

    def listen(self) -> bytes:
        try:
            return os.read(self.control, 4096)
        except OSError:
            return b""

    def say(self, what: dict[str, Any]) -> None:
        try:
            os.write(self.control, json.dumps(what).encode() + b"\n")
        except OSError:
            pass  # it is dead, which is found where it is listened to

    def wake(self) -> None:
        """Take note of whatever woke it."""
        try:
            while os.read(self.awake, 4096):
                pass
        except BlockingIOError:
            pass
        self.reap()

    def reap(self) -> None:
        """Take leave of those that have ended; note whether the measuring process was stopped."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            except ChildProcessError:
                return
            if pid == 0:
                return
            now_s = time.monotonic()
            if pid != self.pid:
                continue
            if os.WIFSTOPPED(status):
                self.stopped_s = now_s
            elif os.WIFCONTINUED(status):
                self.stops.append((now_s if self.stopped_s is None else self.stopped_s, now_s))
                self.stopped_s = None
            else:
                self.status, self.stopped_s = os.waitstatus_to_exitcode(status), None
                if self.status and not self.ending:
                    self.hold()
                self.say({"exited": self.status})

    def all(self) -> list[int]:
        """Who descends from here, and who else belongs to the measuring process."""
        own = os.getpid()
        found = descendants(own)
        if self.mark is None:
            return found
        return list({*found, *bearing(self.mark)} - {own})

    def hold(self) -> None:
        """Stop all: whoever has outlived the measuring process may be the last that can tell what
        it has made, and will end when it finds that it is gone."""
        living = self.all()
        send([pid for pid in living if not is_helper(pid)], signal.SIGSTOP)
        self.note(living)

    def note(self, pids: "list[int] | tuple[()]") -> None:
        """Keep in its folder what a later start would have to remove."""
        if self.objects.note(list(pids)) or not pids:
            path = os.path.join(self.folders[0], LEFT)
            try:
                with open(path, "w") as file:
                    groups = {"cgroup": self.cgroup, "memory_group": self.memory_group}
                    json.dump({**groups, "objects": self.objects.found}, file)
            except OSError:
                pass  # a task has removed the folder, or the disk is full

    def before(self) -> None:
        self.stops.clear()
        self.continued_s.clear()
        self.known = set(self.all())
        if self.known:  # they may all be gone at once, where a launcher has started them
            self.note(list(self.known))
        self.files = set(listed("."))
        self.shared = set(listed(SHARED))

    def after(self, scope: str) -> dict[str, Any]:
        """What was stopped since `before`, and what is there now that was not there then.

        Of scope `all`, every process counts; of `orphans`, where an executor keeps some, those
        whose parents have ended; of `none`, nothing does.
        """
        self.note(self.all())
        found: dict[str, Any] = self.stopped()
        if scope == "none":
            return found
        left, memory = self.left(scope), unused(self.shared)
        self.members |= self.known | left
        idle = self.shared - self.seen  # what became between two runs
        now = set(listed(SHARED))
        for _ in range(LOOKS):
            if not (left or memory):
                break
            time.sleep(SOON_S)
            left &= self.left(scope)
            still = unused(self.shared)
            memory = {name: size for name, size in memory.items() if name in still}
        self.seen = set(listed(SHARED))
        idle |= self.seen - now
        if idle and not self.others:
            made = unused(self.seen - idle)
            self.others = any(self.objects.is_of(name, self.members) is None for name in made)
        files = set(listed(".")) - self.files - CACHES
        return found | {
            "processes": len(left),
            "files": len(files),
            "shared_bytes": sum(size for name, size in memory.items() if self.is_ours(name)),
            "objects": self.objects.found,
        }

    def is_ours(self, name: str) -> bool:
        """Whether an object of shared memory that was left is this cell's.

        Where nothing tells who has made it, it is, unless others make such objects while nothing
        is run here.
        """
        ours = self.objects.is_of(name, self.members)
        return not self.others if ours is None else ours

    def left(self, scope: str) -> set[int]:
        own = os.getpid()
        found = set(descendants(own) if scope == "all" else children(own))
        found -= self.known | {self.pid}
        return {pid for pid in found if lives(pid) and not is_helper(pid)}

    def stopped(self) -> dict[str, Any]:
        """When the measuring process was stopped, when workers went on, and who is stopped now."""
        living = [self.pid, *self.all()]
        return {
            "stops": self.stops,
            "continued": self.continued_s,
            "since": self.stopped_s,
            "stopped": sorted({pid for pid in living if state(pid) == "T"}),
        }

    def end(self, patience_s: float, folders: list[str]) -> list[int]:
        """End all that descends from here, and remove what it leaves. Returns who is left."""
        self.ending = True
        self.note(self.all())
        for wait_s, number in (
            (patience_s, None),
            (TERM_S, signal.SIGTERM),
            (TERM_S, signal.SIGKILL),
        ):
            if self.status is not None:
                break
            if number is not None:
                self.signal(number)
            self.await_end(wait_s)
        left = end_all(self.all, self.objects.note, self.reap)
        if not self.adopts:
            self.signal(signal.SIGKILL)
        for group in (self.memory_group, self.cgroup):
            if group is not None:
                cgroup.end(group)
        self.objects.note_named(self.pid)
        self.objects.remove()
        for folder in folders:
            remove_folder(folder)
        return left

    def await_end(self, wait_s: float) -> None:
        until_s = time.monotonic() + wait_s
        while self.status is None and (left_s := until_s - time.monotonic()) > 0:
            select.select([self.awake], [], [], left_s)
            self.wake()

    def signal(self, number: int) -> None:
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            pass
