"""What is said of the results of a cell."""

import pytest

from runners.words.agreement import agreement


@pytest.mark.parametrize(
    ("compared", "checked", "what", "why_not"),
    [
        ("equal", True, "equal to serial, checked", ""),
        ("equal", False, "equal to serial", ""),
        ("same", True, "agree with serial, checked", ""),
        ("same", False, "agree with serial", ""),
        ("part", True, "in part equal to serial, checked", "serial has not all the tasks"),
        ("any", True, "checked, not compared", "they may differ from run to run"),
        ("any", False, "not compared", "they may differ from run to run"),
        ("empty", True, "checked, not compared", "every task returned None"),
        ("empty", False, "nothing to compare", "every task returned None"),
        ("compare=none", True, "checked, not compared", "compare=none"),
        ("compare=none", False, "not compared", "compare=none"),
        ("none", False, "not compared", "as was set"),
        (None, None, "not known", "the rows do not say what was compared"),
    ],
)
def test_it_says_no_more_than_was_looked_at(
    compared: str | None, checked: bool | None, what: str, why_not: str
) -> None:
    assert agreement(compared, checked, "serial") == (what, why_not)
