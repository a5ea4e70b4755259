"""The grid of a sweep: its combinations, and each configuration against Hydra's own composition."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runners.command.arguments import count_cells, expanded
from runners.command.grid import Grid
from runners.model import UsageError
from runners.planning import config
from runners.planning.hydra_versions import BASE
from tests.conftest import PLUGINS, ROOT

MakeGrid = Callable[..., Grid]


@pytest.fixture
def make_grid(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeGrid]:
    monkeypatch.syspath_prepend(str(PLUGINS))
    config.register()
    with initialize_config_dir(str(ROOT / "conf"), **BASE):
        hydra: Any = GlobalHydra.instance().hydra

        def make(*overrides: str) -> Grid:
            path = [] if overrides else [f"hydra.searchpath=[{PLUGINS}]"]
            master = hydra.compose_config("config", [*path, *overrides], RunMode.MULTIRUN)
            return Grid(GlobalHydra.instance().config_loader(), master)

        yield make


def plain(cfg: DictConfig) -> Any:
    return OmegaConf.to_container(cfg, resolve=False)


def test_random_cells_are_what_hydra_composes(make_grid: MakeGrid) -> None:
    grid = make_grid()
    arguments = [
        *("workload=primes,misbehaving,countdown", "n=1,7", "scaling=strong,weak"),
        *("executor=thread,process", "measure=quick", "workload.end=1000,2000"),
        *(
            "executor.start_method=fork,spawn",
            "executor.switch_interval_s=0.01,0.02",
            "measure.seed=1,2",
        ),
        *("+measure.more=5", "workload.what=choice(dying)", "sweep.order=given"),
        *('+workload.more=[[1],[2]],[["a b"],[{x:1}]]', "hydra.job.name=one"),
        "++executor.chunksize=1,2",
    ]
    cells = grid.combinations({"workload.repeat": "3"}, arguments)
    assert len(cells) > 500
    for number, overrides in enumerate(random.Random(1).sample(cells, 8)):
        expected = grid.loader.load_sweep_config(grid.master, list(overrides))
        expected.hydra.job.id, expected.hydra.job.num = str(number), number
        assert plain(grid.config(overrides, number)) == plain(expected), overrides


def test_values_of_one_cell_do_not_stay_for_the_next(make_grid: MakeGrid) -> None:
    grid = make_grid()
    assert grid.config(["workload.end=5", "n=3"], 0).workload.end == 5
    assert grid.config([], 1).workload.end == 200000
    assert grid.config([], 1).n == 2


def test_neither_do_values_deep_inside_nor_those_that_are_refused(make_grid: MakeGrid) -> None:
    grid = make_grid()
    own = ["workload=callable", "+workload.keywords={base:2,more:{deep:1}}"]
    before = plain(grid.config(own, 0))
    for text in ("workload.keywords.more.deep=5", "workload.keywords={base:7}", "n=9"):
        assert plain(grid.config([*own, text], 0)) != before
        assert plain(grid.config(own, 0)) == before
    for text in ("executor.speed=9", "measure.precison=1", "workload.keywords.new=1"):
        with pytest.raises(OmegaConfBaseException):
            grid.config([*own, "n=3", text], 0)
        assert plain(grid.config(own, 0)) == before


def test_what_an_option_does_not_have_is_left_out_once(make_grid: MakeGrid) -> None:
    executors = ["executor=thread,process,pool"]
    cells = make_grid().combinations({}, [*executors, "executor.start_method=fork,spawn"])
    assert sorted(cells) == [
        ("executor=pool", "executor.start_method=fork"),
        ("executor=pool", "executor.start_method=spawn"),
        ("executor=process", "executor.start_method=fork"),
        ("executor=process", "executor.start_method=spawn"),
        ("executor=thread",),
    ]
    single = make_grid().combinations({}, [*executors, "executor.start_method=choice(spawn)"])
    assert len(single) == 3
    assert ("executor=thread",) in single


def test_what_no_option_has_is_a_mistake(make_grid: MakeGrid) -> None:
    grid = make_grid()
    cells = grid.combinations({}, ["executor=thread,process", "executor.speed=1,2"])
    assert len(cells) == 4
    with pytest.raises(Exception, match="speed"):
        grid.config(cells[0], 0)


def test_a_choice_of_one_is_a_value(make_grid: MakeGrid) -> None:
    """As another sweeper may hand it on."""
    assert make_grid().config(["workload.end=choice(5)"], 0).workload.end == 5


def test_null_is_a_value_in_a_sweep_too(make_grid: MakeGrid) -> None:
    words = expanded(["-m", "workload=primes", "workload.ranges=null", "n=1,2"])
    cells = make_grid().combinations({}, words[1:])
    assert len(cells) == count_cells({}, words[1:]) == 2
    assert make_grid().config(cells[0], 0).workload.ranges is None


def test_a_later_value_takes_the_place_of_an_experiments(make_grid: MakeGrid) -> None:
    cells = make_grid().combinations({"n": "1,2,4", "executor": "thread,process"}, ["n=3"])
    assert cells == [("n=3", "executor=thread"), ("n=3", "executor=process")]


def test_an_interval_is_no_list_of_values(make_grid: MakeGrid) -> None:
    with pytest.raises(UsageError, match="list the values"):
        make_grid().combinations({}, ["workload.end=interval(1,2)"])


def test_all_executors_are_those_with_workers_here(make_grid: MakeGrid, tmp_path: Path) -> None:
    (tmp_path / "executor").mkdir()
    (tmp_path / "executor/mine.yaml").write_text("_target_: runners.executors.thread.Thread\n")
    (tmp_path / "executor/gone.yaml").write_text("_target_: no_such_module.Executor\n")
    grid = make_grid(f"hydra.searchpath=[{PLUGINS},{tmp_path}]")
    cells = grid.combinations({}, ["executor=choice(all)"])
    names = {cell[0].removeprefix("executor=") for cell in cells}
    assert names >= {"thread", "thread_subclass", "thread_pool", "process", "pool", "process_pool"}
    assert names >= {"asyncio", "mine"}  # of a folder of plugins too
    assert not names & {"serial", "dask", "mpi", "ray", "gone"}


def test_a_text_with_quotes_survives_a_choice(make_grid: MakeGrid) -> None:
    grid = make_grid()
    given = ["workload=callable", r"workload.arguments=choice('[b\'a\', \'x y\']')"]
    [cell] = grid.combinations({}, given)
    assert grid.config(cell, 0).workload.arguments == "[b'a', 'x y']"
