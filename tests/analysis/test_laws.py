"""Which lines of a sweep are fitted, with which n, and what comes of it."""

import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from runners.analysis.laws import Law, fit_laws
from runners.analysis.scaling import predict, usl
from runners.analysis.summary import summarise
from runners.model import Run, Scaling
from runners.results.read import read_runs
from runners.results.write import append
from tests import synthetic

ALPHA, GAMMA = 0.1, 0.9


def laws_of(
    folder: Path, ns: Iterable[int], alpha: float = ALPHA, tasks: int = 64, **settings: Any
) -> list[Law]:
    """The laws of a sweep over n that follows the USL with beta = 0."""
    sweep(folder, ns, alpha, tasks, **settings)
    runs = read_runs(folder)
    return list(fit_laws(summarise(runs), runs))


def sweep(folder: Path, ns: Iterable[int], alpha: float, tasks: int = 64, **settings: Any) -> None:
    """Write the runs of such a sweep."""
    for n in ns:
        speedup = float(usl(n, alpha, 0, GAMMA))
        for run in synthetic.runs(n=n, speedup=speedup, **{"usable_cpus": 64.0} | settings):
            copies = n if run.scaling == "weak" else 1
            append(folder / str(n), replace(run, tasks=tasks * copies))


@pytest.mark.parametrize("scaling", ["strong", "weak"])
def test_the_law_behind_the_rounds_is_found(tmp_path: Path, scaling: Scaling) -> None:
    [law] = laws_of(tmp_path, (1, 2, 4, 8, 16, 32), scaling=scaling)
    assert law.fitted == (1, 2, 4, 8, 16, 32)
    assert law.left_out == ()
    assert law.weak == (scaling == "weak")
    assert law.usl is not None
    assert law.usl.alpha.low < ALPHA < law.usl.alpha.high
    assert law.usl.gamma.estimate == pytest.approx(GAMMA, rel=0.03)
    assert law.usl.beta.low == 0
    assert (law.amdahl is None) == law.weak
    _, low, high = predict(law.usl, 64)
    assert low < float(usl(64, ALPHA, 0, GAMMA)) < high
    assert abs(law.misfit) < 0.05
    assert law.misfit_n in law.fitted


def test_karp_flatts_share_is_the_serial_one_against_one_worker(tmp_path: Path) -> None:
    [law] = laws_of(tmp_path, (1, 2, 4, 8))
    assert [share.n for share in law.serial_fractions] == [2, 4, 8]
    for share in law.serial_fractions:
        assert share.low <= share.estimate <= share.high
        assert share.estimate == pytest.approx(ALPHA, abs=0.06)


def test_gustafsons_share_reproduces_the_scaled_speedup(tmp_path: Path) -> None:
    [law] = laws_of(tmp_path, (1, 2, 4, 8), scaling="weak")
    assert [share.n for share in law.serial_fractions] == [2, 4, 8]
    for share in law.serial_fractions:
        speedup = share.n - share.estimate * (share.n - 1)
        assert speedup == pytest.approx(float(usl(share.n, ALPHA, 0, GAMMA)), rel=0.05)
        assert share.low <= share.estimate <= share.high


@pytest.mark.parametrize("ns", [(1, 2, 4), (2, 4, 8, 16)])
def test_too_few_n_are_not_fitted(tmp_path: Path, ns: tuple[int, ...]) -> None:
    assert laws_of(tmp_path, ns) == []


def test_the_baseline_itself_has_no_law(tmp_path: Path) -> None:
    assert laws_of(tmp_path, (1, 2, 4, 8), executor="serial", worker_kind="caller") == []


def test_n_beyond_the_cpus_are_left_out(tmp_path: Path) -> None:
    [law] = laws_of(tmp_path, (1, 2, 3, 4, 6, 8), usable_cpus=4.0)
    assert (law.fitted, law.left_out) == ((1, 2, 3, 4), (6, 8))
    assert law.usl is not None
    assert law.usl.largest_n == 4
    assert law.room == pytest.approx(4)


