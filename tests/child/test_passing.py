"""Which errors of a run may not come again, and what becomes of them."""

import errno
import os
import traceback

import pytest

from runners.child.passing import passes
from runners.measuring.measure import measure
from runners.model import Unavailable
from tests.conftest import MakePlan


def text_of(error: Exception) -> str:
    """What the row of a task that raised it says."""
    try:
        raise error
    except Exception:
        return f"1 of 2 tasks failed; task 0:\n{traceback.format_exc()}"


def system(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    "error",
    [
        *map(system, (errno.EADDRINUSE, errno.ECONNREFUSED, errno.ETIMEDOUT, errno.EMFILE)),
        *map(system, (errno.ENOSPC, errno.ENETUNREACH)),
        OSError(-3, "Temporary failure in name resolution"),
        RuntimeError("Cluster failed to start: [Errno 98] Address already in use"),
        Unavailable("the licence server is down"),
    ],
)
@pytest.mark.parametrize("limited", [True, False])
def test_a_trouble_that_passes(error: Exception, limited: bool) -> None:
    assert passes(text_of(error), limited)


@pytest.mark.parametrize(
    "error",
    [
        *map(system, (errno.ENOMEM, errno.EAGAIN)),
        MemoryError(),
        MemoryError("Unable to allocate 7 TiB"),
        RuntimeError("can't start new thread"),
    ],
)
def test_too_little_memory_passes_but_not_below_a_limit_of_the_cell(error: Exception) -> None:
    assert passes(text_of(error), limited=False)
    assert not passes(text_of(error), limited=True)


@pytest.mark.parametrize(
    "error",
    [
        *map(system, (errno.ENOENT, errno.EACCES, errno.EINVAL, errno.EPIPE)),
        ValueError("98"),
        LookupError("MemoryErrors"),
        ZeroDivisionError("division by zero"),
    ],
)
def test_what_would_come_again(error: Exception) -> None:
    assert not passes(text_of(error), limited=False)
    assert not passes("", limited=False)


@pytest.mark.parametrize("executor", ["serial", "thread", "process"])
def test_a_task_that_finds_its_port_busy_makes_a_cell_incomplete(
    make_plan: MakePlan, executor: str
) -> None:
    *_, run = measure(
        make_plan(
            *("workload=callable", "workload.function=tests.functions:listen", "n=1"),
            *("workload.arguments=[[1]]", f"executor={executor}"),
        )
    )
    assert run.status == "incomplete"
    assert "Address already in use" in str(run.error)
