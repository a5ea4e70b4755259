"""How many workers an executor needs, as far as its rounds bear it."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runners.analysis.candidate import Candidate
from runners.analysis.compare import Comparison
from runners.analysis.headline import paired_ratio
from runners.analysis.how_many import HowMany, how_many
from runners.analysis.recommend import recommend
from runners.analysis.summary import summarise
from runners.results.read import read_runs
from runners.results.write import append
from tests import synthetic

COST = re.compile(r"[\d.e-]+ core-seconds a result")
NUMBER = re.compile(r"\d+\.\d+× \[\d+\.\d+, \d+\.\d+\]")


def found(
    folder: Path, speedups: Mapping[int, float], worth: float | None = None, **how: Any
) -> HowMany:
    """What a panel of `pool` with these n shows; the speedups are the true ones."""
    known = {("pool", n): speedup for n, speedup in speedups.items()}
    for run in synthetic.panel(known, **{"noise": 0.004, **how}):
        append(folder / run.cell, replace(run, worth=worth))
    return only(folder)


def only(folder: Path) -> HowMany:
    runs = read_runs(folder)
    [recommendation] = recommend(summarise(runs), runs)
    [workers] = recommendation.workers
    return workers


def quickly(folder: Path, speedups: Mapping[int, float], seeds: range, **how: Any) -> list[HowMany]:
    """The same of a panel for each seed, without the summaries and the recommendations.

    Each is a workload of its own, so that all of them are read at once.
    """
    known = {("pool", n): speedup for n, speedup in speedups.items()}
    for seed in seeds:
        for run in synthetic.panel(known, workload=f"primes{seed}", seed=seed, **how):
            append(folder, run)
    comparison = Comparison(runs := read_runs(folder))
    cells = runs[runs["role"] == "measured"].drop_duplicates("cell")
    candidates: dict[str, list[Candidate]] = {}
    for workload, cell, n in zip(cells["workload"], cells["cell"], cells["n"], strict=True):
        own = comparison.rounds[cell]
        speedup = paired_ratio(own.baseline_s, own.measured_s, own.process)
        found = Candidate(cell, "pool", "pool", n, speedup)
        candidates.setdefault(workload, []).append(found)
    assert len(candidates) == len(seeds)
    return [how_many("pool", of_seed, comparison, 0.03) for of_seed in candidates.values()]


def said(workers: HowMany) -> str:
    """Its text with N in place of each speedup, and C of what a result costs."""
    return COST.sub("C", NUMBER.sub("N", workers.text()))


def test_the_fewest_that_come_near_the_best(tmp_path: Path) -> None:
    workers = found(tmp_path, {1: 0.98, 2: 1.9, 4: 3.4, 8: 6.85, 16: 6.9})
    assert (
        said(workers)
        == "primes, pool: n = 8: N, C; no smaller one reaches 95% of it; n = 16 adds at most 2%"
    )
    assert workers.text().startswith("primes, pool: n = 8: 6.8")
    assert workers.below is not None
    assert (workers.below.n, workers.above) == (4, None)


def test_more_may_take_away(tmp_path: Path) -> None:
    workers = found(tmp_path, {1: 0.98, 2: 1.9, 4: 3.4, 8: 3.0, 16: 2.0})
    assert (
        said(workers)
        == "primes, pool: n = 4: N, C; no smaller one reaches 95% of it; n = 8 and 16 add nothing"
    )
    assert [one and one.n for one in (workers.below, workers.above)] == [2, 8]


def test_the_largest_that_was_measured_may_not_be_enough(tmp_path: Path) -> None:
    workers = found(tmp_path, {2: 1.9, 4: 3.4})
    assert (
        said(workers)
        == "primes, pool: n = 4: N, C; no smaller one reaches 95% of it; no larger n was measured"
    )


def test_what_a_result_costs_is_the_time_of_all_cores(tmp_path: Path) -> None:
    """Of 8 results in a typical run of 0.5 s / 3.4, with four cores."""
    cost = re.search(r"([\d.]+) core-seconds", found(tmp_path, {2: 1.9, 4: 3.4}).text())
    assert cost is not None
    tasks = summarise(read_runs(tmp_path))["tasks"].iloc[0]
    serial_s = summarise(read_runs(tmp_path))["baseline_median_s"].iloc[0]
    assert float(cost[1]) == pytest.approx(4 * serial_s / 3.4 / tasks, rel=0.02)


def test_the_smallest_that_was_measured_is_the_best(tmp_path: Path) -> None:
    workers = found(tmp_path, {1: 0.98, 2: 0.8, 4: 0.6})
    assert said(workers) == "primes, pool: n = 1: N, C; n = 2 and 4 add nothing"
    assert workers.below is None


def test_of_two_that_are_equal_the_smaller_is_enough(tmp_path: Path) -> None:
    workers = found(tmp_path, {2: 1.9, 8: 6.9, 16: 6.9})
    assert (
        said(workers)
        == "primes, pool: n = 8: N, C; no smaller one reaches 95% of it; n = 16 adds at most 1%"
    )


def test_noise_leaves_open_what_comes_near(tmp_path: Path) -> None:
    workers = found(tmp_path, {2: 1.9, 8: 6.0, 16: 6.2}, noise=0.15)
    assert said(workers) == (
        "primes, pool: not decided between n = 8 and 16, by 3%: n = 8: N; n = 16: N; measure "
        "longer (measure=thorough)"
    )
    assert workers.enough is None


def test_whether_a_smaller_one_comes_near_may_be_open(tmp_path: Path) -> None:
    """At the line exactly nothing can be shown of it, whatever the noise."""
    workers = found(tmp_path, {2: 1.9, 4: 6.0 / 1.03, 8: 5.98, 16: 6.0}, noise=0.005)
    assert [one.n for one in workers.unsure] == [4]
    assert said(workers).startswith(
        "primes, pool: n = 8: N, C; n = 4 reaches 95% of it; n = 16 adds "
    )
    assert said(workers).endswith("; not decided whether n = 4 is as good")


def test_what_is_worth_having_is_a_setting(tmp_path: Path) -> None:
    speedups = {2: 1.9, 8: 6.0, 16: 6.4}
    assert said(found(tmp_path / "3", speedups)) == (
        "primes, pool: n = 16: N, C; no smaller one reaches 95% of it; no larger n was measured"
    )
    assert said(found(tmp_path / "10", speedups, worth=0.1)).startswith("primes, pool: n = 8: N")


def test_noise_that_the_rounds_share_does_not_matter(tmp_path: Path) -> None:
    speedups = {1: 0.98, 2: 3.1, 4: 3.4}
    workers = found(tmp_path, speedups, common_noise=0.3)
    assert workers.enough is not None
    assert (workers.enough.n, workers.unsure) == (4, ())
    alone = found(tmp_path / "alone", speedups, noise=0.3)
    assert [one.n for one in alone.unsure] == [2, 4]


def test_nothing_is_decided_by_less_than_the_baseline_differs_from_itself(tmp_path: Path) -> None:
    speedups = {2: 1.9, 8: 6.0, 16: 6.05}
    sure = found(tmp_path / "sure", speedups, itself=1.0, noise=0.002)
    assert (
        said(sure)
        == "primes, pool: n = 8: N, C; no smaller one reaches 95% of it; n = 16 adds at most 2%"
    )
    unsure = found(tmp_path / "unsure", speedups, itself=1.06, noise=0.002)
    assert said(unsure).startswith("primes, pool: not decided between n = 8 and 16")
    assert [one.n for one in unsure.unsure] == [8, 16]


def test_cells_that_were_measured_one_by_one_are_compared_too(tmp_path: Path) -> None:
    for n, speedup in ((2, 1.9), (4, 3.4), (8, 3.0)):
        for run in synthetic.runs(executor="pool", n=n, speedup=speedup):
            append(tmp_path / run.cell, run)
    assert (
        said(only(tmp_path))
        == "primes, pool: n = 4: N, C; no smaller one reaches 95% of it; n = 8 adds nothing"
    )


@pytest.mark.parametrize("speedups", [{8: 5.8, 16: 6.0}, {4: 5.8, 8: 6.0, 16: 5.9}])
def test_how_often_it_is_wrong(tmp_path: Path, speedups: Mapping[int, float]) -> None:
    """One that is short of the best by just more than 3% is taken for enough in at most 5%."""
    wrong = 0
    top = max(speedups.values())
    for workers in quickly(tmp_path, speedups, range(40), noise=0.02, rounds=10):
        wrong += workers.enough is not None and speedups[workers.enough.n] * 1.03 < top
    # At 5% more than six of forty would come up once in two hundred times.
    assert wrong <= 6
