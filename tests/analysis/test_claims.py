"""Whether a claim holds is decided by the interval, and what cannot be judged says why."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

from experiments.language import load
from runners.analysis.claims import (
    Changed,
    Claim,
    Criterion,
    Ends,
    Seen,
    factor,
    judge,
    largest,
    metric,
    seconds,
    speedup,
)
from runners.analysis.compare import Comparison
from runners.analysis.interval import Interval
from runners.analysis.summary import summarise
from runners.results.read import read_runs
from runners.results.write import append
from tests import synthetic

THREADS = {"executor": "thread", "n": 2}
PROCESSES = {"executor": "process", "n": 2}


def row(executor: str = "thread", *speedup: float, **columns: Any) -> dict[str, Any]:
    """A row of the summary; `speedup` is estimate, low, high, or nothing."""
    facts = {"workload": "point", "executor": executor, "n": 2, "status": "ok", "error": None}
    numbers = dict(zip(("speedup", "speedup_low", "speedup_high"), speedup, strict=False))
    outcome = {"ended_by": "rounds", "rounds": 10, "flags": ()}
    return {**facts, **outcome, **numbers, **columns}


ENGLISH = load()


class Told(NamedTuple):
    """A judgement in words."""

    verdict: str
    measured: str
    claimed: str = ""


def judged(criterion: Criterion, *rows: dict[str, Any]) -> Told:
    found = judge(Claim("a_claim", ("L14",), criterion), pd.DataFrame(list(rows)))
    return Told(found.verdict, ENGLISH.said(found.measured), ENGLISH.said(found.claimed))


def measured(name: str, *values: float) -> dict[str, float]:
    """The columns of a metric: median, low, high, largest."""
    ends = ("", "_low", "_high", "_max")
    return {f"metric.{name}{end}": value for end, value in zip(ends, values, strict=True)}


@pytest.mark.parametrize(
    ("low", "high", "above", "below", "between"),
    [
        (1.6, 1.8, "holds", "does not hold", "holds"),
        (1.2, 1.4, "does not hold", "holds", "does not hold"),
        (1.4, 1.6, "undecided", "undecided", "undecided"),
        (1.9, 2.1, "holds", "does not hold", "undecided"),
        (2.1, 2.2, "holds", "does not hold", "does not hold"),
        (1.5, 1.5, "holds", "holds", "holds"),
        (math.nan, math.nan, "undecided", "undecided", "undecided"),
        (1.7, math.inf, "holds", "does not hold", "undecided"),
    ],
)
def test_the_whole_interval_decides(
    low: float, high: float, above: str, below: str, between: str
) -> None:
    cell = row("thread", 1.7, low, high)
    quantity = speedup(THREADS)
    criteria = quantity.above(1.5), quantity.below(1.5), quantity.between(1.5, 2)
    assert [judged(each, cell).verdict for each in criteria] == [above, below, between]


def test_the_judgement_says_what_was_measured_and_where_the_line_is() -> None:
    cell = row("thread", 0.97, 0.96, 0.99)
    quantity = speedup(THREADS)
    found = judged(quantity.below(1.05), cell)
    assert found == Told("holds", "0.970× [0.960, 0.990]", "at most 1.05×")
    assert judged(quantity.above(2), cell).claimed == "at least 2.00×"
    assert judged(quantity.between(0.9, 1.1), cell).claimed == "0.900× to 1.10×"
    inside = row("thread", **measured("inside", 5, 5, 5, 5))
    found = judged(metric(THREADS, "inside").between(5, 5), inside)
    assert found == Told("holds", "5 inside", "exactly 5")
    assert judged(quantity, cell) == Told("result", "0.970× [0.960, 0.990]")


def test_without_an_interval_nothing_is_decided_and_this_is_said() -> None:
    found = judged(speedup(THREADS).above(1), row("thread", 5.0, math.nan, math.nan))
    assert (found.verdict, found.measured) == ("undecided", "5.00×, without an interval")


def test_two_cells_are_compared_by_the_interval_of_their_ratio() -> None:
    cells = row("thread", 1.0, 0.9, 1.1), row("process", 2.0, 1.8, 2.2)
    ratio = speedup(PROCESSES).over(speedup(THREADS))
    assert ratio.cells == (PROCESSES, THREADS)
    assert judged(ratio.above(1.5), *cells).verdict == "holds"
    assert judged(ratio.above(2.5), *cells).verdict == "does not hold"
    # Neither interval reaches 1.8 / 1 by itself, but that of the ratio does.
    assert judged(ratio.above(1.8), *cells).verdict == "undecided"
    interval = Interval(2.0, 1.8, 2.2).over(Interval(1.0, 0.9, 1.1))
    assert judged(ratio, *cells).measured == f"2.00× [{interval.low:.2f}, {interval.high:.2f}]"


def test_a_ratio_to_what_may_be_zero_has_no_bound() -> None:
    assert Interval(2, 1, 3).over(Interval(1, 0, 2)).high == math.inf
    assert Interval(2, 0, 3).over(Interval(1, 1, 1)).low == 0
    assert math.isnan(Interval(0, 0, 0).over(Interval(0, 0, 0)).estimate)
    cells = row("thread", 1.0, 0.0, 2.0), row("process", 2.0, 1.0, 3.0)
    found = judged(speedup(PROCESSES).over(speedup(THREADS)).above(0.1), *cells)
    assert (found.verdict, found.measured) == ("holds", "2.00×")


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("latency_s", (0.000213, 0.000198, 0.00023, 1), "213 µs [198, 230]"),
        ("mb_per_s", (1234.4, 1200.2, 1300.1, 1400), "1,234 MB/s [1,200, 1,300]"),
        ("items_per_s", (5000, 5000, 5000, 5000), "5,000 items/s"),
        ("lost_updates", (1200, 1000, 1400, 1500), "1,200 lost updates [1,000, 1,400]"),
        ("inside", (5, 5, 5, 5), "5 inside"),
        ("inside", (4.5, 4, 5, 5), "4.50 inside [4.00, 5.00]"),
    ],
)
def test_a_metric_is_told_with_its_unit(name: str, values: tuple[float, ...], words: str) -> None:
    cell = row("thread", **measured(name, *values))
    assert judged(metric(THREADS, name), cell).measured == words


def test_the_largest_value_needs_no_interval() -> None:
    cell = row("thread", **measured("inside", 4, math.nan, math.nan, 5))
    assert judged(largest(THREADS, "inside").below(5), cell).verdict == "holds"
    assert judged(largest(THREADS, "inside").below(4), cell).verdict == "does not hold"
    assert judged(metric(THREADS, "inside").below(5), cell).verdict == "undecided"


def test_an_effect_is_seen_or_left_open() -> None:
    reads = measured("reads", 1200, 1200, 1200, 1200)
    seen = row("thread", **measured("torn_reads", 0, 0, 0, 3), **reads)
    unseen = row("thread", **measured("torn_reads", 0, 0, 0, 0), **reads)
    wrong = row("thread", status="wrong", error="3 torn reads in spite of the lock")
    occurs = Seen(THREADS, "torn_reads", "reads")
    never = Seen(THREADS, "torn_reads", "reads", never=True)
    assert judged(occurs, seen) == Told(
        "holds", "up to 3 torn reads in a run of 1,200 reads", "at least once"
    )
    assert judged(occurs, unseen) == Told(
        "undecided", "0 torn reads in 12,000 reads", "at least once"
    )
    assert judged(never, seen).verdict == "does not hold"
    assert judged(never, unseen).verdict == "holds"
    assert judged(never, wrong) == Told(
        "does not hold", "wrong: 3 torn reads in spite of the lock", "never"
    )
    assert judged(occurs, wrong).verdict == "not measured"
    found = judged(occurs, row("thread", **measured("torn_reads", 0, 0, 0, 0)))
    assert found == Told("not measured", "the cell has no metric.reads")


def test_how_a_cell_ends_can_be_claimed() -> None:
    ok = row("thread")
    late = row("thread", status="incomplete", error="3 results: start() was forgotten")
    assert judged(Ends(THREADS, "ok"), ok) == Told("holds", "it works", "")
    assert judged(Ends(THREADS, "incomplete"), ok).verdict == "does not hold"
    assert judged(Ends(THREADS, "ok"), late).verdict == "does not hold"
    assert judged(Ends(THREADS, "incomplete", "start()"), late).verdict == "holds"
    assert judged(Ends(THREADS, "incomplete", "join()"), late).verdict == "does not hold"


def test_a_cell_that_was_cut_short_does_not_end_as_claimed() -> None:
    unsupported = row("thread", status="unsupported", error="needs Python 3.14")
    unfinished = row("thread", status="interrupted", error="the program ended", ended_by=None)
    stopped = row("thread", status="interrupted", ended_by="interrupted")
    late = row("thread", status="left out", error="only 0.1 s are left", ended_by=None)
    old = row("thread", status="left out", error="only 0.1 s are left", ended_by="failure")
    for cell in (unsupported, unfinished, stopped, late, old):
        assert judged(Ends(THREADS, "incomplete"), cell).verdict == "not measured"
    for claim in (Ends(THREADS, "ok"), Ends(THREADS, "interrupted")):
        assert judged(claim, unfinished).verdict == "not measured"
        assert judged(claim, late) == Told("not measured", "left out: only 0.1 s are left")
    assert judged(Ends(THREADS, "unsupported", "3.14"), unsupported).verdict == "holds"


def test_what_was_not_measured_says_why() -> None:
    failed = row("thread", status="failed", error="Traceback ...\nKeyError: 'x'")
    found = judged(speedup(THREADS).above(1), failed)
    assert found == Told("not measured", "failed: KeyError: 'x'")
    assert judged(speedup(PROCESSES), failed).measured == "no cell has executor=process, n=2"
    both = judged(speedup({"n": 2}), row("thread", 1, 1, 1), row("process", 1, 1, 1))
    assert both == Told("not measured", "2 cells have n=2")
    missing = judged(metric(THREADS, "speed"), row("thread"))
    assert missing == Told("not measured", "the cell has no metric.speed")


def test_cells_are_told_apart_by_any_column() -> None:
    cells = (
        row("thread", 1, 1, 1, **{"workload.lock": "none", "executor.chunksize": None}),
        row("thread", 2, 2, 2, **{"workload.lock": "lock", "executor.chunksize": None}),
        row("thread", 3, 3, 3, **{"workload.lock": "lock", "executor.chunksize": 4}),
    )
    locked = THREADS | {"workload.lock": "lock"}
    assert judged(speedup(locked | {"executor.chunksize": 4}), *cells).measured.startswith("3")
    assert judged(speedup(locked | {"executor.chunksize": None}), *cells).measured.startswith("2")
    assert judged(speedup(THREADS | {"workload.lock": "none"}), *cells).measured.startswith("1")
    assert judged(speedup(THREADS | {"workload.lock": None}), *cells).verdict == "not measured"


def test_a_refused_cell_is_known_by_the_parameters_that_it_lacks() -> None:
    refused = row("process", status="unsupported", error="set n=3")
    cells = row("thread", 1, 1, 1, **{"workload.kind": "lifo"}), refused
    found = judged(speedup(PROCESSES | {"workload.kind": "lifo"}), *cells)
    assert found.measured == "unsupported: set n=3"


def test_the_summary_of_real_rounds_has_all_columns(tmp_path: Path) -> None:
    for run in synthetic.runs(speedup=0.95, rounds=20):
        append(tmp_path, replace(run, metrics={"reads": 100.0, "torn_reads": 0.0}))
    summary = summarise(read_runs(tmp_path))
    verdicts: list[tuple[Criterion, str]] = [
        (speedup(THREADS).below(1), "holds"),
        (seconds(THREADS).above(0.2), "holds"),
        (seconds(THREADS, "baseline").above(0.3), "does not hold"),
        (factor(THREADS, "startup").between(0.5, 1), "holds"),
        (metric(THREADS, "reads").between(100, 100), "holds"),
        (largest(THREADS, "reads").above(101), "does not hold"),
        (Seen(THREADS, "torn_reads", "reads"), "undecided"),
        (Ends(THREADS, "ok"), "holds"),
    ]
    for criterion, verdict in verdicts:
        assert judge(Claim("", (), criterion), summary).verdict == verdict, criterion


BUSY = {"others_share": 0.61}


@pytest.mark.parametrize(
    ("criterion", "otherwise"),
    [(speedup(THREADS).above(1.5), "does not hold"), (speedup(THREADS).below(1.2), "holds")],
)
def test_what_load_may_have_made_is_undecided_in_both_directions(
    criterion: Criterion, otherwise: str
) -> None:
    """Two workers beside six other programs look as if they did not help."""
    quiet = row("thread", 0.97, 0.95, 0.99)
    assert judged(criterion, quiet).verdict == otherwise
    found = judged(criterion, row("thread", 0.97, 0.95, 0.99, **BUSY))
    assert found.verdict == "undecided"
    assert found.measured == "0.970× [0.950, 0.990]; other load took 61% of the CPUs"


def test_a_ratio_of_two_cells_is_undecided_if_one_was_measured_under_load() -> None:
    claim = speedup(PROCESSES).over(speedup(THREADS)).above(1.5)
    rows = [row("process", 1.9, 1.85, 1.95), row("thread", 0.97, 0.95, 0.99)]
    assert judged(claim, *rows).verdict == "holds"
    assert judged(claim, rows[0], rows[1] | BUSY).verdict == "undecided"


def test_times_and_rates_are_undecided_and_counts_are_what_they_are() -> None:
    columns = {"measured_median_s": 0.1, "measured_low_s": 0.09, "measured_high_s": 0.11}
    columns |= measured("delay_s", 0.1, 0.1, 0.1, 0.1) | measured("most_inside", 5, 5, 5, 5)
    found = row("thread", 1.0, 1.0, 1.0, **columns, **BUSY)
    assert judged(seconds(THREADS).below(1), found).verdict == "undecided"
    assert judged(metric(THREADS, "delay_s").below(1), found).verdict == "undecided"
    assert judged(largest(THREADS, "delay_s").below(1), found).verdict == "undecided"
    assert judged(metric(THREADS, "most_inside").below(6), found).verdict == "holds"
    assert judged(largest(THREADS, "most_inside").above(6), found).verdict == "does not hold"


def test_a_result_that_nothing_was_claimed_about_tells_of_the_load() -> None:
    found = judged(speedup(THREADS), row("thread", 0.97, 0.95, 0.99, **BUSY))
    assert found.verdict == "result"
    assert found.measured.endswith("; other load took 61% of the CPUs")


@pytest.mark.parametrize(
    ("python", "gil", "changed", "verdict"),
    [
        ("3.13.1", True, Changed("3.2"), "changed"),
        ("3.2.0", True, Changed("3.2"), "changed"),
        ("3.1.4", True, Changed("3.2"), "does not hold"),
        (None, True, Changed("3.2"), "does not hold"),  # of a version that does not say
        ("3.14.0t, GIL off", False, Changed("3.13", without_gil=True), "changed"),
        ("3.14.0", True, Changed("3.13", without_gil=True), "does not hold"),
        ("3.14.0", None, Changed("3.13", without_gil=True), "does not hold"),
        ("3.13.1", True, None, "does not hold"),
    ],
)
def test_what_an_earlier_python_bore_out_was_true(
    python: str | None, gil: bool | None, changed: Changed | None, verdict: str
) -> None:
    cell = row("thread", 1.9, 1.8, 2.0, python=python, gil=gil)
    claim = Claim("", (), speedup(THREADS).below(1), changed=changed)
    found = judge(claim, pd.DataFrame([cell]))
    assert found.verdict == verdict
    if verdict == "changed":
        assert changed is not None
        assert ENGLISH.verdict(found) == f"was true, changed in Python {changed.since}"
    true = judge(replace(claim, criterion=speedup(THREADS).above(1)), pd.DataFrame([cell]))
    assert true.verdict == "holds"
    busy = judge(claim, pd.DataFrame([cell | BUSY]))
    assert busy.verdict == "undecided"


def test_a_claim_about_one_python_says_nothing_of_another() -> None:
    claim = Claim("", (), speedup(THREADS).above(1.2), python="3.11")
    cells = {
        python: pd.DataFrame([row("thread", 1.0, 0.9, 1.1, python=python)])
        for python in ("3.11.9", "3.13.1", None)
    }
    found = {python: judge(claim, cell).verdict for python, cell in cells.items()}
    assert found == {"3.11.9": "does not hold", "3.13.1": "other Python", None: "does not hold"}
    assert ENGLISH.verdict(judge(claim, cells["3.13.1"])) == "not for this Python"


def test_times_of_two_cells_are_compared_in_their_common_rounds(tmp_path: Path) -> None:
    for run in synthetic.panel(
        {("pool", 2): 1.8, ("thread", 2): 1.5}, noise=0.01, common_noise=0.3
    ):
        append(tmp_path / run.cell, run)
    runs = read_runs(tmp_path)
    summary, pairs = summarise(runs), Comparison(runs)
    pool, thread = {"executor": "pool"}, {"executor": "thread"}
    claims = (
        speedup(pool).over(speedup(thread)).between(1.15, 1.25),
        seconds(thread).over(seconds(pool)).between(1.15, 1.25),
    )
    for criterion in claims:
        claim = Claim("", (), criterion)
        assert judge(claim, summary, pairs).verdict == "holds"
    # The times by themselves are too noisy for that.
    assert judge(Claim("", (), claims[1]), summary).verdict == "undecided"


def test_speedups_of_two_interpreters_are_no_ratio_of_times(tmp_path: Path) -> None:
    """Twice as fast a plain loop, and the same speedup."""
    loops = {"3.11.9": 1.0, "3.15.0": 0.5}
    for run in synthetic.pythons(loops, {("thread", 2): 1.0}, common_noise=0.3):
        append(tmp_path / run.cell, run)
    runs = read_runs(tmp_path)
    summary, pairs = summarise(runs), Comparison(runs)
    first, second = ({"python": name} for name in loops)
    found = speedup(second).over(speedup(first)).read(summary, pairs)
    assert found.low < 1 < found.high
    assert found.half_width < 0.02
    times = seconds(second).over(seconds(first)).read(summary, pairs)
    assert times.low < 0.5 < times.high
    assert times.half_width < 0.02
    assert judge(Claim("", (), speedup(THREADS).above(1)), summary).verdict == "not measured"
