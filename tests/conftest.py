"""What several test files need: plans as the command line composes them, and the program itself."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig

from runners import config
from runners.model import Plan

ROOT = Path(__file__).parent.parent
PLUGINS = ROOT / "tests/plugins"
MakePlan = Callable[..., Plan]


@pytest.fixture
def make_plan() -> Iterator[MakePlan]:
    """`make_plan("workload=primes", "n=2", ...)`: small and quick unless the overrides say else."""
    config.register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):

        def make(*overrides: str) -> Plan:
            quick = ["measure=quick", "measure.pilot=2", "measure.rounds=2"]
            path = f"hydra.searchpath=[{PLUGINS}]"
            cfg = compose("config", [*quick, path, *overrides], return_hydra_config=True)
            HydraConfig.instance().set_config(cfg)
            return config.plan(cfg)

        yield make


def run_program(
    *arguments: str,
    cwd: Path,
    module: str = "runners",
    plugins: bool = True,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """`python -m runners ...` in that folder, with the plugins of these tests at hand."""
    path = os.pathsep.join([str(ROOT), str(PLUGINS)])
    config = [f"--config-dir={PLUGINS}"] if module == "runners" and plugins else []
    return subprocess.run(
        [sys.executable, "-m", module, *config, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
