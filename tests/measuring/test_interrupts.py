"""Requests to stop, while a cell is measured."""

import os
import signal

import pytest

from runners.door import SIGNALS, Interrupted
from runners.measuring.interrupts import Interrupts


@pytest.mark.parametrize("name", SIGNALS)
def test_a_request_is_noted_and_acted_on_where_it_is_asked_for(name: str) -> None:
    number = getattr(signal, name)
    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match=name), Interrupts() as interrupts:  # noqa: PT012
        os.kill(os.getpid(), number)
        assert interrupts.pending == number
        os.kill(os.getpid(), number)  # an impatient user's second one
        interrupts.check()
    assert signal.getsignal(number) is before


def test_a_request_after_the_last_wait_is_not_lost() -> None:
    with pytest.raises(Interrupted), Interrupts():
        os.kill(os.getpid(), signal.SIGTERM)
