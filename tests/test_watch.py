"""A pool of somebody's own program, watched: it stays what it is, and its report says the rest."""

import concurrent.futures
import json
import math
import multiprocessing
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from functools import partial
from multiprocessing.pool import Pool, ThreadPool
from pathlib import Path
from typing import Any

import pytest

from runners import watch
from runners.child import watched
from runners.child.watched import FAILED, Scales, run
from runners.model import Span, UsageError
from runners.results.read import read_timelines
from runners.watching.ledger import Seen
from runners.watching.parts import batches, parts
from runners.watching.why import Facts, why
from tests.conftest import ROOT

FORK = multiprocessing.get_context("fork")


def double(x: int) -> int:
    return 2 * x


def fails(x: int) -> int:
    raise LookupError(f"no {x}")


def dies(x: int) -> None:
    os._exit(x)


GATE = FORK.Event()


def waits(k: int) -> int:
    """Until somebody opens the gate."""
    GATE.wait()
    return k


def until(condition: Callable[[], object]) -> None:
    end_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def of(pool: Any) -> dict[str, Any]:
    return dict(pool.report.summary)


# --- executors: they behave as they did --------------------------------------------------------


def threads() -> Executor:
    return ThreadPoolExecutor(2)


def forked() -> Executor:
    return ProcessPoolExecutor(2, FORK)


@pytest.mark.parametrize("make", [threads, forked])
def test_an_executor_behaves_as_it_does_alone(make: Callable[[], Executor]) -> None:
    given: Any = make()
    kind = type(given)
    came: list[int] = []
    with watch(given, quiet=True) as pool:
        assert pool is given
        assert isinstance(pool, kind)
        assert type(pool).__name__ == kind.__name__
        assert list(pool.map(double, range(10), chunksize=3)) == list(range(0, 20, 2))
        assert list(pool.map(pow, (2, 3), (5, 2), timeout=60)) == [32, 9]
        assert list(pool.map(double, [])) == []
        assert pool.submit(sorted, [3, 1], reverse=True).result() == [3, 1]
        future = pool.submit(double, 4)
        future.add_done_callback(lambda done: came.append(done.result()))
        failed = pool.submit(fails, 5)
        with pytest.raises(LookupError, match="no 5") as caught:
            failed.result()
        told = "".join(traceback.format_exception(caught.value))
        assert "in fails" in told
        assert "raise LookupError" in told
        with pytest.raises(concurrent.futures.TimeoutError):
            pool.submit(time.sleep, 0.2).result(timeout=0.01)
    assert came == [8]
    assert type(pool) is kind
    with pytest.raises(RuntimeError, match="shutdown"):
        pool.submit(double, 1)
    found = of(pool)
    assert (found["tasks"], found["ended"], found["failed"], found["unfinished"]) == (16, 16, 1, 0)
    assert [span.index for span in pool.report.spans] == list(range(16))
    assert all(span.end_ns > span.start_ns for span in pool.report.spans)
    here = {span.pid == os.getpid() for span in pool.report.spans}
    assert here == {make is threads}


def test_a_class_that_inherits_from_an_executor_gets_the_keywords_of_its_own() -> None:
    class Ranked(ThreadPoolExecutor):
        def submit(self, fn: Any, /, *args: Any, rank: int = 0, **kwargs: Any) -> Any:  # type: ignore[override]
            ranks.append(rank)
            return super().submit(fn, *args, **kwargs)

    ranks: list[int] = []
    with watch(Ranked(1), quiet=True) as pool:
        assert pool.submit(int, "11", base=2, rank=7).result() == 3
        assert list(pool.map(double, (1, 2))) == [2, 4]
    assert ranks == [7, 0, 0]
    assert of(pool)["ended"] == 3


