"""One of two results, as it is on disk, and in what they differ besides their times."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from runners.analysis.compare import Comparison
from runners.analysis.rounds import Rounds
from runners.analysis.summary import summarise
from runners.model import UsageError
from runners.planning.identity import changes
from runners.results.columns import IDENTITY
from runners.results.named import Named
from runners.results.read import find, read_environments, read_identity, read_runs
from runners.words.nodes import same_kind
from runners.words.pythons import code_versions

FACTS = ("hostname", "cpu_model_name", "cpu_count", "platform", "python_version", "git_commit")
"""Facts of `environment.json` by which results of cells without an identity are told apart."""

BESIDE = ("hostname", "git_commit")
"""Those of them that no identity has."""

MACHINE = ("machine", "usable_cpus", "cpu_model_name", "cpu_count", "node")
PYTHON = ("python", "python_build", "python_version")
"""What says that the machine is another one, and the interpreter."""

MOST_MODULES = 3
"""More modules of one package whose code differs are told as that package."""


@dataclass(frozen=True, slots=True)
class Side:
    """A result: its name, its runs, the summary of its cells, their rounds and identities.

    An identity is None where a cell was measured by a version that did not note it.
    """

    name: str
    folder: Path
    runs: pd.DataFrame
    summary: pd.DataFrame
    rounds: Mapping[str, Rounds]
    identities: Mapping[str, Mapping[str, Any] | None]
    facts: Mapping[str, tuple[Any, ...]]

    def identity(self, row: int) -> Mapping[str, Any] | None:
        return self.identities[str(self.summary["cell"].iloc[row])]

    def place(self, row: int) -> Path:
        """The folder of that cell."""
        return self.folder / str(self.summary["folder"].iloc[row])


def read_side(result: Named) -> Side:
    """Raises UsageError where there are no runs, or some of a newer version."""
    runs = read_runs(result.folder)
    summary = summarise(runs)
    common = result.folder.resolve()
    identities = {
        str(cell): read_identity(common / str(folder))
        for cell, folder in zip(summary["cell"], summary["folder"], strict=True)
    }
    found: dict[str, dict[Any, None]] = {name: {} for name in FACTS}
    for environment in read_environments(result.folder):
        for name in FACTS:
            if (value := environment.facts.get(name)) is not None:
                found[name][str(value)] = None
    facts = {name: tuple(values) for name, values in found.items()}
    return Side(result.name, common, runs, summary, Comparison(runs).rounds, identities, facts)


def refuse_same(before: Named, after: Named) -> None:
    """Raise UsageError where the files of one are among those of the other."""
    files = [{os.path.realpath(path) for path in find(side.folder)} for side in (before, after)]
    if files[0] & files[1]:
        same = "it is the same folder as"
        if files[0] != files[1]:
            same = "it has runs that are also in"
        raise UsageError(f"{after.folder}: {same} {before.folder}; name two results")


def of_here(side: Side) -> Side:
    """A result without the other versions of the code that were measured beside what was here."""
    own = code_versions(side.summary) == ""
    if own.all() or not own.any():
        return side
    return replace(side, summary=side.summary.loc[own].reset_index(drop=True))


@dataclass(frozen=True, slots=True)
class Differences:
    """What differs between two results but their times; each a few words, the rarer ones last.

    `unknown` are lines on what is not known or not sure. `machine` and `python` say whether these
    are other ones, None where that is not known.
    """

    told: tuple[str, ...]
    unknown: tuple[str, ...]
    machine: bool | None
    python: bool | None


def differences(before: Side, after: Side, pairs: Sequence[tuple[int, int]]) -> Differences:
    """In what the cells that are compared differ, by their identities and their environments."""
    count: Counter[str] = Counter()
    without = {before.name: 0, after.name: 0}
    compared = 0
    for one, other in pairs:
        old, new = before.identity(one), after.identity(other)
        for side, identity in ((before, old), (after, new)):
            without[side.name] += identity is None
        if old is not None and new is not None:
            compared += 1
            count.update(list(dict.fromkeys(_grouped(changes(old, new)))))
    told = [
        what if times == compared else f"{what} (in {times} of {compared} cells)"
        for what, times in sorted(count.items(), key=lambda item: (-item[1], _rank(item[0])))
    ]
    told = sorted(told, key=_rank)
    names = BESIDE if compared else FACTS
    facts = dict(_facts(before, after, names))
    told += facts.values()
    if not any(_is(what, MACHINE) for what in told):
        told += _nodes(before, after, pairs)
    pythons = [
        _pythons(side, [pair[at] for pair in pairs]) for at, side in enumerate((before, after))
    ]
    if (
        not any(what.startswith("python: ") for what in told)
        and all(pythons)
        and pythons[0] != pythons[1]
    ):
        told.insert(0, f"python: {', '.join(pythons[0])}, now {', '.join(pythons[1])}")
    cpus = [
        {float(side.summary["usable_cpus"].iloc[pair[at]]) for pair in pairs}
        for at, side in enumerate((before, after))
    ]
    machine: bool | None = cpus[0] != cpus[1] or any(_is(what, MACHINE) for what in told)
    python: bool | None = any(_is(what, PYTHON) for what in told)
    unknown = [
        line
        for at, side in enumerate((before, after))
        for line in restless(side, [pair[at] for pair in pairs])
    ]
    known = {name: bool(before.facts[name] and after.facts[name]) for name in FACTS}
    for name, missing in without.items():
        if missing:
            unknown.append(
                f"{name}: {missing} of {len(pairs)} cells have no {IDENTITY}: which code, packages "
                "and settings they were measured with is not known"
            )
    if compared < len(pairs):
        if not machine and not known["cpu_model_name"]:
            machine = None
            unknown.append("whether both were measured on the same machine is not known")
        if not python and not (all(pythons) or known["python_version"]):
            python = None
            unknown.append("whether both were measured with the same Python is not known")
    return Differences(tuple(told), tuple(unknown), machine, python)


RESTLESS = ("busy_machine", "steal", "throttled", "trend", "processes_disagree")
"""Flags of a cell that was measured while the machine was not as it was before or after."""


def restless(side: Side, rows: Sequence[int]) -> Iterator[str]:
    """What the flags say of the machine while these cells were measured: a line, or none."""
    flags = [{flag.code for flag in found} for found in side.summary["flags"].iloc[list(rows)]]
    count = sum(bool(own & {*RESTLESS}) for own in flags)
    if count:
        yield (
            f"{side.name}: {count} of {len(rows)} cells were measured on a busy or unsteady "
            "machine (the flags of its report say more)"
        )


def _is(what: str, names: Iterable[str]) -> bool:
    return what.partition(":")[0] in names


def _rank(what: str) -> tuple[int, str]:
    """Code first, then the interpreter, what it has loaded, the machine, and the rest."""
    orders = ("code of ", "python", "packages.", *MACHINE, "system")
    rank = next((at for at, start in enumerate(orders) if what.startswith(start)), len(orders))
    return rank, what


def _grouped(found: Iterable[str]) -> Iterator[str]:
    """Modules of a package whose code differs are one line if there are many."""
    modules: dict[str, list[str]] = {}
    for what in found:
        if what.startswith("code of "):
            module = what.removeprefix("code of ")
            modules.setdefault(module.partition(".")[0], []).append(module)
        else:
            yield what
    for package, own in modules.items():
        if len(own) > MOST_MODULES:
            yield f"code of {package} ({len(own)} modules)"
        else:
            yield from (f"code of {module}" for module in own)


def _nodes(before: Side, after: Side, pairs: Sequence[tuple[int, int]]) -> Iterator[str]:
    """The kinds of node that differ, where the processors have one name."""
    kinds = before.summary["node_kind"], after.summary["node_kind"]
    both = [(kinds[0].iloc[one], kinds[1].iloc[other]) for one, other in pairs]
    known = [(str(old), str(new)) for old, new in both if not (pd.isna(old) or pd.isna(new))]
    count = Counter((old, new) for old, new in known if not same_kind(old, new))
    for (old, new), times in count.most_common():
        where = "" if times == len(pairs) else f" (in {times} of {len(pairs)} cells)"
        yield f"node: {old}, now {new}{where}"


def _facts(before: Side, after: Side, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        old, new = before.facts[name], after.facts[name]
        if old and new and {*old} != {*new}:
            yield name, f"{name}: {', '.join(map(_short, old))}, now {', '.join(map(_short, new))}"


def _short(fact: str) -> str:
    return fact[:12] if len(fact) == 40 and " " not in fact else fact  # a commit


def _pythons(side: Side, rows: Sequence[int]) -> list[str]:
    found = side.summary["python"].iloc[list(rows)]
    return sorted({str(name) for name in found.dropna()})
