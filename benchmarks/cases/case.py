"""What a case is: a small program whose truth is known, and what has to be said of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "tests/cases"
"""The files of the cases."""

Where = Literal[
    "startup",
    "dispatch",
    "balance",
    "blocking",
    "contention",
    "computation",
    "loss",
    "note",
    "any",
    "text",
]
How = Literal["loop", "threads", "process_pool", "pool", "process", "one by one", "gather"]


class Says(NamedTuple):
    """Something that the program says, or must not say, of a cell.

    `where` is the loss it is the cause of, any `loss`, a `note`, `any` of both, or all the `text`.
    `what` is the code of a cause or flag, or several of them as "gil|lock"; for a text it is a
    regular expression.
    """

    where: Where
    what: str

    def __str__(self) -> str:
        return f"“{self.what}”" if self.where == "text" else f"{self.where}: {self.what}"


@dataclass(frozen=True)
class Way:
    """One way of a user to make the calls, with nothing but the standard library.

    `function` and `calls` are those of the case unless they are given. With `fresh` each timing has
    an interpreter of its own, and so the function its first calls; with `kept` the workers were
    started before the clock.
    """

    how: How
    function: str | None = None
    calls: str | Sequence[Sequence[object]] | None = None
    n: int = 2
    chunksize: int | None = None
    start_method: Literal["fork", "spawn"] = "fork"
    fresh: bool = False
    kept: bool = False


class Remedy(NamedTuple):
    """What helps, in words; as overrides, if the program can do it; and how it is seen to help.

    `figure` is the ratio of two ways' times, as "pool/chunks of 1": above 1 it helps. It is ""
    where the remedy makes a number true, or a program run, rather than fast.
    """

    words: str
    overrides: tuple[str, ...] = ()
    figure: str = ""


@dataclass(frozen=True)
class Case:
    """One cell, what is true of it, and what has to be said of it.

    `function` is FILE.py:NAME in `tests/cases`; `calls` are the arguments of its calls, or the name
    of the function in that file that returns them. `true` says what is true and why that is known.
    `known` are bounds of figures, which `benchmarks.cases.truth` measures: the time of a way in
    seconds, the ratio of two as "loop/pool", or what one of `asks`, functions of that module,
    finds. `server` says that the calls need `server.py`, whose address stands for `{url}` in them,
    and `busy` how many other programs keep the machine busy. `fault` says why the cell does not
    run: it is tried only if it is named.
    """

    name: str
    function: str
    executor: str
    calls: str | Sequence[Sequence[object]]
    true: str
    has_to_say: tuple[Says, ...] = ()
    must_never_say: tuple[Says, ...] = ()
    overrides: tuple[str, ...] = ()
    n: str = "2"
    packages: tuple[str, ...] = ()
    ways: Mapping[str, Way] = field(default_factory=dict)
    asks: tuple[str, ...] = ()
    known: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    remedy: Remedy | None = None
    server: bool = False
    busy: int = 0
    fault: str | None = None

    @property
    def file(self) -> Path:
        return FOLDER / self.function.partition(":")[0]

    @property
    def arguments(self) -> list[str]:
        """The overrides of its cell."""
        place = f"{FOLDER.relative_to(ROOT)}/{self.file.name}"
        calls = (
            f"workload.arguments_from={place}:{self.calls}"
            if isinstance(self.calls, str)
            else f"workload.arguments={json.dumps(self.calls)}"
        )
        return [
            *("workload=callable", f"workload.function={FOLDER.relative_to(ROOT)}/{self.function}"),
            *(calls, f"executor={self.executor}", f"n={self.n}", *self.overrides),
        ]


EIGHT = tuple([k] for k in range(1, 9))
"""The arguments of eight calls."""
MANY = float("inf")


def loss(what: str) -> Says:
    return Says("loss", what)


def note(what: str) -> Says:
    return Says("note", what)


def told(what: str) -> Says:
    return Says("any", what)


def text(pattern: str) -> Says:
    return Says("text", pattern)
