"""Which interpreter `python=...` names. Those of this machine do not matter, but for `this` one."""

import json
import os
import re
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runners.child.asked import FACTS, MARK, build
from runners.model import UsageError
from runners.planning import asking, pythons
from runners.planning.pythons import expanded, find, here

PYENV = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"


@pytest.fixture(autouse=True)
def _nothing_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("SPEEDUP_LAB_FREE_THREADED", raising=False)


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{text}\n")
    path.chmod(0o755)
    return path


def played(path: Path, version: str, free_threaded: bool = False, **facts: object) -> Path:
    """A script that says of itself what an interpreter of that version would."""
    said = {**FACTS, "executable": str(path), "version": version, **facts}
    said["free_threaded"] = free_threaded
    return script(path, f"cat <<'END'\n{MARK}{json.dumps(said)}\nEND")


def refused(asked: str) -> str:
    """What is said of it: one line."""
    with pytest.raises(UsageError) as caught:
        find(asked)
    said = str(caught.value)
    assert said.isprintable()
    before, _, after = said.partition(": ")
    assert before.startswith("python=")
    return after


def is_gone(pid: int) -> bool:
    """Whether a process has ended, or does so in a moment."""
    for _ in range(200):
        try:
            if "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text():
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


def test_this_one_is_known_without_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    python = find("this")
    assert python == find(" this ")
    assert python.is_this
    assert python.executable == sys.executable
    assert python.build == build()
    assert python.version == sys.version.split()[0]


def test_it_says_the_same_when_it_is_asked() -> None:
    assert replace(find(sys.executable), asked="this") == find("this")


def test_an_environments_interpreter_is_that_and_not_the_one_it_was_made_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "home" / "its own, (x)=y"
    venv.create(folder, symlinks=True, with_pip=False)
    monkeypatch.chdir(folder.parent)
    for asked in (str(folder), folder.name, f"./{folder.name}/", f"~/{folder.name}"):
        assert find(asked) == replace(find("this"), asked=asked, executable=f"{folder}/bin/python")
    assert find(f"{folder}/bin/python3").executable == f"{folder}/bin/python3"


