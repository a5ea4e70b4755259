import math
import pickle
import subprocess
import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from runners.child.trial import Trial
from runners.model import SIDES, InvalidParameter, Order, Renewing, Run
from runners.testing import WorkloadSuite
from runners.workloads.agreeing import agree
from runners.workloads.callable import Callable
from tests.conftest import ROOT, MakePlan

HERE = "tests.functions"


@dataclass(frozen=True)
class Both:
    left: Any
    right: int


def make(function: str | None = f"{HERE}:add", **parameters: Any) -> Callable:
    defaults: dict[str, Any] = {
        "arguments": None if "arguments_from" in parameters else [[1]],
        "arguments_from": None,
        "keywords": {},
        "repeat": 1,
        "compare": "equal",
        "rtol": 1e-9,
    }
    return Callable(function, **{**defaults, **parameters})


def results(workload: Callable) -> list[Any]:
    return [workload(task) for task in workload.tasks()]


def test_arguments_are_lists_mappings_or_single_values() -> None:
    workload = make(arguments=[[1, 2], {"left": 1, "right": 4}, 7], keywords={"scale": 10})
    assert results(workload) == [30, 50, 80]


def test_arguments_come_from_a_function() -> None:
    workload = make(f"{HERE}:swap", arguments_from=f"{HERE}:pairs")
    assert [(pair.left, pair.right) for pair in results(workload)] == [(1, 0), (2, 1), (3, 2)]


def test_each_round_may_have_other_arguments() -> None:
    workload = make(arguments_from=f"{HERE}:calls", arguments_per_round=True)
    assert isinstance(workload, Renewing)
    assert not isinstance(make(), Renewing)
    copy = pickle.loads(pickle.dumps(workload))
    assert [args for args, _ in copy.tasks_of(2)] == [(6,), (7,), (8,)]
    assert copy.tasks() == copy.tasks_of(0)


def test_a_coroutine_function_has_its_coroutine_form() -> None:
    workload = make(f"{HERE}:nap", arguments=[[0.0]])
    assert results(workload) == [0.0]
    assert hasattr(workload, "acall")
    assert not hasattr(make(), "acall")


def test_a_method_of_a_class_is_found() -> None:
    assert results(make("fractions:Fraction.from_float", arguments=[[0.5]])) == [0.5]


def test_builtin_functions_without_a_signature_are_fine() -> None:
    assert results(make("builtins:max", arguments=[[1, 2]])) == [2]


