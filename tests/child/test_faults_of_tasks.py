"""What is said of tasks and results that cannot be measured, by real executors."""

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from runners.child.trial import Trial
from runners.model import SIDES, Order, Run, UsageError
from tests.conftest import ROOT, MakePlan, run_program

HERE = "tests.faulty"
EIGHT = "workload.arguments=[[1],[2],[3],[4],[5],[6],[7],[8]]"
PROCESSES = ("process", "pool", "process_pool")
FORKED = "executor.start_method=fork"


Rounds = Callable[..., list[Run]]


@pytest.fixture
def rounds(make_plan: MakePlan) -> Rounds:
    """The runs of so many rounds in this process, the baseline first unless told otherwise."""

    def run(function: str, *overrides: str, count: int = 1, first: str = "baseline") -> list[Run]:
        name = f"workload.function={HERE}:{function}"
        given = () if "arguments" in " ".join(overrides) else (EIGHT,)
        plan = make_plan("workload=callable", "n=2", name, *given, *overrides)
        trial = Trial(plan)
        sides = SIDES if first == "baseline" else SIDES[::-1]
        try:
            return [
                trial.run(Order(0, number, at, role, cold=number == 0, warmup=number == 0))
                for number in range(count)
                for at, role in enumerate(sides)
            ]
        finally:
            trial.close()

    return run


def only_line(run: Run) -> str:
    [line] = str(run.error).splitlines()
    return line


# Results that lack ==


@pytest.mark.parametrize(
    ("function", "executor", "kind"),
    [
        ("digest", "thread", r"_hashlib\.HASH|_sha2\.\w+"),
        ("tree", "thread", r"xml\.etree\.ElementTree\.Element"),
        ("tree", "process_pool", r"xml\.etree\.ElementTree\.Element"),
        ("plain", "pool", r"tests\.faulty\.Plain"),
        ("buffer", "thread", r"_io\.BytesIO"),
        ("report", "process", r"tests\.faulty\.Plain"),
    ],
)
def test_results_that_cannot_be_compared_are_not_called_random(
    function: str, executor: str, kind: str, rounds: Rounds
) -> None:
    _, run = rounds(function, f"executor={executor}")
    assert run.status == "failed"
    line = only_line(run)
    assert re.match(
        f"results cannot be compared: objects of type ({kind}) have no == of their own; "
        "return plain data from the task",
        line,
    )
    assert line.endswith("or set workload.compare=none")
    assert ("as .hexdigest() is" in line) == (function == "digest")
    _, run = rounds(function, f"executor={executor}", "workload.compare=none")
    assert run.status == "ok"


def test_fields_of_dataclasses_are_compared_one_by_one(rounds: Rounds) -> None:
    assert [run.status for run in rounds("measured", "executor=pool")] == ["ok", "ok"]


# Arguments that a run uses up


@pytest.mark.parametrize(
    ("maker", "told"),
    [
        ("generators", "argument 0 of call 2 is a generator, which one run uses up; return lists"),
        ("maps", "argument rows of call 0 is a map, which one run uses up; return lists"),
        ("nested", "argument 0[1] of call 0 is a zip, which one run uses up; return lists"),
    ],
)
@pytest.mark.parametrize("executor", ["thread", "process_pool"])
def test_an_argument_that_a_run_uses_up_is_named_before_the_first_run(
    maker: str, told: str, executor: str, rounds: Rounds
) -> None:
    with pytest.raises(UsageError) as caught:
        rounds("total", f"executor={executor}", f"workload.arguments_from={HERE}:{maker}")
    assert str(caught.value) == f"workload.arguments_from: {told}"


