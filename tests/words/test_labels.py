"""Short names that tell cells apart."""

from runners.words.labels import labels
from tests import synthetic


def test_first_calls_are_no_repetition_of_warm_ones() -> None:
    named = labels(synthetic.summary({}, {"fresh": False}, {"fresh": True}, {"fresh": True}))
    assert named["panel"].tolist() == ["primes", "primes", *["primes, first calls"] * 2]
    assert named["line"].tolist() == ["pool", "pool (again, 2)", "pool", "pool (again, 2)"]
