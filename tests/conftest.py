"""What several test files need: plans as the command line composes them, and the program itself."""

import compileall
import gc
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from runners.child.interpreter import packages
from runners.child.sources import Code, Source
from runners.command.grid import Grid
from runners.measuring.tree import marked
from runners.model import THIS, Plan
from runners.planning import config, interpreters
from runners.planning.environment import read_site
from runners.planning.hydra_versions import BASE
from runners.planning.interpreters import This
from tests.starter import Program, Starter, short_loops

# A machine may be slow; and what few examples do not find, those of other days do.
hypothesis.settings.register_profile("suite", deadline=None, max_examples=30)
hypothesis.settings.load_profile("suite")

short_loops()

ROOT = Path(__file__).parent.parent
PLUGINS = ROOT / "tests/plugins"
MakePlan = Callable[..., Plan]


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are CPUs: many tests wait for the programs that they start."""
    return (os.cpu_count() or 1) + 1


for _number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
    # A shell has what it starts in the background ignore some of them, and so would all programs
    # that tests start.
    if signal.getsignal(_number) is signal.SIG_IGN:
        usual = signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL
        signal.signal(_number, usual)

if sys.dont_write_bytecode:
    # Tests start a thousand interpreters, each of which would compile the program anew.
    for _folder in ("runners", "conf", "experiments", "hydra_plugins", "tests/plugins"):
        compileall.compile_dir(ROOT / _folder, quiet=2)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What pytest makes of the test files, which takes it five seconds, is kept for the next time.

    Only of them: what tests write, and change within a second, is never to be taken from there.
    """
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, False
    try:
        return (yield)
    finally:
        sys.dont_write_bytecode = before


def pytest_collection_finish() -> None:
    """What is loaded by now stays: each measured run collects garbage, which would search it all.

    A process that a test forks then shares it, too.
    """
    gc.collect()
    gc.freeze()


FIRST_SEEN: dict[int, str] = {}
"""The test after which a process of this one's fork server was seen first, by its number."""


