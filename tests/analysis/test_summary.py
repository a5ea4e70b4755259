"""The summary frame and its flags."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from runners.analysis import columns
from runners.analysis.estimators import FACTORS
from runners.analysis.headline import paired_ratio
from runners.analysis.rounds import LEVELS, typical_round
from runners.analysis.summary import summarise
from runners.model import Flag, Run, Scaling, Workers
from runners.results.read import read_runs
from runners.results.write import append
from runners.words.causes import TITLES
from runners.words.flags import told
from tests import synthetic

STATISTICS = [column.name for column in columns.STATISTICS]
MACHINE = [column.name for column in columns.MACHINE]


def summary_of(folder: Path, *cells: Sequence[Run]) -> pd.DataFrame:
    for number, runs in enumerate(cells):
        for run in runs:
            append(folder / str(number), run)
    return summarise(read_runs(folder))


def edited(runs: Sequence[Run], edit: Callable[[Run], dict[str, Any]]) -> list[Run]:
    return [replace(run, **edit(run)) for run in runs]


def test_a_cell_becomes_a_row_with_its_statistics(tmp_path: Path) -> None:
    runs = synthetic.runs(n=2, speedup=1.8, rounds=12)
    cell = summary_of(tmp_path, runs).iloc[0]
    kept = [run for run in runs if not run.warmup]
    walls = [[r.wall_s or 0 for r in kept if r.role == side] for side in ("baseline", "measured")]
    processes = [r.process for r in kept if r.role == "measured"]
    headline = paired_ratio(walls[0], walls[1], processes)
    found = cell[["speedup", "speedup_low", "speedup_high"]].tolist()
    assert found == [headline.estimate, headline.low, headline.high]
    assert cell["efficiency_low"] == headline.low / 2
    assert cell["half_width"] == pytest.approx(headline.half_width)
    assert cell["mean_ratio"] == pytest.approx(np.mean(walls[0]) / np.mean(walls[1]))
    assert cell["hl_low"] < cell["hl_ratio"] < cell["hl_high"]
    assert cell["measured_p95_s"] == pytest.approx(np.percentile(walls[1], 95))
    assert cell["baseline_max_s"] == max(walls[0])
    assert (cell["rounds"], cell["processes"], cell["workers"]) == (12, 2, 2)
    assert (cell["status"], cell["ended_by"], cell["flags"]) == ("ok", "precision", ())
    assert cell["gil"]
    cold = [
        np.median([r.wall_s or 0 for r in runs if r.cold and r.role == side])
        for side in ("baseline", "measured")
    ]
    assert cell["cold_speedup"] == pytest.approx(cold[0] / cold[1])


def test_columns_keep_their_order(tmp_path: Path) -> None:
    runs = edited(
        synthetic.runs(parameters={"workload.end": 9, "executor.start": "fork"}),
        lambda run: {"metrics": {"lost": 2.0}},
    )
    columns = summary_of(tmp_path, runs).columns.tolist()
    assert columns[:9] == [
        *("cell", "workload", "executor", "baseline", "n", "scaling"),
        *("workload.end", "executor.start", "usable_cpus"),
    ]
    assert columns[9:28] == [
        "worker_kind",
        "fresh",
        "python",
        "python_order",
        "python_build",
        "code_version",
        "placement",
        "physical_cores",
        "worker_cores",
        "worth",
        "status",
        "error",
        "ended_by",
        "steady",
        "processes",
        "rounds",
        "compared",
        "checked",
        "differs",
    ]
    assert columns[28 : 28 + len(STATISTICS)] == STATISTICS
    assert columns[28 + len(STATISTICS) :] == [
        *("waiting", "setup_s", "teardown_s", "tasks", "task_copies", "workers"),
        *("largest_task_share", "task_slowdown", "first_slowdown", "dealt", "fetched"),
        *("sorted", "sent_bytes", "returned_bytes", "transport_s", "timer_s"),
        *("away_tasks", "away_workers"),
        *("counted_share", "warmup_share", "ceiling_share", "starting_share", "judging_share"),
        *("steal_share", "others_share", "throttled_s", "max_rss_bytes"),
        *("memory_bytes", "baseline_memory_bytes", "worker_memory_bytes", "copied_memory_bytes"),
        *("group_memory_bytes", "baseline_group_memory_bytes"),
        *("task_cpu_s", "baseline_task_cpu_s", "library_threads"),
        *("libraries", "gil", "gil_enabled_by", "away_machines", "chosen_workers", "worker_cpus"),
        *("node_kind", "host", "job", "job_cpus", "job_nodes", "exclusive", "nodes", "fewer_cpus"),
        *(f"core_hours{end}" for end in ("", "_low", "_high")),
        *(f"baseline_core_hours{end}" for end in ("", "_low", "_high")),
        *("measuring_s", "measuring_core_hours"),
        *MACHINE,
        *(f"metric.lost{end}" for end in ("", "_low", "_high", "_max")),
        *("flags", "folder", "result"),
    ]


def test_no_statistic_of_a_good_cell_is_missing(tmp_path: Path) -> None:
    cells = summary_of(tmp_path, synthetic.runs(n=1), synthetic.runs(n=2))
    elsewhere = [name for name in STATISTICS if name.startswith(("itself", "serial_ratio"))]
    assert cells[STATISTICS].drop(columns=[*elsewhere, "held_share"]).notna().all(axis=None)
    assert cells[[*elsewhere, "held_share"]].isna().all(axis=None)


def test_the_baseline_that_runs_twice_shows_how_far_to_believe_the_others(tmp_path: Path) -> None:
    speedups = {("pool", 2): 1.8, ("thread", 2): 0.9, ("process", 2): 1.7}
    for itself in (1.0, 0.97):
        folder = tmp_path / str(itself)
        runs = synthetic.panel(speedups, itself=itself, noise=0.01, common_noise=0.1)
        cells = summary_of(folder, runs)
        assert (cells["itself_low"] < 1 / itself).all()
        assert (cells["itself_high"] > 1 / itself).all()
        assert ((cells["itself_high"] - cells["itself_low"]) < 0.03).all()


def test_the_effect_of_going_first_is_a_number(tmp_path: Path) -> None:
    def first_is_slow(run: Run) -> dict[str, Any]:
        slow = run.position == 0 and run.role == "measured"
        return {"wall_s": (run.wall_s or 0) * (1.2 if slow else 1)}

    runs = edited(synthetic.runs(rounds=20, noise=0.005), first_is_slow)
    cell = summary_of(tmp_path, runs).iloc[0]
    assert cell["earlier"] == pytest.approx(1 / 1.2, rel=0.02)
    assert cell["earlier_low"] < 1 / 1.2 < cell["earlier_high"]


def test_one_worker_in_the_same_rounds_is_a_second_base_without_their_noise(tmp_path: Path) -> None:
    runs = synthetic.panel({("pool", 1): 0.9, ("pool", 4): 2.7}, noise=0.01, common_noise=0.3)
    four = summary_of(tmp_path, runs).iloc[1]
    assert four["speedup_n1_low"] < 3 < four["speedup_n1_high"]
    assert four["speedup_n1_high"] - four["speedup_n1_low"] < 0.1


def test_the_same_executor_with_one_worker_is_a_second_base(tmp_path: Path) -> None:
    cells = summary_of(
        tmp_path,
        synthetic.runs(n=4, speedup=3.0, seed=1),
        synthetic.runs(n=1, speedup=0.8),
        synthetic.runs(n=4, speedup=3.0, executor="pool"),
        synthetic.runs(n=1, speedup=1.0, scaling="weak"),
        synthetic.runs(n=4, speedup=3.0, scaling="weak"),
    )
    four = cells.iloc[0]
    assert four["speedup_n1"] == pytest.approx(four["speedup"] / cells["speedup"].iloc[1])
    assert four["speedup_n1_low"] < four["speedup_n1"] < four["speedup_n1_high"]
    # Independent noise of both cells: a little over that of one cell's own headline, not zero.
    assert four["speedup_n1_high"] - four["speedup_n1_low"] > 0.01 * four["speedup_n1"]
    assert cells["speedup_n1"].iloc[1] == 1
    assert cells["speedup_n1"].iloc[2:].isna().all()


def test_the_second_base_is_free_of_drift_between_the_cells(tmp_path: Path) -> None:
    """The machine is half as fast while n = 4 is measured: both sides of the cell see it."""
    slow = edited(synthetic.runs(n=4, speedup=3.0), lambda run: {"wall_s": 2 * (run.wall_s or 0)})
    four = summary_of(tmp_path, synthetic.runs(n=1, speedup=1.0), slow).iloc[1]
    assert four["speedup_n1_low"] < 3.0 < four["speedup_n1_high"]


def test_cells_with_one_worker_have_noise_of_their_own(tmp_path: Path) -> None:
    def wave(run: Run) -> float:
        return (run.round * 5 % 13) / 100 if run.role == "measured" else 0.07

    same = [edited(synthetic.runs(n=n), lambda run: {"wall_s": 1 + wave(run)}) for n in (1, 4)]
    four = summary_of(tmp_path, *same).iloc[1]
    assert four["speedup_n1"] == 1
    assert four["speedup_n1_low"] < 0.99 < 1.01 < four["speedup_n1_high"]


def test_a_repeated_measurement_is_compared_with_its_own_repetition(tmp_path: Path) -> None:
    first = [synthetic.runs(n=n, speedup=speedup) for n, speedup in ((1, 1.0), (4, 3.0))]
    again = [edited(runs, lambda run: {"wall_s": (run.wall_s or 0) * 2}) for runs in first]
    cells = summary_of(tmp_path, *first, *again)
    assert cells["speedup_n1"].iloc[3] == pytest.approx(cells["speedup_n1"].iloc[1])
    assert cells["measured_median_s"].iloc[3] == 2 * cells["measured_median_s"].iloc[1]


@pytest.mark.parametrize("label", ["cold", "warmup"])
def test_cold_and_warm_up_rounds_do_not_count(tmp_path: Path, label: str) -> None:
    runs = edited(synthetic.runs(), lambda r: {"cold": False, "warmup": False})
    runs = edited(runs, lambda r: {label: r.round < 3})
    assert summary_of(tmp_path, runs)["rounds"].iloc[0] == 14 - 3


def test_weak_scaling_is_scaled(tmp_path: Path) -> None:
    cell = summary_of(tmp_path, synthetic.runs(n=4, speedup=3.0, scaling="weak")).iloc[0]
    assert cell["speedup"] == pytest.approx(3, rel=0.05)
    assert cell["efficiency"] == pytest.approx(cell["speedup"] / 4)
    assert cell["mean_ratio"] == pytest.approx(3, rel=0.05)
    assert cell["hl_ratio"] == pytest.approx(3, rel=0.05)
    assert cell["cold_speedup"] == pytest.approx(3, rel=0.1)
    assert cell["L6_s"] == pytest.approx(4 * cell["baseline_median_s"])
    losses = cell[[f"loss_{factor}" for factor in FACTORS]].sum()
    assert losses == pytest.approx(1 - cell["efficiency"], abs=0.03)


def test_failures_are_rows_with_their_worst_status_and_its_error(tmp_path: Path) -> None:
    cut = synthetic.runs(status="timeout", error="longer than 60 s")
    never = synthetic.runs(executor="broken", rounds=1, processes=1)[-1:]
    never = edited(
        never, lambda _: {"status": "unsupported", "error": "needs 3.14", "steady": None}
    )
    cells = summary_of(tmp_path, cut, never)
    assert cells["status"].tolist() == ["timeout", "unsupported"]
    assert cells["error"].tolist() == ["longer than 60 s", "needs 3.14"]
    assert cells["ended_by"].iloc[0] == "failure"
    assert cells["rounds"].tolist() == [11, 0]
    assert math.isnan(cells["speedup"].iloc[1])
    assert cells["flags"].iloc[1] == ()


def test_a_folder_of_failures_is_summarised_too(tmp_path: Path) -> None:
    (*_, last) = synthetic.runs(status="crashed", error="killed")
    cells = summary_of(tmp_path, [replace(last, metrics={"lost": math.nan})])
    assert cells[["status", "rounds", "processes", "flags"]].iloc[0].tolist() == [
        *("crashed", 0, 0, ())
    ]
    assert cells[["speedup", "cold_speedup", "steal_share", "gil"]].isna().all(axis=None)


def test_waiting_tasks_are_recognised(tmp_path: Path) -> None:
    runs = edited(
        synthetic.runs(speedup=1.6),
        lambda run: {"levels": (*run.levels[:4], 0.002, 0.001)},
    )
    cell = summary_of(tmp_path, runs).iloc[0]
    assert cell["waiting"]
    assert cell["blocking"] == pytest.approx(0.2 / cell["L3_s"], rel=0.05)
    assert cell["loss_contention"] == pytest.approx(0.001 / cell["L0_s"], rel=0.05)
    assert abs(cell["loss_computation"]) < 1e-6


def with_share(run: Run, share: float) -> dict[str, Any]:
    """A run whose tasks are on a CPU for that share of their time."""
    return {"levels": (*run.levels[:4], *(share * run.levels[3],) * 2)}


def test_whether_tasks_wait_is_decided_once_for_all_cells_of_a_workload(tmp_path: Path) -> None:
    known = {
        (0.04, 0.06, 0.07): True,  # one is below the limit, and none is clearly above
        (0.06, 0.07, 0.08): False,
        (0.04, 0.3, 0.3): False,
        (0.01, 0.02, 0.3): True,
    }
    cells = summary_of(
        tmp_path,
        *(
            edited(synthetic.runs(workload=str(shares), n=n), partial(with_share, share=share))
            for shares in known
            for n, share in zip((1, 2, 4), shares, strict=True)
        ),
        synthetic.runs(workload="other"),
    )
    found = cells.groupby("workload")["waiting"].agg(list).to_dict()
    assert found == {str(one): [waits] * 3 for one, waits in known.items()} | {"other": [False]}


def test_tasks_with_threads_of_their_own_leave_less_to_be_attained(tmp_path: Path) -> None:
    runs = edited(
        synthetic.runs(n=4, usable_cpus=4.0),
        lambda run: {
            "process_cpu_s": 1.8 * (run.levels or (0.2,))[0],
            "caller_cpu_s": (run.levels or (0.2,))[0],
            "library_threads": 1,
        },
    )
    cell = summary_of(tmp_path, runs).iloc[0]
    assert cell["native_share"] == pytest.approx(0.8)
    assert cell["bound"] == pytest.approx(4 / 1.8)
    assert "threads x workers > CPUs (2 x 4 > 4)" in map(told, cell["flags"])


def test_one_thread_is_all_that_coroutines_have(tmp_path: Path) -> None:
    """Of coroutines that compute, four attain what one does, and lose nothing by it."""
    runs = edited(
        synthetic.runs(n=4, worker_kind="coroutine", speedup=1.0, noise=0),
        lambda run: {"levels": (run.wall_s,) * 6},
    )
    cell = summary_of(tmp_path, runs).iloc[0]
    assert (cell["bound"], cell["efficiency"]) == pytest.approx((1, 1))
    assert cell[[f"loss_{factor}" for factor in TITLES]].abs().max() < 1e-6
    assert "computing_coroutines" in {flag.code for flag in cell["flags"]}


def test_runs_without_a_ladder_still_have_a_speedup(tmp_path: Path) -> None:
    cell = summary_of(tmp_path, edited(synthetic.runs(), lambda _: {"levels": ()})).iloc[0]
    assert cell["speedup"] > 1
    assert cell[["L0_s", "startup", "loss_startup"]].isna().all()
    assert not cell["waiting"]


def with_values(_: Run, **values: Any) -> dict[str, Any]:
    return values


def beside_others(run: Run, cpus: int | None) -> dict[str, Any]:
    """A run during which two CPUs were stolen and four were others'."""
    wall_s = run.wall_s or 0
    return {"cpus": cpus, "steal_s": 2 * wall_s, "others_cpu_s": 4 * wall_s}


