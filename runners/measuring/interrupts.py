"""A request to stop during a measurement: noted at once, acted on while the parent waits.

An exception out of nowhere could strike between a run and the writing of its row. A noted request
cannot: the only place that asks for it is the wait for the measuring process.
"""

import os
import signal
from typing import Any, Self

from runners.door import REQUESTS, Interrupted


class Interrupts:
    """While it is entered, the first request is kept in `pending` and wakes whoever waits for it.

    It can be waited for (it has a `fileno`). Outside the main thread there are no signals to note.
    """

    def __init__(self) -> None:
        self.pending: int | None = None
        self._before: dict[int, Any] = {}
        self._reader, self._writer = os.pipe()

    def __enter__(self) -> Self:
        REQUESTS.waiter = self._note
        self._before = REQUESTS.listen()
        if REQUESTS.pending is not None:  # what was raised has been caught by a library
            self._note(REQUESTS.pending)
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        REQUESTS.waiter = None
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if not REQUESTS.stands:
            REQUESTS.pending = None
        os.close(self._reader)
        os.close(self._writer)
        if kind is None:
            self.check()  # it came after the last wait

    def fileno(self) -> int:
        return self._reader

    def check(self) -> None:
        """Raise `Interrupted` if there was a request."""
        if self.pending is not None:
            raise Interrupted(self.pending)

    def _note(self, number: int) -> None:
        if self.pending is None:
            self.pending = number
            os.write(self._writer, b"!")
