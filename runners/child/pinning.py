"""Workers pinned to CPUs, one each (`placement`). Standard library only: workers load it.

`sched_setaffinity` acts on a thread, and is inherited by the threads and processes that it starts.
So the thread that runs a side may use the CPUs of its workers alone while it does, and each worker
then pins itself to one of them, before it loads anything of the workload.

Which one: a worker holds a lock on that CPU's file for as long as it lives. No executor has to
number its workers, those that come late or replace others get what is free, and the kernel gives
back what a dead process held.
"""

import fcntl
import os
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import NamedTuple


class Places(NamedTuple):
    """The CPUs that workers are pinned to, in the order in which they are taken.

    `folder` is private to a measuring process and has a file for each CPU: who has taken it last
    (process, thread and descriptor).
    """

    folder: str
    cpus: tuple[int, ...]


@contextmanager
def folder() -> Iterator[str]:
    """A new folder for the files of `Places`, among this process's temporary ones."""
    name = f"speedup-lab-cpus-{os.getpid()}-{time.monotonic_ns()}"
    path = f"{os.environ.get('TMPDIR', '/tmp')}/{name}"
    os.mkdir(path, 0o700)  # noqa: PTH102
    try:
        yield path
    finally:
        with os.scandir(path) as files:
            for file in files:
                os.unlink(file)  # noqa: PTH108
        os.rmdir(path)  # noqa: PTH106


def take(places: Places) -> None:
    """Pin the calling worker to the first CPU that no other one has. Raises OSError.

    Where all are taken, as by one that is about to be replaced, it may use all of them.
    """
    for cpu in places.cpus:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(f"{places.folder}/{cpu}", flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        os.sched_setaffinity(0, {cpu})
        os.ftruncate(descriptor, 0)
        owner = f"{os.getpid()} {threading.get_native_id()} {descriptor}"
        os.pwrite(descriptor, owner.encode(), 0)
        return
    os.sched_setaffinity(0, places.cpus)


@contextmanager
def pinned(places: Places | None, kept: bool) -> Iterator[None]:
    """Have this thread, and what it starts, use these CPUs alone; afterwards those of before.

    The threads of workers that are `kept` stay where they are. Raises Unavailable where one of the
    CPUs can no longer be had.
    """
    if places is None:
        yield
        return
    _let_go(places, all_of_them=not kept)
    before, threads = os.sched_getaffinity(0), _threads()
    try:
        os.sched_setaffinity(0, places.cpus)
        if missing := set(places.cpus) - os.sched_getaffinity(0):
            raise OSError(f"CPU {min(missing)} is not there")
    except OSError as error:
        os.sched_setaffinity(0, before)
        from runners.model import Unavailable  # which workers need not load

        cpus = ", ".join(map(str, places.cpus))
        raise Unavailable(f"CPUs {cpus} can no longer be had: {error}") from error
    try:
        yield
    finally:
        started = set() if kept else _threads() - threads
        for thread in (threading.get_native_id(), *started):
            try:
                os.sched_setaffinity(thread, before)
            except OSError:  # it has just ended
                continue
        if not kept:
            _let_go(places, all_of_them=True, forget=False)


def taken(places: Places) -> list[int]:
    """The CPUs that workers were pinned to in the last run, and those of kept ones."""
    return [cpu for cpu in places.cpus if _owner(places, cpu)]


def _let_go(places: Places, *, all_of_them: bool, forget: bool = True) -> None:
    """Give back what threads of this process hold: those that have ended, or all.

    With `forget`, who had it is forgotten as well.
    """
    alive = _threads()
    for cpu in places.cpus:
        owner = _owner(places, cpu)
        if len(owner) == 3 and owner[0] == os.getpid():
            if not all_of_them and owner[1] in alive:
                continue
            os.close(owner[2])
            _note(places, cpu, owner[:2])
        if owner and forget and all_of_them:
            _note(places, cpu, ())


def _owner(places: Places, cpu: int) -> tuple[int, ...]:
    """Process, thread and, as long as that is open, the descriptor."""
    try:
        with open(f"{places.folder}/{cpu}") as file:
            return tuple(map(int, file.read().split()))
    except (OSError, ValueError):  # nobody has taken it yet
        return ()


def _note(places: Places, cpu: int, owner: Collection[int]) -> None:
    try:
        with open(f"{places.folder}/{cpu}", "w") as file:
            file.write(" ".join(map(str, owner)))
    except OSError:  # no room: the file is empty, and nobody is told to have had that CPU
        pass


def _threads() -> set[int]:
    """The threads of this process."""
    try:
        with os.scandir("/proc/self/task") as threads:
            return {int(thread.name) for thread in threads}
    except OSError:
        return {threading.get_native_id()}
