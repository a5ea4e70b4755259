"""Kinds of node by their names."""

import pytest

from runners.words.nodes import same_kind


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("EPYC 7763, 128 cores, 256 CPUs", "EPYC 7763, 128 cores, 256 CPUs", True),
        ("EPYC 7763, 128 cores, 256 CPUs", "EPYC 7763, 256 CPUs", True),
        ("EPYC 7763, 1 core, 2 CPUs", "EPYC 7763, 2 CPUs", True),
        ("EPYC 7763, 128 cores, 256 CPUs", "EPYC 7763, 256 cores, 256 CPUs", False),
        ("EPYC 7763, 128 cores, 256 CPUs", "EPYC 7763, 128 CPUs", False),
        ("EPYC 7763, 256 CPUs", "Xeon, 256 CPUs", False),
        ("Twin, 2 cores, 4 CPUs, 8 CPUs", "Twin, 4 CPUs, 8 CPUs", False),
    ],
)
def test_cores_count_where_both_tell_them(one: str, other: str, same: bool) -> None:
    assert same_kind(one, other) == same
    assert same_kind(other, one) == same
