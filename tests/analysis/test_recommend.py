"""What is recommended, and in which words."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from runners.analysis.candidate import Candidate
from runners.analysis.recommend import Recommendation, recommend
from runners.analysis.summary import summarise
from runners.results.read import read_runs
from runners.results.write import append
from tests import synthetic

Speedups = Mapping[tuple[str, int], float]


def frames(folder: Path, speedups: Speedups, **how: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    for run in synthetic.panel(speedups, **how):
        append(folder / run.cell, run)
    runs = read_runs(folder)
    return summarise(runs), runs


def recommended(folder: Path, speedups: Speedups, **how: Any) -> Recommendation:
    [found] = recommend(*frames(folder, speedups, **{"noise": 0.004, **how}))
    return found


def names(candidates: tuple[Candidate, ...]) -> list[tuple[str, int]]:
    return [(candidate.line, candidate.n) for candidate in candidates]


def chosen(found: Recommendation) -> tuple[str, int] | None:
    return (found.choice.line, found.choice.n) if found.choice is not None else None


def test_a_single_best_is_recommended(tmp_path: Path) -> None:
    found = recommended(tmp_path, {("pool", 2): 1.8, ("thread", 2): 0.9, ("pool", 4): 1.5})
    assert chosen(found) == ("pool", 2)
    assert found.choice is found.best
    assert names(found.open) == [("pool", 2)]
    text = found.text()
    assert text.startswith("primes: use pool with n = 2: 1.8")
    assert "It beats pool n = 4 by 1.2" in text
    assert "faster" not in text


@pytest.mark.parametrize("seed", range(3))
def test_one_that_is_shown_to_beat_all_others_is_recommended(tmp_path: Path, seed: int) -> None:
    speedups = {("pool", 2): 1.8, ("process", 2): 1.62, ("thread", 2): 0.9, ("pool", 1): 1.0}
    found = recommended(tmp_path, speedups, noise=0.07, seed=seed)
    assert names(found.open) == [("pool", 2)]
    assert chosen(found) == ("pool", 2)


def test_nothing_is_decided_by_less_than_the_baseline_differs_from_itself(tmp_path: Path) -> None:
    speedups = {("pool", 2): 1.8, ("process", 2): 1.74, ("thread", 2): 0.9}
    sure = recommended(tmp_path / "sure", speedups, itself=1.0, noise=0.002)
    assert names(sure.open) == [("pool", 2)]
    unsure = recommended(tmp_path / "unsure", speedups, itself=1.06, noise=0.002)
    assert names(unsure.open) == [("pool", 2), ("process", 2)]


def test_the_simplest_of_those_that_are_shown_to_be_as_good_is_recommended(
    tmp_path: Path,
) -> None:
    speedups = {("thread_pool", 16): 5.8, ("thread_pool", 8): 5.77, ("process", 4): 4.3}
    found = recommended(tmp_path, speedups)
    assert chosen(found) == ("thread_pool", 8)
    assert found.best.n == 16
    assert "The best, thread_pool n = 16, is shown to be at most 3% faster: 1.0" in found.text()
    assert "The best beats process n = 4 by 1.3" in found.text()


@pytest.mark.parametrize(
    ("executors", "simplest"),
    [
        (("asyncio", "thread_pool"), "thread_pool"),
        (("pool", "process_pool"), "process_pool"),
        (("thread_subclass", "thread", "pool"), "thread"),
        (("theirs", "loky"), "loky"),
    ],
)
def test_with_as_many_workers_the_simpler_executor(
    tmp_path: Path, executors: tuple[str, ...], simplest: str
) -> None:
    found = recommended(tmp_path, {(name, 2): 1.8 for name in executors})
    assert chosen(found) == (simplest, 2)


def test_coroutines_have_no_simpler_home_than_their_loop(tmp_path: Path) -> None:
    kinds = {"worker_kinds": {"asyncio": "coroutine"}}
    found = recommended(tmp_path, {("asyncio", 2): 1.8, ("thread_pool", 2): 1.8}, **kinds)
    assert chosen(found) == ("asyncio", 2)


def test_noise_decides_nothing(tmp_path: Path) -> None:
    found = recommended(tmp_path, {("pool", 2): 1.8, ("process", 2): 1.8}, noise=0.1)
    assert found.choice is None
    assert sorted(names(found.open)) == [("pool", 2), ("process", 2)]
    text = found.text()
    assert text.startswith("primes: not decided between p")
    assert "Measure longer" in text


def test_noise_that_the_rounds_share_does_not_matter(tmp_path: Path) -> None:
    speedups = {("pool", 2): 1.8, ("process", 2): 1.75}
    found = recommended(tmp_path, speedups, common_noise=0.3)
    assert found.choice is not None


def test_how_often_it_is_wrong(tmp_path: Path) -> None:
    """Of two equal candidates and a third that is 6% slower, the third is hardly ever chosen."""
    for seed in range(20):  # each a workload of its own, to be read and summarised at once
        speedups = {("pool", 2): 1.8, ("process", 2): 1.8, ("thread_pool", 2): 1.8 / 1.06}
        name = f"primes{seed}"
        for run in synthetic.panel(speedups, noise=0.03, rounds=10, workload=name, seed=seed):
            append(tmp_path / run.cell, run)
    runs = read_runs(tmp_path)
    found = recommend(summarise(runs), runs)
    assert len(found) == 20
    wrong = sum(chosen(one) == ("thread_pool", 2) for one in found)
    # At 5% more than four of twenty would come up once in four hundred times.
    assert wrong <= 4


@pytest.mark.parametrize(
    ("best", "baseline", "words"),
    [
        (0.9, "serial", "nothing beats the plain loop; the best, pool n = 2, reaches 0."),
        (1.0, "serial", "nothing clearly beats the plain loop; the best, p"),
        (0.9, "thread", "nothing beats the thread baseline; the best, pool n = 2, reaches"),
    ],
)
def test_nothing_is_recommended_where_nothing_gains(
    tmp_path: Path, best: float, baseline: str, words: str
) -> None:
    summary, runs = frames(tmp_path, {("pool", 2): best, ("pool", 4): best / 2}, noise=0.02)
    [found] = recommend(summary.assign(baseline=baseline), runs)
    assert found.choice is None
    assert found.text().startswith(f"primes: {words}")


def test_only_measured_cells_of_real_executors_count(tmp_path: Path) -> None:
    speedups = {("serial", 2): 9.0, ("pool", 4): 9.0, ("pool", 8): 9.0, ("thread_subclass", 2): 9.0}
    summary, runs = frames(tmp_path, {**speedups, ("pool", 2): 1.8, ("pool", 1): 0.9}, noise=0.004)
    at = summary.set_index(["executor", "n"]).index
    summary.loc[at.get_loc(("serial", 2)), "worker_kind"] = "caller"
    summary.loc[at.get_loc(("pool", 4)), "status"] = "failed"
    summary.loc[at.get_loc(("pool", 8)), ["speedup_low", "speedup_high"]] = math.nan
    [found] = recommend(summary, runs)
    assert chosen(found) == ("pool", 2)
    summary.loc[at.get_loc(("pool", 1)), "status"] = "failed"
    assert recommend(summary, runs) == []


def test_a_forgotten_join_is_not_recommended(tmp_path: Path) -> None:
    speedups = {("process", 3): 2.5, ("pool", 2): 1.8, ("thread", 2): 0.9}
    summary, runs = frames(tmp_path, speedups, noise=0.004)
    missing = [2.0 if name == "process" else None for name in summary["executor"]]
    summary["metric.results_missing"] = missing
    [found] = recommend(summary, runs)
    assert chosen(found) == ("pool", 2)


def test_workloads_that_differ_have_one_each(tmp_path: Path) -> None:
    for end, scaling in ((10, "strong"), (20, "strong"), (20, "weak")):
        for executor in ("pool", "thread"):
            for run in synthetic.runs(
                executor=executor,
                speedup=1.8,
                scaling=scaling,  # type: ignore[arg-type]
                parameters={"workload.end": end},
            ):
                append(tmp_path / f"{end}{scaling}{executor}", run)
    runs = read_runs(tmp_path)
    panels = [found.panel for found in recommend(summarise(runs), runs)]
    assert panels == ["primes end=10", "primes end=20", "primes, weak scaling"]


def test_each_executor_with_several_n_has_a_line_of_its_own(tmp_path: Path) -> None:
    speedups = {("pool", 2): 1.8, ("pool", 4): 2.9, ("thread", 2): 0.9, ("process", 16): 3.5}
    speedups |= {("process", 2): 1.7, ("process", 4): 3.0}
    use, *lines = recommended(tmp_path, speedups).lines()
    assert use.startswith("primes: use process with n = 16: 3.")
    assert [line.partition(" = ")[0] for line in lines] == [
        "primes, pool: n",
        "primes, process: n",
    ]
