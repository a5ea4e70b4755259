"""The workloads of real work: hashing, compression, parsing, copies, matrices, files, web, SQL."""

import asyncio
import ctypes
import dataclasses
import hashlib
import json
import multiprocessing
import os
import pickle
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
import threadpoolctl

from runners.model import InvalidParameter, Workload, WrongResult
from runners.testing import WorkloadSuite
from runners.workloads import hashing, json_parse, matmul, memory_copy
from runners.workloads.compress import Compress
from runners.workloads.file_io import FileIo
from runners.workloads.hashing import ALGORITHMS, MILLION, MILLION_TIMES_A, Hashing
from runners.workloads.http_get import HttpGet
from runners.workloads.io_sleep import IoSleep
from runners.workloads.json_parse import JsonParse
from runners.workloads.matmul import Matmul
from runners.workloads.memory_copy import MemoryCopy
from runners.workloads.sqlite import Sqlite

ROOT = Path(__file__).parents[2]
KINDS = [Hashing, Compress, JsonParse, MemoryCopy, Matmul, FileIo, HttpGet, Sqlite]

LESS: dict[Any, dict[str, Any]] = {
    Hashing: {"algorithm": "sha256", "size_bytes": 5000, "repeat": 2, "pieces": 3},
    Compress: {"level": 6, "size_bytes": 5000, "repeat": 2, "pieces": 3},
    JsonParse: {"records": 20, "repeat": 2, "pieces": 3},
    MemoryCopy: {"size_bytes": 10_000, "repeat": 2, "pieces": 3},
    Matmul: {"size": 20, "blas_threads": 1, "repeat": 2, "pieces": 3},
    FileIo: {"size_bytes": 5000, "fsync": True, "repeat": 2, "pieces": 3, "folder": None},
    HttpGet: {"latency_s": 0.001, "size_bytes": 5000, "repeat": 2, "pieces": 3},
    Sqlite: {"mode": "read", "journal_mode": "delete", "rows": 100, "repeat": 2, "pieces": 3},
}


def small(kind: Any, **parameters: Any) -> Any:
    return kind(**LESS[kind] | parameters)


@pytest.fixture(autouse=True)
def _caps_end_with_their_test() -> Iterator[None]:
    with threadpoolctl.threadpool_limits():
        yield


class TestHashing(WorkloadSuite):
    workload = small(Hashing)


class TestCompress(WorkloadSuite):
    workload = small(Compress)


class TestJsonParse(WorkloadSuite):
    workload = small(JsonParse)


class TestMemoryCopy(WorkloadSuite):
    workload = small(MemoryCopy)


class TestMatmul(WorkloadSuite):
    workload = small(Matmul)


class TestFileIo(WorkloadSuite):
    workload = small(FileIo)


class TestHttpGet(WorkloadSuite):
    workload = small(HttpGet)


class TestSqliteRead(WorkloadSuite):
    workload = small(Sqlite)


class TestSqliteWrite(WorkloadSuite):
    workload = small(Sqlite, mode="write")


def run(workload: Workload) -> list[Any]:
    return [workload(task) for task in workload.tasks()]


