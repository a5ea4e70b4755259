"""Profiles by the profiler that is there: py-spy, or from Python 3.15 on the interpreter's own."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from runners import speedup
from runners.analysis.places import places
from runners.door import Interrupted
from runners.measuring import profile as profiling
from runners.measuring.interrupts import Interrupts
from runners.measuring.profile import _probe, profile
from runners.measuring.untimed import Untimed
from runners.model import Plan
from runners.results.profiles import PROFILES, read_profiles

CAP_SYS_PTRACE, PR_CAPBSET_DROP = 19, 24  # linux/capability.h, linux/prctl.h
SMALL = {
    **{"measure.min_rounds": 2, "measure.max_rounds": 2, "measure.interpreters": 1},
    "measure.time_budget_s": 0.5,
}


def refused() -> str | None:
    """Why no profile can be made here."""
    if (
        sys.version_info < (3, 15)
        and shutil.which("py-spy", path=Path(sys.executable).parent) is None
    ):
        return "py-spy is not installed"
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        _probe(other.pid)
    except Untimed as why:
        return str(why)
    finally:
        other.communicate(b"\n")
    return None


needs_profiler = pytest.mark.skipif((why := refused()) is not None, reason=str(why))


def spin(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


class Parcel:
    """It takes four times as long to pickle as to make."""

    def __getstate__(self) -> dict[str, int]:
        spin(0.008)
        return {"kept": 1}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Parcel)

    __hash__ = None  # type: ignore[assignment]


def send(number: int) -> Parcel:
    spin(0.002)
    return Parcel()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiling, "PROFILE_S", 0.7)
    monkeypatch.setattr(profiling, "MOST_S", 2.0)


@needs_profiler
def test_pickling_is_recognised_by_name(tmp_path: Path, short: None) -> None:
    result = speedup(
        *(send, range(6)),
        executor="process_pool",
        measure="quick",
        parameters=SMALL,
        folder=tmp_path,
        profile=True,
        quiet=True,
    )
    [folder] = {path.parent for path in tmp_path.glob(f"*/{PROFILES['measured']}")}
    profiles = read_profiles(folder)
    found = places(profiles)
    [first, *_] = [one for one in found.places if one.kind in ("pickling", "GIL", "computing")]
    assert first.kind == "pickling"
    assert first.function == "Parcel.__getstate__ (test_profile.py)"
    assert found.pickling("measured") > 0.5
    assert found.pickling("baseline") < 0.1  # nothing leaves the plain loop
    assert profiles["measured"].processes >= 3
    # No profiled run is among those that were timed.
    timed = result.runs[result.runs["role"] != "spin"]
    assert not timed.duplicated(["round", "role"]).any()
    assert not [one for one in psutil.Process().children(recursive=True) if _is_profiler(one)]


def _is_profiler(process: psutil.Process) -> bool:
    try:
        words = " ".join(process.cmdline())
    except psutil.Error:
        return False
    return "py-spy" in words or "profiling.sampling" in words


@needs_profiler
def test_a_request_to_stop_ends_the_profilers(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ATTACH_S", "OWN_ATTACH_S"):
        monkeypatch.setattr(profiling, name, 60.0)
    seen: list[bool] = []

    def stop() -> None:
        until_s = time.monotonic() + 30
        while time.monotonic() < until_s and not seen:
            if any(map(_is_profiler, psutil.Process().children(recursive=True))):
                seen.append(True)
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(Interrupted), Interrupts() as interrupts:
        profile(plan, "measured", interrupts)
    thread.join()
    assert seen
    assert not any(map(_is_profiler, psutil.Process().children(recursive=True)))


@pytest.fixture(scope="module")
def plan() -> Plan:
    from runners.command.cells import planned
    from runners.command.grid import Grid
    from runners.planning.environment import read_site
    from runners.planning.loading import loading

    with loading() as (loader, config):
        grid = Grid(loader, config)
        texts = ["workload=squares", "executor=thread_pool", "n=2"]
        [cell] = planned(
            grid, grid.combinations({}, texts), read_site(), lambda _: Path(), lambda _: 0
        )
    assert isinstance(cell.what, Plan)
    return cell.what


def told(plan: Plan) -> str:
    with Interrupts() as interrupts, pytest.raises(Untimed) as error:
        profile(plan, "measured", interrupts)
    return str(error.value)


def test_what_no_profiler_looks_into_is_told(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    pypy = replace(plan.python, implementation="PyPy", version="3.11.13")
    assert "no profiler looks into PyPy 3.11.13" in told(replace(plan, python=pypy))
    free = replace(plan.python, free_threaded=True, version="3.14.0")
    assert "py-spy does not look into 3.14.0t" in told(replace(plan, python=free))
    old = replace(plan.python, version="3.13.1", free_threaded=False)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    assert "pip install 'speedup-lab[profile]'" in told(replace(plan, python=old))


def test_a_profiler_that_fails_is_a_line(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "py-spy"
    broken.write_text("#!/bin/sh\necho 'Error: Operation not permitted (os error 1)'; exit 1\n")
    broken.chmod(0o755)
    old = replace(plan.python, version="3.13.1", free_threaded=False)
    monkeypatch.setattr(profiling, "_probe", lambda pid: None)
    monkeypatch.setattr(profiling, "ATTACH_S", 0.0)
    monkeypatch.setattr(profiling, "PROFILE_S", 0.0)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: str(broken))
    line = told(replace(plan, python=old))
    assert line.startswith("py-spy failed: Error: Operation not permitted (os error 1); ")
    assert "ptrace_scope=0" in line
    assert "\n" not in line


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of Linux")
def test_where_ptrace_is_refused_it_says_what_to_allow() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root has something that can be taken from it here")
    code = "import sys; from runners.measuring.profile import _probe; _probe(int(sys.argv[1]))"

    def drop() -> None:
        if ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE, 0, 0, 0) != 0:
            os._exit(77)

    asked = subprocess.run(
        [sys.executable, "-c", code, str(os.getpid())],
        preexec_fn=drop,
        capture_output=True,
        text=True,
    )
    if asked.returncode == 77:
        pytest.skip("what root may do cannot be changed here")
    assert "lets no program look into another one (ptrace)" in asked.stderr
    assert "CAP_SYS_PTRACE" in asked.stderr


@needs_profiler
def test_a_side_that_fails_is_a_line(plan: Plan) -> None:
    hurried = replace(plan, measure=replace(plan.measure, timeout_s=1e-6))
    assert "took longer than 1e-06 s; see measure.timeout_s" in told(hurried)
