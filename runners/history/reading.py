"""The results of a history: which folders are one each, their order, what changed between them."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runners.analysis.matching import match
from runners.analysis.over_time import Measured
from runners.analysis.verdicts import Times
from runners.compare.side import MACHINE, Side, differences, of_here, read_side, restless
from runners.model import PANEL, UsageError, printable
from runners.results import checked
from runners.results.columns import RUNS, SWEEP
from runners.results.named import Named, named
from runners.results.read import find, read_environments
from runners.words.rounding import counted

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""When results were measured that do not say it."""

SHORT = 8
"""Digits of a commit in a name."""
OF_CODE = ("code of ", "git_commit", "hostname")
"""What is another one with each commit, or with each machine of a pool of them."""


@dataclass(frozen=True, slots=True)
class Result:
    """A result of a history, as it was found in its folder, and what a comparison knows of it."""

    folder: Path
    side: Side
    found: Measured


def read_history(words: Sequence[str]) -> tuple[list[Result], str]:
    """The results that words of a command line name, the earliest first, and by what that is.

    Raises UsageError where folders are missing or empty, or hold the same runs.
    """
    given = [_folder(word) for word in words]
    parts = [(named, one) for named, folder in given for one in _apart(named, folder)]
    seen: dict[str, Path] = {}
    for _, part in parts:
        for path in map(os.path.realpath, find(part)):
            if seen.setdefault(path, part) is not part:
                raise UsageError(f"{part}: it has runs that are also in {seen[path]}; name it once")
    short = named([str(folder) for _, folder in parts])  # as little of each as tells them apart
    names = [given or one.name for (given, _), one in zip(parts, short, strict=True)]
    results = [
        _read(folder, name, is_given=given is not None)
        for (given, folder), name in zip(parts, names, strict=True)
    ]
    _refuse_copies(results)
    without = [result.found.name for result in results if result.found.committed is None]
    # Those of one commit by the time at which they were measured.
    results.sort(key=lambda result: result.found.measured or NEVER)
    if without:
        order = f"by the time of measurement: no date of a commit is known of {_some(without)}"
    else:
        order = "by the dates of the commits"
        results.sort(key=lambda result: result.found.committed or NEVER)
    return _told_apart(results), order


def _some(names: Sequence[str]) -> str:
    return names[0] + (f" and {counted(len(names) - 1, 'other')}" if len(names) > 1 else "")


def _folder(word: str) -> tuple[str | None, Path]:
    [found] = named([word])
    if not found.folder.is_dir():
        raise UsageError(f"{found.folder}: no such folder; name one that holds results")
    has_name = word.startswith(f"{found.name}=") and not Path(word).is_dir()
    return (found.name if has_name else None), found.folder


def _apart(given: str | None, folder: Path) -> Iterator[Path]:
    """The folder as one result, or those in it if they are of several commits or measure the same.

    A folder that was given a name is one, and so is that of a sweep or a cell.
    """
    paths = [path for path in find(folder) if not path.parent.name.startswith(PANEL)]
    if not paths:
        raise UsageError(f"{folder}: no runs here; name a folder with a {RUNS} in or below it")
    yield from [folder] if given is not None else _parted(Path(os.path.realpath(folder)), paths)


def _parted(folder: Path, paths: Sequence[Path]) -> Iterator[Path]:
    if (folder / SWEEP).exists() or (folder / RUNS) in paths or _is_one(folder, paths):
        yield folder
        return
    below: dict[Path, list[Path]] = {}
    for path in paths:
        below.setdefault(folder / path.relative_to(folder).parts[0], []).append(path)
    for part, own in below.items():
        yield from _parted(part, own)


def _is_one(folder: Path, paths: Sequence[Path]) -> bool:
    """Whether all cells below are of one commit, and each is there once."""
    commits = {str(one.facts.get("git_commit")) for one in read_environments(folder)}
    if len(commits) > 1:
        return False
    cells = [key for path in paths if (key := _first_row(path)) is not None]
    return len(cells) == len(set(cells))


