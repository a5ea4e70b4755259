"""The Dask executor on clusters of its own, and on a scheduler and workers started apart."""

import gc
import logging
import os
import pickle
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

import pytest

from runners.child.worker import install
from runners.executors import dask_cluster
from runners.executors.dask import Dask, _keys
from runners.executors.dask_cluster import choose
from runners.model import InvalidParameter, Unavailable, Unsupported, WorkerDied
from runners.results.read import read_runs
from runners.testing import ExecutorSuite, remember, remembered, whereabouts
from runners.workloads.callable import Callable
from runners.workloads.io_sleep import IoSleep
from tests.conftest import ROOT, run_program

PAYLOAD = pickle.dumps(IoSleep(2, 0.0, 0.01, 0))
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
    """Of a scheduler with workers that are told apart by their numbers of threads.

    Those of one and of two are fit. One has another version of the program, and one none of it.
    """
    folder = tmp_path_factory.mktemp("dask")
    copytree(ROOT / "runners", folder / "other/runners", ignore=ignore_patterns("__pycache__"))
    changed = folder / "other/runners/child/stops.py"
    changed.write_text(f"{changed.read_text()}# changed\n")
    bare = folder / "bare"
    bare.mkdir()  # where this program is installed, and that is hidden
    (bare / "runners.py").write_text("raise ModuleNotFoundError(\"No module named 'runners'\")")
    file = folder / "scheduler.json"
    common = ["--scheduler-file", str(file), "--host", "127.0.0.1", "--no-dashboard"]
    worker = ["worker", *common, "--no-nanny", "--death-timeout", "60"]
    processes = [start(["scheduler", *common, "--port", "0"], folder)]
    try:
        for threads, path in ((1, ROOT), (2, ROOT), (BARE, bare), (OTHER, folder / "other")):
            processes.append(start([*worker, "--nthreads", f"{threads}"], folder, path))
        if can_move_clocks():
            command = [*worker, "--nthreads", f"{AWAY}"]
            processes.append(start(command, folder, ROOT, ["unshare", "--time", *OFFSET]))
        with distributed.Client(scheduler_file=str(file), timeout=60) as client:
            client.wait_for_workers(len(processes) - 1, timeout=60)
            address = client.scheduler.address
        yield address
    finally:
        for process in reversed(processes):  # a worker that loses its scheduler looks for it
            process.terminate()
            process.wait(30)


AWAY, BARE, OTHER = 5, 10, 20
"""Threads of workers with another clock, without the program, with another version of it."""
OFFSET = ("--monotonic", "86400", "--boottime", "86400")


@cache
def can_move_clocks() -> bool:
    """Whether a process may be started as on a machine that was started at another time."""
    command = ["unshare", "--time", *OFFSET, "true"]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


def start(
    command: list[str], folder: Path, path: Path = ROOT, before: Sequence[str] = ()
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*before, sys.executable, "-m", "dask", *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(path), "TMPDIR": str(folder)},
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
        with pytest.raises(
            Unavailable,
            match=r"workers of the cluster have \[[\d, ]+\] threads: no choice of them has 4",
        ):
            self.make(4).__enter__()

    def test_workers_that_are_unfit_are_named_and_others_taken(self) -> None:
        for n, why in (
            (BARE, "cannot import this program"),
            (OTHER, "has another version of this pro"),
        ):
            with pytest.raises(Unavailable, match=rf"^the worker tcp://127\S+, on \S+, {why}.*$"):
                self.make(n, initializer=install, initargs=(PAYLOAD,)).__enter__()
        with self.make(3, initializer=install, initargs=(PAYLOAD,)) as executor:
            assert executor.chosen_workers is not None
            assert executor.chosen_workers.count("tcp://127") == 2
            assert os.uname().nodename in executor.chosen_workers

    def test_a_workload_that_is_not_there_is_told_of_the_worker(self, tmp_path: Path) -> None:
        """Before any task goes there; by what a worker with the same files would say."""
        path = tmp_path / "mine.py"
        path.write_text("def double(x):\n    return 2 * x\n")
        workload = Callable(f"{path}:double", [[1]], None, None, 1, "equal", 0.0)
        payload = pickle.dumps(workload)
        path.unlink()
        with pytest.raises(Unavailable, match=r"cannot load the workload \(.* no file .*mine.py"):
            self.make(1, initializer=install, initargs=(payload,)).__enter__()

    def test_a_cell_is_measured_there_without_tasks_by_other_clocks(self, tmp_path: Path) -> None:
        """They are in its time and its results; a ladder of the others would be a wrong one."""
        n = AWAY if can_move_clocks() else 3
        chosen = [f"n={n}", "workload.repeat=24", f"executor.address={self.address}"]
        assert measure(tmp_path, *chosen, "executor.reuse=true") == {"ok"}
        runs = read_runs([tmp_path / "out"])
        assert runs[runs["role"] == "baseline"]["away_tasks"].isna().all()
        found = runs[runs["role"] == "measured"]
        assert found["chosen_workers"].str.contains("tcp://127").all()
        if not can_move_clocks():
            pytest.skip("clocks: needs the right to make a time namespace (CAP_SYS_ADMIN)")
        assert (found["away_tasks"] == found["tasks"]).all()
        assert found["away_tasks"].notna().all()
        assert (found["away_machines"] == os.uname().nodename).all()
        assert found["L1_s"].isna().all()


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
    monkeypatch.setattr(dask_cluster, "CONNECT_S", 0.5)
    with pytest.raises(Unavailable, match=r"^no scheduler at tcp://127.0.0.1:9: .* its port.*$"):
        Dask(1, address="tcp://127.0.0.1:9").__enter__()
    with socket.create_server(("127.0.0.1", 0)) as silent:  # as a scheduler that was stopped
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Unavailable, match=rf"^no scheduler at {address}: TimeoutError.*$"):
            Dask(1, address=address).__enter__()
    with pytest.raises(Unsupported, match="unknown address scheme"):
        Dask(1, address="nowhere://127.0.0.1:9").__enter__()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """The address of a cluster that talks by TLS, with nannies, and the settings for it."""
    folder = tmp_path_factory.mktemp("keys")
    keys = _keys()
    for name, text in (("cert.pem", keys.tls_client_cert), ("key.pem", keys.tls_client_key)):
        (folder / name).write_text(text)
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    settings = {"ca-file": cert, "client.cert": cert, "client.key": key}
    with _both_workers(keys) as cluster:
        address = cluster.scheduler_address
        yield address, {f"distributed.comm.tls.{name}": value for name, value in settings.items()}


