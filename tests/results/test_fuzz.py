"""All that reads a folder of results, on folders that no program of ours has written."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzzing import CORPUS, Files, examine, folders


@pytest.mark.parametrize("files", CORPUS, ids=range(len(CORPUS)))
def test_what_was_found_once_is_read_or_refused_in_a_line(files: Files) -> None:
    examine(files, reporting=False)


@settings(
    max_examples=4,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(folders())
def test_any_folder_is_read_or_refused_in_a_line(files: Files) -> None:
    """Four now; `python -m benchmarks.fuzz` goes on for minutes."""
    examine(files)
