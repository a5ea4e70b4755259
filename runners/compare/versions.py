"""One result that holds two versions of the code: these two side by side, in their rounds."""

from collections.abc import Sequence

from runners.analysis.two_results import TwoResults
from runners.analysis.verdicts import Quantity
from runners.analysis.versions import against, versions
from runners.compare.side import Side, of_here, restless
from runners.model import UsageError
from runners.report.compared import Told
from runners.report.versus import told_of


def compare_versions(
    side: Side,
    name: str | None,
    *,
    by: Quantity | None = None,
    asked: float | None = None,
    across: Sequence[str] = (),
) -> tuple[TwoResults, Told]:
    """What was here against the version of that name, or the only other one.

    `by` is what the verdicts are on, `asked` a margin. Raises UsageError where there is none, or
    it is not clear which one.
    """
    version = _chosen(side, name)
    found = against(side.summary, side.rounds, version, by or "parallel", asked, across)
    known = told_of(found, side.summary, side.identities)
    busy = restless(side, range(len(side.summary)))
    return found, Told(known.differences, [*known.unknown, *busy])


def both_of_here(before: Side, after: Side) -> tuple[Side, Side, list[str]]:
    """Two results without the other versions that they hold, and lines that say so."""
    told = [
        f"{side.name} also holds {', '.join(others)}: what was here is compared alone"
        for side in (before, after)
        if (others := versions(side.summary))
    ]
    return of_here(before), of_here(after), told


def _chosen(side: Side, name: str | None) -> str:
    known = versions(side.summary)
    if not known:
        raise UsageError(
            f"{side.name}: it holds no two versions of the code (python -m runners versus=... "
            "measures them); name a second result to compare it with"
        )
    if name in known:
        return str(name)
    chosen = [one for one in known if name is None or one.startswith(name)]
    if len(chosen) == 1:
        return chosen[0]
    raise UsageError(
        f"{side.name}: what was here can be compared with {', '.join(known)}; choose by "
        f'--version "{known[0]}"'
    )
