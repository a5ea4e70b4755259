"""The report's files, from real files of made-up runs."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from runners.analysis.files import read_summary
from runners.model import Environment, Run, Span, UsageError
from runners.report import figures
from runners.report import files as report
from runners.results.read import read_runs
from runners.results.write import append, append_spans, write_environment
from tests import synthetic

FIGURES = [f"{name}.{form}" for name in ("efficiency", "speedup") for form in ("png", "svg")]
OF_SEVERAL = ["seconds.png", "seconds.svg"]
TEXTS = ["report.html", "report.md", "summary.csv", "summary.parquet", "summary.tex"]
FILES = sorted([*FIGURES, *OF_SEVERAL, *TEXTS])
OF_ONE_RUN = ["timeline.png", "trace.json"]


def with_spans(runs: Sequence[Run]) -> list[Run]:
    """The same runs, each with one task that fills it."""
    return [
        replace(run, begin_ns=0, setup_s=0.0, teardown_s=0.0, spans=(_filling(run.wall_s),))
        for run in runs
        if run.wall_s is not None
    ]


def _filling(wall_s: float) -> Span:
    return Span(
        index=0, pid=1, thread=1, start_ns=0, end_ns=round(wall_s * 1e9), cpu_ns=0, wait_ns=-1
    )


def three_cells(folder: Path) -> Path:
    """Three cells, one of which failed in its last round, as a sweep would leave them."""
    cells = [
        synthetic.runs(n=1, speedup=0.95),
        synthetic.runs(n=2, speedup=1.8, ended_by="rounds"),
        synthetic.runs(n=4, speedup=1.9, status="failed", error="ValueError"),
    ]
    for at, runs in enumerate(cells):
        for run in runs:
            append(folder / str(at), run)
        for run in with_spans(runs):
            append_spans(folder / str(at), run)
        write_environment(folder / str(at), Environment({"hostname": "here"}, 2.0))
    return folder


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return three_cells(tmp_path / "results")


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are made and not drawn, which takes longest: they are looked at in other tests."""
    image = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
    monkeypatch.setattr(figures, "image", lambda figure, kind: image)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, report.Report]:
    """The same with their report, only to be looked at."""
    folder = three_cells(tmp_path_factory.mktemp("reported"))
    return folder, report.write_report([folder])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def text(folder: Path) -> str:
    return (folder / "report.md").read_text(encoding="utf-8")


def test_everything_is_written_beside_the_results(reported: tuple[Path, report.Report]) -> None:
    results, written = reported
    assert sorted(path.name for path in written.paths) == names(results) == FILES
    assert all(path.parent == results and path.stat().st_size for path in written.paths)
    assert len(written.summary) == 3


@pytest.mark.usefixtures("undrawn")
def test_another_folder_and_several_sources(results: Path, tmp_path: Path) -> None:
    written = report.write_report([results / "0", results / "1"], tmp_path / "out")
    assert names(tmp_path / "out") == FILES
    assert written.summary["n"].tolist() == [1, 2]
    assert not (results / "0" / "report.md").exists()


@pytest.mark.usefixtures("undrawn")
def test_results_of_several_folders_are_kept_apart(tmp_path: Path) -> None:
    """They share no line, fit or recommendation, and no cell is against the other's n = 1."""
    for at, name in enumerate(("before", "after")):
        for n in (1, 2, 3, 4):
            if not (name == "after" and n == 1):
                runs = synthetic.runs(n=n, speedup=0.9 * n, usable_cpus=8, seed=at)
                synthetic.write(tmp_path / name / str(n), runs)
    folders = [tmp_path / "before", tmp_path / "after"]
    apart = report.write_report(folders, tmp_path / "out")
    assert apart.summary["result"].tolist() == ["after"] * 3 + ["before"] * 4
    assert apart.summary["speedup_n1"].notna().tolist() == [False] * 3 + [True] * 4
    assert len(apart.recommendations) == 4
    assert {line.partition(":")[0] for line in apart.recommendations} == {
        f"primes, {name}{line}" for name in ("before", "after") for line in ("", ", thread")
    }
    told = text(tmp_path / "out")
    assert "primes, before, thread, n = 1, 2, 3, 4" in told
    assert "(again" not in told
    assert "kept apart by their names: before, after" in told
    assert "### before\n" in told


@pytest.mark.usefixtures("undrawn")
def test_folders_that_complete_each_other_are_one_result_when_told(tmp_path: Path) -> None:
    for n in (1, 2, 3, 4):
        runs = synthetic.runs(n=n, speedup=0.9 * n, usable_cpus=8)
        synthetic.write(tmp_path / f"{n % 2}" / str(n), runs)
    words = [str(tmp_path / "0"), f"odd={tmp_path / '1'}", f"--output={tmp_path / 'out'}"]
    assert report.run([*words, "--together"]) == 0
    assert "primes, thread, n = 1, 2, 3, 4" in text(tmp_path / "out")
    assert report.run(words) == 0
    assert "| primes, odd | thread | 1 |" in text(tmp_path / "out")


@pytest.mark.usefixtures("undrawn")
def test_cells_of_one_sweep_are_one_result(tmp_path: Path) -> None:
    for n in (1, 2):
        synthetic.write(tmp_path / "sweep" / str(n), synthetic.runs(n=n))
    (tmp_path / "sweep" / "sweep.json").write_text('{"cells": 2}')
    found = report.write_report([tmp_path / "sweep/1", tmp_path / "sweep/2"], tmp_path / "out")
    assert found.summary["result"].isna().all()


