"""What the machine gave to a cell, and what others took of it meanwhile."""

import numpy as np
import pandas as pd

from runners.analysis.rounds import Rows, numbers


def taken(
    runs: pd.DataFrame, rows: Rows, code: Rows, usable_cpus: "pd.Series[float]"
) -> pd.DataFrame:
    """The shares of the CPUs that went to other guests and to other programs, a row for each cell.

    `rows` are the runs that count and `code` the number of the cell of each. Steal is a share of
    all CPUs that the program may run on. Others' time is one of those that it may keep busy: with a
    quota of 2 on 8 CPUs, six of them can be busy at no cost to it.
    """
    usable = usable_cpus.to_numpy(float)
    cpus = numbers(runs, "cpus", rows)
    cpus = np.where(np.isnan(cpus), usable[code], cpus)  # not in the rows of earlier versions
    wall_s = numbers(runs, "wall_s", rows)
    found = pd.DataFrame(
        {
            "provided_s": wall_s * cpus,
            "spare_s": wall_s * np.maximum(cpus - usable[code], 0),
            "usable_s": wall_s * np.minimum(cpus, usable[code]),
            "steal_s": numbers(runs, "steal_s", rows),
            "others_s": numbers(runs, "others_cpu_s", rows),
        }
    )
    total = found.groupby(code).sum(min_count=1).reindex(usable_cpus.index)
    others = (total["others_s"] - total["spare_s"]) / total["usable_s"]
    return pd.DataFrame(
        {
            "steal_share": total["steal_s"] / total["provided_s"],
            "others_share": others.clip(0, 1),
        }
    )
