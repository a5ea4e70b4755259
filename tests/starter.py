"""Starts `python -m MODULE` quickly: a process that has loaded the libraries, and forks.

Loading Hydra, pandas, scipy and matplotlib takes up to two seconds of CPU time, and these tests
start the program some hundred times. Each start is a process of its own all the same, with its
own folder, environment and arguments, which runs the program from its first line. What only a
start from nothing shows is tested in test_layers.py, test_scripts.py and test_resume.py.
"""

import atexit
import gc
import importlib
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path

LIBRARIES = (
    *("hydra", "hydra._internal.hydra", "hydra.experimental.callback", "omegaconf", "msgspec"),
    *(f"hydra._internal.core_plugins.{kind}_completion" for kind in ("bash", "fish", "zsh")),
    *(f"hydra._internal.core_plugins.basic_{kind}" for kind in ("launcher", "sweeper")),
    *(
        f"hydra._internal.core_plugins.{kind}_config_source"
        for kind in ("file", "importlib_resources", "structured")
    ),
    *("yaml", "rich.live", "rich.progress", "rich.table", "numpy", "pandas"),
    *("pandas.io.formats.csvs", "pyarrow.acero", "pyarrow.json", "pyarrow.pandas_compat"),
    *("pyarrow.parquet", "scipy.special", "scipy.stats", "scipy.optimize", "seaborn"),
    *("matplotlib.figure", "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg"),
)
GRAMMAR = "antlr4.LL1Analyzer"
"""What parses overrides until Hydra 1.3."""
PROGRAM = ("runners.command.program", "runners.command.sweep", "runners.report.files")
"""Modules of the program, with all that they import; none does more than define things."""

ALONE = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""So that no library starts a thread: beside threads there is no safe fork."""


class Starter:
    """That process as the tests see it. One program runs at a time."""

    def __init__(self) -> None:
        environment = {**os.environ, **ALONE}
        environment.pop("PYTHONPATH", None)
        ours, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())],
            env=environment,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        self.connection = Connection(ours.detach())

    @contextmanager
    def started(
        self, module: str, arguments: Sequence[str], cwd: Path, environment: Mapping[str, str]
    ) -> Iterator["Program"]:
        """That program while it runs; it is killed at the end if it still does."""
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder) / "out", Path(folder) / "err"
            request = (module, list(arguments), str(cwd), dict(environment), str(out), str(err))
            self.connection.send(request)
            words = ["python", "-m", module, *arguments]
            program = Program(self.connection, self.connection.recv(), words, out, err)
            try:
                yield program
            finally:  # pytest ends a test that takes too long by an error, too
                if program.code is None:
                    os.kill(program.pid, signal.SIGKILL)
                    self.connection.recv()

    def close(self) -> None:
        self.connection.close()  # which ends it
        self.process.wait()


@dataclass
class Program:
    """A program that was started. `code` is its exit status, as `subprocess` says it."""

    connection: Connection
    pid: int
    words: Sequence[str]
    out: Path
    err: Path
    code: int | None = None

    @property
    def has_ended(self) -> bool:
        return self.connection.poll(0)

    def ended(self, timeout_s: float) -> subprocess.CompletedProcess[str]:
        """What `subprocess.run` gives for it. Raises subprocess.TimeoutExpired."""
        if not self.connection.poll(timeout_s):
            raise subprocess.TimeoutExpired(self.words, timeout_s, self.out.read_text())
        self.code = code = self.connection.recv()
        told = self.out.read_text(), self.err.read_text()
        return subprocess.CompletedProcess(self.words, code, *told)


def serve(connection: Connection) -> None:
    """For each request start a process, tell its number, and its exit status when it ends."""
    sys.path.insert(0, str(Path(__file__).parent.parent))
    old = [GRAMMAR] if find_spec("antlr4") else []
    for name in (*LIBRARIES, *old, *PROGRAM):
        importlib.import_module(name)
    sources = importlib.import_module("runners.child.sources")
    sources.Code().reached(["runners.child.trial"])  # it remembers what its own modules import
    del sys.path[0]
    gc.collect()
    gc.freeze()  # or each collection in a forked process would copy all their pages
    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Python warns of a fork beside threads
            pid = os.fork()
        if pid == 0:
            connection.close()
            return be(*request)
        connection.send(pid)
        connection.send(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def be(
    module: str, arguments: list[str], cwd: str, environment: dict[str, str], out: str, err: str
) -> None:
    """Become what `python -m MODULE` started in that folder would be."""
    for number, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, out, os.O_WRONLY | os.O_CREAT),
        (2, err, os.O_WRONLY | os.O_CREAT),
    ):
        file = os.open(path, flags)
        os.dup2(file, number)
        os.close(file)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    places = environment.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [cwd, *filter(None, places), *sys.path[1:]]  # the first is this file's folder
    sys.argv[1:] = arguments
    # These tests run two at a time: what it says of a busy machine would stand in each output.
    quiet = importlib.import_module("runners.command.quiet")
    quiet.others_share = lambda cpus, duration_s: 0.0  # type: ignore[attr-defined]
    short_loops()
    # The page of a single cell takes as long as the cell; tests/report/page is about it.
    program = importlib.import_module("runners.command.program")
    program._page = lambda folder, job: None  # type: ignore[attr-defined]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        leave(end.code or 0)
    leave(0)


def short_loops() -> None:
    """Ask the machine as often as ever, but for a moment: no test is about what it answers."""
    measure = importlib.import_module("runners.measuring.measure")
    measure.LOOP_S, measure.START_LOOPS_S = 0.005, 0.26  # type: ignore[attr-defined]


def leave(status: int) -> None:
    """End as an interpreter does, but for taking all that is loaded apart: that is slow here."""
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads
    atexit._run_exitfuncs()
    gc.collect()  # what is garbage by now may have something to say
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    end = int(sys.argv[1])
    os.set_inheritable(end, False)
    serve(Connection(end))
