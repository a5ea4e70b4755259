"""How many workers an executor needs, as far as its rounds bear it."""

import re
from collections.abc import Mapping
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

NUMBER = re.compile(r"\d+\.\d+× \[\d+\.\d+, \d+\.\d+\]")


def found(folder: Path, speedups: Mapping[int, float], **how: Any) -> HowMany:
    """What a panel of `pool` with these n shows; the speedups are the true ones."""
    known = {("pool", n): speedup for n, speedup in speedups.items()}
    for run in synthetic.panel(known, **{"noise": 0.004, **how}):
        append(folder / run.cell, run)
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
    return [how_many("pool", of_seed, comparison) for of_seed in candidates.values()]


def said(workers: HowMany) -> str:
    """Its text with N in place of each speedup."""
    return NUMBER.sub("N", workers.text())


def test_the_best_n_and_the_smallest_that_comes_near_it(tmp_path: Path) -> None:
    workers = found(tmp_path, {1: 0.98, 2: 1.9, 4: 3.4, 8: 6.7, 16: 6.9})
    assert said(workers) == "primes, pool: best n = 16: N; n = 8 reaches 95% of it"
    assert workers.text().startswith("primes, pool: best n = 16: 6.9")


def test_no_smaller_one_comes_near_it(tmp_path: Path) -> None:
    workers = found(tmp_path, {1: 0.98, 2: 1.9, 4: 3.4, 8: 3.0})
    assert said(workers) == "primes, pool: best n = 4: N; no smaller one reaches 95% of it"


def test_the_largest_that_was_measured_may_not_be_the_best(tmp_path: Path) -> None:
    assert said(found(tmp_path, {2: 1.9, 4: 3.4})) == (
        "primes, pool: best n = 4: N; no smaller one reaches 95% of it; no larger n was measured"
    )


def test_the_smallest_that_was_measured_is_the_best(tmp_path: Path) -> None:
    assert said(found(tmp_path, {1: 0.98, 2: 0.8, 4: 0.6})) == "primes, pool: best n = 1: N"


def test_two_that_cannot_be_told_apart_are_not_decided_between(tmp_path: Path) -> None:
    workers = found(tmp_path, {2: 1.9, 8: 6.9, 16: 6.9})
    assert [one.n for one in (workers.best, *workers.rivals)] in ([8, 16], [16, 8])
    assert said(workers) == (
        "primes, pool: not decided between n = 8 and 16: N and N; n = 8 reaches 95% of the best of "
        "these"
    )


def test_noise_leaves_open_what_comes_near(tmp_path: Path) -> None:
    workers = found(tmp_path, {2: 1.9, 8: 6.0, 16: 6.2}, noise=0.15)
    assert said(workers) == (
        "primes, pool: not decided between n = 8 and 16: N and N; no n is shown to reach 95% "
        "of the others"
    )
    assert workers.enough is None


def test_whether_a_smaller_one_comes_near_may_be_open(tmp_path: Path) -> None:
    """At 95% exactly nothing can be shown of it, whatever the noise."""
    workers = found(tmp_path, {2: 1.9, 4: 5.7, 16: 6.0}, noise=0.01)
    assert [one.n for one in workers.unsure] == [4]
    assert said(workers) == (
        "primes, pool: best n = 16: N; not decided whether n = 4 reaches 95% of it; no larger n "
        "was measured"
    )
    workers = found(tmp_path / "more", {2: 1.9, 4: 5.7, 8: 5.95, 16: 6.0}, noise=0.005)
    assert said(workers).endswith("; n = 8 reaches 95% of it; not decided whether n = 4 does")


def test_noise_that_the_rounds_share_does_not_matter(tmp_path: Path) -> None:
    speedups = {1: 0.98, 2: 3.1, 4: 3.4}
    workers = found(tmp_path, speedups, common_noise=0.3)
    assert (workers.best.n, workers.rivals) == (4, ())
    alone = found(tmp_path / "alone", speedups, noise=0.3)
    assert [one.n for one in (alone.best, *alone.rivals)] in ([4, 2], [2, 4])


def test_nothing_is_decided_by_less_than_the_baseline_differs_from_itself(tmp_path: Path) -> None:
    speedups = {2: 1.9, 8: 6.0, 16: 6.2}
    sure = found(tmp_path / "sure", speedups, itself=1.0, noise=0.002)
    assert said(sure) == "primes, pool: best n = 16: N; n = 8 reaches 95% of it"
    unsure = found(tmp_path / "unsure", speedups, itself=1.06, noise=0.002)
    assert said(unsure).startswith("primes, pool: not decided between n = 8 and 16")
    assert [one.n for one in unsure.unsure] == [8]


def test_cells_that_were_measured_one_by_one_are_compared_too(tmp_path: Path) -> None:
    for n, speedup in ((2, 1.9), (4, 3.4), (8, 3.0)):
        for run in synthetic.runs(executor="pool", n=n, speedup=speedup):
            append(tmp_path / run.cell, run)
    assert said(only(tmp_path)) == "primes, pool: best n = 4: N; no smaller one reaches 95% of it"


@pytest.mark.parametrize("speedups", [{8: 6.0, 16: 6.0}, {4: 5.7, 8: 6.0, 16: 5.9}])
def test_how_often_it_is_wrong(tmp_path: Path, speedups: Mapping[int, float]) -> None:
    """Equal ones are told apart, or one at 95% is taken for near or far, in at most 5%."""
    wrong = 0
    top = max(speedups.values())
    for workers in quickly(tmp_path, speedups, range(40), noise=0.02, rounds=10):
        true_best = not workers.rivals and speedups[workers.best.n] < top
        equal = not workers.rivals and list(speedups.values()).count(top) > 1
        near = workers.enough is not None and speedups[workers.enough.n] < 0.95 * top - 1e-9
        wrong += true_best or equal or near
    # At 5% more than six of forty would come up once in two hundred times.
    assert wrong <= 6
