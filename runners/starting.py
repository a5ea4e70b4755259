"""What another interpreter than this one is started with."""

from collections.abc import Mapping

OURS = {
    *("PYTHONPATH", "PYTHONHOME", "PYTHONPLATLIBDIR", "PYTHONSTARTUP", "PYTHONEXECUTABLE"),
    *("PYTHON_GIL", "__PYVENV_LAUNCHER__", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT"),
}
"""Variables that say where this program's interpreter is, and what is found there. A build with the
GIL ends at once where PYTHON_GIL is 0."""


def foreign_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables without those that are true of this program's interpreter only."""
    return {name: value for name, value in environment.items() if name not in OURS}