def test_tasks_that_were_cancelled_are_counted() -> None:
    GATE.clear()
    with watch(ProcessPoolExecutor(1, FORK), quiet=True) as pool:
        futures = [pool.submit(waits, k) for k in range(9)]
        pool.shutdown(wait=False, cancel_futures=True)
        until(lambda: any(future.cancelled() for future in futures))
        GATE.set()
        until(lambda: all(future.done() for future in futures))
    cancelled = sum(future.cancelled() for future in futures)
    found = of(pool)
    assert cancelled > 0
    assert (found["cancelled"], found["ended"]) == (cancelled, 9 - cancelled)
    assert f"{cancelled} cancelled" in pool.report.text


def test_a_cancelled_message_counts_all_of_its_tasks() -> None:
    GATE.clear()
    with watch(ProcessPoolExecutor(1, FORK), quiet=True) as pool:
        results = pool.map(waits, range(36), chunksize=4)
        last = pool.submit(waits, 36)  # which tells when it is cancelled, as those before it are
        pool.shutdown(wait=False, cancel_futures=True)
        until(last.cancelled)
        GATE.set()
        with pytest.raises(CancelledError):  # where those that were not have ended
            list(results)
    found = of(pool)
    assert found["cancelled"] > 1
    assert found["cancelled"] % 4 == 1
    assert found["ended"] + found["cancelled"] == found["tasks"] == 37
    assert found["unfinished"] == 0


def test_threads_that_give_in_tasks_and_tasks_that_do_lose_nothing() -> None:
    with watch(ThreadPoolExecutor(4), quiet=True) as pool:

        def gives(k: int) -> int:
            return sum(pool.submit(double, i).result() for i in range(k))

        givers = [threading.Thread(target=gives, args=(50,)) for _ in range(3)]
        for giver in givers:
            giver.start()
        assert pool.submit(gives, 10).result() == 90
        for giver in givers:
            giver.join()
    assert [span.index for span in pool.report.spans] == list(range(161))


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_workers_of_every_start_method_are_seen(method: str) -> None:
    context = multiprocessing.get_context(method)
    keywords: dict[str, Any] = {"initializer": math.sqrt, "initargs": (4,)}
    with watch(ProcessPoolExecutor(1, context, max_tasks_per_child=1, **keywords), quiet=True) as p:
        assert list(p.map(math.factorial, (3, 4))) == [6, 24]
    assert len(p.report.spans) == 2
    assert of(p)["workers_seen"] == 2  # each was replaced after its task


def test_a_worker_that_dies_breaks_the_pool_as_ever_and_the_report_tells() -> None:
    with watch(ProcessPoolExecutor(1, FORK), quiet=True) as pool:
        assert pool.submit(double, 1).result() == 2
        with pytest.raises(BrokenExecutor) as caught:
            pool.submit(dies, 3).result()
    assert type(caught.value).__name__ == "BrokenProcessPool"
    found = of(pool)
    assert (found["ended"], found["unfinished"]) == (1, 1)
    assert found["broken"] == "BrokenProcessPool"
    assert f"began and had not ended (process {pool.report.spans[0].pid})" in pool.report.text


