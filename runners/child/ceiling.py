"""What the machine gives to n processes at once, asked by loops that share nothing.

A program that reaches 1.6 of 2 may have had all that there was: two threads of a core, a lower
clock with all cores at work, a quota, and neighbours take their part of every program. The same
loop is run alone and n at once; n times the ratio of the two times is the machine's own ceiling.

The loops are programs of their own, and not forked from here: that is safe whatever threads there
are, and they hold nothing of the workload. They are started before anything is timed and sleep in
a read until they are told to run, so that no start is in the time. For workers of any kind they are
processes: the question is what the machine gives, not what the GIL takes.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

from runners.model import Span, WorkerDied

TRY = 200_000
"""Steps of the loop by which its speed is found."""
END_S = 0.5


class Spin(NamedTuple):
    """One run of some loops at once, from before the first was told to run to the last one's end.

    `begin_ns` is on the clock of the spans, of which each loop has one.
    """

    begin_ns: int
    wall_s: float
    spans: tuple[Span, ...]


class Ceiling:
    """Up to `most` loops that run at once, each in a process that lives as long as the context.

    A loop takes about `loop_s` of CPU time. What was started ends with the context, and where this
    process is killed, with its group.
    """

    def __init__(self, most: int, loop_s: float) -> None:
        self.most = most
        self.loop_s = loop_s
        self.spinners: list[subprocess.Popen[bytes]] = []
        self.steps = TRY
        self.turn = 0

    def __enter__(self) -> Self:
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; from runners.child.spin import main; main()"
        )
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        try:
            for _ in range(self.most):
                self.spinners.append(
                    subprocess.Popen(
                        [sys.executable, *flags, "-S", "-c", code],
                        bufsize=0,
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.DEVNULL,
                    )
                )
            self._run(self.spinners, 1)  # answered once all have started
            # By CPU time, which other load does not stretch, and the least of some.
            cpu_ns = min(self._run(self.spinners[:1], TRY).spans[0].cpu_ns for _ in range(3))
            self.steps = max(round(TRY * self.loop_s * 1e9 / max(cpu_ns, 1)), 1)
        except BaseException as problem:
            self.close()
            if isinstance(problem, OSError):  # no process, file or memory to be had
                raise WorkerDied(
                    f"no process could be started to ask the machine: {problem}"
                ) from None
            raise
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        self.close()

    def run(self, count: int, cpus: Sequence[int] = ()) -> Spin:
        """Run `count` loops at once. Raises WorkerDied where one of their processes has ended.

        Processes differ a little in speed, so that fewer than there are take turns. With `cpus`,
        each is pinned to one of them.
        """
        chosen = [self.spinners[(self.turn + k) % self.most] for k in range(count)]
        self.turn += count
        for spinner, cpu in zip(chosen, cpus, strict=False):
            try:
                os.sched_setaffinity(spinner.pid, {cpu})
            except OSError:  # it has ended, as will be seen, or the CPU cannot be had any more
                continue
        return self._run(chosen, self.steps)

    def close(self) -> None:
        """End the processes. May be called again."""
        for spinner in self.spinners:
            try:
                # A forked worker may still hold this end of the pipe: closing it would not do.
                _pipe(spinner.stdin).write(b"0\n")
            except OSError:
                continue
        for spinner in self.spinners:
            try:
                spinner.wait(END_S)
            except subprocess.TimeoutExpired:
                spinner.kill()
                spinner.wait()
            for pipe in (spinner.stdin, spinner.stdout):
                _pipe(pipe).close()
        self.spinners = []

    def _run(self, spinners: list["subprocess.Popen[bytes]"], steps: int) -> Spin:
        order = f"{steps}\n".encode()
        begin_ns = time.perf_counter_ns()
        try:
            for spinner in spinners:
                _pipe(spinner.stdin).write(order)
            answers = [_pipe(spinner.stdout).readline() for spinner in spinners]
        except OSError:
            answers = [b""]
        if not all(answers):
            raise WorkerDied("a process that asks what the machine gives has ended")
        spans = tuple(Span(k, *map(int, answer.split())) for k, answer in enumerate(answers))
        return Spin(begin_ns, (max(span.end_ns for span in spans) - begin_ns) / 1e9, spans)


def _pipe(end: Any) -> Any:
    assert end is not None  # all of them were asked for
    return end
