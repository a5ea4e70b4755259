"""Ctrl+C and SIGTERM during a measurement: noted at once, acted on while the parent waits.

An exception out of nowhere could strike between a run and the writing of its row. A noted request
cannot: the only place that asks for it is the wait for the measuring process.
"""

import os
import signal
from types import FrameType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """The user or the batch system asked to stop, by the signal of that number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(number).name}")
        self.number = number


class Interrupts:
    """While it is entered, the first request is kept in `pending` and wakes whoever waits for it.

    It can be waited for (it has a `fileno`). Outside the main thread there are no signals to note.
    """

    def __init__(self) -> None:
        self.pending: int | None = None
        self._before: dict[signal.Signals, Any] = {}
        self._reader, self._writer = os.pipe()

    def __enter__(self) -> Self:
        for number in SIGNALS:
            try:
                self._before[number] = signal.signal(number, self._note)
            except ValueError:
                break
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._reader)
        os.close(self._writer)

    def fileno(self) -> int:
        return self._reader

    def check(self) -> None:
        """Raise `Interrupted` if there was a request."""
        if self.pending is not None:
            raise Interrupted(self.pending)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.pending is None:
            self.pending = number
            os.write(self._writer, b"!")
