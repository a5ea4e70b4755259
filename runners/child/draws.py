"""Whether tasks on several workers drew the same random numbers: "equal draws".

Workers that begin with the same state of a random generator return the same draws: forked ones have
their parent's, and fresh ones that of a module that seeds it. What shows it is that tasks of one
run, on different workers, returned the same, while the plain loop gives each of them another result
every time. One such pair is enough where a result says much (a number of many digits, a list of
them). Few different values can be the same by chance, as the estimates of a small experiment: then
there have to be more pairs than chance makes of results that the plain loop has never repeated.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from runners.child.parts import pickled

CHANCE = 0.001
"""With this probability at most would so many pairs be equal by chance."""
LOOPS = 5
"""So many runs of the plain loop are kept in mind."""
MANY_BITS = 40
MANY_PARTS = 16


class Draws:
    """Keeps in mind what tasks returned in the plain loop and on workers, as digests.

    `random` says that the tasks are known to return something else each time; else two runs of the
    plain loop tell.
    """

    def __init__(self) -> None:
        self.random = False
        self.loops = 0
        self.of_task: dict[int, list[bytes]] = {}
        self.times: Counter[bytes] = Counter()
        self.rising = True
        self.last: Any = None
        self.runs: list[tuple[int, list[tuple[list[int], bool]]]] = []

    @property
    def settled(self) -> bool:
        """Whether there is nothing to look for: the plain loop repeats its results."""
        repeated = self.loops > 1 and not any(self._vary([task]) for task in self.of_task)
        return repeated and not self.random

    def loop(self, results: Sequence[Any]) -> None:
        """Note a run of the plain loop."""
        if self.loops < LOOPS:
            self.loops += 1
            for task, result in enumerate(results):
                self.note(task, result)

    def note(self, task: int, result: Any) -> None:
        """Note what one task returned in the plain loop."""
        if (digest := _digest(result)) is None:
            return
        self.of_task.setdefault(task, []).append(digest)
        self.times[digest] += 1
        try:
            # Numbers that go up from call to call are counted or read from a clock, not drawn.
            self.rising = self.rising and (self.last is None or bool(self.last < result))
        except Exception:
            self.rising = False
        self.last = result

    def run(
        self, results: Sequence[Any], workers: Sequence[Hashable], one_task: int | None = None
    ) -> int:
        """Note a run on workers with a memory of their own, of all tasks or so often of one.

        Returns how many of its tasks returned what one on another worker had, if that is no chance.
        """
        places_of: dict[bytes, list[int]] = {}
        for place, result in enumerate(results):
            if (digest := _digest(result)) is not None:
                places_of.setdefault(digest, []).append(place)
        equal = [
            (
                places if one_task is None else [one_task] * len(places),
                says_much(results[places[0]]),
            )
            for places in places_of.values()
            if len({workers[place] for place in places}) > 1
        ]
        self.runs.append((math.comb(len(results), 2), equal))
        return self._repeats(equal) if self.found else 0

    @property
    def found(self) -> bool:
        """Whether the runs so far show equal draws."""
        equal = [pair for _, found in self.runs for pair in found if self._vary(pair[0])]
        if self.rising or not equal:
            return False
        if any(much and self._are_unique(tasks) for tasks, much in equal):
            return True
        # How often two results of the plain loop are equal, at most (about 95% of a Poisson count).
        random = (task for task in self.of_task if self._vary([task]))
        drawn = [digest for task in random for digest in self.of_task[task]]
        ties = sum(math.comb(times, 2) for times in Counter(drawn).values())
        often = (ties + 2 * math.sqrt(ties) + 3) / max(math.comb(len(drawn), 2), 1)
        expected = often * sum(pairs for pairs, _ in self.runs)
        return at_least(self._repeats(equal), expected) < CHANCE

    def _repeats(self, equal: Sequence[tuple[list[int], bool]]) -> int:
        return sum(len(tasks) - 1 for tasks, _ in equal if self._vary(tasks))

    def _vary(self, tasks: Sequence[int]) -> bool:
        """Whether the plain loop gave each of these tasks results that differ."""
        several = [len(set(self.of_task.get(task, []))) for task in tasks]
        return min(several) >= (1 if self.random else 2)

    def _are_unique(self, tasks: Sequence[int]) -> bool:
        """Whether the plain loop gave no result of these tasks twice."""
        return all(self.times[digest] == 1 for task in tasks for digest in self.of_task[task])


def at_least(count: int, expected: float) -> float:
    """At most how probable so many or more rare events are: Chernoff's bound of Poisson's tail."""
    if count <= expected:
        return 1.0
    return math.exp(count - expected - count * math.log(count / expected))


def says_much(value: Any) -> bool:
    """Whether a result has so many values that no two of them are equal by chance."""
    if hasattr(value, "tolist"):  # an array, or a number of numpy's
        value = value.tolist()
    if isinstance(value, bool) or value is None:
        return False
    if isinstance(value, int):
        return value.bit_length() >= MANY_BITS
    if isinstance(value, float):
        return math.isfinite(value) and not _is_a_quotient(value)
    if isinstance(value, str | bytes):
        return len(value) >= MANY_PARTS
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        some = value[:64]
        several = len(value) >= MANY_PARTS and any(part != some[0] for part in some)
        return several or any(map(says_much, some))
    return False


def _is_a_quotient(value: float) -> bool:
    """Whether it is one of two whole numbers that are not large, as a share of few cases is."""
    from fractions import Fraction  # rarely needed, and every measuring process loads this module

    return float(Fraction(value).limit_denominator(10**7)) == value


def _digest(value: Any) -> bytes | None:
    data = pickled(value)
    return None if data is None else hashlib.blake2b(data, digest_size=16).digest()
