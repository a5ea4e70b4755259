"""An error becomes one line that names the key and the remedy."""

import errno
import re
import sys
from pathlib import Path
from typing import NoReturn

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from runners.child.plugins import RENAMED
from runners.model import UsageError, did_you_mean, first_line, in_one_line, shortage
from runners.words.lines import say

_KINDS = {"Integer": "a whole number", "Float": "a number", "Bool": "true or false"}
_CONVERTED = re.compile(
    rf"Value '(.*)' of type '\w+' could not be converted to ({'|'.join(_KINDS)})"
)

LONGEST = 1500
"""Characters of an error line; its own text has a tenth, but a value may be of any length."""


def fail(error: BaseException, place: Path | None = None, cell: str = "") -> NoReturn:
    """End the program over a mistake of the user's; `cell` names the cell that it is in."""
    say(error_line(f"{cell}: " if cell else "", error, place), sys.stderr)
    raise SystemExit(2)


def error_line(before: str, error: BaseException, place: Path | None = None) -> str:
    """What is printed of an error: always one line, and none that fills the screen."""
    told = " ".join(f"error: {before}{explain(error, place)}".split())
    return told if len(told) <= LONGEST else f"{told[:LONGEST]}..."


def explain(error: BaseException, place: Path | None = None) -> str:
    """One line that names the key and the remedy; `place` is where results are written."""
    if isinstance(error, UsageError):
        return first_line(error)  # whatever it came of is in it
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, option = (error.missing_cfg_file or "").rpartition("/")
        near = did_you_mean(option, error.options)
        options = ", ".join(error.options)
        return f"{group}={option}: there is no such {group}{near}; choose one of {options}"
    if isinstance(cause, OmegaConfBaseException) and cause.full_key:
        if (new := RENAMED.get(cause.full_key)) is not None:
            return f"{cause.full_key}: it is called {new} now"
        if isinstance(cause, (AttributeError, KeyError)):
            keys = [str(key) for key in cause.parent_node or ()]
            near = did_you_mean(cause.full_key.rpartition(".")[2], keys)
            return f"{cause.full_key}: there is no such key{near}; there are {', '.join(keys)}"
        if "is not Optional" in str(cause):
            return f"{cause.full_key}=null: it has to have a value; leave it out for the usual one"
        if (found := _CONVERTED.match(str(cause))) is not None:
            several = "; several are a sweep, -m n=1,2,4" if cause.full_key == "n" else ""
            return f"{cause.full_key}: must be {_KINDS[found[2]]}, not {found[1]!r}{several}"
        return f"{cause.full_key}: {first_line(cause)}"
    if isinstance(error, OverrideParseException):
        why = first_line(error).partition(" expecting ")[0]
        if why.startswith("LexerNoViableAlt"):
            why = "a character in it has to be in quotes"
        return (
            f"{error.override}: it cannot be read ({why}); put a text that has spaces, commas or "
            "brackets into quotes inside quotes, as \"workload.text='a, b'\"; each setting is "
            "a word of its own"
        )
    if isinstance(error, OSError) and not isinstance(error, HydraException):
        where = error.filename or place or "the folder that was named"
        short = shortage(in_one_line(error))
        if short is not None and error.errno not in (errno.ENOSPC, errno.EDQUOT):
            return f"{short.remedy} ({f'{where}: ' if where else ''}{error.strerror})"
        return (
            f"cannot write results to {where} ({error.strerror or error}); "
            "choose a folder with hydra.run.dir=FOLDER (one cell) or hydra.sweep.dir=FOLDER (-m)"
        )
    return first_line(error)