def test_it_is_asked_with_nothing_of_this_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json.py", "platform.py"):
        (tmp_path / name).write_text("raise SystemExit('this is not the library')")
    monkeypatch.chdir(tmp_path)
    for name in ("PYTHONPATH", "PYTHONHOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("PYTHON_GIL", "0")
    venv.create(tmp_path / "new", symlinks=True, with_pip=False)
    assert find("new").version == find("this").version
    wary = f'[ -z "$PYTHONHOME$PYTHONPATH$PYTHON_GIL" ] && exec "{sys.executable}" "$@"'
    assert find(str(script(tmp_path / "wary", wary))).executable == sys.executable


def test_a_name_is_that_of_a_program_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played(tmp_path / "bin/pypy3", "3.11.13", implementation="PyPy")
    (tmp_path / "work/pypy3").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")  # where that is something else
    assert find("pypy3").name == "PyPy 3.11.13"
    assert find("pypy3").executable == f"{tmp_path}/bin/pypy3"
    assert "no program of that name" in refused("pypy4")
    assert "there is no file" in refused("./pypy4")


def test_a_way_to_another_interpreter_leads_to_that(tmp_path: Path) -> None:
    script(tmp_path / "bin/shim", f'exec "{sys.executable}" "$@"')
    assert find("shim").executable == sys.executable
    # One that has to be prepared is started as it was named.
    inner = script(tmp_path / "inner", "exit 1")
    played(tmp_path / "bin/prepared", "3.94.0", executable=str(inner))
    assert find("prepared").executable == f"{tmp_path}/bin/prepared"


def test_a_shim_that_starts_nothing_is_passed_over(tmp_path: Path) -> None:
    script(tmp_path / "bin/python3.94", "echo 'pyenv: python3.94: command not found' >&2; exit 127")
    assert refused("3.94").endswith("status 127: pyenv: python3.94: command not found")
    played(tmp_path / "pyenv/versions/3.94.2/bin/python", "3.94.2")
    real = played(tmp_path / "pyenv/versions/3.94.2/bin/python3.94", "3.94.2")
    assert find("python3.94").executable == str(real)


def test_those_that_were_made_from_packages_are_found(tmp_path: Path) -> None:
    made = tmp_path / "home/.cache/speedup-lab/python-3.94"
    real = played(made / "usr/bin/python3.94", "3.94.1")
    assert refused("3.94").startswith("no Python 3.94")
    (made / "ready").touch()
    assert find("3.94").executable == str(real)
    assert "3.94" in [python.asked for python in here()]


def test_pyenvs_shims_are_not_started_to_find_a_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes some hundred milliseconds, and starts what is in pyenv's versions or the PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}/pyenv/shims:{tmp_path}/bin")
    script(tmp_path / "pyenv/shims/python3.94", f"touch {tmp_path}/started")
    path = played(tmp_path / "bin/python3.94", "3.94.0")
    assert find("3.94").executable == str(path)
    assert "3.94" in [python.asked for python in here()]
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(
    ("asked", "folder"),
    [
        ("3.93", "3.93.10"),
        ("3.93.9", "3.93.9"),
        ("3.93t", "3.93.0t"),
        ("3.94", "3.94.0rc2"),
        ("3.94.0rc1", "3.94.0rc1"),
        ("3.95", "3.95-dev"),
        ("3.95t", "3.95t-dev"),
    ],
)
def test_pyenvs_newest_release_is_taken(tmp_path: Path, asked: str, folder: str) -> None:
    names = ("3.93.9", "3.93.10", "3.93.11rc1", "3.93.0t", "3.94.0rc1", "3.94.0rc2", "3.94.0b4")
    for name in (*names, "3.95t-dev", "3.95-dev", "3.93.12-mine", "mine", "pypy3.93-7.3"):
        version = name.removesuffix("-dev").replace("3.95", "3.95.0").removesuffix("t")
        free = name.removesuffix("-dev").endswith("t")
        played(tmp_path / f"pyenv/versions/{name}/bin/python", version, free)
    found = find(asked)
    assert found.executable == f"{tmp_path}/pyenv/versions/{folder}/bin/python"
    assert found.asked == asked


def test_pyenv_is_in_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYENV_ROOT")
    path = played(tmp_path / "home/.pyenv/versions/3.94.1/bin/python", "3.94.1")
    assert find("3.94").executable == str(path)


def test_a_version_is_looked_up_in_turn(tmp_path: Path) -> None:
    said = refused("3.94")
    assert "no Python 3.94 is found" in said
    assert f"found here: {find('this').name}" in said
    for place in (
        "bin/python",
        "bin/python3",
        "bin/python3.94",
        "pyenv/versions/3.94.1/bin/python",
    ):
        path = played(tmp_path / place, "3.94.1")
        assert find("3.94").executable == str(path)
    uvs = played(tmp_path / "uvs/python3.94", "3.94.2")
    script(
        tmp_path / "bin/uv",
        f'echo "$@" "$PWD" >>{tmp_path}/said; [ "$5" = 3.94 ] && echo {uvs} || exit 2',
    )
    assert find("3.94").executable == str(uvs)
    assert find("3.94.1").executable == f"{tmp_path}/pyenv/versions/3.94.1/bin/python"
    said = (tmp_path / "said").read_text().splitlines()[0]
    assert said == "python find --system --no-project 3.94 --no-python-downloads /"


def test_a_plain_version_is_never_one_without_the_gil(tmp_path: Path) -> None:
    plain = played(tmp_path / "bin/python3.95", "3.95.0", free_threaded=True)
    assert "no Python 3.95 is found" in refused("3.95")
    assert "3.95.0t" in refused("3.95")  # is what was found
    assert find("3.95t").executable == str(plain)
    path = played(tmp_path / "bin/python3.95t", "3.95.0", free_threaded=True)
    assert find("3.95t").executable == str(path)
    assert find("3.95t").name == "3.95.0t"


def test_another_implementation_is_named_by_its_path(tmp_path: Path) -> None:
    path = played(tmp_path / "bin/python3.94", "3.94.0", implementation="PyPy")
    assert "no Python 3.94 is found" in refused("3.94")
    assert find(str(path)).name == "PyPy 3.94.0"
    assert str(path) in [python.asked for python in here()]


def test_free_threaded_is_the_first_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if find("this").free_threaded:
        assert find("free-threaded").executable == sys.executable
        return
    assert "python=/path/to/python3.15t" in refused("free-threaded")
    played(tmp_path / "bin/python3.94t", "3.94.0", free_threaded=True)
    assert find("free-threaded").name == "3.94.0t"
    named = played(tmp_path / "elsewhere/run", "3.95.0", free_threaded=True)
    monkeypatch.setenv("SPEEDUP_LAB_FREE_THREADED", str(named))
    assert find("free-threaded") == replace(find(str(named)), asked="free-threaded")
    assert find("3.95t").executable == str(named)
    monkeypatch.setenv("SPEEDUP_LAB_FREE_THREADED", sys.executable)
    assert "with the GIL" in refused("free-threaded")
    monkeypatch.setenv("SPEEDUP_LAB_FREE_THREADED", "/nonexistent")
    assert refused("free-threaded").startswith("SPEEDUP_LAB_FREE_THREADED=/nonexistent: there is")


def test_those_that_are_here_are_one_of_each_kind_the_oldest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    this = replace(find("this"), version="3.90.4")
    monkeypatch.setattr(pythons, "this_python", lambda: this)
    for at, version in (("3.9.1", "3.9.1"), ("3.94.1", "3.94.1"), ("3.94.0", "3.94.0")):
        played(tmp_path / f"pyenv/versions/{at}/bin/python", version)
    played(tmp_path / "bin/python3.100", "3.100.0")
    played(tmp_path / "bin/python3.10", "3.10.0")
    played(tmp_path / "bin/python3", "3.94.7")
    played(tmp_path / "bin/python3.94t", "3.94.7", free_threaded=True)
    script(tmp_path / "bin/python3.95", "kill -SEGV $$")
    pypy = played(tmp_path / "bin/pypy3.11", "3.11.13", implementation="PyPy")
    found = here()
    assert [(python.asked, python.name) for python in found] == [
        (str(pypy), "PyPy 3.11.13"),
        (sys.executable, this.name),
        ("3.94", "3.94.1"),
        ("3.94t", "3.94.7t"),
        ("3.100", "3.100.0"),
    ]
    assert [find(python.asked) for python in found if python.asked != sys.executable] == [
        python for python in found if python.asked != sys.executable
    ]
    asked = ["3.94", "all", "this", "/x y", "this"]
    names = ["3.94", str(pypy), sys.executable, "3.94t", "3.100", "this", "/x y"]
    assert expanded(asked) == names
    assert "write -m python=all" in refused("all")


def test_an_interpreter_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = played(tmp_path / "bin/python3.94", "3.94.1")
    path.write_text(path.read_text() + f"echo >>{tmp_path}/asked\n")
    (tmp_path / "bin/python3").symlink_to("python3.94")
    assert len(here()) == 2
    assert find("3.94").version == find("python3").version == find(str(path)).version
    assert (tmp_path / "asked").read_text() == "\n"
    played(path, "3.94.2")  # until it is another one
    assert find("3.94").version == "3.94.2"


PRINTS: dict[str, tuple[str, str]] = {
    "garbage": ("echo 'a\tb\033[1mc'; echo d", r"is no Python: .* it said 'a\\tb\\x1b\[1mc'"),
    "nothing": ("", "is no Python: .* it said nothing"),
    "json": ("echo '{}'", "is no Python"),
    "half an answer": (f"echo '{MARK}{{}}'", "is no Python"),
    "without end": ("while :; do echo abcdefghijklmnopqrstuvwxyz; done", "it prints on and on"),
    "an error": ("echo first >&2; echo last >&2; exit 3", "exit status 3: last$"),
    "an option": ("echo 'no -E' >&2; echo 'Try x for more.' >&2; exit 2", "status 2: no -E$"),
    "a crash": ("kill -SEGV $$", "ended by signal SIGSEGV"),
    "no library": (
        "echo 'Fatal Python error: x' >&2; echo \"ModuleNotFoundError: No module named "
        "'encodings'\" >&2; echo; exit 1",
        "cannot find its own standard library",
    ),
}


@pytest.mark.parametrize("kind", PRINTS)
def test_what_is_no_working_interpreter_is_told(tmp_path: Path, kind: str) -> None:
    text, told = PRINTS[kind]
    path = script(tmp_path / "it", text)
    said = refused(str(path))
    assert said.startswith(str(path))
    assert len(said) < 400 + len(str(path))
    assert re.search(told, said), said


def test_an_old_one_is_told(tmp_path: Path) -> None:
    path = played(tmp_path / "bin/python3.9", "3.9.18")
    told = f"{path} is CPython 3.9.18; from 3.11 on an interpreter can measure"
    assert refused("3.9") == refused(str(path)) == told
    assert refused("3.10").startswith("from 3.11 on")


@pytest.mark.parametrize("version", ["3.9", "2.7"])
def test_a_real_old_one_is_told(version: str) -> None:
    found = [*PYENV.glob(f"{version}.*/bin/python")]
    if not found:
        pytest.skip(f"pyenv has no Python {version}")
    assert f"{found[0]} is CPython {version}." in refused(str(found[0]))


def _file(path: Path) -> None:
    path.write_text("print('hello')")


def _text(path: Path) -> None:
    _file(path)
    path.chmod(0o755)


def _other_processor(path: Path) -> None:
    path.write_bytes(b"\x7fELF" + bytes(60))
    path.chmod(0o755)


def _runner_gone(path: Path) -> None:
    path.write_text("#!/nonexistent/python\n")
    path.chmod(0o755)


def _broken_environment(path: Path) -> None:
    (path / "bin").mkdir(parents=True)
    (path / "pyvenv.cfg").touch()
    (path / "bin/python").symlink_to("python3")
    (path / "bin/python3").symlink_to("/nonexistent/python3")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: None, "there is no file"),
        (Path.mkdir, "is a folder without bin/python, so no virtual environment"),
        (_file, "is not executable"),
        (_text, "cannot be started (Exec format error): it is no program, or one for another"),
        (_other_processor, "cannot be started (Exec format error): it is no program, or one for"),
        (_runner_gone, "cannot be started (No such file or directory): what runs it"),
        (_broken_environment, "/nonexistent/python3, which is not there; make it anew"),
        (lambda path: path.symlink_to("/nonexistent"), "is a link to /nonexistent, which is not"),
        (os.mkfifo, "is not executable"),
    ],
)
def test_what_is_there_instead_is_told(
    tmp_path: Path, make: Callable[[Path], object], told: str
) -> None:
    path = tmp_path / "it"
    make(path)
    assert told in refused(str(path))


