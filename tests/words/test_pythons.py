"""Which interpreters some cells have, in what order, and by what names they are told apart."""

from collections.abc import Sequence
from typing import Any

import pytest

from runners.words.pythons import Interpreters, interpreters
from tests import synthetic

GCC = "main Jan  1 2026 00:00:00, GCC 12.2.0, configured 0123abcd"
CLANG = "main Feb  2 2026 00:00:00, Clang 18.1.8, configured 0123abcd"
OTHER = "main Jan  1 2026 00:00:00, GCC 12.2.0, configured 99999999"


def cell(
    python: str | None, order: int | None = 0, build: str = GCC, **more: Any
) -> dict[str, Any]:
    return {"python": python, "python_order": order, "python_build": build, **more}


def found(*cells: dict[str, Any]) -> Interpreters:
    return interpreters(synthetic.summary(*cells))


def names(known: Interpreters) -> list[str]:
    return [one.name for one in known.known]


def test_they_are_in_the_order_in_which_they_were_named() -> None:
    known = found(cell("3.9.1", 2), cell("PyPy 3.11.13", 0), cell("3.15.0t", 1), cell("3.9.1", 2))
    assert names(known) == ["PyPy 3.11.13", "3.15.0t", "3.9.1"]
    assert known.of.tolist() == [2, 0, 1, 2]
    assert known.several


def test_those_of_several_commands_that_have_the_same_place_by_version() -> None:
    cells = [cell(name) for name in ("3.13.1", "3.9.2", "3.15.0t, GIL off", "3.15.0t, GIL on")]
    assert names(found(*cells)) == ["3.9.2", "3.13.1", "3.15.0t, GIL on", "3.15.0t, GIL off"]


def test_a_single_one_and_one_that_is_not_known() -> None:
    assert not found(cell("3.13.1"), cell("3.13.1")).several
    unknown = found(cell(None, None), cell(None, None))
    assert (unknown.known, unknown.of.tolist(), unknown.several) == ((), [-1, -1], False)
    mixed = found(cell(None, None), cell("3.13.1"))
    assert mixed.several
    assert mixed.names().tolist() == ["unknown Python", "3.13.1"]


@pytest.mark.parametrize(
    ("builds", "expected"),
    [
        ((GCC, CLANG), ["3.13.1 (Clang 18.1.8)", "3.13.1 (GCC 12.2.0)"]),
        ((GCC, OTHER), ["3.13.1 (build 1)", "3.13.1 (build 2)"]),
        ((GCC, OTHER, CLANG), ["3.13.1 (build 1)", "3.13.1 (build 2)", "3.13.1 (build 3)"]),
    ],
)
def test_two_builds_of_one_version_are_told_apart(
    builds: Sequence[str], expected: list[str]
) -> None:
    known = found(*(cell("3.13.1", 0, build) for build in builds))
    assert sorted(names(known)) == expected
    assert {one.build for one in known.known} == set(builds)


def test_one_build_in_two_environments() -> None:
    """The same cell is there for both, and is another one."""
    known = found(cell("3.13.1", 0, cell="a" * 12), cell("3.13.1", 1, cell="b" * 12))
    assert names(known) == ["3.13.1 (environment 1)", "3.13.1 (environment 2)"]


def test_one_that_another_command_named_at_another_place_is_the_same() -> None:
    again = found(cell("3.13.1", 0, cell="a" * 12), cell("3.13.1", 1, cell="a" * 12 + "#2"))
    assert names(again) == ["3.13.1"]
    other_n = found(cell("3.13.1", 0, cell="a" * 12), cell("3.13.1", 1, cell="b" * 12, n=4))
    assert names(other_n) == ["3.13.1"]


def test_what_is_known_of_how_it_was_built() -> None:
    [one] = found(cell("3.15.0t, GIL on")).known
    assert (one.version, one.free_threaded) == ("3.15.0", True)
    assert (one.compiler, one.configured) == ("GCC 12.2.0", "0123abcd")
    [odd] = found(cell("3.13.1", 0, "built somehow")).known
    assert (odd.compiler, odd.configured) == ("", "")
