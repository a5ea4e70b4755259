"""The command of a cell, as a shell reads it."""

import shlex
import subprocess
from pathlib import Path

import pytest

from runners.report.page.repeat import Repeat, quoted


def cell(folder: Path, overrides: str) -> Path:
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra/overrides.yaml").write_text(overrides)
    return folder


def test_the_words_of_a_cell_with_the_options_of_its_sweep(tmp_path: Path) -> None:
    (tmp_path / "sweep.json").write_text('{"cells": 1}')
    (tmp_path / "multirun.yaml").write_text(
        "hydra:\n  runtime:\n    cwd: /home/me\n    config_sources:\n"
        "    - {path: hydra.conf, provider: hydra}\n    - {path: my conf, provider: command-line}\n"
    )
    folder = cell(tmp_path / "0", "- workload=primes\n- n=2\n- \"workload.name='a b'\"\n")
    command, where = Repeat().command(folder)
    assert where == "/home/me"
    assert shlex.split(command) == [
        *("python", "-m", "runners", "--config-dir=my conf"),
        *("workload=primes", "n=2", "workload.name='a b'"),
    ]


@pytest.mark.parametrize(
    ("word", "options"),
    [("+experiment=gil", ["-m"]), ("versus='HEAD~1'", ["-m"]), ("versus=null", []), ("n=2", [])],
)
def test_what_only_a_sweep_has_is_repeated_by_one(
    tmp_path: Path, word: str, options: list[str]
) -> None:
    command, _ = Repeat().command(cell(tmp_path, f'- "{word}"'))
    assert shlex.split(command) == ["python", "-m", "runners", *options, *shlex.split(quoted(word))]


@pytest.mark.parametrize("overrides", ["{", "a: b", "- 1", "", "[[[[", "- !!python/none x"])
def test_a_file_that_hydra_did_not_write_gives_no_command(tmp_path: Path, overrides: str) -> None:
    assert Repeat().command(cell(tmp_path / "0", overrides)) == ("", "")
    assert Repeat().command(tmp_path / "nowhere") == ("", "")


@pytest.mark.parametrize(
    "word", ["n=2", "a'b", "a\nb\\'c", "\u202e\x1b[2J$(id)`id`", "é\u200bx\x85"]
)
def test_a_shell_reads_back_what_was_quoted(word: str) -> None:
    assert quoted(word).isprintable()
    done = subprocess.run(
        ["bash", "-c", f"printf %s {quoted(word)}"],
        capture_output=True,
        env={"LC_ALL": "C.UTF-8"},
        check=True,
    )
    assert done.stdout.decode() == word
