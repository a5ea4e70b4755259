"""The figure of the experiment on how processes talk."""

import numpy as np
import pandas as pd
from matplotlib.container import ErrorbarContainer

from experiments.processes_talk import LINES, figures


def summary(status: str) -> pd.DataFrame:
    sizes = (1048576, 1024, 65536)
    cells = pd.DataFrame(
        [(status, channel, size) for channel in LINES for size in sizes],
        columns=["status", "workload.channel", "workload.size_bytes"],
    )
    rate = 2.0 * cells["workload.size_bytes"]
    known = cells["workload.size_bytes"] < 1048576
    bounds = (rate / 2).where(known), (rate * 2).where(known)
    return cells.assign(
        **{
            "metric.mb_per_s": rate,
            "metric.mb_per_s_low": bounds[0],
            "metric.mb_per_s_high": bounds[1],
        }
    )


def test_each_channel_is_a_line_by_size_with_the_intervals_that_there_are() -> None:
    (axes,) = figures(summary("ok"))["throughput"].axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert [drawn.get_label() for drawn in axes.containers] == list(LINES.values())
    for drawn in axes.containers:
        assert isinstance(drawn, ErrorbarContainer)
        line, _, (bars,) = drawn.lines
        assert np.asarray(line.get_ydata()).tolist() == [2048, 131072, 2097152]
        ends = [segment[:, 1].tolist() for segment in bars.get_segments() if len(segment)]
        assert ends == [[1024, 4096], [65536, 262144]]


def test_without_any_result_there_is_no_figure() -> None:
    assert figures(summary("timeout")) == {}
