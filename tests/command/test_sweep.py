"""Sweeps as a user starts them: mistakes before a cell runs, order, progress, launchers."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runners.analysis.cell import cells
from runners.analysis.summary import summarise
from runners.command.budget import Pace
from runners.command.cells import Cell, panelled
from runners.command.progress import clock, differing
from runners.planning.hydra_versions import BASE
from runners.results.read import read_runs
from tests.conftest import ROOT, MakePlan, run_program

SMALL = (
    *("measure=quick", "measure.min_rounds=1", "measure.max_rounds=1", "measure.warmup=1"),
    "workload=countdown",
    "workload.count=100",
)


def sweep(cwd: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return run_program("-m", *SMALL, *arguments, cwd=cwd)


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]


def finished(folder: Path) -> list[dict[str, object]]:
    files = folder.glob("*/runs.jsonl")
    return [json.loads(file.read_text().splitlines()[-1]) for file in files]


@pytest.mark.parametrize(
    ("mistake", "cell", "told"),
    [
        ("n=1,2,0", "cell 50 of 51 (n=0)", "must be at least 1"),
        ("workload.repeat=2,0", "(workload.repeat=0)", "workload.repeat=0 (countdown)"),
        ("scaling=strong,sideways", "(scaling=sideways)", "choose strong or weak"),
        ("executor=thread,threads", "(executor=threads)", "there is no such executor"),
        ("+workload.speed=1,2", "cell 1 of", "workload.speed: countdown has no such parameter"),
        ("executor.speed=1,2", "cell 1 of", "executor.speed: there is no such key"),
        ("hydra.sweep.subdir=here n=1,2", "cell 2 of", "it would have the folder of cell 1"),
    ],
)
def test_a_mistake_in_any_cell_is_told_before_the_first_one_runs(
    mistake: str, cell: str, told: str, tmp_path: Path
) -> None:
    if mistake.startswith("n="):
        mistake = f"n={','.join(map(str, [*range(1, 50), 0, 50]))}"
    done = sweep(tmp_path, *mistake.split())
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("error: cell ")
    assert cell in line
    assert told in line
    assert list(tmp_path.iterdir()) == []


def test_cells_run_in_random_order_or_as_given(tmp_path: Path) -> None:
    orders = {}
    for order in ("random", "given"):
        options = (f"sweep.order={order}", "sweep.report=false", "sweep.panel=false")
        done = sweep(tmp_path, "executor=thread", "n=1,2,3,4", *options)
        assert done.returncode == 0, done.stderr
        lines = [line for line in done.stdout.splitlines() if "countdown on" in line]
        orders[order] = [int(line.partition("n = ")[2].split()[0]) for line in lines]
    assert orders["given"] == [1, 2, 3, 4]
    assert sorted(orders["random"]) == orders["given"] != orders["random"]


def test_progress_is_data_for_programs(tmp_path: Path) -> None:
    arguments = ("executor=thread,process", "n=1,2", "hydra.sweep.dir=out", "sweep.report=false")
    first = sweep(tmp_path, *arguments, "sweep.progress=json")
    assert first.returncode == 0, first.stderr
    told = [json.loads(line) for line in first.stdout.splitlines()]
    assert [line["cell"] for line in told] == [1, 2, 3, 4]
    assert {line["cells"] for line in told} == {4}
    assert {line["number"] for line in told} == {0, 1, 2, 3}
    assert {line["status"] for line in told} == {"ok"}
    assert told[-1]["left_s"] == 0
    assert not any(line["reused"] for line in told)
    again = sweep(tmp_path, *arguments, "sweep.progress=json")
    assert [json.loads(line)["reused"] for line in again.stdout.splitlines()] == [True] * 4
    assert sorted(file.name for file in (tmp_path / "out").iterdir() if file.is_file()) == [
        *("multirun.yaml", "sweep.json"),  # no claim is left
    ]


@pytest.mark.parametrize("key", ["sweep.order", "sweep.progress"])
def test_a_setting_of_the_sweep_that_is_not_there(key: str, tmp_path: Path) -> None:
    done = sweep(tmp_path, "n=1,2", f"{key}=other")
    assert done.returncode == 2
    assert f"{key}=other: choose" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("launcher", ["basic", "joblib", "submitit_local"])
def test_other_launchers_measure_a_cell_a_job(launcher: str, tmp_path: Path) -> None:
    if launcher != "basic":
        pytest.importorskip(f"hydra_plugins.hydra_{launcher.partition('_')[0]}_launcher")
    arguments = ("executor=thread,process", "executor.start_method=fork", "n=2")
    done = sweep(tmp_path, *arguments, f"hydra/launcher={launcher}", "hydra.sweep.dir=out")
    assert done.returncode == 0, done.stderr
    rows = finished(tmp_path / "out")
    assert len(rows) == 2
    assert {row["status"] for row in rows} == {"ok"}
    assert len(read_runs(tmp_path / "out")["cell"].unique()) == 2
    assert (tmp_path / "out/report.md").is_file()
    [cell, _] = (tmp_path / "out").glob("*/runs.jsonl")
    cell.unlink()
    options = [f"hydra/launcher={launcher}", "resume=out", "sweep.report=false"]
    if launcher == "joblib":
        options += ["hydra.launcher.n_jobs=1"]  # another process has been shown to do it
    done = sweep(tmp_path, *arguments, *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("reused") == 1
    assert len(finished(tmp_path / "out")) == 2


def test_a_failing_cell_of_another_launcher_fails_the_sweep(tmp_path: Path) -> None:
    done = run_program(
        *("-m", "workload=misbehaving", "workload.what=raising,nothing", "executor=thread"),
        *(*SMALL[:4], "hydra/launcher=basic", "hydra.sweep.dir=out", "sweep.report=false"),
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert {row["status"] for row in finished(tmp_path / "out")} == {"failed", "ok"}


OPTIMISER = '''
from hydra.plugins.sweeper import Sweeper
class Halving(Sweeper):
    """Calls the launcher twice, and goes on from the better of the first two."""
    def setup(self, *, hydra_context, task_function, config):
        from hydra.core.plugins import Plugins
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config)
    def sweep(self, arguments):
        first = self.launcher.launch([[*arguments, "n=1"], [*arguments, "n=2"]], 0)
        best = max(range(2), key=lambda at: float(first[at].return_value))
        self.launcher.launch([[*arguments, f"n={3 + best}"]], 2)
'''


def test_another_sweeper_gets_speedups_and_may_call_the_launcher_again(tmp_path: Path) -> None:
    folder = tmp_path / "site/hydra_plugins"
    folder.mkdir(parents=True)
    (folder / "halving.py").write_text(OPTIMISER)
    conf = tmp_path / "conf/hydra/sweeper"
    conf.mkdir(parents=True)
    (conf / "halving.yaml").write_text("_target_: hydra_plugins.halving.Halving\n")
    done = run_program(
        *("-m", f"--config-dir={tmp_path / 'conf'}", "hydra/sweeper=halving", *SMALL),
        *("executor=thread", "hydra.sweep.dir=out"),
        cwd=tmp_path,
        plugins=False,
        PYTHONPATH=f"{ROOT}:{tmp_path / 'site'}",
    )
    assert done.returncode == 0, done.stderr
    rows = finished(tmp_path / "out")
    assert {row["n"] for row in rows} in ({1, 2, 3}, {1, 2, 4})
    assert (tmp_path / "out/report.md").is_file()


def test_any_hydra_program_may_import_our_plugin_and_loads_nothing_of_ours(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import sys, hydra\n"
        f"@hydra.main(config_path=None, **{BASE})\n"
        "def main(cfg): print([name for name in sys.modules if name.startswith('runners')])\n"
        "main()\n"
    )
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv = ['app.py']; "
    code += "import runpy; runpy.run_path('app.py', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_names_tell_cells_apart(make_plan: MakePlan) -> None:
    cells = [
        make_plan("workload=primes", "workload.end=100", "executor=thread", "n=1"),
        make_plan("workload=primes", "workload.end=200", "executor=thread", "n=1"),
        make_plan("workload=countdown", "executor=process", "n=2"),
    ]
    assert differing(cells) == [
        "primes end=100 on thread, n = 1",
        "primes end=200 on thread, n = 1",
        "countdown on process, n = 2",
    ]
    same = [make_plan(f"measure.fresh={fresh}") for fresh in ("false", "true")]
    assert differing(same) == ["primes on pool, n = 2", "primes on pool, n = 2, first calls"]


def test_time_left_follows_the_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now_s[0])
    pace = Pace(90.0, [10, 10, 20])
    now_s[0] += 3
    assert pace.left(0) == "0:13 gone, at most 0:37 left"
    now_s[0] += 2  # half of its budget
    assert pace.told(1) == "0:15, 0:15 left at this pace"
    assert pace.ended(1) == (15.0, 15.0)
    assert pace.fitted([]) == []
    assert pace.left(1) == "0:15 gone, 0:15 left at this pace"
    now_s[0] += 5
    assert pace.ended(2) == (20.0, 10.0)
    now_s[0] += 10
    assert pace.told(3) == ""
    assert [clock(s) for s in (0.4, 61, 3725)] == ["0:00", "1:01", "1:02:05"]


PANEL = ("executor=thread,process,pool", "n=2", "hydra.sweep.dir=out", "sweep.report=false")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a panel, which are for several tests and are only read there."""
    folder = tmp_path_factory.mktemp("panel")
    done = sweep(folder, *PANEL)
    assert done.returncode == 0, done.stderr
    return folder / "out"


