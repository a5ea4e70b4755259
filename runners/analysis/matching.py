"""Which cells of two results are the same but for what differs between the results themselves."""

import json
import re
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

START_METHOD = "executor.start_method"
"""A parameter whose default is the interpreter's: it follows that, unless it was set."""

DEFINES = ("workload", "executor", "n", "scaling")
PARAMETERS = ("workload.", "executor.")
Key = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class Matched:
    """Positions of rows in two summaries: the pairs, and what only one of the two has."""

    pairs: tuple[tuple[int, int], ...]
    only_before: tuple[int, ...] = ()
    only_after: tuple[int, ...] = ()


def match(before: pd.DataFrame, after: pd.DataFrame, ignored: Collection[str] = ()) -> Matched:
    """Join the cells of two frames of `summarise` by all that defines them but the interpreter.

    A parameter that only one of the two has a column for is taken no notice of, unless it tells
    cells apart there: the other was written by a version that did not have it. `ignored` are
    further parameters that are not looked at. Where either has several interpreters, those of one
    version belong together. Of cells that one result has several times, the first belongs to the
    first, and so on, those of the same kind of node before others.
    """
    names = [
        name
        for name in sorted({*before.columns, *after.columns})
        if name.startswith(PARAMETERS) and name not in ignored
    ]
    sides = before.reset_index(drop=True), after.reset_index(drop=True)
    nodes = [side.get("node_kind", pd.Series(index=side.index, dtype=object)) for side in sides]
    pairs: list[tuple[int, int]] = []
    left = [list(range(len(side))) for side in sides]

    def join(names: Collection[str]) -> None:
        keys = [
            _keys(side, [name for name in names if _tells(name, side, other)])
            for side, other in (sides, sides[::-1])
        ]
        several = any(side["python"].nunique(dropna=False) > 1 for side in sides)
        joined = _joined(keys[0], left[0], keys[1], left[1])
        for one, other in (own for rows in joined for own in _by_node(*rows, nodes)):
            pythons = [
                [_text(value) or "" for value in side["python"].iloc[rows]]
                for side, rows in zip(sides, (one, other), strict=True)
            ]
            pairs.extend(_by_python(one, other, *pythons) if several else _in_turn(one, other))
        done = [{pair[at] for pair in pairs} for at in (0, 1)]
        for at in (0, 1):
            left[at] = [row for row in left[at] if row not in done[at]]

    join(names)
    if {*sides[0]["python"].dropna()} != {*sides[1]["python"].dropna()}:
        join([name for name in names if name != START_METHOD])
    return Matched(tuple(sorted(pairs)), tuple(left[0]), tuple(left[1]))


def apart(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    """By what the cells of two results are not the same ones, where none are: a few words each."""
    found = []
    for name in (*DEFINES, *_common(before, after)):
        one, other = (
            sorted({_text(value) or "null" for value in side[name]}) for side in (before, after)
        )
        if not {*one} & {*other}:
            found.append(f"{name}: {_some(one)}, and {_some(other)}")
    return found


MOST_NAMED = 4


def _some(values: list[str]) -> str:
    more = len(values) - MOST_NAMED
    return ", ".join(values[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _common(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    names = map(str, before.columns)
    return [name for name in names if name in after and name.startswith(PARAMETERS)]


def _tells(name: str, side: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether that parameter has to be the same in both."""
    if name not in side:
        return False
    group = name.partition(".")[0]
    of_plugin = side.loc[side[name].notna()]
    known = name in other and bool({*of_plugin[group]} & {*other[group]})
    return known or bool((of_plugin.groupby(group)[name].nunique() > 1).any())


def _keys(cells: pd.DataFrame, names: Collection[str]) -> list[Key]:
    found: list[Key] = []
    for row in cells.to_dict("records"):
        fresh = row.get("fresh")
        parameters = ((name, _text(row[name])) for name in names)
        found.append(
            (
                *(row["workload"], row["executor"], int(row["n"]), row["scaling"]),
                not pd.isna(fresh) and bool(fresh),
                _text(row.get("placement")) or "none",  # not in results of earlier versions
                *((name, value) for name, value in parameters if value is not None),
            )
        )
    return found


def _joined(
    one: list[Key], rows: list[int], other: list[Key], others: list[int]
) -> Iterator[tuple[list[int], list[int]]]:
    """The rows of either side that have the same key."""
    by_key: dict[Key, tuple[list[int], list[int]]] = {}
    for at, (keys, own) in enumerate(((one, rows), (other, others))):
        for row in own:
            by_key.setdefault(keys[row], ([], []))[at].append(row)
    yield from (sides for sides in by_key.values() if all(sides))


def _by_node(
    one: list[int], other: list[int], nodes: "Sequence[pd.Series[Any]]"
) -> Iterator[tuple[list[int], list[int]]]:
    """Rows of the same kind of node, where there are some of several; then all others."""
    kinds = [dict(nodes[at].iloc[rows].dropna()) for at, rows in enumerate((one, other))]
    if len(one) == len(other) == 1 or len({*kinds[0].values(), *kinds[1].values()}) < 2:
        yield one, other
        return
    rest = [one, other]
    for kind in dict.fromkeys(kinds[0].values()):
        both = [[row for row in rest[at] if kinds[at].get(row) == kind] for at in (0, 1)]
        if all(both):
            yield both[0], both[1]
            rest = [[row for row in rest[at] if row not in both[at]] for at in (0, 1)]
    if all(rest):
        yield rest[0], rest[1]


def _in_turn(one: list[int], other: list[int]) -> Iterator[tuple[int, int]]:
    yield from zip(one, other, strict=False)


def _by_python(
    one: list[int], other: list[int], pythons: list[str], others: list[str]
) -> Iterator[tuple[int, int]]:
    """Those of the same interpreter; if it has gone, of another release of the same version."""
    left, right = dict(zip(one, pythons, strict=True)), dict(zip(other, others, strict=True))
    ways: tuple[Callable[[str], str], ...] = (str, _version)
    for way in ways:
        for row in list(left):
            found = next((k for k, name in right.items() if way(name) == way(left[row])), None)
            if found is not None:
                yield row, found
                del left[row], right[found]


def _version(python: str) -> str:
    """`3.13t, GIL off` of `3.13.1t, GIL off`."""
    return re.sub(r"(\d+\.\d+)\.\d[^t,\s]*", r"\1", python)


def _text(value: Any) -> str | None:
    """A parameter's value, whatever type its column has in either frame."""
    if pd.isna(value):
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() else repr(float(value))
    return json.dumps(bool(value) if str(value) in ("True", "False") else int(value))
