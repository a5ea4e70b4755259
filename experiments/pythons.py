"""The same tasks on all interpreters that are found here."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from runners.analysis.claims import Claim
from runners.report import figures as plots

ROWS: tuple[str, ...] = ()
CODE = (
    "runners.workloads.countdown:count",
    "runners.workloads.json_parse:JsonParse.__call__",
)

CLAIMS: tuple[Claim, ...] = ()
"""Nothing is claimed: which interpreters there are is not known beforehand."""


def figures(summary: pd.DataFrame) -> Mapping[str, Figure]:
    """The plain loop and the speedup on each of them."""
    return {"pythons": plots.pythons(summary)}
