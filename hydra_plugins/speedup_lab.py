"""What Hydra calls for a sweep. It takes such classes from the package `hydra_plugins` only.

Every Hydra program of the environment imports this module, so it imports Speedup Lab's own only
when one of its sweeps runs.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class SpeedupLabSweeper(Sweeper):
    """Plans every cell of the grid before the first one runs; see `runners/command/sweep.py`."""

    def __init__(self, params: Mapping[str, Any] | None = None) -> None:
        self.params = dict(params or {})

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        from hydra.core.plugins import Plugins

        from runners.command.sweep import Sweep

        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )
        self.launcher = None if isinstance(launcher, SpeedupLabLauncher) else launcher
        self.run = Sweep(hydra_context, task_function, config).run

    def sweep(self, arguments: list[str]) -> list[JobReturn]:
        return self.run(self.params, arguments, self.launcher)


class SpeedupLabLauncher(Launcher):
    """Measures the cells in this process, one after another, for whichever sweeper."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        from runners.command.sweep import Sweep

        self.run = Sweep(hydra_context, task_function, config).launch

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        return self.run(job_overrides, initial_job_idx)
