"""Loops that share nothing: they run when told to, and nothing is left of them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runners.child.ceiling import Ceiling
from runners.child.spin import spin
from runners.model import WorkerDied
from tests.conftest import ROOT

LOOP_S = 0.02


@pytest.fixture(scope="module")
def ceiling() -> Iterator[Ceiling]:
    with Ceiling(3, LOOP_S) as ceiling:
        yield ceiling


def is_running(pid: int) -> bool:
    """Whether it runs, and is not only waiting to be asked how it ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until_gone(pids: list[int]) -> bool:
    for _ in range(100):
        if not any(map(is_running, pids)):
            return True
        time.sleep(0.05)
    return False


def test_a_loop_ends_at_zero() -> None:
    assert spin(1000) == 0


@pytest.mark.parametrize("count", [1, 2, 3])
def test_it_lasts_from_before_the_first_loop_to_the_end_of_the_last(
    ceiling: Ceiling, count: int
) -> None:
    before = time.perf_counter_ns()
    made = ceiling.run(count)
    after = time.perf_counter_ns()
    assert len({span.pid for span in made.spans}) == count
    assert os.getpid() not in {span.pid for span in made.spans}
    assert [span.index for span in made.spans] == list(range(count))
    starts, ends = zip(*((span.start_ns, span.end_ns) for span in made.spans), strict=True)
    assert before <= made.begin_ns <= min(starts)
    assert made.begin_ns + round(made.wall_s * 1e9) == pytest.approx(max(ends), abs=2)
    assert max(ends) <= after


def test_each_loop_does_the_same_work_alone_and_beside_others(ceiling: Ceiling) -> None:
    """Their CPU time is the work; that they wait for a CPU does not make it longer."""
    for count in (1, 3):
        spans = ceiling.run(count).spans
        assert len(spans) == count
        for span in spans:
            assert LOOP_S / 4 < span.cpu_ns / 1e9 < 4 * LOOP_S
            assert span.cpu_ns <= span.end_ns - span.start_ns + 1_000_000


def test_loops_that_run_alone_take_turns(ceiling: Ceiling) -> None:
    pids = [ceiling.run(1).spans[0].pid for _ in range(4)]
    assert len(set(pids[:3])) == 3
    assert pids[3] == pids[0]


FORKED = """
import os, signal, time
from runners.child.ceiling import Ceiling
with Ceiling(2, 0.02) as ceiling:
    pids = [span.pid for span in ceiling.run(2).spans]
    worker = os.fork()
    if worker == 0:
        time.sleep(60)
        os._exit(0)
print(*pids, flush=True)
os.kill(worker, signal.SIGKILL)
os.waitpid(worker, 0)
"""


def test_nothing_is_left_where_a_forked_worker_holds_the_pipes() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FORKED], stdout=subprocess.PIPE, cwd=ROOT
    ) as parent:
        assert parent.stdout is not None
        pids = list(map(int, parent.stdout.readline().split()))
    assert len(pids) == 2
    assert not any(map(is_running, pids))


def test_a_loop_that_was_killed_is_told_and_the_others_end() -> None:
    with Ceiling(2, 0.02) as ceiling:
        pids = [span.pid for span in ceiling.run(2).spans]
        os.kill(pids[0], signal.SIGKILL)
        with pytest.raises(WorkerDied, match="has ended"):
            ceiling.run(2)
    assert not any(map(is_running, pids))


def test_they_end_with_the_process_that_started_them() -> None:
    code = (
        "import time; from runners.child.ceiling import Ceiling; c = Ceiling(2, .02).__enter__(); "
        "print(*(span.pid for span in c.run(2).spans), flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT) as parent:
        assert parent.stdout is not None
        pids = list(map(int, parent.stdout.readline().split()))
        parent.kill()
    assert len(pids) == 2
    assert wait_until_gone(pids)
