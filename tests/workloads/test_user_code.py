"""The user's own file: how it is imported, and what is said of what it does then."""

import re
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from runners.model import InvalidParameter
from runners.workloads import cautions
from runners.workloads.user_code import find
from tests.conftest import ROOT, MakePlan, run_program

SMALL = ("measure=quick", "measure.min_rounds=1", "measure.max_rounds=1", "measure.warmup=1")
GUARD = 'put it under if __name__ == "__main__":'
SCRIPT = """\
import sys
def heavy(n):
    return sum(range(n))
rows = int(sys.argv[1]) if len(sys.argv) > 1 else 3
print("total", sum(heavy(10) for _ in range(rows)))
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Write]:
    """Writes a script under a name that no other test has."""
    name = re.sub(r"\W", "_", request.node.name)

    def write(text: str) -> Path:
        file = tmp_path / f"{name}.py"
        file.write_text(text)
        return file

    yield write
    sys.modules.pop(name, None)
    if str(tmp_path) in sys.path:
        sys.path.remove(str(tmp_path))


def test_a_script_is_imported_with_arguments_of_its_own(
    write: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["runners", "workload=callable"])
    file = write("import sys\nARGV = sys.argv\nprint('noise')\nsys.stdout.reconfigure()\n" + SCRIPT)
    function = find("function", f"{file}:heavy")
    assert function(3) == 3
    assert [str(file)] == sys.modules[file.stem].ARGV
    assert sys.argv == ["runners", "workload=callable"]
    assert capsys.readouterr().out == ""
    print("ours")
    assert capsys.readouterr().out == "ours\n"


@pytest.mark.parametrize("what", ["raise KeyboardInterrupt", "raise SystemExit(3)", "os._exit(3)"])
def test_a_file_that_ends_the_program_is_told_with_its_line(write: Write, what: str) -> None:
    file = write(f"import os\n{what}\ndef heavy(n): ...\n")
    with pytest.raises(InvalidParameter, match=r"line 2 raises (KeyboardInterrupt|SystemExit)"):
        find("function", f"{file}:heavy")


def test_a_file_with_the_name_of_another_module_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", sys.path[:])
    file = tmp_path / "json.py"
    file.write_text("def heavy(n): ...\n")
    with pytest.raises(InvalidParameter, match=r"another module json already \(.*json/__init__"):
        find("function", f"{file}:heavy")


def test_a_neighbour_with_the_name_of_another_module_is_refused(write: Write) -> None:
    file = write("def heavy(n):\n    import random, helping\n    return random.seed(n)\n")
    cautions.check_names(file)
    (file.parent / "helping.py").write_text("")
    cautions.check_names(file)
    (file.parent / "random.py").write_text("")
    find("function", f"{file}:heavy")(1)  # of the library, which this process needs
    with pytest.raises(InvalidParameter, match=r"imports random, and .*random.py has the name of"):
        cautions.check_names(file)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("sys.exit(2)", "line 4 raises SystemExit: 2"),
        ("input('How many? ')", "line 4 raises EOFError"),
        ("heavy(1 / 0)", "line 4 raises ZeroDivisionError: division by zero"),
        ("[heavy(k, k) for k in range(2)]", "line 4 raises TypeError"),
    ],
)
def test_a_script_that_fails_when_it_is_imported_is_told_its_line(
    line: str, told: str, write: Write
) -> None:
    file = write(f"import sys\ndef heavy(n):\n    return n\n{line}\n")
    with pytest.raises(InvalidParameter) as caught:
        find("function", f"{file}:heavy")
    assert caught.value.name == "function"
    assert told in caught.value.problem
    assert caught.value.problem.endswith('under if __name__ == "__main__":')


def test_a_package_that_is_missing_is_no_matter_of_guards(write: Write) -> None:
    file = write("import no_such_package\ndef heavy(n): return n\n")
    with pytest.raises(InvalidParameter, match=r"No module named 'no_such_package'.*installed"):
        find("function", f"{file}:heavy")


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (b"def heavy(n)\n    return n\n", 1, "SyntaxError: .*, in 'def heavy.n.'"),
        (b"def heavy(n):\nreturn n\n", 2, "IndentationError: .*, in 'return n'"),
        (b"def heavy(n):\n\tif n:\n        return n\n", 3, "TabError: "),
        (b"def heavy(n):\n    return 'caf\xe9'\n", 2, "SyntaxError: .*(can't decode|Non-UTF-8)"),
    ],
)
def test_a_file_that_python_cannot_read_is_told_with_its_line(
    text: bytes, line: int, what: str, write: Write
) -> None:
    python = "Python {}.{}".format(*sys.version_info)
    file = write("import unreadable_beside\ndef heavy(n): ...\n")
    for bad in (file.with_name("unreadable_beside.py"), file):
        bad.write_bytes(text)
        where = rf"{python} cannot read {re.escape(str(bad))}, line {line} \({what}.*\); mend it"
        with pytest.raises(InvalidParameter, match=where):
            find("function", f"{file}:heavy")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("lambda n: n", "a lambda has no name: put a function into a file"),
        ("work.py", "write work.py:NAME"),
        ("package.work.heavy", "write package.work:heavy"),
        ("heavy", "of the form package.module:name or path/to/file.py:name"),
        (":heavy", "of the form"),
        ("book.ipynb:heavy", "measure it there: from runners import speedup"),
        ("some folder/work:heavy", "some folder/work is neither a module nor a .py file"),
        ("folder\\work.py:heavy", "folders are told apart by /"),
    ],
)
def test_a_name_that_can_be_no_functions_is_told_how_to_be_written(name: str, told: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        find("function", name)
    assert told in caught.value.problem


def test_text_that_a_file_cannot_run_is_its_own_matter(write: Write) -> None:
    with pytest.raises(InvalidParameter, match=r"line 1 raises SyntaxError: .*<string>.*mend it"):
        find("function", f"{write('exec(chr(58))')}:heavy")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("print('a')", "line 3, which prints, runs"),
        ("f(1)", "line 3, which calls f, runs"),
        ("print(f(1))", "line 3, which prints and calls f, runs"),
        ("for k in range(3):\n    f(k)", "line 4, which calls f, runs"),
        ("if len('ab') > 1:\n    pass\nelse:\n    f(1)", "line 6, which calls f, runs"),
        ("while f(0):\n    print()", "line 4, which prints, runs"),
        (
            "try:\n    f(1)\nexcept Exception:\n    print()",
            "lines 4 and 6, which print and call f",
        ),
        ("with open('x') as file:\n    print(file)", "line 4, which prints, runs"),
        ("with Pool(2) as pool:\n    ROWS = pool.map(f, [1])", "line 3, which starts workers,"),
        ("\n".join("f(1)" for _ in range(5)), "lines 3, 4, 5 and 2 more, which call f, run"),
        ("App().run()\nclass App: pass", "line 3, which calls App, runs"),
        ("[f(k) for k in range(3)]", "line 3, which calls f, runs"),
        ("if __name__ == '__main__':\n    print(f(1))", ""),
        ("if '__main__' == __name__:\n    f(1)\nelse:\n    print()", ""),
        ("TABLE = [f(k) for k in range(3)]", ""),
        ("CONNECTION.execute('create table t (x)')", ""),
        ("def g():\n    print(f(1))", ""),
        ("LATER = lambda: print(f(1))", ""),
        ("register(lambda: f(1))", ""),
        ("class Late:\n    def g(self):\n        print()", ""),
        ("'''Only words.'''", ""),
        ("broken = = 1", ""),
    ],
)
def test_what_runs_at_import_is_told_with_its_line(text: str, told: str, write: Write) -> None:
    file = write(f"def f(n):\n    return n\n{text}\n")
    said = cautions.unguarded(file)
    assert said.startswith(f"{file.name}: {told}" if told else "")
    assert bool(said) == bool(told)


def test_only_files_of_the_user_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cautions.own_file("/some/file.py:f") == Path("/some/file.py")
    assert cautions.own_file("builtins:sum") is None
    assert cautions.own_file("statistics:mean") is None
    monkeypatch.chdir(ROOT)
    assert cautions.own_file("tests.conftest:planned") == ROOT / "tests/conftest.py"


def test_a_cell_says_what_its_file_does_and_a_sweep_says_it_once(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    names = ("workload=callable", "workload.function=script.py:heavy", *SMALL)
    given = ("workload.arguments=[[1000],[1000]]",)
    said = "script.py: line 5, which prints and calls heavy, runs when the file is imported"
    done = run_program(*names, *given, "executor=thread", cwd=tmp_path, plugins=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(said) == 1
    assert f"{said}: {GUARD}" in done.stdout
    assert "total" not in done.stdout
    sweep = ("-m", "executor=thread,process", "n=2", "hydra.sweep.dir=out")
    done = run_program(*names, *given, *sweep, cwd=tmp_path, plugins=False)
    assert done.returncode == 0
    assert done.stderr == f"note: {said}: {GUARD}\n"
    assert "total" not in done.stdout
    assert said in (tmp_path / "out/report.md").read_text()


CLIENT = """\
import sqlite3, socket, threading
from dataclasses import dataclass
class Client:
    def __init__(self):
        self.lock = threading.Lock()
        self.inner = {"socket": socket.socket()}
    def run(self, n):
        return n
    def close(self):
        self.inner["socket"].close()