def _first_row(path: Path) -> str | None:
    """What defines a cell of that file, of a sweep's first one."""
    try:
        row = next(iter(checked.rows(path)), None)
    except OSError:
        return None
    if row is None:
        return None
    facts = row.facts
    parameters = sorted((name, str(value)) for name, value in row.more.items() if "." in name)
    own = [(name, value) for name, value in parameters if not name.startswith("metric.")]
    names = ("workload", "executor", "n", "scaling", "python", "fresh")
    placement = facts["placement"] or "none"  # not in results of earlier versions
    return repr([*(facts[name] for name in names), placement, own])


def _read(folder: Path, name: str, *, is_given: bool) -> Result:
    side = of_here(read_side(Named(name, folder)))
    started = side.runs["started_at"].dropna()
    facts = [environment.facts for environment in read_environments(folder)]

    def only(name: str) -> str | None:
        found = {str(one[name]) for one in facts if one.get(name) is not None}
        return printable(found.pop()) if len(found) == 1 else None

    commit = only("git_commit")
    return Result(
        folder,
        replace(side, runs=side.runs.iloc[:0].copy()),  # a hundred results are to fit
        Measured(
            name=name if is_given or commit is None else _short(commit),
            summary=side.summary,
            times={cell: Times.of(rounds) for cell, rounds in side.rounds.items()},
            machine=_machine(side, [one.get("cpu_model_name") for one in facts]),
            commit=commit,
            branch=only("git_branch"),
            committed=_date(only("git_commit_date")),
            measured=started.min().to_pydatetime() if len(started) else None,
        ),
    )


def _short(commit: str) -> str:
    digits, dash, dirty = commit.partition("-")
    return digits[:SHORT] + dash + dirty


def _date(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text or "")
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):  # at an end of the calendar
        return None


def _machine(side: Side, models: Sequence[Any]) -> str:
    """The processor, as old results have it too, and how many CPUs may be used."""
    found = {str(model) for model in models if model}
    if not found:
        noted = (str(one.get("machine", "")) for one in side.identities.values() if one)
        found = {machine.partition(" ")[2] or machine for machine in noted if machine}
    cpus = sorted(set(side.summary["usable_cpus"].dropna()))
    told = ", ".join(f"{number:g}" for number in cpus)
    return printable(f"{'; '.join(sorted(found)) or 'unknown processor'}, {told} CPUs")


def _told_apart(results: Sequence[Result]) -> list[Result]:
    """Results of one name by a number: a commit may have been measured several times."""
    count = Counter(result.found.name for result in results)
    seen: Counter[str] = Counter()
    told = []
    for result in results:
        name = result.found.name
        seen[name] += 1
        name = f"{name} ({seen[name]})" if count[name] > 1 else name
        told.append(replace(result, found=replace(result.found, name=name)))
    return told


def _refuse_copies(results: Sequence[Result]) -> None:
    known: dict[object, Result] = {}
    for result in results:
        rounds = result.side.rounds
        times = tuple(sorted(tuple(one.measured_s.tolist()) for one in rounds.values()))
        other = known.setdefault(times, result)
        if times and other is not result:
            raise UsageError(
                f"{result.folder} and {other.folder} hold the very same runs, one is a copy of the "
                "other; name one of them"
            )


def differing(before: Result, after: Result) -> list[str]:
    """What is another one in the later result besides its code: interpreter, packages, machine."""
    matched = match(before.side.summary, after.side.summary)
    found = list(differences(before.side, after.side, matched.pairs).told)
    found = [what for what in found if not what.startswith(OF_CODE)]
    machines = before.found.machine, after.found.machine
    if machines[0] != machines[1] and not any(map(_is_machine, found)):
        found.insert(0, f"machine: {machines[0]}, now {machines[1]}")
    return found


def _is_machine(what: str) -> bool:
    return what.partition(":")[0] in MACHINE


def busy(result: Result) -> list[int]:
    """The rows of the cells that were measured on a busy or unsteady machine."""
    return [row for row in range(len(result.side.summary)) if any(restless(result.side, [row]))]
