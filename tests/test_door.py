"""The door of the programs, before a small program: signals, streams, and the path of imports."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import runners.door
from runners.door import SIGNALS, Interrupted
from tests.conftest import ROOT

ENTER = (
    f"import sys; sys.path[:] = ['', 'lib', *sys.path[1:], {str(ROOT)!r}]; "
    "from runners.door import enter; enter('program', kept='kept in out', plugins=True)"
)
"""As the programs are started in the user's folder; they themselves are in another one, `lib`."""

READY = "os.write(1, b'ready')"
IMPORTS = "import os, time, runners.door\n"
NUMBERS = [getattr(signal, name) for name in SIGNALS]


def write(folder: Path, text: str) -> None:
    (folder / "lib").mkdir()
    (folder / "lib/program.py").write_text(text)


def start(folder: Path, text: str, **options: object) -> "subprocess.Popen[bytes]":
    write(folder, text)
    where = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": folder, **options}
    return subprocess.Popen([sys.executable, "-c", ENTER], **where)  # type: ignore[call-overload,no-any-return]


def stopped(program: "subprocess.Popen[bytes]", *numbers: int) -> tuple[int, bytes]:
    assert program.stdout is not None
    with program:
        for number in numbers:
            assert program.stdout.read(5) == b"ready"
            program.send_signal(number)
        _, errors = program.communicate(timeout=20)
    return program.returncode, errors


@pytest.mark.parametrize("number", NUMBERS)
def test_a_request_to_stop_says_what_is_kept(tmp_path: Path, number: int) -> None:
    program = start(tmp_path, f"{IMPORTS}def run(words):\n    {READY}\n    time.sleep(60)\n")
    assert stopped(program, number) == (128 + number, b"kept in out\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_it_is_answered_while_the_program_is_loaded(tmp_path: Path, number: int) -> None:
    assert stopped(start(tmp_path, f"{IMPORTS}{READY}\ntime.sleep(60)\n"), number) == (
        128 + number,
        b"kept in out\n",
    )


@pytest.mark.parametrize("caught", ["except BaseException: pass", "finally: raise ImportError"])
def test_a_library_that_catches_it_does_not_keep_the_program(tmp_path: Path, caught: str) -> None:
    text = (
        f"{IMPORTS}runners.door.GIVEN_S = 0.2\ndef run(words):\n"
        f"    try:\n        {READY}\n        time.sleep(60)\n    {caught}\n    time.sleep(60)\n"
    )
    status, errors = stopped(start(tmp_path, text), signal.SIGTERM)
    assert (status, errors) == (128 + signal.SIGTERM, b"kept in out\n")


def test_a_second_request_ends_the_clean_up_at_once(tmp_path: Path) -> None:
    text = (
        f"{IMPORTS}runners.door.SAME_S = 0\ndef run(words):\n"
        f"    try:\n        {READY}\n        time.sleep(60)\n"
        f"    finally:\n        {READY}\n        time.sleep(60)\n"
    )
    status, errors = stopped(start(tmp_path, text), signal.SIGINT, signal.SIGINT)
    assert (status, errors) == (128 + signal.SIGINT, b"kept in out\n")


def test_what_was_ignored_at_the_start_stays_ignored(tmp_path: Path) -> None:
    text = "import os\ndef run(words):\n    os.kill(os.getpid(), 1)\n    return 0\n"
    program = start(tmp_path, text, preexec_fn=lambda: signal.signal(1, signal.SIG_IGN))
    assert stopped(program) == (0, b"")


@pytest.mark.parametrize("end", ["return 3", "raise SystemExit(3)"])
def test_a_program_does_not_wait_for_threads_of_a_users_module(tmp_path: Path, end: str) -> None:
    text = (
        "import atexit, threading, runners.door\nrunners.door.THREADS_S = 0.2\n"
        "def run(words):\n    atexit.register(print, 'all is done')\n"
        "    threading.Thread(target=threading.Event().wait, name='watcher').start()\n"
        f"    {end}\n"
    )
    with start(tmp_path, text) as program:
        printed, errors = program.communicate(timeout=20)
    assert (program.returncode, printed) == (3, b"all is done\n")
    assert errors == b"note: ended beside threads that a module of yours runs: watcher\n"


PRINTS = (
    "def run(words):\n    for k in range(3000): print('1.5\\u00d7 \\u011f', flush=k % 100 == 0)\n"
    "    file = open('rows', 'w')\n    assert file.fileno() > 2\n    file.write('row')\n"
    "    return 0\n"
)


@pytest.mark.parametrize(
    ("redirected", "told"),
    [
        (">&-", "note: standard output could not be written (Bad file descriptor)\n"),
        ("<&- >&- 2>&-", ""),
        ("2>&-", ""),
        (">/dev/full", "note: standard output could not be written (No space left on device)\n"),
        ("| true", ""),
    ],
)
def test_an_output_that_cannot_be_written_ends_nothing(
    tmp_path: Path, redirected: str, told: str
) -> None:
    write(tmp_path, PRINTS)
    shell = f'set -o pipefail; "{sys.executable}" -c "$0" {redirected}'
    done = subprocess.run(
        ["bash", "-c", shell, ENTER], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, told)
    assert (tmp_path / "rows").read_text() == "row"


def test_a_program_that_only_prints_has_failed_if_it_cannot(tmp_path: Path) -> None:
    write(tmp_path, "def run(words):\n    print('x')\n    raise SystemExit\n")
    done = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -c "$0" >/dev/full', ENTER],
        cwd=tmp_path,
        capture_output=True,
    )
    assert done.returncode == 1


