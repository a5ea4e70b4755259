"""Short names that tell cells apart."""

from typing import Any

from runners.words.labels import labels
from tests import synthetic


def test_first_calls_are_no_repetition_of_warm_ones() -> None:
    named = labels(synthetic.summary({}, {"fresh": False}, {"fresh": True}, {"fresh": True}))
    assert named["panel"].tolist() == ["primes", "primes", *["primes, first calls"] * 2]
    assert named["line"].tolist() == ["pool", "pool (again, 2)", "pool", "pool (again, 2)"]


def test_a_function_goes_by_its_name() -> None:
    function = "workload.function"
    named = labels(
        synthetic.summary(
            {"workload": "callable", function: "zlib:compress", "workload.arguments": "[1]"},
            {"workload": "callable", function: "one/mine.py:f", "workload.arguments": "[2]"},
            {"workload": "callable", function: "two/mine.py:f", "workload.arguments": "[2]"},
            {"workload": "callable", function: "two/mine.py:g", "workload.arguments": "[2]"},
            {"workload": "callable", function: "two/mine.py:g", "workload.arguments": "[3]"},
            {"workload": "callable"},
            {"workload": "primes"},
        )
    )
    assert named["panel"].tolist() == [
        *("zlib.compress", "one/mine.py:f", "two/mine.py:f"),
        *("mine.g arguments=[2]", "mine.g arguments=[3]", "callable", "primes"),
    ]


def on(python: str | None, **columns: Any) -> dict[str, Any]:
    order = {"3.13.1": 0, "3.15.0t": 1}.get(python or "")
    return {"python": python, "python_order": order, "python_build": "b", **columns}


def test_the_interpreter_is_named_where_it_varies() -> None:
    one = labels(synthetic.summary(on("3.13.1"), on("3.13.1", n=4)))
    assert one["line"].tolist() == ["pool", "pool"]
    assert one["interpreter"].tolist() == ["", ""]
    two = labels(synthetic.summary(on("3.13.1"), on("3.15.0t"), on(None)))
    assert two["line"].tolist() == ["pool, 3.13.1", "pool, 3.15.0t", "pool, unknown Python"]
    assert two["way"].tolist() == ["pool"] * 3
    assert two["interpreter"].tolist() == ["3.13.1", "3.15.0t", "unknown Python"]
    assert two["panel"].tolist() == ["primes"] * 3


def test_a_parameter_that_only_follows_the_interpreter_is_not_named() -> None:
    method = "executor.start_method"
    default = synthetic.summary(
        *(on("3.13.1", n=n, **{method: "fork"}) for n in (1, 2)),
        *(on("3.15.0t", n=n, **{method: "forkserver"}) for n in (1, 2)),
    )
    assert set(labels(default)["way"]) == {"pool"}
    chosen = synthetic.summary(
        on("3.13.1", **{method: "fork"}),
        on("3.13.1", **{method: "spawn"}),
        on("3.15.0t", **{method: "forkserver"}),
    )
    assert labels(chosen)["way"].tolist() == [
        "pool start_method=fork",
        "pool start_method=spawn",
        "pool start_method=forkserver",
    ]
    of_tasks = synthetic.summary(
        on("3.13.1", **{"workload.end": 1}), on("3.15.0t", **{"workload.end": 2})
    )
    assert labels(of_tasks)["panel"].tolist() == ["primes end=1", "primes end=2"]
