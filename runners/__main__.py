"""`python -m runners`: plan, measure, store, print."""

import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from runners.command import progress, resume, session
from runners.measuring.measure import measure
from runners.model import Plan, UsageError
from runners.planning import config
from runners.planning.environment import read_environment
from runners.results.write import append, append_spans, write_environment


@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def job(cfg: DictConfig) -> str:
    """Measure one cell; its status."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    position = session.position()
    try:
        plan = session.within_budget(config.plan(cfg))
    except UsageError as error:  # a mistake in a single cell was found before its folder was made
        run = config.refusal(cfg, error)
        if not resume.holds(folder, run):
            append(folder, run)
        return progress.refused(run, position)
    try:
        return cell(plan, folder, position)
    except OSError as error:
        return session.failed(error)


def cell(plan: Plan, folder: Path, position: tuple[int, int] | None) -> str:
    """Measure, store and show what is not already there."""
    if position is None:
        session.claim(folder)
    earlier = resume.look(folder, plan)
    display = progress.Terminal(plan, folder, position)
    display.begin(earlier)
    if earlier.outcome != "reused":
        for run in measure(plan, earlier.rounds, earlier.next_round, earlier.next_process):
            append(folder, run)
            if plan.measure.keep_spans != "none":
                append_spans(folder, run)
            display.update(run)
        write_environment(folder, read_environment())
    elif position is not None:
        return str(earlier.status)
    return display.finish(session.summary(folder, plan))


if __name__ == "__main__":
    config.register()
    sys.exit(session.run(job))
