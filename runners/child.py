"""A fresh, light interpreter that runs `runners.trial`, as its parent sees it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from multiprocessing.connection import Connection
from types import TracebackType
from typing import IO, Self

from runners.model import Order, Plan, Run

START_S = 60.0
END_S = 1.0
TAIL_BYTES = 2000


class Child:
    """One measuring process and everything it starts: a process group of its own.

    What the workload prints goes to a temporary file; its end is quoted if the process dies.
    """

    def __init__(self, plan: Plan, hash_seed: int) -> None:
        self.timeout_s = plan.measure.timeout_s
        self.output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed on exit
        ours, theirs = socket.socketpair()
        # The path is handed over literally, because the child has to find the same plugins and
        # PYTHONPATH would also reach the programs that a workload starts.
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            f"from runners.trial import main; main({theirs.fileno()})"
        )
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        self.process = subprocess.Popen(
            [sys.executable, *flags, "-X", "faulthandler", "-c", code],
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
            pass_fds=[theirs.fileno()],
            env={"PYTHONHASHSEED": str(hash_seed), **os.environ},
            start_new_session=True,
        )
        theirs.close()
        self.connection = Connection(ours.detach())
        try:
            self.connection.send(plan)
        except OSError:
            pass  # it died at once; the first order says how
        self.ready = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.connection.close()  # an idle process ends by itself at this
        self._end()
        self.output.close()

    def run(self, order: Order) -> Run:
        """The row of that run.

        Raises TimeoutError if it takes longer than `timeout_s` and ChildProcessError if the process
        ends first; either way nothing of it is left running.
        """
        try:
            if not self.ready:
                self._receive(START_S, "starting the measuring process")
                self.ready = True
            self.connection.send(order)
            run = self._receive(self.timeout_s, f"the {order.role} run")
        except (EOFError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise ChildProcessError(self._death()) from None
        assert isinstance(run, Run)
        return run

    def _receive(self, timeout_s: float, what: str) -> object:
        if not self.connection.poll(timeout_s):
            self._end(patience_s=0)
            raise TimeoutError(f"{what} took longer than {timeout_s:g} s; see measure.timeout_s")
        return self.connection.recv()

    def _end(self, patience_s: float = END_S) -> None:
        """End the whole process group: wait, then ask, then kill. Safe to call again."""
        for ask in (None, signal.SIGTERM, signal.SIGKILL):
            if ask is not None:
                self._signal(ask)
            try:
                self.process.wait(END_S if ask else patience_s)
                break
            except subprocess.TimeoutExpired:
                continue
        self._signal(signal.SIGKILL)  # workers that outlived the measuring process

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
        self.output.seek(0, os.SEEK_END)
        self.output.seek(max(0, self.output.tell() - TAIL_BYTES))
        tail = self.output.read().decode(errors="replace").strip()
        return f"the measuring process ended by {how}" + (f":\n{tail}" if tail else "")