def spiked(run: Run) -> dict[str, Any]:
    return {"wall_s": 3.0} if run.role == "measured" and run.round in (3, 5) else {}


def slower_later(run: Run) -> dict[str, Any]:
    return {"wall_s": (run.wall_s or 0) * (1 + 0.1 * run.round)}


def slower_in_one_process(run: Run) -> dict[str, Any]:
    slow = run.role == "measured" and run.process == 1
    return {"wall_s": (run.wall_s or 0) * (1.5 if slow else 1)}


FLAGS: list[tuple[Callable[[Run], dict[str, Any]], str]] = [
    (spiked, "outliers in measured (2)"),
    (slower_later, "trend over rounds"),
    (slower_in_one_process, "processes disagree"),
    (lambda run: {"steal_s": (run.wall_s or 0) * 2 * 0.023}, "steal 2.3%"),
    (lambda _: {"throttled_s": 0.005}, "throttled 0.12 s"),
    (lambda _: {"n": 4}, "more workers than usable CPUs (4 > 2)"),
    (
        lambda _: {"metrics": {"blas_threads": 2.0}},
        "threads x workers > CPUs (BLAS, 2 x 2 > 2)",
    ),
    (
        lambda _: {
            "metrics": {"omp_threads": 3.0, "threads": 9.0},
            "parameters": {"workload.omp_threads": "as many"},
        },
        "threads x workers > CPUs (OMP, 3 x 2 > 2)",
    ),
    (lambda run: {"wall_s": (run.wall_s or 0) / 1000}, "runs shorter than 1 ms"),
    (lambda run: {"steady": run.process == 0}, "no steady state"),
    (
        lambda run: {
            **{"tasks": 24, "away_tasks": 16, "away_workers": 8, "away_machines": "b, c"},
            **({"levels": ()} if run.role == "measured" and run.round % 2 else {}),
        },
        "no ladder: left out 16 of 24 tasks, of eight workers on b, c, by another machine's clock",
    ),
    (
        lambda run: {"equal_draws": 2 if run.role == "measured" and not run.cold else 0},
        "tasks returned equal draws in 12 runs",
    ),
    (
        lambda run: {"notes": None if run.role == "baseline" else '{"later": "", "by_name": "f"}'},
        "f works here by its name",
    ),
    (
        lambda run: {"gil_enabled_by": None if run.round < 6 else "numpy, yaml"},
        "the GIL was switched on by numpy, yaml",
    ),
    (
        lambda run: {"gil_enabled_by": "?"},
        "the GIL was switched on by a module that is not known",
    ),
]


