"""The words of the lecture's page: a file for each language in the folder `languages`.

`en.yaml` has all of them; another file, or one of the user's own, has the same keys and the same
{placeholders}. What a file lacks is said in English, and the page says how much that is.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import Formatter as Placeholders
from typing import Any

import yaml
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import Formatter, ScalarFormatter

from runners.analysis.claims import Amount, Claim, Judgement, Said
from runners.model import UsageError, did_you_mean, in_one_line

FOLDER = Path(__file__).with_name("languages")
ENGLISH = "en"

Texts = Mapping[str, str]
"""Text by its place in the file, as in "page.title"."""


@dataclass(frozen=True, slots=True)
class Language:
    """One language.

    `name` is what it was asked for by, its tag or a file. `missing` are the places of its texts
    that are English for want of others; `labels` has the lines of figures in this language by those
    in English.
    """

    texts: Texts
    name: str = ENGLISH
    missing: frozenset[str] = frozenset()
    labels: Texts = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """Its name for browsers, as in "ru"."""
        return self.texts["language"]

    def text(self, key: str, **values: str | int) -> str:
        """The text at that place of the file, filled in. Raises KeyError where there is none."""
        text = self.texts[key]
        return text.format_map(values) if values else text

    def story(self, experiment: str, part: str) -> str:
        """A part of an experiment's story, such as "why", in Markdown; "" if it has none."""
        return self.texts.get(f"experiments.{experiment}.{part}", "")

    def claim(self, experiment: str, claim: Claim) -> Claim:
        """The claim with its words."""
        place = f"experiments.{experiment}"
        lecture = self.texts.get(f"{place}.lecture.{claim.name}", "")
        return replace(claim, text=self.texts[f"{place}.claims.{claim.name}"], lecture=lecture)

    def number(self, text: str) -> str:
        """Numbers and units of time as this language writes them, as in "1,5 мс [1,4; 1,6]"."""
        words = {part: self.texts[f"numbers.{name}"] for name, part in NUMBERS.items()}
        return NUMBER.sub(lambda found: words[found[0]], text)

    def amount(self, amount: Amount) -> str:
        """A number with what it is a number of, and behind that its interval."""
        number, of = self.number(amount.number), amount.of
        if not of:
            return number
        value, bracket, interval = number.partition(" [")
        text = self.texts.get(f"metrics.{of}")
        told = _plain(value, of) if text is None else text.format(value=value)
        return f"{told}{bracket}{interval}"

    def verdict(self, judgement: Judgement) -> str:
        """As in "holds", "was true, changed in Python 3.2"."""
        if judgement.verdict == "changed":
            return self.text("verdicts.changed_in", python=judgement.python)
        return self.text(f"verdicts.{judgement.verdict}")

    def said(self, said: Said | None) -> str:
        """A judgement's words; "" for none."""
        if said is None:
            return ""
        filled = {
            name: self.amount(value) if isinstance(value, Amount) else value
            for name, value in said.values.items()
        }
        return self.text(f"judgements.{said.text}", **filled)

    def translate(self, figure: Figure) -> None:
        """Put the lines that are written in a figure into this language."""
        if not self.labels:
            return
        for text in figure.findobj(Text):
            assert isinstance(text, Text)
            text.set_text(self._lines(text.get_text()))
        for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
            formatter = axis.get_major_formatter()
            numbers = isinstance(formatter, ScalarFormatter)
            axis.set_major_formatter(Ticks(formatter, self.number if numbers else self._lines))

    def _lines(self, text: str) -> str:
        return "\n".join(map(self._line, text.split("\n")))

    def _line(self, line: str) -> str:
        """One that the file has, perhaps with something behind a colon, or a number with its unit.

        A number without one may be a version.
        """
        if MEASURED.fullmatch(line):
            return self.number(line)
        label, colon, rest = (line, "", "") if line in self.labels else line.partition(": ")
        return f"{self.labels.get(label, label)}{colon}{rest}"


NUMBERS = {
    **{"decimal": ".", "thousands": ",", "list": ", "},
    **{"s": "s", "ms": "ms", "us": "µs", "kib": "KiB", "mib": "MiB"},
}
"""The parts of a number as the program writes it."""

NUMBER = re.compile(r"(?<=\d)(\.(?=\d)|,(?=\d{3})|, (?=[-\d]))|(?<=\d )(s|ms|µs|KiB|MiB)\b")
MEASURED = re.compile(r" *[\d.,]+(×| (s|ms|µs|KiB|MiB))( \[.*\])?")


class Ticks(Formatter):
    """The labels of an axis in other words."""

    def __init__(self, formatter: Formatter, label: Callable[[str], str]) -> None:
        self.formatter, self.label = formatter, label

    def __call__(self, x: float, pos: int | None = None) -> str:
        return self.label(self.formatter(x, pos))

    def set_locs(self, locs: Any) -> None:
        self.formatter.set_locs(locs)

    def get_offset(self) -> str:
        return self.label(self.formatter.get_offset())


def _plain(number: str, name: str) -> str:
    """A metric that no language knows, of a plugin: as in "wake 2.00 ms", "900 items/s"."""
    words = name.replace("_", " ")
    if name.endswith("_per_s"):
        return f"{number} {words.removesuffix(' per s')}/s"
    return f"{words.removesuffix(' s')} {number}" if name.endswith("_s") else f"{number} {words}"


def languages() -> list[str]:
    """The languages that there are, by their tags."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def load(name: str = ENGLISH) -> Language:
    """The language of that tag, or of a file. Raises UsageError, which says what is wrong in it."""
    english = _read(FOLDER / f"{ENGLISH}.yaml")
    if name == ENGLISH:
        return Language(english)
    file = Path(name) if name.endswith((".yaml", ".yml")) else FOLDER / f"{name}.yaml"
    if file.parent == FOLDER and name not in languages():
        raise UsageError(
            f"--language={name}: there is no such language{did_you_mean(name, languages())}; "
            f"choose from {', '.join(languages())}, or give a file: --language=words.yaml"
        )
    own = _read(file)
    for key, text in own.items():
        if key not in english:
            near = did_you_mean(key, list(english))
            raise UsageError(f"{file}: {key}: there is no such text{near}")
        if _placeholders(text, f"{file}: {key}") != (wanted := _placeholders(english[key], key)):
            told = ", ".join(f"{{{each}}}" for each in sorted(wanted)) or "none"
            raise UsageError(f"{file}: {key}: other placeholders than in English, which has {told}")
    texts = {**english, **own}
    labels = {english[key]: texts[key] for key in english if key.startswith("figures.")}
    return Language(texts, name, frozenset(english.keys() - own.keys()), labels)


def _read(file: Path) -> Texts:
    try:
        found = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{file}: {in_one_line(error)}") from None
    return dict(_flat(found, (), file))


def _flat(found: object, place: tuple[str, ...], file: Path) -> Iterator[tuple[str, str]]:
    """Every text below that place of the file, with its place."""
    if isinstance(found, str):
        yield ".".join(place), found
    elif isinstance(found, Mapping):
        for key, value in found.items():
            yield from _flat(value, (*place, str(key)), file)
    else:
        where = ".".join(place) or "it"
        raise UsageError(f"{file}: {where} is not a text but {found!r}; put quotes around it")


def _placeholders(text: str, where: str) -> set[str]:
    """What stands in braces: names, and nothing to format them by."""
    try:
        parts = [part for part in Placeholders().parse(text) if part[1] is not None]
        return {f"{name}{kind or ''}{form}" for _, name, form, kind in parts}
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None
