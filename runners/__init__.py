"""Speedup Lab from Python: `from runners import speedup, load, read_runs, summarise`.

The public Python face. Each name is loaded when it is first asked for, because the measured process
imports this package and must stay light; and nothing at all is imported at the top, because the
programs import it before their door is shut (`door.py`).
"""

TYPE_CHECKING = False  # that of typing
if TYPE_CHECKING:
    from runners.analysis.summary import summarise
    from runners.api.call import speedup
    from runners.api.result import Result, load
    from runners.model import UsageError
    from runners.results.read import read_runs
    from runners.watching.watch import watch

__all__ = ["Result", "UsageError", "load", "read_runs", "speedup", "summarise", "watch"]

_HOMES = {
    "Result": "runners.api.result",
    "UsageError": "runners.model",
    "load": "runners.api.result",
    "read_runs": "runners.results.read",
    "speedup": "runners.api.call",
    "summarise": "runners.analysis.summary",
    "watch": "runners.watching.watch",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib
    import sys

    if sys.platform == "win32" and name in ("speedup", "watch"):
        from runners.door import WINDOWS

        raise ImportError(WINDOWS)
    value = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
