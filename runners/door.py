"""The outermost door of all programs: signals, standard streams and the path of imports.

It stands before anything else is loaded, so nothing is imported here at the top but what every
interpreter has loaded already: until the path is in order, a `signal.py` in the working folder
would be taken for the library's.
"""

import io
import os
import sys
import time

TYPE_CHECKING = False  # that of typing, which is not loaded yet
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
"""By these a person, a terminal that goes away or a batch system asks a program to stop."""
SAME_S = 1.0
"""A signal that comes so soon after the first is the same request: a terminal that is closed sends
SIGHUP twice, and people press Ctrl+C twice."""
GIVEN_S = 5.0
"""How long a program has to reach its end after a request that it was not waiting for."""
THREADS_S = 1.0
"""How long a program waits at its end for threads that it has not started itself."""
POOLS_S = 30.0
"""How long it waits there for pools that end their own threads."""
UNWRITTEN = "interrupted before anything was measured"
WINDOWS = (
    "Speedup Lab measures on Linux and macOS: on Windows install and run it in WSL, the Linux in "
    "Windows (wsl --install)"
)


class Interrupted(KeyboardInterrupt):
    """The user or the batch system asked to stop, by the signal of that number."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    def __str__(self) -> str:
        import signal

        return f"interrupted by {signal.Signals(self.number).name}"


class Requests:
    """What this process knows of the requests to stop it; there is one, `REQUESTS`.

    `pending` is the signal of the first one. It raises Interrupted where it strikes, unless
    `waiter` is there, who acts on it when it is safe. In a program of ours, where the door
    `stands`, it ends the process at once, after `last`, while that is being loaded, or has said
    all that it had to say; and so does a second one. `kept` gives the lines that say what is kept
    and how to go on.
    """

    def __init__(self) -> None:
        self.pending: int | None = None
        self.since_s = 0.0
        self.stands = False
        self.inside = False
        self.waiter: Callable[[int], None] | None = None
        self.kept: Callable[[], str] = lambda: UNWRITTEN
        self.last: Callable[[], object] = lambda: None

    def listen(self) -> "dict[int, Any]":
        """Answer the signals, but those that whoever started this program has it ignore (nohup).

        In a program that is not ours (`stands` is false) that is Ctrl+C alone, and only if nobody
        else answers it: what others mean is for that program to say. Returns what answered them
        before; nothing outside the main thread, where nobody can.
        """
        import signal

        before: dict[int, Any] = {}
        for name in SIGNALS if self.stands else SIGNALS[:1]:
            number = getattr(signal, name, None)  # not every platform has them all
            if number is None or signal.getsignal(number) == signal.SIG_IGN:
                continue
            if not self.stands and signal.getsignal(number) is not signal.default_int_handler:
                continue
            try:
                before[number] = signal.signal(number, self._answer)
            except ValueError:
                break
        return before

    def note(self, number: int) -> None:
        """Have whoever waits for a request act on this one, now or when he waits."""
        self.pending, self.since_s = number, time.monotonic()
        if self.waiter is not None:
            self.waiter(number)

    def _answer(self, number: int, _: object) -> None:
        now_s = time.monotonic()
        if self.pending is None:
            self.note(number)
            if self.waiter is not None:
                return
            if self.stands and not self.inside:
                self.leave()
            if self.stands:
                self._limit()
            raise Interrupted(number)
        elif now_s - self.since_s > SAME_S:
            if not self.stands:
                raise Interrupted(number)  # he does not want to wait for the row
            self.leave()

    def _limit(self) -> None:
        """See to it that the program ends, even if a library catches what is raised in it."""
        import signal

        signal.signal(signal.SIGALRM, lambda *_: self.leave())
        signal.setitimer(signal.ITIMER_REAL, GIVEN_S)

    def tell(self) -> int:
        """Say what is kept; the exit status. Past the streams, which may be in use just now."""
        assert self.pending is not None
        try:
            os.write(2, f"{self.kept()}\n".encode(errors="replace"))
        except OSError:
            pass
        return 128 + self.pending

    def leave(self) -> "NoReturn":
        """End this process here and now; what it has started ends by itself."""
        status = self.tell()
        try:
            self.last()
        finally:
            os._exit(status)


REQUESTS = Requests()


class Output(io.RawIOBase):
    """A standard stream until it cannot be written to: what comes after that goes nowhere.

    `problem` is why: the disk is full, the reader or the terminal has gone.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.descriptor = descriptor
        self.name = {1: "<stdout>", 2: "<stderr>"}.get(descriptor, "<stream>")
        self.problem: OSError | None = None

    def write(self, data: "Any", /) -> int:
        left = memoryview(data).cast("B")
        size = len(left)
        while len(left) > 0:
            try:
                left = left[os.write(self.descriptor, left) :]
            except BlockingIOError:  # whoever shares it wants it so
                time.sleep(0.01)
            except OSError as error:
                self.problem = error
                _to_nowhere(self.descriptor)
        return size

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.descriptor

    def isatty(self) -> bool:
        return os.isatty(self.descriptor)


