"""What is recommended, and in which words."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from runners.analysis.headline import paired_ratio
from runners.analysis.interval import Interval
from runners.analysis.recommend import Candidate, Recommendation, _ratio, recommend
from runners.analysis.summary import summarise
from runners.results.read import read_runs
from runners.results.write import append
from tests import synthetic


def cell(executor: str, n: int, speedup: float, width: float = 0.02, **columns: Any) -> Any:
    """A row of the summary whose interval has `width` to either side, as a share."""
    identity = {"workload": "primes", "executor": executor, "n": n, "scaling": "strong"}
    facts = {"baseline": "serial", "worker_kind": "thread", "status": "ok", "speedup": speedup}
    bounds = {"speedup_low": speedup * (1 - width), "speedup_high": speedup * (1 + width)}
    return identity | facts | bounds | columns


def recommended(*cells: Any) -> Recommendation:
    [found] = recommend(pd.DataFrame(list(cells)))
    return found


def names(candidates: tuple[Candidate, ...]) -> list[tuple[str, int]]:
    return [(candidate.line, candidate.n) for candidate in candidates]


def test_a_forgotten_join_is_not_recommended() -> None:
    forgetful = cell("process", 3, 2.5, **{"metric.results_missing": 2.0})
    found = recommended(forgetful, cell("pool", 2, 1.8), cell("thread", 2, 0.9))
    assert names(found.leaders) == [("pool", 2)]


def test_a_single_best_is_recommended() -> None:
    found = recommended(cell("pool", 2, 1.8), cell("thread", 2, 0.9), cell("pool", 4, 1.5))
    assert names(found.leaders) == [("pool", 2)]
    assert found.text() == (
        "primes: use pool with n = 2: 1.80× [1.76, 1.84]. "
        "It beats the next, pool n = 4, by 1.20× [1.17, 1.23]."
    )


def test_of_those_that_are_equal_the_cheapest_is_recommended() -> None:
    found = recommended(
        cell("thread_pool", 16, 5.8), cell("thread_pool", 8, 5.7), cell("process", 4, 4.3)
    )
    assert names(found.leaders) == [("thread_pool", 16), ("thread_pool", 8)]
    assert found.text() == (
        "primes: use thread_pool with n = 8: 5.70× [5.59, 5.81]. thread_pool n = 8 cannot be told "
        "apart from the best, thread_pool n = 16; both beat the next, process n = 4, by at least "
        "1.33× [1.29, 1.36]."
    )


def test_executors_that_are_equal_are_listed_once_each() -> None:
    found = recommended(
        *(cell("pool", n, 1.8 - n / 1000) for n in (2, 3, 4)), cell("thread", 2, 1.79)
    )
    assert found.next is None
    assert found.text() == (
        "primes: use pool with n = 2: 1.80× [1.76, 1.83]. "
        "pool n = 3, 4 and thread n = 2 cannot be told apart from it."
    )


def test_what_only_the_best_beats_is_not_said_of_all() -> None:
    found = recommended(cell("a", 2, 2.0), cell("b", 2, 1.85, 0.09), cell("c", 2, 1.8, 0.001))
    assert names(found.leaders) == [("a", 2), ("b", 2)]
    assert found.text().endswith(
        "b n = 2 cannot be told apart from it; only the best clearly beats the next, c n = 2, "
        "by 1.11× [1.09, 1.13]."
    )


def test_a_cheap_one_is_not_recommended_unless_it_surely_gains() -> None:
    found = recommended(cell("pool", 4, 1.2), cell("pool", 2, 1.1, 0.15))
    assert len(found.leaders) == 2
    assert found.choice is not None
    assert found.choice.n == 4


@pytest.mark.parametrize(
    ("best", "baseline", "words"),
    [
        (0.9, "serial", "nothing beats the plain loop; the best, pool n = 2, reaches 0.900× ["),
        (1.01, "serial", "nothing clearly beats the plain loop; the best, pool n = 2, reaches"),
        (0.9, "thread", "nothing beats the thread baseline; the best, pool n = 2, reaches"),
    ],
)
def test_nothing_is_recommended_where_nothing_gains(best: float, baseline: str, words: str) -> None:
    found = recommended(
        cell("pool", 2, best, baseline=baseline), cell("pool", 4, 0.5, baseline=baseline)
    )
    assert found.choice is None
    assert found.text().startswith(f"primes: {words}")


def test_only_measured_cells_of_real_executors_count() -> None:
    cells = [
        cell("serial", 2, 9.0, worker_kind="caller"),
        cell("pool", 4, 9.0, status="failed"),
        cell("pool", 8, 9.0, speedup_low=math.nan, speedup_high=math.nan),
        cell("pool", 2, 1.8),
    ]
    assert recommend(pd.DataFrame(cells)) == []
    assert names(recommended(*cells, cell("pool", 1, 0.9)).leaders) == [("pool", 2)]


def test_workloads_that_differ_have_one_each() -> None:
    cells = [
        cell(executor, 2, 1.8) | {"workload.end": end, "scaling": scaling}
        for executor in ("pool", "thread")
        for end, scaling in ((10, "strong"), (20, "strong"), (20, "weak"))
    ]
    panels = [found.panel for found in recommend(pd.DataFrame(cells))]
    assert panels == ["primes end=10", "primes end=20", "primes, weak scaling"]


def test_the_summary_of_real_rounds_is_enough(tmp_path: Path) -> None:
    for speedup, executor in ((1.8, "pool"), (0.95, "thread")):
        for run in synthetic.runs(executor=executor, speedup=speedup, rounds=30):
            append(tmp_path / executor, run)
    [found] = recommend(summarise(read_runs(tmp_path)))
    assert names(found.leaders) == [("pool", 2)]
    assert found.next is not None
    ratio = _ratio(found.leaders[0], found.next)
    assert ratio.low < 1.8 / 0.95 < ratio.high


def test_the_ratio_of_two_speedups_covers_the_truth_and_is_not_wide_for_safety() -> None:
    random = np.random.default_rng(5)
    held, widths, single = 0, [], []
    for _ in range(300):
        sides = random.lognormal(0, 0.04, (4, 15))
        a, b = (Candidate("", 1, paired_ratio(*sides[pair])) for pair in (slice(2), slice(2, 4)))
        ratio = _ratio(a, b)
        held += ratio.low <= 1 <= ratio.high
        widths.append(ratio.half_width)
        single.append(a.speedup.half_width)
    # 300 tries of 95%: below 91% only once in five hundred.
    assert held >= 0.91 * 300
    assert np.mean(widths) == pytest.approx(math.sqrt(2) * np.mean(single), rel=0.05)


def test_the_bounds_of_a_ratio_are_those_of_zou_and_donner() -> None:
    above = Candidate("", 1, Interval(math.exp(3), math.exp(2), math.exp(6)))
    below = Candidate("", 1, Interval(math.exp(1), math.exp(-3), math.exp(1.5)))
    ratio = _ratio(above, below)
    assert math.log(ratio.estimate) == pytest.approx(2)
    assert math.log(ratio.low) == pytest.approx(2 - math.sqrt(1 + 0.25))
    assert math.log(ratio.high) == pytest.approx(2 + 5)  # 3, 4, 5
