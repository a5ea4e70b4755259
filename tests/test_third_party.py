"""Plugins from outside: a package that is really installed, and all the ways to break one."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import LEFT, ROOT, install, run_installed, run_program

SMALL = ("measure=quick", "measure.min_rounds=1", "measure.max_rounds=1", "measure.warmup=1")
NO_REPORT = "sweep.report=false"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment with the package of `tests/third_party` built and installed."""
    folder = tmp_path_factory.mktemp("environment")
    # A build leaves files there, also one by hand.
    shutil.copytree(ROOT / "tests/third_party", folder / "source", ignore=LEFT)
    return install(folder, folder / "source", ROOT) / "python"


def rows(folder: Path) -> list[dict[str, object]]:
    files = folder.rglob("runs.jsonl")
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


@pytest.mark.once
def test_an_installed_package_is_measured_and_a_sweep_mixes_plugins_of_all_origins(
    environment: Path, tmp_path: Path
) -> None:
    where = "import speedup_lab_example as package; print(package.__file__)"
    assert str(environment.parents[1]) in run_installed(environment, tmp_path, "-c", where)
    sweep = ("workload=divisors,countdown", "workload.end=20", "executor=quick_pool,thread", "n=2")
    run_installed(environment, tmp_path, "-m", "runners", "-m", *sweep, NO_REPORT, *SMALL)
    measured = [row for row in rows(tmp_path) if row["role"] == "measured"]
    assert {(row["workload"], row["executor"], row["status"]) for row in measured} == {
        (workload, executor, "ok")
        for workload in ("divisors", "countdown")
        for executor in ("quick_pool", "thread")
    }
    for row in measured:
        if (row["workload"], row["executor"]) == ("divisors", "quick_pool"):
            assert (row["worker_kind"], row["tasks"]) == ("thread", 20)
            assert (row["workload.end"], row["metric.divisors"]) == (20, 66.0)


@pytest.mark.once
def test_help_has_the_first_comment_of_an_installed_plugin(
    environment: Path, tmp_path: Path
) -> None:
    lines = run_installed(environment, tmp_path, "-m", "runners", "--help").splitlines()
    for name, words in (("divisors", "Divisors of the first"), ("quick_pool", "ThreadPool")):
        [line] = [line for line in lines if line.startswith(f"  {name} ")]
        assert line.split(maxsplit=1)[1].startswith(words)