@pytest.fixture(scope="module")
def flagged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What is told of a workload without a fault, and of one for each of FLAGS, by its text."""
    edits = {"clean": lambda _: {}, **{flag: edit for edit, flag in FLAGS}}
    cells = (edited(synthetic.runs(workload=name), edit) for name, edit in edits.items())
    summary = summary_of(tmp_path_factory.mktemp("flagged"), *cells)
    found = zip(summary["workload"], summary["flags"], strict=True)
    return {workload: list(map(told, flags)) for workload, flags in found}


@pytest.mark.parametrize("flag", [flag for _, flag in FLAGS])
def test_flags(flagged: dict[str, list[str]], flag: str) -> None:
    assert flagged["clean"] == []
    assert flag in flagged[flag]


def test_there_is_no_ladder_of_some_of_the_rounds(tmp_path: Path) -> None:
    """Those in which no task ran by another clock would be a choice, and no sample."""
    without: dict[str, Any] = {"away_tasks": 1, "away_workers": 1, "levels": ()}
    runs = edited(
        synthetic.runs(), lambda run: without if run.role == "measured" and run.round == 8 else {}
    )
    [cell] = summary_of(tmp_path, runs).to_dict("records")
    known = [name for name in (*LEVELS, *FACTORS) if not math.isnan(cell[name])]
    assert known == []
    assert cell["speedup"] > 1


def detail_of(flags: Sequence[Flag], code: str) -> str | None:
    """What the flag of that code says; None where there is none."""
    return next((flag.detail for flag in flags if flag.code == code), None)


def test_workers_that_can_run_at_a_time_are_held_against_the_cpus(tmp_path: Path) -> None:
    known = {
        (2, 8, 8): None,  # a pool that replaces its workers has shown eight
        (4, 3, 8): "4 > 2",  # one of four came too late for a task
        (4, 2, 2): None,  # two of four had none
        (4, 3, 3): "3 > 2",
    }
    cells = (
        edited(
            synthetic.runs(workload=str(case), n=case[0]),
            partial(with_values, workers=case[1], tasks=case[2]),
        )
        for case in known
    )
    flags = summary_of(tmp_path, *cells)["flags"]
    assert [detail_of(one, "oversubscribed") for one in flags] == list(known.values())


def test_workers_on_other_machines_are_not_held_against_the_cpus_here(tmp_path: Path) -> None:
    """Only where their spans are by this machine's clock are they known to be on it."""
    here = synthetic.runs(n=8, worker_kind="remote")
    cells = summary_of(
        tmp_path,
        here,
        edited(
            synthetic.runs(n=8, worker_kind="remote", executor="elsewhere"),
            lambda run: {"levels": (), "workers": None} if run.role == "measured" else {},
        ),
    )
    assert cells["bound"].tolist() == [2, 8]
    codes = [[flag.code for flag in flags] for flags in cells["flags"]]
    assert ["oversubscribed" in found for found in codes] == [True, False]


