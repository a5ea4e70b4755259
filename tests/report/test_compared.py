"""What is said of two results, in a comment on a change."""

import math

from runners.analysis.interval import Interval
from runners.analysis.two_results import Compared, Outcome, TwoResults
from runners.analysis.verdicts import QUANTITIES, Margin, Quantity
from runners.report.compared import Told, comment, csv

RATIO = Interval(0.9123456, 0.8765432, 0.9765432)


def cell(name: str, outcome: Outcome = "worse") -> Compared:
    ratios: dict[Quantity, Interval] = dict.fromkeys(QUANTITIES, RATIO)
    both = (RATIO, RATIO)
    return Compared(name, 2, ("a", "b"), outcome, ratios, both, both, (20, 20), "why")


def results(*cells: Compared) -> TwoResults:
    names = ("before", "after")
    only = (tuple(f"primes, thread, n = {n}" for n in range(1000)), ())
    return TwoResults(names, "parallel", Margin(0.02, "seen"), cells, only, False)


def test_a_comment_has_what_matters_first_and_is_short_enough_for_github() -> None:
    """It takes 65,536 characters."""
    name = "callable function=some.module:function, process_pool, 3.13.1, n = "
    outcomes: tuple[Outcome, ...] = ("not worse", "inconclusive", "worse")
    found = results(*(cell(f"{name}{n}", outcomes[n % 3]) for n in range(1000)))
    text = comment(found, Told(["code of mymodule"], []))
    assert len(text) < 65_536
    table = text.partition("<details>")[0]
    assert table.count("| worse |") == 20
    assert "after differs from before in: code of mymodule" in text
    assert len(csv(found).splitlines()) == 2001


def test_also_of_long_names_that_markdown_has_to_escape() -> None:
    hard = results(*(cell(f"{'|_*`<é' * 60}{n}") for n in range(1000)))
    text = comment(hard, Told(["code of x" * 1000] * 20, ["y" * 5000]))
    assert len(text.encode()) < 65_536
    assert text.count("| worse |") > 30


def test_what_has_no_ratio_has_empty_fields() -> None:
    nothing = Interval(math.nan, math.nan, math.nan)
    both = (nothing, nothing)
    failed = Compared("primes", 2, ("a", "b"), "failed", {}, both, both, (0, 0), "failed: no")
    text = comment(results(failed), Told([], []))
    assert "| primes | failed |  |  |  | failed: no |" in text
    assert "nan" not in text