def enter(module: str, *, kept: str = UNWRITTEN, plugins: bool = False) -> "NoReturn":
    """Run the program that is the `run` of that module, with the words of the command line.

    With `plugins`, it finds the user's own modules while it runs. `run` returns the exit status. A
    request to stop ends it with 128 + the number of the signal, having said `kept` or what the
    program has put in its place.
    """
    if sys.platform == "win32":
        print(f"error: {WINDOWS}", file=sys.stderr)
        sys.exit(2)
    REQUESTS.kept = lambda: kept
    REQUESTS.stands = True
    open_streams()
    order_path()
    import atexit

    atexit.register(_deafen)  # the first to be registered runs last
    REQUESTS.listen()
    import warnings

    warnings.showwarning = _warn
    sys.unraisablehook = _unless_interrupted(sys.unraisablehook)
    import importlib

    with libraries_only():
        run: Callable[[list[str]], int] = importlib.import_module(module).run
    if not plugins:
        sys.path[:] = _libraries
    try:
        REQUESTS.inside = True
        status = run(sys.argv[1:])
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        status = end.code or 0
        if status == 0 and unwritten() is not None:  # it has only printed, as with --help
            status = 1
    except Interrupted:
        status = REQUESTS.tell()
    except BaseException:
        if REQUESTS.pending is None:
            raise
        status = REQUESTS.tell()  # what a library made of the request
    finally:
        REQUESTS.inside = False
    if (problem := unwritten()) is not None and not isinstance(problem, BrokenPipeError):
        print(f"note: standard output could not be written ({problem.strerror})", file=sys.stderr)
    _end_beside_threads(status)
    sys.exit(status)


def _end_beside_threads(status: int) -> None:
    """End this process at once if it would wait for threads that a user's module has started."""
    if "threading" not in sys.modules:
        return
    import atexit
    import threading

    me = threading.current_thread()
    if all(thread is me or thread.daemon for thread in threading.enumerate()):
        return
    # Pools end their own threads so, before Python waits for any; joblib's has one of some seconds.
    ends = [*reversed(getattr(threading, "_threading_atexits", []))]
    pools = threading.Thread(target=lambda: [end() for end in ends], daemon=True)
    pools.start()
    pools.join(POOLS_S)
    until_s = time.monotonic() + THREADS_S
    while left := [t.name for t in threading.enumerate() if t is not me and not t.daemon]:
        if time.monotonic() > until_s:
            names = ", ".join(left)
            print(
                f"note: ended beside threads that a module of yours runs: {names}", file=sys.stderr
            )
            atexit._run_exitfuncs()
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os._exit(status)
        time.sleep(0.01)


class Staying:
    """While it is entered, what calls os._exit in this process raises SystemExit instead.

    Code of a user's is loaded here to see what it is; it must not end the program without a word,
    nor have it go on in another working folder: names of files are relative to that.
    """

    def __enter__(self) -> None:
        self.leave, self.pid = os._exit, os.getpid()
        os._exit = self._stay
        try:
            self.folder: str | None = os.getcwd()  # noqa: PTH109 - pathlib is not loaded yet
        except OSError:  # it has been removed
            self.folder = None

    def __exit__(self, *_: object) -> None:
        os._exit = self.leave
        if self.folder is not None:
            try:
                os.chdir(self.folder)
            except OSError:  # it was removed meanwhile
                pass

    def _stay(self, status: int) -> "NoReturn":
        if os.getpid() == self.pid:
            raise SystemExit(f"os._exit({status})")
        self.leave(status)  # a process that it has forked


