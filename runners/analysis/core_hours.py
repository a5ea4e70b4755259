"""Core-hours: what a run of the tasks takes, and what measuring it took."""

import numpy as np
import pandas as pd

HOUR_S = 3600.0
ONE_CORE = ("caller", "coroutine")
"""Workers that share the one thread of the caller."""


def core_hours(cells: pd.DataFrame) -> pd.DataFrame:
    """The core-hours of each cell, a row a cell of what `summarise` has found.

    `core_hours` are those of one run of the tasks, n cores for the median time of a run, with the
    interval of that; workers that share a thread are one core. `baseline_core_hours` are those of
    the baseline on one core. `measuring_core_hours` are what measuring took: the CPUs that were
    reserved, those of the batch job where it says so and else all usable ones, for the time of the
    measurement.
    """
    cores = np.where(cells["worker_kind"].isin(ONE_CORE), 1.0, cells["n"].astype(float))
    reserved = cells["job_cpus"].astype("Float64").astype(float).fillna(cells["usable_cpus"])
    ends = {"": "median", "_low": "low", "_high": "high"}
    return (
        pd.DataFrame(
            {
                **{
                    f"core_hours{end}": cores * cells[f"measured_{of}_s"]
                    for end, of in ends.items()
                },
                **{
                    f"baseline_core_hours{end}": cells[f"baseline_{of}_s"]
                    for end, of in ends.items()
                },
                "measuring_core_hours": reserved * cells["measuring_s"],
            }
        )
        / HOUR_S
    )
