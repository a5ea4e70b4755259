import dataclasses
import pickle
import random
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from runners.model import InvalidParameter, Workload, WrongResult, locate
from runners.testing import WorkloadSuite
from runners.workloads.addition import SUM_TYPES, Addition
from runners.workloads.countdown import Countdown, count
from runners.workloads.io_sleep import IoSleep
from runners.workloads.primes import PRIME_COUNTS, Primes, _sieve, find_primes
from tests.conftest import ROOT, called


class TestPrimes(WorkloadSuite):
    workload = Primes(start=3, end=1000, chunks=7)


class TestCountdown(WorkloadSuite):
    workload = Countdown(count=1000, repeat=3)


class TestIoSleep(WorkloadSuite):
    workload = IoSleep(repeat=4, low=0.0001, high=0.001, seed=1)


class TestAddition(WorkloadSuite):
    workload = Addition(types=list(SUM_TYPES), size=20, arguments=10, repeat=2)


class ChangingTasks(Countdown):
    def tasks(self) -> Sequence[int]:
        return [random.randrange(10**9)]


class UnpicklableResult(Countdown):
    def __call__(self, task: int) -> Any:
        return lambda: task


class ChangingResult(Countdown):
    def __call__(self, task: int) -> int:
        return random.randrange(10**9)


class CountedOnly(Countdown):
    def check(self, results: Sequence[int]) -> None:
        if len(results) != self.repeat:
            raise WrongResult


class FirstOnly(Countdown):
    def check(self, results: Sequence[int]) -> None:
        if results[0] != 0:
            raise WrongResult


@pytest.mark.parametrize(
    ("kind", "test"),
    [
        (ChangingTasks, "test_tasks_are_a_sequence_and_the_same_each_time"),
        (ChangingTasks, "test_workload_and_tasks_survive_pickling"),
        (ChangingResult, "test_two_runs_give_equal_results"),
        (UnpicklableResult, "test_results_survive_pickling_and_are_right"),
        (ChangingResult, "test_results_survive_pickling_and_are_right"),
        (FirstOnly, "test_missing_result_is_wrong"),
        (CountedOnly, "test_replaced_result_is_wrong_wherever_it_stands"),
    ],
)
def test_suite_finds_the_fault(kind: type[Countdown], test: str) -> None:
    suite = WorkloadSuite()
    suite.workload = kind(count=10, repeat=3)
    with pytest.raises((AssertionError, WrongResult, AttributeError, pickle.PicklingError)):
        called(suite, test)


def run(workload: Workload) -> list[Any]:
    return [workload(task) for task in workload.tasks()]


def is_prime(number: int) -> bool:
    return number > 1 and all(number % k for k in range(2, number))


def test_find_primes_starts_at_three_unless_told() -> None:
    assert find_primes(20) == [3, 5, 7, 11, 13, 17, 19]
    assert find_primes(20, start=-5) == [2, 3, 5, 7, 11, 13, 17, 19]
    assert find_primes(28, start=24) == []


@given(st.integers(-3, 60), st.integers(2, 120), st.data())
def test_ranges_of_primes_join_up_to_the_whole(start: int, end: int, data: st.DataObject) -> None:
    end = max(start, end)
    workload = Primes(start, end, data.draw(st.integers(1, end - start + 1)))
    tasks = workload.tasks()
    assert [k for first, last in tasks for k in range(first, last + 1)] == [*range(start, end + 1)]
    widths = {last - first for first, last in tasks}
    assert max(widths) - min(widths) <= 1
    results = run(workload)
    assert list(chain.from_iterable(results)) == [k for k in range(start, end + 1) if is_prime(k)]
    workload.check(results)


@pytest.mark.parametrize("start", [-1, 2, 3])
@pytest.mark.parametrize("end", [10, 100, 1000])
def test_primes_agree_with_the_published_counts(start: int, end: int) -> None:
    workload = Primes(start, end, 2)
    workload.check(run(workload))


def test_sieve_agrees_with_the_published_counts() -> None:
    assert {end: sum(_sieve(end)) for end in PRIME_COUNTS} == PRIME_COUNTS


def test_primes_are_held_against_the_published_count(monkeypatch: pytest.MonkeyPatch) -> None:
    workload = Primes(3, 1000, 1)
    results = run(workload)
    monkeypatch.setitem(PRIME_COUNTS, 1000, 169)
    with pytest.raises(WrongResult, match="167 primes from 3 to 1000, but there are 168"):
        workload.check(results)


def test_count_ends_at_zero() -> None:
    assert count(1000) == 0


