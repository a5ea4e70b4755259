"""The table of an application for computing time: its numbers, its line, its formats."""

import csv
import io
import math
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from runners.analysis.interval import Interval
from runners.analysis.nodes import mixed
from runners.analysis.recommend import recommend
from runners.analysis.summary import summarise
from runners.model import Flag, UsageError
from runners.report import figures
from runners.report import files as report
from runners.report.proposal import Proposal, Row, proposals
from runners.report.proposal_files import as_csv, latex, markdown, written
from tests import synthetic
from tests.analysis.test_nodes import XEON, XEON_NAME, ZEN, ZEN_NAME, line
from tests.analysis.test_nodes import written as placed

PANEL = {("pool", 1): 0.95, ("pool", 2): 1.9, ("pool", 4): 3.7, ("thread", 2): 1.0}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, Proposal]:
    """A panel of one workload, of which the pool is clearly the best."""
    runs = placed(tmp_path_factory.mktemp("panel"), *_each(synthetic.panel(PANEL), ZEN))
    summary = summarise(runs)
    [one] = proposals(summary, recommend(summary, runs))
    return summary, one


def _each(runs: Sequence[Any], facts: Mapping[str, Any]) -> list[tuple[list[Any], Any]]:
    """By cell, as they are on disk: the baseline that they share has no machine of its own."""
    of = dict.fromkeys(run.cell for run in runs)
    return [
        ([run for run in runs if run.cell == cell], None if cell.startswith("panel") else facts)
        for cell in of
    ]


def only(folder: Path, *cells: Any, wanted: str = "") -> list[Proposal]:
    runs = placed(folder, *cells)
    summary = summarise(runs)
    return proposals(summary, recommend(summary, runs), mixed(summary), wanted)


def test_every_number_is_that_of_the_summary(found: tuple[pd.DataFrame, Proposal]) -> None:
    summary, proposal = found
    pool = summary[summary["executor"] == "pool"].set_index("n")
    assert [row.n for row in proposal.measured] == [1, 2, 4]
    for row in proposal.measured:
        own = pool.loc[row.n]
        for name, interval in {
            "speedup": row.speedup,
            "efficiency": row.efficiency,
            "core_hours": row.core_hours,
            "speedup_n1": row.over_n1,
        }.items():
            assert interval == Interval(*own[[name, f"{name}_low", f"{name}_high"]])
        times = own[["measured_median_s", "measured_low_s", "measured_high_s"]]
        assert row.time_s == Interval(*times)
        assert row.nodes == 1
    loop = proposal.rows[0]
    assert (loop.n, loop.speedup.estimate, loop.efficiency.estimate) == (1, 1.0, 1.0)
    assert loop.time_s.estimate == pool.loc[1, "baseline_median_s"]
    assert loop.core_hours.estimate == pool.loc[1, "baseline_core_hours"]


def test_the_line_that_the_report_recommends_is_taken(
    found: tuple[pd.DataFrame, Proposal],
) -> None:
    _, proposal = found
    assert proposal.line == "pool"
    assert proposal.why == "the report recommends it, with n = 4"
    assert proposal.where == ZEN_NAME


def test_another_one_may_be_asked_for(tmp_path: Path) -> None:
    cells = _each(synthetic.panel(PANEL), ZEN)
    [one] = only(tmp_path, *cells, wanted="thread")
    assert [row.n for row in one.measured] == [2]
    with pytest.raises(UsageError, match=r"--proposal-line=mpi: none of pool, thread is that"):
        only(tmp_path / "again", *cells, wanted="mpi")


def test_a_line_over_n_is_taken_before_a_single_fast_cell(tmp_path: Path) -> None:
    cells = [*line((1, 2, 4), ZEN), (synthetic.runs(executor="pool", n=4, speedup=12.0), ZEN)]
    [one] = only(tmp_path, *cells)
    assert one.line == "thread"
    assert "of those with at least 3 n" in one.why


def test_kinds_of_node_are_kept_apart_and_told(tmp_path: Path) -> None:
    one, other = only(tmp_path, *line((1, 2), ZEN), *line((4, 8), XEON))
    assert [row.n for row in one.measured] == [1, 2]
    assert [row.n for row in other.measured] == [4, 8]
    assert (one.where, other.where) == (ZEN_NAME, XEON_NAME)
    assert one.file != other.file
    for each in (one, other):
        assert "A line mixes them" in markdown(each)
        assert "% primes: measured on two kinds of node" in latex(each)


