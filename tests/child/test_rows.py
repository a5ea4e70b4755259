"""Rows of runs with very many tasks: what they say comes from all of them, and they do not grow."""

import json
import statistics
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runners.child import rows
from runners.child.answers import answer
from runners.child.judge import Outcome
from runners.child.rows import MOST_CHARS, Rows, with_spans
from runners.child.sample import MOST_SPANS, sample
from runners.child.trial import Trial
from runners.model import Order, Role, Run, Span, WrongResult
from tests import synthetic
from tests.conftest import MakePlan

MS = 1_000_000
BEGIN_NS = 10**15


def order(role: Role = "measured", times: Path | None = None, **values: Any) -> Order:
    told = {"cold": False, "warmup": False, **values}
    return Order(0, 0, 0, role, times=None if times is None else str(times), **told)


def told(
    spans: Sequence[Span], role: Role = "measured", times: Path | None = None, n: int = 2
) -> Run:
    [*_, template] = (run for run in synthetic.runs() if run.role == role)
    return with_spans(template, spans, order(role, times), n)


@st.composite
def runs(draw: st.DrawFn) -> list[Span]:
    """Some tasks, one after another on each of up to three workers."""
    spans: list[Span] = []
    for worker in range(draw(st.integers(1, 3))):
        now = BEGIN_NS + draw(st.integers(0, MS))
        for _ in range(draw(st.integers(1, 12))):
            start = now + draw(st.integers(0, MS))
            now = start + draw(st.integers(1, MS))
            spans.append(Span(len(spans), 7, worker, start, now, draw(st.integers(0, MS)), 0))
    return spans


@given(runs())
def test_what_a_row_says_comes_from_all_tasks_and_not_from_the_sample(spans: list[Span]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "sample", partial(sample, most=4))
        run = told(spans, n=3)
    assert len(run.spans) == min(len(spans), 4)
    long = [span.end_ns - span.start_ns for span in spans]
    by_worker = {span.thread: 0 for span in spans}
    for span, ns in zip(spans, long, strict=True):
        by_worker[span.thread] += ns
    window = max(span.end_ns for span in spans) - min(span.start_ns for span in spans)
    of_all = [3 * window, max(3 * max(by_worker.values()), sum(long)), sum(long)]
    assert run.levels[1:4] == pytest.approx([level / 1e9 for level in of_all])
    assert run.levels[5] == pytest.approx(sum(span.cpu_ns for span in spans) / 1e9)
    assert run.workers == len(by_worker)
    assert run.largest_task_share == pytest.approx(max(long) / sum(long))
    assert run.first_task_s == pytest.approx(long[0] / 1e9)
    assert run.task_median_s == pytest.approx(statistics.median(long) / 1e9)


def in_turn(*lengths_ms: int) -> list[Span]:
    """Tasks of these lengths, dealt to two workers in turn."""
    now, spans = [0, 0], []
    for index, length in enumerate(lengths_ms):
        start, worker = now[index % 2], index % 2
        now[worker] += length * MS
        spans.append(Span(index, 1, worker, start, now[worker], length * MS, 0))
    return spans


def test_the_times_one_by_one_are_the_shortest_of_all_rounds(tmp_path: Path) -> None:
    times = tmp_path / "times"
    first = told(in_turn(4, 2), times=times)
    assert first.dealt is None
    assert first.largest_task_share == pytest.approx(2 / 3)  # by its own times
    for lengths in ((4, 2), (2, 3), (9, 9)):
        told(in_turn(*lengths), "baseline", times, n=1)
    run = told(in_turn(4, 6), times=times)
    assert run.task_slowdown == pytest.approx(2.5)
    assert run.largest_task_share == pytest.approx(0.5)
    assert [path.name for path in tmp_path.iterdir()] == ["times"]


def test_times_that_cannot_be_kept_cost_no_run(tmp_path: Path) -> None:
    nowhere = tmp_path / "gone" / "times"
    assert told(in_turn(4, 2), "baseline", nowhere, n=1).task_median_s == pytest.approx(0.003)
    assert told(in_turn(4, 2), times=nowhere).dealt is None
    (tmp_path / "times").write_bytes(b"torn")
    assert told(in_turn(4, 2), times=tmp_path / "times").dealt is None


def test_a_row_does_not_grow_with_its_tasks() -> None:
    sizes = []
    for count in (10_000, 100_000):
        starts = range(BEGIN_NS, BEGIN_NS + 10 * count, 10)
        run = told([Span(k, 1, k % 2, start, start + 5, 5, 0) for k, start in enumerate(starts)])
        assert len(run.spans) == MOST_SPANS
        sizes.append((len(json.dumps(answer(run))), len(json.dumps(run.row()))))
    (sent, stored), (sent_of_more, stored_of_more) = sizes
    assert sent_of_more == pytest.approx(sent, abs=MOST_SPANS + 100)  # a digit more in each index
    assert stored_of_more == pytest.approx(stored, abs=100)


def test_a_hundred_thousand_tasks_on_a_real_pool(make_plan: MakePlan, tmp_path: Path) -> None:
    many = ("workload=countdown", "workload.count=1", "workload.repeat=100000")
    trial = Trial(make_plan(*many, "executor=pool", "n=2"))
    found = [trial.run(order(role, tmp_path / "times")) for role in ("baseline", "measured")]
    trial.close()
    for run in found:
        assert (run.status, run.tasks, run.error) == ("ok", 100_000, None)
        assert len(run.spans) == MOST_SPANS
        assert run.wall_s is not None
        assert run.task_median_s is not None
        assert run.levels[3] < run.levels[0] < 2.01 * run.wall_s
        # The time on tasks is that of all of them.
        assert run.levels[3] > 50_000 * run.task_median_s
        assert len(json.dumps(answer(run))) < 300_000
    assert found[1].dealt is not None


def test_an_error_that_quotes_all_results_is_cut(make_plan: MakePlan) -> None:
    trial = Trial(make_plan("workload=countdown", "executor=serial"))
    outcome = trial.judge.failure(WrongResult(str([0] * 100_000)))
    made = Rows(trial.plans, trial.workload, 1.0).row(order(), "", outcome, 4, trial.tasks)
    assert made.error is not None
    assert len(made.error) <= MOST_CHARS
    trial.close()


def test_the_memory_of_a_run_is_not_that_of_judging_it(
    make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = Trial(make_plan("workload=countdown", "executor=serial"))
    plain = trial.run(order("baseline")).max_rss_bytes
    judge = trial.judge.beside
    taken = []

    def greedy(*arguments: Any) -> Outcome:
        taken.append(len(b"x" * 200_000_000))
        return judge(*arguments)

    monkeypatch.setattr(trial.judge, "beside", greedy)
    run = trial.run(order("baseline"))
    trial.close()
    assert taken
    assert plain is not None
    assert run.max_rss_bytes is not None
    assert run.max_rss_bytes < plain + 100_000_000
