"""What the calls of a user's function are made of, and what is said where they do not fit."""

from pathlib import Path
from typing import Any

import pytest

from runners.model import InvalidParameter
from runners.workloads.calls import listed
from tests.conftest import MakePlan
from tests.workloads.test_callable import HERE, first_runs, make, results

ADD = f"{HERE}:add"


def test_a_range_or_a_text_of_python_is_a_list() -> None:
    assert [*listed("range(3)", None)] == [0, 1, 2]
    assert [*listed(" range(10, 0, -5) ", None)] == [10, 5]
    assert listed("[(b'a\\x00', {1}), 'x']", None) == [(b"a\x00", {1}), "x"]
    assert results(make(f"{HERE}:add", arguments="range(2)")) == [1, 2]
    assert results(make("builtins:len", arguments="[b'abc']")) == [3]
    assert results(make("builtins:len", arguments=[b"abc"])) == [3]


def test_one_call_may_be_made_several_times() -> None:
    assert results(make(ADD, arguments=[[1, 2]], calls=3)) == [3, 3, 3]
    assert results(make(f"{HERE}:nothing", arguments=None, calls=2)) == [[], []]


def test_a_function_of_arguments_has_keywords() -> None:
    made = {"arguments_from": f"{HERE}:numbers", "arguments_keywords": {"count": 2}}
    assert results(make(ADD, **made)) == [1, 2]
    made["arguments_keywords"] = {"count": 1, "first": 5}
    assert results(make(ADD, **made)) == [6]
    rounds = make(
        ADD,
        arguments_from=f"{HERE}:calls",
        arguments_per_round=True,
        arguments_keywords={"each": 10},
    )
    assert [args for args, _ in rounds.tasks_of(1)] == [(10,), (11,), (12,)]


def test_each_function_of_a_sweep_may_have_its_own() -> None:
    by_name = {"add": [[1, 2]], "tests.functions.swap": [], "builtins:len": ["ab"]}
    assert results(make(ADD, arguments=by_name)) == [3]
    assert results(make("builtins:len", arguments=by_name)) == [2]
    made = {"len": f"{HERE}:texts", "add": f"{HERE}:numbers"}
    keywords = {"count": 2}
    assert results(make(ADD, arguments_from=made, arguments_keywords=keywords)) == [1, 2]


@pytest.mark.parametrize(
    ("parameters", "name", "words"),
    [
        (
            {"arguments": ["ab", "cd"], "function": f"{HERE}:swap_two"},
            "arguments",
            "call 0 does not fit tests.functions.swap_two(left: int, right: int) -> tuple[int, int]"
            ": missing a required argument: 'right'; a text is one argument, and several of a call "
            "stand in a list, as in [[a,b],[c,d]]",
        ),
        ({"arguments": [3], "function": f"{HERE}:swap_two"}, "arguments", "an entry without [ ]"),
        ({"arguments": [[1, 2, 3]]}, "arguments", "[[..]] a list as its first"),
        ({"arguments": {"left": 1}}, "arguments", "not tests.functions.add; add it; the arguments"),
        ({"arguments_from": {"swap": "m:f"}}, "arguments_from", "has swap, but not tests.fun"),
        ({"arguments": "range(0, 10, 0)"}, "arguments", "must not be zero"),
        ({"arguments": "[n for n in range(3)]"}, "arguments", "by workload.arguments_from"),
        ({"arguments": "5"}, "arguments", "must be a list"),
        ({"arguments": [[1], [2]], "calls": 3}, "calls", "workload.arguments has 2; name one"),
        ({"calls": 0}, "calls", "must be at least 1"),
        ({"arguments_from": f"{HERE}:pairs", "calls": 2}, "calls", "return as many"),
        (
            {"arguments_from": f"{HERE}:numbers"},
            "arguments_from",
            "set workload.arguments_keywords={name: value}",
        ),
        (
            {"arguments_from": f"{HERE}:numbers", "arguments_keywords": {"n": 2}},
            "arguments_keywords",
            "do not fit tests.functions.numbers(count: int, first: int = 0)",
        ),
        ({"arguments_keywords": {"n": 2}}, "arguments_keywords", "set workload.keywords"),
        ({"keywords": {"base": 2}}, "arguments", "unexpected keyword argument 'base'"),
    ],
)
def test_mistakes_name_the_parameter(parameters: dict[str, Any], name: str, words: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        make(parameters.pop("function", ADD), **parameters)
    assert caught.value.name == name
    assert words in caught.value.problem


@pytest.mark.parametrize(
    ("function", "words"),
    [("word", "texts returns a str; let it return or yield one entry for each"), ("single", "int")],
)
def test_what_arguments_from_returns_has_to_be_calls(function: str, words: str) -> None:
    workload = make(ADD, arguments_from=f"{HERE}:{function}")
    with pytest.raises(InvalidParameter, match=words.replace("texts", f".*{function}")):
        workload.tasks()


def test_what_arguments_from_returns_has_to_fit() -> None:
    workload = make(f"{HERE}:swap_two", arguments_from=f"{HERE}:texts")
    with pytest.raises(InvalidParameter, match=r"^arguments_from: call 0 .* a text is one argum"):
        workload.tasks()


@pytest.mark.parametrize("composed", [True, False], ids=["one cell", "sweep"])
@pytest.mark.parametrize(
    "keywords",
    ["workload.keywords={left: 3}", "++workload.keywords.left=3", "+workload.keywords={left: 3}"],
)
def test_keywords_are_set_on_the_command_line(
    keywords: str, composed: bool, make_plan: MakePlan, tmp_path: Path
) -> None:
    where = {"plugins": tmp_path} if composed else {}
    given = ["workload=callable", f"workload.function={ADD}", "workload.arguments=[{right: 1}]"]
    plan = make_plan(*given, keywords, **where)
    assert plan.parameters["workload.keywords"] == {"left": 3}


def test_bytes_of_a_yaml_file_are_measured(make_plan: MakePlan, tmp_path: Path) -> None:
    (tmp_path / "workload").mkdir()
    (tmp_path / "workload/sizes.yaml").write_text(
        "defaults: [callable]\nfunction: builtins:len\narguments: [!!binary aGVsbG8=]\n"
    )
    plan = make_plan("workload=sizes", plugins=tmp_path)
    assert plan.parameters["workload.arguments"] == [b"hello"]
    assert len(plan.cell) == 12


def test_ranges_and_bytes_run_on_processes(make_plan: MakePlan) -> None:
    given = ["workload.arguments=\"[b'ab', b'abc']\"", "executor=pool"]
    runs = first_runs(make_plan, "workload.function=builtins:len", *given)
    assert [run.status for run in runs] == ["ok", "ok"], runs[1].error
