"""A fresh, light interpreter that runs `runners.child.trial`, as its parent sees it."""

import dataclasses
import os
import re
import socket
import tempfile
import time
import uuid
from collections.abc import Sequence
from functools import partial
from multiprocessing.connection import wait
from typing import IO, Any, Self

from runners import starting
from runners.measuring import launching, wire
from runners.measuring.folders import Folder
from runners.measuring.interrupts import Interrupts
from runners.measuring.launching import Entrance
from runners.measuring.preparing import lacking
from runners.measuring.processes import MARK
from runners.measuring.stacks import Stacks
from runners.measuring.stops import Since, Stopped
from runners.measuring.tree import Tree
from runners.model import Order, Plan, Run, last_line, signal_name

END_S = 0.5
"""How long a process has to end by itself."""
LAUNCHED_END_S = 5.0
"""The same, where a launcher ends all of its processes, maybe on several machines."""
STARTING = "starting the measuring process", "measure.start_timeout_s"
TAIL_BYTES = 2000
FAILED = TimeoutError, ChildProcessError, RuntimeError
"""What a `Child` raises where the process does not do what it is told."""
_MISSING = re.compile(r"ModuleNotFoundError: No module named '([^']+)'(?:\. Did you mean: .*)?$")


class Child:
    """One measuring process and everything it starts.

    What the workload prints goes to a temporary file; its end is quoted if the process dies.
    """

    def __init__(
        self,
        plans: Sequence[Plan],
        hash_seed: int,
        interrupts: Interrupts,
        beside: Sequence[str] = (),
    ) -> None:
        """`beside` are folders that are to go as well if this process dies."""
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
        self.folder = Folder()
        self.stacks = Stacks(self.folder.name)
        self.connection: wire.Wire | None = None
        self.entrance: Entrance | None = None
        try:
            if (launch := plans[0].launch) is not None and launch.words:
                self.entrance = Entrance(self.folder.name)
                given = launch.entry, self.entrance.path, plans[0].measure.memory_limit_bytes
                call = f"from runners.child.launched import begin; begin{given!r}"
                self.tree = self._tree(call, None, hash_seed, beside)
            else:
                ours, theirs = socket.socketpair()
                with theirs:
                    self.connection = wire.Wire(ours)
                    call = f"from runners.child.trial import main; main({theirs.fileno()})"
                    self.tree = self._tree(call, theirs.fileno(), hash_seed, beside)
                self.connection.give(plans, self.start_timeout_s, interrupts.fileno())
        except BaseException:
            self._close()
            self.output.close()
            self.folder.remove()
            raise

    def _tree(self, call: str, passed: int | None, hash_seed: int, beside: Sequence[str]) -> Tree:
        plan = self.plans[0]
        name, _, token = self.mark.partition("=")
        command = starting.command(
            plan.python, call, self.folder.name, starting.options(plan), plan.version
        )
        environment = {
            "PYTHONHASHSEED": str(hash_seed),
            **starting.environment(plan.python, plan.gil, plan.version),
            "TMPDIR": self.folder.name,
            **self.stacks.environment,
            name: token,
        }
        if (launch := plan.launch) is not None:
            command = launching.command(launch, plan.n, command)
            environment = launching.environment(launch, environment)
        folders = [self.folder.name, *beside]
        return Tree(command, environment, passed, self.output, folders, self.mark)

    def _close(self) -> None:
        for end in (self.connection, self.entrance):
            if end is not None:
                end.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        self._close()  # an idle process ends by itself at this
        patience_s = END_S if self.entrance is None else LAUNCHED_END_S
        self.tree.end(patience_s if kind is None else 0)
        self.output.close()
        self.folder.remove()

    def settle(self) -> None:
        """Wait until the process is ready; if it never is, the first order says why."""
        until_s = self.began_s + self.start_timeout_s
        stop = self.interrupts.fileno()
        while not self._has_come():
            ready = wait([*self._sources(), stop], max(until_s - time.monotonic(), 0.0))
            if not ready or stop in ready or self._has_ended():
                return
        wait([*self._sources(), stop], max(until_s - time.monotonic(), 0.0))

    def _sources(self) -> list[int]:
        """What can be read when something has come, or nothing ever will."""
        if self.connection is not None:
            return [self.connection.fileno()]
        assert self.entrance is not None
        # Its reaper says when the launcher has ended.
        return [self.entrance.fileno(), self.tree.control.fileno()]

    def _has_come(self) -> bool:
        """Whether there is a way to the process: if a launcher starts it, it has to come first."""
        if self.connection is None:
            assert self.entrance is not None
            if not wait([self.entrance.fileno()], 0):
                return False
            self.tree.exit_status(0)  # what it has said of the launcher is heard
            ours, self.tree.pid = self.entrance.take()
            self.connection = wire.Wire(ours)
            self.connection.give(self.plans, self.start_timeout_s, self.interrupts.fileno())
        return True

    def _has_ended(self) -> bool:
        """Whether the launcher has, or its reaper, before the process has come."""
        if self.connection is not None:
            return False
        return self.tree.exit_status(0) is not None or self.tree.process.poll() is not None

    def _arrived(self) -> wire.Wire:
        """The way to the process. Raises EOFError, TimeoutError if it does not come."""
        while not self._has_come():
            if self._has_ended():
                raise EOFError
            self._wait(self.start_timeout_s, *STARTING, self.began_s)
        assert self.connection is not None
        return self.connection

    def run(self, order: Order) -> Run:
        """The row of that run.

        Raises TimeoutError if it takes longer than `timeout_s`, ChildProcessError if the process
        ends first, Stopped if it was stopped meanwhile, and Interrupted at a request to stop.
        """
        plan = self.plans[order.candidate]
        try:
            if first := self.starting_s is None:
                limit = partial(self._wait, self.start_timeout_s, *STARTING, self.began_s)
                self.starting_s = self._arrived().ready_s(limit) - self.began_s
            self.tree.before()
            since = Since()
            what, key = f"the {order.role} run", "measure.timeout_s"
            limit = partial(self._wait, self.timeout_s, what, key, since.begin_s, since)
            run = self._arrived().run(plan, order, limit)
            if run.status == "crashed":  # a worker that dies may have said why
                run = dataclasses.replace(run, error=f"{run.error}{self._said('; it printed:')}")
            if (missing := _MISSING.search(last_line(run.error or ""))) and not plan.python.is_this:
                error = f"{run.error}; {lacking(plan.python, missing[1])}"
                run = dataclasses.replace(run, error=error)
        except (wire.Garbled, EOFError, OSError) as error:
            raise self._failure(error) from None
        after = self.tree.after(self._scope(order))
        if run.status == "ok" and (why := since.stopped(after, run)):
            raise Stopped(f"{why} while the {order.role} run was timed")
        return dataclasses.replace(
            run,
            parameters=plan.parameters,
            starting_s=self.starting_s if first else run.starting_s,
            left_processes=after.processes,
            left_files=after.files,
            left_shared_bytes=after.shared_bytes,
        )

    def finish(self) -> float:
        """Have it leave what it has entered, the workload and executors; the seconds it took.

        0 if it has ended already. Raises as `run` does, and RuntimeError saying what failed.
        """
        if self.is_over or self.starting_s is None:
            return 0.0
        self.is_over = True
        began_s = time.monotonic()
        what, key = "the end of the measuring process", "measure.timeout_s"
        try:
            problem = self._arrived().closed(
                partial(self._wait, self.timeout_s, what, key, began_s)
            )
        except (wire.Garbled, EOFError, OSError) as error:
            raise self._failure(error) from None
        if problem is not None:
            raise RuntimeError(problem)
        return time.monotonic() - began_s

    def _scope(self, order: Order) -> str:
        """What counts as left by a run: not what an executor keeps, or ends in its own time."""
        if order.role == "spin":
            return "none"
        plan = self.plans[order.candidate]
        keeps = plan.reuse or plan.worker_kind in ("remote", "unknown")
        return "orphans" if keeps and order.role == "measured" else "all"

    def _failure(self, error: Exception) -> Exception:
        """What to raise where no answer came, but this."""
        self.is_over = True
        if isinstance(error, TimeoutError):
            return error
        if isinstance(error, wire.Garbled):
            self.tree.end(patience_s=0)
            return ChildProcessError(
                f"what came from the measuring process is not the row of this run ({error}): a "
                "task writes to files that it has not opened"
            )
        return ChildProcessError(self._death())

    def _wait(
        self, limit_s: float, what: str, key: str, began_s: float, since: Since | None = None
    ) -> None:
        """Return when something has come. To be called again whenever more is to come."""
        left_s = began_s + limit_s - time.monotonic()
        ready = wait([*self._sources(), self.interrupts.fileno()], max(left_s, 0.0))
        self.interrupts.check()
        if ready:
            return
        # What was stopped is asked first: an answer may look like a process that goes on.
        why = since.stopped(self.tree.look()) if since is not None else None
        if why:
            self.is_over = True
            self.tree.end(patience_s=0)
            raise Stopped(f"{why}, and {what} took longer than {limit_s:g} s")
        hang = self.stacks.ask(self.tree.pid or self.tree.process.pid, self.tree.living())
        self.tree.end(patience_s=0)
        raise TimeoutError(hang.told(what, limit_s, key))

    def _death(self) -> str:
        code = self.tree.exit_status(END_S)
        self.tree.end(patience_s=0)
        if code is None:
            how = "the end of its reaper, which somebody killed"
        else:
            how = f"exit code {code}" if code >= 0 else f"signal {signal_name(-code)}"
        doing = self.stacks.noted(self.tree.pid).get("Doing") if self.tree.pid else None
        during = f" while {doing}" if doing else ""
        return f"the measuring process ended by {how}{during}{self._said(':')}"

    def _said(self, before: str) -> str:
        """The end of what was printed there, if anything was, after `before`."""
        self.output.seek(0, os.SEEK_END)
        self.output.seek(max(0, self.output.tell() - TAIL_BYTES))
        tail = self.output.read().decode(errors="replace").strip()
        if not tail:
            return ""
        return f"{before}\n{tail}" if "\n" in tail else f"{before} {tail}"
