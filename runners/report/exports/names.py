"""What cells are called in files of other tools, which tell them by their names from run to run."""

from collections import Counter

import pandas as pd

from runners.words.labels import labels


def names(summary: pd.DataFrame) -> list[str]:
    """One for each cell, different from the others."""
    named = labels(summary)
    seen: Counter[str] = Counter()
    found = []
    for panel, line, n in zip(named["panel"], named["line"], summary["n"], strict=True):
        name = f"{panel}, {line}, n = {n}"
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} (again, {seen[name]})")
    return found
