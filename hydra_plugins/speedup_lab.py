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
        self.context, self.job, self.config = hydra_context, task_function, config

    def sweep(self, arguments: list[str]) -> list[JobReturn]:
        from hydra.core.plugins import Plugins

        from runners.command.sweep import Sweep

        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=self.context, task_function=self.job, config=self.config
        )
        own = isinstance(launcher, SpeedupLabLauncher)
        sweep = Sweep(self.context, self.job, self.config)
        return sweep.run(self.params, arguments, None if own else launcher)


class SpeedupLabLauncher(Launcher):
    """Measures the cells in this process, one after another, for whichever sweeper."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.context, self.job, self.config = hydra_context, task_function, config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        from runners.command.sweep import Sweep

        return Sweep(self.context, self.job, self.config).launch(job_overrides, initial_job_idx)
