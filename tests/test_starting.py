"""What another interpreter is started with."""

import os
import subprocess
import sys

from runners.starting import foreign_environment


def test_nothing_of_this_interpreters_is_handed_on() -> None:
    ours = {"PYTHONPATH": "/x", "PYTHONHOME": "/x", "PYTHON_GIL": "0", "VIRTUAL_ENV": "/x"}
    theirs = {"PATH": "/bin", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "3", "PYENV_ROOT": "/y"}
    given = {**ours, **theirs}
    assert foreign_environment(given) == theirs
    assert given == {**ours, **theirs}


def test_an_interpreter_starts_with_it() -> None:
    given = {**os.environ, "PYTHONHOME": "/nonexistent", "PYTHON_GIL": "0"}
    subprocess.run([sys.executable, "-c", ""], env=foreign_environment(given), check=True)
