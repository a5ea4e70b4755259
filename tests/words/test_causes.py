"""Which cause each loss of the ladder is given, by rows of known situations, and in which words."""

import math
from typing import Any

import pytest

from runners.analysis.cell import CellSummary
from runners.model import Flag, Loss
from runners.words.causes import TITLES, cause, explain, told
from tests import synthetic

TASKS = 8.0
MB = 1e6


def cell(**values: Any) -> CellSummary:
    """A cell of 8 tasks of 100 ms on 2 processes that lost nothing, but for `values`.

    The ladder's losses are named by their steps; the levels follow from them.
    """
    row: dict[str, Any] = {
        **{"n": 2, "usable_cpus": 2.0, "tasks": TASKS, "task_s": 0.1, "gil": True},
        **{"worker_kind": "process", "cpu_share": 0.99, "largest_task_share": 0.125},
        **{"native_share": 0.0, "children_share": 0.0, "others_share": 0.0, "steal_share": 0.0},
        **{"task_slowdown": 1.0, "first_slowdown": 1.0},
        **{"dealt": 1.0, "fetched": 1.0, "sorted": 1.0},
        **{f"loss_{factor}": 0.0 for factor in TITLES},
    }
    row |= values
    levels, wall_s = [1.0], row.pop("wall_s", 0.5)
    for factor in TITLES:
        levels.append(levels[-1] - row[f"loss_{factor}"])
    workers = 1 if row["worker_kind"] == "coroutine" else row["n"]
    for k, level in enumerate(levels):
        row.setdefault(f"L{k}_s", level * workers * wall_s)
    return synthetic.cell(**row)


def codes(**values: Any) -> list[str]:
    row = cell(**values)
    return [cause(loss, row).code for loss in explain(row)]


def words(**values: Any) -> str:
    row = cell(**values)
    return "; ".join(told(row))


def test_losses_that_matter_come_largest_first() -> None:
    row = cell(loss_startup=0.05, loss_balance=0.3, loss_dispatch=0.049, loss_computation=-0.4)
    assert explain(row) == [Loss("balance", 0.3), Loss("startup", 0.05)]
    assert [line.partition(":")[0] for line in told(row)] == [
        *("30% load imbalance", "5% start-up and join")
    ]


def test_what_is_too_small_to_be_explained_is_said_to_be_there() -> None:
    row = cell(loss_balance=0.3, loss_startup=0.04, loss_dispatch=0.02, loss_computation=-0.4)
    assert told(row)[-1] == "6% in smaller parts"


def test_losses_of_one_cause_are_told_together() -> None:
    heavy: dict[str, Any] = {"returned_bytes": 0.0, "sent_bytes": 8 * MB, "transport_s": 0.2}
    [line] = told(cell(loss_startup=0.2, loss_dispatch=0.5, **heavy))
    assert line.startswith("50% dispatch and 20% start-up and join: each call carries 8.0 MB: ")


def test_unknown_losses_are_left_out() -> None:
    unknown = {f"loss_{factor}": math.nan for factor in TITLES}
    assert explain(cell(tasks=math.nan, **unknown)) == []


def test_rows_of_earlier_versions_have_no_cause_that_they_cannot_bear() -> None:
    """They have the ladder, and nothing of what was added to it."""
    names = ["native_share", "children_share", "task_slowdown", "first_slowdown"]
    names += ["dealt", "fetched", "sorted"]
    unknown: dict[str, Any] = dict.fromkeys(names, math.nan)
    for factor in ("balance", "computation"):
        assert codes(**unknown | {f"loss_{factor}": 0.3}) == ["not_determined"]
    assert codes(**unknown, loss_blocking=0.5, worker_kind="thread", loss_dispatch=0.1)[0] == "gil"


# Start-up and dispatch


def test_heavy_results_are_not_called_start_up() -> None:
    """`process` sends them when its last task has ended: 8 results of 8 MB."""
    heavy: dict[str, Any] = {"returned_bytes": 8 * MB, "sent_bytes": 0.0, "transport_s": 0.2}
    assert codes(loss_startup=0.9, **heavy) == ["transport"]
    assert "each result brings back 8.0 MB" in words(loss_startup=0.9, **heavy)
    assert "executor.reuse" not in words(loss_startup=0.9, **heavy)


