"""The Ray executor on clusters of its own, and on one that was started apart."""

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from runners.child.worker import install
from runners.executors.ray import Ray, prepare
from runners.measuring.processes import descendants, lives
from runners.model import InvalidParameter, Unavailable, Unsupported, WorkerDied
from runners.results.read import read_runs
from runners.testing import ExecutorSuite, is_alive, remember, remembered, whereabouts
from tests.conftest import ROOT, run_program

STARTS = """
import sys, ray
ray.init(num_cpus=3, num_gpus=0, include_dashboard=False, log_to_driver=False,
         configure_logging=False, object_store_memory=100_000_000, _temp_dir=sys.argv[1])
print(ray.get_runtime_context().gcs_address, flush=True)
sys.stdin.read()
"""


def needs_ray() -> None:
    """It is not imported: that is for its executor, which sets variables before."""
    if find_spec("ray") is None:
        pytest.skip("needs the package ray, which the extra `test` does not bring")


@pytest.fixture
def _ray() -> None:
    needs_ray()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a cluster with three CPUs, which this process has the token of."""
    needs_ray()
    folder = tmp_path_factory.mktemp("r")
    prepare()
    process = subprocess.Popen(
        [sys.executable, "-c", STARTS, str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            process.wait(30)


class TestRay(ExecutorSuite):
    """The suite on a cluster that is there: starting one takes 3 s."""

    address: str

    @pytest.fixture(autouse=True)
    def _cluster(self, address: str) -> None:
        self.address = address

    def make(self, n: int, **keywords: Any) -> Ray:
        return Ray(n, address=self.address, **keywords)

    def test_each_actor_has_a_process_and_it_is_said_where(self) -> None:
        with self.make(3) as executor:
            assert len({pid for pid, _ in executor.map(whereabouts, range(24))}) == 3
            assert executor.chosen_workers == f"{os.uname().nodename} (3)"

    def test_free_workers_fetch_the_next_chunk(self) -> None:
        with Ray(2, chunksize=2, address=self.address) as executor:
            assert executor.map(abs, range(-5, 0)) == [5, 4, 3, 2, 1]
            pids = [pid for pid, _ in executor.map(whereabouts, range(8))]
        assert pids[::2] == pids[1::2]

    def test_more_workers_than_free_cpus_are_a_trouble_that_passes(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("runners.executors.ray.START_S", 2)
        with pytest.raises(Unavailable, match=r"^Ray has started \d of 4 workers within 2 s: .*$"):
            self.make(4).__enter__()

    def test_a_worker_that_is_lost_is_a_trouble_that_passes(self) -> None:
        with (
            pytest.raises(Unavailable, match=r"^a worker was lost during the run: .*$"),
            self.make(2) as executor,
        ):
            executor.map(os._exit, [3])

    def test_another_version_of_the_program_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("runners.child.worker._loaded", {"runners.child.stops": "another"})
        match = r"^the worker \d+, on \S+, has another version of this program .*$"
        with pytest.raises(Unavailable, match=match):
            self.make(1, initializer=install, initargs=(b"\x80\x04N.",)).__enter__()


@pytest.mark.usefixtures("_ray")
def test_its_own_cluster_is_for_nobody_else_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/tmp")
    handler, threads = signal.getsignal(signal.SIGTERM), {*threading.enumerate()}
    with Ray(2, initializer=remember, initargs=("mark",)) as executor:
        assert executor.map(remembered, range(4)) == ["mark"] * 4
        pids = {pid for pid, _ in executor.map(whereabouts, range(12))}
        assert pids == {*executor.pids}
        assert executor.map(os.environ.get, ["PYTHONPATH"]) == [os.environ.get("PYTHONPATH")]
        address = __import__("ray").get_runtime_context().gcs_address
        stranger = f"from runners.executors.ray import Ray; Ray(1, address={address!r}).__enter__()"
        refused = subprocess.run(
            [sys.executable, "-c", stranger],
            env={**os.environ, "RAY_AUTH_TOKEN": secrets.token_hex(32)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert "is its token here" in refused.stderr
        assert address.startswith("127.0.0.1:")
    assert not any(map(is_alive, pids))
    assert {*threading.enumerate()} == threads
    assert signal.getsignal(signal.SIGTERM) is handler


@pytest.mark.usefixtures("_ray")
def test_a_worker_that_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/tmp")
    with pytest.raises(WorkerDied, match="worker"), Ray(1) as executor:
        executor.map(os._exit, [3])


@pytest.mark.usefixtures("_ray")
def test_a_cell_is_measured(tmp_path: Path) -> None:
    quick = ["workload=io_sleep", "workload.high=0.01", "n=2", "measure=quick", "measure.warmup=1"]
    rounds = ["measure.min_rounds=1", "measure.max_rounds=1", "executor.reuse=true"]
    done = run_program(
        *(*quick, *rounds, "executor=ray", f"hydra.run.dir={tmp_path / 'out'}"), cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")
    runs = read_runs([tmp_path / "out"])
    assert set(runs["status"]) == {"ok"}
    assert set(runs["left_processes"]) == {0}


@pytest.mark.usefixtures("_ray")
def test_what_cannot_be_an_address_or_is_not_there() -> None:
    for name in ("ray://127.0.0.1:10001", "nowhere", "tcp://127.0.0.1"):
        with pytest.raises(Unsupported, match="no address of a cluster of Ray"):
            Ray(1, address=name).__enter__()
    with pytest.raises(Unavailable, match=r"^no cluster of Ray at 127.0.0.1:9: .*$"):
        Ray(1, address="127.0.0.1:9").__enter__()


@pytest.mark.usefixtures("_ray")
def test_a_folder_whose_name_is_too_long_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    with pytest.raises(Unavailable, match=r"is too long \(.*\): set TMPDIR to a shorter one"):
        Ray(1).__enter__()
    assert [*folder.iterdir()] == []


@pytest.mark.usefixtures("_ray")
def test_a_chunk_has_a_task() -> None:
    with pytest.raises(InvalidParameter, match="chunksize"):
        Ray(1, chunksize=0)


def test_without_the_package_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(Unsupported, match="package ray; python -m pip install ray"):
        Ray(1)


@pytest.mark.usefixtures("_ray")
def test_nothing_of_it_outlives_a_program_that_is_killed(tmp_path: Path) -> None:
    slow = ["workload=io_sleep", "workload.low=9", "workload.high=9", "workload.repeat=2", "n=2"]
    command = [sys.executable, "-m", "runners", *slow, "executor=ray", "measure=quick"]
    program = subprocess.Popen(
        [*command, f"hydra.run.dir={tmp_path}"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    found: set[int] = set()
    until_s = time.monotonic() + 100
    while not any(is_actor(pid) for pid in found) and time.monotonic() < until_s:
        found |= {*descendants(program.pid)}
        time.sleep(0.1)
    program.kill()
    program.wait()
    assert any(is_actor(pid) for pid in found)
    while any(map(lives, found)) and time.monotonic() < until_s:
        time.sleep(0.1)
    assert not any(map(lives, found))


def is_actor(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"ray::Worker")
    except OSError:
        return False