def test_sleeps_follow_from_the_seed() -> None:
    sleeps = IoSleep(repeat=50, low=1.0, high=5.0, seed=1)
    assert all(1 <= s <= 5 for s in sleeps.tasks())
    assert len(set(sleeps.tasks())) == 50
    assert IoSleep(repeat=50, low=1.0, high=5.0, seed=2).tasks() != sleeps.tasks()


def test_sleep_lasts_as_long_as_its_task_says(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    sleeps = IoSleep(repeat=3, low=1.0, high=5.0, seed=1)
    assert run(sleeps) == sleeps.tasks() == slept


@pytest.mark.parametrize("size", [1, 5000])
def test_operands_have_the_size_asked_for(size: int) -> None:
    ints, strings, lists = Addition(["int+int", "str+str", "list+list"], size, 1, 1).tasks()
    assert all(10 ** (size - 1) <= operand < 10**size for operand in ints)
    assert [len(operand) for operand in (*strings, *lists)] == [size] * 4


@pytest.mark.parametrize("pair", SUM_TYPES)
def test_sum_of_the_wrong_type_or_value_is_found(pair: str) -> None:
    workload = Addition([pair], 5, 1, 1)
    (total,) = run(workload)
    for wrong in (total + total, [total], str(total) + "0"):
        with pytest.raises(WrongResult, match=f"task 0, {pair.replace('+', '.')}"):
            workload.check([wrong])


@pytest.mark.parametrize(
    ("make", "name", "problem"),
    [
        (
            lambda: Primes(3, 1, 1),
            "end",
            "there are no primes between 3 and 1; choose an end of at least 3",
        ),
        (lambda: Primes(-9, 1, 1), "end", "choose an end of at least 2"),
        (lambda: Primes(3, 5, 4), "chunks", "3 numbers cannot be cut into 4 ranges"),
        (lambda: Primes(3, 5, 0), "chunks", "choose from 1 to 3"),
        (lambda: Countdown(0, 1), "count", "must be at least 1, not 0"),
        (lambda: Countdown(1, 0), "repeat", "must be at least 1, not 0"),
        (lambda: IoSleep(0, 0.0, 1.0, 1), "repeat", "must be at least 1, not 0"),
        (lambda: IoSleep(1, -0.1, 1.0, 1), "low", "must be at least 0 seconds, not -0.1"),
        (lambda: IoSleep(1, 0.2, 0.1, 1), "high", "at least low, 0.2 seconds, not 0.1"),
        (lambda: IoSleep(1, 0.2, float("inf"), 1), "high", "must be finite"),
        (
            lambda: Addition(["str+str", "int+str"], 1, 1, 1),
            "types",
            "int+str cannot be added; choose from int+int, int+float, float+int, float+float, "
            "str+str, list+list",
        ),
        (lambda: Addition("int+int", 1, 1, 1), "types", "must be a list such as"),
        (lambda: Addition([], 1, 1, 1), "types", "must be a list such as"),
        (lambda: Addition(["int+int"], 0, 1, 1), "size", "must be at least 1, not 0"),
        (lambda: Addition(["int+int"], 1, 0, 1), "arguments", "must be at least 1, not 0"),
        (lambda: Addition(["int+int"], 1, 1, 0), "repeat", "must be at least 1, not 0"),
    ],
)
def test_value_that_cannot_work_is_refused(
    make: Callable[[], object], name: str, problem: str
) -> None:
    with pytest.raises(InvalidParameter) as refused:
        make()
    assert refused.value.name == name
    assert problem in refused.value.problem


FILES = sorted((ROOT / "conf/workload").glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_yaml_holds_exactly_the_parameters_and_they_are_right(file: Path) -> None:
    assert file.read_text().startswith("# ")
    parameters: Any = OmegaConf.to_container(OmegaConf.load(file))
    target = parameters.pop("_target_")
    assert target.startswith(f"runners.workloads.{file.stem}.")
    kind = locate(target)
    assert set(parameters) == {field.name for field in dataclasses.fields(kind) if field.init}
    if file.stem == "callable":  # what to call has no default
        parameters |= {"function": "math:sqrt", "arguments": [1, 4]}
    workload = kind(**parameters)
    with workload if isinstance(workload, AbstractContextManager) else nullcontext():
        assert workload.tasks()


def test_every_workload_has_its_file() -> None:
    """But for what workloads share or need, and a program that one starts."""
    stems = {file.stem for file in (ROOT / "runners/workloads").glob("*.py")}
    helpers = {"meeting", "http_server", "user_code", "cautions"}
    helpers |= {"calls", "agreeing", "pickled"}  # of workload=callable
    assert stems == {file.stem for file in FILES} | helpers
