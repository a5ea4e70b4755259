"""Whether two versions of the user's code give the same results: each leaves its own for the other.

That they do not is no fault of a run, but a finding: it is noted in its row.
"""

import hashlib
import os
import pickle
from collections.abc import Iterator, Sequence
from typing import Any

from runners.child.comparing import Comparison, shortened
from runners.child.parts import pickled
from runners.model import HERE, in_one_line


def differing(
    folder: str, version: str, comparison: Comparison, results: Sequence[Any]
) -> str | None:
    """The first result of a run that is another one in the version of the code beside it.

    `version` is the name of this one, "" for the one here, which all others are compared with.
    Results are kept in that folder. None where all are the same, or no other has run yet.
    """
    try:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - pathlib is not loaded here
        own = f"{folder}/{hashlib.sha256(version.encode()).hexdigest()[:12] if version else HERE}"
        if not os.path.exists(own):  # noqa: PTH110
            data = pickled((version, list(results)))
            if data is None:
                return None
            with open(own, "wb") as file:
                file.write(data)
        for other, theirs in _kept(folder, own, version):
            told = _first(version, results, other, theirs, comparison)
            if told is not None:
                return told
    except Exception as error:  # of a comparison that only one version can make, say
        return f"they cannot be compared ({in_one_line(error)})"
    return None


def _kept(folder: str, own: str, version: str) -> Iterator[tuple[str, Sequence[Any]]]:
    """The results of the versions that this one is compared with."""
    for name in sorted(os.listdir(folder)) if not version else [HERE]:  # noqa: PTH208
        path = f"{folder}/{name}"
        if path != own and os.path.exists(path):  # noqa: PTH110
            with open(path, "rb") as file:
                yield pickle.load(file)


def _first(
    version: str,
    results: Sequence[Any],
    other: str,
    theirs: Sequence[Any],
    comparison: Comparison,
) -> str | None:
    for at, (mine, its) in enumerate(zip(results, theirs, strict=False)):
        if not comparison.same(mine, its):
            told = sorted([(version, shortened(mine)), (other, shortened(its))])
            both = (f"{what} in {name}" if name else f"{what} here" for name, what in told)
            return f"first at task {at}, {', '.join(both)}"
    return None
