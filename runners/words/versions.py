"""What two versions of the user's code have the same, in words."""

from collections.abc import Iterable, Iterator, Mapping

Codes = tuple[Mapping[str, str], Mapping[str, str]]
"""The digests of the modules that a cell runs, by name, in both versions."""
OURS = "runners"
MOST = 4
"""Modules that are named."""


def differing(codes: Codes) -> list[str]:
    """The modules that are not the same, or that only one of both has."""
    before, after = codes
    names = sorted({*before, *after})
    return [name for name in names if before.get(name) != after.get(name)]


def same_code(cells: Iterable[tuple[str, Codes]]) -> Iterator[str]:
    """A line for each workload, by its name, whose code is the same in both versions.

    What is measured then is the same twice, which would look like a result.
    """
    known: dict[str, list[Codes]] = {}
    for workload, codes in cells:
        known.setdefault(workload, []).append(codes)
    for workload, both in known.items():
        if not any(map(differing, both)):
            modules = sorted({name for _, after in both for name in after if not _is_ours(name)})
            more = f" and {len(modules) - MOST} more" if len(modules) > MOST else ""
            named = f" ({', '.join(modules[:MOST])}{more})" if modules else ""
            yield f"the code of {workload} is the same in both{named}: what differs is noise"


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == OURS
