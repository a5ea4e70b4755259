"""Polars has threads of its own, and what they hold stays held in a forked process."""

import polars as pl

FRAME = pl.DataFrame({"g": [i % 97 for i in range(200_000)], "v": range(200_000)})
FRAME.group_by("g").agg(pl.col("v").sum())  # starts the threads


def total(k: int) -> int:
    weighted = FRAME.lazy().with_columns(w=pl.col("v") * k)
    out = weighted.group_by("g").agg(pl.col("w").sum()).collect()
    return int(out["w"].sum())