def test_heavy_arguments_are_not_called_dispatch() -> None:
    heavy: dict[str, Any] = {"returned_bytes": 30.0, "sent_bytes": 8 * MB, "transport_s": 0.2}
    assert "each call carries 8.0 MB: send once" in words(loss_dispatch=0.7, **heavy)
    assert "chunksize" not in words(loss_dispatch=0.7, **heavy)


def test_light_tasks_are_no_transport_and_quick_transport_is_no_cause() -> None:
    light: dict[str, Any] = {"returned_bytes": 30.0, "sent_bytes": 100.0, "transport_s": 0.2}
    assert codes(loss_startup=0.6, **light) == ["short_work"]
    quick: dict[str, Any] = {"returned_bytes": 8 * MB, "sent_bytes": 0.0, "transport_s": 0.001}
    assert codes(loss_startup=0.6, **quick) == ["short_work"]


def test_starting_workers_has_a_remedy_that_the_executor_has() -> None:
    assert "keep them (executor.reuse=true)" in words(
        loss_startup=0.6, **{"executor.reuse": False, "executor.start_method": "fork"}
    )
    spawned = words(loss_startup=0.6, **{"executor.start_method": "spawn"})
    assert "give them more work, or fork them (executor.start_method=fork)" in spawned
    assert "executor.reuse" not in words(loss_startup=0.6)
    assert "executor.reuse" not in words(loss_startup=0.6, **{"executor.reuse": True})
    assert "takes 300 ms of 500 ms" in words(loss_startup=0.6)


TINY: dict[str, Any] = {"tasks": 50_000.0, "task_s": 1e-6}


def test_tiny_tasks_are_to_be_put_together() -> None:
    """50,000 of 1 µs, in chunks of 6,250: larger chunks do not help."""
    told_of = words(loss_dispatch=0.9, **TINY, **{"executor.chunksize": None})
    assert "a task takes 1 µs, handing it out 18 µs: put 500 calls into one task" in told_of
    assert "chunksize" not in told_of
    told_of = words(loss_dispatch=0.9, **TINY, **{"executor.chunksize": 1})
    assert "raise executor.chunksize, or put 500 calls into one task" in told_of
    assert "chunksize" not in words(loss_dispatch=0.9, **TINY, **{"executor.chunksize": 10_000})


def test_gaps_between_long_tasks_are_not_explained_by_their_number() -> None:
    assert codes(loss_dispatch=0.4) == ["not_determined"]


# Load imbalance


@pytest.mark.parametrize(
    ("dealt", "code"),
    [
        ({"tasks": 1.0}, "few_tasks"),
        ({"dealt": 1.9}, "dealt_beforehand"),
        ({"dealt": 1.9, "fetched": 1.5}, "dealt_beforehand"),
        ({"dealt": 1.5, "fetched": 1.5}, "long_last"),
        (
            {"dealt": 1.5, "fetched": 1.5, "sorted": 1.5, "largest_task_share": 0.75},
            "large_task",
        ),
        ({"tasks": 3.0, "dealt": 1.33, "fetched": 1.33, "sorted": 1.33}, "few_tasks"),
        ({}, "not_determined"),
        ({"dealt": 1.05}, "not_determined"),
        ({"dealt": 1.9, "executor": "thread_pool"}, "not_determined"),
        ({"dealt": 1.9, "executor.chunksize": 1}, "not_determined"),
    ],
)
def test_imbalance_has_the_cause_that_the_dealing_shows(dealt: dict[str, Any], code: str) -> None:
    assert codes(loss_balance=0.3, **dealt) == [code]


def test_threads_that_come_late_because_one_computes_at_a_time() -> None:
    """Tasks shorter than the switch interval run one after another, each in a thread of its own."""
    late: dict[str, Any] = {"worker_kind": "thread", "n": 16, "tasks": 16.0, "usable_cpus": 16.0}
    assert codes(**late, loss_dispatch=0.93) == ["gil"]
    assert codes(**late, loss_balance=0.93) == ["gil"]
    assert codes(**late, loss_dispatch=0.6) == ["not_determined"]
    long = {"loss_blocking": 0.41, "loss_balance": 0.43, "loss_dispatch": 0.08}
    assert codes(**late, **long) == ["gil"] * 3
    # They would use more than one CPU, if others left them more: that is no turn-taking.
    busy: dict[str, Any] = {"loss_contention": 0.42, "loss_balance": 0.08, "n": 2}
    assert codes(**late | busy)[1] == "not_determined"
    assert codes(**late | {"worker_kind": "process"}, loss_dispatch=0.93) == ["not_determined"]
    assert codes(**late, gil=False, loss_dispatch=0.93) == ["not_determined"]


