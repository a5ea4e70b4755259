"""Options that show something and measure nothing: Hydra has them for a single cell alone."""

import os
import platform
from collections.abc import Sequence
from importlib import metadata

import hydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from runners.command.arguments import MULTIRUN, SHORT, each_value
from runners.command.gate import OPTION

OF_A_CELL = ("--cfg", "-c", "--info", "-i")
SHOWING = (*OF_A_CELL, "--help", "-h", "--hydra-help", "--version", "--shell-completion", "-sc")


def version() -> str:
    """The program, and what it stands on."""
    try:
        own = metadata.version("speedup-lab")
    except metadata.PackageNotFoundError:
        own = "(not installed)"
    return f"Speedup Lab {own}, Hydra {hydra.__version__}, Python {platform.python_version()}"


def complete(words: Sequence[str]) -> None:
    """Have Hydra complete the line that is being typed: without what is ours, which it refuses.

    Shells hand it over in the environment, with the words that ask for it.
    """
    line = os.environ.get("COMP_LINE")
    if line is None or not {"-sc", "--shell-completion"} & set(words):
        return
    *typed, last = line.split(" ")
    kept: list[str] = []
    before = ""
    for word in typed:
        is_value = before == OPTION
        own = word in SHORT or word.partition("=")[0] == OPTION or is_value
        unreadable = "=" in word and not word.startswith("-") and _parsed(word) is None
        if not (own or unreadable or word.startswith(("resume=", "versus=", "python="))):
            kept.append(word)
        before = word
    readable = "=" not in last or last.endswith("=") or _parsed(last.rstrip(",")) is not None
    os.environ["COMP_LINE"] = " ".join([*kept, last if readable else ""])


def first_cell(words: Sequence[str]) -> tuple[list[str], str]:
    """Such words for the first cell of a sweep, and a line that says so; others as they are.

    `all` has to be asked of interpreters: the usual value stands for it. The line is "" where there
    is nothing to say.
    """
    flags = {word.partition("=")[0] for word in words if word.startswith("-")}
    if not flags & set(SHOWING):
        return list(words), ""
    found: list[str] = []
    chosen: list[str] = []
    for word in words:
        if word in MULTIRUN:
            continue
        override = None if word.startswith("-") else _parsed(word)
        key = word.partition("=")[0]
        values = [word.partition("=")[2]]
        if override is not None and override.is_sweep_override():
            values = each_value(override)
        if word.startswith("-") or override is None:
            found.append(word)
        elif key.lstrip("+") in ("executor", "python") and values[0] == "all":
            chosen.append(f"the usual {key.lstrip('+')}")
        elif override.is_sweep_override():
            found.append(f"{key}={values[0]}")
            if len(values) > 1:
                chosen.append(found[-1])
        else:
            found.append(word)
    if not chosen or not flags & set(OF_A_CELL):
        return found, ""
    return found, f"note: of the sweep's cells this is the one with {', '.join(chosen)}"


def _parsed(word: str) -> Override | None:
    try:
        [override] = OverridesParser.create().parse_overrides([word])
    except Exception:  # which is told where it is read; also of the value of an option
        return None
    return override
