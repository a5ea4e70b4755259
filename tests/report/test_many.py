"""What a report of many cells shows: so much as can be read, by a rule that it states."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from runners.analysis import compare, estimators, together
from runners.analysis.recommend import recommend
from runners.analysis.summary import summarise
from runners.report import entries, figures
from runners.report import files as report
from runners.report.figures.shown import by_speedup, shown
from runners.results import read
from runners.results.read import read_runs
from runners.words.labels import labels
from runners.words.many import spread
from tests import synthetic


def cells(*names: tuple[str, str, int, float], **more: Any) -> pd.DataFrame:
    """A summary with labels of cells of (workload, executor, n, speedup)."""
    rows: list[Mapping[str, Any]] = [
        {"workload": workload, "executor": executor, "n": n, "speedup": speedup, **more}
        for workload, executor, n, speedup in names
    ]
    summary = synthetic.summary(*rows)
    return summary.assign(**labels(summary))


@pytest.mark.parametrize(
    ("count", "most", "found"),
    [(3, 5, [0, 1, 2]), (9, 3, [0, 4, 8]), (100, 4, [0, 33, 66, 99]), (7, 1, [0])],
)
def test_some_of_many_are_at_even_distances(count: int, most: int, found: list[int]) -> None:
    assert spread(range(count), most) == found


def test_panels_are_shown_from_the_highest_speedup_to_the_lowest() -> None:
    many = cells(*((f"w{k}", "pool", 2, float((37 * k) % 101)) for k in range(101)))
    found = shown(many, panels=5)
    assert set(found.cells["speedup"]) == {0.0, 25.0, 50.0, 75.0, 100.0}
    assert found.note == (
        "Shown: 5 of 101 workloads, evenly from the highest speedup to the lowest. All are in "
        "summary.parquet."
    )


def test_what_is_shown_does_not_depend_on_the_order_of_the_cells() -> None:
    many = cells(*((f"w{k}", "pool", 2, 1.0 + k % 7) for k in range(60)))
    backwards = many.iloc[::-1].reset_index(drop=True)
    assert set(shown(many).cells["panel"]) == set(shown(backwards).cells["panel"])


def test_workloads_without_a_speedup_come_after_all_others() -> None:
    known = [(f"w{k}", "pool", 2, 1.0 + k) for k in range(5)]
    many = pd.concat(
        [cells(*known), cells(("a", "pool", 2, 9.0), ("b", "pool", 2, 9.0), status="failed")],
        ignore_index=True,
    )
    assert by_speedup(many, "panel") == ["w4", "w3", "w2", "w1", "w0", "a", "b"]
    assert set(shown(many, panels=5).cells["panel"]) == {f"w{k}" for k in range(5)}
    assert set(shown(many, panels=6).cells["panel"]) == {*(f"w{k}" for k in range(5)), "a"}


def test_lines_and_their_n_are_shown_from_end_to_end() -> None:
    many = cells(*(("w", f"pool{k}", n, k + n / 100) for k in range(9) for n in range(1, 31)))
    found = shown(many, lines=3, most_n=4)
    assert set(found.cells["line"]) == {"pool0", "pool4", "pool8"}
    assert set(found.cells["n"]) == {1, 11, 20, 30}
    assert found.note.startswith("Shown: 3 of 9 executors, evenly")
    assert "of each line 4 of up to 30 n" in found.note


def test_the_serial_executor_is_no_line() -> None:
    many = cells(("w", "serial", 1, 1.0), *(("w", f"pool{k}", 2, 2.0 + k) for k in range(9)))
    assert {"serial", "pool0", "pool8"} == set(shown(many, lines=2).cells["line"])


def test_few_cells_are_all_shown() -> None:
    few = cells(*((f"w{k}", f"pool{k % 3}", 2, 1.0 + k) for k in range(24)))
    found = shown(few)
    assert found.note == ""
    pd.testing.assert_frame_equal(found.cells, few)


WORKLOADS, EXECUTORS, NS = 30, ("thread", "pool"), (1, 2, 3, 4, 8)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 cells in a folder each: the made-up runs of one workload, under other names."""
    folder = tmp_path_factory.mktemp("many")
    for executor in EXECUTORS:
        for n in NS:
            text = synthetic.write(
                folder / "made", synthetic.runs(executor=executor, n=n, rounds=6, speedup=0.5 * n)
            ).read_text()
            (folder / "made" / "runs.jsonl").unlink()
            cell = synthetic.runs(executor=executor, n=n, rounds=1)[0].cell
            for k in range(WORKLOADS):
                own = folder / f"{k}-{executor}-{n}"
                own.mkdir()
                renamed = text.replace(cell, f"{k:02d}{cell[2:]}").replace("primes", f"primes{k}")
                (own / "runs.jsonl").write_text(renamed)
    (folder / "made").rmdir()
    return folder


