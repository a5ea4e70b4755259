"""The fixture `speedup` in a project that is not ours: what becomes of tests that use it."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT, run_program

FAKE = """
from dataclasses import replace
from pathlib import Path
import runners
from runners.analysis.interval import Interval
from tests import synthetic

NONE = Interval(float("nan"), float("nan"), float("nan"))
calls = []

class Result:
    folder = Path("kept")
    def __init__(self, low, high, **columns):
        known = {"speedup": Interval((low * high) ** 0.5, low, high), "bound": 2.0, "rounds": 30,
                 "usable_cpus": 2.0, "worker_kind": "process", "n": 2, "ceiling": NONE,
                 "others_share": 0.0, "steal_share": 0.0, "attainable": float("nan")}
        cell = replace(synthetic.cell(), **known | columns)
        times = {role: replace(cell.times[role], median=Interval(0.1, 0.1, 0.1))
                 for role in ("baseline", "measured")}
        self.best = replace(cell, times=times)
        self.cells = [self.best]
    def __repr__(self):
        return "the table"

def speedup(function, arguments, *, folder, **settings):
    calls.append((function, list(arguments), folder, settings))
    return function(len(calls))

runners.speedup = speedup
"""

TESTS = """
import pytest
from conftest import Result, calls

def always(*interval, **columns):
    return lambda number: Result(*interval, **columns)

def test_passes(speedup):
    speedup(always(1.7, 1.8), [1], n=2).at_least(1.5)
    assert len(calls) == 1
    assert calls[0][3]["parameters"]["measure.min_rounds"] == 30

def test_passes_twice(speedup):
    before = len(calls)
    speedup(always(1.51, 1.8), iter([1, 2])).at_least(1.5)
    assert [call[1] for call in calls[before:]] == [[1, 2], [1, 2]]

def test_fails(speedup):
    speedup(always(1.1, 1.2), [1]).at_least(1.5)

def test_does_not_agree(speedup):
    answers = iter([Result(1.1, 1.2), Result(1.4, 1.6)])
    speedup(lambda number: next(answers), [1]).at_least(1.5)

def test_cannot_tell(speedup):
    speedup(always(1.38, 1.61), [1]).at_least(1.5)

def test_is_no_faster(speedup):
    speedup(always(1.0, 1.1), [1]).at_most(1.3)

def test_is_no_slower(speedup):
    speedup(always(0.99, 1.1), [1]).no_slower_than("serial")

def test_uses_the_machine(speedup):
    speedup(always(1.7, 1.8), [1]).efficiency_at_least(0.7)

def test_is_impossible(speedup):
    before = len(calls)
    with pytest.raises(pytest.fail.Exception) as error:
        speedup(always(1.7, 1.8), [1]).at_least(3)
    assert len(calls) == before
    raise error.value

def test_no_machine_gives_more_than_it_has(speedup):
    speedup(always(1.7, 1.8), [1]).efficiency_at_least(1.2)

def test_asks_for_nothing(speedup):
    speedup(always(1.7, 1.8), [1])

def test_crashes(speedup):
    speedup(always(1.7, 1.8, status="crashed", error="signal SIGKILL"), [1]).at_least(1.5)

def test_without_it():
    pass
"""

REAL = """
import time

def wait(k):
    time.sleep(0.01)
    return k

SMALL = {"measure.interpreters": 1}

def test_waits_overlap(speedup):
    measured = speedup(wait, range(4), executor="thread_pool", n=2, parameters=SMALL)
    measured.overlaps()
    assert measured.result.best.executor == "thread_pool"

def test_a_loop_has_no_overlap(speedup):
    speedup(wait, range(2), executor="serial", n=1, parameters=SMALL).overlaps()

def test_too_short(speedup):
    speedup(abs, [1, 2], parameters=SMALL).at_least(1.1)

def test_wrong_call(speedup):
    speedup(wait, [(1, 2)]).at_least(1)
