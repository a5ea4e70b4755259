"""The words that the summary's flags are given, and how they come through a file."""

from typing import get_args

import pytest

from runners.model import Flag, FlagCode
from runners.words.flags import WORDS, as_text, from_text, remedy, told

OF_EACH_CODE = [
    Flag(code, "measured (2)" if "{}" in says else "") for code, (says, _) in WORDS.items()
]


def test_every_flag_has_words_and_a_remedy_of_its_own() -> None:
    assert set(WORDS) == set(get_args(FlagCode))
    for words in ([told(flag) for flag in OF_EACH_CODE], [remedy(flag) for flag in OF_EACH_CODE]):
        assert len(set(words)) == len(WORDS)
        assert all(words)


def test_a_flag_is_told_with_its_detail() -> None:
    assert told(Flag("oversubscribed", "4 > 2")) == "more workers than usable CPUs (4 > 2)"
    assert told(Flag("trend")) == "trend over rounds"


def test_flags_come_through_a_file() -> None:
    text = "outliers in measured (2); threads x workers > CPUs (BLAS, 2 x 2 > 2); no steady state"
    flags = (
        Flag("outliers", "measured (2)"),
        Flag("library_threads", "BLAS, 2 x 2 > 2"),
        Flag("not_steady"),
    )
    assert as_text(flags) == text
    assert from_text(text) == flags
    assert from_text(as_text(OF_EACH_CODE)) == tuple(OF_EACH_CODE)
    assert from_text("") == ()


def test_words_of_an_older_version_are_understood() -> None:
    text = "BLAS threads x workers > CPUs (2 x 2 > 2)"
    assert from_text(text) == (Flag("library_threads", "BLAS, 2 x 2 > 2"),)


@pytest.mark.parametrize("text", ["too good to be true", "steal ", "trend over rounds;steal 2%"])
def test_a_flag_that_is_not_known_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=f"'{text}' is no flag"):
        from_text(text)
