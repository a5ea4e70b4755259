"""`python -m runners.new`: what it writes runs, passes its own tests, and hides nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from runners.new.command import KINDS, run
from tests.conftest import ROOT, run_program

pytestmark = pytest.mark.once


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_it_writes_runs_and_passes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for kind in KINDS:
        assert run([kind, f"my_{kind}"]) == 0
    told = capsys.readouterr().out
    assert "run it:   python -m runners --config-dir=. executor=my_executor n=2" in told
    assert "run it:   python -m runners --config-dir=. +experiment=my_experiment\n" in told
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "."],
        env={"PATH": "", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert tested.returncode == 0, tested.stdout
    done = run_program(
        *("--config-dir=.", "workload=my_workload", "executor=my_executor", "workload.end=99"),
        "--dry-run",
        cwd=folder,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "my_workload on my_executor, n = 2  " in done.stdout


def test_in_a_package_its_modules_and_files_are_the_packages(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inner = folder / "of_mine" / "pools"
    inner.mkdir(parents=True)
    for package in (inner, inner.parent):
        (package / "__init__.py").touch()
    monkeypatch.chdir(inner)
    assert run(["executor", "quick"]) == 0
    written = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*"))
    assert [path for path in written if "quick" in path or "conf" in path] == [
        "of_mine/pools/conf/__init__.py",
        "of_mine/pools/conf/executor/quick.yaml",
        "of_mine/pools/quick.py",
        "of_mine/pools/test_quick.py",
    ]
    assert "_target_: of_mine.pools.quick.Quick\n" in Path("conf/executor/quick.yaml").read_text()
    told = capsys.readouterr().out
    assert '[project.entry-points."runners.conf"]\n  of_mine = "of_mine.pools.conf"' in told
    assert "run it:   python -m runners executor=quick n=2" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("workload primes", "primes: there is a workload of that name already"),
        ("executor pool", "pool: there is an executor of that name already"),
        ("workload json", "json: the file json.py would hide a module of that name"),
        ("workload numpy", "numpy: the file numpy.py would hide a module of that name"),
        ("executor hydra", "hydra: the file hydra.py would hide a module of that name"),
        ("workload class", "class: Python keeps this word for itself"),
        ("workload Words", "Words: a name is of small letters"),
        ("workload ../evil", "../evil: a name is of small letters"),
        ("workload", "required: NAME"),
        ("plugin x", "choose from"),
    ],
)
def test_a_mistake_is_a_line_and_nothing_is_written(
    words: str, told: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = run(words.split())
    except SystemExit as end:
        status = int(str(end.code))
    assert status == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert told in error
    assert list(folder.iterdir()) == []


def test_nothing_is_written_over(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "test_mine.py").write_text("mine")
    assert run(["workload", "mine"]) == 2
    assert capsys.readouterr().err == (
        "error: test_mine.py: it is there already; choose another name\n"
    )
    assert [path.name for path in folder.iterdir()] == ["test_mine.py"]
    assert (folder / "test_mine.py").read_text() == "mine"