def _deafen() -> None:
    """All is done, and the interpreter gives up its handlers: no signal is to kill it now."""
    import signal

    for name in SIGNALS:
        if (number := getattr(signal, name, None)) is not None:
            signal.signal(number, signal.SIG_IGN)


def _warn(message: "Warning | str", *_: object, **__: object) -> None:
    """A warning in one line: where in this program it was found is no help."""
    print(f"warning: {message}", file=sys.stderr)


def unwritten() -> OSError | None:
    """Why not all that was printed has been written; None if it has."""
    if sys.stdout is not None:
        sys.stdout.flush()
    raw = getattr(sys.stdout, "buffer", None)
    raw = getattr(raw, "raw", raw)
    return raw.problem if isinstance(raw, Output) else None


def open_streams() -> None:
    """Have three standard streams that never fail.

    Those that are closed are opened onto nothing, before a file of results gets their number.
    Characters that an encoding lacks are replaced.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            os.set_inheritable(descriptor, True)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - it stays open
    sys.stdout, sys.stderr = _tolerant(sys.stdout, 1), _tolerant(sys.stderr, 2)


def _tolerant(stream: "Any", descriptor: int) -> io.TextIOWrapper:
    output = Output(descriptor)
    if stream is None:
        output.problem = OSError(9, os.strerror(9))
        return io.TextIOWrapper(output, "utf-8", "replace", write_through=True)
    errors = "replace" if stream.errors in ("strict", "surrogateescape") else stream.errors
    lines = stream.line_buffering
    if stream.write_through:
        return io.TextIOWrapper(output, stream.encoding, errors, None, lines, True)
    return io.TextIOWrapper(io.BufferedWriter(output), stream.encoding, errors, None, lines)


def _to_nowhere(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere != descriptor:  # it is, where somebody has closed that one
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


def _unless_interrupted(before: "Callable[[Any], Any]") -> "Callable[[Any], None]":
    """A request to stop that strikes where nothing can be raised is not worth a traceback."""

    def told(what: "Any") -> None:
        if not (what.exc_type is not None and issubclass(what.exc_type, Interrupted)):
            before(what)

    return told


def end_with_parent(parent: int) -> None:
    """Have SIGTERM sent to this process when the parent of that number ends (on Linux)."""
    if sys.platform == "linux":
        import ctypes
        import signal

        ctypes.CDLL(None).prctl(1, int(signal.SIGTERM))  # 1: PR_SET_PDEATHSIG, of <sys/prctl.h>
        if os.getppid() != parent:  # it has ended already
            os.kill(os.getpid(), signal.SIGTERM)


_libraries: list[str] = []


def order_path() -> None:
    """Let the user's own modules be found, but after all others, however this was started.

    `python -m` has the working folder first on the path, where a `json.py` in it would be taken
    for the library's; a console script has it nowhere.
    """
    try:
        working = os.getcwd()  # noqa: PTH109 - pathlib is not loaded yet
    except OSError:
        print("error: the working folder is gone; change to one that is there", file=sys.stderr)
        sys.exit(2)
    own = os.path.abspath(f"{__file__}/../..")  # noqa: PTH100
    others = [place for place in sys.path if place not in ("", working)]
    sys.path[:] = [*others, *(place for place in (own, working) if place not in others)]
    # A checkout that is worked in is the user's folder; its packages are known by their places.
    _libraries[:] = others


class libraries_only:
    """While it is entered, none of the user's modules is found.

    pandas asks for a dozen optional packages, one of which may be a file of the user's by name.
    """

    def __enter__(self) -> None:
        self.before = sys.path[:]
        sys.path[:] = _libraries or self.before

    def __exit__(self, *_: object) -> None:
        sys.path[:] = self.before