def test_sixteen_equal_tasks_on_sixteen_threads_are_not_to_be_cut_finer() -> None:
    """Each is 9% of their time on the threads, which disturb each other, and 6% in the loop."""
    equal: dict[str, Any] = {"n": 16, "tasks": 16.0, "dealt": 1.04, "fetched": 1.04}
    equal |= {"sorted": 1.04, "largest_task_share": 0.065, "worker_kind": "thread"}
    assert "cut it finer" not in words(loss_balance=0.4, **equal)
    assert codes(loss_balance=0.4, **equal) == ["not_determined"]


def test_the_remedy_for_dealing_is_one_that_the_executor_has() -> None:
    uneven: dict[str, Any] = {"loss_balance": 0.3, "dealt": 1.9}
    assert "set executor.chunksize=1" in words(**uneven, **{"executor.chunksize": None})
    assert "(executor=process_pool)" in words(**uneven)
    assert "(executor=thread_pool)" in words(**uneven, worker_kind="thread")
    chunked = words(**uneven, fetched=1.5, **{"executor.chunksize": 8})
    assert chunked.endswith("set executor.chunksize=1, and the longest tasks first")


# Off-CPU time, oversubscription, work inflation


def test_one_thread_at_a_time_is_the_gil_and_one_process_at_a_time_a_lock() -> None:
    one_at_a_time: dict[str, Any] = {"loss_blocking": 0.5}
    assert codes(**one_at_a_time, worker_kind="thread") == ["gil"]
    told_of = words(**one_at_a_time, worker_kind="thread")
    assert "tasks hold the GIL, or a lock: use processes" in told_of
    assert codes(**one_at_a_time, worker_kind="thread", gil=False) == ["lock"]
    assert codes(**one_at_a_time) == ["lock"]
    assert codes(**one_at_a_time, n=4, worker_kind="thread") == ["not_determined"]  # two at a time
    assert codes(**one_at_a_time, cpu_share=0.3) == ["not_determined"]


@pytest.mark.parametrize("gil", [True, False, None])
@pytest.mark.parametrize("factor", TITLES)
@pytest.mark.parametrize("share", [0.06, 0.3, 0.5, 0.93])
def test_nothing_is_said_of_a_gil_that_was_off(gil: bool | None, factor: str, share: float) -> None:
    """`gil` is None in rows of earlier versions, all of which had one."""
    lost: dict[str, Any] = {f"loss_{factor}": share, "loss_balance": 0.05, "gil": gil}
    told_of = words(**lost, worker_kind="thread")
    if gil is False:
        assert "GIL" not in told_of
    elif factor == "blocking":
        assert "GIL" in told_of


def test_threads_without_a_gil_may_have_what_they_share_in_their_way() -> None:
    slower: dict[str, Any] = {"loss_computation": 0.4, "worker_kind": "thread"}
    assert "(their locks, their reference counts)" in words(**slower, gil=False)
    assert "processes share no objects" in words(**slower, gil=False)
    assert "reference counts" not in words(**slower, gil=True)
    assert "reference counts" not in words(**slower | {"worker_kind": "process"}, gil=False)
    assert "reference counts" not in words(**slower, gil=False, loss_computation_machine=0.39)


def test_waiting_for_what_is_shared_takes_longer_for_most_tasks() -> None:
    """One that was stopped for a while makes the time of a few tasks longer, not that of most."""
    waiting: dict[str, Any] = {"loss_blocking": 0.5, "waiting": True, "cpu_share": 0.01}
    assert codes(**waiting, task_slowdown=1.9) == ["shared_wait"]
    assert codes(**waiting, task_slowdown=1.01) == ["not_determined"]
    assert codes(**waiting, task_slowdown=1.9, loss_balance=0.3) == ["shared_wait"] * 2