def test_n_beyond_the_tasks_are_left_out_but_for_weak_scaling(tmp_path: Path) -> None:
    [strong] = laws_of(tmp_path / "strong", (1, 2, 3, 4, 8), tasks=4)
    assert (strong.fitted, strong.left_out) == ((1, 2, 3, 4), (8,))
    [weak] = laws_of(tmp_path / "weak", (1, 2, 3, 4, 8), tasks=4, scaling="weak")
    assert weak.left_out == ()


def test_too_few_n_within_the_cpus_are_a_reason(tmp_path: Path) -> None:
    [law] = laws_of(tmp_path, (1, 2, 4, 8), usable_cpus=2.0)
    assert law.usl is None
    assert law.left_out == (4, 8)
    assert law.reason.endswith("there are: 1, 2")
    assert math.isnan(law.misfit)


def test_a_cell_that_failed_is_no_point_of_the_law(tmp_path: Path) -> None:
    laws_of(tmp_path, (1, 2, 3, 4))
    [law] = laws_of(tmp_path, (8,), status="failed", error="x")
    assert law.fitted == (1, 2, 3, 4)


def test_every_line_of_every_panel_has_its_own_law(tmp_path: Path) -> None:
    for executor, alpha in (("pool", 0.02), ("thread", 0.4)):
        for workload in ("countdown", "primes"):
            folder = tmp_path / f"{executor}-{workload}"
            sweep(folder, (1, 2, 4, 8), alpha, executor=executor, workload=workload)
    runs = read_runs(tmp_path)
    laws = pd.DataFrame(
        [
            (law.panel, law.line, law.usl.alpha.estimate)
            for law in fit_laws(summarise(runs), runs)
            if law.usl is not None
        ],
        columns=["panel", "line", "alpha"],
    )
    assert laws["panel"].tolist() == ["countdown", "countdown", "primes", "primes"]
    assert laws["line"].tolist() == ["pool", "thread", "pool", "thread"]
    assert laws["alpha"].tolist() == pytest.approx([0.02, 0.4, 0.02, 0.4], abs=0.05)


def without_interval(law_ns: Iterable[int], unsure: Iterable[int], folder: Path) -> list[Law]:
    """The laws of a sweep in which some cells have a single round."""
    for n in law_ns:
        speedup = float(usl(n, ALPHA, 0, GAMMA))
        rounds = 1 if n in unsure else 12
        made = synthetic.runs(n=n, speedup=speedup, usable_cpus=64, rounds=rounds, processes=1)
        for run in made:
            append(folder / str(n), replace(run, tasks=64))
    runs = read_runs(folder)
    return list(fit_laws(summarise(runs), runs))


def test_nothing_is_fitted_to_cells_without_an_interval(tmp_path: Path) -> None:
    [law] = without_interval((1, 2, 4, 8), (4, 8), tmp_path)
    assert (law.usl, law.amdahl, law.fitted, law.unsure) == (None, None, (1, 2), (4, 8))
    assert law.reason == "n = 4, 8 have no intervals; raise measure.time_budget_s"


def test_a_law_is_fitted_to_the_others(tmp_path: Path) -> None:
    [law] = without_interval((1, 2, 4, 8, 16), (8,), tmp_path)
    assert (law.fitted, law.unsure, law.reason) == ((1, 2, 4, 16), (8,), "")
    assert law.usl is not None


def test_rounds_that_were_disturbed_do_not_bend_the_law(tmp_path: Path) -> None:
    """It is fitted to the headline, which a few slow rounds of one n do not move."""

    def disturbed(run: Run) -> Run:
        slow = run.n == 8 and run.role == "measured" and run.round % 6 == 5
        return replace(run, wall_s=(run.wall_s or 0) * 3) if slow else run

    for n in (1, 2, 4, 8, 16, 32):
        speedup = float(usl(n, ALPHA, 0, GAMMA))
        for run in synthetic.runs(n=n, speedup=speedup, usable_cpus=64.0, rounds=12):
            append(tmp_path / str(n), replace(disturbed(run), tasks=640))
    runs = read_runs(tmp_path)
    [law] = fit_laws(summarise(runs), runs)
    assert law.usl is not None
    assert law.usl.alpha.estimate == pytest.approx(ALPHA, abs=0.02)
    assert abs(law.misfit) < 0.05
