"""What numbers the settings of the program itself may have: declared here, for all of them.

Parameters of plugins are checked by their own constructors.
"""

import resource
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from runners.model import UsageError


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`, both allowed; with `above`, `low` itself is not. NaN is in none."""

    low: float
    high: float
    above: bool = False
    unit: str = ""

    def problem(self, value: float) -> str | None:
        """What is wrong with the value; None if nothing is."""
        if self.low <= value <= self.high and not (self.above and value == self.low):
            return None
        low = f"above {self.low:g}" if self.above else f"at least {self.low:.12g}"
        return f"must be {low} and at most {self.high:.12g}{self.unit}"


MANY = Range(1, 1_000_000)
SECONDS = Range(0, 1_000_000, above=True, unit=" s")
"""The system call that waits for a run takes 24 days at most, in milliseconds."""

RANGES = {
    "n": Range(1, 100_000),  # far more workers than a machine starts
    "sweep.panel_cells": MANY,
    "cluster.jobs": MANY,
    "cluster.timeout_min": Range(1, 1_000_000, unit=" minutes"),
    "cluster.requeues": Range(0, 1_000_000),
    "cluster.cpus": MANY,
    "measure.precision": Range(0, 1, above=True),
    "measure.worth": Range(0, 1, above=True),
    "measure.min_rounds": MANY,
    "measure.max_rounds": MANY,
    "measure.interpreters": MANY,
    "measure.warmup": MANY,
    "measure.time_budget_s": SECONDS,
    "measure.timeout_s": SECONDS,
    "measure.start_timeout_s": SECONDS,
    "measure.sweep_budget_s": SECONDS,
    "measure.wait_quiet_s": Range(0, SECONDS.high, unit=" s"),
    "measure.seed": Range(-(2**63), 2**63 - 1),
    # An interpreter and a pool of two workers need some 50 MB of address space.
    "measure.memory_limit_bytes": Range(64 << 20, 2**63 - 1),
}


def check(cfg: DictConfig) -> None:
    """Raise UsageError at the first number that is out of its range, naming key and range."""
    found: dict[str, Any] = {"n": cfg.n}
    for group in {key.partition(".")[0] for key in RANGES if "." in key}:
        if OmegaConf.is_config(node := cfg.get(group)):
            raw: Any = OmegaConf.to_container(node, resolve=False)
            found |= {f"{group}.{name}": value for name, value in raw.items()}
    for key, allowed in RANGES.items():
        value = found.get(key)
        if isinstance(value, str):  # it stands for another value
            value = OmegaConf.select(cfg, key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue  # null, or of a type that is told elsewhere
        if problem := allowed.problem(value):
            raise UsageError(f"{key}={_short(value)}: {problem}")
    limit = found.get("measure.memory_limit_bytes")
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    if isinstance(limit, int) and most != resource.RLIM_INFINITY and limit > most:
        raise UsageError(
            f"measure.memory_limit_bytes={limit}: this program itself may have {most} only "
            "(ulimit -v); set no more than that"
        )


def _short(value: float) -> str:
    """A number as it is told: one of thousands of digits cannot even be printed."""
    if isinstance(value, int) and value.bit_length() > 128:
        return f"{'-' if value < 0 else ''}2^{value.bit_length() - 1}..."
    return str(value)
