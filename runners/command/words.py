"""What is wrong with the words of a command line, and with the YAML files that they choose."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from runners.command.arguments import MULTIRUN, SHORT, apart, config_folders, parsed
from runners.command.gate import OPTION
from runners.model import did_you_mean, in_one_line
from runners.planning import searchpath

SETTINGS = {
    **{key: key for key in ("workload", "executor", "measure", "n", "python", "gil", "scaling")},
    "placement": "placement",
    "experiment": "+experiment",
}
"""What may have been meant by a word, and how it is written."""


def misshapen(words: Sequence[str]) -> str | None:
    """Which word is neither an option nor KEY=VALUE, of those that are typed; None if all are."""
    if words and (command := _other_command(words[0])) is not None:
        return f"{words[0]}: a command of its own: python -m runners.{command}"
    known = get_args_parser()._option_string_actions
    options, settings = apart(words)
    for option in options:
        name = option.partition("=")[0]
        key = name.lstrip("-")
        taken = any(one.startswith(name) for one in known) and key not in SETTINGS
        if name.startswith("-") and not taken:
            every = [*known, *SHORT, OPTION]
            near = did_you_mean(name, every) if key not in SETTINGS else ""
            return (
                f"{option}: there is no such option{near}; a setting is KEY=VALUE without dashes, "
                f"as {SETTINGS.get(key, 'workload')}=...; --help has both"
            )
    for word in settings:
        if "=" not in word and not word.startswith("~"):
            known_by = f"{SETTINGS[word]}=..." if word in SETTINGS else "executor=pool n=2"
            return f"{word}: it is no setting; write KEY=VALUE, no spaces around =, as {known_by}"
        if word.startswith("experiment="):
            return f"{word}: an experiment is added to what else there is; write +{word} (a sweep)"
    return None


def unparsable(words: Sequence[str]) -> str | None:
    """What is wrong with the first word that cannot be what it has to be; None if all can."""
    for word in words:
        key, _, value = word.partition("=")
        try:
            [override] = OverridesParser.create().parse_overrides([word])
        except HydraException:  # which Hydra tells itself; also of an option
            continue
        except Exception as error:  # a number of thousands of digits, a nesting as deep
            return f"{key}: it cannot be read ({in_one_line(error)})"
        if override.is_sweep_override() and not set(MULTIRUN) & set(words):
            may_be = re.match(r"\+{0,2}(workload\.|executor\.|placement=)", word)
            more = ", or put a list in [ ]" if may_be else ""
            return f"{word}: several values make a sweep; add -m{more}"
        plain = override.value() if not override.is_sweep_override() else ""
        if key in ("workload", "executor", "measure") and not isinstance(plain, str | dict):
            return f"{key}={value}: it must be the name of an option; --help lists them"
    return None


def _other_command(word: str) -> str | None:
    """The program of ours that a word may have meant, as `compare` or `runners.compare`."""
    name = word.removeprefix("runners.")
    here = Path(__file__).parents[1]
    return name if name.isidentifier() and (here / name / "__main__.py").exists() else None


def unreadable(words: Sequence[str]) -> str | None:
    """What is wrong with the YAML file of one of the options chosen; None if all can be read."""
    places = searchpath.places(config_folders(words))
    for group, option in _chosen(words):
        if (problem := searchpath.unreadable(places, group, option)) is not None:
            own = group in ("workload", "executor")
            return f"{group}={option}: its YAML {problem}; fix it" if own else f"{problem}; fix it"
    return None


def endless(words: Sequence[str]) -> str | None:
    """What is wrong with a YAML file that would never be read to its end; None if all would be.

    To be asked before anything reads them, which takes a moment, and only for files of others.
    """
    places = searchpath.places(config_folders(words))
    if len(places) == 1:  # the program's own
        return None
    for group, option in _chosen(words):
        if (problem := searchpath.endless(places, group, option)) is not None:
            return f"{group}={option}: its YAML {problem}; fix it"
    return None


def _chosen(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each group and option that the words name, all those of a sweep."""
    for word in words:
        for override in parsed(word) if not word.startswith("-") else ():
            if override.is_discrete_sweep():
                options = [*override.sweep_string_iterator()]
            else:
                options = [value] if isinstance(value := override.value(), str) else []
            for option in options:
                yield override.key_or_group, option
