"""Who has claimed a folder, and whether that program still runs, as far as can be seen here."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runners.living import is_alive
from runners.model import printable

JOBS = (
    *("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID", "OAR_JOB_ID", "FLUX_JOB_ID"),
    *("COBALT_JOBID", "CONDOR_ID"),
)
"""The variables in which batch systems tell a job its number."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Another program that has claimed a folder. `alive`: it is known to run, not only believed."""

    who: str
    file: Path
    alive: bool

    @property
    def remedy(self) -> str:
        """What to do if it may have ended, which cannot be seen from here; else nothing."""
        return "" if self.alive else f"; if that no longer runs, delete {self.file}"


def owner_by(file: Path, text: bytes) -> Owner | None:
    """Who has claimed, by what is in the claim; None if it is known to be gone."""
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError):
        facts = None
    if not isinstance(facts, Mapping) or type(facts.get("pid")) is not int or facts["pid"] < 1:
        return Owner(f"which {file.name} does not name", file, False)
    alive = is_alive(facts)
    if alive is False:
        return None
    job = f" ({_plain(facts['job'])})" if facts.get("job") else ""
    since = f" since {_plain(facts.get('at'))}"
    who = f"pid {_plain(facts['pid'])} on {_plain(facts.get('host'))}{since}{job}"
    return Owner(who, file, alive is True)


def job() -> str | None:
    """The number that a batch system has given to this job, by the name that it has there."""
    found = ((name, os.environ.get(name)) for name in JOBS)
    return next((f"{name}={value}" for name, value in found if value), None)


def _plain(value: object) -> str:
    """Text of another's file, for one line of a terminal."""
    return printable(str(value)[:80])
