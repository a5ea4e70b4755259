"""The interpreters that cells were measured on: which there are, their order, their names.

With another version of the user's code (`versus`) each is there once for each version.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pandas as pd

from runners.model import HERE
from runners.words.rounding import in_order

PYTHON = ("python", "python_build", "python_order", "code_version")
"""The columns of a row that say by which interpreter it was made, and of which code."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """One of the interpreters of some results.

    `python` is its name in the rows, and `name` that beside the others: two builds of one version
    are told apart, by `known_by`, whose meaning is in `build`. That has what is known of how it was
    built, "" where nothing is. `code` is the version of the user's code, "" for the one here.
    """

    name: str
    python: str
    build: str
    known_by: str = ""
    code: str = ""

    @property
    def binary(self) -> str:
        """Its name without what was set of its GIL."""
        return self.python.partition(", GIL ")[0]

    @property
    def version(self) -> str:
        """The version, whatever becomes of its GIL: two of one version should differ in little."""
        return self.binary.removesuffix("t")

    @property
    def free_threaded(self) -> bool:
        return self.binary.endswith("t")

    @property
    def compiler(self) -> str:
        return self.build.rpartition(", configured ")[0].partition(", ")[2].strip()

    @property
    def configured(self) -> str:
        """A digest of the options that it was built with."""
        return self.build.rpartition(", configured ")[2] if ", configured " in self.build else ""


@dataclass(frozen=True, slots=True)
class Interpreters:
    """The interpreters of some cells in the order in which the commands named them.

    `of` has the place of each cell's own one in `known`, -1 for cells of version 0.2, which do not
    say it.
    """

    known: tuple[Interpreter, ...]
    of: "pd.Series[int]"

    @property
    def several(self) -> bool:
        return self.of.nunique() > 1

    def names(self) -> "pd.Series[str]":
        """The name of each cell's interpreter."""
        return self.of.map(lambda at: self.known[at].name if at >= 0 else UNKNOWN).astype(object)


UNKNOWN = "unknown Python"


def interpreters(cells: pd.DataFrame) -> Interpreters:
    """Which interpreters there are among `cells`, a row each with its identity as in the summary.

    Two that have the same name and build may be two environments with other packages. They are if
    the same cell is there for both and has another hash, and one and the same if that was only
    named at another place in another command.
    """
    nowhere = pd.Series(-1, index=cells.index)
    if not {*PYTHON} - {"code_version"} <= {*cells.columns} or cells["python"].isna().all():
        return Interpreters((), nowhere)
    known = cells.loc[cells["python"].notna()]
    build = known["python_build"].fillna("").astype(str)
    code = code_versions(known)
    order = known["python_order"].fillna(0).astype(int)
    found: list[tuple[tuple[Any, ...], tuple[str, str, str], list[Any]]] = []
    for (python, how, version), own in known.groupby([known["python"], build, code], sort=False):
        for group in _environments(own, order[own.index]):
            key = order[group].min(), in_order(_on_first(str(python))), str(how), str(version)
            found.append((key, (str(python), str(how), str(version)), group))
    found.sort(key=lambda one: one[0])
    for at, (_, _, rows) in enumerate(found):
        nowhere.loc[rows] = at
    return Interpreters(_named([host for _, host, _ in found]), nowhere)


def code_versions(cells: pd.DataFrame) -> "pd.Series[str]":
    """Which version of the user's code each cell is of: "" for the one that was here."""
    if "code_version" not in cells:  # as of results before there were several
        return pd.Series("", index=cells.index)
    return cells["code_version"].astype(object).fillna("").astype(str)


def _on_first(python: str) -> str:
    """A key by which one with its GIL comes before the same without: that is what it is usually."""
    return python.replace(", GIL on", ", GIL 1").replace(", GIL off", ", GIL 2")


def _environments(cells: pd.DataFrame, order: "pd.Series[int]") -> list[list[Any]]:
    """The rows of one build by the environment that they were measured in, mostly one."""
    places = sorted(order.unique())
    groups = {place: {place} for place in places}
    if len(places) > 1:
        means = _definitions(cells)
        hashes = cells["cell"].astype(str).str.partition("#")[0]
        by_place = {
            place: hashes[order == place].groupby(means[order == place]).agg(set)
            for place in places
        }
        for one, other in combinations(places, 2):
            pairs = by_place[one].to_frame("one").join(by_place[other].rename("other"), how="inner")
            alike = [bool(a & b) for a, b in zip(pairs["one"], pairs["other"], strict=True)]
            if any(alike) or not alike:
                merged = groups[one] | groups[other]
                groups |= dict.fromkeys(merged, merged)
    distinct = {frozenset(group) for group in groups.values()}
    ordered = sorted(distinct, key=min)
    return [cells.index[order.isin(group)].tolist() for group in ordered]


def _definitions(cells: pd.DataFrame) -> "pd.Series[str]":
    """What each cell measures, but for the interpreter."""
    names = ["workload", "executor", "n", "scaling", "placement"]
    names += [name for name in cells.columns if name.startswith(("workload.", "executor."))]
    known = cells[[name for name in names if name in cells]]
    return known.map(str).agg("\0".join, axis=1)


def _named(found: Sequence[tuple[str, str, str]]) -> tuple[Interpreter, ...]:
    """Each with its name, by (python, build, code)."""
    names = []
    codes = {code for *_, code in found}
    for at, (python, build, code) in enumerate(found):
        builds = list(dict.fromkeys(how for name, how, _ in found if name == python))
        twins = [k for k, one in enumerate(found) if one == found[at]]
        marks = [_build_mark(build, builds)] if len(builds) > 1 else []
        marks += [f"environment {twins.index(at) + 1}"] if len(twins) > 1 else []
        mark = ", ".join(marks)
        name = f"{python} ({mark})" if mark else python
        if len(codes) > 1:
            several = mark or len({one[:2] for one in found}) > 1
            name = f"{name}, {code or HERE}" if several else code or HERE
        names.append(Interpreter(name, python, build, mark, code))
    return tuple(names)


SHORT = 24
"""Characters of a compiler's name by which two builds are told apart."""


def _build_mark(build: str, builds: Sequence[str]) -> str:
    compilers = [Interpreter("", "", one).compiler for one in builds]
    own = compilers[builds.index(build)]
    if len(set(compilers)) == len(builds) and all(0 < len(one) <= SHORT for one in compilers):
        return own
    return f"build {builds.index(build) + 1}"