def test_waiting_for_a_cpu_is_not_idleness(tmp_path: Path) -> None:
    """Other load lets the plain loop wait for a CPU three quarters of its time."""

    def loaded(run: Run) -> dict[str, Any]:
        wall_s = run.wall_s or 0
        if run.role == "measured":
            return {}
        return {"wall_s": 4 * wall_s, "levels": (*(4 * wall_s,) * 5, wall_s)}

    cells = summary_of(
        tmp_path, synthetic.runs(n=4, noise=0), edited(synthetic.runs(n=4, noise=0), loaded)
    )
    assert cells["cpu_share"].tolist() == pytest.approx([1, 1])
    assert cells["bound"].tolist() == [2, 2]
    assert not cells["waiting"].any()


def test_a_busy_machine_does_not_make_tasks_waiting(tmp_path: Path) -> None:
    runs = edited(
        synthetic.runs(noise=0),
        lambda run: (
            {"levels": (*(30 * (run.wall_s or 0),) * 5, run.wall_s)}
            if run.role == "baseline"
            else {}
        ),
    )
    assert not summary_of(tmp_path, runs)["waiting"].any()


def test_what_others_took_is_a_share_of_the_machines_cpus(tmp_path: Path) -> None:
    known: dict[tuple[int | None, float], tuple[float, float]] = {
        (8, 8): (0.25, 0.5),  # of 8 CPUs: 2 were stolen, 4 were others'
        (8, 2): (0.25, 0.0),  # a quota: others left four, more than it allows
        (5, 2): (0.4, 0.5),
        (4, 2): (0.5, 1.0),
        (None, 2): (1.0, 1.0),  # rows of an earlier version
    }
    cells = (
        edited(
            synthetic.runs(workload=str(case), usable_cpus=case[1]),
            partial(beside_others, cpus=case[0]),
        )
        for case in known
    )
    found = summary_of(tmp_path, *cells)
    steal, others = zip(*known.values(), strict=True)
    assert found["steal_share"].tolist() == pytest.approx(steal)
    assert found["others_share"].tolist() == pytest.approx(others)