"""


OPTIONS = ("-v", "-p", "pytest_speedup_lab")


def pytest_in(folder: Path, *options: str, **variables: str) -> tuple[str, dict[str, str]]:
    """What it prints there, and the outcome of each test by its name.

    It has no other plugin, and finds the program loaded.
    """
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    usual = {"PYTHONPATH": path, "PYTEST_ADDOPTS": "", "PYTEST_XDIST_WORKER_COUNT": "1"}
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    words = (*OPTIONS, *options)
    done = run_program(*words, cwd=folder, module="pytest", **usual | alone | variables)  # type: ignore[arg-type]
    return outcomes(done)


def pytest_from_nothing(folder: Path, **variables: str) -> tuple[str, dict[str, str]]:
    """The same of a pytest with all plugins that are installed, as a user starts it."""
    own = {name: v for name, v in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *OPTIONS, "-p", "no:xdist"],
        cwd=folder,
        env={**own, "PYTHONPATH": path, "PYTEST_ADDOPTS": "", **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return outcomes(done)


def outcomes(done: "subprocess.CompletedProcess[str]") -> tuple[str, dict[str, str]]:
    found = re.findall(r"::(test_\w+) (PASSED|FAILED|SKIPPED|ERROR)", done.stdout)
    return done.stdout + done.stderr, dict(found)


def test_a_test_passes_or_fails_or_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(FAKE)
    (tmp_path / "test_of_mine.py").write_text(TESTS)
    printed, found = pytest_in(tmp_path)
    assert found == {
        **{"test_passes": "PASSED", "test_passes_twice": "PASSED", "test_fails": "FAILED"},
        **{"test_does_not_agree": "SKIPPED", "test_cannot_tell": "SKIPPED"},
        **{"test_is_no_faster": "PASSED", "test_is_no_slower": "PASSED"},
        **{"test_uses_the_machine": "PASSED", "test_is_impossible": "FAILED"},
        "test_no_machine_gives_more_than_it_has": "FAILED",
        **{"test_asks_for_nothing": "ERROR", "test_crashes": "FAILED", "test_without_it": "PASSED"},
    }
    for told in (
        "at_least(1.5): 1.10–1.20 is below 1.5, in two measurements\nthe table",
        "at_least(3): a speedup of 3 takes more than 2 workers: raise n",
        "efficiency_at_least(1.2): an efficiency of 1.2: it has to be above 0 and at most 1",
        "call 0 of speedup() asks for nothing",
        "the cell is crashed: signal SIGKILL",
        "inconclusive  test_of_mine.py::test_cannot_tell: the interval 1.38–1.61 contains 1.5",
        "1.10–1.20 is below 1.5, and measured again: the interval 1.40–1.60 contains 1.5",
        f"the results are in {tmp_path}/.pytest_cache/d/speedup",
    ):
        assert told in printed
    assert "Traceback" not in printed


def test_what_is_inconclusive_may_be_a_failure_and_all_may_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "test_of_mine.py").write_text(
        "def test_scales(speedup): speedup(len, ['']).at_least(1.5)\ndef test_else(): pass\n"
    )
    several = {"PYTEST_XDIST_WORKER_COUNT": "3"}  # refused before anything is measured
    printed, found = pytest_in(tmp_path, "-rs", "-p", "no:cacheprovider", **several)
    assert found == {"test_scales": "SKIPPED", "test_else": "PASSED"}
    assert "3 workers of pytest-xdist run tests at the same time" in printed
    _, found = pytest_in(tmp_path, "--speedup-inconclusive=fail", **several)
    assert found == {"test_scales": "FAILED", "test_else": "PASSED"}
    _, found = pytest_in(tmp_path, "-m", "not speedup")
    assert found == {"test_else": "PASSED"}


MISTAKES = {
    "speedup(len, ['a'], n='auto').at_least(1.3)": "n='auto': a test is about one number",
    "speedup(len, ['a'], n=[1, 2]).at_least(1.3)": "n=[1, 2]: a test is about one number",
    "speedup(len, ['a'], executor='all').at_least(1.3)": "executor='all': a test is about one",
    "speedup(len, ['a'], python=['this', '3.14']).at_most(2)": "python=['this', '3.14']: a test",
    "speedup(len, ['a'], parameters={'executor.reuse': [True, False]}).at_most(2)": (
        "executor.reuse=[True, False]: a test is about one"
    ),
    "speedup(len, ['a'], parameters=5).at_least(1.3)": "parameters: pass a mapping",
    "speedup(len, ['a'], folder='x').at_least(1.3)": "folder: the results of tests are in",
    "speedup(len, ['a'], executer='thread').at_least(1.3)": "no such keyword of speedup() (did you",
    "speedup(len, 'abcd').at_least(1.3)": "arguments: 'abcd' is no list of calls",
    "speedup(len, None).at_least(1.3)": "arguments: None is no list of calls",
    "speedup(len, ['a']).at_least('2')": "at_least('2'): '2': it takes a number",
    "speedup(len, ['a']).no_slower_than(margin=-1)": "no_slower_than(margin=-1): margin=-1: it has",
}


def test_a_mistake_is_a_line_and_nothing_is_measured(tmp_path: Path) -> None:
    tests = [f"def test_{k}(speedup):\n    {code}\n" for k, code in enumerate(MISTAKES)]
    (tmp_path / "test_of_mine.py").write_text("".join(tests))
    printed, found = pytest_in(tmp_path)
    assert [*found.values()] == ["FAILED"] * len(MISTAKES)
    for told in MISTAKES.values():
        assert told in printed
    assert "Traceback" not in printed
    assert "pytest_speedup_lab.py" not in printed


UNASKED = """
import pytest
def test_fails_by_itself(speedup):
    measured = speedup(len, ["a"])
    raise ValueError("mine")
