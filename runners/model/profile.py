"""What a profiler saw of one side of a cell, in runs that are not timed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from runners.model.names import Role

Mode = Literal["wall", "cpu", "gil"]
"""Which samples were taken: all of each thread, those on a CPU, those that hold the GIL."""


class Frame(NamedTuple):
    """A function by its qualified name and the last part of its file's name."""

    name: str
    file: str

    def __str__(self) -> str:
        return f"{self.name} ({self.file})"


Stack = tuple[Frame, ...]
"""The frames of a thread, the outermost first."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Where one side spent its time: thread-seconds of each stack, in each mode, over all `runs`.

    `tool` is the profiler and its version, `processes` how many it has seen.
    """

    role: Role
    tool: str
    runs: int
    processes: int
    stacks: Mapping[Mode, Mapping[Stack, float]]