@pytest.mark.once
def test_an_author_runs_the_conformance_suites(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "test_example.py").write_text(
        "from runners.testing import ExecutorSuite, WorkloadSuite\n"
        "from speedup_lab_example.divisors import Divisors\n"
        "from speedup_lab_example.quick_pool import QuickPool\n"
        "class TestDivisors(WorkloadSuite):\n"
        "    workload = Divisors(end=10)\n"
        "class TestQuickPool(ExecutorSuite):\n"
        "    def make(self, n, **keywords): return QuickPool(max_workers=n, **keywords)\n"
    )
    run_installed(environment, tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider")


def lay(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def distribution(conf: str) -> dict[str, str]:
    """The files by which Python knows an installed `acme-plugins` and its entry point."""
    return {
        "acme_plugins-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: acme-plugins\n",
        "acme_plugins-1.0.dist-info/entry_points.txt": f"[runners.conf]\nacme = {conf}\n",
    }


YAML = {"acme/conf/workload/own.yaml": "_target_: acme.Own\n"}
PACKAGES = {
    "missing": ({}, "cannot be imported (ModuleNotFoundError: No module named 'acme')"),
    "raising": (
        {**YAML, "acme/__init__.py": "raise ImportError('no\\nluck')"},
        "cannot be imported (ImportError: no luck)",
    ),
    "leaving": (
        {**YAML, "acme/conf/__init__.py": "raise SystemExit(3)"},
        "cannot be imported (SystemExit: 3)",
    ),
    "irregular": (YAML, "has no __init__.py"),
    "empty": ({"acme/conf/__init__.py": ""}, "holds no folder of YAML files"),
}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_broken_package_is_one_warning_and_stops_nobody(package: str, tmp_path: Path) -> None:
    files, problem = PACKAGES[package]
    lay(tmp_path / "site", {**files, **distribution("acme.conf")})
    path = f"{ROOT}:{tmp_path / 'site'}"
    done = run_program("--cfg", "job", cwd=tmp_path, plugins=False, PYTHONPATH=path)
    assert done.returncode == 0
    [line] = done.stderr.splitlines()
    assert line.startswith("warning: plugin package 'acme' (distribution acme-plugins) names the")
    assert f"acme.conf, which {problem}" in line
    assert line.endswith("reinstall or remove acme-plugins")


def test_a_package_cannot_take_a_name_from_the_program(tmp_path: Path) -> None:
    theirs = {
        "acme/conf/__init__.py": "",
        "acme/conf/workload/own.yaml": "_target_: acme.Own\n",
        "acme/conf/workload/primes.yaml": "_target_: acme.Primes\n",
        "acme/conf/config.yaml": "scaling: weak\n",
    }
    lay(tmp_path / "site", {**theirs, **distribution("acme.conf")})
    for workload, target in (("own", "acme.Own"), ("primes", "runners.workloads.primes.Primes")):
        done = run_program(
            *("--cfg", "job", f"workload={workload}"),
            cwd=tmp_path,
            plugins=False,
            PYTHONPATH=f"{ROOT}:{tmp_path / 'site'}",
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert f"_target_: {target}" in done.stdout
        assert "scaling: strong" in done.stdout


# Plugins that are broken, in a folder of YAML and a module


MODULE = """
class Fine:
    def __init__(self, end=2): self.end = end
    def tasks(self): return range(self.end)
    def __call__(self, task): return task
    def check(self, results): pass
class NoTasks:
    def __call__(self, task): return task
    def check(self, results): pass
class NoCall:
    def tasks(self): return [1]
class NoMap:
    def __init__(self, max_workers): pass
    def __enter__(self): return self
    def __exit__(self, *error): pass
def make(): return 7
def whole() -> int: return 7
"""
BROKEN = {
    "import_error": (
        "_target_: raising.Fine",
        ["(RuntimeError: out of order); mend it"],
    ),
    "exiting": ("_target_: exiting.Fine", ["(SystemExit: 3); mend it"]),
    "no_tasks": ("_target_: shapes.NoTasks", ["shapes.NoTasks has no tasks()", "need tasks,"]),
    "no_call": ("_target_: shapes.NoCall", ["has no __call__() and no check()", "need tasks,"]),
    "factory": ("_target_: shapes.make", ["_target_=shapes.make", "annotated to return one"]),
    "other_factory": ("_target_: shapes.whole", ["builtins.int has no tasks()"]),
    "no_map": (
        "_target_: shapes.NoMap\nmax_workers: ${n}",
        ["shapes.NoMap has no map()", "executors need __enter__, __exit__, map"],
    ),
    "no_target": ("_targt_: shapes.Fine", ["no _target_", "name a class"]),
    "wrong_key": ("_target_: shapes.Fine\nennd: 3", ["workload.ennd", "it has end"]),
    "bad_yaml": (
        "_target_: shapes.Fine\nend: [1, 2\nother: 3",
        ["bad_yaml.yaml cannot be read (line 3: expected ',' or ']'", "fix it"],
    ),
    "twice": ("_target_: shapes.Fine\nend: 1\nend: 2", ["(line 3: found duplicate key end)"]),
    "no_keys": ("- _target_: shapes.Fine", ["no_keys.yaml cannot be read (it has no keys)"]),
    "no_such_key": (
        "_target_: shapes.Fine\nend: ${missing}",
        ["workload.end (no_such_key): Interpolation key 'missing' not found"],
    ),
    "no_value": (
        "_target_: shapes.Fine\nend: ???",
        ["workload.end (no_value): Missing mandatory value"],
    ),
    "open_brace": ("_target_: shapes.Fine\nend: ${n", ["open_brace.yaml cannot be read (Gramm"]),
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("broken")
    modules = {
        "shapes.py": MODULE,
        "raising.py": "raise RuntimeError('out\\nof order')",
        "exiting.py": "raise SystemExit(3)",
        "workload/fine.yaml": "# Nothing is wrong\n_target_: shapes.Fine\n",
    }
    yaml = {f"{group(name)}/{name}.yaml": text for name, (text, _) in BROKEN.items()}
    lay(folder, {**modules, **yaml})
    return folder


def group(name: str) -> str:
    return "executor" if name == "no_map" else "workload"


def run_broken(broken: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_program(
        *(f"--config-dir={broken}", *arguments, *SMALL),
        cwd=cwd,
        plugins=False,
        PYTHONPATH=f"{ROOT}:{broken}",
    )


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_is_one_line(name: str, broken: Path, tmp_path: Path) -> None:
    fine = [] if group(name) == "workload" else ["workload=fine"]
    done = run_broken(broken, tmp_path, *fine, f"{group(name)}={name}")
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert name in line
    for part in BROKEN[name][1]:
        assert part in line
    assert list(tmp_path.iterdir()) == []


def test_broken_plugins_stop_no_other_cell_of_a_sweep(broken: Path, tmp_path: Path) -> None:
    workloads = ["import_error", "no_tasks", "wrong_key", "bad_yaml", "fine"]
    sweep = (f"workload={','.join(workloads)}", "executor=no_map,thread")
    done = run_broken(broken, tmp_path, "-m", *sweep, NO_REPORT)
    assert (done.returncode, done.stderr) == (1, "")
    status = {(row["workload"], row["executor"]): row["status"] for row in rows(tmp_path)}
    assert status.pop(("fine", "thread")) == "ok"
    assert set(status.values()) == {"failed"}
    assert len(status) == 2 * len(workloads) - 1


def test_a_broken_file_of_another_group_is_one_line_too(broken: Path, tmp_path: Path) -> None:
    lay(tmp_path / "conf", {"measure/rushed.yaml": "rounds: [1"})
    done = run_program(
        f"--config-dir={tmp_path / 'conf'}", "measure=rushed", cwd=tmp_path, plugins=False
    )
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "measure/rushed.yaml cannot be read (line 1: " in line
    assert line.endswith("fix it")