def test_is_skipped(speedup):
    measured = speedup(len, ["a"])
    pytest.skip("no")
def test_asks_for_nothing(speedup):
    measured = speedup(len, ["a"])
def test_judges_by_itself(speedup):
    assert speedup(len, ["a"], parameters={"measure.interpreters": 1}).result.best.status == "ok"
"""


def test_whoever_fails_anyway_or_takes_the_result_is_not_told_to_ask(tmp_path: Path) -> None:
    (tmp_path / "test_of_mine.py").write_text(UNASKED)
    _, found = pytest_in(tmp_path, "--speedup-budget=1")
    assert found == {
        **{"test_fails_by_itself": "FAILED", "test_is_skipped": "SKIPPED"},
        **{"test_asks_for_nothing": "ERROR", "test_judges_by_itself": "PASSED"},
    }


def test_real_measurements(tmp_path: Path) -> None:
    (tmp_path / "test_of_mine.py").write_text(REAL)
    printed, found = pytest_in(tmp_path, "--speedup-folder=kept", "--speedup-budget=20")
    assert found == {
        **{"test_waits_overlap": "PASSED", "test_a_loop_has_no_overlap": "FAILED"},
        **{"test_too_short": "FAILED", "test_wrong_call": "FAILED"},
    }, printed
    assert "2 tasks ran at the same time" in printed
    assert "no two tasks ran at the same time" in printed
    assert re.search(r"the plain loop takes \S+ ms, at least 5 ms are needed", printed)
    assert "speedup(): arguments: call 0 does not fit wait(k)" in printed
    assert len(list((tmp_path / "kept").iterdir())) == 3
    assert "Traceback" not in printed


def test_another_package_of_that_name_is_named(tmp_path: Path) -> None:
    (tmp_path / "runners").mkdir()
    (tmp_path / "runners/__init__.py").write_text("")
    (tmp_path / "test_of_mine.py").write_text("def test_scales(speedup): pass\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    printed, found = pytest_from_nothing(tmp_path, PYTHONPATH=path)
    assert found == {"test_scales": "ERROR"}
    assert f"another package called runners is in the way: {tmp_path}/runners" in printed


def test_nothing_of_the_program_is_loaded_without_the_fixture(tmp_path: Path) -> None:
    (tmp_path / "test_of_mine.py").write_text(
        "import sys\ndef test_light():\n    assert 'runners' not in sys.modules\n"
    )
    _, found = pytest_from_nothing(tmp_path)
    assert found == {"test_light": "PASSED"}


def test_a_fixture_of_ones_own_of_that_name_is_no_matter_of_ours(tmp_path: Path) -> None:
    (tmp_path / "test_of_mine.py").write_text(
        "import pytest\n@pytest.fixture\ndef speedup(): return 3\n"
        "def test_mine(speedup): assert speedup == 3\n"
    )
    _, found = pytest_in(tmp_path, "-m", "not speedup")
    assert found == {"test_mine": "PASSED"}


def test_a_worker_of_xdist_hands_its_verdicts_on(tmp_path: Path) -> None:
    (tmp_path / "test_of_mine.py").write_text(
        "def test_scales(speedup): speedup(len, ['']).at_least(5)\n"
        "def test_cannot(speedup): speedup.inconclusive('why')\n"
    )
    printed, _ = pytest_in(tmp_path, "-p", "xdist", "-n", "1")
    assert "inconclusive  test_of_mine.py::test_cannot: why" in printed
    assert "the results are in" in printed
