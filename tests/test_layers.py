"""The walls of the house: who may import whom, and what must not be loaded while a clock runs."""

import ast
import json
import re
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import ROOT

HEAVY = {"pandas", "numpy", "scipy", "matplotlib", "seaborn", "pyarrow"}

TABLE = re.findall(
    r"^\| `(\w+)` \| .* \| (.*) \|$", (ROOT / "docs/architecture.md").read_text(), re.MULTILINE
)
ROOMS = [room for room, _ in TABLE]
MAY_IMPORT = {
    room: set(ROOMS[:at]) if cell == "all above" else set(re.findall(r"`([\w.]+)`", cell))
    for at, (room, cell) in enumerate(TABLE)
}
STANDARD_LIBRARY_ONLY = ("model", "child", "workloads", "executors")
BESIDES = {
    "executors/dask.py": {"dask", "distributed"},
    "executors/dask_cluster.py": {"distributed"},
    "executors/loky.py": {"loky"},
    "executors/mpi.py": {"mpi4py"},
    "executors/ray.py": {"ray"},
    "workloads/matmul.py": {"numpy", "threadpoolctl"},
    "child/counters.py": {"threadpoolctl"},
}
"""What a plugin is about, and it alone may load: only those measuring processes have it."""

NEWER = {"annotationlib"}
"""Of the standard library, but not of the oldest Python's."""


@cache
def modules() -> list[tuple[str, Path]]:
    """(dotted name below `runners`, file) of every module of the package."""
    package = ROOT / "runners"
    files = sorted(package.rglob("*.py"))
    return [(".".join(file.relative_to(package).with_suffix("").parts), file) for file in files]


@cache
def imported(file: Path) -> set[str]:
    """Dotted names that a module imports anywhere, also inside functions and for typing."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def own(file: Path) -> set[str]:
    """The modules of the package that a module imports, without `runners.`."""
    known = {name.removesuffix(".__init__") for name, _ in modules()}
    found = {name.removeprefix("runners.") for name in imported(file) if name != "runners"}
    return {name for name in found if name in known}


def test_the_rooms_of_the_table_are_those_of_the_package() -> None:
    assert len(ROOMS) == len(set(ROOMS))
    assert set(ROOMS) == {name.split(".")[0] for name, _ in modules()}


def test_a_room_may_import_only_rooms_above_its_own() -> None:
    """So there is no circle between rooms."""
    for at, room in enumerate(ROOMS):
        assert {name.split(".")[0] for name in MAY_IMPORT[room]} <= set(ROOMS[:at]), room


@pytest.mark.parametrize(("name", "file"), modules(), ids=lambda part: str(part).split("/")[-1])
def test_rooms_import_only_what_they_may(name: str, file: Path) -> None:
    room = name.split(".")[0]
    for other in own(file):
        parts = other.split(".")
        allowed = {room, *MAY_IMPORT[room]}
        assert any(".".join(parts[:k]) in allowed for k in range(1, len(parts) + 1)), other


def test_modules_of_a_room_import_each_other_without_a_circle() -> None:
    """Each module's own, imports for typing and inside functions included."""
    sorter: TopologicalSorter[str] = TopologicalSorter(
        {name.removesuffix(".__init__"): own(file) for name, file in modules()}
    )
    sorter.prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("room", STANDARD_LIBRARY_ONLY)
def test_what_the_measuring_process_loads_is_the_standard_library(room: str) -> None:
    own = [(name, file) for name, file in modules() if name.split(".")[0] == room]
    assert own
    for _, file in own:
        others = {name.split(".")[0] for name in imported(file)} - {"runners"}
        plugin = f"{file.parent.name}/{file.name}"
        assert others <= sys.stdlib_module_names | NEWER | BESIDES.get(plugin, set())


PROGRAM = ("__init__", "__main__", "catalogue", "language", "program", "sweeps")
"""The program `python -m experiments`; all other modules of the folder are experiments."""


def test_experiments_import_only_results() -> None:
    files = [file for file in (ROOT / "experiments").glob("*.py") if file.stem not in PROGRAM]
    assert files
    for file in files:
        rooms = {name.split(".")[1] for name in imported(file) if name.startswith("runners.")}
        assert rooms <= {"analysis", "model", "report"}, file.name


def test_every_experiment_has_its_configuration_and_the_other_way_round() -> None:
    modules = {file.stem for file in (ROOT / "experiments").glob("*.py")}
    configured = {file.stem for file in (ROOT / "conf/experiment").glob("*.yaml")}
    assert modules == configured | set(PROGRAM)


SPY = """
import json, sys
import runners.measuring.process
send = runners.measuring.process.Child.run
def spy(self, order):
    if not seen:
        seen.extend(sorted(sys.modules))
    return send(self, order)
seen = []
runners.measuring.process.Child.run = spy
import runpy
sys.argv = ["runners", *sys.argv[1:]]
try:
    runpy.run_module("runners", run_name="__main__", alter_sys=True)
except SystemExit as end:
    assert end.code == 0, end.code
print("SEEN" + json.dumps(seen) + "END" + json.dumps(sorted(sys.modules)))
"""


def test_the_parent_is_light_until_the_first_measurement(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-c", SPY, "workload=io_sleep", "workload.high=0.01"),
            *("executor=thread", "measure=quick", "measure.max_rounds=4", "measure.min_rounds=4"),
            f"hydra.run.dir={tmp_path}",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded, in_the_end = map(json.loads, done.stdout.partition("SEEN")[2].split("END"))
    assert "runners.measuring.measure" in loaded
    assert not {*HEAVY, "jinja2"}.intersection(loaded)
    assert (tmp_path / "report.html").is_file()
    assert "runners.analysis.summary" in in_the_end
    # What takes longest to load is for the tests of more rounds, fits and figures alone.
    assert not {"scipy.stats", "scipy.optimize", "matplotlib"}.intersection(in_the_end)


def test_the_measuring_process_holds_nothing_but_the_workload(tmp_path: Path) -> None:
    """A workload that reports what is loaded where it runs, in the caller and in a worker."""
    (tmp_path / "spying.py").write_text(
        "import sys\n"
        "class Modules:\n"
        "    def tasks(self): return [0]\n"
        "    def __call__(self, task): return sorted(sys.modules)\n"
        "    def check(self, results):\n"
        "        open(r'" + str(tmp_path / "seen.txt") + "', 'w').write('\\n'.join(results[0]))\n"
    )
    (tmp_path / "workload").mkdir()
    (tmp_path / "workload/spying.yaml").write_text("_target_: spying.Modules\n")
    subprocess.run(
        [
            *(sys.executable, "-m", "runners", f"--config-dir={tmp_path}", "workload=spying"),
            *("executor=serial", "measure=quick", f"hydra.run.dir={tmp_path / 'out'}"),
        ],
        cwd=ROOT,
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        capture_output=True,
        check=True,
    )
    seen = set((tmp_path / "seen.txt").read_text().split())
    assert "runners.child.trial" in seen
    others = {name.split(".")[0] for name in seen} - {"__main__", "__mp_main__"}
    # What a virtual environment loads into every interpreter of its own accord.
    others = {name for name in others if not name.startswith(("__editable__", "_distutils"))}
    # Debian's, from 3.15 on: `traceback` asks it which package has a missing module.
    others -= {"_missing_stdlib_info"}
    assert others <= {*sys.stdlib_module_names, "runners", "spying", "sitecustomize"}
    assert not seen & {"runners.measuring", "runners.planning", "runners.results", "hydra"}
