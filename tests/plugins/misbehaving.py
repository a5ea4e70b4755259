"""Workloads and executors that do what they should not, each in one way."""

import ctypes
import mmap
import multiprocessing
import os
import pickle
import signal
import stat
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runners.executors.serial import Serial
from runners.model import Unavailable, Unsupported, WrongResult


@dataclass(frozen=True, slots=True)
class Misbehaving:
    """Four tasks; `what` happens in that one of the number `task`, or in all if that is null."""

    what: str
    task: int | None

    def tasks(self) -> Sequence[int]:
        return range(4)

    def __call__(self, task: int) -> Any:
        if self.task in (task, None) and hasattr(self, self.what):
            return getattr(self, self.what)()
        return task * task

    def check(self, results: Sequence[Any]) -> None:
        if self.what == "unchecked":
            raise WrongResult("the check is never satisfied")

    def raising(self) -> None:
        raise ValueError("this task cannot be done")

    def exiting(self) -> None:
        raise SystemExit(3)

    def dying(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def dying_of_signal_40(self) -> None:
        os.kill(os.getpid(), 40)

    def talking(self) -> None:
        """Write to all sockets of this process what runs a command where it is unpickled."""

        class Command:
            def __reduce__(self) -> Any:
                return os.system, (f"echo unpickled >> {os.environ['TALKED']}",)

        Path(os.environ["TALKED"]).write_text("written\n")
        _write_message(pickle.dumps(Command()))

    def announcing(self) -> None:
        """Announce a message to the parent that never comes."""
        _write(struct.pack("!i", 5000) + b"{")

    def forging(self) -> None:
        """Write a row, with the best token that can be found."""
        _write_message(b'{"done": "run"}')
        _write_message(b'{"token": "0123456789abcdef", "run": {}, "spans": []}')

    def doubling(self) -> None:
        """Go on in two processes, as a library does that forks beyond Python's knowledge."""
        ctypes.CDLL(None).fork()

    def looking(self) -> None:
        """Fail where a worker in another process, or a program that it starts, has any socket."""
        code = (
            "import os, stat\n"
            "for descriptor in range(3, 256):\n"
            "    try:\n"
            "        kind = os.fstat(descriptor).st_mode\n"
            "    except OSError:\n"
            "        continue\n"
            "    assert not stat.S_ISSOCK(kind), descriptor\n"
        )
        if multiprocessing.parent_process() is not None:
            exec(code)
        subprocess.run([sys.executable, "-c", code], check=True, close_fds=False)

    def hanging(self) -> None:
        time.sleep(3600)

    def deaf(self) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(3600)

    def spinning(self) -> None:
        while True:
            pass

    def locked(self) -> None:
        lock = threading.Lock()
        with lock:
            lock.acquire()

    def exiting_at_once(self) -> None:
        os._exit(3)

    def segfaulting(self) -> None:
        ctypes.string_at(0)

    def allocating(self) -> int:
        return len(bytearray(8 << 30))

    def printing(self) -> None:
        print("noise " * 10_000)

    def closing(self) -> None:
        sys.stdout.close()

    def leaving_threads(self) -> None:
        threading.Thread(target=time.sleep, args=(3600,), daemon=False).start()

    def leaving_processes(self) -> None:
        subprocess.Popen(["sleep", "3600"], start_new_session=True)

    def leaving_a_daemon(self) -> None:
        """One that nothing in its environment and no process group tells from any other."""
        command = [
            "/bin/sh",
            "-c",
            "sleep 3600 & echo left > $0.tmp; mv $0.tmp $0",
            os.environ["LEFT"],
        ]
        subprocess.run(command, env={}, start_new_session=True, check=True)

    def leaving_and_hanging(self) -> None:
        self.leaving_a_daemon()
        time.sleep(3600)

    def leaving_a_file(self) -> None:
        Path(f"left-{os.getpid()}").touch()

    def leaving_memory(self) -> None:
        _memory(os.environ["LEFT"]).close()

    def holding_memory(self) -> None:
        """Hold an object of its own and two of others, and hang."""
        names = os.environ["LEFT"].split()
        held = [_memory(name) for name in names]
        Path(os.environ["HELD"]).touch()
        time.sleep(3600)
        del held

    def dozing(self) -> None:
        """Until a file is there."""
        while not Path(os.environ["WAKE"]).exists():
            time.sleep(0.01)

    def forking_with_threads(self) -> None:
        threading.Thread(target=time.sleep, args=(0.2,), daemon=True).start()
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)

    def huge(self) -> bytes:
        return bytes(16 << 20)

    def deviating(self) -> int:
        return os.getpid()

    def unpicklable(self) -> Callable[[], None]:
        return lambda: None


def _write_message(data: bytes) -> None:
    _write(struct.pack("!i", len(data)) + data)


def _write(data: bytes) -> None:
    """To all sockets of this process."""
    for descriptor in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                os.write(descriptor, data)
        except OSError:
            continue


def _memory(name: str) -> mmap.mmap:
    """An object in /dev/shm of which no tracker of resources knows."""
    file = os.open(f"/dev/shm/{name}", os.O_RDWR | os.O_CREAT, 0o600)
    os.ftruncate(file, 4096)
    try:
        return mmap.mmap(file, 4096)
    finally:
        os.close(file)


@dataclass(frozen=True, slots=True)
class Leaving:
    """Four tasks; the step `where` of the workload hangs or, if `how` says so, fails."""

    where: str
    how: str

    def _step(self, where: str) -> None:
        if where == self.where:
            if self.how == "fail":
                raise ValueError(f"no {where}")
            if self.how == "leave":
                sys.exit(3)
            time.sleep(3600 if self.how == "hang" else 0.3)

    def __enter__(self) -> "Leaving":
        self._step("enter")
        return self

    def __exit__(self, *_: object) -> None:
        self._step("exit")

    def tasks(self) -> Sequence[int]:
        self._step("tasks")
        return range(4)

    def __call__(self, task: int) -> int:
        return task

    def check(self, results: Sequence[Any]) -> None:
        self._step("check")

    def share(self, sync: Any) -> int:
        self._step("share")
        return 1

    def attach(self, shared: int) -> None:
        pass


class Dropping(Serial):
    """Loses the last result."""

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        return super().map(function, tasks)[:-1]


class Doubling(Serial):
    """Returns the last result twice."""

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        results = super().map(function, tasks)
        return [*results, results[-1]]


class Reversing(Serial):
    """Returns the results in the wrong order."""

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        return super().map(function, tasks)[::-1]


class Refusing(Serial):
    """Serves no workload at all."""

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        raise Unsupported("this executor serves nobody")


class Away(Serial):
    """Could serve another time: it shows when it is made, or when it has to map."""

    def __init__(self, shows: str, **keywords: Any) -> None:
        super().__init__(**keywords)
        if shows == "made":
            raise Unavailable("nobody is there to be asked")

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        raise Unavailable("everybody has gone away")


class Unpicklable:
    """Holds what cannot travel to another process."""

    def __init__(self) -> None:
        self.function = lambda: None

    def tasks(self) -> Sequence[int]:
        return [1]

    def __call__(self, task: int) -> int:
        return task

    def check(self, results: Sequence[Any]) -> None:
        pass


class Crowd:
    """As many tasks as there are workers in a large crowd; they dwell on threads of their own."""

    def tasks(self) -> Sequence[int]:
        return range(10_000)

    def __call__(self, task: int) -> int:
        if threading.current_thread() is not threading.main_thread():
            time.sleep(2)
        return task

    def check(self, results: Sequence[Any]) -> None:
        pass
