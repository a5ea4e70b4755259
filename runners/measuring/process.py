"""A fresh, light interpreter that runs `runners.child.trial`, as its parent sees it."""

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path
from typing import IO, Any, ClassVar, Self

from runners.measuring import wire
from runners.measuring.interrupts import Interrupts
from runners.measuring.stacks import Stacks
from runners.model import Order, Plan, Run

END_S = 0.5
"""How long a process has to end by itself, and again after it was asked to."""
GONE_S = 0.005
"""A killed process takes a moment to be gone."""
TAIL_BYTES = 2000
MARK = "SPEEDUP_LAB_CHILD"


class Child:
    """One measuring process and everything it starts: a process group of its own.

    What the workload prints goes to a temporary file; its end is quoted if the process dies.
    """

    def __init__(self, plans: Sequence[Plan], hash_seed: int, interrupts: Interrupts) -> None:
        self.timeout_s = plans[0].measure.timeout_s
        self.start_timeout_s = plans[0].measure.start_timeout_s
        self.plans = plans
        self.began_s = time.monotonic()
        self.starting_s: float | None = None
        self.is_over = False
        self.interrupts = interrupts
        self.mark = f"{MARK}={uuid.uuid4().hex}"
        self.output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed on exit
        # Whatever the workload leaves in temporary files goes with it, however it ends.
        self.folder = tempfile.TemporaryDirectory(prefix="speedup-lab-", ignore_cleanup_errors=True)
        self.stacks = Stacks(self.folder.name)
        ours, theirs = socket.socketpair()
        # The path is handed over literally, because the child has to find the same plugins and
        # PYTHONPATH would also reach the programs that a workload starts.
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            f"from runners.child.trial import main; main({theirs.fileno()})"
        )
        name, _, token = self.mark.partition("=")
        self.process = subprocess.Popen(
            [sys.executable, *plans[0].options, "-X", "faulthandler", "-c", code],
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
            pass_fds=[theirs.fileno()],
            env={
                "PYTHONHASHSEED": str(hash_seed),
                **os.environ,
                "TMPDIR": self.folder.name,
                **self.stacks.environment,
                name: token,
            },
            start_new_session=True,
        )
        theirs.close()
        Guardian.watch(self.process.pid)
        self.connection = wire.Wire(ours)
        self.connection.give(plans, self.start_timeout_s, interrupts.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        self.connection.close()  # an idle process ends by itself at this
        self._end(END_S if kind is None else 0)
        self.output.close()
        self.folder.cleanup()

    def settle(self) -> None:
        """Wait until the process is ready; if it never is, the first order says why."""
        wait([self.connection.fileno(), self.interrupts.fileno()], self.start_timeout_s)

    def run(self, order: Order) -> Run:
        """The row of that run.

        Raises TimeoutError if it takes longer than `timeout_s`, ChildProcessError if the process
        ends first, and Interrupted at a request to stop.
        """
        try:
            if first := self.starting_s is None:
                limit = self._limit(
                    *(self.start_timeout_s, "starting the measuring process"),
                    *("measure.start_timeout_s", self.began_s),
                )
                self.starting_s = self.connection.ready_s(limit) - self.began_s
            plan = self.plans[order.candidate]
            limit = self._limit(self.timeout_s, f"the {order.role} run", "measure.timeout_s")
            run = self.connection.run(plan, order, limit)
            run = dataclasses.replace(run, parameters=plan.parameters)
            if run.status == "crashed":  # a worker that dies may have said why
                run = dataclasses.replace(run, error=f"{run.error}{self._said('; it printed:')}")
        except (wire.Garbled, EOFError, OSError) as error:
            raise self._failure(error) from None
        return dataclasses.replace(run, starting_s=self.starting_s) if first else run

    def finish(self) -> float:
        """Have it leave what it has entered, the workload and executors; the seconds it took.

        0 if it has ended already. Raises as `run` does, and RuntimeError saying what failed.
        """
        if self.is_over or self.starting_s is None:
            return 0.0
        self.is_over = True
        began_s = time.monotonic()
        limit = self._limit(self.timeout_s, "the end of the measuring process", "measure.timeout_s")
        try:
            problem = self.connection.closed(limit)
        except (wire.Garbled, EOFError, OSError) as error:
            raise self._failure(error) from None
        if problem is not None:
            raise RuntimeError(problem)
        return time.monotonic() - began_s

    def _failure(self, error: Exception) -> Exception:
        """What to raise where no answer came, but this."""
        self.is_over = True
        if isinstance(error, TimeoutError):
            return error
        if isinstance(error, wire.Garbled):
            self._end(patience_s=0)
            return ChildProcessError(
                f"what came from the measuring process is not the row of this run ({error}): a "
                "task writes to files that it has not opened"
            )
        return ChildProcessError(self._death())

    def _limit(
        self, limit_s: float, what: str, key: str, since_s: float | None = None
    ) -> wire.Wait:
        """To be called whenever more is to come of what may last so long, from now on or then."""
        return partial(self._wait, limit_s, what, key, since_s or time.monotonic())

    def _wait(self, limit_s: float, what: str, key: str, since_s: float) -> None:
        left_s = since_s + limit_s - time.monotonic()
        ready = wait([self.connection.fileno(), self.interrupts.fileno()], max(left_s, 0.0))
        self.interrupts.check()
        if not ready:
            hang = self.stacks.ask(self.process.pid, marked(self.mark))
            self._end(patience_s=0)
            raise TimeoutError(hang.told(what, limit_s, key))

    def _end(self, patience_s: float) -> None:
        """End the process and all that it started: wait, ask, kill. Safe to call again."""
        for ask in (None, signal.SIGTERM, signal.SIGKILL):
            if ask is not None:
                self._signal(ask)
            try:
                self.process.wait(END_S if ask else patience_s)
                break
            except subprocess.TimeoutExpired:
                continue
        self._signal(signal.SIGKILL)  # workers that outlived the measuring process
        until_s = time.monotonic() + END_S
        while left := marked(self.mark):  # and those that left its process group
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if time.monotonic() > until_s:
                break
            time.sleep(GONE_S)
        Guardian.forget(self.process.pid)

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def _death(self) -> str:
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._end(patience_s=0)
        code = self.process.returncode
        how = f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
        doing = self.stacks.noted(self.process.pid).get("Doing")
        during = f" while {doing}" if doing else ""
        return f"the measuring process ended by {how}{during}{self._said(':')}"

    def _said(self, before: str) -> str:
        """The end of what was printed there, if anything was, below `before`."""
        self.output.seek(0, os.SEEK_END)
        self.output.seek(max(0, self.output.tell() - TAIL_BYTES))
        tail = self.output.read().decode(errors="replace").strip()
        return f"{before}\n{tail}" if tail else ""


def marked(mark: str) -> list[int]:
    """The processes that were started with `mark` in their environment, as far as can be seen."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:  # it has ended, or is another user's
            continue
    return found


class Guardian:
    """A shell that kills the measuring processes' groups if this process dies, however it dies.

    It sleeps in a read from a pipe that only this process holds open: a line names the groups to
    watch, and the end of the file is this process's end.
    """

    SCRIPT = 'while read -r line; do groups=$line; done; for g in $groups; do kill -9 "-$g"; done'
    shell: ClassVar["subprocess.Popen[bytes] | None"] = None
    owner: ClassVar[int] = 0
    groups: ClassVar[set[int]] = set()

    @classmethod
    def watch(cls, group: int) -> None:
        if cls.shell is None or cls.owner != os.getpid() or cls.shell.poll() is not None:
            # In a session of its own, so that Ctrl+C in the terminal does not reach it.
            cls.shell = subprocess.Popen(
                ["/bin/sh", "-c", cls.SCRIPT],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            if cls.owner != os.getpid():
                cls.groups = set()
            cls.owner = os.getpid()
        cls.groups.add(group)
        cls._tell()

    @classmethod
    def forget(cls, group: int) -> None:
        cls.groups.discard(group)
        cls._tell()

    @classmethod
    def _tell(cls) -> None:
        assert cls.shell is not None
        assert cls.shell.stdin is not None
        try:
            cls.shell.stdin.write(f"{' '.join(map(str, sorted(cls.groups)))}\n".encode())
            cls.shell.stdin.flush()
        except BrokenPipeError:
            pass  # it was killed: the next process gets another one
