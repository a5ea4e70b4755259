"""The words of the lecture's page: a file for each language in the folder `languages`.

`en.yaml` has all of them; another file, or one of the user's own, has the same keys and the same
{placeholders}. What a file lacks is said in English, and the page says how much that is.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from string import Formatter

import yaml

from runners.analysis.claims import Amount, Claim, Said
from runners.model import UsageError, did_you_mean, in_one_line

FOLDER = Path(__file__).with_name("languages")
ENGLISH = "en"

Texts = Mapping[str, str]
"""Text by its place in the file, as in "page.title"."""


@dataclass(frozen=True, slots=True)
class Language:
    """One language; `missing` are the places of its texts that are English for want of others."""

    texts: Texts
    missing: frozenset[str] = frozenset()

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

    def said(self, said: Said | None) -> str:
        """A judgement's words; "" for none."""
        if said is None:
            return ""
        filled = {
            name: self.amount(value) if isinstance(value, Amount) else value
            for name, value in said.values.items()
        }
        return self.text(f"judgements.{said.text}", **filled)


NUMBERS = {"decimal": ".", "thousands": ",", "list": ", ", "s": "s", "ms": "ms", "us": "µs"}
"""The parts of a number as the program writes it."""

NUMBER = re.compile(r"(?<=\d)(\.(?=\d)|,(?=\d{3})|, (?=[-\d]))|(?<=\d )(s|ms|µs)\b")


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
    return Language({**english, **own}, frozenset(english.keys() - own.keys()))


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
        parts = [part for part in Formatter().parse(text) if part[1] is not None]
        return {f"{name}{kind or ''}{form}" for _, name, form, kind in parts}
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None
