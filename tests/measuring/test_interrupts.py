"""Requests to stop, while a cell is measured."""

import os
import signal

import pytest

from runners.door import REQUESTS, SIGNALS, Interrupted
from runners.measuring.interrupts import Interrupts


@pytest.mark.parametrize("name", SIGNALS)
def test_a_request_is_noted_and_acted_on_where_it_is_asked_for(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(REQUESTS, "stands", True)
    monkeypatch.setattr(REQUESTS, "pending", None)
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
        os.kill(os.getpid(), signal.SIGINT)
    assert REQUESTS.pending is None


def test_in_a_program_of_others_only_the_usual_ctrl_c_is_answered() -> None:
    numbers = [getattr(signal, name) for name in SIGNALS]
    before = [signal.getsignal(number) for number in numbers]
    with Interrupts():
        assert [signal.getsignal(number) for number in numbers[1:]] == before[1:]
        assert signal.getsignal(signal.SIGINT) == REQUESTS._answer
    assert [signal.getsignal(number) for number in numbers] == before
    own = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        with Interrupts():
            assert signal.getsignal(signal.SIGINT) != REQUESTS._answer
    finally:
        signal.signal(signal.SIGINT, own)


def test_who_does_not_want_to_wait_for_the_row_asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Interrupted), Interrupts() as interrupts:  # noqa: PT012
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupts.pending == signal.SIGINT
        monkeypatch.setattr(REQUESTS, "since_s", 0.0)
        os.kill(os.getpid(), signal.SIGINT)
        pytest.fail("it was waited")