@pytest.mark.parametrize(
    ("parameters", "name", "words"),
    [
        ({"function": None}, "function", "set workload.function=package.module:name"),
        ({"function": "add"}, "function", "package.module:name or path/to/file.py:name"),
        ({"function": "no_such:add"}, "function", "No module named 'no_such'"),
        ({"function": f"{HERE}:ad"}, "function", r"has no ad (did you mean add?)"),
        ({"function": f"{HERE}:constant"}, "function", "is not a function but of type int"),
        ({"function": "missing.py:add"}, "function", "missing.py"),
        ({"arguments": None}, "arguments", "set either workload.arguments"),
        ({"arguments": [[1]], "arguments_from": "m:f"}, "arguments", "set either"),
        ({"arguments": 3}, "arguments", "must be a list"),
        ({"arguments": [[1], [1, 2, 3]]}, "arguments", "call 1 does not fit"),
        ({"arguments": [{"lft": 1}]}, "arguments", "missing a required argument: 'left'"),
        ({"arguments_from": f"{HERE}:nobody"}, "arguments_from", "has no nobody"),
        ({"arguments_from": f"{HERE}:calls"}, "arguments_from", "arguments_per_round=true"),
        ({"arguments_per_round": True}, "arguments_per_round", "set workload.arguments_from"),
        (
            {"arguments_from": f"{HERE}:pairs", "arguments_per_round": True},
            "arguments_per_round",
            "tests.functions:pairs cannot be called with the number of the round alone; let it "
            "take one argument",
        ),
        ({"keywords": [1]}, "keywords", "must be a mapping"),
        ({"repeat": 0}, "repeat", "must be at least 1"),
    ],
)
def test_mistakes_name_the_parameter(parameters: dict[str, Any], name: str, words: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        make(**parameters)
    assert caught.value.name == name
    assert words in caught.value.problem


class TestCallable(WorkloadSuite):
    workload = make(f"{HERE}:add", arguments_from=f"{HERE}:calls", arguments_per_round=True)

    def test_missing_result_is_wrong(self) -> None:
        """Nobody but the function knows how many there are."""

    def test_replaced_result_is_wrong_wherever_it_stands(self) -> None:
        """Its results are known by those of the other side alone."""


def test_a_function_that_returns_no_arguments_is_a_mistake() -> None:
    with pytest.raises(InvalidParameter, match="there are no calls; name at least one"):
        make(arguments_from=f"{HERE}:nothing").tasks()


def test_a_file_with_the_name_of_another_module_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "json.py"
    file.write_text("def add(a): return a\n")
    with pytest.raises(InvalidParameter, match="another module json already"):
        make(f"{file}:add")
    sys.path.remove(str(tmp_path))


@pytest.mark.parametrize(
    ("one", "other", "rtol", "expected"),
    [
        (1.0, 1.0 + 1e-12, 0.0, False),
        (1.0, 1.0 + 1e-12, 1e-9, True),
        (math.nan, math.nan, 0.0, True),
        (1.0, "1.0", 1e-9, False),
        ([1.0, {"a": 2j}], [1.0, {"a": 2j}], 0.0, True),
        ([1.0], (1.0,), 0.0, False),
        ({"a": 1}, {"b": 1}, 0.0, False),
        (np.arange(3), np.arange(3), 0.0, True),
        (np.arange(3), np.arange(4), 0.0, False),
        (np.array([1.0, np.nan]), np.array([1.0 + 1e-12, np.nan]), 1e-9, True),
        (np.array([1.0]), np.array([1.0 + 1e-12]), 0.0, False),
        ("a", "b", 1.0, False),
        (Decimal("nan"), Decimal("nan"), 0.0, True),
        (Decimal(1), Decimal(2), 0.0, False),
        (Both(math.nan, 1), Both(math.nan, 1), 0.0, True),
        (Both(1.0, 1), Both(1.0 + 1e-12, 1), 1e-9, True),
        (Both(1.0, 1), Both(1.0, 2), 1e-9, False),
        (Both(np.arange(2), 1), Both(np.arange(2), 1), 0.0, True),
        (Both(np.arange(2), 1), Both(np.arange(3), 1), 0.0, False),
        (Both, Both, 0.0, True),
    ],
)
def test_results_agree(one: Any, other: Any, rtol: float, expected: bool) -> None:
    assert agree(one, other, rtol) is expected


def first_runs(make_plan: MakePlan, *overrides: str) -> list[Run]:
    """One run of each side in this process."""
    plan = make_plan("workload=callable", "n=2", *overrides)
    trial = Trial(plan)
    try:
        return [
            trial.run(Order(0, 0, position, role, cold=True, warmup=True))
            for position, role in enumerate(SIDES)
        ]
    finally:
        trial.close()


@pytest.mark.parametrize("executor", ["thread", "process", "pool"])
@pytest.mark.parametrize(
    "what",
    [
        ["workload.function=tests.functions:double", "workload.arguments=[[1],[2]]"],
        ["workload.function=tests.functions:roots", "workload.arguments=[[5],[6]]"],
        ["workload.function=tests.functions:nap", "workload.arguments=[0.001]"],
        [
            f"workload.function={ROOT}/tests/functions.py:swap",
            f"workload.arguments_from={ROOT}/tests/functions.py:pairs",
        ],
    ],
    ids=["lambda", "arrays", "coroutine", "file"],
)
def test_functions_run_on_threads_and_processes(
    executor: str, what: list[str], make_plan: MakePlan
) -> None:
    runs = first_runs(make_plan, f"executor={executor}", *what)
    assert [run.status for run in runs] == ["ok", "ok"], runs[1].error


def test_a_function_that_is_not_deterministic_is_found_in_the_loop(make_plan: MakePlan) -> None:
    given = ["workload.function=tests.functions:noise", "workload.arguments=[[1],[2]]"]
    runs = first_runs(make_plan, "executor=thread", *given)
    assert runs[1].status == "wrong"
    assert "not deterministic" in str(runs[1].error)
    assert "workload.compare=none" in str(runs[1].error)
    runs = first_runs(make_plan, "executor=thread", *given, "workload.compare=none")
    assert runs[1].status == "ok"


@pytest.mark.parametrize(("compare", "expected"), [("close", True), ("none", False)])
def test_the_plan_says_whether_results_are_compared(
    compare: str, expected: bool, make_plan: MakePlan
) -> None:
    given = ["workload.function=builtins:abs", "workload.arguments=[1]"]
    plan = make_plan("workload=callable", *given, f"workload.compare={compare}")
    assert plan.compared is expected


def test_a_function_that_changes_its_arguments_is_found(make_plan: MakePlan) -> None:
    given = ["workload.function=tests.functions:smallest", "workload.arguments=[[[3,1,2]]]"]
    baseline, _ = first_runs(make_plan, "executor=thread", *given)
    assert baseline.status == "failed"
    assert "changes its argument in place" in str(baseline.error)


def test_a_generator_has_done_no_work_yet(make_plan: MakePlan) -> None:
    given = ["workload.function=tests.functions:upwards", "workload.arguments=[[3]]"]
    baseline, _ = first_runs(make_plan, "executor=thread", *given)
    assert baseline.status == "wrong"
    assert "returns a generator, which has done no work yet" in str(baseline.error)


def test_a_script_that_ends_the_program_is_a_mistake_like_others(tmp_path: Path) -> None:
    file = tmp_path / "unguarded_script.py"
    file.write_text("import sys\ndef f(x): return x\nsys.exit(0)\n")
    with pytest.raises(InvalidParameter, match="SystemExit: 0"):
        make(f"{file}:f")
    sys.path.remove(str(tmp_path))


def test_the_function_is_imported_where_the_workload_arrives() -> None:
    program = (
        "import pickle, sys; w = pickle.loads(sys.stdin.buffer.read()); "
        "assert 'tests.functions' in sys.modules"
    )
    payload = pickle.dumps(make())
    subprocess.run([sys.executable, "-c", program], input=payload, cwd=ROOT, check=True)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (pd.DataFrame({"a": [1.0]}), pd.DataFrame({"b": [1.0]}), False),
        (pd.Series([1.0], index=[0]), pd.Series([1.0], index=[1]), False),
        (pd.DataFrame({"a": ["x", None]}), pd.DataFrame({"a": ["x", None]}), True),
        (pd.DataFrame({"a": [math.nan, "x"]}), pd.DataFrame({"a": [math.nan, "x"]}), True),
        (pd.Series([pd.NaT]), pd.Series([pd.NaT]), True),
        (pd.Series(["x"]), pd.Series(["y"]), False),
    ],
)
def test_frames_are_compared_whole(one: Any, other: Any, expected: bool) -> None:
    assert agree(one, other, 0.0) is expected


@pytest.mark.parametrize(
    ("executor", "function", "arguments", "status"),
    [
        ("pool", "lock", "workload.arguments=[[1]]", "failed"),
        ("process", "lock", "workload.arguments=[[1]]", "failed"),
        ("pool", "held", "workload.arguments_from=tests.functions:locks", "failed"),
        ("thread", "held", "workload.arguments_from=tests.functions:locks", "ok"),
    ],
)
def test_what_cannot_be_pickled_is_told_in_one_line(
    executor: str, function: str, arguments: str, status: str, make_plan: MakePlan
) -> None:
    compared = "workload.compare=none"
    function = f"workload.function=tests.functions:{function}"
    _, run = first_runs(make_plan, f"executor={executor}", function, arguments, compared)
    assert run.status == status
    if status != "ok":
        [line] = str(run.error).splitlines()
        assert "cannot pickle" in line
        assert "or use threads" in line
