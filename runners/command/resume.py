"""What a cell's folder already holds, and whether it can be used again."""

import json
import math
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from runners.measuring.pace import Pair
from runners.model import Plan, Run, Status
from runners.planning.identity import SUBMITTED, differences
from runners.results import checked
from runners.results.columns import IDENTITY, RUNS, SPANS, counts
from runners.results.read import baseline_folder
from runners.results.write import write_json

OUTSIDE_REASONS = ("incomplete", "timeout", "crashed")
"""Ends of a cell that may not come again; an exception or a wrong result would."""
GOES_ON = ("ok", "interrupted")
"""Ends after which the complete rounds of a cell count, if there were not enough of them."""

Outcome = Literal["new", "reused", "continued", "again", "unreadable"]
"""What becomes of a cell: it is new, an old result stands, it goes on, or it is measured again.

What is there of one that is unreadable is left alone, for it may be a result.
"""


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier measurement of a cell, and what becomes of it.

    `status` and `ended_by` say how it ended. They are None where that does not matter: it is not
    wanted, nothing says how it was measured, or it was measured differently, as `changed` lists.
    A cell that was left out is new. `rounds` are those to be continued. `error` says what cannot
    be read, and why.
    """

    outcome: Outcome
    changed: tuple[str, ...] = ()
    status: Status | None = None
    ended_by: str | None = None
    rounds: tuple[Pair, ...] = ()
    error: str = ""


def following(folder: Path) -> tuple[int, int]:
    """The numbers that no round and no process of the runs in that folder has yet.

    Raises OSError.
    """
    rows = _rows(folder / RUNS)
    return (
        max((row["round"] for row in rows), default=-1) + 1,
        max((row["process"] for row in rows), default=-1) + 1,
    )


def look(folder: Path, plan: Plan, wanted: Mapping[str, Any] | None = None) -> Earlier:
    """What `folder` holds of this cell; nothing is changed.

    `wanted` is the part of its identity that is known here, if it is to be measured elsewhere.
    """
    wanted = plan.identity if wanted is None else wanted
    try:
        rows = _rows(folder / RUNS)
        return _judge(folder, plan, rows, wanted) if rows else Earlier("new")
    except OSError as error:
        return unreadable(error)


def unreadable(error: OSError) -> Earlier:
    return Earlier("unreadable", error=f"{error.filename} ({error.strerror or error})")


def begin(
    folder: Path, plan: Plan, earlier: Earlier, submitted: Mapping[str, Any] | None = None
) -> None:
    """Make the folder ready for this cell's rows. Those that do not stand are set aside.

    `submitted` says how things were where the cell was handed over, if it was.
    """
    if earlier.outcome != "continued" and (folder / RUNS).exists():
        _set_aside(folder)
    more = {SUBMITTED: submitted} if submitted is not None else {}
    write_json(folder / IDENTITY, {**plan.identity, **more})


def begins(folder: Path) -> Iterator[tuple[str | None, float]]:
    """When each run of a cell began, in seconds, and the panel that it belongs to, if any.

    Nothing of a cell that cannot be read.
    """
    try:
        rows = _rows(folder / RUNS)
    except OSError:
        return
    for row in rows:
        yield row.get("panel"), row["started_at"].timestamp()


def holds(folder: Path, run: Run) -> bool:
    """Whether the folder's last row says the same of this cell, as that it cannot be planned.

    Raises OSError.
    """
    rows = _rows(folder / RUNS)
    return bool(rows) and (rows[-1].get("cell"), rows[-1].get("error")) == (run.cell, run.error)


def last_status(folder: Path) -> str | None:
    """How a cell ended by its last run; None where there is none."""
    try:
        rows = _rows(folder / RUNS)
    except OSError:
        return "unreadable"
    if not rows:
        return None
    status = str(rows[-1]["status"])
    return "interrupted" if status == "ok" and rows[-1].get("ended_by") is None else status


def _judge(
    folder: Path, plan: Plan, rows: list[dict[str, Any]], wanted: Mapping[str, Any]
) -> Earlier:
    if plan.measure.force:
        return Earlier("again")
    try:
        old = checked.mapping(folder / IDENTITY)
    except (FileNotFoundError, ValueError):
        return Earlier("again")
    changed = differences(old, json.loads(json.dumps(wanted, default=str)))
    if changed:
        return Earlier("again", tuple(changed))
    status, ended_by = rows[-1]["status"], rows[-1].get("ended_by")
    if status == "left out":
        return Earlier("new", (), status)
    if status in OUTSIDE_REASONS:
        return Earlier("again", (), status, ended_by)
    if status not in GOES_ON or ended_by in ("precision", "rounds"):
        return Earlier("reused", (), status, ended_by)
    rounds = _complete_rounds(folder, rows)
    if not rounds:
        return Earlier("again", (), status, ended_by)
    return Earlier("continued", (), status, ended_by, rounds)


def _complete_rounds(folder: Path, rows: list[dict[str, Any]]) -> tuple[Pair, ...]:
    """What the rounds of a cell took, beside its baseline, which may be in its panel's folder."""
    panels = {name for row in rows if (name := row.get("panel")) is not None}
    elsewhere = (_rows(baseline_folder(folder, name) / RUNS) for name in sorted(panels))
    logs: dict[tuple[Any, ...], list[float]] = {}
    for row in filter(counts, chain(rows, *elsewhere)):
        if row["role"] == "baseline":
            key = row.get("panel"), row["round"], row["process"]
            logs.setdefault(key, []).append(math.log(row["wall_s"]))
    return tuple(
        Pair(math.exp(statistics.fmean(logs[key])), row["wall_s"], row["process"])
        for row in filter(counts, rows)
        if row["role"] == "measured"
        and (key := (row.get("panel"), row["round"], row["process"])) in logs
    )


def _rows(path: Path) -> list[dict[str, Any]]:
    """The whole rows of a file; a torn or wrong one is as good as not measured. Raises OSError."""
    try:
        found = checked.alike(path)
        if found is not None:
            return [dict(zip(checked.NAMES, row, strict=False)) for row in found.fixed]
        return [row.facts for row in checked.rows(path)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from None


def _set_aside(folder: Path) -> None:
    """Rename the old rows, so that they are kept and no longer read as this cell's."""
    number = 1
    while (folder / f"{RUNS}.{number}").exists():
        number += 1
    for name in (RUNS, SPANS, IDENTITY):
        if (folder / name).exists():
            (folder / name).rename(folder / f"{name}.{number}")
