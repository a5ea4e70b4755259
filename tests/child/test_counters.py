"""What is read of the kernel around a run, and whose CPU time is whose."""

import dataclasses
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from runners.child import counters
from runners.child.counters import (
    Counters,
    forget_peak,
    keep_gil,
    living_cpu_s,
    max_rss_bytes,
    read_counters,
    read_cpus,
    read_usage,
)
from runners.model import Run

BURN_S = 0.2
CODE = f"""
import sys, time
while time.process_time() < {BURN_S}:
    pass
print("burnt", flush=True)
sys.stdin.read()
"""
TICK_S = 0.02
"""CPU times of other processes come in ticks; one may be missing at either end."""

needs_proc = pytest.mark.skipif(living_cpu_s(os.getpid()) is None, reason="no /proc with children")


def test_its_names_are_columns_of_a_run() -> None:
    assert set(Counters._fields) <= {field.name for field in dataclasses.fields(Run)}


def test_a_difference_keeps_what_does_not_grow_and_what_is_not_known() -> None:
    before = Counters(1, 2, 0.5, 0.25, None, 4, None, 0.5, 1.0, None)
    after = Counters(3, 7, 1.0, 0.25, 2.0, 4, 1.0, 0.75, 1.5, None)
    assert after.since(before) == Counters(2, 5, 0.5, 0.0, None, 4, None, 0.25, 0.5, None)


@needs_proc
def test_the_time_of_a_process_that_lives_is_our_own_and_so_when_it_has_ended() -> None:
    """The worker of a kept pool is not waited for; that of others is, within the run."""
    before = living_cpu_s(os.getpid())
    ended_s = sum(os.times()[2:4])
    assert before is not None
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", CODE], stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        process.stdout.readline()
        living = living_cpu_s(os.getpid())
        assert living is not None
        assert living - before >= BURN_S - TICK_S
    assert living_cpu_s(os.getpid()) == pytest.approx(before, abs=TICK_S)
    assert sum(os.times()[2:4]) - ended_s >= BURN_S - TICK_S


@needs_proc
def test_a_grandchild_is_found() -> None:
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CODE!r}])"
    before = living_cpu_s(os.getpid())
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        process.stdout.readline()
        living = living_cpu_s(os.getpid())
        assert living is not None
        assert before is not None
        assert living - before >= BURN_S - TICK_S


@pytest.mark.skipif(read_cpus() is None, reason="no /proc/stat")
def test_the_cpus_are_those_that_this_process_may_run_on() -> None:
    cpus = read_cpus()
    assert cpus is not None
    assert cpus.number == len(os.sched_getaffinity(0))
    assert read_counters(None).cpus == cpus.number


def test_usage_is_the_same_whether_the_gil_is_kept_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "_pread", counters._read_file)
    before = read_usage()
    keep_gil()
    if counters._pread is counters._read_file:
        pytest.skip("this system has no schedstat, or this Python no ctypes")
    after = read_usage()
    assert 0 <= before.wait_ns <= after.wait_ns < before.wait_ns + 10**10
    assert after.rss_bytes >= before.rss_bytes > 10**6


@pytest.mark.skipif(not os.access("/proc/self/fd", os.R_OK), reason="no list of open files")
def test_a_thread_that_ends_leaves_no_file_open_and_a_thousand_do_not_use_them_up() -> None:
    def opened() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    read_usage()
    before = opened()
    together = threading.Barrier(400 + 1)

    def read_and_stay() -> None:
        assert read_usage().wait_ns >= 0
        together.wait()
        together.wait()

    threads = [threading.Thread(target=read_and_stay) for _ in range(400)]
    for thread in threads:
        thread.start()
    together.wait()
    assert opened() <= counters.MOST_FILES + before
    together.wait()
    for thread in threads:
        thread.join()
    assert opened() == before


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="no peak to be reset")
def test_the_largest_resident_set_is_that_since_it_was_forgotten() -> None:
    size = 200_000_000
    held = bytearray(size)
    before = max_rss_bytes()
    del held
    forget_peak()
    after = max_rss_bytes()
    if before == after:
        pytest.skip("this kernel does not reset the peak")
    assert before - after > size / 2


def test_threads_beside_the_caller_are_seen_in_the_time_of_the_process() -> None:
    def burn() -> None:
        begin = time.thread_time()
        while time.thread_time() < begin + BURN_S:
            pass

    before = read_counters(None)
    thread = threading.Thread(target=burn)
    thread.start()
    thread.join()
    used = read_counters(None).since(before)
    assert used.process_cpu_s - used.caller_cpu_s >= BURN_S - TICK_S


def test_pressure_is_that_of_the_group_with_the_quota(tmp_path: Path) -> None:
    stat = tmp_path / "cpu.stat"
    stat.write_text("usage_usec 5\nthrottled_usec 250000\n")
    text = "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\nfull avg10=0.00 total=7\n"
    (tmp_path / "cpu.pressure").write_text(text)
    counters = read_counters(str(stat))
    assert (counters.pressure_s, counters.throttled_s) == (1.5, 0.25)


@pytest.mark.skipif(read_cpus() is None, reason="no /proc/stat")
def test_own_time_is_read_at_the_moment_of_the_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """What others of this process compute around it would be taken for other programs' time."""
    at: list[float] = []

    def burn() -> None:
        end_s = time.process_time() + BURN_S
        while time.process_time() < end_s:
            pass

    def read(file: int, size: int) -> bytes:
        burn()
        text = os_read(file, size)
        at.append(time.process_time())
        return text

    def close(file: int) -> None:
        os_close(file)
        burn()

    os_read, os_close = os.read, os.close
    with monkeypatch.context() as patch:
        patch.setattr(os, "read", read)
        patch.setattr(os, "close", close)
        found = read_counters(None)
    assert abs(found.process_cpu_s - at[0]) < BURN_S / 2
