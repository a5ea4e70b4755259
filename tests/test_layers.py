"""The walls of the house: who may import whom, and what must not be loaded while a clock runs."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = {"pandas", "numpy", "scipy", "matplotlib", "seaborn", "pyarrow"}

MAY_IMPORT = {
    "advice": set(),
    "__main__": {
        *("config", "environment", "measure", "model", "resume", "session", "store", "terminal"),
    },
    "bootstrap": set(),
    "break_even": {"bootstrap", "labels", "rounding"},
    "child": {"interrupts", "model"},
    "claims": {"advice", "bootstrap", "rounding"},
    "counters": set(),
    "drawing": set(),
    "config": {"environment", "identity", "model", "plugins", "searchpath"},
    "environment": {"model"},
    "estimators": {"bootstrap"},
    "executors": {"executors", "model"},
    "identity": {"environment"},
    "interrupts": set(),
    "labels": set(),
    "ladder": {"model"},
    "laws": {"labels", "scaling"},
    "markdown": {"advice", "break_even", "labels", "laws", "model", "rounding", "scaling"},
    "measure": {"bootstrap", "child", "interrupts", "ladder", "model", "trial"},
    "model": set(),
    "plugins": {"model", "trial"},
    "plot_efficiency": {"advice", "drawing", "labels"},
    "plot_matrix": {"drawing", "labels", "model", "rounding"},
    "plot_timeline": {"drawing", "model", "timeline"},
    "plots": {
        *("drawing", "labels", "laws", "plot_efficiency", "plot_matrix", "plot_timeline"),
        "scaling",
    },
    "recommend": {"bootstrap", "labels", "rounding"},
    "regression": set(),
    "report": {
        *("labels", "laws", "markdown", "model", "plot_matrix", "plots", "recommend", "stats"),
        *("store", "timeline"),
    },
    "rounding": set(),
    "scaling": {"regression"},
    "searchpath": {"plugins"},
    "resume": {"identity", "model", "store"},
    "session": {
        *("config", "environment", "interrupts", "model", "report", "resume", "stats", "store"),
        "trial",
    },
    "stats": {"bootstrap", "estimators", "model"},
    "store": {"model"},
    "terminal": {"advice", "model"},
    "testing": {"executors", "model", "sync"},
    "timeline": {"model"},
    "sync": set(),
    "trial": {"counters", "model", "sync", "worker"},
    "worker": {"counters"},
    "workloads": {"model", "workloads"},
}
STANDARD_LIBRARY_ONLY = (
    "model",
    "trial",
    "worker",
    "sync",
    "child",
    "ladder",
    "environment",
    "timeline",
    "workloads",
    "executors",
)
BESIDES = {
    "executors/dask.py": {"dask", "distributed"},
    "executors/loky.py": {"loky"},
    "executors/mpi.py": {"mpi4py"},
    "workloads/matmul.py": {"numpy", "threadpoolctl"},
}
"""What a plugin is about, and it alone may load: only those measuring processes have it."""


def modules() -> list[tuple[str, Path]]:
    """(room, file) of every module of the package; a folder's files share its room."""
    package = ROOT / "runners"
    files = sorted(package.rglob("*.py"))
    return [(file.relative_to(package).with_suffix("").parts[0], file) for file in files]


def imported(file: Path) -> set[str]:
    """Dotted names that a module imports anywhere, also inside functions and for typing."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "runners":
                names.update(f"runners.{alias.name}" for alias in node.names)
            else:
                names.add(node.module)
    return names


@pytest.mark.parametrize(("room", "file"), modules(), ids=lambda part: getattr(part, "stem", part))
def test_rooms_import_only_what_they_may(room: str, file: Path) -> None:
    assert room in MAY_IMPORT, f"{file.name} has no row in the table of rooms"
    own = {name.split(".")[1] for name in imported(file) if name.startswith("runners.")}
    assert own <= MAY_IMPORT[room]


@pytest.mark.parametrize("room", STANDARD_LIBRARY_ONLY)
def test_what_the_measuring_process_loads_is_the_standard_library(room: str) -> None:
    for owner, file in modules():
        if owner == room:
            others = {name.split(".")[0] for name in imported(file)} - {"runners"}
            plugin = f"{file.parent.name}/{file.name}"
            assert others <= sys.stdlib_module_names | BESIDES.get(plugin, set())


PROGRAM_MAY_IMPORT = {
    "__main__": {"claims", "interrupts", "model"},
    "catalogue": {"claims", "session"},
    "page": {
        *("advice", "bootstrap", "claims", "labels", "markdown", "model", "plots", "rounding"),
        "store",
    },
    "sweeps": {"model", "stats", "store"},
}
"""The program `python -m experiments`; all other modules of the folder are experiments."""


def test_experiments_import_only_results() -> None:
    for file in (ROOT / "experiments").glob("*.py"):
        own = {name.split(".")[1] for name in imported(file) if name.startswith("runners.")}
        allowed = PROGRAM_MAY_IMPORT.get(file.stem, {"claims", "model", "plots", "stats"})
        assert own <= allowed, file.name


def test_every_experiment_has_its_configuration_and_the_other_way_round() -> None:
    modules = {file.stem for file in (ROOT / "experiments").glob("*.py")}
    configured = {file.stem for file in (ROOT / "conf/experiment").glob("*.yaml")}
    assert modules == configured | PROGRAM_MAY_IMPORT.keys()


SPY = """
import json, sys
import runners.measuring.process
send = runners.child.Child.run
def spy(self, order):
    if not seen:
        seen.extend(sorted(sys.modules))
    return send(self, order)
seen = []
runners.child.Child.run = spy
import runpy
sys.argv = ["runners", *sys.argv[1:]]
try:
    runpy.run_module("runners", run_name="__main__", alter_sys=True)
except SystemExit as end:
    assert end.code == 0, end.code
print("SEEN" + json.dumps(seen))
"""


def test_the_parent_is_light_until_the_first_measurement(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-c", SPY, "workload=io_sleep", "workload.high=0.01"),
            *("executor=thread", "measure=quick", f"hydra.run.dir={tmp_path}"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(json.loads(done.stdout.partition("SEEN")[2]))
    assert "runners.measure" in loaded
    assert not loaded & HEAVY


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
    assert "runners.trial" in seen
    others = {name.split(".")[0] for name in seen} - {"__main__", "__mp_main__"}
    # What a virtual environment loads into every interpreter of its own accord.
    others = {name for name in others if not name.startswith(("__editable__", "_distutils"))}
    assert others <= {*sys.stdlib_module_names, "runners", "spying", "sitecustomize"}
    assert not seen & {"runners.measure", "runners.config", "runners.store", "hydra"}
