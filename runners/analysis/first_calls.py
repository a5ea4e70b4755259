"""Whether first calls take longer than later ones, and by more than warm-up explains."""

import pandas as pd

from runners.analysis.rounds import cell_codes, python_codes
from runners.results.columns import COUNTS
from runners.words.rounding import duration

TIMES = 5.0
"""How many times as long: a loop that CPython 3.11 has not specialised yet takes 1.5 times."""
LONGER_S = 100e-6
"""And by how much: what a first call of a small function takes by itself is less."""

INSIDE = ("caller", "thread", "coroutine", "unknown")
"""Workers that leave in the measuring process what they computed."""

READ = ("cell", "panel", "round", "process", "position", "role", "worker_kind")
COLUMNS = ("task_median_s", "first_task_s", "wall_s")


def first_calls(runs: pd.DataFrame) -> list[str]:
    """What the flag says of each cell of `runs` in the order of `cell_codes`; "" if there is none.

    Of each interpreter the first run of the tasks in it is held against those of the same side that
    count: that of the baseline, or of threads that came before it. (After these the baseline finds
    what they have computed, and so does one that runs twice.) Either its tasks took longer, as if
    the others found their results; or its first task did, as if that made something ready for all
    others: then it also has to take longer than a whole run of the others, so that it is not only
    the longest of uneven tasks. Runs with `measure.fresh` are all first ones.
    """
    code = cell_codes(runs)
    cells = int(code.max(initial=-1)) + 1
    if not set(COLUMNS) <= set(runs.columns):  # rows of earlier versions
        return [""] * cells
    usable = (runs["status"] == "ok") & runs["wall_s"].notna() & (runs["role"] != "spin")
    inside = (runs["role"] == "baseline") | runs["worker_kind"].isin(INSIDE)
    is_cold = usable & runs["cold"] & inside
    counted = usable.copy()
    for name, value in COUNTS.items():
        counted &= runs[name] == value
    times = ("task_median_s", "first_task_s")
    if not any(runs[t][is_cold].max() >= TIMES * runs[t][counted].min() for t in times):
        return [""] * cells  # as most often: the rest takes ten times as long
    # Only what is read here: a selection of rows copies each column.
    runs = runs[[*READ, *COUNTS, *COLUMNS]].assign(interpreter=python_codes(runs))
    cold = runs[is_cold]
    foremost = cold.groupby(["panel", "round", "process"])["position"].transform("min")
    first = cold[cold["position"] == foremost]
    found = _medians(first).join(_medians(runs[counted]).add_suffix("_later"), how="inner")
    later_s = found["task_median_s_later"]
    all_longer = _longer(found["task_median_s"], later_s)
    one_longer = _longer(found["first_task_s"], later_s)
    one_longer &= found["first_task_s"] > found["wall_s_later"]
    took_s = found["task_median_s"].where(all_longer, found["first_task_s"])
    # The baseline says it best, as nothing else runs beside its tasks: "baseline" < "measured".
    told: dict[tuple[str, str, int], str] = {}
    for side in found.index[all_longer | one_longer]:
        detail = f"{duration(took_s[side])}, later ones {duration(later_s[side])}"
        told.setdefault(side[:3], detail)
    places = runs.loc[code >= 0, ["panel", "cell", "interpreter"]].drop_duplicates("cell")
    return [
        told.get((panel, panel, python)) or told.get((panel, cell, python), "")
        for panel, cell, python in places.itertuples(index=False)
    ]


def _medians(runs: pd.DataFrame) -> pd.DataFrame:
    """The medians of each side of each cell, in the order of their names.

    A baseline that several cells share is there for each interpreter.
    """
    return runs.groupby(["panel", "cell", "interpreter", "role"])[list(COLUMNS)].median()


def _longer(first_s: "pd.Series[float]", later_s: "pd.Series[float]") -> "pd.Series[bool]":
    return (first_s >= TIMES * later_s) & (first_s - later_s > LONGER_S)