@contextmanager
def _both_workers(keys: Any) -> Iterator[Any]:
    """A cluster of two workers. Under load one of them may fail in Dask itself as it starts."""
    for _ in range(4):
        with distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            security=keys,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        ) as cluster:
            try:
                with distributed.Client(cluster, timeout=60, set_as_default=False) as client:
                    client.wait_for_workers(2, timeout=20)
            except (TimeoutError, OSError, AssertionError):
                continue
            yield cluster
            return
    raise AssertionError("no cluster of two workers could be started")


def test_a_connection_that_fails_in_dask_itself_is_tried_again(
    guarded: tuple[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, settings = guarded
    known, tried = dask_cluster._client, []

    def client(where: Any, address: str | None) -> Any:
        tried.append(address)
        if len(tried) == 1:
            raise AssertionError
        return known(where, address)

    monkeypatch.setattr(dask_cluster, "_client", client)
    with dask.config.set(settings), Dask(2, address=address) as executor:
        assert executor.map(abs, [-1, -2]) == [1, 2]
    assert len(tried) == 2


def test_keys_come_from_the_configuration_of_dask(guarded: tuple[str, dict[str, str]]) -> None:
    address, settings = guarded
    with dask.config.set(settings), Dask(2, address=address) as executor:
        assert executor.map(abs, [-1, -2, -3]) == [1, 2, 3]
    with pytest.raises(Unavailable, match=r"no scheduler at tls://.*CA_FILE.*CLIENT__CERT.*"):
        Dask(2, address=address).__enter__()


def test_a_worker_that_is_lost_ends_the_run_as_a_trouble_that_passes(
    guarded: tuple[str, dict[str, str]],
) -> None:
    """Its nanny starts another one, which would do the work a second time."""
    address, settings = guarded
    with (
        dask.config.set(settings),
        pytest.raises(Unavailable, match=r"the worker tls://\S+, on \S+, was lost during the run"),
        Dask(2, address=address) as executor,
    ):
        executor.map(die_once, [os.getpid(), *[0] * 9])


def die_once(of: int) -> None:
    """End the worker at the first of several tries: a file in the caller's folder says which."""
    time.sleep(0.1)
    if of:
        mark = Path(tempfile.gettempdir(), f"died-{of}")
        if not mark.exists():
            mark.touch()
            os._exit(3)
        mark.unlink()


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
    assert chosen is not None
    assert len(set(chosen)) == len(chosen)
    assert [cluster[address] for address in chosen] == sizes


@pytest.mark.parametrize("threads", [[], [1], [4, 4], [2, 2, 2]])
def test_no_choice_has_three_threads(threads: list[int]) -> None:
    assert choose({f"tcp://{index}": count for index, count in enumerate(threads)}, 3) is None


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
