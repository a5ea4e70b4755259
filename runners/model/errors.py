"""What goes wrong, and how it is said: what plugins raise, and errors in one line."""

import errno
import importlib
import math
import re
import signal
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple


class InvalidParameter(ValueError):
    """A plugin's parameter has a value it cannot work with.

    `name` is the parameter's own name; whoever knows the plugin adds where it stands.
    """

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")
        self.name = name
        self.problem = problem


class Absent(InvalidParameter):
    """It names something of the user's code that is not there."""


class UsageError(Exception):
    """The user's configuration cannot be measured; the message is one line that says the remedy."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows of it, in a notebook too."""
        return [f"{type(self).__name__}: {self}"]


class WrongResult(Exception):
    """Raised by `Workload.check` when the results are not the known truth."""


class WorkerDied(Exception):
    """Raised by an executor whose worker ended before it delivered its results."""


class Unsupported(Exception):
    """Raised by a plugin that can never serve this pair; the message is the reason. Makes a row."""


class Unavailable(Exception):
    """Raised by a plugin that cannot work now, and may another time; the message is the reason.

    A server does not answer, workers are away, a port is busy. Makes a row, `incomplete`.
    """


class Misplaced(Unsupported):
    """Says that the machine does not have what a placement asks for.

    A row of a sweep; where there is nothing else to measure, a mistake of the user's.
    """


REFUSALS = (Unsupported, Unavailable)
"""What a plugin says that cannot serve a pair: no mistake of the user's, but a result."""


class Incomplete(Exception):
    """Raised by an executor some of whose results never come; the message says why. Makes a row."""


def first_line(error: object) -> str:
    """The first line of what an error says, or of its text, that is not empty."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "")


def did_you_mean(typed: str, known: Iterable[str]) -> str:
    """The known word that is the most like the one typed, as a question; "" if none is like it."""
    import difflib  # a millisecond, for mistakes alone

    near = difflib.get_close_matches(typed, list(known), 1)
    return f" (did you mean {near[0]}?)" if near else ""


def printable(text: str) -> str:
    """The text with what would move a cursor, end a line or turn it around written as in Python."""
    if text.isprintable():
        return text
    from unicodedata import category  # a file of its own: not for every worker

    return "".join(
        letter if category(letter) not in _UNPRINTABLE else ascii(letter)[1:-1] for letter in text
    )


_UNPRINTABLE = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Kinds of characters: control, format, half a surrogate pair, ends of lines and paragraphs."""


def in_one_line(error: BaseException) -> str:
    """The kind of an error and what it says, all of it but for a text that fills pages."""
    try:
        said = " ".join(str(error).split())
    except Exception:  # its own fault
        said = "(which cannot be told)"
    said = said if len(said) <= 1000 else f"{said[:1000]}..."
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def unreadable(error: BaseException) -> str | None:
    """What is wrong with a file that this Python cannot read, with the remedy.

    None if the error is another one: also where a text is at fault that code has made, not a file.
    """
    if not isinstance(error, SyntaxError) or (error.filename or "<").startswith("<"):
        return None
    version = ".".join(map(str, sys.version_info[:2]))
    quoted = printable(" ".join((error.text or "").split()))
    cut = quoted if len(quoted) <= 60 else f"{quoted[:57]}..."
    return (
        f"Python {version} cannot read {error.filename}"
        f"{f', line {error.lineno}' if error.lineno else ''} ({type(error).__name__}: {error.msg}"
        f"{f', in {cut!r}' if cut else ''}); mend it, or choose a Python that it is written for"
    )


class Shortage(NamedTuple):
    """What the system has run out of: how an error tells, by number or words, and the remedy.

    `of_memory`: a limit of memory that the cell itself has may bring it about as well.
    """

    numbers: frozenset[int]
    words: str
    remedy: str
    of_memory: bool = False


_SHORTAGES = (
    Shortage(
        frozenset({errno.EMFILE, errno.ENFILE}),
        "Too many open files$",
        "too many open files: raise their limit (ulimit -n), or use fewer workers",
    ),
    Shortage(
        frozenset({errno.EAGAIN}),
        "can't (start|allocate) new thread|Failed to launch worker thread",
        "no more processes or threads can be started: raise their limit (ulimit -u, or pids.max of "
        "the control group), or use fewer workers",
        of_memory=True,  # each thread reserves its stack
    ),
    Shortage(
        frozenset({errno.ENOMEM}),
        r"^[\w.]*MemoryError\b|Cannot allocate memory|failed to map segment",
        "there is not enough memory, or a limit is too low (ulimit -v, or memory.max of the "
        "control group): use fewer workers, or smaller tasks",
        of_memory=True,
    ),
    Shortage(
        frozenset({errno.ENOSPC, errno.EDQUOT}),
        "No space left on device",
        "a disk is full: make room, or name another folder for temporary files (TMPDIR)",
    ),
    Shortage(
        frozenset(),  # its number is also that of a file that is too large for us
        "File too large",
        "a file would be too large: raise the limit (ulimit -f)",
    ),
)


def shortage(error: str) -> Shortage | None:
    """What the system has run out of, if an error says so in its last line."""
    last, numbers = last_line(error), error_numbers(error)
    for known in _SHORTAGES:
        if numbers & known.numbers or re.search(known.words, last):
            return known
    return None


def last_line(error: str) -> str:
    """The last line of an error that is not empty: that of a traceback says what it was."""
    return next((line for line in reversed(error.splitlines()) if line.strip()), "").strip()


def signal_name(number: int) -> str:
    """`SIGKILL`; `40` of one that has no name, as most real-time signals."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def error_numbers(error: str) -> set[int]:
    """The `errno` of the system in the last line of an error."""
    return set(map(int, re.findall(r"\[Errno (-?\d+)\]", last_line(error))))


def timestamp() -> str:
    """The time of day as the rows have it: UTC, to the microsecond, in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def at_least(plugin: object, low: int, *names: str, or_null: bool = False) -> None:
    """Raise InvalidParameter unless each of these attributes of `plugin` is `low` or more.

    With `or_null` it may be None as well.
    """
    for name in names:
        value = getattr(plugin, name)
        if not (or_null and value is None) and value < low:
            null = " or null" if or_null else ""
            raise InvalidParameter(name, f"must be at least {low}{null}, not {value}")


def finite_seconds(plugin: object, *names: str) -> None:
    """Raise InvalidParameter unless each of these attributes of `plugin` is finite, 0 or more."""
    for name in names:
        value = getattr(plugin, name)
        if not 0 <= value < math.inf:
            raise InvalidParameter(name, f"must be finite and at least 0 seconds, not {value}")


def locate(target: str) -> Any:
    """The object of that dotted name. Raises ImportError, saying which part is missing."""
    module, _, name = target.rpartition(".")
    if not module:
        raise ImportError(f"{target!r} is not of the form package.module.Name")
    try:
        return getattr(importlib.import_module(module), name)
    except AttributeError:
        raise ImportError(f"module {module!r} has no {name!r}") from None
