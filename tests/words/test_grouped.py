"""Advice on many cells that is told once."""

from runners.model import Flag
from runners.words.grouped import Group, grouped_flags, grouped_losses
from tests.words.test_causes import cell


def test_flags_of_one_code_are_one_group_and_what_differs_is_left_out() -> None:
    cells = [
        [Flag("outliers", "baseline (1)"), Flag("steal", "1.1%")],
        [],
        [Flag("outliers", "measured (2)"), Flag("steal", "1.1%"), Flag("trend")],
        [Flag("few_rounds", "6 rounds: they take about 7 s")],
        [Flag("few_rounds", "6 rounds: they take about 0.41 s"), Flag("outliers", "measured (1)")],
    ]
    found = grouped_flags(cells)
    assert [group.words for group in found] == [
        "outliers in …",
        "steal 1.1%",
        "fewer than 6 rounds: they take about …",
        "trend over rounds",
    ]
    assert found[0].members == [(0, "baseline (1)"), (2, "measured (2)"), (4, "measured (1)")]
    assert found[3].remedy.startswith("the machine grew slower")


def test_losses_of_one_cause_are_one_group() -> None:
    cells = [
        cell(loss_contention=0.3, n=4),
        cell(loss_contention=0.2, n=8),
        cell(loss_contention=0.04, n=8),
        cell(loss_balance=0.5, tasks=1.0),
    ]
    [crowded, few] = grouped_losses(cells)
    assert crowded == Group(
        "… workers share 2 CPUs",
        "set n no higher",
        [(0, "30% oversubscription"), (1, "20% oversubscription")],
    )
    assert few.words == "1 task for 2 workers"
    assert grouped_losses([]) == []
