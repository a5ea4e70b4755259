"""What a reader is told of interpreters before he compares them."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest

from runners.analysis.python_notes import python_notes
from tests import synthetic

GCC = "main Jan  1 2026 00:00:00, GCC 12.2.0, configured 0123abcd"
LATER = "main Feb  2 2026 00:00:00, GCC 12.2.0, configured 0123abcd"
CLANG = "main Jan  1 2026 00:00:00, Clang 18.1.8, configured 0123abcd"
OTHER = "main Jan  1 2026 00:00:00, GCC 12.2.0, configured 99999999"
NO_RUNS = pd.DataFrame({"cell": [], "gil_enabled_by": []})


def cell(python: str, build: str = GCC, order: int = 0, **more: Any) -> dict[str, Any]:
    return {"python": python, "python_order": order, "python_build": build, **more}


def notes(*cells: dict[str, Any], runs: pd.DataFrame = NO_RUNS) -> list[str]:
    return python_notes(synthetic.summary(*cells), runs)


@pytest.mark.parametrize(
    ("builds", "what"),
    [
        ((GCC, CLANG), "by different compilers"),
        ((GCC, OTHER), "with different options"),
        ((CLANG, OTHER), "by different compilers and with different options"),
    ],
)
def test_different_builders_of_one_version_are_warned_about(
    builds: Sequence[str], what: str
) -> None:
    told = notes(*(cell("3.13.1", build) for build in builds))
    [warning] = [line for line in told if line.startswith("Warning: ")]
    assert f"are one version, built {what}." in warning
    assert "several percent" in warning


def test_with_and_without_a_gil_are_builds_of_one_version_too() -> None:
    [warning] = notes(cell("3.15.0"), cell("3.15.0t", CLANG, 1))
    assert warning.startswith(
        "Warning: 3.15.0 (GCC 12.2.0) and 3.15.0t (Clang 18.1.8) are one version, built by "
    )
    [plain] = notes(cell("3.15.0"), cell("3.15.0t", OTHER, 1))
    assert plain.startswith("3.15.0 (GCC 12.2.0) and 3.15.0t (GCC 12.2.0) are two builds of one")


def test_one_binary_with_its_gil_on_and_off_needs_no_word() -> None:
    assert notes(cell("3.15.0t, GIL on"), cell("3.15.0t, GIL off")) == []
    assert notes(cell("3.15.0t, GIL on")) == []


def test_a_mark_is_explained() -> None:
    told = notes(cell("3.13.1"), cell("3.13.1", LATER))
    assert told == [f"3.13.1 (build {k}): {how}" for k, how in enumerate((LATER, GCC), 1)]
    first, second = notes(cell("3.13.1", cell="a" * 12), cell("3.13.1", cell="b" * 12, order=1))
    assert first.startswith(
        "3.13.1 (environment 1): number 1 of those that python= named; the same build"
    )
    assert second.startswith("3.13.1 (environment 2): ")


def test_across_versions_it_is_a_plain_note() -> None:
    compilers, options = notes(cell("3.11.9"), cell("3.13.1", CLANG, 1), cell("3.15.0", OTHER, 2))
    assert compilers == (
        "Compilers differ (GCC 12.2.0: 3.11.9, 3.15.0; Clang 18.1.8: 3.13.1). A part of a "
        "difference may be the compiler's"
    )
    assert "PGO or LTO" in options
    assert notes(cell("3.11.9"), cell("3.13.1", GCC, 1)) == []


def test_where_the_start_method_differs_it_says_so() -> None:
    method = "executor.start_method"
    fork = [{**cell("3.13.1", executor="process", n=n), method: "fork"} for n in (1, 2)]
    server = [{**cell("3.15.0", GCC, 1, executor="process"), method: "forkserver"}]
    assert notes(*fork, *server) == [
        "process: the start method is fork on 3.13.1, forkserver on 3.15.0"
    ]
    both = [{**one, method: way} for one in (fork[0], server[0]) for way in ("fork", "spawn")]
    assert notes(*both) == []
    assert notes(*fork, *server, cell("3.13.1", executor="thread")) == notes(*fork, *server)


def test_a_lock_that_was_switched_on_again_is_named() -> None:
    cells = [
        cell("3.15.0t", cell="a" * 12),
        cell("3.14.0t", GCC, 1, cell="b" * 12),
        cell("3.13.1", GCC, 2, cell="c" * 12),
    ]
    runs = pd.DataFrame(
        {
            "cell": ["a" * 12, "a" * 12, "b" * 12, "c" * 12],
            "gil_enabled_by": ["old_module", "old_module", "?", None],
        }
    )
    assert [line for line in notes(*cells, runs=runs) if "lock" in line] == [
        "3.15.0t: the global interpreter lock was switched back on by old_module; these numbers "
        "are with it",
        "3.14.0t: the global interpreter lock was switched back on by an extension module that is "
        "not known; these numbers are with it",
    ]
