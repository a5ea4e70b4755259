"""What is here against another version of the code that was measured beside it."""

from collections.abc import Collection, Mapping

import pandas as pd

from runners.analysis.matching import match
from runners.analysis.rounds import Rounds
from runners.analysis.two_results import TwoResults, compare
from runners.analysis.verdicts import Quantity
from runners.model import HERE
from runners.words.pythons import code_versions


def versions(summary: pd.DataFrame) -> list[str]:
    """The versions of the code beside the one that is here, in the order in which they were named.

    None where there is nothing here that they could be compared with.
    """
    code = code_versions(summary)
    order = summary["python_order"].fillna(0).groupby(code).min().sort_values(kind="stable")
    return [str(name) for name in order.index if name] if "" in order.index else []


def of_version(summary: pd.DataFrame, name: str) -> pd.DataFrame:
    """The cells of that version; "" is the one here."""
    return summary.loc[code_versions(summary) == name].reset_index(drop=True)


def against(
    summary: pd.DataFrame,
    rounds: Mapping[str, Rounds],
    version: str,
    leads: Quantity = "parallel",
    asked: float | None = None,
    ignored: Collection[str] = (),
) -> TwoResults:
    """What is here against another version: that one is the earlier result.

    `summary` is the frame of `summarise`, `rounds` are the complete rounds of its cells by name,
    `asked` is a margin. `ignored` parameters may be others in the two.
    """
    before, after = of_version(summary, version), of_version(summary, "")
    names, frames = (version, HERE), (before, after)
    return compare(names, frames, (rounds, rounds), match(*frames, ignored), leads, asked, True)
