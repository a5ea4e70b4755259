"""Every command of the README runs, and what it shows is there."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, run_program

README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^python -m (?:runners|experiments).*$", README, re.MULTILINE)
SMALL = ["measure=quick", "measure.min_rounds=1", "measure.max_rounds=1", "measure.warmup=1"]


def shrunk(command: str) -> list[str]:
    """The command's arguments, with the fewest rounds and the shortest tasks."""
    _, _, _, *arguments = shlex.split(command.replace("n=1,2,4", "n=2"))
    if "+experiment=break_even" in arguments:
        arguments += ["workload.count=30,300", "executor=thread"]
    sizes = {"primes": "end=500", "countdown": "count=500", "io_sleep": "high=0.011"}
    for workload, size in sizes.items():
        if f"workload={workload}" in arguments:
            arguments.append(f"workload.{size}")
    return [*arguments, *SMALL]


[SWEEP] = [command for command in COMMANDS if "hydra.sweep.dir=outputs/sweep" in command]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the README's sweep was run, which some of its other commands go on from."""
    folder = tmp_path_factory.mktemp("readme")
    done = run_program(*shrunk(SWEEP), cwd=folder, plugins=False)
    assert done.returncode == 0, done.stderr
    assert "speedup.png" in done.stdout
    return folder


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 5
    assert len(re.findall(r"^python -m pip install .*$", README, re.MULTILINE)) == 2


@pytest.mark.parametrize("command", [command for command in COMMANDS if command != SWEEP])
def test_a_command_runs(command: str, folder: Path) -> None:
    module, *rest = shlex.split(command)[2:]
    arguments = shrunk(command) if module == "runners" and rest != ["--help"] else rest
    if module == "experiments":
        arguments = ["pool", "--quick", "--", *SMALL]
    done = run_program(*arguments, cwd=folder, module=module, plugins=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_frames_are_read_in_three_lines(folder: Path) -> None:
    [code] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(code.splitlines()) == 3
    program = f"{code}\nassert len(summary) == 20, summary"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", program], cwd=folder, env=environment, check=True)


def test_what_the_readme_links_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).is_file(), target
