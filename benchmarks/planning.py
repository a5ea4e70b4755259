"""How long a sweep of a thousand cells takes to be composed and planned, against Hydra's own way.

    python -m benchmarks.planning [CELLS]

Prints seconds for the whole grid, milliseconds a cell, and the ratio to what Hydra takes to compose
a cell, which its own sweeper and launcher do once each.
"""

import statistics
import sys
import time
from collections.abc import Callable

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode

from runners.command.grid import Grid
from runners.planning import config
from runners.planning.environment import read_site
from runners.planning.hydra_versions import BASE
from runners.planning.searchpath import CONF


def seconds(what: Callable[[], object]) -> float:
    begin = time.perf_counter()
    what()
    return time.perf_counter() - begin


def main(cells: int) -> None:
    arguments = [
        *("workload=primes,countdown", "executor=thread,process,pool,process_pool", "n=1,2,4,8,16"),
        f"measure.seed={','.join(str(seed) for seed in range(1, cells // 40 + 1))}",
    ]
    config.register()
    with initialize_config_dir(str(CONF), **BASE):
        loader = GlobalHydra.instance().config_loader()
        master = GlobalHydra.instance().hydra.compose_config(  # type: ignore[union-attr]
            config_name="config", overrides=[], run_mode=RunMode.MULTIRUN
        )
        grid = Grid(loader, master)
        site = read_site()

        def plan_all() -> int:
            found = grid.combinations({}, arguments)
            for number, overrides in enumerate(found):
                cfg = grid.config(overrides, number)
                config.plan(cfg, site)
                str(cfg.hydra.sweep.subdir)
            return len(found)

        ours_s = seconds(plan_all)
        count = len(grid.combinations({}, arguments))
        alone = [
            seconds(lambda: loader.load_sweep_config(master, ["workload=primes", "n=3"]))
            for _ in range(10)
        ]
    hydra_s = statistics.median(alone)
    print(
        f"{count} cells composed and planned in {ours_s:.2f} s, {ours_s / count * 1e3:.2f} ms each"
    )
    print(
        f"Hydra composes one in {hydra_s * 1e3:.1f} ms: "
        f"{hydra_s * count / ours_s:.0f} times as long"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
