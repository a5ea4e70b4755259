"""The most that a cell can attain: what its workers and the CPUs allow. Nothing heavy is loaded."""

import math
from collections.abc import Mapping
from typing import Any

from runners.words.causes import OWN_CPUS

COMPUTING = 0.9
"""Tasks on a CPU for more than this share of their serial time never leave one to others."""

BUSY = 0.1
"""A machine is busy if other programs take more than this part of the CPUs that we may use."""


def workers(cell: Mapping[Any, Any]) -> int:
    """How many workers the measured side had: the serial executor has one for any n."""
    return 1 if cell["worker_kind"] == "caller" else int(cell["n"])


def at_a_time(cell: Mapping[Any, Any]) -> float:
    """How many workers can run at a time.

    A pool that replaces its workers shows more of them, one whose tasks are few has idle ones, and
    coroutines share a thread.
    """
    provided = 1 if cell["worker_kind"] == "coroutine" else workers(cell)
    return float(min(provided, cell["tasks"]))


def cpu_limit(cell: Mapping[Any, Any]) -> float:
    """How many workers the CPUs can keep busy; infinite where nobody knows how many CPUs there are.

    Tasks that leave the CPU idle for a part of their time can overlap more often than there are
    CPUs, so a plain count of CPUs would be too low; where they have threads or processes of their
    own, it would be too high. Coroutines share one thread. Of workers on other machines the CPUs
    are not known; those on this one have spans by its clock, and with them a ladder.
    """
    share = cell["cpu_share"]
    elsewhere = cell["worker_kind"] == "remote" and not cell["L3_s"] > 0
    if elsewhere or not share > 0:
        return math.inf
    share = 1.0 if share > COMPUTING else share
    shares = (cell["native_share"], cell["children_share"])
    own = sum(one for one in shares if one > OWN_CPUS)
    limit = float(cell["usable_cpus"] / (share + own))
    return float(min(limit, 1 / share)) if cell["worker_kind"] == "coroutine" else limit