def test_what_others_took_is_missing_where_it_was_not_read(tmp_path: Path) -> None:
    runs = edited(synthetic.runs(), lambda _: {"steal_s": None, "others_cpu_s": None})
    cells = summary_of(tmp_path, runs)
    assert cells[["steal_share", "others_share"]].isna().all(axis=None)


def test_repeated_tasks_are_told(tmp_path: Path) -> None:
    known: dict[tuple[Scaling, int, int | None], str | None] = {
        ("strong", 4, 1): None,
        ("weak", 4, 4): "4",
        ("weak", 4, 1): None,  # the workload made fresh ones
        ("weak", 1, 1): None,
        ("weak", 4, None): "4",  # rows of an earlier version
        ("weak", 1, None): None,
    }
    cells = (
        edited(
            synthetic.runs(workload=str(case), n=case[1], scaling=case[0], usable_cpus=4),
            partial(with_values, task_copies=case[2]),
        )
        for case in known
    )
    flags = summary_of(tmp_path, *cells)["flags"]
    assert [detail_of(one, "same_tasks") for one in flags] == list(known.values())


def test_few_rounds_are_flagged(tmp_path: Path) -> None:
    cells = summary_of(tmp_path, synthetic.runs(rounds=5), synthetic.runs(rounds=6, n=1))
    [few], none = cells["flags"]
    assert few.code == "few_rounds"
    assert few.detail.startswith("6 rounds: they take about ")
    assert none == ()


