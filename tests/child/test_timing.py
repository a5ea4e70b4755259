"""One run by the clock, on executors that differ in what they say of themselves."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from runners.child import timing
from runners.child.timing import Kept, timed
from runners.executors.serial import Serial


class Metering(Serial):
    def metrics(self) -> dict[str, float]:
        return {"entered": 1.0}


class Careful(Serial):
    """May forget to wait, and does not this time."""

    unjoined = True


class Certain(Serial):
    unjoined = False


class Late(Serial):
    """Fills the list that it returned when it is left."""

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        self.later = super().map(function, tasks)
        self.results: list[Any] = [None] * len(self.later)
        return self.results

    def __exit__(self, *error: object) -> None:
        self.results[:] = self.later


@pytest.mark.parametrize(
    ("kind", "names", "missing"),
    [
        (Serial, set(), None),
        (Certain, set(), None),
        (Metering, {"entered"}, None),
        (Careful, {"results_missing", "wall_without_join_s"}, 0),
        (Late, {"results_missing", "wall_without_join_s"}, 2),
    ],
)
def test_metrics_are_those_that_the_executor_makes_necessary(
    kind: type[Serial], names: set[str], missing: int | None
) -> None:
    records, metrics = timed(kind, str, [1, 2]).told()
    assert metrics.keys() == names
    assert metrics.get("results_missing") == missing
    assert records == ["1", "2"]


def test_the_ends_are_part_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([100, 300, 700, 800])
    monkeypatch.setattr(timing, "clock_ns", lambda: next(readings))
    run = timed(Late, str, [1])
    assert (run.begin_ns, run.wall_s, run.setup_s, run.teardown_s) == (100, 7e-7, 2e-7, 1e-7)
    assert run.told()[1]["wall_without_join_s"] == 6e-7


def test_a_kept_executor_is_made_again_after_an_error() -> None:
    made: list[Serial] = []

    def make() -> Serial:
        made.append(Serial())
        return made[-1]

    def fail(task: int) -> None:
        raise LookupError(task)

    kept = Kept(make)
    timed(kept, str, [1])
    timed(kept, str, [1])
    assert len(made) == 1
    with pytest.raises(LookupError):
        timed(kept, fail, [1])
    timed(kept, str, [1])
    assert len(made) == 2
    kept.close()