def test_the_summary_files_hold_the_summary(reported: tuple[Path, report.Report]) -> None:
    results, written = reported
    parquet = read_summary(results / "summary.parquet")
    pd.testing.assert_frame_equal(parquet, written.summary)
    csv = read_summary(results / "summary.csv")
    pd.testing.assert_frame_equal(csv, written.summary, check_dtype=False)
    assert (
        pd.read_csv(results / "summary.csv")["flags"]
        .iloc[2]
        .startswith("more workers than usable CPUs (4 > 2)")
    )


def test_the_report_shows_the_figures_that_there_are(
    reported: tuple[Path, report.Report],
) -> None:
    results, _ = reported
    assert "](speedup.png)" in text(results)
    assert "](efficiency.png)" in text(results)
    assert "timeline" not in text(results)


def test_a_single_cell_has_a_timeline(results: Path, tmp_path: Path) -> None:
    written = report.write_report([results / "1"], tmp_path / "out")
    assert names(tmp_path / "out") == sorted([*FIGURES, *TEXTS, *OF_ONE_RUN])
    assert sorted(path.name for path in written.paths) == sorted([*FIGURES, *TEXTS, *OF_ONE_RUN])
    assert "](timeline.png)" in text(tmp_path / "out")
    assert "](trace.json)" in text(tmp_path / "out")


@pytest.mark.usefixtures("undrawn")
def test_the_timeline_is_that_of_the_typical_round(results: Path) -> None:
    report.write_report([results / "1"])
    events = json.loads((results / "1" / "trace.json").read_bytes())["traceEvents"]
    durations = {event["name"]: event["dur"] / 1e6 for event in events if event["ph"] == "X"}
    runs = read_runs(results / "1")
    counts = runs[~runs["cold"]].pivot(index="round", columns="role", values="wall_s")
    ratios = counts["baseline"] / counts["measured"]
    typical = counts.iloc[int((ratios / ratios.median() - 1).abs().argmin())]
    assert durations["measured"] == pytest.approx(typical["measured"])
    assert durations["baseline"] == pytest.approx(typical["baseline"])


@pytest.mark.usefixtures("undrawn")
def test_without_spans_there_is_no_timeline(results: Path) -> None:
    (results / "1" / "spans.jsonl").unlink()
    written = report.write_report([results / "1"])
    assert sorted(path.name for path in written.paths) == sorted([*FIGURES, *TEXTS])
    assert "timeline" not in text(results / "1")


@pytest.mark.usefixtures("undrawn")
def test_timelines_of_several_cells_are_put_into_their_folders(results: Path) -> None:
    (results / "0" / "spans.jsonl").unlink()
    written = report.write_report([results], timelines=True)
    assert names(results) == FILES
    traces = [path for path in written.paths if path.name == "trace.json"]
    assert traces == [results / "1" / "trace.json", results / "2" / "trace.json"]
    assert json.loads(traces[1].read_bytes())["otherData"]["name"] == "primes on thread, n = 4"
    assert "timeline" not in text(results)


def test_writing_twice_changes_nothing(results: Path) -> None:
    paths = report.write_report([results], timelines=True).paths
    first = [path.read_bytes() for path in paths]
    report.write_report([results], timelines=True)
    assert [path.read_bytes() for path in paths] == first


@pytest.mark.usefixtures("undrawn")
def test_a_matrix_of_workers_that_no_cell_has_is_a_mistake(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report.run([str(results), "--n", "7"]) == 2
    assert (
        capsys.readouterr().err == "error: --n 7: no cell has so many workers; there are 1, 2, 4\n"
    )


def test_several_workloads_and_executors_have_a_matrix(tmp_path: Path) -> None:
    for workload in ("primes", "countdown"):
        for executor in ("thread", "pool"):
            for run in synthetic.runs(workload=workload, executor=executor):
                append(tmp_path / workload / executor, run)
    report.write_report([tmp_path])
    assert names(tmp_path) == sorted([*FILES, "matrix.png", "matrix.svg"])
    assert "n = 2 [95% interval]" in (tmp_path / "matrix.svg").read_text(encoding="utf-8")
    assert "](matrix.png)\n\nn = 2. " in text(tmp_path)


def test_the_report_recommends(reported: tuple[Path, report.Report]) -> None:
    results, written = reported
    line, workers = written.recommendations
    assert workers.startswith("primes, thread: n = 2: 1.8")
    assert line.startswith("primes: use thread with n = 2: 1.8")
    assert f"## Recommendation\n\n- {line}\n" in text(results)


@pytest.mark.usefixtures("undrawn")
def test_the_command_prints_what_it_wrote_and_recommends(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report.run([str(results)]) == 0
    *paths, recommendation, workers = capsys.readouterr().out.splitlines()
    assert sorted(paths) == [str(results / name) for name in FILES]
    assert recommendation.startswith("primes: use thread with n = 2: ")
    assert workers.startswith("primes, thread: n = 2: ")
    assert report.run([str(results), "--timelines"]) == 0
    assert str(results / "2" / "timeline.png") in capsys.readouterr().out.split()


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_a_mistake_is_one_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert report.run([str(tmp_path / name)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1


def test_a_mistake_raises_for_callers(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        report.write_report([tmp_path])
