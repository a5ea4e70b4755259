"""What is wrong with the words of a command line."""

import pytest

from runners.command.words import unparsable


@pytest.mark.parametrize("word", ["compare", "report", "runners.compare"])
def test_a_word_that_is_another_command_is_told_as_that(word: str) -> None:
    told = unparsable([word, "outputs/a"])
    assert told is not None
    assert told.endswith(f": python -m runners.{word.removeprefix('runners.')}")


def test_no_other_word_is() -> None:
    assert unparsable(["workload=primes", "n=2"]) is None
    assert unparsable(["primes"]) is None  # which Hydra tells
