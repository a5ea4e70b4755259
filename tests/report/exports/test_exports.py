"""Results as other tools read them: the real pyperf, and the fields that a GitHub action takes."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyperf
import pytest

from runners.analysis.summary import summarise
from runners.model import Environment
from runners.report import figures
from runners.report.exports import EXPORTS
from runners.report.files import run
from runners.results.read import read_environments, read_runs
from runners.results.write import write_environment
from tests import synthetic


def result(folder: Path, speedup: float = 1.8, seed: int = 0) -> Path:
    """A cell by itself, one of weak scaling, a panel of two and a cell that failed."""
    synthetic.write(folder / "a", synthetic.runs(speedup=speedup, seed=seed))
    synthetic.write(folder / "w", synthetic.runs(speedup=speedup, scaling="weak", seed=seed))
    rows = synthetic.panel({("pool", 2): speedup, ("pool", 4): speedup}, seed=seed)
    for row in rows:
        synthetic.write(folder / row.cell, [row])
    failed = synthetic.runs(executor="process", status="failed", error="ValueError: no", rounds=1)
    synthetic.write(folder / "f", failed)
    write_environment(folder, Environment({"hostname": "here", "cpu_count": 2}, 2.0))
    return folder


def exported(folder: Path, name: str) -> dict[str, Any]:
    runs = read_runs(folder)
    files = EXPORTS[name](summarise(runs), runs, read_environments(folder))
    for file, data in files.items():
        (folder / file).write_bytes(data)
    return {file: json.loads(data) for file, data in files.items()}


def tool(*words: str | Path) -> str:
    command = [sys.executable, "-m", "pyperf", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_pyperf_reads_what_we_measured(tmp_path: Path) -> None:
    folder = result(tmp_path / "a")
    exported(folder, "pyperf")
    suite = pyperf.BenchmarkSuite.load(str(folder / "pyperf.json"))
    summary = summarise(read_runs(folder))
    ours: Mapping[str, float] = {}
    for _, cell in summary[summary["status"] == "ok"].iterrows():
        weak = ", weak scaling" if cell["scaling"] == "weak" else ""
        name = f"primes{weak}, {cell['executor']}, n = {cell['n']}"
        ours = {
            **ours,
            f"{name}: serial": cell["baseline_median_s"],
            f"{name}: parallel": cell["measured_median_s"],
        }
    assert {one.get_name(): one.median() for one in suite} == pytest.approx(ours)
    first = suite.get_benchmark("primes, thread, n = 2: parallel")
    assert (first.get_nrun(), first.get_nvalue()) == (2, 12)  # interpreters, rounds that count
    assert [len(run.warmups) for run in first.get_runs()] == [1, 1]
    assert first.get_metadata()["hostname"] == "here"
    assert first.get_unit() == "second"


def test_pyperf_compares_two_of_them(tmp_path: Path) -> None:
    files = []
    for at, speedup in enumerate((1.8, 0.9)):
        folder = result(tmp_path / str(at), speedup, seed=at)
        exported(folder, "pyperf")
        files.append(folder / "pyperf.json")
    told = tool("compare_to", *files)
    [line] = [one for one in told.splitlines() if one.startswith("primes, thread, n = 2: parallel")]
    assert line.endswith("x slower")
    assert 1.9 < float(line.split()[-2].removesuffix("x")) < 2.1
    assert "unstable" in tool("check", files[0])  # by twelve rounds


def test_github_has_a_file_of_what_is_to_be_large_and_one_of_what_is_to_be_small(
    tmp_path: Path,
) -> None:
    files = exported(result(tmp_path / "a"), "github")
    speedups, times = files["github-speedups.json"], files["github-times.json"]
    assert (len(speedups), len(times)) == (4, 8)  # of the cell that failed there is none
    for entry in (*speedups, *times):
        assert {name: type(value) for name, value in entry.items()} == {
            **{"name": str, "unit": str, "value": float, "range": str, "extra": str}
        }
    assert len({entry["name"] for entry in (*speedups, *times)}) == 12
    by_name = {entry["name"]: entry["value"] for entry in (*speedups, *times)}
    assert by_name["primes, thread, n = 2: speedup"] == pytest.approx(1.8, rel=0.05)
    assert by_name["primes, thread, n = 2: serial time"] == pytest.approx(0.2, rel=0.05)
    assert by_name["primes, weak scaling, thread, n = 2: speedup"] == pytest.approx(1.8, rel=0.05)


def test_a_round_alone_has_no_range(tmp_path: Path) -> None:
    synthetic.write(tmp_path, synthetic.runs(rounds=1, processes=1))
    [entry] = exported(tmp_path, "github")["github-speedups.json"]
    assert np.isfinite(entry["value"])
    assert "range" not in entry


def test_the_report_writes_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "image", lambda *_: b"<svg/>")  # which takes longest
    synthetic.write(tmp_path, synthetic.runs(python="3.13.1"))
    assert run([str(tmp_path), "--export", "github", "--export", "pyperf"]) == 0
    printed = capsys.readouterr().out
    for name in ("github-speedups.json", "github-times.json", "pyperf.json"):
        assert (tmp_path / name).is_file()
        assert f"{name}\n" in printed
    written = json.loads((tmp_path / "pyperf.json").read_text())
    assert written["benchmarks"][0]["metadata"]["python_version"] == "3.13.1"
    with pytest.raises(SystemExit):
        run([str(tmp_path), "--export", "xml"])
    with pytest.raises(SystemExit):
        run(["--help"])
    text = capsys.readouterr().out
    assert all(name in text for name in EXPORTS)
