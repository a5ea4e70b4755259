"""The groups of a frame, each sent to a worker that computes its means."""

from typing import Any

import numpy as np
import pandas as pd

FRAME: Any = None


def frame() -> Any:
    chance = np.random.default_rng(1)
    values = {name: chance.random(1_600_000) for name in ("a", "b", "c")}
    return pd.DataFrame({"group": np.arange(1_600_000) % 8, **values})


def summarise(group: Any) -> list[float]:
    return [float(mean) for mean in group[["a", "b", "c"]].mean()]


def calls() -> list[tuple[Any]]:
    return [(group,) for _, group in frame().groupby("group")]


def summarise_inherited(number: int) -> list[float]:
    """The same, of groups that were there before the workers were forked."""
    return summarise(FRAME[number])


def numbers() -> list[tuple[int]]:
    global FRAME
    FRAME = [group for _, group in frame().groupby("group")]
    return [(k,) for k in range(8)]