def test_an_interpreter_pool_is_watched(tmp_path: Path) -> None:
    if not hasattr(concurrent.futures, "InterpreterPoolExecutor"):
        pytest.skip("InterpreterPoolExecutor came with Python 3.14")
    code = (
        "import math\n"
        "from concurrent.futures import InterpreterPoolExecutor\n"
        "from runners import watch\n"
        "with watch(InterpreterPoolExecutor(2)) as pool:\n"
        "    assert list(pool.map(math.factorial, range(4))) == [1, 1, 2, 6]\n"
        "assert len(pool.report.spans) == 4, pool.report.text\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "InterpreterPoolExecutor, two workers" in done.stderr


def test_lokys_pool_takes_what_only_cloudpickle_can_send() -> None:
    loky = pytest.importorskip("loky", reason="loky is not installed")
    with watch(loky.ProcessPoolExecutor(1), quiet=True) as pool:
        assert list(pool.map(lambda x: x + 1, range(3), chunksize=2)) == [1, 2, 3]
    assert len(pool.report.spans) == 3


# --- multiprocessing and joblib ----------------------------------------------------------------


@pytest.mark.parametrize("make", [partial(FORK.Pool, 2), partial(ThreadPool, 2)])
def test_a_pool_has_its_whole_family(make: Callable[[], Pool]) -> None:
    came: list[Any] = []
    with watch(make(), quiet=True) as pool:
        assert pool.map(double, range(5), 2) == [0, 2, 4, 6, 8]
        assert pool.map(double, (x for x in (1, 2))) == [2, 4]
        assert pool.starmap(pow, [(2, 3), (3, 2)]) == [8, 9]
        assert list(pool.imap(double, range(3), chunksize=2)) == [0, 2, 4]
        assert sorted(pool.imap_unordered(double, range(3))) == [0, 2, 4]
        assert pool.apply(sorted, ([2, 1],), {"reverse": True}) == [2, 1]
        assert pool.apply_async(double, (4,), callback=came.append).get() == 8
        assert pool.map_async(double, [1], callback=came.append).get() == [2]
        assert pool.starmap_async(pow, [(2, 2)], callback=came.append).get() == [4]
        with pytest.raises(LookupError, match="no 1"):
            pool.map_async(fails, [1], error_callback=came.append).get()
        pool.close()
        pool.join()
    assert came[:3] == [8, [2], [4]]
    assert isinstance(came[3], LookupError)
    found = of(pool)
    assert (found["tasks"], found["ended"], found["failed"]) == (20, 20, 1)


@pytest.mark.parametrize("backend", ["threading", "multiprocessing", "sequential"])
def test_a_parallel_of_joblib_is_watched(backend: str) -> None:
    joblib = pytest.importorskip("joblib", reason="joblib is not installed")
    with watch(joblib.Parallel(2, backend=backend), quiet=True) as parallel:
        for _ in range(2):
            assert parallel(joblib.delayed(double)(x) for x in range(4)) == [0, 2, 4, 6]
    assert len(parallel.report.spans) == 8
    assert of(parallel)["workers"] == (1 if backend == "sequential" else 2)
    assert parallel(joblib.delayed(double)(x) for x in range(4)) == [0, 2, 4, 6]
    assert len(parallel.report.spans) == 8  # the block is over


# --- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (3, "builtins.int is none of the pools"),
        (Executor(), "none of the pools that can be watched: ThreadPoolExecutor"),
        (ThreadPool, "is a class: make a pool of it first"),
    ],
)
def test_anything_else_is_refused_in_a_line(given: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        watch(given)
    assert "\n" not in str(caught.value)


def test_a_pool_is_watched_once_at_a_time() -> None:
    with (
        watch(ThreadPoolExecutor(1), quiet=True) as pool,
        pytest.raises(UsageError, match="alread"),
    ):
        watch(pool)


# --- the report --------------------------------------------------------------------------------


def test_the_report_is_text_html_and_files(tmp_path: Path, capsys: Any) -> None:
    with watch(ThreadPoolExecutor(2)) as pool:
        pool.submit(double, 1).result()
        assert len(pool.report.spans) == 1  # so far
        pool.submit(double, 2).result()
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == pool.report.text
    assert told.err.startswith("ThreadPoolExecutor, two workers (")
    assert "2 tasks in" in told.err
    assert "speedup             not known" in told.err
    paths = pool.report.save(tmp_path)
    assert {path.name for path in paths} == {
        *("watch.txt", "watch.json", "spans.jsonl", "trace.json", "timeline.png")
    }
    (timeline,) = read_timelines(tmp_path)
    assert timeline.spans == pool.report.spans
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert sum(event["name"].startswith("task ") for event in trace["traceEvents"]) == 2
    assert json.loads((tmp_path / "watch.json").read_text())["ended"] == 2
    assert ">ThreadPoolExecutor" in pool.report._repr_html_()
    assert "2 tasks" in repr(pool.report)


def test_without_a_task_there_is_no_timeline(tmp_path: Path) -> None:
    with watch(ThreadPoolExecutor(1), quiet=True) as pool:
        pass
    assert "no task was given to it" in pool.report.text
    assert len(pool.report.save(tmp_path)) == 2
    with pytest.raises(UsageError, match="no task ended"):
        pool.report.figure()


def test_what_is_sent_and_returned_is_weighed_and_nothing_is_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watched, "WEIGHED_S", 60.0)
    with watch(ProcessPoolExecutor(1, FORK), quiet=True) as pool:
        folder = Path(pool._ledger.place)
        assert len(pool.submit(bytes, bytes(300_000)).result()) == 300_000
        assert len(list(folder.iterdir())) == 2  # the worker's notes, and whose the folder is
    assert 300_000 < of(pool)["sent_bytes"] < 301_000
    assert 300_000 < of(pool)["returned_bytes"] < 301_000
    assert "300.0 kB back from it" in pool.report.text
    assert not folder.exists()


