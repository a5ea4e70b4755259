"""The report, from real files of made-up runs to the files that it writes."""

from pathlib import Path

import pandas as pd
import pytest

from runners import report, store
from runners.model import Environment, UsageError
from tests import synthetic

FILES = ["report.md", "speedup.png", "speedup.svg", "summary.csv", "summary.parquet"]
TRACEBACK = 'Traceback (most recent call last):\n  File "x"\nValueError: a | b\n'


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Three cells, one of which failed in its last round, as a sweep would leave them."""
    folder = tmp_path / "results"
    cells = [
        synthetic.runs(n=1, speedup=0.95),
        synthetic.runs(n=2, speedup=1.8, ended_by="rounds"),
        synthetic.runs(n=4, speedup=1.9, status="failed", error=TRACEBACK),
    ]
    for at, runs in enumerate(cells):
        for run in runs:
            store.append(folder / str(at), run)
        environment = Environment({"hostname": "here", "python_version": "3.13.0"}, 2.0)
        store.write_environment(folder / str(at), environment)
    return folder


def text(folder: Path) -> str:
    return (folder / "report.md").read_text(encoding="utf-8")


def section(folder: Path, title: str) -> str:
    return text(folder).split(f"## {title}\n\n")[1].split("\n\n## ")[0]


def test_everything_is_written_beside_the_results(results: Path) -> None:
    written = report.write_report([results])
    assert sorted(path.name for path in written.paths) == FILES
    assert all(path.parent == results and path.stat().st_size for path in written.paths)
    assert len(written.summary) == 3


def test_another_folder_and_several_sources(results: Path, tmp_path: Path) -> None:
    written = report.write_report([results / "0", results / "1"], tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES
    assert written.summary["n"].tolist() == [1, 2]
    assert not (results / "0" / "report.md").exists()


def test_the_summary_files_hold_the_summary(results: Path) -> None:
    written = report.write_report([results])
    parquet = pd.read_parquet(results / "summary.parquet")
    pd.testing.assert_frame_equal(parquet, written.summary, check_dtype=False)
    csv = pd.read_csv(results / "summary.csv")
    assert csv["speedup"].tolist() == pytest.approx(written.summary["speedup"].tolist())


def test_a_row_shows_times_speedup_and_why_it_ended(results: Path) -> None:
    summary = report.write_report([results]).summary
    row = next(line for line in section(results, "Results").splitlines() if "| 2 |" in line)
    cell = summary[summary["n"] == 2].iloc[0]
    assert f"{1e3 * cell['baseline_median_s']:.0f} ms [" in row
    speedup = [f"{cell[name]:.2f}" for name in ("speedup", "speedup_low", "speedup_high")]
    assert "| {} [{}, {}] |".format(*speedup) in row
    assert f"| {cell['efficiency']:.0%} |" in row
    assert row.endswith("| 12 | rounds |")


def test_what_failed_is_listed_with_its_reason(results: Path) -> None:
    report.write_report([results])
    failed = section(results, "Failed, skipped and unsupported cells")
    assert failed == "- primes, thread, n = 4: failed: ValueError: a | b"
    assert "3 cells, 1 of them not ok; 84 runs from 2026-01-01 00:00" in text(results)


def test_flags_are_listed(results: Path) -> None:
    report.write_report([results])
    assert "n = 4: more workers than usable CPUs (4 > 2)" in section(results, "Flags")


def test_losses_add_up_with_what_is_needed(results: Path) -> None:
    report.write_report([results])
    lines = section(results, "Where the core time went").splitlines()
    shares = next(line for line in lines if "| 2 |" in line).split("|")[4:-1]
    lost = sum(float(share.strip().rstrip("%")) for share in shares)
    assert lost == pytest.approx(10, abs=2)  # 1 - 1.8/2, with noise


def test_a_machine_is_described_once(results: Path) -> None:
    report.write_report([results])
    facts = section(results, "Environment").strip().splitlines()
    assert facts == ["- hostname: here", "- python_version: 3.13.0", "- usable_cpus: 2.0"]


def test_the_method_names_the_base_of_a_speedup(results: Path) -> None:
    report.write_report([results])
    method = section(results, "Method")
    assert "T₁ is the plain loop" in method
    assert "95% intervals" in method


def test_a_report_without_a_single_round(tmp_path: Path) -> None:
    run = synthetic.runs(status="unsupported", error="needs a shared lock\nmore")[-1]
    store.append(tmp_path, run)
    report.write_report([tmp_path])
    assert section(tmp_path, "Results") == "None."
    assert text(tmp_path).count("unsupported: needs a shared lock\n") == 1
    assert section(tmp_path, "Environment").strip() == "Not recorded."


def test_writing_twice_changes_nothing(results: Path) -> None:
    paths = report.write_report([results]).paths
    first = [path.read_bytes() for path in paths]
    report.write_report([results])
    assert [path.read_bytes() for path in paths] == first


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ((1.8, 1.75, 1.849), "1.80 [1.75, 1.85]"),
        ((0.02134, 0.02, 0.0226), "0.0213 [0.0200, 0.0226]"),
        ((123.4, 99.0, 150.0), "123 [99, 150]"),
        ((1.8, float("nan"), float("nan")), "1.80"),
        ((float("nan"),) * 3, ""),
        ((0.0, 0.0, 0.0), "0.00 [0.00, 0.00]"),
    ],
)
def test_numbers_have_three_digits(values: tuple[float, ...], shown: str) -> None:
    cell = pd.Series(dict(zip("abc", values, strict=True)))
    assert report._interval(cell, "a", "b", "c") == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(2.5, "2.50 s"), (0.25, "250 ms"), (2.5e-5, "25.0 µs"), (2.5e-8, "0.0250 µs")],
)
def test_times_have_a_readable_unit(seconds: float, shown: str) -> None:
    cell = pd.Series({"a": seconds, "b": seconds, "c": seconds})
    assert report._time(cell, "a", "b", "c").split(" [")[0] == shown


def test_the_command_prints_what_it_wrote(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report.main([str(results)]) == 0
    assert sorted(capsys.readouterr().out.split()) == [str(results / name) for name in FILES]


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_a_mistake_is_one_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert report.main([str(tmp_path / name)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1


def test_a_mistake_raises_for_callers(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        report.write_report([tmp_path])
