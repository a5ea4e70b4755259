"""What shows something of a sweep is asked of its first cell."""

import os
from importlib import metadata
from pathlib import Path

import pytest

from runners.command.arguments import expanded
from runners.command.program import run
from runners.command.showing import complete, first_cell
from tests.conftest import run_program

NOTE = "note: of the sweep's cells this is the one with "


@pytest.mark.parametrize(
    ("typed", "written", "told"),
    [
        ("executor=all --cfg job", "--cfg job", "the usual executor"),
        ("-m python=all --cfg=all n=2", "--cfg=all n=2", "the usual python"),
        ("n=1,2 executor=thread,all -c job", "-c job n=1 executor=thread", "n=1, executor=thread"),
        ("-m n=range(2,5) --info", "--info all n=2", "n=2"),
        ("--info executor=all", "--info all", "the usual executor"),
        ("--info plugins -m n=3", "--info plugins n=3", ""),
        ("executor=all --help", "--help", ""),
        ("-m workload.end=5 --cfg job", "--cfg job workload.end=5", ""),
        ("n=1,2", "n=1,2", ""),
        ("executor=all", "--multirun executor=choice(all)", ""),
    ],
)
def test_a_sweep_is_shown_by_its_first_cell(typed: str, written: str, told: str) -> None:
    note = f"{NOTE}{told}" if told else ""
    assert first_cell(expanded(typed.split())) == (written.split(), note)


@pytest.mark.parametrize(
    ("params", "makes"), [("{n: '1,2'}", True), ("{}", False), ("[", False), (None, False)]
)
def test_an_experiment_with_a_sweep_is_one_without_m(
    params: str | None, makes: bool, tmp_path: Path
) -> None:
    place = tmp_path / "experiment"
    place.mkdir()
    if params is not None:
        (place / "own.yaml").write_text(f"hydra: {{sweeper: {{params: {params}}}}}")
    words = ["--config-dir", str(tmp_path), "+experiment=own", "n=2"]
    assert ("--multirun" in expanded(words)) == makes
    assert "--multirun" in expanded(["+experiment=gil"])  # the program's own


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("speedup-lab --dry-run workload=pri", "speedup-lab workload=pri"),
        ("speedup-lab --at-least 1.5 n=2 ", "speedup-lab n=2 "),
        ("speedup-lab --at-least=1.5 versus=HEAD~1 n=", "speedup-lab n="),
        ("python -m runners resume=/a b workload=pri", "python -m runners b workload=pri"),
        ("speedup-lab versus=HEAD~", "speedup-lab "),
    ],
)
def test_hydra_completes_a_line_without_what_is_ours(
    typed: str, completed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMP_LINE", typed)
    complete(["n=2"])
    assert os.environ["COMP_LINE"] == typed
    complete(["-sc", "query=bash"])
    assert os.environ["COMP_LINE"] == completed


def test_the_version_is_the_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    own = metadata.version("speedup-lab")
    assert capsys.readouterr().out.startswith(f"Speedup Lab {own}, Hydra ")


def test_hydra_takes_it(tmp_path: Path) -> None:
    words = ("-m", "executor=all", "n=3,4", "--cfg", "job")
    done = run_program(*words, cwd=tmp_path, plugins=False)
    assert (done.returncode, done.stderr) == (0, f"{NOTE}the usual executor, n=3\n")
    assert "'n': 3" in done.stdout
