"""Results by the names that readers see: `NAME=FOLDER`, or what tells their folders apart."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runners.model import UsageError, printable
from runners.results.columns import SWEEP
from runners.results.read import LEVELS_UP
from runners.results.write import from_home


@dataclass(frozen=True, slots=True)
class Named:
    """A folder of results, and its name."""

    name: str
    folder: Path


def named(words: Sequence[str]) -> list[Named]:
    """The results that words of a command line name: `FOLDER` or `NAME=FOLDER`.

    Raises UsageError where a name is empty, or that of two results.
    """
    parted = [_parted(word) for word in words]
    return _named(parted, [Path(os.path.realpath(folder)) for _, folder in parted])


def parts_of_results(words: Sequence[str]) -> list[Named]:
    """The same, where cells of one sweep that have no name are parts of one result."""
    parted = [_parted(word) for word in words]
    places = [sweep_of(folder) if name is None else folder.resolve() for name, folder in parted]
    return _named(parted, places)


def _named(parted: Sequence[tuple[str | None, Path]], places: Sequence[Path]) -> list[Named]:
    names = [name or short for (name, _), short in zip(parted, _short(places), strict=True)]
    known: dict[str, Path] = {}
    for name, place in zip(names, places, strict=True):
        if known.setdefault(name, place) != place:
            raise UsageError(f"{name}: two results have this name; give others by NAME=FOLDER")
    return [Named(name, folder) for name, (_, folder) in zip(names, parted, strict=True)]


def _parted(word: str) -> tuple[str | None, Path]:
    """A name, if one is given, and a folder; one that is there may have a `=` in its own name."""
    name, equals, folder = word.partition("=")
    if not equals or "/" in name or Path(from_home(word)).is_dir():
        name, folder = "", word
        equals = ""
    if not folder.strip() or (equals and not name.strip()):
        raise UsageError(f"{word!r}: no folder is named; write FOLDER or NAME=FOLDER")
    return (printable(name.strip()) if equals else None), Path(from_home(folder))


def sweep_of(folder: Path) -> Path:
    """The folder of the sweep that it is in, or itself."""
    real = Path(os.path.realpath(folder))
    for above in (real, *real.parents[:LEVELS_UP]):
        if (above / SWEEP).exists():
            return above
    return real


def _short(places: Sequence[Path]) -> list[str]:
    """As little of the end of each path as tells it from the others."""
    longest = max((len(place.parts) for place in places), default=1)
    for count in range(1, longest + 1):
        names = ["/".join(place.parts[-count:]) for place in places]
        if len(set(names)) == len(set(places)):
            break
    return [printable(name) for name in names]
