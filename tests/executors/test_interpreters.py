"""Interpreters of one process: real cells, and modules that refuse to be loaded in them."""

import sys
from pathlib import Path

import pytest

from runners.measuring.measure import measure
from runners.model import Run
from tests.conftest import MakePlan

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 14), reason="needs Python 3.14, which has interpreters"
)


def last_run(make_plan: MakePlan, *overrides: str) -> Run:
    runs = measure(make_plan("executor=interpreters", "n=2", *overrides))
    return [run for run in runs if run.role == "measured"][-1]


@pytest.mark.parametrize("reuse", ["false", "true"])
def test_tasks_know_the_workers_they_run_in(make_plan: MakePlan, reuse: str) -> None:
    """What the initializer leaves in a worker is there at each of its tasks."""
    small = ["workload=countdown", "workload.count=200000", "workload.repeat=8"]
    run = last_run(make_plan, *small, f"executor.reuse={reuse}")
    assert (run.status, run.error, run.gil) == ("ok", None, True)
    assert len({span.pid for span in run.spans}) == 1
    assert len({span.thread for span in run.spans}) in (1, 2)
    assert all(span.thread != span.pid for span in run.spans)


def test_a_module_that_refuses_interpreters_is_named(make_plan: MakePlan) -> None:
    run = last_run(make_plan, "workload=matmul", "workload.size=10")
    assert run.status == "unsupported"
    assert str(run.error).startswith("the module numpy.")
    assert "use threads or processes" in str(run.error)


def test_one_that_a_task_imports_is_named_too(
    make_plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "late.py").write_text("def total(n):\n    import numpy\n    return n\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    run = last_run(
        make_plan, "workload=callable", "workload.function=late:total", "workload.arguments=[[1]]"
    )
    assert run.status == "unsupported"
    assert str(run.error).startswith("the module numpy.")
