"""What is known of stacks that are made up: which loss they are, and of which function."""

from collections.abc import Mapping
from typing import Any

import pytest

from runners.analysis.places import Kind, Places, places
from runners.model import Frame, Mode, Profile, Stack

RUN = (Frame("main", "trial.py"), Frame("timed", "timing.py"))
WORKER = (Frame("BaseProcess._bootstrap", "process.py"), Frame("_process_worker", "process.py"))
TASK = (Frame("run_task", "worker.py"), Frame("work", "mine.py"))
DUMPS = (Frame("SimpleQueue.put", "queues.py"), Frame("ForkingPickler.dumps", "reduction.py"))
STATE = Frame("Parcel.__getstate__", "mine.py")


def found(**stacks: Mapping[Stack, float]) -> Places:
    modes: dict[Mode, Mapping[Stack, float]] = {"wall": {}, "cpu": {}, "gil": {}}
    for mode in modes:
        modes[mode] = stacks.get(mode, {})
    return places({"measured": Profile("measured", "made up", 2, 1, modes)})


def kinds(found: Places) -> dict[Kind, list[tuple[str, str, Any]]]:
    named: dict[Kind, list[tuple[str, str, Any]]] = {}
    for one in found.places:
        named.setdefault(one.kind, []).append(
            (one.function, one.caller, pytest.approx(one.seconds["measured"]))
        )
    return named


def test_pickling_is_of_the_function_that_the_pickler_calls() -> None:
    spin = Frame("spin", "mine.py")
    own = found(gil={(*WORKER, *DUMPS, STATE, spin): 8.0, (*WORKER, *TASK): 2.0})
    assert kinds(own) == {
        "pickling": [("Parcel.__getstate__ (mine.py)", "SimpleQueue.put (queues.py)", 4.0)],
        "GIL": [("work (mine.py)", "", 1.0)],
    }
    assert own.pickling("measured") == pytest.approx(0.8)


def test_pickling_in_c_is_of_the_pickler_itself() -> None:
    own = found(gil={(*WORKER, *DUMPS): 1.0})
    assert kinds(own) == {
        "pickling": [("ForkingPickler.dumps (reduction.py)", "SimpleQueue.put (queues.py)", 0.5)]
    }


def test_who_receives_unpickles_only_where_it_runs() -> None:
    receive = (*RUN, Frame("_ConnectionBase.recv", "connection.py"))
    pipe = (*receive, Frame("Connection._recv", "connection.py"))
    built = (*receive, Frame("Parcel.__setstate__", "mine.py"))
    own = kinds(found(gil={receive: 2.0, pipe: 2.0, built: 2.0}, wall={receive: 6.0, pipe: 2.0}))
    assert {name for name, _, _ in own["pickling"]} == {
        "_ConnectionBase.recv (connection.py)",
        "Parcel.__setstate__ (mine.py)",
    }
    assert [name for name, _, _ in own["GIL"]] == ["Connection._recv (connection.py)"]
    assert {name for name, _, _ in own["idle"]} == {
        "_ConnectionBase.recv (connection.py)",
        "Connection._recv (connection.py)",
    }


def test_what_is_not_on_a_cpu_waits_in_a_task_or_outside() -> None:
    lock = (*WORKER, *TASK, Frame("Condition.wait", "threading.py"))
    queue = (*WORKER, Frame("Queue.get", "queues.py"), Frame("Connection._recv", "connection.py"))
    own = kinds(found(wall={lock: 4.0, queue: 2.0, (*WORKER, *TASK): 2.0}, cpu={lock: 1.0}))
    assert own["waiting"][0] == ("Condition.wait (threading.py)", "work (mine.py)", 1.5)
    assert own["idle"] == [("Connection._recv (connection.py)", "Queue.get (queues.py)", 1.0)]


def test_without_a_gil_what_computes_is_on_a_cpu() -> None:
    own = found(cpu={(*WORKER, *TASK): 3.0, (*WORKER, *DUMPS): 1.0})
    assert kinds(own)["computing"] == [("work (mine.py)", "", 1.5)]
    assert own.pickling("measured") == pytest.approx(0.25)
    assert not own.has_gil("measured")


def test_what_is_around_a_run_is_left_out() -> None:
    around = (Frame("<module>", "<string>"), RUN[0], Frame("next_order", "answers.py"))
    tracker = (Frame("<module>", "<string>"), Frame("main", "resource_tracker.py"))
    server = (Frame("main", "forkserver.py"), Frame("EpollSelector.select", "selectors.py"))
    own = found(wall={around: 1.0, tracker: 1.0, server: 1.0, (*server[:1], *WORKER, *TASK): 1.0})
    assert [one.function for one in own.places] == ["work (mine.py)"]