@pytest.mark.parametrize(
    "asked",
    [
        *("", " ", "3", "a\0b", "\ud800", "x" * 5000, "/" + "x" * 5000, "3." + "1" * 5000),
        *("~nobody-is-called-so", "a\nb", "3.14.1.1", "3.15.0-dev"),
    ],
)
def test_a_name_of_nothing_is_one_line(asked: str) -> None:
    assert "name a version (python=3.14)" in refused(asked)


def test_one_that_hangs_is_ended_with_all_that_it_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "ANSWER_S", 2)
    path = script(
        tmp_path / "it", f"sleep 1000 & echo $! >{tmp_path}/pids; echo $$ >>{tmp_path}/pids; wait"
    )
    assert "did not answer and end within 2 s" in refused(str(path))
    pids = [*map(int, (tmp_path / "pids").read_text().split())]
    assert len(pids) == 2
    assert all(map(is_gone, pids))


def test_what_it_leaves_behind_is_not_waited_for(tmp_path: Path) -> None:
    path = played(tmp_path / "it", "3.94.1")
    path.write_text(path.read_text() + f"sleep 1000 & echo $! >{tmp_path}/pid\n")
    began_s = time.monotonic()
    assert find(str(path)).version == "3.94.1"
    assert time.monotonic() - began_s < asking.ANSWER_S
    assert is_gone(int((tmp_path / "pid").read_text()))


def test_a_shell_does_not_run_what_an_interpreter_is_asked(tmp_path: Path) -> None:
    """Some systems have a program that is called `import`."""
    script(tmp_path / "bin/import", f"touch {tmp_path}/imported")
    assert "is no Python" in refused("/bin/sh")
    shell = script(tmp_path / "shell", 'while [ "$1" != -c ]; do shift; done; exec /bin/sh "$@"')
    shell.write_text(shell.read_text().replace("PATH=/usr/bin:/bin", f"PATH={tmp_path}/bin"))
    assert "is no Python" in refused(str(shell))
    assert not (tmp_path / "imported").exists()


def test_uvs_interpreters_are_among_those_here(tmp_path: Path) -> None:
    uvs = played(tmp_path / "uvs/python3.96", "3.96.0")
    known = json.dumps([{"path": str(uvs), "version": "3.96.0"}, {"path": None, "version": "3.17"}])
    script(tmp_path / "bin/uv", f"[ $2 = list ] && echo '{known}' || exit 2")
    assert [python for python in here() if python.version == "3.96.0"] == [
        replace(find(str(uvs)), asked=str(uvs))  # which uv does not find again
    ]
