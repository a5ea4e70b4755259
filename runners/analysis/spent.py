"""Where the time of a measurement went: rounds that count, and what they cost besides."""

import numpy as np
import pandas as pd

from runners.analysis.rounds import Rows, python_codes
from runners.results.columns import COUNTS


def spent(runs: pd.DataFrame, code: Rows) -> pd.DataFrame:
    """The shares of each cell's time, a row a cell: counted, warm-up, ceiling, starting, judging.

    A cell that was measured together with others has the shares of its panel, of those in it that
    have the same interpreter. They are NaN where nothing was timed; what version 0.2.0 did not
    write counts as nothing.
    """
    parts = _parts(runs)
    place = _places(runs)
    by_place = parts.groupby(place).sum()
    shares = by_place.div(by_place.sum(axis=1).replace(0.0, np.nan), axis=0)
    cells = np.unique(code[code >= 0], return_index=True)[1]
    return shares.reindex(place[code >= 0][cells]).reset_index(drop=True)


def measuring_s(runs: pd.DataFrame, code: Rows) -> "pd.Series[float]":
    """How long each cell was measured, a number a cell: all that `spent` has the shares of.

    What a panel has in common, its baseline and the loops that ask what the machine gives, is
    divided equally among its cells, so that the sum over cells is the time of all.
    """
    time_s = _parts(runs).sum(axis=1)
    place = _places(runs)
    own = code >= 0
    in_common = time_s[~own].groupby(place[~own]).sum()
    found = time_s[own].groupby(code[own]).sum()
    of_cells = place[own][np.unique(code[own], return_index=True)[1]]
    cells = pd.Series(of_cells).map(pd.Series(of_cells).value_counts())
    shared = pd.Series(of_cells).map(in_common).fillna(0.0) / cells
    return (found.reset_index(drop=True) + shared).rename("measuring_s")


def _places(runs: pd.DataFrame) -> Rows:
    """The number of each row's panel, of one interpreter."""
    place = runs.groupby(["panel", python_codes(runs)], sort=False).ngroup()
    return np.asarray(place, np.intp)


def _parts(runs: pd.DataFrame) -> pd.DataFrame:
    """The seconds of each row by what they went into."""
    wall_s = runs["wall_s"].fillna(0.0).to_numpy(float)
    spin = (runs["role"] == "spin").to_numpy(bool)
    counted = ~spin
    for name, value in COUNTS.items():
        counted &= (runs[name] == value).to_numpy(bool)
    return pd.DataFrame(
        {
            "counted_share": np.where(counted, wall_s, 0.0),
            "warmup_share": np.where(~counted & ~spin, wall_s, 0.0),
            "ceiling_share": np.where(spin, wall_s, 0.0),
            "starting_share": runs["starting_s"].fillna(0.0).to_numpy(float),
            "judging_share": runs["judging_s"].fillna(0.0).to_numpy(float),
        },
        index=runs.index,
    )
