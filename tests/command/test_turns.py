"""Jobs on the same CPUs of a machine take turns, by what the kernel forgets when they end."""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from runners.command.turns import TURN, turn
from tests.conftest import ROOT

HOLDS = """
import os, sys
from pathlib import Path
from runners.command.turns import turn
os.sched_setaffinity(0, {int(word) for word in sys.argv[2:]})
with turn(Path(sys.argv[1])):
    print("mine", flush=True)
    sys.stdin.readline()
"""


def job(sweep: Path, *cpus: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(sweep), *map(str, cpus)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(one: "subprocess.Popen[str]") -> str:
    assert one.stdout is not None
    return one.stdout.readline().strip()


def has_said(one: "subprocess.Popen[str]") -> bool:
    assert one.stdout is not None
    return bool(select.select([one.stdout], [], [], 0.6)[0])


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="a single CPU")
def test_jobs_wait_for_those_that_have_one_of_their_cpus_even_if_these_are_killed(
    tmp_path: Path,
) -> None:
    first, second = sorted(os.sched_getaffinity(0))[:2]
    one = job(tmp_path, first)
    assert said(one) == "mine"
    other = job(tmp_path, second)
    assert said(other) == "mine"
    both, elsewhere = job(tmp_path, first, second), job(tmp_path / "other", first)
    assert said(elsewhere) == "mine"
    assert not has_said(both)
    one.kill()
    assert not has_said(both)
    other.communicate("\n")
    assert said(both) == "mine"
    both.communicate("\n")
    elsewhere.communicate("\n")
    one.communicate()
    assert [path.name.startswith(TURN) for path in tmp_path.glob(".t*")] == [True]


def test_nobody_waits_where_there_are_no_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(38, "not implemented")

    monkeypatch.setattr("fcntl.lockf", refuse)
    with turn(tmp_path):
        pass
