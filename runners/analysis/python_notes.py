"""What to know of several interpreters before their times are compared, in words."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import pandas as pd

from runners.analysis.candidate import joined
from runners.words.pythons import UNKNOWN, Interpreter, interpreters

START_METHOD = "executor.start_method"


def python_notes(summary: pd.DataFrame, runs: pd.DataFrame) -> list[str]:
    """A line for each thing; nothing where there is a single interpreter.

    `summary` is the frame of `summarise`, of the frame `runs`. Of how one was built the rows have
    its date and compiler, and of the options a digest.
    """
    pythons = interpreters(summary)
    if not pythons.several:
        return []
    return [
        *_marks(pythons.known),
        *_builders(pythons.known),
        *_compilers(pythons.known),
        *_parameters(summary, pythons.of, [*(one.name for one in pythons.known), UNKNOWN]),
        *_locks(summary["cell"], pythons.names(), runs),
    ]


def _marks(known: Sequence[Interpreter]) -> Iterator[str]:
    """What it is by which interpreters of the same name are told apart."""
    for number, one in enumerate(known, 1):
        if "environment" in one.known_by:
            yield (
                f"{one.name}: number {number} of those that python= named; the same build as "
                "another one, in another place, maybe with other packages "
                f"({one.build or 'how it was built is not known'})"
            )
        elif one.known_by and one.known_by != one.compiler:
            yield f"{one.name}: {one.build or 'how it was built is not known'}"


def _builders(known: Sequence[Interpreter]) -> Iterator[str]:
    """Interpreters of one version that were not built alike."""
    for _, found in groupby(sorted(known, key=_version), key=_version):
        same = list(found)
        compilers = {one.compiler for one in same if one.compiler}
        options = [
            {one.configured for one in same if one.configured and one.free_threaded is kind}
            for kind in (False, True)
        ]
        what = ["by different compilers"] if len(compilers) > 1 else []
        what += ["with different options"] if any(len(kind) > 1 for kind in options) else []
        names = " and ".join(_with_compiler(one) for one in same)
        if what:
            yield (
                f"Warning: {names} are one version, built {' and '.join(what)}. Builds of one "
                "version differ by several percent: a difference of that size may be the builder's"
            )
        elif all(options):
            yield (
                f"{names} are two builds of one version. Whether their options differ in more than "
                "the global interpreter lock is not known"
            )


def _version(one: Interpreter) -> str:
    return one.version


def _with_compiler(one: Interpreter) -> str:
    if not one.compiler or one.compiler == one.known_by:
        return one.name
    return f"{one.name} ({one.compiler})"


def _compilers(known: Sequence[Interpreter]) -> Iterator[str]:
    """What differs between the builds of different versions."""
    if len({one.version for one in known}) == 1:
        return
    compilers: dict[str, list[str]] = {}
    for one in known:
        if one.compiler:
            compilers.setdefault(one.compiler, []).append(one.binary)
    if len(compilers) > 1:
        told = "; ".join(f"{by}: {', '.join(dict.fromkeys(n))}" for by, n in compilers.items())
        yield f"Compilers differ ({told}). A part of a difference may be the compiler's"
    if len({one.configured for one in known if one.configured}) > 1:
        yield (
            "The interpreters were configured with different options, if only for the folder. "
            "Which ones is not in the results: one may have been built with PGO or LTO (profiles, "
            "optimisation over all files) and another without"
        )


def _parameters(cells: pd.DataFrame, of: "pd.Series[int]", names: Sequence[str]) -> Iterator[str]:
    """Parameters of an executor that are not the same on each interpreter.

    `names` are those of the interpreters, the last one (at -1) that of cells that do not say it.
    """
    columns = [name for name in cells.columns if name.startswith("executor.")]
    for executor, own in cells.groupby("executor"):
        for column in columns:
            values = own[column].dropna().astype(str)
            found: dict[int, list[str]] = {}
            for at, group in values.groupby(of[values.index], sort=True):
                found[int(at)] = sorted(group.unique())
            alone = all(len(one) == 1 for one in found.values())
            differ = len({tuple(one) for one in found.values()}) > 1
            if differ and (alone or column == START_METHOD):
                alike: dict[str, list[str]] = {}
                for at, one in found.items():
                    alike.setdefault(" and ".join(one), []).append(names[at])
                told = ", ".join(f"{value} on {joined(on)}" for value, on in alike.items())
                parameter = column.removeprefix("executor.").replace("_", " ")
                yield f"{executor}: the {parameter} is {told}"


def _locks(cells: "pd.Series[str]", names: "pd.Series[str]", runs: pd.DataFrame) -> Iterator[str]:
    """Interpreters that have their GIL although they can do without, and who wants it."""
    if "gil_enabled_by" not in runs:
        return
    name_of = dict(zip(cells, names, strict=True))
    rows = runs.loc[runs["gil_enabled_by"].notna(), ["cell", "gil_enabled_by"]]
    modules: dict[str, set[str]] = {}
    for cell, by in rows.drop_duplicates().itertuples(index=False):
        if cell in name_of:
            modules.setdefault(name_of[cell], set()).add(by)
    for name, found in modules.items():
        named = sorted(found - {"?"})
        who = ", ".join(named) if named else "an extension module that is not known"
        yield (
            f"{name}: the global interpreter lock was switched back on by {who}; these numbers are "
            "with it"
        )
