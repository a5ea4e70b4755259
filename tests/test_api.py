"""Measured from Python: any functions and arguments, from any program, and what that leaves."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from runners import UsageError, load, speedup
from runners.api import objects, progress
from runners.api.call import _program_ends
from runners.command.progress import Terminal
from runners.door import REQUESTS
from runners.measuring.tree import marked
from runners.model import Order, run_of
from runners.planning.hydra_versions import BASE, register_resolver, register_schema
from tests.conftest import ROOT, MakePlan

TINY = {
    "measure.min_rounds": 2,
    "measure.max_rounds": 2,
    "measure.interpreters": 1,
    "measure.time_budget_s": 20,
}
SCRIPT = f"TINY = {TINY!r}\nfrom runners import UsageError, load, speedup\n"


def tiny(function: Any, arguments: Any, **settings: Any) -> Any:
    return speedup(function, arguments, parameters=TINY, quiet=True, **settings)


def run(folder: Path, text: str, **environment: str) -> "subprocess.Popen[str]":
    """A script that is not guarded, in a folder of its own for everything temporary."""
    (folder / "tmp").mkdir()
    (folder / "script.py").write_text(SCRIPT + text)
    return subprocess.Popen(
        [sys.executable, "script.py"],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(folder / "tmp"),
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def state() -> list[Any]:
    """What of the caller's may be another thing afterwards."""
    return [
        [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)],
        [*sys.path],
        Path.cwd(),
        [*warnings.filters],
        warnings.showwarning,
        sys.unraisablehook,
        dict(os.environ),
        GlobalHydra.instance().hydra,
        dict(ConfigStore.instance().repo),
        {name: OmegaConf.has_resolver(name) for name in ("cell_folder", "options", "now")},
        OmegaConf.to_container(OmegaConf.create({"a": "${options:5}"}), resolve=True),
    ]


def test_one_cell_and_what_there_is_of_it(tmp_path: Path) -> None:
    result = tiny(zlib.crc32, [b"a" * 1000, (b"b" * 1000,), (b"c", 1)])
    [cell] = result.cells
    assert (cell.status, cell.executor, cell.n, cell.rounds) == ("ok", "thread_pool", 2, 2)
    assert result.best == cell
    assert result.recommendation == ""
    assert len(result.summary) == 1
    assert set(result.runs["role"]) >= {"baseline", "measured"}
    assert "thread_pool, n = 2" in repr(result)
    assert "speedup" in repr(result)
    assert "<table" in result._repr_html_()
    assert result.figure("timeline").axes
    with pytest.raises(UsageError, match="kind='matrix': these results"):
        result.figure("matrix")
    saved = load(result.save(tmp_path / "saved"))
    assert saved.summary["cell"].tolist() == [cell.cell]
    with pytest.raises(UsageError, match="not empty"):
        result.save(tmp_path / "saved")
    folder = result.folder
    assert folder.is_dir()
    del result
    assert not folder.exists()
    with pytest.raises(UsageError, match="crc32"):
        load(tmp_path / "crc32")


def test_a_sweep_within_an_application_of_hydra_from_a_thread_again_and_again(
    tmp_path: Path,
) -> None:
    """What is there is not measured again, and a result is of its own call."""
    factor = 3

    def closure(k: int, times: int) -> int:
        return k * factor * times

    (tmp_path / "config.yaml").write_text("a: 1\n")
    found: list[Any] = []

    def measure() -> None:
        nonlocal factor
        given = {"keywords": {"times": 2}, "folder": tmp_path / "f"}
        for number, executors in [(3, ["thread", "thread_pool"])] * 2 + [(4, ["thread"])]:
            factor = number
            found.append(tiny(closure, [1, {"k": 2}], **given, executor=executors))

    register_resolver("options", lambda value: value + 1)  # which has the name of ours
    try:
        register_schema("schema", {"a": 1})  # type: ignore[arg-type]
        with initialize_config_dir(str(tmp_path), **BASE):
            import_module(
                "runners.analysis.recommend"
            )  # numpy and scipy add to the warnings' filters when they are loaded
            before = state()
            thread = threading.Thread(target=measure)
            thread.start()
            thread.join()
            assert state() == before
    finally:
        OmegaConf.clear_resolver("options")
        del ConfigStore.instance().repo["schema.yaml"]
    first, second, third = found
    assert first.summary["status"].tolist() == ["ok", "ok"]
    assert first.runs.equals(second.runs)
    assert len(third.summary) == 1
    assert len(load(tmp_path / "f").summary) == 3
    assert not list((tmp_path / "f").rglob(".claim*"))
    assert not list((tmp_path / "f").rglob("*closure*"))
    assert first.recommendation
    assert repr(first).startswith("closure (")
    assert "data:image/png" in first._repr_html_()