def test_weak_scaling_has_its_own_columns(tmp_path: Path) -> None:
    cells = [(synthetic.runs(n=n, scaling="weak", speedup=0.9 * n), ZEN) for n in (1, 2, 4)]
    [one] = only(tmp_path, *cells)
    lines = markdown(one).splitlines()
    assert lines[0] == "# Weak scaling of primes"
    assert "| n | work | nodes | time (s) | scaled speedup |" in markdown(one)
    assert [row.work for row in one.rows] == [1, 1, 2, 4]
    assert [text.split(" | ")[1] for text in lines if text.startswith("| ")][2:] == [
        *("1×", "1×", "2×", "4×")
    ]


def test_coroutines_take_one_core() -> None:
    assert "one core for its time" in markdown(replace(made(), coroutines=True))
    assert "n cores for its time" in markdown(made())


def test_cells_that_are_missing_are_told(tmp_path: Path) -> None:
    bad = synthetic.runs(n=8, status="timeout", error="longer than 60 s")
    [one] = only(tmp_path, *line((1, 2, 4), ZEN), (bad, ZEN))
    assert [row.n for row in one.measured] == [1, 2, 4]
    assert "n = 8 is missing: timeout (longer than 60 s)" in one.notes


def test_without_a_cell_that_is_ok_it_is_refused(tmp_path: Path) -> None:
    bad = synthetic.runs(status="failed", error="ValueError")
    with pytest.raises(UsageError, match="--proposal: no cell is ok and has a speedup"):
        only(tmp_path, (bad, ZEN))


def test_the_csv_has_all_digits(found: tuple[pd.DataFrame, Proposal]) -> None:
    summary, proposal = found
    rows = list(csv.DictReader(io.StringIO(as_csv(proposal))))
    assert [(row["executor"], row["n"]) for row in rows] == [
        *(("plain loop", "1"), ("pool", "1"), ("pool", "2"), ("pool", "4"))
    ]
    pool = summary[(summary["executor"] == "pool") & (summary["n"] == 4)].iloc[0]
    for name in ("speedup", "efficiency_low", "core_hours_high", "speedup_n1"):
        assert float(rows[-1][name]) == pytest.approx(pool[name], rel=1e-5)
    assert rows[0]["speedup_low"] == ""


def row(n: int, hours: float = 1.5, flags: str = "") -> Row:
    number = Interval(1.0 * n, 0.9 * n, 1.1 * n)
    one = number.scaled(1 / n)
    return Row("pool", n, None, 1, number, number, one, one.scaled(hours), number, 9, flags)


def made(panel: str = "primes", line: str = "pool", hours: float = 1.5, *notes: str) -> Proposal:
    return Proposal(
        *("proposal-primes", panel, panel, line, "it was asked for", "plain loop"),
        weak=False,
        coroutines=False,
        where="EPYC_7763 & co (node1)",
        usable_cpus=8.0,
        rows=tuple(row(n, hours) for n in (1, 1, 2)),
        notes=notes,
    )


@pytest.mark.parametrize(
    ("hours", "head", "first"),
    [
        (1.5, "core-hours |", "1.50 [1.35, 1.65]"),
        (2e-5, "core-hours (10⁻⁶) |", "20.0 [18.0, 22.0]"),
    ],
)
def test_small_core_hours_have_a_power_of_ten(hours: float, head: str, first: str) -> None:
    text = markdown(made(hours=hours))
    assert head in text
    assert first in text
    assert ("($10^{-6}$)" in latex(made(hours=hours))) == ("10⁻⁶" in head)


def test_a_number_without_an_interval_has_no_brackets_and_that_is_said() -> None:
    unsure = Interval(2.0, math.nan, math.nan)
    proposal = made()
    proposal = replace(proposal, rows=(proposal.rows[0], replace(row(2), speedup=unsure)))
    assert "| 2.00 | " in markdown(proposal)
    assert "too few rounds for an interval" in markdown(proposal)
    assert "too few rounds" not in markdown(made())


def test_nodes_that_nobody_knows_are_a_question() -> None:
    assert "| ? |" in markdown(made())
    assert next(csv.DictReader(io.StringIO(as_csv(made()))))["nodes"] == ""


NASTY = r"50% of $x_1^2$ & {co} \ #1 ~ <a> | " + '"o" `q`'


def test_latex_has_the_names_as_text() -> None:
    text = latex(made(NASTY, NASTY, 1.5, "a note\nof % two lines"))
    lines = [each for each in text.splitlines() if not each.startswith("%")]
    captions = [each for each in lines if "caption" in each]
    assert len(captions) == 2
    for each in captions:
        inside = re.sub(r"\\(text\w+|char34|ldots)\{\}|\\[&%$#_{}]", "", each.strip()[9:-1])
        assert not re.search(r"[&%$#_{}~^\\\"`]", inside), inside
    assert r"\caption{Strong scaling of 50\% of \$x\_1" in captions[0]
    # A note in two lines is a comment all the same.
    assert "% a note of % two lines" in text.splitlines()


