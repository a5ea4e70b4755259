"""Advice on many cells, by its cause: each told once, with the cells that it concerns."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from runners.model import Flag
from runners.words.causes import TITLES, Cell, cause, explain
from runners.words.flags import WORDS, remedy, told

LEFT_OUT = "…"
_NUMBER = re.compile(rf"(?:\d[\d.,]*%?|{LEFT_OUT})(?: (?:s|ms|µs|B|kB|MB|GB)\b)?")


@dataclass(slots=True)
class Group:
    """What is told of several cells: `words`, the `remedy` or "", and each cell's own `detail`.

    `members` are the places of the cells in what was grouped. What differs from cell to cell is
    LEFT_OUT of the words.
    """

    words: str
    remedy: str
    members: list[tuple[int, str]] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.words}: {self.remedy}" if self.remedy else self.words


def grouped_flags(cells: Iterable[Sequence[Flag]]) -> list[Group]:
    """The flags of these cells by their code, the most frequent first; the detail is the flag's."""
    groups: dict[str, Group] = {}
    for at, own in enumerate(cells):
        for flag in own:
            group = groups.setdefault(flag.code, Group(told(flag), remedy(flag)))
            general = WORDS[flag.code][0].format(LEFT_OUT)
            group.words = _common(group.words, told(flag)) or general
            group.members.append((at, flag.detail))
    return _frequent(groups)


def grouped_losses(cells: Iterable[Cell]) -> list[Group]:
    """The losses of these cells that matter, by their cause; the detail says how much, and of what.

    Causes are the same whose words and remedies differ in numbers alone.
    """
    groups: dict[str, Group] = {}
    for at, cell in enumerate(cells):
        for loss in explain(cell):
            found = cause(loss, cell)
            group = groups.setdefault(
                _NUMBER.sub(LEFT_OUT, str(found)), Group(found.words, found.remedy)
            )
            group.words = _common(group.words, found.words)
            group.remedy = _common(group.remedy, found.remedy)
            group.members.append((at, f"{loss.share:.0%} {TITLES[loss.factor]}"))
    return _frequent(groups)


def _common(one: str, other: str) -> str:
    """A text without the numbers in which two differ; "" where they differ in more."""
    if one == other:
        return one
    parts, others = _NUMBER.split(one), _NUMBER.split(other)
    if parts != others:
        return ""
    pairs = zip(_NUMBER.findall(one), _NUMBER.findall(other), strict=True)
    numbers = [a if a == b else LEFT_OUT for a, b in pairs]
    return "".join(f"{part}{number}" for part, number in zip(parts, [*numbers, ""], strict=True))


def _frequent(groups: dict[str, Group]) -> list[Group]:
    return sorted(groups.values(), key=lambda group: -len(group.members))
