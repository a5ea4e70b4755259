"""How far a panel has come: what the next round is for, and when there are enough of them."""

import math
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from runners.model import Measure

SPECIALISING_CALLS = 8 if sys.version_info < (3, 12) else 0
"""CPython 3.11 runs a function with a loop slowly until it was called so often (gh-93554)."""

SPARE = 0.95
"""The part of the time budget that rounds are planned for: some take longer than the first one."""

CEILING = 0.12
"""At most this part of the time budget goes to the question what the machine gives."""

Kind = Literal["cold", "warm", "baseline", "ceiling", "counted"]
"""What a round is for. A cold one is the first of its interpreters, and in one of the baseline only
the measuring process itself gets warm, and whoever it forks. One for the ceiling asks what the
machine gives. With `measure.fresh` there are counted ones and those for the ceiling alone."""


class Pair(NamedTuple):
    """A round of one candidate: its seconds, those of its baseline, and the measuring process."""

    baseline_s: float
    measured_s: float
    process: int


class Pace:
    """Plans the rounds of a panel: how many an interpreter has, and how many there are in all.

    The number of rounds is decided once, for all candidates, after a pilot of `min_rounds` less
    one. To stop as soon as the interval looks narrow enough would stop at lucky moments: simulated,
    such intervals cover 88% instead of 95%. Each interpreter has equally many rounds, so many that
    at least `interpreters` of them fit into the time budget, which is one for each candidate.
    """

    def __init__(
        self, settings: Measure, candidates: int = 1, earlier: Sequence[Sequence[Pair]] = ()
    ) -> None:
        self.settings = settings
        self.begin_ns = time.perf_counter_ns()
        self.budget_s = settings.time_budget_s * candidates
        self.pairs = {c: list(earlier[c]) if earlier else [] for c in range(candidates)}
        self.fewest = min(settings.min_rounds, settings.max_rounds)
        self.needed: dict[int, int] = {}
        self.target: int | None = None
        self.counted = 0
        self.generation = -1
        self.rounds_each = 1
        self.head_s = self.round_s = 0.0
        self.ask_s = 0.0
        self.loops_alone = False
        self.ceilings_s = 0.0
        self.last = False
        self.over = False
        self.dropped = self.kept = self.calls = self.asked = 0

    @property
    def goes_on(self) -> bool:
        """Whether there is a round to come."""
        return not self.over and bool(self.pairs)

    def begin_processes(self) -> None:
        """Fresh interpreters are about to be started."""
        self.generation += 1
        self.generation_ns = time.perf_counter_ns()
        self.dropped = self.kept = self.calls = self.asked = 0

    def drop(self, candidates: Iterable[int]) -> None:
        """These have ended; the others go on."""
        for candidate in candidates:
            del self.pairs[candidate]
        self.last = False

    def next_round(self) -> Kind | None:
        """What the next round of these interpreters is for; None if they are to have no more."""
        self.round_ns = time.perf_counter_ns()
        if self.over:
            return None
        if (unready := self._warm_up()) is not None:
            return unready
        # Before the first round that counts and, where there is time, in the middle.
        if self._may_ask() and self.kept >= self.asked * self.rounds_each / 2:
            return "ceiling"
        if self.kept == 0:
            self.head_s = (self.round_ns - self.generation_ns) / 1e9
        if self.generation == 0 and not self.settings.fresh:
            self.rounds_each = self._fitting()
        if self.kept >= self.rounds_each:
            return None
        if self.target is None:
            self._decide()
        self.last = self._is_enough() or self._is_late()
        return "counted"

    def _warm_up(self) -> Kind | None:
        """What a round before those that count is for; None where these interpreters are ready.

        With `loops_alone`, processes that run no baseline in other rounds run it once by itself.
        """
        if self.settings.fresh:
            return None
        if self.dropped == 0:
            return "cold"
        if self.dropped < self.settings.warmup:
            return "warm"
        if self.calls < max(SPECIALISING_CALLS, self.loops_alone):
            return "baseline"
        return None

    def note(self, kind: Kind, pairs: dict[int, Pair], tasks: int) -> None:
        """Take in a complete round; `tasks` is how often its baselines called the task at least."""
        elapsed_s = (time.perf_counter_ns() - self.round_ns) / 1e9
        if kind == "ceiling":
            self.asked += 1
            self.ceilings_s += elapsed_s
            return
        self.calls += tasks
        if kind != "counted":
            self.dropped += 1
            if kind != "baseline" and self.counted == 0:
                self.round_s = elapsed_s
            return
        self.round_s = elapsed_s if self.counted == 0 else min(self.round_s, elapsed_s)
        for candidate, pair in pairs.items():
            self.pairs[candidate].append(pair)
        self.kept += 1
        self.counted += 1
        self.over = self.last

    def ending(self, candidate: int) -> str | None:
        """What ends that candidate with this round; None if others are to follow."""
        if not self.last:
            return None
        needed = self.needed.get(candidate, self.settings.max_rounds)
        if len(self.pairs[candidate]) + 1 < min(needed, self.settings.max_rounds):
            return "time budget"
        return "precision" if needed < self.settings.max_rounds else "rounds"

    @property
    def may_be_last(self) -> bool:
        """Whether the round that was begun may be the last one of its interpreters."""
        return self.last or self.kept + 1 >= self.rounds_each

    @property
    def undecided(self) -> bool:
        """Whether the number of rounds depends on what has been measured, and is still open."""
        return self.target is None and self.fewest < self.settings.max_rounds

    def _may_ask(self) -> bool:
        """Whether there is time to ask what the machine gives, once or twice an interpreter.

        `ask_s` is what that takes where nothing else runs; 0: it is not to be asked.
        """
        if not self.ask_s or self.kept >= self.rounds_each > 1:
            return False
        # Of fresh interpreters the first ones say whether the tasks wait: then nobody asks.
        after = self.generation - self.settings.fresh
        if not 0 <= after < self.settings.interpreters:
            return False  # so many answers are enough
        if self.settings.fresh and self.asked:
            return False
        times = (self.asked + 1) * self.settings.interpreters
        # A single answer has no interval. On a busy machine each takes longer.
        planned_s = max(2, times) * self.ask_s
        return self.asked < 2 and max(planned_s, self.ceilings_s / 2) <= CEILING * self.budget_s

    def _fitting(self) -> int:
        """How many rounds an interpreter has."""
        most = self.settings.interpreters
        if (rounds := self._rounds_in(most)) >= 1:
            return min(rounds, math.ceil(self.fewest / most))
        # With fewer of them there is no interval over interpreters anyway: then rounds count.
        fitting = map(self._rounds_in, range(most - 1, 0, -1))
        return next((rounds for rounds in fitting if rounds >= 2), 1)

    def _rounds_in(self, interpreters: int) -> int:
        """How many rounds each of so many interpreters has time for."""
        each_s = self.budget_s * SPARE / interpreters
        return math.floor((each_s - self.head_s) / max(self.round_s, 1e-9))

    def _is_enough(self) -> bool:
        """Whether no round is needed after this one."""
        if self.target is not None:
            return self.counted + 1 >= self.target
        return min(map(len, self.pairs.values())) + 1 >= self.settings.max_rounds

    def _is_late(self) -> bool:
        """Whether a round after this one would exceed the budget."""
        now_s = (time.perf_counter_ns() - self.begin_ns) / 1e9
        following_s = self.round_s + self.head_s * (self.kept + 1 >= self.rounds_each)
        return now_s + self.round_s + following_s > self.budget_s

    def _decide(self) -> None:
        """After the pilot: how many rounds in all, the same for all candidates."""
        fewest = max(2, self.fewest - 1)
        if not self.undecided or min(map(len, self.pairs.values())) < fewest:
            return
        from runners.analysis.headline import rounds_needed

        settings, left = self.settings, 1
        for candidate, pairs in self.pairs.items():
            needed = rounds_needed(
                *zip(*pairs, strict=True),
                interpreters=settings.interpreters,
                precision=settings.precision,
                fewest=self.fewest,
                most=settings.max_rounds,
            )
            self.needed[candidate] = needed
            left = max(left, needed - len(pairs))
        # Whole interpreters, unless that were more than `max_rounds`.
        target = math.ceil((self.counted + left) / self.rounds_each) * self.rounds_each
        most = settings.max_rounds - min(map(len, self.pairs.values())) + self.counted
        self.target = max(self.counted + 1, min(target, most))