def test_the_table_of_latex_has_as_many_cells_in_each_row() -> None:
    body = latex(made()).split(r"\toprule")[1].split(r"\bottomrule")[0]
    rows = [each for each in body.splitlines() if r"\\" in each]
    assert {len(re.findall(r"(?<!\\)&", each)) for each in rows} == {5}
    assert len(rows) == 1 + 2 * 3  # an interval is below its number
    assert r"\begin{tabular}{rrrrrr}" in latex(made())


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex")
def test_latex_takes_it(tmp_path: Path) -> None:
    proposal = made(NASTY, NASTY + " µ × – …", 2e-5)
    (tmp_path / f"{proposal.file}.pdf").write_bytes(written(proposal)[f"{proposal.file}.pdf"])
    head = r"\documentclass{article}\usepackage{booktabs,graphicx}\begin{document}"
    (tmp_path / "page.tex").write_text(f"{head}\n{latex(proposal)}\n\\end{{document}}\n", "utf-8")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-2000:]


def test_its_files_are_drawn_and_named_for_every_system(
    found: tuple[pd.DataFrame, Proposal],
) -> None:
    _, proposal = found
    files = written(replace(proposal, file="proposal-primes-end-9"))
    assert sorted(files) == [
        f"proposal-primes-end-9.{end}" for end in ("csv", "md", "pdf", "png", "tex")
    ]
    assert files["proposal-primes-end-9.pdf"].startswith(b"%PDF")
    figure = figures.proposal(proposal)
    upper, lower = figure.axes
    assert (upper.get_xscale(), upper.get_yscale()) == ("log", "log")
    assert upper.get_ylabel() == "speedup"
    assert lower.get_ylim()[0] == 0
    assert figure.get_figwidth() < 3.5
    drawn = [np.asarray(line.get_ydata()).tolist() for line in upper.lines]
    assert [one.speedup.estimate for one in proposal.measured] in drawn


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("my.mod:f end=1e6", "proposal-my-mod-f-end-1e6"),
        ("../../etc/passwd", "proposal-etc-passwd"),
        ("größe", "proposal-gr-e"),
        ("数", "proposal-workload"),
    ],
)
def test_a_name_of_a_workload_makes_a_name_of_a_file(tmp_path: Path, name: str, file: str) -> None:
    [one] = only(tmp_path, *line((1, 2), ZEN, workload=name))
    assert one.file == file


def test_two_workloads_never_share_a_file(tmp_path: Path) -> None:
    cells = [*line((1,), ZEN, workload="a b"), *line((1,), ZEN, workload="a-b")]
    assert [one.file for one in only(tmp_path, *cells)] == ["proposal-a-b", "proposal-a-b-2"]


def test_a_flag_is_told_once_with_its_n(tmp_path: Path) -> None:
    runs = placed(tmp_path, *line((2, 4), ZEN))
    summary = summarise(runs)
    summary["flags"] = pd.Series(
        [
            (Flag("oversubscribed", "2 > 1"),),
            (Flag("oversubscribed", "4 > 1"), Flag("trend")),
        ]
    )
    [one] = proposals(summary, [])
    assert [note.split(": ")[:2] for note in one.notes] == [
        ["n = 2, 4", "more workers than usable CPUs (4 > 1)"],
        ["n = 4", "trend over rounds"],
    ]


def test_the_command_writes_them_beside_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"></svg>'
    monkeypatch.setattr(figures, "image", lambda figure, kind: svg)
    placed(tmp_path, *line((1, 2), ZEN), *line((4, 8), XEON))
    assert report.run([str(tmp_path), "--proposal"]) == 0
    out, told = capsys.readouterr()
    assert f"proposal-{FILE}: thread, since it is the only one that was measured" in out
    assert {path.suffix for path in tmp_path.glob(f"proposal-{FILE}.*")} == {
        *(".md", ".csv", ".tex", ".pdf", ".png")
    }
    assert "A line mixes them: thread has n = 1, 2 on EPYC" in told
    assert f"**{told.strip()}**" in (tmp_path / "report.md").read_text().splitlines()
    assert (
        "A line mixes them: thread has n = 1, 2 on EPYC" in (tmp_path / "report.html").read_text()
    )


FILE = "primes-on-EPYC-7763-128-cores-256-CPUs"