@dataclass
class Plain:
    factor: int
    def run(self, n):
        return n * self.factor
CLIENT = Client()
PLAIN = Plain(2)
local = (lambda k: lambda n: k * n)(3)
DB = sqlite3.connect(":memory:")
class Store:
    one = sqlite3.connect(":memory:")
CLOSED = sqlite3.connect(":memory:")
CLOSED.close()
def q(n):
    return n
"""


@pytest.fixture
def client(write: Write) -> Iterator[ModuleType]:
    file = write(CLIENT)
    find("function", f"{file}:q")
    module = sys.modules[file.stem]
    yield module
    module.CLIENT.close()
    module.DB.close()
    module.Store.one.close()


def test_what_cannot_be_pickled_works_by_its_name(client: ModuleType) -> None:
    def said(name: str) -> str:
        return cautions.by_name(f"{client.__file__}:{name}")

    assert said("CLIENT.run") == (
        "CLIENT.run, which as a bound method could not travel to a process "
        "(cannot pickle '_thread.lock' object),"
    )
    assert said("local").startswith("local, which as a lambda could not travel to a process (")
    for name in ("q", "PLAIN.run", "Client.run"):
        assert said(name) == ""


def test_open_connections_are_named(client: ModuleType) -> None:
    assert cautions.open_connections(client) == [
        "DB (sqlite3.Connection)",
        "Store.one (sqlite3.Connection)",
        "CLIENT.inner['socket'] (socket.socket)",
    ]
    client.DB.close()
    client.Store.one.close()
    client.CLIENT.close()
    assert cautions.open_connections(client) == []
    assert cautions.open_connections(sqlite3) == []


@pytest.mark.parametrize(
    ("executor", "codes"),
    [
        (("thread",), []),
        (("process", "executor.start_method=spawn"), ["by_name"]),
        (("process_pool", "executor.start_method=fork"), ["by_name", "shared_connection"]),
    ],
)
def test_what_a_plan_warns_of(
    executor: tuple[str, ...], codes: list[str], client: ModuleType, make_plan: MakePlan
) -> None:
    name = f"workload.function={client.__file__}:CLIENT.run"
    where = (f"executor={executor[0]}", *executor[1:])
    plan = make_plan("workload=callable", name, "workload.arguments=[[1],[2]]", *where)
    assert [flag.code for flag in plan.flags] == codes
    assert all(flag.detail for flag in plan.flags)


def test_other_workloads_warn_of_nothing(make_plan: MakePlan) -> None:
    assert make_plan("workload=primes", "executor=pool").flags == ()


def test_the_flags_of_a_plan_come_into_the_summary(tmp_path: Path) -> None:
    (tmp_path / "bound.py").write_text(CLIENT)
    done = run_program(
        *("workload=callable", "workload.function=bound.py:CLIENT.run", *SMALL),
        *("workload.arguments=[[1],[2]]", "executor=process", "executor.start_method=fork"),
        *("hydra.run.dir=out",),
        cwd=tmp_path,
        plugins=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "cannot pickle '_thread.lock' object), works here by its name" in done.stdout
    assert "open across a fork: DB (sqlite3.Connection)" in done.stdout
    from runners import read_runs, summarise

    [flags] = summarise(read_runs(tmp_path / "out"))["flags"]
    assert {flag.code for flag in flags} >= {"by_name", "shared_connection"}
    held = (flag for flag in flags if flag.code == "shared_connection")
    assert [flag.detail.split(", ")[0] for flag in held] == ["DB (sqlite3.Connection)"]


def test_a_script_that_goes_to_its_own_folder_leaves_the_results_where_they_were_meant_to_be(
    tmp_path: Path,
) -> None:
    (tmp_path / "below").mkdir()
    chdir = "import os\nos.chdir(os.path.dirname(os.path.abspath(__file__)))\n"
    (tmp_path / "below/moving.py").write_text(f"{chdir}def f(n): return sum(range(n))\n")
    words = ("workload=callable", "workload.function=below/moving.py:f", "hydra.run.dir=out")
    done = run_program(*words, "workload.arguments=[1,2]", "executor=process", *SMALL, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [*tmp_path.rglob("runs.jsonl")] == [tmp_path / "out/runs.jsonl"]
