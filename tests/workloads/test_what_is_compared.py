"""What is found out about the results of each built-in workload, and so said of a cell."""

import pytest

from runners.child.trial import Trial
from runners.model import SIDES, Order
from tests.conftest import ROOT, MakePlan

LOOKED_AT = [
    ("addition", ["size=20", "arguments=10", "repeat=2"], "equal", True),
    ("callable", ["function=builtins:sum", "arguments=[[[1]],[[2]]]"], "equal", False),
    ("callable", ["function=time:sleep", "arguments=[[0],[0]]"], "empty", False),
    (
        "callable",
        ["function=time:time", "arguments=[[],[]]", "compare=none"],
        "compare=none",
        False,
    ),
    ("compress", ["size_bytes=1000"], "equal", True),
    ("condition", ["items=20"], "any", True),
    ("contention", ["steps=200"], "equal", True),
    ("countdown", ["count=100"], "equal", True),
    ("cube", [], "equal", True),
    ("event", ["repeat=2"], "any", True),
    ("file_io", ["size_bytes=1000", "fsync=false"], "equal", True),
    ("hashing", ["size_bytes=4096"], "equal", True),
    ("http_get", ["latency_s=0.001"], "equal", True),
    ("io_sleep", ["low=0.001", "high=0.002"], "equal", True),
    ("json_parse", ["records=10"], "equal", True),
    ("matmul", ["size=20"], "equal or same", True),
    ("memory_copy", ["size_bytes=4096"], "equal", True),
    ("output_lines", ["lines=3"], "equal", True),
    ("point", ["reads=100", "moves=100"], "any", True),
    ("primes", ["end=500"], "equal", True),
    ("queues", ["items=20"], "any", True),
    ("relock", [], "same", True),
    ("semaphore", ["dwell_s=0.001"], "any", True),
    ("shared_list", ["items=20", "steps=10"], "any", True),
    ("shared_value", ["increments=20"], "equal", True),
    ("signals", ["count=10000"], "any", True),
    ("sqlite", ["rows=20", "repeat=1"], "equal", True),
    ("squares", ["numbers=20"], "any", True),
    ("stop_flag", ["after_s=0.01"], "any", True),
    ("thread_local", ["pause_s=0.001"], "any", True),
    ("transfer", ["messages=2"], "any", True),
]


def test_no_workload_is_forgotten() -> None:
    assert {name for name, *_ in LOOKED_AT} == {
        file.stem for file in (ROOT / "conf/workload").glob("*.yaml")
    }


@pytest.mark.parametrize(("workload", "values", "compared", "checked"), LOOKED_AT)
def test_it_is_told_what_was_looked_at(
    workload: str, values: list[str], compared: str, checked: bool, make_plan: MakePlan
) -> None:
    if workload == "matmul":
        pytest.importorskip("numpy")
    overrides = [f"workload.{value}" for value in values]
    trial = Trial(make_plan(f"workload={workload}", "executor=thread", "n=2", *overrides))
    orders = (Order(0, 0, at, role, cold=True, warmup=True) for at, role in enumerate(SIDES))
    try:
        first, second = map(trial.run, orders)
    finally:
        trial.close()
    assert (first.status, second.status) == ("ok", "ok"), first.error or second.error
    assert second.compared in compared.split(" or ")
    assert first.compared == ("compare=none" if compared == "compare=none" else None)
    assert {first.checked, second.checked} == {checked}