def test_cells_of_a_panel_share_their_baseline_and_their_rounds(measured: Path) -> None:
    [panel] = measured.glob("panel-*")
    everything = rows(panel)
    shared = [row for row in everything if row["role"] == "baseline"]
    assert {row["role"] for row in everything} <= {"baseline", "spin"}
    folders = list(measured.glob("countdown*"))
    assert len(folders) == 3
    for folder in folders:
        own = rows(folder)
        assert {row["role"] for row in own} == {"measured"}
        assert {row["panel"] for row in own} == {panel.name}
        # On 3.11 the baseline may run alone until the interpreter is warm.
        full = [row for row in shared if row["cold"] or not row["warmup"]]
        assert {row["round"] for row in own} == {row["round"] for row in full}
        assert json.loads((folder / "spans.jsonl").read_text())["round"] >= 0
    runs = read_runs(measured)
    assert len(runs) == len(everything) + sum(len(rows(folder)) for folder in folders)
    summary = summarise(runs)
    assert list(summary["status"]) == ["ok"] * 3
    assert set(summary["rounds"]) == {sum(not row["warmup"] for row in shared) // 2} == {1}


def test_a_cell_of_a_panel_can_be_read_moved_and_repeated(measured: Path, tmp_path: Path) -> None:
    shutil.copytree(measured, tmp_path / "moved")
    whole = summarise(read_runs(tmp_path / "moved")).set_index("executor")
    for folder in (tmp_path / "moved").glob("countdown*"):
        [cell] = cells(summarise(read_runs(folder)))
        assert cell.speedup.estimate == whole["speedup"][cell.executor]
        assert cell.factors["computation"].estimate == whole["computation"][cell.executor]
    shutil.copytree(tmp_path / "moved", tmp_path / "again")
    both = summarise(read_runs([tmp_path / "moved", tmp_path / "again"]))
    assert len(both) == 6
    assert sorted(name.partition("#")[2] for name in both["cell"]) == ["", "", "", "2", "2", "2"]
    assert both["speedup"].nunique() == 3


def test_what_is_missing_of_a_panel_makes_another_one(measured: Path, tmp_path: Path) -> None:
    shutil.copytree(measured, tmp_path / "out")
    before = summarise(read_runs(tmp_path / "out")).set_index("executor")["speedup"]
    lost = next((tmp_path / "out").glob("countdown-pool*"))
    shutil.rmtree(lost)
    done = sweep(tmp_path, *PANEL, "resume=out")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("reused") == 2
    after = summarise(read_runs(tmp_path / "out")).set_index("executor")
    assert list(after["status"]) == ["ok"] * 3
    assert all(after["speedup"][name] == before[name] for name in ("thread", "process"))
    assert {row["role"] for row in rows(lost)} == {"baseline", "measured"}


def test_a_larger_grid_is_split_with_the_same_n_together(make_plan: MakePlan) -> None:
    grid = [
        Cell(number, "", (), Path(str(number)), make_plan(f"executor={executor}", f"n={n}"))
        for number, (n, executor) in enumerate(
            (n, executor) for n in (1, 2, 4) for executor in ("thread", "process", "pool")
        )
    ]

    def ns(most: int) -> list[list[int]]:
        panels = panelled(grid, most)
        assert sorted(cell.number for panel in panels for cell in panel) == list(range(9))
        return [[cell.what.n for cell in panel] for panel in panels]

    assert ns(9) == [[1, 1, 1, 2, 2, 2, 4, 4, 4]]
    assert ns(8) == [[1, 1, 1, 2, 2, 2], [4, 4, 4]]
    assert ns(3) == [[1] * 3, [2] * 3, [4] * 3]
    assert ns(2) == [[1, 1], [1], [2, 2], [2], [4, 4], [4]]
    assert ns(1) == [[1]] * 3 + [[2]] * 3 + [[4]] * 3
    other = [*grid, replace(grid[0], what=make_plan("workload.end=1000"))]
    assert [len(panel) for panel in panelled(other, 20)] == [9, 1]
    twice = [*grid, replace(grid[0], number=9)]
    assert [len(panel) for panel in panelled(twice, 20)] == [9, 1]
