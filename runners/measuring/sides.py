"""The sides of a panel, and the measuring processes that run them."""

import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from runners.measuring.interrupts import Interrupts
from runners.measuring.process import Child
from runners.model import Panel, Role

REPEATED_FROM = 3
"""From so many candidates on the baseline runs twice a round."""


@dataclass(frozen=True, slots=True)
class Side:
    """One way to run the tasks, and which host of the panel it belongs to."""

    number: int
    role: Role
    candidate: int
    host: int
    loops: int = 0


def sides(panel: Panel) -> list[Side]:
    """The sides of a panel. Each host has a baseline of its own, the first ones in number.

    With many candidates to be compared with it, the baseline of a host is there twice: it deserves
    more runs than any of them (C. W. Dunnett, J. Am. Stat. Assoc. 50, 1955), and the ratio of the
    two, whose truth is 1, shows how far the others can be believed.
    """
    kinds: list[tuple[Role, int, int]] = []
    for at, host in enumerate(panel.hosts):
        times = 2 if len(host) >= REPEATED_FROM else 1
        kinds += [("baseline", host[0], at)] * times
    for at, host in enumerate(panel.hosts):
        kinds += [("measured", candidate, at) for candidate in host]
    return [Side(number, *kind) for number, kind in enumerate(kinds)]


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A measuring process, its number in the rows, and the candidates that it can run."""

    number: int
    child: Child
    candidates: tuple[int, ...]


class Interpreters:
    """The measuring processes of some rounds, fresh ones, which end with the context.

    The sides of a host share one. Where sides are apart, each has its own, and so have the loops
    that ask what the machine gives; with `measure.fresh` it ends after its run. Those of a host
    then have one number, by which rounds are paired, and one hash seed, so that they are as alike
    as they can be. Their results meet in a folder of their own inside `folder`.
    """

    def __init__(
        self,
        panel: Panel,
        chosen: Sequence[Side],
        numbers: Iterator[int],
        chance: random.Random,
        interrupts: Interrupts,
        folder: str,
    ) -> None:
        self.panel = panel
        self.inside = folder
        self.chosen = chosen
        self.interrupts = interrupts
        self.numbers = numbers
        self.chance = chance
        self.fresh = panel.plans[0].measure.fresh
        self.alike: dict[int, tuple[int, int]] = {}
        self.open = ExitStack()
        self.kept = ExitStack()
        self.known: dict[int, Interpreter] = {}
        self.folder: Path | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        with self.kept:
            self.open.__exit__(kind, error, trace)

    def start(self) -> None:
        """Start them, before any round; each of those for one run only is started before it."""
        if self.panel.sides_apart and self.panel.plans[0].compared:
            held = tempfile.TemporaryDirectory(dir=self.inside, ignore_cleanup_errors=True)
            self.folder = Path(self.kept.enter_context(held))
        if not self.fresh:
            self._start(self.chosen)

    def of(self, side: Side) -> Interpreter:
        """The process for the next run of that side, ready to be told what to do."""
        if (place := self._place(side)) not in self.known:
            if self.fresh:  # the last one has done its only run
                self.known.clear()
                self.open.close()
            self._start([side])
        return self.known[place]

    def results(self, number: int, host: int) -> str | None:
        """The file for the results of that round; None where one process sees all of them."""
        return None if self.folder is None else str(self.folder / f"{number}-{host}")

    def _number(self, host: int) -> tuple[int, int]:
        """The number of a process that is to start for that host, and its hash seed."""
        new = self.alike.get(host) or (next(self.numbers), self.chance.getrandbits(32))
        if self.panel.sides_apart:
            self.alike[host] = new
        return new

    def _place(self, side: Side) -> int:
        """What sides have in common that share a process."""
        if not self.panel.sides_apart:
            return side.host
        return -1 - side.host if side.role == "spin" else side.number

    def _start(self, sides: Sequence[Side]) -> None:
        """Start the processes of these sides; none of them starts while a run is timed."""
        started = []
        for side in sorted(sides, key=self._place):
            if (place := self._place(side)) not in self.known:
                apart = self.panel.sides_apart
                candidates = (side.candidate,) if apart else self.panel.hosts[side.host]
                plans = [self.panel.plans[candidate] for candidate in candidates]
                if apart and side.role != "measured":  # no worker is needed there
                    plans = [replace(plan, launch=None) for plan in plans]
                number, seed = self._number(side.host)
                made = Child(plans, seed, self.interrupts, [self.inside])
                child = self.open.enter_context(made)
                self.known[place] = Interpreter(number, child, candidates)
                started.append(child)
        for child in started:
            child.settle()