def test_all_tests_of_a_report_share_one_error_rate(tmp_path: Path) -> None:
    """A trend that a cell alone may well call one is, among many cells, what chance brings."""
    rising = edited(
        synthetic.runs(rounds=12),
        lambda run: {"wall_s": (run.wall_s or 0) * (1.008**run.round)},
    )
    alone = summary_of(tmp_path / "alone", rising)
    assert Flag("trend") in alone["flags"].iloc[0]
    others = [synthetic.runs(n=n, rounds=12, usable_cpus=99) for n in range(3, 43)]
    among = summary_of(tmp_path / "among", rising, *others)
    assert Flag("trend") not in among["flags"].iloc[0]
    clear = edited(rising, slower_later)
    assert Flag("trend") in summary_of(tmp_path / "clear", clear, *others)["flags"].iloc[0]


def test_methods_that_disagree_are_flagged(tmp_path: Path) -> None:
    # The baseline of one round in ten takes six times as long: only the total sees it.
    runs = edited(
        synthetic.runs(rounds=200, processes=1, speedup=1.0, n=1),
        lambda run: {
            "wall_s": (run.wall_s or 0)
            * (6 if run.role == "baseline" and run.round % 10 == 0 else 1.0)
        },
    )
    cell = summary_of(tmp_path, runs).iloc[0]
    assert cell["speedup_high"] < 1.1 < 1.2 < cell["mean_ratio_low"]
    assert Flag("methods_disagree") in cell["flags"]