def test_an_open_file_is_used_up_too(rounds: Rounds, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = [Path(__file__).open()]  # noqa: SIM115
    monkeypatch.setattr(f"{HERE}.files", lambda: [(opened[0],)])
    with opened[0], pytest.raises(UsageError, match="argument 0 of call 0 is an open file, which"):
        rounds("total", "executor=thread", f"workload.arguments_from={HERE}:files")


def test_an_iterator_of_ones_own_is_found_when_its_second_result_differs(rounds: Rounds) -> None:
    pages = f"workload.arguments_from={HERE}:pages"
    _, run = rounds("total", "executor=thread", pages)
    assert run.status == "failed"
    assert "argument 0 of call 0 is a tests.faulty.Paging, which one run uses up" in only_line(run)


# What cannot travel


@pytest.mark.parametrize("executor", ["pool", "process_pool"])
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_an_argument_that_cannot_be_sent_is_named_at_once(
    executor: str, method: str, rounds: Rounds
) -> None:
    where = (f"executor={executor}", f"executor.start_method={method}")
    baseline, run = rounds("call", *where, f"workload.arguments_from={HERE}:lambdas")
    assert (baseline.status, run.status, run.wall_s) == ("ok", "failed", None)
    line = only_line(run)
    assert line.startswith("workload.arguments_from: argument 0 of call 0 is a lambda, which")
    assert line.endswith("or use threads")


def test_processes_that_are_forked_with_their_tasks_need_not_be_sent_them(rounds: Rounds) -> None:
    given = (f"workload.arguments_from={HERE}:lambdas", "executor=process")
    assert [run.status for run in rounds("call", *given, FORKED)] == ["ok", "ok"]
    _, run = rounds("call", *given, "executor.start_method=spawn")
    assert "argument 0 of call 0 is a lambda" in only_line(run)


@pytest.mark.parametrize("executor", PROCESSES)
@pytest.mark.parametrize(
    ("function", "kind"),
    [("lock", "_thread.lock"), ("lazy", "generator"), ("adder", "lambda")],
)
def test_a_result_that_cannot_be_sent_back_is_told_in_one_line(
    executor: str, function: str, kind: str, rounds: Rounds
) -> None:
    where = (f"executor={executor}", "workload.compare=none")
    run, _ = rounds(function, *where, first="measured")
    assert run.status == "failed"
    line = only_line(run)
    assert kind in line
    assert line.startswith("a result is a")
    assert line.endswith("or use threads")


# Equal draws


@pytest.mark.parametrize("executor", PROCESSES)
@pytest.mark.parametrize("first", SIDES)
def test_equal_draws_are_told_from_random_results(
    executor: str, first: str, rounds: Rounds
) -> None:
    runs = rounds("draw", f"executor={executor}", FORKED, first=first)
    assert [run.status for run in runs] == ["ok", "wrong"]
    assert only_line(runs[1]) == (
        "tasks returned equal draws: workers that were forked from one process share its random "
        "state; seed per task"
    )


def test_equal_draws_are_found_among_few_different_results(rounds: Rounds) -> None:
    _, run = rounds("hits", "executor=process_pool", FORKED)
    assert "equal draws" in only_line(run)


def test_equal_draws_are_found_where_each_task_has_arguments_of_its_own(rounds: Rounds) -> None:
    _, run = rounds("draw_so_many", "executor=pool", FORKED)
    assert "equal draws" in only_line(run)


def test_the_global_generator_of_numpy_is_shared_by_forked_workers(rounds: Rounds) -> None:
    _, run = rounds("draw_globally", "executor=process_pool", FORKED)
    assert "equal draws" in only_line(run)


@pytest.mark.parametrize(
    ("function", "where"),
    [
        ("reseeded", ("executor=process_pool", FORKED)),  # Python itself seeds it after a fork
        ("coins", ("executor=process", FORKED)),
        ("draw", ("executor=thread",)),
        ("counted", ("executor=pool", FORKED, "executor.chunksize=1")),
    ],
)
def test_results_that_vary_for_another_reason_are_only_that(
    function: str, where: Sequence[str], rounds: Rounds
) -> None:
    _, run = rounds(function, *where)
    assert run.status == "wrong"
    assert "not deterministic" in str(run.error)


def test_workers_that_are_started_afresh_may_be_seeded_alike(rounds: Rounds) -> None:
    _, run = rounds("draw", "executor=process", "executor.start_method=spawn")
    assert "workers begin with the same random state, which their module sets" in only_line(run)


def test_equal_draws_are_counted_where_results_are_not_compared(rounds: Rounds) -> None:
    where = ("executor=process", FORKED, "workload.compare=none")
    runs = rounds("draw", *where, count=2)
    assert {run.status for run in runs} == {"ok"}
    assert [run.equal_draws for run in runs if run.role == "baseline"] == [None] * 2
    assert [run.equal_draws for run in runs if run.role == "measured"][1:] == [4]
    for function in ("constant", "reseeded", "counted"):
        runs = rounds(function, *where, count=2)
        assert {run.equal_draws for run in runs} <= {0, None}


# Errors with a known remedy


@pytest.mark.parametrize(
    ("function", "executor", "told"),
    [
        ("elsewhere", "asyncio", "attached to a different loop; make it inside the coroutine"),
        ("handled", "thread", "main interpreter; only the main thread may do that"),
        ("looped", "thread", "call it inside a coroutine, or asyncio.run in each worker"),
        ("crowded", "pool", "to have children; workers of multiprocessing.Pool may start no"),
    ],
)
def test_an_error_with_a_known_remedy_is_one_line(
    function: str, executor: str, told: str, rounds: Rounds
) -> None:
    run = next(run for run in rounds(function, f"executor={executor}") if run.status != "ok")
    assert run.status == "failed"
    line = only_line(run)
    assert line.startswith("8 of 8 tasks failed; task 0: ")
    assert told in line


def test_a_connection_of_another_thread_is_one_line(
    make_plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "one_connection.py").write_text(
        "import sqlite3\n"
        'DB = sqlite3.connect(":memory:")\n'
        'def q(k): return DB.execute("select ?", (k,)).fetchone()[0]\n'
    )
    names = (f"workload.function={tmp_path}/one_connection.py:q", EIGHT)
    plan = make_plan("workload=callable", *names, "executor=thread_pool")
    try:
        trial = Trial(plan)
        runs = [
            trial.run(Order(0, 0, at, role, cold=True, warmup=True))
            for at, role in enumerate(SIDES)
        ]
        trial.close()
    finally:
        sys.modules["one_connection"].DB.close()
    assert only_line(runs[1]).endswith("; open a connection in each worker (workload.initializer)")
    assert "sqlite3.ProgrammingError: SQLite objects created in a thread" in only_line(runs[1])


def test_a_pool_that_cannot_send_its_tasks_prints_no_traceback(tmp_path: Path) -> None:
    """Nor does it hang: the whole program, as a user starts it."""
    names = (f"workload.function={HERE}:call", f"workload.arguments_from={HERE}:lambdas")
    for executor in ("pool", "process_pool"):
        where = (f"executor={executor}", f"hydra.run.dir={tmp_path / executor}", "measure=quick")
        done = run_program("workload=callable", *names, *where, cwd=ROOT, plugins=False)
        assert (done.returncode, done.stderr) == (1, "")
        assert "Traceback" not in done.stdout
        assert "argument 0 of call 0 is a lambda" in done.stdout


@pytest.mark.parametrize("executor", PROCESSES)
@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("unloadable", "loaded again (ValueError: not to be loaded)"),
        ("refusing", "(it stays here)"),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_result_whose_methods_fail_is_told_at_once(
    executor: str, function: str, says: str, rounds: Rounds
) -> None:
    """`multiprocessing.Pool` would wait for ever for one that cannot be loaded."""
    *_, run = rounds(function, f"executor={executor}", "workload.compare=none")
    assert run.status == "failed"
    line = only_line(run)
    assert line.startswith("a result is a")
    assert says in line


def test_an_argument_that_cannot_be_loaded_again_is_named_at_once(rounds: Rounds) -> None:
    given = f"workload.arguments_from={HERE}:unloadables"
    *_, run = rounds("total", "executor=process_pool", given, first="measured")[:1]
    assert run.status == "failed"
    assert "argument 0 of call 1 is" in only_line(run)
    assert "not be loaded again" in only_line(run)