@pytest.mark.parametrize(
    ("kind", "name", "value", "problem"),
    [
        (Hashing, "algorithm", "sha257", "choose from blake2b, blake2s, md5"),
        (Hashing, "algorithm", "shake_128", "choose from blake2b, blake2s, md5"),
        (Compress, "level", 10, "must be from 0 to 9, not 10"),
        (Compress, "level", -1, "must be from 0 to 9, not -1"),
        (Matmul, "blas_threads", 0, "must be at least 1, or null for no cap, not 0"),
        (FileIo, "folder", "/no/such/folder", "is not a folder; choose an existing one, or null"),
        (HttpGet, "latency_s", -1.0, "must be finite and at least 0 seconds, not -1.0"),
        (HttpGet, "latency_s", float("inf"), "must be finite and at least 0 seconds"),
        *(
            (kind, field.name, 0, "must be at least 1, not 0")
            for kind in KINDS
            for field in dataclasses.fields(kind)
            if field.name in ("size_bytes", "records", "size", "rows", "repeat", "pieces")
        ),
    ],
)
def test_value_that_cannot_work_is_refused(kind: Any, name: str, value: Any, problem: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        small(kind, **{name: value})
    assert refused.value.name == name
    assert problem in refused.value.problem


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_any_algorithm_agrees_with_the_digest_of_small_pieces(algorithm: str) -> None:
    workload = small(Hashing, algorithm=algorithm)
    workload.check(run(workload))


def test_hashing_is_held_against_the_published_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    hashing._digest.cache_clear()
    for algorithm, digest in MILLION_TIMES_A.items():
        workload = Hashing(algorithm, MILLION, repeat=1, pieces=1)
        results = run(workload)
        assert results == [digest] == [hashlib.new(algorithm, b"a" * MILLION).hexdigest()]
        workload.check(results)
    monkeypatch.setitem(MILLION_TIMES_A, "sha256", "0")
    hashing._digest.cache_clear()
    with pytest.raises(WrongResult, match="have to be 0"):
        small(Hashing, size_bytes=MILLION).check(run(small(Hashing, size_bytes=MILLION)))
    hashing._digest.cache_clear()


@pytest.mark.parametrize("level", [0, 1, 9])
def test_compressed_text_is_smaller_but_for_level_0(level: int) -> None:
    workload = small(Compress, level=level)
    results = run(workload)
    workload.check(results)
    assert (len(results[0]) < 2500) == (level > 0)


def test_other_text_is_a_wrong_result_of_compression() -> None:
    workload = small(Compress, pieces=1)
    with pytest.raises(WrongResult, match="result 0 is not the text"):
        workload.check([zlib.compress(b"another text")])


def test_document_is_json_with_values_of_all_types() -> None:
    first, second = json.loads(json_parse._document(2))
    assert first == {
        **{"id": 0, "name": "record 0", "value": 0.0, "tags": ["small", "café"]},
        **{"even": True, "parent": None},
    }
    assert (second["id"], second["value"], second["even"]) == (1, 0.25, False)


def test_copy_that_was_not_made_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    workload = small(MemoryCopy)
    run(workload)
    monkeypatch.setattr(ctypes, "memmove", lambda *_: None)
    with pytest.raises(WrongResult, match="checksums"):
        workload.check(run(workload))


def test_tasks_that_copy_at_the_same_time_have_buffers_of_their_own() -> None:
    workload = small(MemoryCopy, size_bytes=3_000_000, repeat=10, pieces=40)
    with ThreadPoolExecutor(4) as executor:
        workload.check(list(executor.map(workload, workload.tasks())))
    idle = memory_copy._idle(3_000_000)
    kept = len(idle)
    assert len({id(buffer) for pair in idle for buffer in pair}) == 2 * kept <= 8
    run(workload)
    assert len(idle) == kept


@pytest.mark.parametrize("cap", [1, 2, 3])
def test_cap_of_blas_threads_is_in_effect_in_a_thread(cap: int) -> None:
    workload = small(Matmul, blas_threads=cap)

    def numbers() -> list[int]:
        workload.check(results := run(workload))
        assert workload.metrics(results) == {"blas_threads": cap}
        return in_effect()

    with ThreadPoolExecutor(1) as executor:
        assert set(executor.submit(numbers).result()) == {cap}


# Python 3.12 and later warn of a fork beside other threads: those of BLAS, which expects it.
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("here", [1, 2])
def test_cap_of_blas_threads_is_in_effect_in_a_process(method: str, here: int) -> None:
    run(small(Matmul, blas_threads=here))
    workload = small(Matmul, blas_threads=2)
    with ProcessPoolExecutor(1, multiprocessing.get_context(method)) as executor:
        (result,) = executor.map(workload, [0])
        assert set(executor.submit(in_effect).result()) == {2} == {result[1]}


def test_without_a_cap_blas_has_as_many_threads_as_before() -> None:
    before = in_effect()
    workload = small(Matmul, blas_threads=None)
    assert workload.metrics(run(workload)) == {"blas_threads": max(before)}
    assert in_effect() == before


def test_products_are_compared_and_blas_threads_are_not() -> None:
    workload = small(Matmul)
    (sums, threads), *_ = run(workload)
    assert workload.same((sums, threads), (list(sums), threads + 1))
    wrong = [sums[0] + 1, *sums[1:]]
    assert not workload.same((sums, threads), (wrong, threads))
    with pytest.raises(WrongResult, match="the products are not 3 times"):
        workload.check([(sums, threads), (sums, threads), (wrong, threads)])


def test_row_sums_are_those_of_the_textbook_product() -> None:
    left, right = (matrix.tolist() for matrix in matmul._matrices(5))
    product = [[sum(map(float.__mul__, row, c)) for c in zip(*right, strict=True)] for row in left]
    assert matmul._row_sums(5) == [sum(row) for row in product]


def in_effect() -> list[int]:
    return [library["num_threads"] for library in threadpoolctl.threadpool_info()]


@pytest.mark.parametrize("fsync", [True, False])
def test_files_are_written_where_asked_and_removed(
    fsync: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[int, int]] = []

    def spy(descriptor: int) -> None:
        files = list(tmp_path.iterdir())
        synced.append((len(files), os.fstat(descriptor).st_size))

    monkeypatch.setattr(os, "fsync", spy)
    workload = small(FileIo, folder=str(tmp_path), fsync=fsync)
    workload.check(run(workload))
    assert synced == ([(1, 5000)] * 6 if fsync else [])
    assert list(tmp_path.iterdir()) == []


def test_server_answers_workers_that_know_the_workload_from_before_it_ran() -> None:
    workload = small(HttpGet, pieces=6)
    worker = pickle.loads(pickle.dumps(workload))
    with workload, ThreadPoolExecutor(6) as executor:
        workload.check(list(executor.map(worker, workload.tasks())))


def test_server_waits_for_its_latency() -> None:
    with small(HttpGet, latency_s=0.1, repeat=1) as workload:
        begin = time.monotonic()
        workload(workload.tasks()[0])
        assert time.monotonic() - begin >= 0.1


def test_server_stops_with_the_workload() -> None:
    with small(HttpGet) as workload:
        server, port = workload._server, workload._port
        assert is_served(port)
    assert server.poll() is not None
    assert not is_served(port)


def test_server_stops_when_its_parent_is_killed() -> None:
    code = (
        "import time; from tests.workloads.test_real_workloads import HttpGet, small\n"
        "with small(HttpGet) as workload:\n"
        "    print(workload._port, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        assert is_served(port)
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while is_served(port):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_served(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def test_source_of_the_server_belongs_to_the_workload() -> None:
    (name,) = small(HttpGet).sources()
    assert (ROOT / f"{name.replace('.', '/')}.py").is_file()


@pytest.mark.parametrize("kind", [HttpGet, Sqlite])
def test_tasks_need_what_entering_starts(kind: Any) -> None:
    with pytest.raises(RuntimeError, match="enter the workload before its tasks"):
        small(kind).tasks()
    with small(kind) as workload:
        assert workload.tasks()
    with pytest.raises(RuntimeError, match="enter the workload before its tasks"):
        workload.tasks()


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_writers_contend_and_each_is_right(journal_mode: Literal["delete", "wal"]) -> None:
    workload = small(Sqlite, mode="write", journal_mode=journal_mode, pieces=8, repeat=3)
    worker = pickle.loads(pickle.dumps(workload))
    with workload:
        path = Path(workload.tasks()[0][0])
        with ThreadPoolExecutor(4) as executor:
            workload.check(list(executor.map(worker, workload.tasks())))
        connection = sqlite3.connect(path)
        moved = connection.execute("SELECT count(*) FROM accounts WHERE balance != id").fetchone()
        assert connection.execute("PRAGMA journal_mode").fetchone() == (journal_mode,)
        connection.close()
        assert moved == (48,)
    assert not path.parent.exists()


@pytest.mark.parametrize("mode", ["read", "write"])
def test_lost_balance_is_found(mode: Literal["read", "write"]) -> None:
    with small(Sqlite, mode=mode) as workload:
        with sqlite3.connect(workload.tasks()[0][0]) as connection:
            connection.execute("UPDATE accounts SET balance = balance - 1 WHERE id = 7")
        connection.close()
        with pytest.raises(WrongResult, match="have to be"):
            workload.check(run(workload))


def sleeps() -> Any:
    return IoSleep(repeat=3, low=0.001, high=0.002, seed=1)


@pytest.mark.parametrize("make", [sleeps, lambda: small(HttpGet)])
def test_coroutines_give_the_same_results(make: Callable[[], Any]) -> None:
    workload = make()

    async def all_at_once() -> list[Any]:
        return list(await asyncio.gather(*map(workload.acall, workload.tasks())))

    with workload if hasattr(workload, "__enter__") else nullcontext():
        results = asyncio.run(all_at_once())
        assert results == run(workload)
        workload.check(results)


@pytest.mark.parametrize("mode", ["read", "write"])
def test_sqlite_where_nothing_counts_references(
    mode: Literal["read", "write"], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = []

    class Keeping(sqlite3.Connection):
        def execute(self, *words: Any) -> sqlite3.Cursor:
            kept.append(super().execute(*words))
            return kept[-1]

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Keeping))
    with Sqlite(mode=mode, journal_mode="delete", rows=10, repeat=3, pieces=2) as workload:
        workload.check([workload(task) for task in workload.tasks()])
