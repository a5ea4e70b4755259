"""A busy machine is told before a cell is measured, and waited for if that is wanted."""

import pickle
from collections.abc import Iterator
from dataclasses import replace

import pytest

from runners.analysis.attainable import BUSY
from runners.command.quiet import Watch, others_share, wait_for_quiet
from runners.model import Plan
from tests.conftest import MakePlan


def plan_of(make_plan: MakePlan, wait_s: float) -> Plan:
    plan = make_plan("n=2")
    return replace(plan, measure=replace(plan.measure, wait_quiet_s=wait_s))


def said(plan: Plan, *shares: float) -> tuple[list[str], int]:
    """What is said where these are the shares that others take, one look after the other."""
    lines: list[str] = []
    looks: Iterator[float] = iter(shares)
    seen: list[float] = []

    def look(cpus: float, duration_s: float) -> float:
        seen.append(next(looks))
        return seen[-1]

    class Before(Watch):
        def share(self, usable_cpus: float) -> float:
            return look(usable_cpus, 0.0)

    wait_for_quiet(plan, Before(), lines.append, look)
    return lines, len(seen)


@pytest.mark.parametrize(("shares", "looks"), [((0.0,), 1), ((BUSY,), 1), ((0.5, 0.02), 2)])
def test_nothing_is_said_of_a_quiet_machine(
    make_plan: MakePlan, shares: tuple[float, ...], looks: int
) -> None:
    """Nor of a program that has just ended."""
    assert said(plan_of(make_plan, 60), *shares) == ([], looks)


def test_a_busy_one_is_told_at_once(make_plan: MakePlan) -> None:
    lines, _ = said(plan_of(make_plan, 0), 0.7, 0.61)
    assert lines == [
        "busy machine: other load takes 61% of the CPUs; measure.wait_quiet_s=60 would wait a "
        "minute for quiet"
    ]


def test_it_is_waited_for(make_plan: MakePlan) -> None:
    lines, looks = said(plan_of(make_plan, 60), 0.7, 0.61, 0.5, 0.3, 0.05)
    assert lines == ["busy machine: other load takes 61% of the CPUs; waiting up to 60 s for quiet"]
    assert looks == 5


def test_the_wait_has_an_end(make_plan: MakePlan) -> None:
    lines, _ = said(plan_of(make_plan, 1e-9), 0.7, 0.61, *[0.4] * 9)
    assert lines[-1].startswith("not quiet after 1e-09 s: other load takes")


def test_what_others_take_is_a_share_of_the_usable_cpus() -> None:
    for usable_cpus in (0.5, 1.0, 64.0):
        assert 0 <= others_share(usable_cpus, 0.05) <= 1


def test_a_watch_begins_anew_in_another_process() -> None:
    """What the process itself had used before is no other program's."""
    watch = Watch()
    watch.before = long_ago = watch.before._replace(others_cpu_s=-1e9)
    assert pickle.loads(pickle.dumps(watch)).before != long_ago
    assert watch.share(1.0) == 1
    assert watch.before != long_ago  # the next look is at what comes after this one
