"""Two cells against each other: without the noise that they share, at the stated error rate."""

from pathlib import Path

import pytest

from runners.analysis.compare import Comparison
from runners.analysis.headline import paired_ratio
from runners.model import Run
from runners.results.read import read_runs
from runners.results.write import append
from tests import synthetic


def comparison(folder: Path, *panels: list[Run]) -> tuple[Comparison, dict[str, str]]:
    """With the names of the cells by their executors."""
    names = {}
    for number, runs in enumerate(panels):
        for run in runs:
            append(folder / str(number) / run.cell, run)
            names[run.executor] = run.cell
    return Comparison(read_runs(folder)), names


def test_rounds_in_common_are_compared_without_the_noise_that_they_share(tmp_path: Path) -> None:
    speedups = {("pool", 2): 1.8, ("thread", 2): 1.5}
    runs = synthetic.panel(speedups, noise=0.01, common_noise=0.3)
    found, cell = comparison(tmp_path, runs)
    ratio = found.ratio(cell["pool"], cell["thread"])
    assert ratio.low < 1.8 / 1.5 < ratio.high
    assert ratio.half_width < 0.03
    back = found.ratio(cell["thread"], cell["pool"])
    assert back.estimate == pytest.approx(1 / ratio.estimate)
    assert (back.low, back.high) == pytest.approx((1 / ratio.high, 1 / ratio.low))


def test_cells_without_rounds_in_common_are_compared_by_their_speedups(tmp_path: Path) -> None:
    panels = [
        synthetic.panel({(name, 2): speedup}, noise=0.01, common_noise=0.3, seed=seed)
        for seed, (name, speedup) in enumerate({"pool": 1.8, "thread": 1.5}.items())
    ]
    found, cell = comparison(tmp_path, *panels)
    one, other = (
        paired_ratio(own.baseline_s, own.measured_s, own.process)
        for own in (found.rounds[cell[name]] for name in ("pool", "thread"))
    )
    assert found.ratio(cell["pool"], cell["thread"]) == one.over(other)


def test_what_the_baseline_differs_from_itself_by_more_than_chance_is_the_margin(
    tmp_path: Path,
) -> None:
    speedups = {("pool", 2): 1.8, ("thread", 2): 1.5, ("process", 2): 1.7}
    margins = []
    for itself in (None, 1.0, 1.05, 1 / 1.05):
        runs = synthetic.panel(speedups, itself=itself, noise=0.005)
        found, cell = comparison(tmp_path / str(itself), runs)
        margins.append(found.margin(list(cell.values())))
    assert margins[:2] == [0, 0]
    assert margins[2:] == pytest.approx([0.047, 0.047], abs=0.006)


def test_a_p_value_is_the_error_rate_at_which_the_interval_reaches_the_line(
    tmp_path: Path,
) -> None:
    found, cell = comparison(tmp_path, synthetic.panel({("pool", 2): 1.8, ("thread", 2): 1.7}))
    pair = cell["pool"], cell["thread"]
    compared = 0
    for line in (1.0, 1.05, 1.08, 1.2):
        for p, end in (
            (found.p_above(*pair, line), "high"),
            (found.p_below(*pair, line), "low"),
        ):
            if 1e-4 < p < 0.5:
                compared += 1
                reached = getattr(found.ratio(*pair, confidence=1 - 2 * p), end)
                assert reached == pytest.approx(line, rel=0.002)
    assert compared >= 2
    assert found.p_above(*pair, 2.0) < 1e-4
    assert found.p_below(*pair, 2.0) == 1.0
