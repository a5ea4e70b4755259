"""What a speedup costs in memory, read back from the figure and the section."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer

from runners.report import figures as plots
from runners.report.files import write_report
from runners.results.write import append
from tests import synthetic
from tests.report.figures.test_speedup import cell, legend, summary

OLD = {"memory_bytes": math.nan, "baseline_memory_bytes": math.nan}


def test_each_point_is_a_cell() -> None:
    base = {"baseline_memory_bytes": 20e6}
    cells = [
        *(cell("pool", n, 0.9 * n, memory_bytes=n * 100e6, **base) for n in (1, 2, 4)),
        cell("thread", 2, 1.2, memory_bytes=25e6, **base),
        cell("process", 2, 1.5) | OLD,
    ]
    assert plots.has_memory(summary(*cells))
    figure = plots.memory(summary(*cells))
    [axes] = figure.axes
    bars = [found for found in axes.containers if isinstance(found, ErrorbarContainer)]
    drawn = [
        [tuple(point) for point in np.asarray(bar.lines[0].get_xydata()).tolist()] for bar in bars
    ]
    assert drawn == [[(100e6, 0.9), (200e6, 1.8), (400e6, 3.6)], [(25e6, 1.2)]]
    assert legend(figure) == ["pool", "thread", "memory of the baseline"]
    texts = [text.get_text() for text in axes.texts]
    assert [text for text in texts if text.isdecimal()] == ["1", "2", "4", "2"]
    assert "process n=2" in texts[-1]
    assert axes.get_ylabel() == "speedup T₁/Tₙ (95% interval)"


def test_there_is_nothing_to_draw_where_it_was_not_measured() -> None:
    assert not plots.has_memory(summary(cell("pool", 2, 1.8) | OLD))


@pytest.mark.parametrize("measured", [True, False])
def test_a_report_has_the_section_and_the_figure_where_it_was_measured(
    tmp_path: Path, measured: bool
) -> None:
    sizes = {"pool": 410_000_000, "thread": 60_000_000}
    for run in synthetic.panel({("pool", 2): 1.95, ("thread", 2): 1.92}, noise=0.004):
        row = run
        if measured and run.role == "measured" and run.round == 0:
            row = dataclasses.replace(
                run,
                memory_bytes=sizes[run.executor],
                baseline_memory_bytes=50_000_000,
                copied_memory_bytes=100_000_000 if run.executor == "pool" else None,
            )
        append(tmp_path / run.cell, row)
    report = write_report([tmp_path])
    names = {path.name for path in report.paths}
    text = (tmp_path / "report.md").read_text()
    page = (tmp_path / "report.html").read_text()
    assert ("memory.png" in names) == measured
    assert ("## Memory" in text) == measured
    assert ("410.0 MB" in text) == measured
    assert ("forked workers copied 100.0 MB of what they shared" in text) == measured
    assert ("410.0 MB" in page) == measured
    [line] = report.recommendations
    assert ("with 60.0 MB" in line) == measured
    assert ("with 410.0 MB" in line) == measured
