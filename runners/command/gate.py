"""`--at-least 1.5`: a cell that has to reach a speedup, as a gate for a build.

The verdict is that of a test (`analysis/demand.py`): what fails, or passes only just, has to show
in a second measurement, and what this machine cannot tell is inconclusive.
"""

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from runners.command.arguments import FOLDERS, MULTIRUN, makes_a_sweep, quoted
from runners.door import libraries_only
from runners.model import VERDICT_ROUNDS, UsageError
from runners.planning.config import Config
from runners.words.lines import say

OPTION = "--at-least"
STATUS = {"passed": 0, "failed": 1, "inconclusive": 5}
"""The exit status of each outcome."""
ROUNDS = (
    f"measure.min_rounds={VERDICT_ROUNDS}",
    f"measure.max_rounds={2 * VERDICT_ROUNDS}",
    "measure.time_budget_s=60",
)
"""What a verdict takes, unless the command says otherwise."""


def demanded(arguments: Sequence[str]) -> tuple[float | None, list[str]]:
    """The speedup that has to be reached, if the option is there, and the other arguments.

    Raises UsageError where that is no number, or there is a sweep.
    """
    rest = list(arguments)
    at = next((k for k, word in enumerate(rest) if word.partition("=")[0] == OPTION), None)
    if at is None:
        return None, rest
    word = rest.pop(at)
    _, equals, text = word.partition("=")
    if not equals:
        text = rest.pop(at) if at < len(rest) else ""
    try:
        least = float(text)
    except ValueError:
        least = math.nan
    if not 0 < least < math.inf:
        raise UsageError(f"{OPTION} {text}: it takes a speedup, as in {OPTION} 1.5")
    if set(MULTIRUN) & set(rest):
        raise UsageError(f"{OPTION} {text}: it is about one cell; leave out -m")
    if makes := next((word for word in rest if makes_a_sweep(word, rest)), None):
        raise UsageError(f"{OPTION} {text}: it is about one cell; leave out {makes}")
    keys = {word.partition("=")[0].lstrip("+") for word in rest}
    named = (int(word[2:]) for word in reversed(rest) if re.fullmatch(r"n=\d{1,9}", word))
    elsewhere = "n" in keys or any(word.startswith(("+", "--config", "-c")) for word in rest)
    n = next(named, None if elsewhere else Config.n)
    if n is not None and least > n:  # measured in vain
        raise UsageError(f"{OPTION} {text}: it takes more than {n} workers; raise n")
    return least, [*rest, *(word for word in ROUNDS if word.partition("=")[0] not in keys)]


def judged(
    least: float,
    folder: Path,
    words: Sequence[str],
    measure: Callable[[Sequence[str]], Path | None],
) -> int:
    """Judge the cell in that folder, and what `measure` makes of it again, where that is needed.

    `words` are those that it was measured by. Prints the verdict; returns the exit status. Raises
    UsageError where no measurement could ever reach the speedup.
    """
    with libraries_only():
        from runners.analysis import demand
        from runners.analysis.cell import cells
        from runners.analysis.summary import summarise
        from runners.results.read import read_runs

        def of(place: Path) -> demand.Verdict:
            [cell] = cells(summarise(read_runs(place, below=False)))
            try:
                return demand.at_least(cell, least)
            except demand.Impossible as error:
                raise UsageError(f"{OPTION} {least:g}: {error}") from None

        found = of(folder)
        if found.outcome != "inconclusive" and not found.sure:
            say(f"{found.reason}: measured again, to see whether that shows twice")
            again = folder.with_name(f"{folder.name}-again")
            rest = [word for word in words if not word.startswith(FOLDERS)]
            rest = [word for word in rest if not word.startswith("measure.force=")]
            # Not an old one, which a fixed folder may hold.
            fresh = [f"hydra.run.dir={quoted(str(again))}", "measure.force=true"]
            place = measure([*rest, *fresh])
            if place is None:
                return 1
            found = demand.agreed(found, of(place))
    say(f"{found.outcome}: {found.reason}")
    return STATUS[found.outcome]