def test_the_program_has_no_numpy_before_the_block_ends() -> None:
    code = (
        "import sys\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from runners import watch\n"
        "with watch(ThreadPoolExecutor(2)) as pool:\n"
        "    list(pool.map(abs, range(3)))\n"
        "    print({'numpy', 'pandas', 'matplotlib', 'hydra'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "set()\n", done.stderr


def test_a_report_that_fails_does_not_hurt_the_program(
    capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runners.watching.report.batches", lambda times: 1 / 0)
    with watch(ThreadPoolExecutor(1)) as pool:
        assert pool.submit(double, 1).result() == 2
    assert capsys.readouterr().err.startswith("watch: there is no report: ZeroDivisionError")


# --- where the time went -----------------------------------------------------------------------


def ms(index: int, worker: int, start: int, end: int, cpu: int = 0, wait: int = 0) -> Span:
    scaled = (value * 1_000_000 for value in (start, end, cpu, wait))
    return Span(index, 1, worker, *scaled)


def test_batches_are_the_times_with_a_task_in_the_pool() -> None:
    assert batches([(5, 9), (0, 3), (2, 4), (6, 7)]) == [(0, 4), (5, 9)]


def test_each_batch_has_an_imbalance_of_its_own() -> None:
    """Workers that take turns in being idle at the end of a batch did not lack dispatch."""
    spans = [
        *(ms(0, 1, 10, 110, 100), ms(1, 2, 10, 60, 20, 30)),
        *(ms(2, 2, 200, 300, 100), ms(3, 1, 200, 250, 50)),
    ]
    found = parts(spans, [(0, 110_000_000), (200_000_000, 300_000_000)], 2)
    expected = {
        "provided": 0.6,
        "empty": 0.18,
        "first": 0.02,
        "startup": 0.02,
        "dispatch": 0.0,
        "balance": 0.1,
        "blocking": 0.0,
        "contention": 0.03,
        "cpu": 0.27,
    }
    assert found._asdict() == pytest.approx({f"{k}_s": v for k, v in expected.items()})
    assert sum(found.losses().values()) + found.cpu_s == pytest.approx(found.provided_s)


FACTS = Facts(
    workers=4,
    workers_seen=4,
    kind="process",
    usable_cpus=2.0,
    tasks=100,
    batches=1,
    task_s=1e-5,
    largest_share=0.01,
    cpus=2.0,
    ready=2.0,
    on_cpu=1.0,
    gil=True,
    others_share=0.0,
    is_chunked=False,
    sent_bytes=None,
    returned_bytes=None,
)


@pytest.mark.parametrize(
    ("loss", "facts", "said"),
    [
        ("empty", FACTS, "the program did something else"),
        ("startup", FACTS, "until the first task ran"),
        (
            "dispatch",
            FACTS,
            "takes 10 µs, handing it out 1 ms: put 2,000 calls into one",
        ),
        ("dispatch", FACTS._replace(sent_bytes=2e6), "each task carries 2.0 MB"),
        ("dispatch", FACTS._replace(workers_seen=20), "20 workers took turns, 4 at a time"),
        ("dispatch", FACTS._replace(task_s=1.0), "why is not determined"),
        ("balance", FACTS._replace(tasks=3), "three tasks for four workers"),
        ("balance", FACTS._replace(batches=100), "1 task at a time for four workers"),
        ("balance", FACTS._replace(largest_share=0.6), "one task is 60% of all work"),
        ("balance", FACTS, "why is not determined"),
        ("blocking", FACTS._replace(on_cpu=0.01), "tasks hardly compute"),
        ("blocking", FACTS._replace(kind="thread", cpus=0.6, ready=1.0), "if tasks hold the GIL"),
        (
            "blocking",
            FACTS._replace(kind="thread", cpus=1.0, ready=1.0, gil=False),
            "not determined",
        ),
        ("blocking", FACTS._replace(kind="thread"), "not determined"),
        ("contention", FACTS, "four workers share 2 CPUs"),
        ("contention", FACTS._replace(on_cpu=0.01), "why is not determined"),
        ("contention", FACTS._replace(workers=2, others_share=0.4), "other programs or guests"),
        ("contention", FACTS._replace(workers=2), "why is not determined"),
    ],
)
def test_causes_are_those_that_the_run_itself_shows(loss: str, facts: Facts, said: str) -> None:
    zero = parts([ms(0, 1, 0, 0)], [(0, 0)], 4)
    found = why(zero._replace(provided_s=0.2, cpu_s=0.1, **{f"{loss}_s": 0.1}), facts)
    assert found[0].name == "CPU time of tasks"
    assert said in found[1].words
    assert len(found) == 2


# --- notes -------------------------------------------------------------------------------------


def test_notes_are_there_from_the_beginning_of_a_task_and_behind_them_is_room(
    tmp_path: Path,
) -> None:
    place = str(tmp_path)

    def so_far() -> Seen:
        (path,) = tmp_path.iterdir()
        seen = Seen()
        seen.add_file(path.read_bytes(), 8, 9)
        return seen

    first = run(so_far, place, 0, [()], True)
    assert (first.spans, first.more, first.died) == ([], [], [8])
    assert run(double, place, 1, [(k,) for k in range(1500)], False) == list(range(0, 3000, 2))
    with pytest.raises(LookupError):
        run(fails, place, 1501, [(1,)], True)
    assert run(run, place, 1502, [(double, place, 1503, [()], True)], True, x=4) == 8
    seen = so_far()
    assert [span.index for span in seen.spans] == list(range(1504))  # more than one room
    assert all(0 < span.start_ns < span.end_ns for span in seen.spans)
    assert {(span.pid, span.thread) for span in seen.spans} == {(8, 9)}
    assert [more.flags & FAILED for more in seen.more].count(FAILED) == 1
    assert seen.more[0].returned_bytes > 0
    assert seen.more[0].rss_bytes > 1_000_000
    assert len(seen.more) < 1000
    assert seen.died == []


def test_a_task_goes_on_where_nothing_can_be_noted(tmp_path: Path) -> None:
    assert run(double, str(tmp_path / "missing"), 0, [(2,)] * 1500, False) == [4] * 1500


def test_a_heavy_value_is_not_weighed_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "WEIGHED_S", 0.0)
    size, is_cut = Scales().weigh(list(range(100_000)))
    assert is_cut
    assert 0 < size < 200_000


def test_scales_rest_after_a_value_and_pass_over_what_cannot_be_pickled() -> None:
    scales = Scales()
    assert scales.weigh(b"x" * 1000)[0] > 1000
    assert scales.next_ns > time.perf_counter_ns()
    assert Scales().weigh(threading.Lock()) == (-1, False)


def test_futures_are_the_pools_own() -> None:
    with watch(ThreadPoolExecutor(1), quiet=True) as pool:
        future = pool.submit(double, 3)
        assert type(future) is Future
        assert future.result() == 6
