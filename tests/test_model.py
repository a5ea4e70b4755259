"""What all rooms use of the model: an error in a line, the time of day."""

from datetime import UTC, datetime, timedelta

import pytest

from runners.model import first_line, in_one_line, timestamp


@pytest.mark.parametrize(
    ("error", "line"),
    [
        ("one\ntwo", "one"),
        ("\n  \n one \ntwo", "one"),
        (ValueError("one\ntwo"), "one"),
        ("", ""),
        (ValueError(), ""),
    ],
)
def test_the_first_line_is_one_that_says_something(error: object, line: str) -> None:
    assert first_line(error) == line


def test_an_error_in_one_line_has_its_kind() -> None:
    assert in_one_line(KeyError("x")) == "KeyError: 'x'"
    assert in_one_line(ValueError("one\n  two")) == "ValueError: one two"


def test_a_timestamp_is_now_in_utc() -> None:
    moment = datetime.fromisoformat(timestamp())
    assert moment.tzinfo == UTC
    assert timedelta(0) <= datetime.now(UTC) - moment < timedelta(minutes=1)
    assert len(timestamp()) == len("2026-01-01T00:00:00.000000+00:00")