def test_a_report_of_many_cells_can_be_read(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its panels, pixels and words are bounded; and nothing is computed for each pair of cells."""
    drawn: list[Any] = []

    def not_drawn(figure: Any, form: str) -> bytes:
        drawn.append(figure)
        return b"an image" if form == "png" else b'<svg xmlns="http://www.w3.org/2000/svg"/>'

    monkeypatch.setattr(figures, "image", not_drawn)
    tables = counted_calls(monkeypatch, read, "_table")
    kendall = counted_calls(monkeypatch, estimators, "_kendall")
    summarised = counted_calls(monkeypatch, together, "hodges_lehmann_ratios")
    written = report.write_report([many])
    assert len(written.summary) == 300
    for figure in drawn:
        width, height = figure.get_size_inches()
        assert len(figure.axes) <= 25  # one of them a scale of colours
        assert max(width, height) <= 60
        assert "24 of 30 workloads" in figure.get_suptitle()
    text = (many / "report.md").read_text()
    assert len(text.split()) < 5000
    assert max(len(section.splitlines()) for section in text.split("\n## ")) < 80
    assert "24 of 30 workloads" in text
    assert "All are in summary.csv" in text
    assert len(written.recommendations) <= entries.MOST_BULLETS + 1
    details = (many / "details.md").read_text()
    assert all(f"primes{k}: " in details for k in range(WORKLOADS))
    assert pd.read_parquet(many / "summary.parquet")["workload"].nunique() == WORKLOADS
    assert tables() <= 2
    assert kendall() <= 60  # as many as there are different orders of rounds, not three a cell
    assert summarised() <= 5


def counted_calls(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> Any:
    """How often that function was called since, when it is asked."""
    calls = []
    function = getattr(module, name)

    def counting(*arguments: Any, **keywords: Any) -> Any:
        calls.append(1)
        return function(*arguments, **keywords)

    monkeypatch.setattr(module, name, counting)
    return lambda: len(calls)


def test_cells_that_were_computed_together_are_as_if_alone(many: Path) -> None:
    """To the last digit."""
    every = summarise(read_runs(many))
    for own in list(many.iterdir())[:3]:
        if own.is_dir():
            alone = summarise(read_runs(own))
            of_it = every.loc[every["cell"] == alone["cell"].iloc[0]]
            same = [str(name) for name in alone if name not in ("folder", "flags")]
            same = [name for name in same if not name.startswith("speedup_n1")]
            pd.testing.assert_frame_equal(
                of_it[same].reset_index(drop=True), alone[same], check_exact=True
            )


def test_advice_is_grouped_by_its_cause(many: Path) -> None:
    found = entries.entries(summarise(read_runs(many)))
    flagged = list(entries.flagged(found))
    assert len(flagged) < 10
    [taking_turns] = [line for line in flagged if line.startswith("more workers than usable CPUs")]
    assert "180 cells, such as primes0, pool, n = 3; " in taking_turns
    lost = list(entries.lost(found))
    assert len(lost) < 10
    assert any("cells lost" in line and "set n no higher" in line for line in lost)


def test_few_pieces_of_advice_stand_each_by_itself(many: Path) -> None:
    found = entries.entries(summarise(read_runs(many)))[:5]
    assert all(line.startswith("primes0, pool, n = ") for line in entries.flagged(found))
    assert all(line.startswith("primes0, pool, n = ") for line in entries.lost(found))


def test_tables_have_the_fastest_of_each(many: Path) -> None:
    found = entries.entries(summarise(read_runs(many)))
    some = entries.rows(found)
    assert some.note == "The fastest of each workload, 30 of 300 cells. All are in summary.csv."
    assert len(some.entries) == WORKLOADS
    assert {entry.cell.n for entry in some.entries} == {8}
    of_two = entries.rows(found[:50])
    assert of_two.note.startswith("The fastest of each workload and executor, 10 of 50 cells.")
    assert entries.rows(found[:40]).note == ""


def test_cells_that_share_no_panel_are_not_compared_round_by_round(
    many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = read_runs(many)
    summary = summarise(runs)
    calls = counted_calls(monkeypatch, compare, "paired_ratio")
    assert len(recommend(summary, runs)) == WORKLOADS
    assert calls() < 40 * len(summary)
