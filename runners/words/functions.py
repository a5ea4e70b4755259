"""What a workload is called for readers: `callable` goes by the function that it calls."""

from collections.abc import Iterable, Mapping
from typing import Any

from runners.model import function_label

CALLABLE, FUNCTION = "callable", "workload.function"
"""The workload that calls any function, and the column that names it."""


def shown(workloads: Iterable[tuple[str, Any]]) -> list[str]:
    """A name for each of these workloads, given with its `workload.function`, None where it has
    none.

    It is `zlib.compress` for zlib:compress; functions of different files that have the same one go
    by all of theirs, `one/mine.py:f`. The column `workload` of all of them stays `callable`.
    """
    pairs = list(workloads)
    known = [
        function if workload == CALLABLE and isinstance(function, str) else None
        for workload, function in pairs
    ]
    labels: dict[str, set[str]] = {}
    for function in filter(None, known):
        labels.setdefault(function_label(function), set()).add(function)

    def name(function: str) -> str:
        label = function_label(function)
        return label if len(labels[label]) == 1 else function

    return [
        workload if function is None else name(function)
        for (workload, _), function in zip(pairs, known, strict=True)
    ]


def of_parameters(workload: str, parameters: Mapping[str, Any]) -> tuple[str, Any]:
    """What `shown` takes, of a plan or a row."""
    return workload, parameters.get(FUNCTION)
