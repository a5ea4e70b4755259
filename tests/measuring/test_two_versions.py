"""Two versions of the user's code in one panel: each is measured, and workers have their own."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runners.command import cells
from runners.command.arguments import as_override
from runners.command.cells import Cell, panelled, same_versions, with_partners
from runners.command.resume import Earlier, Outcome
from runners.measuring.measure import measure
from runners.measuring.sides import sides
from runners.model import Order, Panel, Plan, Unsupported, UsageError, run_of, timestamp
from runners.planning import interpreters
from tests.conftest import MakePlan
from tests.planning.test_versions import commit, git

EXECUTORS = ("executor=thread", "executor=pool executor.start_method=spawn", "executor=process")


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    interpreters.close()


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository in whose working tree the code is another one than in its last commit.

    Its module is on the path, in a folder of its own, and needs another one, and a file.
    """
    folder = tmp_path / "my code"
    (folder / "src").mkdir(parents=True)
    (folder / "src/two_versions.py").write_text(
        "from pathlib import Path\n"
        "from two_versions_help import VALUE\n"
        "def work(k):\n"
        "    return k * VALUE + len(Path('data.txt').read_text())\n"
        "def same(k):\n"
        "    return k\n"
    )
    (folder / "src/two_versions_help.py").write_text("VALUE = 1\n")
    (folder / "data.txt").write_text("12345")
    git(folder, "init", "-q")
    commit(folder, "one")
    (folder / "src/two_versions_help.py").write_text("VALUE = 2\n")
    (folder / "data.txt").write_text("1234")
    with (folder / "src/two_versions.py").open("a") as file:
        file.write("def new(k):\n    return k\n")
    monkeypatch.syspath_prepend(str(folder / "src"))
    monkeypatch.chdir(folder)
    yield folder
    for name in ("two_versions", "two_versions_help", "only_here"):
        sys.modules.pop(name, None)


def plans(make_plan: MakePlan, function: str, executor: str, versus: str) -> list[Plan]:
    words = ["workload=callable", f"workload.function={function}", "n=2", *executor.split()]
    words += ["workload.arguments=[[1],[2]]"]
    return [make_plan(*words, *more) for more in ([], [as_override("versus", versus)])]


def test_each_version_runs_in_the_same_rounds(mine: Path, make_plan: MakePlan) -> None:
    found = [
        one
        for executor in EXECUTORS
        for one in plans(make_plan, "two_versions:work", executor, "HEAD")
    ]
    runs = list(measure(*found))
    assert {run.status for run in runs} == {"ok"}, [run.error for run in runs]
    head = git(mine, "rev-parse", "HEAD")
    assert {run.code_version for run in runs} == {"", f"HEAD ({head[:7]})"}
    differs: dict[str, set[str]] = {}
    for run in runs:
        if run.differs is not None:
            differs.setdefault(run.executor, set()).add(run.differs)
    # 1 * 2 + 4 is 1 * 1 + 5: the first one that differs is the other one.
    assert {*differs} >= {"thread", "pool", "process"}
    assert {text for own in differs.values() for text in own} == {
        f"first at task 1, 8 here, 7 in HEAD ({head[:7]})"
    }


def test_what_is_the_same_is_not_told_to_differ(mine: Path, make_plan: MakePlan) -> None:
    runs = list(measure(*plans(make_plan, "two_versions:same", "executor=thread", "HEAD")))
    assert {(run.status, run.differs) for run in runs} == {("ok", None)}


def test_a_panel_has_a_baseline_for_each_version(mine: Path, make_plan: MakePlan) -> None:
    here, there = plans(make_plan, "two_versions:work", "executor=thread", "HEAD")
    panel = Panel((here, there))
    assert panel.hosts == ((0,), (1,))
    assert [side.role for side in sides(panel)] == ["baseline", "baseline", "measured", "measured"]
    found = [Cell(at, "", (), mine, plan) for at, plan in enumerate((here, there))]
    assert panelled(found, 8) == [found]


