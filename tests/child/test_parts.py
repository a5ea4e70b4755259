"""Which part of a task or a result is at fault."""

import dataclasses
import enum
import hashlib
import io
import itertools
import random
import threading
from collections import namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from runners.child.parts import (
    find,
    is_iterator,
    is_used_up,
    kind_of,
    unpicklable,
    without_equality,
)

Row = namedtuple("Row", "name value")


class Plain:
    """Has no == of its own."""

    def __init__(self, value: int = 0) -> None:
        self.value = value


class Same(Plain):
    """Has one, which looks at its parts."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.value == other.value


class Again:
    """An iterator that begins anew at each `iter`, as many that are written in Python do."""

    def __iter__(self) -> Iterator[int]:
        self.left = 3
        return self

    def __next__(self) -> int:
        self.left -= 1
        if self.left < 0:
            raise StopIteration
        return self.left


@dataclass
class Held:
    what: Any


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


async def nothing() -> None: ...


def own_file() -> io.TextIOWrapper:
    return Path(__file__).open()


USED_UP: list[tuple[Callable[[], Any], str]] = [
    (lambda: (k for k in range(3)), "a generator"),
    (lambda: map(abs, [1]), "a map"),
    (lambda: zip([1], [2], strict=True), "a zip"),
    (lambda: iter([1]), "a list_iterator"),
    (lambda: enumerate([1]), "an enumerate"),
    (own_file, "an open file"),
    (nothing, "a coroutine"),
]


@pytest.mark.parametrize(("make", "kind"), USED_UP)
def test_what_one_run_uses_up(make: Callable[[], Any], kind: str) -> None:
    value = make()
    try:
        assert is_used_up(value)
        assert kind_of(value) == kind
    finally:
        if hasattr(value, "close"):
            value.close()


@pytest.mark.parametrize(
    "value",
    [
        *([1], "text", range(3), {1: 2}, Again(), itertools.count(), itertools.cycle([1])),
        *(io.BytesIO(b"1"), io.StringIO("1"), np.arange(3), None, abs, Again, random.Random(1)),
    ],
)
def test_what_can_be_used_again(value: Any) -> None:
    assert not is_used_up(value)


def test_a_file_that_is_written_is_not_used_up(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        assert not is_used_up(file)
    with (tmp_path / "log").open() as file:
        pass
    assert not is_used_up(file)


def test_an_iterator_written_in_python_may_be_to_blame() -> None:
    assert is_iterator(Again())
    assert not is_iterator([1])


def test_a_part_is_found_where_it_is() -> None:
    tasks = [((1, [2]), {}), ((3, [4, iter("5")]), {"key": 6})]
    found = find(tasks, is_used_up)
    assert found is not None
    assert found[0] == (1, 0, 1, 1)
    in_keywords = find([((), {"rows": {"a": map(abs, [])}})], is_used_up)
    assert in_keywords is not None
    assert in_keywords[0] == (0, 1, "rows", "a")
    in_dataclass = find([Held(map(abs, []))], is_used_up)
    assert in_dataclass is not None
    assert in_dataclass[0] == (0, "what")
    assert find([1, "two", [3.0]], is_used_up) is None


def test_what_holds_itself_is_looked_through_once() -> None:
    ring: list[Any] = [[]]
    ring[0].append(ring)
    assert find(ring, is_used_up) is None
    assert without_equality(ring, [1]) is None


def test_the_innermost_part_that_cannot_be_pickled() -> None:
    found = unpicklable([1, ([threading.Lock()], {}), 2])
    assert found is not None
    place, value, problem = found
    assert place == (1, 0, 0)
    assert kind_of(value) == "a _thread.lock"
    assert problem == "cannot pickle '_thread.lock' object"
    found = unpicklable([((lambda: 1,), {})])
    assert found is not None
    assert (found[0], kind_of(found[1])) == ((0, 0, 0), "a lambda")
    assert unpicklable([1, {"a": [2]}]) is None


def element(text: str = "1") -> ElementTree.Element:
    return ElementTree.fromstring(f"<a>{text}</a>")


LACKING: list[tuple[Any, Any, type]] = [
    (hashlib.sha256(b"1"), hashlib.sha256(b"1"), type(hashlib.sha256())),
    (element(), element(), ElementTree.Element),
    (Plain(), Plain(), Plain),
    (ValueError("1"), ValueError("1"), ValueError),
    ([1, Plain()], [1, Plain()], Plain),
    ((Plain(),), (Plain(),), Plain),
    ({"a": [Plain()]}, {"a": [Plain()]}, Plain),
    ({Plain(): 1}, {Plain(): 1}, Plain),
    ({Plain()}, {Plain()}, Plain),
    (Held(Plain()), Held(Plain()), Plain),
    (Row("a", Plain()), Row("a", Plain()), Plain),
    (np.array([Plain()], object), np.array([Plain()], object), Plain),
    (Held(np.arange(3)), Held(np.arange(3)), type(None)),
    ([float("nan"), Plain()], [float("nan"), Plain()], Plain),
    ([np.arange(3), Plain()], [np.arange(3), Plain()], Plain),
]


@pytest.mark.parametrize(("one", "other", "kind"), LACKING)
def test_objects_without_equality_are_found_in_results(one: Any, other: Any, kind: type) -> None:
    found = without_equality(one, other)
    assert found is (None if kind is type(None) else kind)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (0.1, 0.2),
        ([0.1, Plain()], [0.2, Plain()]),  # the numbers differ before the objects do
        (Colour.RED, Colour.BLUE),
        (abs, max),
        (None, 1),
        (Same(1), Same(2)),
        (Held(1), Held(2)),
        ({"a": 1}, {"b": 1}),
        (np.arange(3), np.arange(3) + 1),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [2]})),
        (pd.Series([1.0]), pd.Series([2.0])),
    ],
)
def test_what_really_differs_is_not_excused(one: Any, other: Any) -> None:
    assert without_equality(one, other) is None


def test_an_object_that_compares_its_attributes_is_looked_into() -> None:
    one, other = Same(), Same()
    one.value, other.value = Plain(), Plain()  # type: ignore[assignment]
    assert without_equality(one, other) is Plain


def test_a_dataclass_may_be_without_equality_too() -> None:
    kind = dataclasses.make_dataclass("Unequal", ["value"], eq=False)
    assert without_equality(kind(1), kind(1)) is kind
