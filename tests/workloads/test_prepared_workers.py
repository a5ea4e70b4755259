"""What is made ready for a user's function: setup, initializer, the object that it belongs to."""

import os
import pickle
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runners.model import Flag, Initializing, InvalidParameter, Run, UsageError
from runners.testing import WorkloadSuite
from runners.workloads.callable import Callable
from tests.conftest import MakePlan
from tests.workloads import prepared
from tests.workloads.test_callable import first_runs, make

HERE = "tests.workloads.prepared"
ASK = (f"workload.function={HERE}:ask", "workload.arguments=[0,1,2,3,4,5]")
LOOK = (f"workload.function={HERE}:look", "workload.arguments=[0,1,2]")


@pytest.fixture(autouse=True)
def _nothing_is_ready() -> Iterator[None]:
    yield
    prepared.table = None
    prepared.here.__dict__.clear()


def workers(log: Path) -> list[str]:
    return log.read_text().splitlines()


@pytest.mark.parametrize(
    "executor",
    [
        *("serial", "thread", "thread_pool", "asyncio", "pool", "process"),
        pytest.param(
            "interpreters",
            marks=pytest.mark.skipif(sys.version_info < (3, 14), reason="needs Python 3.14"),
        ),
    ],
)
def test_each_worker_opens_a_connection_of_its_own_before_its_first_task(
    executor: str, make_plan: MakePlan, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    initializer = (f"workload.initializer={HERE}:connect", f"workload.initargs=['{log}']")
    function = ASK
    if executor == "interpreters":  # where a new thread state has a new local for each call
        function = (f"workload.function={HERE}:keys", "workload.calls=6")
    baseline, measured = first_runs(make_plan, f"executor={executor}", *function, *initializer)
    assert [baseline.status, measured.status] == ["ok", "ok"], measured.error
    loop, *others = workers(log)
    assert 1 <= len(others) <= 2
    assert len(set(others)) == len(others)
    if executor in ("thread", "process", "pool"):
        assert len(others) == 2
        assert loop not in others
    for run in (baseline, measured):
        assert run.metrics["initializer_s"] > 0


def test_the_loop_of_coroutines_is_one_worker(make_plan: MakePlan, tmp_path: Path) -> None:
    log = tmp_path / "log"
    runs = first_runs(
        make_plan,
        *(
            f"workload.function={HERE}:ask_later",
            "workload.arguments=[0,1,2,3,4,5]",
            "executor=asyncio",
        ),
        *(f"workload.initializer={HERE}:connect", f"workload.initargs=['{log}']"),
    )
    assert [run.status for run in runs] == ["ok", "ok"], runs[1].error
    assert len(workers(log)) == 2
    assert len(set(workers(log))) == 1


@pytest.mark.parametrize("executor", ["thread", "pool", "asyncio"])
def test_an_initializer_that_leaves_is_told_in_one_line(executor: str, make_plan: MakePlan) -> None:
    runs = first_runs(make_plan, f"executor={executor}", *ASK, f"workload.initializer={HERE}:leave")
    for run in runs:
        assert run.status == "failed"
        assert re.fullmatch(
            rf"workload.initializer={HERE}:leave raises SystemExit: 3 \(prepared.py, line \d+\); "
            "each worker calls it before its first task; mend it",
            str(run.error),
        )


def test_a_worker_that_was_refused_once_harms_no_later_run(
    make_plan: MakePlan, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    initializer = (f"workload.initializer={HERE}:refuse", f"workload.initargs=['{log}']")
    baseline, measured = first_runs(make_plan, "executor=thread", *ASK, *initializer)
    assert baseline.status == "failed"
    assert "no more connections" in str(baseline.error)
    assert measured.status == "ok", measured.error


class TestInitialized(WorkloadSuite):
    workload = make(
        f"{HERE}:ask",
        arguments=[1, 2],
        initializer=f"{HERE}:connect",
        initargs=[os.devnull],
    )

    def test_missing_result_is_wrong(self) -> None:
        """As of any function: `test_callable`."""

    def test_replaced_result_is_wrong_wherever_it_stands(self) -> None:
        """Likewise."""


def test_only_a_workload_with_an_initializer_makes_workers_ready() -> None:
    assert not isinstance(make(), Initializing)
    workload = make(initializer=f"{HERE}:load")
    assert isinstance(workload, Initializing)
    pickle.loads(pickle.dumps(workload)).initialize()
    assert prepared.table == {0: 0, 1: 1, 2: 4}


def setup_runs(make_plan: MakePlan, setup: str, *more: str) -> list[Run]:
    return first_runs(make_plan, *LOOK, f"workload.setup={HERE}:{setup}", *more)


@pytest.mark.parametrize("setup", ["load", "loaded"])
@pytest.mark.parametrize("executor", ["thread", "process executor.start_method=fork"])
def test_what_setup_loads_is_there_for_all(setup: str, executor: str, make_plan: MakePlan) -> None:
    runs = setup_runs(make_plan, setup, *f"executor={executor}".split())
    assert [run.status for run in runs] == ["ok", "ok"], runs[1].error
    assert "initializer_s" not in runs[0].metrics
    assert (prepared.table is None) is (setup == "loaded")  # its rest has run at the end


def test_arguments_may_come_from_what_setup_loads(make_plan: MakePlan) -> None:
    made = f"workload.arguments_from={HERE}:keys"
    runs = setup_runs(make_plan, "load", "executor=thread", made, "workload.arguments=null")
    assert [(run.status, run.tasks) for run in runs] == [("ok", 3)] * 2


def test_a_setup_that_fails_is_told_in_one_line(make_plan: MakePlan) -> None:
    told = (
        rf"^workload.setup={HERE}:lose raises KeyError: 'file' \(prepared.py, line \d+\); it is "
        "called once in each measuring process, before anything is timed; mend it$"
    )
    with pytest.raises(UsageError, match=told):
        setup_runs(make_plan, "lose", "executor=thread")


def test_a_worker_of_other_memory_says_that_it_lacks_what_setup_loaded(make_plan: MakePlan) -> None:
    spawned = ("executor=process", "executor.start_method=spawn")
    baseline, measured = setup_runs(make_plan, "load", *spawned)
    assert baseline.status == "ok"
    assert measured.status == "failed"
    assert "no table" in str(measured.error)
    assert str(measured.error).endswith(
        "this worker does not share its memory: name the function as workload.initializer, or use "
        "threads or executor.start_method=fork"
    )


# A function of an object


@pytest.mark.parametrize(
    ("instance", "executor"),
    [([2], "thread"), ({"factor": 2}, "process executor.start_method=spawn")],
)
def test_an_object_is_built_once_in_each_process(
    instance: Any, executor: str, make_plan: MakePlan
) -> None:
    built = prepared.Counter.built
    runs = first_runs(
        make_plan,
        *(f"workload.function={HERE}:Counter.count", "workload.arguments=[ab,abc,'']"),
        *(f"workload.instance={instance}".replace("'", ""), *f"executor={executor}".split()),
    )
    assert [run.status for run in runs] == ["ok", "ok"], runs[1].error
    assert prepared.Counter.built == built + 1


def calls(function: str, **parameters: Any) -> list[Any]:
    workload = make(f"{HERE}:{function}", **{"arguments": ["ab", "abc"], **parameters})
    with workload:
        return [workload(task) for task in workload.tasks()]


def test_a_function_of_a_class_is_that_of_an_object() -> None:
    assert calls("Counter.count", instance=[2]) == [4, 6]
    assert calls("Counter.count", instance={}) == [2, 3]
    assert calls("COUNTER.count") == [6, 9]
    assert calls("Counter.size") == [2, 3]
    assert results_of_objects() == [2]


def results_of_objects() -> list[Any]:
    """Whoever hands over an object himself may name the function of its class."""
    return calls("Counter.count", arguments=[(prepared.Counter(), "ab")])


def test_an_object_that_cannot_be_built_is_told_in_one_line() -> None:
    with pytest.raises(UsageError, match=r"^workload.instance=\[-1\] raises ValueError: a factor"):
        calls("Counter.count", instance=[-1])


@pytest.mark.parametrize(
    ("parameters", "name", "words"),
    [
        (
            {"function": "Counter.count"},
            "function",
            "prepared.Counter.count is a function of a class, and needs an object of it; set "
            "workload.instance=[] to have one built",
        ),
        (
            {"function": "Counter.count", "instance": [1, 2]},
            "instance",
            "does not fit tests.workloads.prepared.Counter(factor: int = 1)",
        ),
        ({"function": "Counter.size", "instance": []}, "instance", "is no function that takes an"),
        ({"function": "look", "instance": []}, "instance", "leave workload.instance=null"),
        ({"initializer": f"{HERE}:conect"}, "initializer", "(did you mean connect?)"),
        ({"initializer": f"{HERE}:connect"}, "initargs", "missing a required argument: 'log'"),
        ({"initializer": f"{HERE}:later"}, "initializer", "is a coroutine function"),
        ({"initargs": [1]}, "initargs", "are those of workload.initializer; name it"),
        ({"setup": f"{HERE}:connect"}, "setup", "called without arguments"),
        ({"setup": f"{HERE}:later"}, "setup", "is a coroutine function"),
        ({"setup": "nowhere.py:load"}, "setup", "/nowhere.py"),
    ],
)
def test_mistakes_name_the_parameter(parameters: dict[str, Any], name: str, words: str) -> None:
    function = parameters.pop("function", "look")
    with pytest.raises(InvalidParameter) as caught:
        make(f"{HERE}:{function}", **parameters)
    assert caught.value.name == name
    assert words in caught.value.problem


def test_the_code_of_all_functions_counts_and_is_looked_at(tmp_path: Path) -> None:
    files = [tmp_path / f"own_{name}.py" for name in ("setup", "initializer")]
    for file in files:
        file.write_text("def begin(): pass\nprint('noise')\n")
    try:
        workload: Callable = make(
            setup=f"{files[0]}:begin", initializer=f"{files[1]}:begin", arguments=[[1]]
        )
        assert workload.sources() == ["tests.functions", "own_initializer", "own_setup"]
        flags = workload.cautions("thread", None)
        assert [type(flag) for flag in flags] == [Flag, Flag]
        assert [flag.detail.partition(":")[0] for flag in flags] == [
            "own_initializer.py",
            "own_setup.py",
        ]
    finally:
        sys.path.remove(str(tmp_path))
