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
    wall_s = runs["wall_s"].fillna(0.0).to_numpy(float)
    spin = (runs["role"] == "spin").to_numpy(bool)
    counted = ~spin
    for name, value in COUNTS.items():
        counted &= (runs[name] == value).to_numpy(bool)
    parts = pd.DataFrame(
        {
            "counted_share": np.where(counted, wall_s, 0.0),
            "warmup_share": np.where(~counted & ~spin, wall_s, 0.0),
            "ceiling_share": np.where(spin, wall_s, 0.0),
            "starting_share": runs["starting_s"].fillna(0.0).to_numpy(float),
            "judging_share": runs["judging_s"].fillna(0.0).to_numpy(float),
        },
        index=runs.index,
    )
    place = runs.groupby(["panel", python_codes(runs)], sort=False).ngroup().to_numpy()
    by_place = parts.groupby(place).sum()
    shares = by_place.div(by_place.sum(axis=1).replace(0.0, np.nan), axis=0)
    cells = np.unique(code[code >= 0], return_index=True)[1]
    return shares.reindex(place[code >= 0][cells]).reset_index(drop=True)
