"""Results in the formats of other tools: one module for each, with `export` and what it is for."""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from runners.model import Environment
from runners.report.exports.github import ABOUT as GITHUB
from runners.report.exports.github import export as github
from runners.report.exports.pyperf import ABOUT as PYPERF
from runners.report.exports.pyperf import export as pyperf

Export = Callable[[pd.DataFrame, pd.DataFrame, Sequence[Environment]], Mapping[str, bytes]]
"""The summary, its runs, and the machines: the content of each file by its name."""

EXPORTS: Mapping[str, Export] = {"github": github, "pyperf": pyperf}
"""By the name that a command has for it."""

ABOUT = {"github": GITHUB, "pyperf": PYPERF}
"""What each is for, in a few words."""
