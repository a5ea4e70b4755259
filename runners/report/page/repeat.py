"""The command that measures a cell again, out of what Hydra left in the cell's folder."""

import shlex
from pathlib import Path
from typing import Any

import yaml

from runners.results.checked import WHOLE_BYTES
from runners.results.named import sweep_of
from runners.results.regular import read_whole

OVERRIDES, HYDRA, MULTIRUN = ".hydra/overrides.yaml", ".hydra/hydra.yaml", "multirun.yaml"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Repeat:
    """Commands of cells. What those of a sweep have in common is read once."""

    def __init__(self) -> None:
        self.begins: dict[Path, tuple[list[str], str]] = {}

    def command(self, folder: Path) -> tuple[str, str]:
        """A line for a shell and the folder to be in, each "" where it is not known.

        Of a folder that is not the program's own there is none: one of results that were measured
        from Python, say.
        """
        overrides = _read(folder / OVERRIDES)
        if not isinstance(overrides, list) or not all(isinstance(one, str) for one in overrides):
            return "", ""
        home = sweep_of(folder)
        if home not in self.begins:
            self.begins[home] = _begin(home, folder)
        options, where = self.begins[home]
        sweep = ["-m"] if any(map(_needs_sweep, overrides)) else []
        words = ["python", "-m", "runners", *sweep, *options, *overrides]
        return " ".join(map(quoted, words)), where


def _needs_sweep(override: str) -> bool:
    """Whether that word is for sweeps alone, be it one of a single cell, or of two versions."""
    key, _, value = override.partition("=")
    return key == "+experiment" or (key == "versus" and value != "null")


def _begin(home: Path, folder: Path) -> tuple[list[str], str]:
    """The options of the command, as far as a cell needs them, and where it was typed."""
    found = _read(home / MULTIRUN) or _read(folder / HYDRA)
    try:
        runtime = found["hydra"]["runtime"]
        sources = [one["path"] for one in runtime["config_sources"] if _is_typed(one)]
        return [f"--config-dir={path}" for path in sources], str(runtime["cwd"])
    except (TypeError, KeyError):
        return [], ""


def _is_typed(source: Any) -> bool:
    return bool(source["provider"] == "command-line")


def _read(path: Path) -> Any:
    """What a file of Hydra's says; None where it is not there, or not one."""
    try:
        return yaml.load(read_whole(path, WHOLE_BYTES), _LOADER)
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return None


def quoted(word: str) -> str:
    """The word as a shell reads it back; what cannot be seen is written by its number."""
    if word.isprintable():
        return shlex.quote(word)
    letters = (
        ("\\" + letter if letter in "\\'" else letter)
        if letter.isprintable()
        else f"\\U{ord(letter):08x}"
        for letter in word
    )
    return f"$'{''.join(letters)}'"