def test_what_workers_begin_with_is_any_function_too() -> None:
    known: list[int] = []

    def begin(k: int) -> None:
        known.append(k)

    def last(k: int) -> int:
        return known[-1] + k

    result = tiny(last, [1, 2], initializer=begin, initargs=[41], setup=lambda: begin(1))
    assert (result.best.status, result.best.error) == ("ok", None)
    assert repr(result).startswith("last on thread_pool, n = 2")


def test_a_coroutine_function_that_fails_is_in_the_result() -> None:
    async def fails(k: int) -> int:
        if k == 2:
            raise ValueError("<b>no & no")
        return k

    result = tiny(fails, lambda number: [1, 2], executor="asyncio")
    assert result.best.status == "failed"
    assert "ValueError" in (result.best.error or "")
    assert "failed: " in repr(result)
    assert "&lt;b&gt;no &amp; no" in result._repr_html_()
    assert "<b>no" not in result._repr_html_()


UNGUARDED = """
from dataclasses import dataclass

@dataclass
class Point:
    x: int

def moved(point):
    return Point(point.x + 1)

spawn = {"executor.start_method": "spawn", "measure.min_rounds": 1, "measure.max_rounds": 1}
result = speedup(moved, [Point(1), Point(2)], executor="process", parameters=TINY | spawn)
print(result.best.status, result.best.compared)
print("saved" if result.save("kept").is_dir() else "")
"""


def test_a_script_without_a_guard_and_classes_of_its_own(tmp_path: Path) -> None:
    out, errors = (process := run(tmp_path, UNGUARDED)).communicate(timeout=100)
    assert (process.returncode, errors) == (0, "")
    assert out.split() == ["ok", "equal", "saved"]
    assert {path.name for path in tmp_path.iterdir()} == {"kept", "script.py", "tmp"}
    assert not list((tmp_path / "tmp").iterdir())


INTERRUPTED = """
import threading, time

def slow(k):
    open(f"began-{k}", "w").close()
    time.sleep(100)

def measure():
    speedup(slow, [1, 2], parameters=TINY)
"""
CAUGHT = """
before = __import__("signal").getsignal(2)
try:
    measure()
except KeyboardInterrupt:
    print("interrupted", before is __import__("signal").getsignal(2))
"""
IN_A_THREAD = """
thread = threading.Thread(target=measure)
thread.start()
thread.join()
"""


@pytest.mark.parametrize("text", [CAUGHT, IN_A_THREAD], ids=["caught", "in a thread"])
def test_ctrl_c_is_the_callers_and_leaves_nothing_behind(text: str, tmp_path: Path) -> None:
    with run(tmp_path, INTERRUPTED + text, SPEEDUP_LAB_TEST=str(tmp_path)) as process:
        until_s = time.monotonic() + 60
        while not list(tmp_path.glob("began-*")) and time.monotonic() < until_s:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        try:
            out, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    if text == CAUGHT:
        assert (process.returncode, out, errors) == (0, "interrupted True\n", "")
    else:
        assert process.returncode == -signal.SIGINT
    assert not list((tmp_path / "tmp").iterdir())
    assert not [*marked(f"SPEEDUP_LAB_TEST={tmp_path}")]


def test_a_thread_measures_on_where_the_main_one_ends_by_itself() -> None:
    _program_ends()
    assert REQUESTS.pending is None


lock, connection = threading.Lock(), sqlite3.connect(":memory:")
opened = open(__file__)  # noqa: SIM115 - it stays open


def locked(k: int) -> int:
    with lock:
        return k


def nested() -> Callable[[int], int]:
    held = [connection]

    def inner(k: int) -> int:
        return len(held) + k

    return inner


class Counter:
    def __init__(self) -> None:
        self.held = {"lock": threading.Lock()}

    def count(self, k: int) -> int:
        return k


CANNOT = [
    (
        nested(),
        [1],
        r"function: the variable held of inner\[0\] is a sqlite3\.Connection, .*; make",
    ),
    (Counter().count, [1], r"function: the object of count: its held\['lock'\] is a _thread\.lock"),
    (partial(print, lock), [()], r"function: argument 0 of partial is a _thread\.lock"),
    (abs, [(k for k in [1])], r"arguments: argument 0 of call 0 is a generator, .*; pass a list"),
    (lambda k: opened.read(), [1], r"global variable opened of lambda is an open file"),
    (abs, [1, [lock]], r"arguments: argument 0 of call 1\[0\] is a _thread\.lock"),
]


@pytest.mark.parametrize(("function", "arguments", "told"), CANNOT)
def test_what_cannot_be_sent_is_named(function: Any, arguments: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told) as raised:
        tiny(function, arguments)
    assert "\n" not in str(raised.value)


