"""The console scripts, really installed, in a folder whose own modules bear the program's names."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import LEFT, ROOT, install, run_installed

pytestmark = pytest.mark.once

SMALL = ("measure=quick", "measure.min_rounds=1", "measure.max_rounds=1", "measure.warmup=1")


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the scripts in a fresh environment with the built distribution."""
    folder = tmp_path_factory.mktemp("scripts")
    source = folder / "source"
    for name in ("conf", "experiments", "hydra_plugins", "runners"):
        shutil.copytree(ROOT / name, source / name, ignore=LEFT)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    return install(folder, source)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A user's folder that has packages of these names, and a module of the user's."""
    for name in ("conf", "experiments", "runners"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise SystemExit('the wrong {name}')\n")
    (tmp_path / "mine.py").write_text("def square(x): return x * x\n")
    return tmp_path


def test_a_function_of_the_user_is_measured(scripts: Path, own: Path) -> None:
    function = (
        "workload=callable",
        "workload.function=mine:square",
        "workload.arguments=[[1],[2]]",
    )
    pair = (*function, "executor=process", "hydra.run.dir=out")
    told = run_installed(scripts / "speedup-lab", own, *pair, *SMALL)
    assert "equal to serial" in told
    rows = [json.loads(line) for line in (own / "out/runs.jsonl").read_text().splitlines()]
    assert {row["status"] for row in rows} == {"ok"}
    assert "summary.csv" in run_installed(scripts / "speedup-lab-report", own, "out")
    for name in ("speedup-lab-compare", "speedup-lab-history"):
        assert "exit status" in run_installed(scripts / name, own, "--help")


def test_a_sweep_and_the_lecture_start_from_there_too(scripts: Path, own: Path) -> None:
    sweep = (
        "-m",
        "workload=countdown",
        "workload.count=100",
        "n=1,2",
        "executor=thread",
        "sweep.report=false",
    )
    assert "2/2" in run_installed(scripts / "speedup-lab", own, *sweep, *SMALL)
    told = run_installed(scripts / "speedup-lab-lecture", own, "pool", "--quick", "--", *SMALL[1:])
    assert "holds: " in told
    assert "not measured" not in told


def test_the_shell_is_told_what_can_follow(scripts: Path, own: Path) -> None:
    line = "speedup-lab --dry-run --at-least 1.5 versus=HEAD~1 executor=proc"  # some are ours alone
    asked = {"COMP_LINE": line, "COMP_POINT": str(len(line)), "COMP_TYPE": "9"}
    done = subprocess.run(
        [scripts / "speedup-lab", "-sc", "query=bash"],
        cwd=own,
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["executor=process", "executor=process_pool"]
