"""What rows of a real Slurm's jobs say of their nodes; `tests/slurm/test_slurm.py` says how."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(
        "SPEEDUP_LAB_SLURM" not in os.environ or shutil.which("srun") is None,
        reason="there is no Slurm for tests; .ci/slurm COMMAND starts one",
    ),
]
CELL = ("workload=io_sleep", "executor=thread", "n=2", "measure=quick", "measure.max_rounds=2")


def row(cwd: Path, *options: str) -> dict[str, Any]:
    """The last row of a cell that `srun` measures with these options, and its flags."""
    command = ["srun", "-n1", *options, sys.executable, "-m", "runners", *CELL]
    done = subprocess.run(
        [*command, "measure.min_rounds=2", "hydra.run.dir=out"],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    [*_, last] = (cwd / "out/runs.jsonl").read_text().splitlines()
    found: dict[str, Any] = json.loads(last)
    return found | {"said": done.stdout}


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="this machine has a single CPU")
def test_a_job_with_one_cpu_of_its_node_says_so(tmp_path: Path) -> None:
    found = row(tmp_path, "-c1")
    assert (found["job_cpus"], found["job_nodes"], found["exclusive"]) == (1, 1, False)
    assert found["usable_cpus"] == 1.0
    assert "the job has fewer CPUs than n (1 for 2)" in found["said"]
    assert "other jobs may run on its node" in found["said"]


def test_a_job_with_its_node_for_itself_says_so(tmp_path: Path) -> None:
    found = row(tmp_path, "--exclusive", f"-c{os.cpu_count()}")
    assert (found["job_cpus"], found["exclusive"]) == (os.cpu_count(), True)
    assert "other jobs may run" not in found["said"]
