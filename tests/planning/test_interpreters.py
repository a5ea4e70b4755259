"""Cells of another interpreter than the program's: planned, measured and told by that one."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runners.child.plugins import BrokenPlugin
from runners.command.cells import Cell, panelled
from runners.measuring import preparing
from runners.measuring.measure import measure
from runners.model import THIS, Plan, Run, UsageError
from runners.planning import interpreters
from tests.conftest import PLUGINS, MakePlan, run_program


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that has a package which nobody else has."""
    folder = tmp_path_factory.mktemp("with space") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    [packages] = folder.glob("lib/python*/site-packages")
    (packages / "only_there.py").write_text("def double(k):\n    return 2 * k\n")
    (packages / "only_there-3.1.dist-info").mkdir()
    (packages / "only_there-3.1.dist-info/RECORD").write_text("only_there.py,,\n")
    return folder


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    interpreters.close()


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own modules, which the program was told of."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "user_of_it.py").write_text("from only_there import double\n")
    return tmp_path


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def measured(*plans: Plan) -> list[Run]:
    found = list(measure(*plans))
    assert {run.status for run in found} == {"ok"}, [run.error for run in found]
    return found


@pytest.mark.parametrize("executor", ["thread", "process", "pool executor.start_method=spawn"])
def test_a_package_that_only_that_interpreter_has(
    executor: str, venv: Path, mine: Path, make_plan: MakePlan
) -> None:
    words = ["workload=callable", "workload.function=user_of_it:double", "n=2"]
    words += [f"python='{venv}'", *f"executor={executor}".split()]
    with pytest.raises(UsageError, match="No module named 'only_there'"):
        make_plan(*[*words[:3], "executor=thread"], "workload.arguments=[[1],[2]]")
    plan = make_plan(*words, "workload.arguments=[[1],[2]]")
    assert plan.identity["packages"]["only-there"] == "3.1"
    assert "user_of_it" in plan.identity["code"]
    assert plan.options == ()
    runs = measured(plan)
    assert {run.python for run in runs} == {plan.python.name}
    assert "only_there" not in sys.modules


def test_another_version_of_the_program_that_is_installed_there_is_not_taken(
    venv: Path, mine: Path, make_plan: MakePlan
) -> None:
    [place] = venv.glob("lib/python*/site-packages")
    (place / "runners").mkdir()
    try:
        (place / "runners/__init__.py").write_text("raise RuntimeError('another one')\n")
        words = ("workload=callable", "workload.function=user_of_it:double", "executor=process")
        measured(make_plan(*words, "workload.arguments=[[1],[2]]", f"python='{venv}'"))
    finally:
        shutil.rmtree(place / "runners")


WRITING = """
import os, stat, struct
for descriptor in range(3, 64):
    try:
        if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            os.write(descriptor, struct.pack("!i", len(DATA)) + DATA)
    except OSError:
        pass
def f(k): return k
"""


@pytest.mark.parametrize("data", [b"{}", b"[]", b'{"prepared": [1]}', b'{"refused": [1]}', b"?"])
def test_what_a_module_writes_to_where_answers_come_is_none(
    data: bytes, venv: Path, mine: Path, make_plan: MakePlan
) -> None:
    (mine / "writing.py").write_text(WRITING.replace("DATA", repr(data)))
    words = ["workload=callable", "workload.function=writing:f", "workload.arguments=[[1]]"]
    with pytest.raises(UsageError, match="said what is no answer"):
        make_plan(*words, "executor=thread", f"python='{venv}'")


def test_nothing_of_this_programs_packages_is_found_there(
    venv: Path, mine: Path, make_plan: MakePlan
) -> None:
    (mine / "user_of_pandas.py").write_text("import yaml\ndef f(k): pass\n")
    words = ["workload=callable", "workload.function=user_of_pandas:f", f"python='{venv}'"]
    with pytest.raises(UsageError) as refused:
        make_plan(*words, "workload.arguments=[[1]]", "executor=thread")
    [line] = str(refused.value).splitlines()
    assert "No module named 'yaml'" in line
    assert line.endswith(f"to install it there: {venv}/bin/python -m pip install PyYAML)")
    plan = make_plan("executor=loky", "n=2")
    with pytest.raises(UsageError) as refused:
        make_plan("executor=loky", "n=2", f"python='{venv}'")
    assert str(refused.value).endswith(f"{venv}/bin/python -m pip install loky)")
    assert interpreters.executors(str(venv), {"loky": plan.executor_as.target}) == []


