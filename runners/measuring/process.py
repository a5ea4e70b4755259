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
from multiprocessing.connection import Connection, wait
from typing import IO, Any, Self

from runners.measuring import wire
from runners.measuring.folders import Folder
from runners.measuring.interrupts import Interrupts
from runners.measuring.stops import Since, Stopped
from runners.measuring.tree import Tree
from runners.model import Order, Plan, Run

START_S = 60.0
END_S = 0.5
"""How long a process has to end by itself."""
TAIL_BYTES = 2000
MARK = "SPEEDUP_LAB_CHILD"


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
        self.plans = plans
        self.began_s = time.monotonic()
        self.starting_s: float | None = None
        self.interrupts = interrupts
        self.mark = f"{MARK}={uuid.uuid4().hex}"
        self.output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed on exit
        # Whatever the workload leaves in temporary files goes with it, however it ends.
        self.folder = Folder()
        ours, theirs = socket.socketpair()
        # The path is handed over literally, because the child has to find the same plugins and
        # PYTHONPATH would also reach the programs that a workload starts.
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            f"from runners.child.trial import main; main({theirs.fileno()})"
        )
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        name, _, token = self.mark.partition("=")
        try:
            self.tree = Tree(
                [sys.executable, *flags, "-X", "faulthandler", "-c", code],
                {
                    "PYTHONHASHSEED": str(hash_seed),
                    **os.environ,
                    "TMPDIR": self.folder.name,
                    name: token,
                },
                theirs.fileno(),
                self.output,
                [self.folder.name, *beside],
                self.mark,
            )
        except BaseException:
            ours.close()
            self.output.close()
            self.folder.remove()
            raise
        finally:
            theirs.close()
        self.connection = Connection(ours.detach())
        try:
            self.connection.send(tuple(plans))
        except OSError:
            pass  # it died at once; the first order says how

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        self.connection.close()  # an idle process ends by itself at this
        self.tree.end(END_S if kind is None else 0)
        self.output.close()
        self.folder.remove()

    def settle(self) -> None:
        """Wait until the process is ready; if it never is, the first order says why."""
        wait([self.connection, self.interrupts.fileno()], START_S)

    def run(self, order: Order) -> Run:
        """The row of that run.

        Raises TimeoutError if it takes longer than `timeout_s`, ChildProcessError if the process
        ends first, Stopped if it was stopped meanwhile, and Interrupted at a request to stop.
        """
        try:
            if first := self.starting_s is None:
                self._wait(START_S, "starting the measuring process")
                self.starting_s = wire.receive_ready(self.connection) - self.began_s
            self.tree.before()
            since = Since()
            token = wire.send(self.connection, order)
            self._wait(self.timeout_s, f"the {order.role} run", since)
            run = wire.receive(self.connection, order, token)
        except wire.Garbled as error:
            self.tree.end(patience_s=0)
            raise ChildProcessError(
                f"what came from the measuring process is not the row of this run ({error}): a "
                "task writes to files that it has not opened"
            ) from None
        except (EOFError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise ChildProcessError(self._death()) from None
        after = self.tree.after(self._scope(order))
        if run.status == "ok" and (why := since.stopped(after, run)):
            raise Stopped(f"{why} while the {order.role} run was timed")
        return dataclasses.replace(
            run,
            parameters=self.plans[order.candidate].parameters,
            starting_s=self.starting_s if first else run.starting_s,
            left_processes=after.processes,
            left_files=after.files,
            left_shared_bytes=after.shared_bytes,
        )

    def _scope(self, order: Order) -> str:
        """What counts as left by a run: not what an executor keeps, or ends in its own time."""
        if order.role == "spin":
            return "none"
        plan = self.plans[order.candidate]
        keeps = plan.reuse or plan.worker_kind in ("remote", "unknown")
        return "orphans" if keeps and order.role == "measured" else "all"

    def _wait(self, timeout_s: float, what: str, since: Since | None = None) -> None:
        ready = wait([self.connection, self.interrupts.fileno()], timeout_s)
        self.interrupts.check()
        if not ready:
            why = since.stopped(self.tree.look()) if since is not None else None
            self.tree.end(patience_s=0)
            if why:
                raise Stopped(f"{why}, and {what} took longer than {timeout_s:g} s")
            raise TimeoutError(f"{what} took longer than {timeout_s:g} s; see measure.timeout_s")

    def _death(self) -> str:
        code = self.tree.exit_status(END_S)
        self.tree.end(patience_s=0)
        if code is None:
            how = "the end of its reaper, which somebody killed"
        else:
            how = f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
        self.output.seek(0, os.SEEK_END)
        self.output.seek(max(0, self.output.tell() - TAIL_BYTES))
        tail = self.output.read().decode(errors="replace").strip()
        return f"the measuring process ended by {how}" + (f":\n{tail}" if tail else "")
