"""Which cells of two results belong together."""

from collections.abc import Mapping

import pandas as pd
import pytest

from runners.analysis.matching import Matched, apart, match
from tests import synthetic


def cells(*rows: Mapping[str, object]) -> pd.DataFrame:
    return synthetic.summary(*rows)


def test_cells_are_joined_by_what_defines_them_in_any_order() -> None:
    before = cells({"n": 1}, {"n": 2}, {"n": 2, "executor": "thread"})
    after = cells({"n": 2, "executor": "thread"}, {"n": 4}, {"n": 1})
    assert match(before, after) == Matched(((0, 2), (2, 0)), (1,), (1,))


@pytest.mark.parametrize("value", [3000, 3000.0, "3000"])
def test_a_parameter_is_the_same_whatever_its_columns_type(value: object) -> None:
    before = cells({"workload.count": 3000}, {"workload.count": 300})
    found = match(before, cells({"workload.count": value}))
    assert (found.pairs, found.only_before) == (((0, 0),), (1,))


def test_a_parameter_that_differs_makes_other_cells_unless_it_is_compared_across() -> None:
    before = cells({"workload.function": "a.py:f"})
    after = cells({"workload.function": "b.py:f"})
    assert not match(before, after).pairs
    assert apart(before, after) == ["workload.function: a.py:f, and b.py:f"]
    assert match(before, after, ["workload.function"]).pairs == ((0, 0),)


def test_a_parameter_that_an_older_version_did_not_have_does_not_tell_them_apart() -> None:
    before = cells({"workload.count": 3})
    assert match(before, cells({"workload.count": 3, "workload.repeat": 1})).pairs == ((0, 0),)
    two = cells(*({"workload.count": 3, "workload.repeat": k} for k in (1, 2)))
    assert not match(before, two).pairs


def test_null_is_a_value_where_both_know_the_parameter() -> None:
    before = cells({"executor.max": None}, {"executor.max": 2})
    found = match(before, cells({"executor.max": 2}))
    assert found.pairs == ((1, 0),)


def test_another_interpreter_is_no_other_cell_if_each_has_one() -> None:
    assert match(cells({"python": "3.13.1"}), cells({"python": "3.15.0"})).pairs == ((0, 0),)
    assert match(cells({}), cells({"python": "3.15.0"})).pairs == ((0, 0),)


def test_of_several_interpreters_those_of_a_version_belong_together() -> None:
    before = cells(*({"python": python} for python in ("3.13.1", "3.14.0", "3.14.0t")))
    after = cells(*({"python": python} for python in ("3.14.2t", "3.13.1", "3.15.0")))
    assert match(before, after) == Matched(((0, 1), (2, 0)), (1,), (2,))


def test_a_start_method_follows_the_interpreter() -> None:
    before = cells({"python": "3.13.1", "executor.start_method": "fork"})
    other = {"executor.start_method": "forkserver"}
    assert match(before, cells({"python": "3.14.1", **other})).pairs == ((0, 0),)
    assert not match(before, cells({"python": "3.13.1", **other})).pairs


def test_what_was_measured_twice_is_joined_in_turn() -> None:
    found = match(cells({}, {}), cells({}, {}, {}))
    assert found == Matched(((0, 0), (1, 1)), (), (2,))


def test_of_cells_on_several_kinds_of_node_those_of_a_kind_belong_together() -> None:
    before = cells(*({"node_kind": kind} for kind in ("zen", "xeon", "old")))
    after = cells(*({"node_kind": kind} for kind in ("xeon", "new", "zen")))
    assert match(before, after).pairs == ((0, 2), (1, 0), (2, 1))
    assert match(cells({"node_kind": "zen"}), cells({"node_kind": "xeon"})).pairs == ((0, 0),)