def test_a_coroutine_that_does_not_yield_blocks_its_loop() -> None:
    loop: dict[str, Any] = {"worker_kind": "coroutine", "n": 4, "waiting": True, "cpu_share": 0.0}
    assert codes(**loop, loss_blocking=0.7, held_share=0.9) == ["blocked_loop"]
    assert codes(**loop, loss_blocking=0.7, held_share=0.1, task_slowdown=2.0) == ["shared_wait"]
    threads = codes(**loop, loss_blocking=0.7, held_share=0.9, native_share=0.9)
    assert threads == ["not_determined"]


@pytest.mark.parametrize("factor", ["blocking", "contention", "computation"])
def test_threads_that_tasks_have_of_their_own_are_no_lock_and_no_other_load(factor: str) -> None:
    own: dict[str, Any] = {f"loss_{factor}": 0.4, "native_share": 0.8, "library_threads": 1.0}
    assert codes(**own, worker_kind="thread", others_share=0.3) == ["native_threads"]
    assert "a task has threads of its own (1 in the process) and uses 1.8 CPUs" in words(**own)
    named = words(**own, libraries="openblas 2")
    assert "(1 in the process, threads of openblas 2)" in named
    assert codes(**{f"loss_{factor}": 0.4}, children_share=0.9) == ["own_processes"]


def test_ready_without_a_cpu() -> None:
    assert "4 workers share 2 CPUs" in words(loss_contention=0.5, n=4)
    assert "4 workers share 1.5 CPUs" in words(loss_contention=0.5, n=4, usable_cpus=1.5)
    assert codes(loss_contention=0.5, n=4) == ["oversubscribed"]
    assert codes(loss_contention=0.5, others_share=0.4) == ["other_load"]
    assert codes(loss_contention=0.5, steal_share=0.4, others_share=math.nan) == ["other_load"]
    assert codes(loss_contention=0.5) == ["not_determined"]


def test_slower_computation_has_a_cause_where_one_was_seen() -> None:
    assert codes(loss_computation=0.3) == ["not_determined"]
    afresh: dict[str, Any] = {"loss_computation": 0.3, "executor.start_method": "spawn"}
    assert codes(**afresh) == ["not_determined"]
    assert codes(**afresh, first_slowdown=1.5, task_slowdown=1.02) == ["cold_code"]
    assert codes(loss_computation=0.3, first_slowdown=1.5) == ["not_determined"]


def test_the_machines_part_of_a_loss_is_told() -> None:
    row = {"loss_computation": 0.2, "loss_computation_machine": 0.15}
    assert words(**row).startswith("20% work inflation (the machine's own: 15%): so do loops")
    assert codes(**row) == ["machine"]
    assert codes(**row | {"loss_computation_machine": 0.01}) == ["not_determined"]


def test_threads_that_were_made_and_joined_at_once_are_not_what_takes_the_time() -> None:
    many: dict[str, Any] = {"worker_kind": "thread", "tasks": 20_000.0, "task_s": 6e-6}
    many |= {"wall_s": 0.42, "loss_startup": 0.17, "loss_dispatch": 0.44}
    [line] = told(cell(**many, setup_s=1e-4, teardown_s=5e-4))[:1]
    assert line.startswith("44% dispatch and 17% start-up and join: a task takes 6")
    assert codes(**many, setup_s=0.05, teardown_s=0.02) == ["short_tasks", "short_work"]


def test_short_work_of_which_first_calls_had_more_is_not_to_be_made_more() -> None:
    short = {"loss_startup": 0.6, "loss_dispatch": 0.3, "task_s": 3e-6, "wall_s": 1e-3}
    assert "give them more work" in words(**short)
    assert "put" in words(**short)
    told_ = words(**short, flags=(Flag("first_calls", "62 ms, later ones 3 µs"),))
    assert told_.count("measure first calls, which have more to do") == 2
    assert "more work" not in told_
    assert "put" not in told_


def test_workers_of_fresh_runs_cannot_be_kept() -> None:
    reusable = {"executor.reuse": False, "loss_startup": 0.6}
    assert "executor.reuse=true" in words(**reusable)
    assert "executor.reuse" not in words(**reusable, fresh=True)
