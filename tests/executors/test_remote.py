"""What workers that somebody else has started are asked, and what is said of the answers."""

import os
import pickle
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from runners.child.worker import install
from runners.executors.remote import Survey, asked, facts, surveyed, unfit, unlike
from runners.workloads.callable import Callable
from runners.workloads.io_sleep import IoSleep
from tests.conftest import ROOT

HERE: dict[str, Any] = {
    "host": "a",
    "python": "CPython 3.13",
    "packages": {"one": "1.0", "two": "2.0"},
}


@pytest.mark.parametrize(
    ("there", "told"),
    [
        ({}, None),
        ({"host": "b"}, None),
        ({"python": "CPython 3.13t"}, "runs CPython 3.13t and not CPython 3.13, which measures: "),
        ({"python": "PyPy 3.13", "lacks": "all"}, "runs PyPy 3.13 and not CPython 3.13"),
        ({"lacks": "ImportError: no"}, r"cannot import this program \(ImportError: no\): install "),
        ({"packages": {"one": "1.0", "two": "2.1"}}, "has two 2.1, and 2.0 is here: .* two==2.0 "),
        ({"packages": {"one": None, "two": "2.0"}}, "lacks the package one, .* install one==1.0 "),
    ],
)
def test_one_line_says_why_a_worker_is_unfit(there: dict[str, Any], told: str | None) -> None:
    found = unfit(HERE | there, HERE)
    if told is None:
        assert found is None
    else:
        with pytest.raises(RuntimeError, match=rf"^{told}.*$"):
            raise RuntimeError(found)


def test_code_and_workload_are_compared() -> None:
    here = Survey(None, {"runners.model": "1", "mine": "2"}, {"numpy": "2.3", "six": "1.0"})
    assert unlike(here, here) is None
    assert unlike(Survey(None, {}, {}), here) is None  # installed there: its version tells
    for there, told in (
        (Survey("ImportError: mine", {}, {}), "cannot load the workload (ImportError: mine)"),
        (Survey(None, {"mine": "3"}, {}), "another version of the workload's code (in mine)"),
        (
            Survey(None, {"runners.model": "3", "mine": "3"}, {}),
            "this program (in runners.model and 1",
        ),
        (
            Survey(None, {}, {"numpy": "2.2"}),
            "has numpy 2.2, and 2.3 is here: python -m pip install numpy==2.3 there, and start",
        ),
    ):
        found = unlike(there, here)
        assert found is not None
        assert told in found


def test_the_question_needs_nothing_but_python() -> None:
    """It is put to a Python that has no `runners`, and no packages at all."""
    function, text = asked(["no_such_package"])
    assert pickle.loads(pickle.dumps(function)) is eval
    command = [sys.executable, "-I", "-S", "-c", f"print(eval({text!r}))"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout
    found = eval(said)
    assert found["lacks"].startswith("ModuleNotFoundError: No module named 'runners")
    assert found["packages"] == {"no_such_package": None}
    own = facts(["no_such_package"])
    assert own == {key: value for key, value in found.items() if key != "lacks"}
    assert own["host"] == os.uname().nodename


def test_a_worker_knows_its_code_as_it_was_when_it_was_asked_first(tmp_path: Path) -> None:
    """Changed files do not change what a process has loaded."""
    payload = pickle.dumps(IoSleep(1, 0.0, 0.0, 0))
    survey = install.survey  # type: ignore[attr-defined]
    before = surveyed(survey, (payload, None, "clock"))
    assert before.problem is None
    assert {"runners.child.worker", "runners.workloads.io_sleep"} <= before.code.keys()
    mine = tmp_path / "uses_yaml.py"
    mine.write_text("import yaml\n\ndef double(x):\n    return 2 * x\n")
    workload = Callable(f"{mine}:double", [[1]], None, None, 1, "equal", 0.0)
    found = surveyed(survey, (pickle.dumps(workload),))
    assert found.packages["pyyaml"] == version("pyyaml")
    program = (
        "import sys, pathlib, pickle; from runners.child.worker import survey\n"
        f"payload = {payload!r}; file = pathlib.Path('runners/workloads/io_sleep.py')\n"
        "first = survey(payload)[1]; file.write_text(file.read_text() + '#')\n"
        "assert survey(payload)[1] == first\n"
    )
    (copy := tmp_path / "copy").mkdir()
    subprocess.run(["cp", "-r", str(ROOT / "runners"), str(copy)], check=True)
    subprocess.run([sys.executable, "-c", program], cwd=copy, check=True)


def test_what_cannot_be_asked_is_told() -> None:
    assert surveyed(None, ()) == (None, {}, {})
    assert surveyed(len, ()).problem == "TypeError: len() takes exactly one argument (0 given)"
    assert surveyed(install.survey, (b"?",)).problem is not None  # type: ignore[attr-defined]