def test_the_bound_is_workers_or_cpu_time(tmp_path: Path) -> None:
    known: dict[tuple[int, Workers, float], float] = {
        (4, "process", 1.0): 2.0,
        (1, "process", 1.0): 1.0,
        (4, "caller", 1.0): 1.0,
        (4, "thread", 0.95): 2.0,
        (8, "thread", 0.5): 4.0,
        (8, "thread", 0.01): 8.0,
    }
    cells = (
        edited(
            synthetic.runs(
                workload=f"{n} {kind} {cpu}", n=n, speedup=1.0, usable_cpus=2, worker_kind=kind
            ),
            partial(with_share, share=cpu),
        )
        for n, kind, cpu in known
    )
    bounds = summary_of(tmp_path, *cells)["bound"]
    assert bounds.tolist() == pytest.approx(list(known.values()))


@pytest.mark.parametrize("scaling", ["strong", "weak"])
def test_the_length_of_a_task_is_that_in_the_baseline(tmp_path: Path, scaling: Scaling) -> None:
    runs = edited(
        synthetic.runs(n=2, serial_s=0.4, noise=0, scaling=scaling, rounds=5),
        lambda run: {"tasks": 8 if run.role == "baseline" or scaling == "strong" else 16},
    )
    assert summary_of(tmp_path, runs)["task_s"].tolist() == pytest.approx([0.4 / 8])