@pytest.mark.parametrize(
    ("outcomes", "again"),
    [
        (("reused", "new"), (True, False)),
        (("reused", "again"), (True, False)),
        (("continued", "reused"), (True, True)),
        (("reused", "reused"), (False, False)),
        (("continued", "continued"), (False, False)),
        (("new", "new"), (False, False)),
        (("unreadable", "reused"), (False, False)),
    ],
)
def test_what_stood_shares_its_rounds_with_a_version_that_is_new(
    outcomes: tuple[Outcome, Outcome],
    again: tuple[bool, bool],
    mine: Path,
    make_plan: MakePlan,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = plans(make_plan, "two_versions:same", "executor=thread", ".")
    found = [Cell(at, "", (), mine, plan) for at, plan in enumerate(both)]
    monkeypatch.setattr(cells, "earlier_of", lambda cell, _: Earlier(outcomes[cell.number]))
    kept = with_partners(found)
    measures = [cell.what.measure for cell in kept if isinstance(cell.what, Plan)]
    assert tuple(measure.force for measure in measures) == again
    assert panelled(kept, 8) == [kept]


def test_a_cell_is_the_same_wherever_its_tree_is(mine: Path, make_plan: MakePlan) -> None:
    here, there = plans(make_plan, "two_versions:work", "executor=thread", "HEAD")
    trees = [there.version.tree] if there.version is not None else []
    interpreters.close()
    here_again, again = plans(make_plan, "two_versions:work", "executor=thread", "HEAD~0")
    assert again.version is not None
    assert trees != [again.version.tree]
    assert (here.cell, there.cell) == (here_again.cell, again.cell)
    assert "versus" not in here.identity
    assert there.identity["code"]["two_versions_help"] != here.identity["code"]["two_versions_help"]
    assert trees[0] not in repr(there.identity)


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("versus", ["HEAD", "../older copy"])
def test_a_file_is_that_of_the_other_version(
    absolute: bool, versus: str, mine: Path, make_plan: MakePlan
) -> None:
    if versus != "HEAD":
        (mine.parent / "older copy/src").mkdir(parents=True)
        source = (mine / "src/two_versions.py").read_text()
        (mine.parent / "older copy/src/two_versions.py").write_text(f"# other\n{source}")
        (mine.parent / "older copy/src/two_versions_help.py").write_text("VALUE = 1\n")
    name = f"{mine if absolute else '.'}/src/two_versions.py:same"
    here, there = plans(make_plan, name, "executor=thread", versus)
    assert here.parameters["workload.function"] == there.parameters["workload.function"] == name
    assert here.identity["workload"] == there.identity["workload"]
    assert here.identity["code"] != there.identity["code"]


def test_what_that_version_does_not_have_is_told(mine: Path, make_plan: MakePlan) -> None:
    (mine / "src/only_here.py").write_text("def work(k):\n    return k\n")
    for name, told in (
        ("two_versions:new", "two_versions has no new"),
        ("only_here:work", "No module named 'only_here'"),
        ("src/only_here.py:work", "there is no file src/only_here.py"),
        (f"{mine}/src/only_here.py:work", "there is no file src/only_here.py"),
    ):
        with pytest.raises(UsageError) as caught:
            plans(make_plan, name, "executor=thread", "HEAD")
        assert isinstance(caught.value.__cause__, Unsupported), name
        assert told in str(caught.value)
        assert "versus=HEAD (" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_code_that_is_not_left_is_no_other_version(
    mine: Path, make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is found by some way that nobody knows, and is in no commit, would be measured twice."""
    (mine / "src/two_versions.py").write_text("from by_some_finder import same\n")
    (mine / "hidden").mkdir()
    (mine / "hidden/by_some_finder.py").write_text("def same(k):\n    return k\n")
    commit(mine, "two")
    (mine / "src/two_versions.py").write_text("import two_versions_help\ndef same(k): return k\n")
    hidden = str(mine / "hidden/by_some_finder.py")
    finder = (
        "import sys\n"
        "from importlib.util import spec_from_file_location\n"
        "class Finder:\n"
        "    @classmethod\n"
        "    def find_spec(cls, name, path=None, target=None):\n"
        "        if name == 'by_some_finder':\n"
        f"            return spec_from_file_location(name, {hidden!r})\n"
        "sys.meta_path.append(Finder)\n"
    )
    site = mine.parent / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(finder)
    monkeypatch.setenv("PYTHONPATH", str(site))
    with pytest.raises(UsageError, match="by_some_finder: imported from the tree that is here"):
        plans(make_plan, "two_versions:same", "executor=thread", "HEAD")


def test_the_same_code_twice_is_told(mine: Path, make_plan: MakePlan) -> None:
    commit(mine, "two")
    both = plans(make_plan, "two_versions:work", "executor=thread", "HEAD")
    assert same_versions(both) == [
        "versus=HEAD: the code of two_versions.work is the same in both (two_versions, "
        "two_versions_help): what differs is noise"
    ]
    other = plans(make_plan, "two_versions:work", "executor=thread", "HEAD~1")
    assert same_versions(other) == []
    refused = run_of(both[1], Order(0, 0, 0, "measured", True, True), "failed", timestamp())
    assert same_versions([both[0], refused]) == []


def test_the_programs_own_repository_has_the_program_once(
    make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever version of the program is in the other tree, this one measures."""
    words = ("workload=countdown", "workload.count=10", "executor=thread")
    here, there = make_plan(*words), make_plan(*words, "versus=.")
    assert here.identity["code"] == there.identity["code"]
    assert replace(there, identity={}, version=None) == replace(here, identity={})
