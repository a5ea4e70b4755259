"""A side of a cell, run in a process of its own and not timed, for something to look inside.

What comes of such a run is in no row. A workload whose workers start anew for each run has them
kept here, where that can be: whoever looks inside has found them before their tasks begin.
"""

from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Self

from runners.measuring.folders import Folder
from runners.measuring.interrupts import Interrupts
from runners.measuring.process import FAILED, Child
from runners.measuring.stops import Stopped
from runners.model import Order, Plan, Role, first_line


class Untimed(Exception):
    """That side cannot be run for somebody to look inside; the message is a line that says why."""


class Side:
    """One side of a cell in a process of its own, to be run any number of times."""

    def __init__(self, plan: Plan, role: Role, interrupts: Interrupts) -> None:
        self.role = role
        self.number = 0
        self.folder = Folder()
        own = replace(plan, launch=None) if role == "baseline" else replace(plan, reuse=True)
        try:
            seed = plan.measure.seed & 0xFFFF_FFFF
            self.child = Child([own], seed, interrupts, [self.folder.name])
        except BaseException:
            self.folder.remove()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        try:
            if kind is None:
                with suppress(*FAILED, Stopped):  # what was to be seen has been seen
                    self.child.finish()
            self.child.__exit__(kind, error, trace)
        finally:
            self.folder.remove()

    @property
    def pid(self) -> int:
        """That of the measuring process, once it has run something."""
        return self.child.tree.pid or 0

    def run(self) -> float:
        """Run it once; what it took, in seconds, which is not a measurement.

        Raises Untimed where the run is not ok, and Interrupted at a request to stop.
        """
        order = Order(
            *(0, self.number, 0, self.role),
            cold=False,
            warmup=True,
            tasks_of=self.number * self.child.plans[0].n,
            times=f"{self.folder.name}/times",
        )
        self.number += 1
        try:
            run = self.child.run(order)
        except (*FAILED, Stopped) as error:
            raise Untimed(first_line(error)) from None
        if run.status != "ok" or run.wall_s is None:
            raise Untimed((run.error or run.status).splitlines()[0])
        return run.wall_s
