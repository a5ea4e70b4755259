"""What `benchmarks.recorded` says of rounds whose noise is known."""

import numpy as np
import pytest

from benchmarks.recorded import DATA, Recording, between, is_interleaved, read, windows
from runners.analysis.headline import paired_ratio
from tests.synthetic import lognormal

IN_TURN = np.concatenate([np.random.default_rng(block).permutation(8) for block in range(15)])
ONE_BY_ONE = np.arange(120) // 15
SLOWER_LATER = np.repeat(np.linspace(0, 1, 15), 8)


def recording(process: np.ndarray, effect: np.ndarray | float = 0.0) -> Recording:
    baseline, measured = lognormal(120)
    return Recording(process, baseline, measured * np.exp(effect))


def test_interpreters_that_differ_are_seen() -> None:
    f, most = between(recording(IN_TURN))
    assert f < 3
    assert most < 0.2
    f, most = between(recording(IN_TURN, 0.3 * (IN_TURN % 2)))
    assert f > 5
    assert most > 0.15


def test_what_changes_meanwhile_is_no_difference_of_interpreters_that_take_turns() -> None:
    assert between(recording(IN_TURN, SLOWER_LATER))[0] < 3
    assert between(recording(ONE_BY_ONE, SLOWER_LATER))[0] > 20


def test_windows_of_independent_rounds_scatter_as_much_as_they_should() -> None:
    deviation, cover = windows(recording(IN_TURN), 10, paired_ratio)
    assert deviation == pytest.approx(0.1 * np.sqrt(2 / 10), rel=0.35)
    assert cover > 0.85


@pytest.mark.parametrize("file", sorted(DATA.glob("*.csv")), ids=lambda file: file.stem)
def test_the_kept_recordings_can_be_read(file: object) -> None:
    assert isinstance(file, type(DATA))
    found = read(file)
    assert len(found.process) >= 100
    assert is_interleaved(found) == file.stem.endswith("in-turn")
    assert (np.concatenate([found.baseline_s, found.measured_s]) > 0).all()