DASKS = {
    name: os.environ.get(name)
    for name in (
        *("MALLOC_TRIM_THRESHOLD_", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
        "PYTHONHASHSEED",
    )
}
"""What Dask sets where it starts workers, and leaves, as it was before: results depend on it."""


@pytest.fixture(autouse=True)
def _no_variable_of_dasks_stays() -> Iterator[None]:
    yield
    for name, value in DASKS.items():  # not as before this test: fixtures of a module come sooner
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.fixture(autouse=True)
def _whose_are_the_fork_servers(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a worker that is left behind at the end belongs to."""
    yield
    server = getattr(forkserver._forkserver, "_forkserver_pid", None)
    if server is not None:
        for pid in children(server):
            FIRST_SEEN.setdefault(pid, request.node.nodeid)


def children(pid: int) -> list[int]:
    try:
        return [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    except OSError:
        return []


@pytest.fixture(scope="session", autouse=True)
def _no_process_is_left_by_any_test() -> Iterator[None]:
    """Whatever the tests start carries a mark in its environment, and is gone at the end."""
    token = uuid.uuid4().hex
    os.environ["SPEEDUP_LAB_SUITE"] = token
    yield
    if starter.cache_info().currsize:
        starter().close()
    interpreters.close()
    for _ in range(200):  # a killed process takes a moment to be gone
        left = [pid for pid in marked(f"SPEEDUP_LAB_SUITE={token}") if not is_helper(pid)]
        if not left:
            return
        time.sleep(0.05)
    shown = ["ps", "-ww", "-o", "pid,ppid,stat,etime,wchan:20,args", "-p"]
    found = subprocess.run([*shown, ",".join(map(str, left))], capture_output=True, text=True)
    seen = {pid: FIRST_SEEN.get(pid) for pid in left}
    raise AssertionError(
        f"processes left by the tests of process {os.getpid()} (seen after {seen}):\n{found.stdout}"
    )


HELPERS = (
    *(b"multiprocessing.forkserver", b"multiprocessing.resource_tracker"),
    *(b"loky.backend.resource_tracker", b"tests/starter.py"),
)


def is_helper(pid: int) -> bool:
    """Whether it serves this very process and ends with it: one of a library, or of these tests."""
    try:
        parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
    except OSError:  # it has just ended
        return True
    return int(parent) == os.getpid() and any(helper in told(pid) for helper in HELPERS)


def told(pid: int) -> bytes:
    """The command line of a process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.fixture
def make_plan() -> Iterator[MakePlan]:
    with planning() as make:
        yield make


@dataclass(frozen=True, slots=True)
class FreeThreaded:
    """An interpreter that was built to do without the GIL."""

    path: str

    def run(self, code: str, given: bytes = b"", **environment: str) -> str:
        """What that code prints there; it has to end well."""
        done = subprocess.run(
            [self.path, "-c", code],
            input=given,
            capture_output=True,
            env={**os.environ, **environment},
            timeout=60,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def build(self, folder: Path, name: str, source: str) -> None:
        """Make an extension module of that C source in the folder; skip where that cannot be."""
        asks = "import sysconfig as s; print(s.get_path('include'), s.get_config_var('EXT_SUFFIX'))"
        include, suffix = self.run(asks).split()
        compiler = shutil.which("gcc") or shutil.which("cc")
        if compiler is None or not Path(include, "Python.h").exists():
            pytest.skip("no C compiler, or not the header files of that interpreter")
        code = folder / f"{name}.c"
        code.write_text(source)
        made = folder / f"{name}{suffix}"
        subprocess.run([compiler, "-shared", "-fPIC", f"-I{include}", code, "-o", made], check=True)


@pytest.fixture(scope="session")
def free_threaded() -> FreeThreaded:
    path = os.environ.get("SPEEDUP_LAB_FREE_THREADED")
    if path is None:
        pytest.skip("no free-threaded interpreter: SPEEDUP_LAB_FREE_THREADED names none")
    return FreeThreaded(path)


@contextmanager
def planning() -> Iterator[MakePlan]:
    """`make_plan("workload=primes", "n=2", ...)`: small and quick unless the overrides say else."""
    config.register()
    with initialize_config_dir(str(ROOT / "conf"), **BASE):

        def make(*overrides: str, plugins: Path = PLUGINS) -> Plan:
            own = ["measure=quick", "measure.min_rounds=2", "measure.max_rounds=2", *overrides]
            if plugins == PLUGINS:
                cfg = grid().config(own, 0)
            else:
                path = f"hydra.searchpath=[{plugins}]"
                cfg = compose("config", [path, *own], return_hydra_config=True)
            return planned(cfg)

        yield make


def planned(cfg: DictConfig) -> Plan:
    """What that configuration asks for. Hydra has to be initialised."""
    HydraConfig.instance().set_config(cfg)
    this = interpreters.of(THIS)
    assert isinstance(this, This)
    this.code = Code(packages(sys.path), dict(CODE))
    plan = config.plan(cfg, read_site())
    read = this.code.known.items()
    CODE.update(item for item in read if item[0].startswith(("runners.", "tests.")))
    return plan


CODE: dict[str, Source | None] = {}
"""Modules of the program and of these tests, which no test changes: read once for all plans."""


@cache
def grid(*overrides: str) -> Grid:
    """What composes the cells of most tests: each choice of groups once, for that takes longest.

    Hydra has to be initialised.
    """
    hydra: Any = GlobalHydra.instance().hydra
    words = [f"hydra.searchpath=[{PLUGINS}]", *overrides]
    master = hydra.compose_config("config", words, RunMode.MULTIRUN)
    return Grid(GlobalHydra.instance().config_loader(), master)


def run_program(
    *arguments: str,
    cwd: Path,
    module: str = "runners",
    plugins: bool = True,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """`python -m runners ...` in that folder, with the plugins of these tests at hand."""
    with start_program(
        *arguments, cwd=cwd, module=module, plugins=plugins, **environment
    ) as program:
        return program.ended(timeout_s=120)


def start_program(
    *arguments: str,
    cwd: Path,
    module: str = "runners",
    plugins: bool = True,
    **environment: str,
) -> AbstractContextManager[Program]:
    """The same while it runs: one at a time."""
    path = os.pathsep.join([str(ROOT), str(PLUGINS)])
    config = [f"--config-dir={PLUGINS}"] if module == "runners" and plugins else []
    environment = {**os.environ, "PYTHONPATH": path, **environment}
    return starter().started(module, [*config, *arguments], cwd, environment)


@cache
def starter() -> Starter:
    return Starter()


LEFT = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
"""What a build or a run leaves in a source tree."""


def install(folder: Path, source: Path, *paths: Path) -> Path:
    """The `bin` of a fresh virtual environment that the built `source` is installed in.

    What the program needs is not installed again, which would take minutes: it is found where it
    is, after `paths`.
    """
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(venv / "bin/python")]
    options = ("--disable-pip-version-check", "--quiet", "--no-deps")
    subprocess.run([*pip, "install", *options, source], check=True)
    [packages] = venv.glob("lib/python*/site-packages")
    found = [*map(str, paths), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    (packages / "host.pth").write_text("\n".join(found))
    return venv / "bin"


def run_installed(program: Path, folder: Path, *arguments: str) -> str:
    """What a program of such an environment prints; it has to end well and say no warning."""
    done = subprocess.run(
        [program, *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def called(suite: object, test: str) -> None:
    """Call a test of a conformance suite, which must not skip itself."""
    try:
        getattr(suite, test)()
    except pytest.skip.Exception as reason:
        pytest.fail(f"{test} was skipped: {reason}")
