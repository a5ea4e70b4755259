"""A comparison in a terminal, as wide as that is."""

from dataclasses import astuple

import pytest
from rich.console import Console

from runners.compare import show as module
from runners.compare.show import show
from runners.report.compared import Told
from runners.words.rounding import bracketed
from tests.report.test_compared import RATIO, cell, results


@pytest.mark.parametrize("width", [60, 80, 120, None])
def test_no_number_is_broken(
    width: int | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """None: piped."""
    name = "callable function=some.module:function, process_pool, python 3.13.1, n = 2"
    if width is not None:

        def console(**settings: object) -> Console:
            return Console(width=width, markup=False, emoji=False, highlight=False)

        monkeypatch.setattr(module, "Console", console)
    show(results(cell(name), cell("short")), Told([], []))
    number = bracketed(*astuple(RATIO))
    lines = capsys.readouterr().out.splitlines()
    numbers = [line for line in lines if number in line]
    is_list = width in (60, 80)
    assert len(numbers) == (6 if is_list else 2)
    assert (f"{name}: worse" in lines) == is_list
    if width is None:
        assert numbers[0].startswith(name)
    else:
        assert max(map(len, numbers)) <= width