def test_a_folder_of_plugins(
    venv: Path, make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(PLUGINS))
    plan = make_plan("workload=crowd", "executor=process", "n=2", f"python='{venv}'")
    measured(plan)


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ("import os\nos.kill(os.getpid(), 9)", "ended by signal SIGKILL"),
        ("import os\nos.kill(os.getpid(), 40)", "ended by signal 40"),
        ("import os\nos.abort()", r"SIGABRT \(Fatal Python error: Aborted\)"),
        # As deep as a plugin of packages may be: what is told of the crash is long.
        (
            "def deep(k): return deep(k - 1) if k else os.abort()\nimport os\ndeep(40)",
            r"SIGABRT \(Fatal Python error: Aborted\)",
        ),
        ("import time\ntime.sleep(60)", "did not answer within 1 s"),
        ("raise SystemExit(7)", "raises SystemExit: 7"),
        ("syntax error", "SyntaxError"),
    ],
)
def test_a_module_that_ends_or_holds_up_its_interpreter(
    does: str,
    told: str,
    venv: Path,
    mine: Path,
    make_plan: MakePlan,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (mine / "broken_there.py").write_text(does)
    (mine / "works_there.py").write_text("def f(k): return k\n")
    words = ["workload=callable", "executor=thread", "workload.arguments=[[1]]", f"python='{venv}'"]
    make_plan(*words, "workload.function=works_there:f")  # it is there
    if "sleep" in does:
        monkeypatch.setattr(preparing, "LIMIT_S", 1)
    with pytest.raises(UsageError, match=told) as refused:
        make_plan(*words, "workload.function=broken_there:f")
    assert "\n" not in str(refused.value)
    monkeypatch.undo()
    monkeypatch.syspath_prepend(str(mine))
    make_plan(*words, "workload.function=works_there:f")  # another one is started


def test_interpreters_of_a_sweep_share_their_rounds_and_nothing_else(
    venv: Path, tmp_path: Path
) -> None:
    words = (
        *("-m", f"python=this,{venv}", "workload=cube,nowhere", "n=2"),
        *("executor=thread,process", "measure=quick", "measure.max_rounds=2", "sweep.report=false"),
    )
    done = run_program(*words, "hydra.sweep.dir=out", cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    [shared] = tmp_path.glob("out/panel-*")
    baselines = [row for row in rows(shared / "runs.jsonl") if row["role"] == "baseline"]
    for number in {row["round"] for row in baselines}:
        own = [row["python_order"] for row in baselines if row["round"] == number]
        assert set(own) == {0, 1}
    of_process = {row["process"]: row["python_order"] for row in baselines}
    cells = [file.parent for file in tmp_path.glob("out/cube-*/runs.jsonl")]
    assert len(cells) == 4
    for cell in cells:
        measured = rows(cell / "runs.jsonl")
        assert {of_process[row["process"]] for row in measured} == {measured[0]["python_order"]}
        known = json.loads((cell / "environment.json").read_text())["facts"]["packages"]
        assert ("only-there" in known) == (measured[0]["python_order"] == 1)
    refused = [row for file in tmp_path.glob("out/nowhere-*/runs.jsonl") for row in rows(file)]
    assert {row["status"] for row in refused} == {"failed"}
    assert sorted(row["python_order"] for row in refused) == [0, 0, 1, 1]
    again = run_program(*words, "resume=out", cwd=tmp_path)
    assert again.stdout.count("reused") == 8, again.stdout


def test_results_of_interpreters_that_differ_do_not_stand_for_each_other(
    venv: Path, make_plan: MakePlan
) -> None:
    one, other = make_plan(), make_plan(f"python='{venv}'")
    assert one.python.is_this
    assert not other.python.is_this
    # The same build is the same, wherever it is; its packages and options may differ.
    differing = {key for key in one.identity if one.identity[key] != other.identity[key]}
    assert differing <= {"packages", "python_options"}


@pytest.mark.parametrize("gil", ["on", "off"])
def test_the_gil_is_a_choice_only_where_there_is_one(gil: str, make_plan: MakePlan) -> None:
    if interpreters.of(THIS).python.free_threaded:
        plan = make_plan(f"gil={gil}")
        assert plan.python_label.endswith(f"t, GIL {gil}")
        assert plan.cell != make_plan().cell
        return
    with pytest.raises(UsageError, match=rf"^gil={gil}: .* cannot do without its global lock"):
        make_plan(f"gil={gil}")
    with pytest.raises(UsageError, match="gil=maybe: choose on, off or null"):
        make_plan("gil=maybe")


def test_cells_that_differ_in_their_interpreter_alone_stay_together(
    venv: Path, make_plan: MakePlan
) -> None:
    grid = [
        Cell(number, "", (), Path(str(number)), make_plan(*words))
        for number, words in enumerate(
            (f"python='{python}'", f"executor={executor}", f"n={n}")
            for python in (THIS, venv)
            for executor in ("thread", "process")
            for n in (1, 2)
        )
    ]
    for most in (2, 3):
        panels = panelled(grid, most)
        assert [len(panel) for panel in panels] == [2, 2, 2, 2]
        for panel in panels:
            plans = [cell.what for cell in panel if isinstance(cell.what, Plan)]
            assert {plan.python.is_this for plan in plans} == {True, False}
            assert len({(cell.what.executor, cell.what.n) for cell in panel}) == 1


def test_no_process_that_prepares_outlives_the_command(venv: Path, make_plan: MakePlan) -> None:
    make_plan(f"python='{venv}'")
    found = interpreters.of(str(venv))
    assert isinstance(found, interpreters.Other)
    process = found.process
    interpreters.close()
    assert not Path(process.folder.name).exists()
    assert process.tree.pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(process.tree.pid, 0)


def test_a_broken_plugin_there_is_told_as_one(venv: Path, make_plan: MakePlan) -> None:
    with pytest.raises(BrokenPlugin, match=r"no_such_module.*\(python="):
        make_plan("workload=nowhere", f"python='{venv}'")


def test_a_module_that_only_a_task_misses_is_named_with_what_installs_it(
    venv: Path, mine: Path, make_plan: MakePlan
) -> None:
    (mine / "imports_late.py").write_text("def f(k):\n    import yaml\n")
    words = ["workload=callable", "workload.function=imports_late:f", f"python='{venv}'"]
    [run] = measure(make_plan(*words, "workload.arguments=[[1]]", "executor=thread"))
    assert run.status == "failed"
    assert run.error is not None
    assert run.error.endswith(
        f"No module named 'yaml'; to install it there: {venv}/bin/python -m pip install PyYAML"
    )


def test_what_is_of_another_standard_library_is_not_to_be_installed(
    venv: Path, mine: Path, make_plan: MakePlan
) -> None:
    (mine / "of_another.py").write_text("import asyncore.none\ndef f(k): pass\n")
    words = ["workload=callable", "workload.function=of_another:f", f"python='{venv}'"]
    with pytest.raises(UsageError, match="asyncore is of the standard library of other") as refused:
        make_plan(*words, "workload.arguments=[[1]]", "executor=thread")
    assert "pip" not in str(refused.value)


def test_an_interpreter_that_cannot_start_the_measuring_process_says_so_in_a_line(
    tmp_path: Path, make_plan: MakePlan
) -> None:
    script = tmp_path / "python"
    script.write_text(
        '#!/bin/bash\ncase "$*" in *child.trial*) echo no licence >&2; exit 9;; esac\n'
        f'exec -a "{script}" "{sys.executable}" "$@"\n'
    )
    script.chmod(0o755)
    try:
        plan = make_plan("executor=thread", f"python='{script}'")
    except UsageError as error:
        if "standard library" not in str(error):
            raise
        pytest.skip("this interpreter finds its library by its own name alone")
    [run] = measure(plan)
    assert run.error == "the measuring process ended by exit code 9: no licence"