def test_without_cloudpickle_only_what_can_be_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(UsageError, match="pip install") as raised:
        tiny(lambda k: k, [1])
    assert "no module under a name of its own" in str(raised.value)
    assert "\n" not in str(raised.value)
    made = objects.Objects(tmp_path)
    names = made.functions({"function": (locked, "locked"), "setup": (partial(locked), "x")})
    assert names["function"] == "tests.test_api:locked"
    assert names["setup"].startswith("pickled:x-")
    made.forget()


def test_a_function_goes_by_a_name_only_if_a_fresh_interpreter_finds_it_there() -> None:
    assert objects.name_of(os.path.join) == "posixpath:join"
    assert objects.name_of(zlib.crc32) == "zlib:crc32"
    assert objects.name_of(abs) == "builtins:abs"
    assert objects.name_of("a".count) is None
    assert objects.name_of(Counter().count) is None
    renamed = eval("lambda k: k", {"__name__": __name__})
    renamed.__qualname__ = "locked"  # which is another one
    assert objects.name_of(renamed) is None
    assert not objects.is_importable("__main__")


class Display:
    """That of IPython, which remembers what it has shown: what is changed in its place."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.changed: list[str] = []

    def __call__(self, bundle: dict[str, str], raw: bool, display_id: bool) -> "Display":
        assert raw
        assert display_id
        self.made.append(bundle["text/plain"])
        return self

    def update(self, bundle: dict[str, str], raw: bool) -> None:
        assert raw
        self.changed.append(bundle["text/plain"])


def test_a_notebook_has_one_line_that_is_not_changed_too_often(
    make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_plan("workload=addition")
    order = Order(0, 1, 0, "measured", cold=False, warmup=False)
    run = replace(run_of(plan, order, "ok", "2026-01-01T00:00:00"), wall_s=1.0)
    monkeypatch.setattr("runners.api.progress.time.monotonic", lambda: 1000.0)
    display = Display()
    line = progress.Notebook(display, 3)
    terminal = Terminal(plan, Path("out"))
    with line([terminal, terminal]) as bar:
        for _ in range(100):
            bar.update(run)
        assert not display.changed
        monkeypatch.setattr(progress, "REDRAWN_S", 0.0)
        bar.update(run)
    with line([terminal]) as bar:
        bar.update(replace(run, warmup=True))
    line.end()
    assert display.made == ["measuring"]
    assert display.changed == [
        "cells 1 to 2 of 3: 1 round, 0:00",
        "cell 3 of 3: warming up, 0:00",
        "three cells measured in 0:00",
    ]


MISTAKES: list[tuple[Any, Any, dict[str, Any], str]] = [
    (3, [1], {}, "function: 3 cannot be called"),
    (abs, [], {}, "arguments: there are no calls"),
    (abs, "abc", {}, "arguments: 'abc' is no list of calls"),
    (abs, 3, {}, "arguments: 3 is no list of calls"),
    (abs, [(1, 2)], {}, r"arguments: call 0 does not fit abs\(\w+, /\)"),
    (abs, lambda a, b: [1], {}, r"arguments: lambda\(a, b\) makes the arguments"),
    (abs, [1], {"setup": 3}, "setup: 3 cannot be called"),
    (abs, [1], {"initargs": [3]}, "initargs: they are those of initializer"),
    (abs, [1], {"initargs": "words.db", "initializer": open}, "initargs: 'words.db' is no list"),
    (abs, [1], {"initargs": 5, "initializer": open}, "initargs: 5 is no list"),
    (abs, [1], {"initargs": (1,), "initializer": lambda: 1}, r"initargs: they do not fit lambda"),
    (abs, [1], {"setup": lambda k: k}, "^setup: lambda: it is called without arguments"),
    (abs, [1], {"python": None}, "python=None: name a version"),
    (abs, [1], {"python": 9.5}, "python=9.5: no Python 9.5"),
    (abs, [1], {"folder": 5}, "folder: 5 is no name of a folder"),
    (abs, [1], {"folder": "a\0b"}, "is no name of a folder"),
    (abs, [1], {"n": "two"}, "n='two': must be a whole number"),
    (abs, [1], {"n": 0}, "n=0: must be at least 1"),
    (abs, [1], {"n": []}, "n: there are no values"),
    (abs, [1], {"executor": "foo"}, "executor=foo: there is no such executor; choose one of"),
    (abs, [1], {"executor": "a b"}, "executor='a b': must be the name of an option"),
    (abs, [1], {"measure": "foo"}, "measure=foo: there is no such measure"),
    (abs, [1], {"scaling": "foo"}, "scaling=foo: choose strong or weak"),
    (abs, [1], {"python": "2.7"}, "python=2.7"),
    (lambda k: k, [1], {"python": "3.11"}, "function: lambda cannot be imported, so another"),
    (abs, [{1}], {"python": "3.11"}, "argument 0 of call 0 is of type set; another interpreter"),
    (
        lambda k: k,
        [1],
        {"versus": "."},
        "lambda cannot be imported, so another version of the code",
    ),
    (
        abs,
        [{1}],
        {"versus": "."},
        "type set; another version of the code takes .* leave out versus",
    ),
    (abs, [1], {"versus": "./no"}, "^versus=./no: there is no such folder"),
    (abs, [1], {"versus": []}, "versus: there are no values"),
    (abs, [1], {"folder": ROOT}, "it holds something else than results .*folder=FOLDER"),
]


@pytest.mark.parametrize(("function", "arguments", "settings", "told"), MISTAKES)
def test_a_mistake_is_one_line(
    function: Any, arguments: Any, settings: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageError, match=told) as raised:
        tiny(function, arguments, **settings)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("parameters", [5, ["a"]])
def test_parameters_are_a_mapping(parameters: Any) -> None:
    with pytest.raises(UsageError, match="parameters: pass a mapping"):
        speedup(abs, [1], parameters=parameters)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (lambda: [1 / 0], r"arguments: arguments_of_abs raises ZeroDivisionError: .*; it makes"),
        (lambda: "abc", "returns a str; let it return or yield one entry for each call"),
        (lambda: None, "returns a NoneType; let it"),
        (lambda: (1 / (1 - k) for k in range(2)), "arguments: arguments_of_abs raises ZeroDiv"),
    ],
)
def test_a_maker_of_arguments_that_fails_is_told_in_one_line(arguments: Any, told: str) -> None:
    error = tiny(abs, arguments).best.error
    assert re.search(told, error), error
    assert "\n" not in error


def test_what_a_worker_calls_first_is_told_by_its_own_name() -> None:
    def connects() -> None:
        raise OSError("the server is down")

    error = tiny(abs, [1, 2], initializer=connects).best.error
    assert "initializer: connects raises OSError: the server is down (" in error
    assert "pickled:" not in error


def test_a_function_with_a_cache_goes_with_its_code(tmp_path: Path) -> None:
    text = (
        "import functools\n@functools.lru_cache(maxsize=3)\ndef f(k):\n    return 2 * k\n"
        "def g(k):\n    return f(k) + 1\n"
        "for function in (f, g):\n"
        "    best = speedup(function, [1, 2, 1], parameters=TINY, quiet=True).best\n"
        "    print(best.status, best.error)\n"
    )
    with run(tmp_path, text) as process:
        out, errors = process.communicate(timeout=60)
    assert (out, errors) == ("ok None\nok None\n", "")


def test_places_of_results_that_cannot_be(tmp_path: Path) -> None:
    result = tiny(abs, [1], folder=tmp_path / "own")
    for place, told in (
        (5, "folder: 5 is no name"),
        (None, "folder: None is no name"),
        (tmp_path / "own", "it is within these results"),
        (tmp_path / "own/below/it", "it is within these results"),
    ):
        with pytest.raises(UsageError, match=told):
            result.save(place)
    for name in (5, None, "x" * 300):
        with pytest.raises(UsageError, match=r"no name of a folder|File name too long|no such"):
            load(name)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="nothing for it; choose speedup"):
        result.figure("pythons")
    assert load(result.save(tmp_path / "copy")).best.status == "ok"


@pytest.mark.parametrize(
    "key", ["chunksize", "hydra.run.dir", "workload", "executor.n=1,executor.x"]
)
def test_a_parameter_has_its_full_name(key: str) -> None:
    with pytest.raises(UsageError, match=r"parameters: .* is no full name of a parameter"):
        speedup(abs, [1], parameters={key: 1})


@pytest.mark.parametrize("name", ["pickled:f-1a2b", "pickled:/tmp/f-1a2b"])
def test_a_file_of_pickled_objects_is_not_named_in_a_configuration(
    name: str, make_plan: MakePlan
) -> None:
    with pytest.raises(UsageError, match="which alone can measure it; name a function"):
        make_plan("workload=callable", f"workload.function='{name}'", "workload.arguments=[[1]]")


def test_a_version_of_the_code_may_be_among_the_parameters() -> None:
    with pytest.raises(UsageError, match=r"^versus=\./no: there is no such folder"):
        speedup(abs, [1], parameters={"versus": "./no"})


def test_a_parameter_that_is_not_there_is_told() -> None:
    with pytest.raises(UsageError, match=r"executor\.speed: there is no such key"):
        speedup(abs, [1], parameters={"executor.speed": (1, "a'b", {"c": None})})