@pytest.mark.parametrize("encoding", ["ascii", "iso8859-9"])
def test_characters_that_an_encoding_lacks_are_replaced(tmp_path: Path, encoding: str) -> None:
    with start(tmp_path, PRINTS, env={**os.environ, "PYTHONIOENCODING": encoding}) as program:
        out, errors = program.communicate(timeout=20)
    assert (program.returncode, errors) == (0, b"")
    assert out.startswith("1.5× ğ\n".encode(encoding, "replace"))


def test_no_module_of_the_users_is_taken_for_the_librarys(tmp_path: Path) -> None:
    for name in ("json", "signal", "typing", "enum", "random", "hydra", "pandas"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong one')\n")
    (tmp_path / "mine.py").write_text("three = 3\n")
    text = "def run(words):\n    import json, mine, random, typing, hydra\n    return mine.three\n"
    assert stopped(start(tmp_path, text)) == (3, b"")


def test_what_only_libraries_ask_for_is_not_looked_for_beside_the_user(tmp_path: Path) -> None:
    """As pandas asks for `bottleneck` when it is loaded."""
    (tmp_path / "bottleneck.py").write_text("raise SystemExit('the wrong one')\n")
    text = "try: import bottleneck\nexcept ImportError: pass\ndef run(words): return 3\n"
    assert stopped(start(tmp_path, text)) == (3, b"")


def test_a_request_travels_between_processes() -> None:
    import pickle

    again = pickle.loads(pickle.dumps(Interrupted(signal.SIGHUP)))
    assert (again.number, str(again)) == (signal.SIGHUP, "interrupted by SIGHUP")


def test_windows_is_told_of_its_linux() -> None:
    text = "import sys; sys.platform = 'win32'\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{text}from runners.__main__ import main\nmain()"],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: {runners.door.WINDOWS}\n"
    face = [sys.executable, "-c", f"{text}from runners import speedup"]
    assert "WSL" in subprocess.run(face, capture_output=True, text=True).stderr


def test_an_output_that_somebody_closes_meanwhile_goes_nowhere(tmp_path: Path) -> None:
    text = "import os\ndef run(words):\n    os.close(1)\n    print('lost')\n    return 4\n"
    with start(tmp_path, text) as program:
        _, errors = program.communicate(timeout=20)
    assert (program.returncode, errors.count(b"standard output could not be written")) == (4, 1)
