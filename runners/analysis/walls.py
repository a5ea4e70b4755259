"""Times of one side over its rounds, and how two such sides compare: paired where they can be."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from runners.analysis.headline import paired_ratio
from runners.analysis.interval import Floats, Interval
from runners.analysis.rounds import FEWEST, Rounds, Rows


@dataclass(frozen=True, slots=True)
class Walls:
    """The seconds of one side, a row a round: `panel`, `number`, `process` and `wall_s`.

    The rounds of two sides are the same ones where panel and number are; `process` tells the rounds
    of one measuring process from those of another of its panel.
    """

    rounds: pd.DataFrame

    def typical(self, confidence: float = 0.95) -> Interval:
        """A typical time: the trimmed mean of the logarithms, with the headline's interval."""
        ones = np.ones(len(self.rounds))
        return paired_ratio(self.rounds["wall_s"], ones, _process(self.rounds), confidence)

    def over(self, other: "Walls", confidence: float = 0.95) -> Interval:
        """How many times as long this side takes as the other.

        In their common rounds, whose noise they share, as the headline is computed; where there are
        none, from two times that were measured independently.
        """
        both = self._in_common(other)
        if len(both) >= FEWEST:
            return paired_ratio(both["wall_s"], both["wall_s_other"], _process(both), confidence)
        return self.typical(confidence).over(other.typical(confidence))

    def meets(self, other: "Walls") -> bool:
        """Whether they are compared in common rounds."""
        return len(self._in_common(other)) >= FEWEST

    def _in_common(self, other: "Walls") -> pd.DataFrame:
        names = ["panel", "number"]
        return self.rounds.merge(other.rounds, on=names, suffixes=("", "_other"))


def of_cell(rounds: Rounds) -> Walls:
    """Those of a cell's measured side."""
    return _walls(rounds, rounds.measured_s)


def plain_loop(cells: Iterable[Rounds]) -> Walls:
    """Those of the baseline that these cells of one workload and interpreter have.

    A panel in which executors need measuring processes of their own has several of them in a round:
    their geometric mean.
    """
    found = pd.concat([_walls(rounds, rounds.baseline_s).rounds for rounds in cells])
    found = found.drop_duplicates(["panel", "number", "process"])
    logs = found.assign(wall_s=np.log(found["wall_s"]))
    by_round = logs.groupby(["panel", "number"], sort=False)
    mean = by_round.agg(process=("process", "min"), wall_s=("wall_s", "mean")).reset_index()
    return Walls(mean.assign(wall_s=np.exp(mean["wall_s"])))


def _walls(rounds: Rounds, wall_s: Floats) -> Walls:
    columns = {"panel": rounds.panel.astype(str), "number": rounds.number}
    return Walls(pd.DataFrame({**columns, "process": rounds.process, "wall_s": wall_s}))


def _process(rounds: pd.DataFrame) -> Rows:
    """A number for each measuring process of all panels."""
    return np.asarray(rounds.groupby(["panel", "process"]).ngroup(), np.intp)
