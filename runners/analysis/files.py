"""The summary as a file and back: text stands for the flags there, and nowhere else."""

import io
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from runners.analysis.columns import DTYPES, arranged
from runners.results.columns import statuses
from runners.words import escaping
from runners.words.flags import as_text, from_text
from runners.words.pythons import code_versions

CSV = "summary.csv"
PARQUET = "summary.parquet"


def csv(summary: pd.DataFrame) -> bytes:
    """The content of `summary.csv`; what is missing is empty.

    Text that a table calculation program would take for a formula has a quote before it.
    """
    return _of_text(_plain(summary), escaping.csv).to_csv(index=False).encode()


def parquet(summary: pd.DataFrame) -> bytes:
    """The content of `summary.parquet`, which keeps the type of each parameter as well."""
    file = io.BytesIO()
    _plain(summary).to_parquet(file, index=False)
    return file.getvalue()


def read_summary(path: Path) -> pd.DataFrame:
    """The frame behind a `summary.csv` or `summary.parquet`, of this version or an older one."""
    if path.suffix == ".csv":
        # Only what is empty is missing: a parameter may be the text "null" or "nan".
        found = pd.read_csv(path, dtype=DTYPES, keep_default_na=False, na_values=[""])
        found = _of_text(found, escaping.from_csv)
    else:
        found = pd.read_parquet(path)
    flags = [from_text(text) for text in found["flags"].fillna("")]
    flagged = pd.Series(flags, index=found.index, dtype=object)
    summary = arranged(found.assign(flags=flagged, status=statuses(found)))
    return summary.assign(code_version=code_versions(summary))


def _of_text(summary: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """The frame with each of its texts changed."""

    def changed(value: object) -> object:
        return change(value) if isinstance(value, str) else value

    texts = [name for name in summary if not pd.api.types.is_numeric_dtype(summary[name])]
    return summary.assign(**{str(name): summary[name].map(changed) for name in texts})


def _plain(summary: pd.DataFrame) -> pd.DataFrame:
    return summary.assign(flags=summary["flags"].map(as_text).astype("str"))
