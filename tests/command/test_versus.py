"""`versus=...` as a user types it: one command, its report, and the comparison of its folder."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runners.command.arguments import expanded
from runners.planning import versions
from runners.results.read import read_environments
from tests.conftest import run_program
from tests.planning.test_versions import commit, git

QUICK = (
    *("measure=quick", "measure.min_rounds=2", "measure.max_rounds=2", "measure.warmup=1"),
    *("workload=callable", "workload.arguments=[[1],[2]]", "executor=thread", "n=2"),
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its last commit has one function, its working tree two, and the first gives other results."""
    folder = tmp_path_factory.mktemp("with space") / "code"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "of_two.py").write_text("def work(k):\n    return k\n")
    (folder / ".gitignore").write_text("out\n")
    commit(folder, "one")
    (folder / "of_two.py").write_text("def work(k):\n    return -k\n\ndef new(k):\n    return k\n")
    return folder


Done = tuple[Path, "subprocess.CompletedProcess[str]", Path]


@pytest.fixture(scope="module")
def done(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    place = tmp_path_factory.mktemp("temporary")
    names = "workload.function=of_two:work,of_two:new"
    out = (f"hydra.sweep.dir={repository}/out/a", "versus=HEAD")
    done = run_program(*QUICK, names, *out, cwd=repository, plugins=False, TMPDIR=str(place))
    return repository / "out/a", done, place


def rows(folder: Path) -> list[dict[str, object]]:
    files = folder.glob("*/runs.jsonl")
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_both_versions_are_measured_and_compared(done: Done, repository: Path) -> None:
    folder, program, place = done
    assert program.returncode == 0, program.stderr
    name = f"HEAD ({git(repository, 'rev-parse', '--short=7', 'HEAD')})"
    found = rows(folder)
    assert {row["code_version"] for row in found} == {"", name}
    refused = [row for row in found if row["status"] != "ok"]
    assert [row["status"] for row in refused] == ["unsupported"]
    assert f"of_two has no new (versus={name})" in str(refused[0]["error"])
    lines = program.stdout.splitlines()
    assert f"here differs from {name} in: code of of_two" in lines
    assert any(
        line.startswith(f"of_two.work gives other results than in {name}: first at task 0")
        for line in lines
    )
    assert any(f"here against {name}: two cells: " in line for line in lines)
    assert (folder / "versus.png").exists()
    assert not (folder / "pythons.png").exists()
    text = (folder / "report.md").read_text()
    section = text.partition(f"## Against {name}\n\n")[2].partition("\n\n## ")[0]
    assert "gives other results" in section
    assert "work, thread, n = 2 |" in section
    assert "## Across interpreters" not in text
    assert git(repository, "status", "--porcelain") == "M of_two.py"
    assert [*place.iterdir()] == []
    facts = [one.facts for one in read_environments(folder)]
    head = git(repository, "rev-parse", "HEAD")
    assert {str(one["git_commit"]) for one in facts} == {head, f"{head}-dirty"}


def test_a_sweep_that_goes_on_has_the_same_cells(done: Done, repository: Path) -> None:
    folder, _, _ = done
    before = rows(folder)
    words = (*QUICK, "workload.function=of_two:work,of_two:new", "sweep.report=false")
    again = run_program(*(*words, "versus=HEAD", f"resume={folder}"), cwd=repository, plugins=False)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count(": reused, ") == 4
    assert rows(folder) == before


def test_one_folder_is_compared_by_its_two_versions(done: Done, repository: Path) -> None:
    folder, _, _ = done
    compared = run_program(
        *(str(folder), "--margin=50%", "--output", str(folder / "compared")),
        cwd=repository,
        module="runners.compare",
    )
    assert compared.returncode == 0, compared.stderr
    assert "code of of_two" in compared.stdout
    assert "of_two.new, thread, n = 2" in compared.stdout
    assert "not compared" in compared.stdout
    assert (folder / "compared/compare.md").exists()


def test_a_mistake_is_one_line_before_anything_is_made(repository: Path) -> None:
    out = f"hydra.sweep.dir={repository}/out/b"
    program = run_program(
        *QUICK, "workload.function=of_two:work", "versus=nothing", out, cwd=repository
    )
    assert program.returncode == 2
    [line] = program.stderr.splitlines()
    assert line.startswith("error: versus=nothing: there is no such folder")
    assert not (repository / "out/b").exists()


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("versus=HEAD~1", ["--multirun", "versus='HEAD~1'"]),
        ("versus=../a b", ["--multirun", "versus='../a b'"]),
        ("versus=1.20", ["--multirun", "versus='1.20'"]),
        ("versus=HEAD,v1", ["--multirun", "versus=HEAD,v1"]),
        ("versus=null", ["versus=null"]),
        ("versus=", ["--multirun", "versus="]),
    ],
)
def test_two_versions_make_a_sweep(typed: str, written: list[str]) -> None:
    assert expanded([typed]) == written
    assert expanded(["-m", typed])[-1] == written[-1]


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    versions.close()


def test_one_cell_that_has_to_reach_a_speedup_has_one_version(repository: Path) -> None:
    program = run_program("--at-least", "1.5", "versus=HEAD", cwd=repository)
    assert program.returncode == 2
    assert program.stderr == "error: --at-least 1.5: it is about one cell; leave out versus=HEAD\n"
