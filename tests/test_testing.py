"""The conformance suites skip what does not concern a plugin, and say why."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from runners.executors.asyncio import Asyncio
from runners.model import Executor
from runners.testing import ExecutorSuite, WorkloadSuite
from tests.conftest import called


@dataclass
class Plain:
    """Two tasks without anything besides."""

    def tasks(self) -> Sequence[int]:
        return [1, 2]

    def __call__(self, task: int) -> Any:
        return task

    def check(self, results: Sequence[Any]) -> None: ...


class Empty(Plain):
    def __call__(self, task: int) -> Any:
        return None


class Taking(Plain):
    def same(self, one: Any, other: Any) -> bool:
        return True


class Uncompared(Plain):
    compared = False
    uncompared_by = "strict=false"


class Silent(Plain):
    def metrics(self, results: Sequence[Any]) -> dict[str, float]:
        return {}


EQUAL = "test_two_runs_give_equal_results"
METRICS = "test_metrics_are_finite_numbers"
FRESH = "test_fresh_tasks_begin_with_its_own_and_are_checked"


def skipped(suite: WorkloadSuite | ExecutorSuite, test: str) -> str:
    with pytest.raises(pytest.skip.Exception) as caught:
        getattr(suite, test)()
    return str(caught.value)


@pytest.mark.parametrize(
    ("workload", "test", "reason"),
    [
        (Empty(), EQUAL, "every task returned None"),
        (Taking(), EQUAL, "takes any two results for the same"),
        (Uncompared(), EQUAL, "its results are not compared: strict=false"),
        (Plain(), METRICS, "it is not Metered"),
        (Silent(), METRICS, "it gave no metrics"),
        (Plain(), FRESH, "it is not Fresh"),
    ],
)
def test_what_a_workload_does_not_have_is_skipped(workload: Plain, test: str, reason: str) -> None:
    suite = WorkloadSuite()
    suite.workload = workload
    assert reason in skipped(suite, test)


def test_results_that_are_meant_to_differ_are_skipped() -> None:
    suite = WorkloadSuite()
    suite.workload, suite.deterministic = Plain(), False
    assert "deterministic = False" in skipped(suite, EQUAL)


def test_equal_results_are_not_skipped() -> None:
    suite = WorkloadSuite()
    suite.workload = Plain()
    called(suite, EQUAL)


class OfThreads(ExecutorSuite):
    def make(self, n: int, **keywords: Any) -> Executor:
        return ThreadPoolExecutor(n, **keywords)


class OfCoroutines(ExecutorSuite):
    def make(self, n: int, **keywords: Any) -> Executor:
        return Asyncio(n, **keywords)


COROUTINES = (
    "test_coroutine_form_runs_in_the_callers_thread_and_overlaps",
    "test_exception_of_a_coroutine_ends_the_others",
)


@pytest.mark.parametrize("test", COROUTINES)
def test_an_executor_of_threads_runs_no_coroutines(test: str) -> None:
    assert "of the kind 'unknown'" in skipped(OfThreads(), test)
    called(OfCoroutines(), test)


def test_nothing_is_known_of_workers_that_no_one_declares() -> None:
    reason = skipped(OfThreads(), "test_workers_are_what_the_class_says")
    assert reason == "worker_kind = 'unknown' promises nothing of where tasks run"
