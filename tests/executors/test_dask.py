"""The Dask executor on clusters of its own, and on a scheduler and workers started apart."""

import gc
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest

from runners.executors.dask import Dask, _keys, choose
from runners.model import InvalidParameter, Unavailable, Unsupported, WorkerDied
from runners.results.read import read_runs
from runners.testing import ExecutorSuite, remember, remembered, whereabouts
from tests.conftest import ROOT, run_program

dask = pytest.importorskip("dask", reason="needs the package distributed")
distributed = pytest.importorskip("distributed", reason="needs the package distributed")


@pytest.fixture(scope="module", autouse=True)
def _helper_thread() -> None:
    """Dask's thread for large messages, once for the process, stays: it is there from here on."""
    with Dask(1) as executor:
        executor.map(abs, [1])


@pytest.fixture(scope="class")
def loaded() -> Iterator[None]:
    """Some thirty workers, each of which would take half a second to load Dask.

    The fork server that they come from loads it, and must not be there before or stay.
    """
    server: Any = forkserver._forkserver
    server._stop()
    with dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}):
        yield
    server._stop()
    server.set_forkserver_preload(["__main__"])


@pytest.mark.usefixtures("loaded")
class TestDask(ExecutorSuite):
    def make(self, n: int, **keywords: Any) -> Dask:
        return Dask(n, **keywords)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a scheduler with two workers, of one and of two threads: three processes."""
    folder = tmp_path_factory.mktemp("dask")
    file = folder / "scheduler.json"
    common = ["--scheduler-file", str(file), "--host", "127.0.0.1", "--no-dashboard"]
    worker = ["worker", *common, "--no-nanny", "--death-timeout", "60"]
    processes = [start(["scheduler", *common, "--port", "0"], folder)]
    try:
        for threads in ("1", "2"):
            processes.append(start([*worker, "--nthreads", threads], folder))
        with distributed.Client(scheduler_file=str(file), timeout=60) as client:
            client.wait_for_workers(2, timeout=60)
            address = client.scheduler.address
        yield address
    finally:
        for process in reversed(processes):  # a worker that loses its scheduler looks for it
            process.terminate()
            process.wait(30)


def start(command: list[str], folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


class TestExistingCluster(ExecutorSuite):
    address: str

    @pytest.fixture(autouse=True)
    def _cluster(self, address: str) -> None:
        self.address = address

    def make(self, n: int, **keywords: Any) -> Dask:
        return Dask(n, address=self.address, **keywords)

    @pytest.mark.parametrize(("n", "processes"), [(1, 1), (2, 1), (3, 2)])
    def test_n_threads_work_and_no_more(self, n: int, processes: int) -> None:
        seen = self.map(n, whereabouts, range(24))
        assert len(set(seen)) == n
        assert len({pid for pid, _ in seen}) == processes

    def test_a_second_executor_initialises_the_same_threads_anew(self) -> None:
        for mark in ("one", "two"):
            with self.make(3, initializer=remember, initargs=(mark,)) as executor:
                assert executor.map(remembered, range(9)) == [mark] * 9

    def test_too_few_threads_are_a_trouble_that_passes(self) -> None:
        with pytest.raises(Unavailable, match=r"\[1, 2\]|\[2, 1\]"):
            self.make(4).__enter__()

    def test_a_cell_is_measured_there(self, tmp_path: Path) -> None:
        reused = ["executor.reuse=true", f"executor.address={self.address}"]
        assert measure(tmp_path, *reused) == {"ok"}


def measure(folder: Path, *arguments: str) -> set[str]:
    """The statuses of the rows of a small cell on Dask; its command must end well and quietly."""
    quick = [
        "workload=io_sleep",
        "workload.high=0.01",
        "n=2",
        "measure=quick",
        "measure.warmup=1",
        "measure.min_rounds=1",
    ]
    done = run_program(
        *(*quick, "executor=dask", "measure.max_rounds=1", "measure.time_budget_s=1", *arguments),
        f"hydra.run.dir={folder / 'out'}",
        cwd=folder,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return set(read_runs([folder / "out"])["status"])


def test_a_cell_is_measured(tmp_path: Path) -> None:
    assert measure(tmp_path) == {"ok"}


def test_threads_of_one_process_are_initialised_each() -> None:
    with Dask(2, threads_per_worker=2, initializer=remember, initargs=("mark",)) as executor:
        seen = executor.map(whereabouts, range(8))
        assert executor.map(remembered, range(8)) == ["mark"] * 8
    assert len({pid for pid, _ in seen}) == 1
    assert len(set(seen)) == 2


@pytest.mark.parametrize("n", [1, 2])
def test_a_worker_that_dies(n: int) -> None:
    with pytest.raises(WorkerDied, match="worker"), Dask(n) as executor:
        executor.map(os._exit, [3])


def test_its_own_cluster_serves_nobody_without_its_keys() -> None:
    with Dask(1) as executor:
        address = executor.client.scheduler.address
        assert address.startswith("tls://127.0.0.1:")
        for security in (None, distributed.Security.temporary()):
            for stranger in (address, address.replace("tls:", "tcp:")):
                with pytest.raises((OSError, TypeError, RuntimeError, ValueError)):
                    distributed.Client(stranger, security=security, timeout=0.5)
                # What is left of it takes a lock of Dask's that the next one holds while it begins.
                gc.collect()


def test_keys_are_made_once_for_a_process_and_stay_in_memory() -> None:
    keys = _keys()
    assert _keys() is keys
    assert "BEGIN PRIVATE KEY" in keys.tls_client_key


def test_no_scheduler_at_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runners.executors.dask.CONNECT_S", 1)
    with pytest.raises(Unavailable, match=r"no scheduler at tcp://127.0.0.1:9: .*"):
        Dask(1, address="tcp://127.0.0.1:9").__enter__()
    with pytest.raises(Unsupported, match="unknown address scheme"):
        Dask(1, address="nowhere://127.0.0.1:9").__enter__()


@pytest.mark.parametrize(
    ("threads", "n", "sizes"),
    [
        ([1, 1, 1], 2, [1, 1]),
        ([4, 1, 2], 3, [1, 2]),
        ([4, 4], 8, [4, 4]),
        ([3, 2, 2], 4, [2, 2]),  # not found by taking the largest first
    ],
)
def test_workers_are_chosen_that_have_n_threads(
    threads: Sequence[int], n: int, sizes: list[int]
) -> None:
    cluster = {f"tcp://{index}": count for index, count in enumerate(threads)}
    chosen = choose(cluster, n)
    assert len(set(chosen)) == len(chosen)
    assert [cluster[address] for address in chosen] == sizes


@pytest.mark.parametrize("threads", [[], [1], [4, 4], [2, 2, 2]])
def test_no_choice_has_three_threads(threads: list[int]) -> None:
    with pytest.raises(Unavailable, match="no choice of them has 3"):
        choose({f"tcp://{index}": count for index, count in enumerate(threads)}, 3)


@pytest.mark.parametrize("threads", [0, 2])
def test_threads_that_do_not_divide_the_workers(threads: int) -> None:
    with pytest.raises(InvalidParameter, match="must divide the number of workers, 3"):
        Dask(3, threads_per_worker=threads)


@pytest.mark.parametrize("package", ["distributed", "cryptography"])
def test_without_a_package_its_extra_is_named(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(Unsupported, match=rf"{package}; python -m pip install distributed"):
        Dask(1)
