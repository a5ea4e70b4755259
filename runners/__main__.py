"""`python -m runners`: plan, measure, store, print."""

import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from runners import config, session, store, terminal
from runners.environment import read_environment
from runners.measure import measure
from runners.model import UsageError


@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def job(cfg: DictConfig) -> str:
    """Measure one cell; its status."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    position = session.position()
    try:
        plan = config.plan(cfg)
    except UsageError as error:  # in a sweep: a single cell was checked before its folder was made
        run = config.refusal(cfg, error)
        store.append(folder, run)
        return terminal.refused(run, position)
    display = terminal.Terminal(plan, folder, position)
    for run in measure(plan):
        store.append(folder, run)
        if plan.measure.keep_spans != "none":
            store.append_spans(folder, run)
        display.update(run)
    store.write_environment(folder, read_environment())
    from runners import stats  # loads pandas and scipy: not before the measurement

    runs = store.read_runs(folder)
    runs = runs[runs["cell"] == plan.cell]
    if plan.measure.keep_spans == "median":
        store.keep_spans(folder, stats.typical_round(runs))
    [row] = stats.summarise(runs).to_dict("records")
    return display.finish(row)


if __name__ == "__main__":
    config.register()
    sys.exit(session.run(job))
