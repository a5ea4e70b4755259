"""Every command of the README runs, and what it shows is there."""

import os
import re
import shlex
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

import runners
from benchmarks import arguments as of_readme
from runners.analysis.summary import summarise
from runners.results.read import read_runs
from tests import synthetic
from tests.conftest import ROOT, MakePlan, run_program
from tests.test_pytest_plugin import FAKE, pytest_in

pytestmark = pytest.mark.once

README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^python -m (?:runners|experiments).*$", README, re.MULTILINE)
SIZES = {
    "primes": "end=500",
    "countdown": "count=500",
    "io_sleep": "high=0.011",
    "addition": "size=10",
}
SMALL = ["measure=quick", "measure.min_rounds=1", "measure.max_rounds=1", "measure.warmup=1"]
ALL_EXECUTORS = "executor=serial,thread,thread_subclass,process,pool"
ALL_WORKLOADS = "workload=primes,countdown,io_sleep,addition"


def shrunk(command: str) -> list[str]:
    """The command's arguments, with the fewest rounds and the shortest tasks."""
    fewer = command.replace("n=1,2,4", "n=2").replace(ALL_EXECUTORS, "executor=serial,pool")
    fewer = fewer.replace(ALL_WORKLOADS, "workload=primes,io_sleep")
    fewer = fewer.replace("python=all", "python=this")
    _, _, _, *arguments = shlex.split(fewer)
    if "+experiment=break_even" in arguments:
        arguments += ["workload.count=30,300", "executor=thread"]
    if "+experiment=gil" in arguments:
        arguments += ["workload.count=500"]
    if "outputs/sweep" not in command and {"-m", "+experiment=gil"} & set(arguments):
        arguments += ["sweep.report=false"]  # one report is enough
    workloads = [text.partition("=")[2] for text in arguments if text.startswith("workload=")]
    for workload in ",".join(workloads).split(","):
        arguments += [f"workload.{SIZES[workload]}"] if workload in SIZES else []
    if "executor=all" in arguments:
        arguments += ["sweep.report=false", "workload.arguments_from=short.py:texts"]
    return [*arguments, *SMALL]


ON_A_SWEEP = [command for command in COMMANDS if "outputs/sweep" in command]


PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 5
    assert len(re.findall(r"^python -m pip install .*$", README, re.MULTILINE)) == 2


def test_five_lines_of_python_measure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = PYTHON[0]
    assert len(code.splitlines()) == 5
    tiny = {f"measure.{key}_rounds": 1 for key in ("min", "max")} | {"measure.interpreters": 1}
    monkeypatch.setattr(runners, "speedup", partial(runners.speedup, parameters=tiny, quiet=True))
    exec(code.replace("2_000_000", "2_000").replace("[1, 2, 4]", "2"), {})
    assert capsys.readouterr().out


def test_the_test_of_a_speedup_is_one(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(FAKE)
    work = "from conftest import Result\n\ndef work(k):\n    return Result(1.7, 1.8)\n\n"
    (tmp_path / "test_readme_says.py").write_text(f"{work}{PYTHON[1]}")
    _, found = pytest_in(tmp_path)
    assert found == {"test_scales": "PASSED"}


def run(command: str, cwd: Path) -> str:
    """What that command prints; it has to end well."""
    module, *rest = shlex.split(command)[2:]
    (cwd / "short.py").write_text("def texts():\n    return [(b'a' * 1000,)] * 4\n")
    arguments = shrunk(command) if module == "runners" and rest != ["--help"] else rest
    if module == "experiments":
        arguments = ["pool", "--quick", "--", *SMALL]
    for at, folder in enumerate(rest if module == "runners.compare" else ()):
        synthetic.write(cwd / folder, synthetic.runs(seed=at))
    done = run_program(*arguments, cwd=cwd, module=module, plugins=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    return done.stdout


def test_what_the_function_of_the_readme_is_called_with_is_there() -> None:
    [name] = re.findall(r"workload\.arguments_from=benchmarks\.arguments:(\w+)", README)
    assert getattr(of_readme, name)()


@pytest.mark.parametrize("command", [one for one in COMMANDS if one not in ON_A_SWEEP])
def test_a_command_runs(command: str, tmp_path: Path) -> None:
    told = run(command, tmp_path)
    if "executor=all" in command:
        for executor in ("thread_subclass", "thread_pool", "process_pool", "asyncio"):
            assert f"zlib.compress on {executor}, n = 2" in told
    if command.endswith("+experiment=gil"):  # it is a named sweep
        summary = summarise(read_runs(tmp_path / "outputs"))
        assert set(zip(summary["executor"], summary["n"], strict=True)) >= {
            *(("thread", 1), ("thread", 2), ("process", 1), ("process", 2))
        }


def test_a_sweep_is_reported_on_and_its_frames_are_read_in_three_lines(
    tmp_path: Path, make_plan: MakePlan
) -> None:
    sweep, report = ON_A_SWEEP
    assert ALL_EXECUTORS in sweep
    assert ALL_WORKLOADS in sweep
    for executor in ALL_EXECUTORS.partition("=")[2].split(","):
        make_plan(f"executor={executor}", "workload=addition", "n=2")
    for workload in ALL_WORKLOADS.partition("=")[2].split(","):
        make_plan(f"workload={workload}", "executor=pool", "n=2")
    run(f"{sweep} sweep.report=false", tmp_path)  # the next one writes it
    assert "speedup.png" in run(report, tmp_path)
    code = PYTHON[2]
    assert len(code.splitlines()) == 3
    program = f"{code}\nassert len(summary) == 4, summary"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True)


def test_what_the_readme_links_to_is_there() -> None:
    targets = re.findall(r"\]\(([^)]+)\)", README)
    assert len(targets) > 5
    for target in targets:
        assert (ROOT / target).is_file(), target