@pytest.mark.parametrize("rounds", [1, 2, 4])
def test_a_cell_of_few_rounds_is_summarised_and_flagged(tmp_path: Path, rounds: int) -> None:
    runs = synthetic.runs(n=1, rounds=rounds) + synthetic.runs(n=2, rounds=rounds)
    summary = summary_of(tmp_path, runs)
    assert summary["rounds"].tolist() == [rounds] * 2
    for _, cell in summary.iterrows():
        assert math.isnan(cell["speedup_low"]) == (rounds == 1)
        assert "few_rounds" in {flag.code for flag in cell["flags"]}
        assert math.isnan(cell["speedup_n1_low"]) == (rounds == 1 and cell["n"] > 1)


def test_the_typical_round_is_the_one_nearest_the_median(tmp_path: Path) -> None:
    ratios = {0: 1.0, 1: 9.0, 2: 1.9, 3: 2.0, 4: 2.1, 5: 2.3, 6: 0.1}
    runs = edited(
        synthetic.runs(rounds=7, processes=1),
        lambda run: {"wall_s": 1.0 if run.role == "baseline" else 1 / ratios[run.round % 7]},
    )
    for run in runs:
        append(tmp_path, run)
    found = typical_round(read_runs(tmp_path))
    assert found is not None
    assert ratios[found % 7] == 2.0
    assert typical_round(read_runs(tmp_path).iloc[:1]) is None


def test_a_cell_says_what_was_looked_at_in_the_runs_of_its_executor(tmp_path: Path) -> None:
    def told(run: Run) -> dict[str, Any]:
        compared = "same" if run.round == 3 else "equal"
        first = run.cold and run.role == "measured"
        return {"compared": None if first else compared, "checked": True}

    alike = edited(synthetic.runs(n=1), lambda _: {"compared": "equal", "checked": False})
    now = edited(synthetic.runs(n=2), told)
    before = synthetic.runs(n=4)
    summary = summary_of(tmp_path, alike, now, before)
    assert summary["compared"].tolist()[:2] == ["equal", "same"]
    assert summary["checked"].tolist()[:2] == [False, True]
    assert summary[["compared", "checked"]].iloc[2].isna().all()


def test_a_part_of_the_tasks_is_not_said_to_be_all(tmp_path: Path) -> None:
    """With weak scaling the baseline has fewer tasks: its own rows say `equal`."""
    runs = edited(
        synthetic.runs(scaling="weak"),
        lambda run: {"compared": "part" if run.role == "measured" else "equal"},
    )
    assert summary_of(tmp_path, runs)["compared"].tolist() == ["part"]


def test_a_cell_that_was_left_out_is_a_row(tmp_path: Path) -> None:
    (*_, last) = synthetic.runs(status="left out", error="only 0.1 s are left")
    cell = summary_of(tmp_path, [replace(last, ended_by=None)]).iloc[0]
    assert (cell["status"], cell["error"], cell["rounds"]) == ("left out", "only 0.1 s are left", 0)
