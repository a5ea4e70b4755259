"""Folders of results as no program of ours writes them, and all that reads them.

`examine` is what tests/results/test_fuzz.py calls some dozen times, and `python -m benchmarks.fuzz`
for minutes. What that finds goes into CORPUS.
"""

import json
import re
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import strategies as st

from runners.analysis.files import csv, parquet
from runners.analysis.laws import fit_laws
from runners.analysis.recommend import recommend
from runners.analysis.summary import summarise
from runners.command import resume
from runners.model import Environment, Span, UsageError
from runners.report.markdown import markdown
from runners.report.trace import trace_events
from runners.results import checked
from runners.results.columns import ENVIRONMENT, FIXED, IDENTITY, RUNS, SPANS, SWEEP
from runners.results.read import planned_cells, read_environments, read_runs, read_timelines
from runners.results.write import append, append_spans
from tests import synthetic

Files = Mapping[str, bytes]
"""The content of a folder's files by their names."""


def honest() -> dict[str, bytes]:
    """Three cells of a panel and one by itself, in one file, and everything beside it."""
    runs = synthetic.panel({("thread", 1): 1.0, ("thread", 2): 1.8, ("pool", 2): 1.7}, rounds=6)
    runs += synthetic.runs(rounds=5)
    runs += synthetic.spins(synthetic.runs(rounds=5), 1.9)
    span = Span(index=0, pid=1, thread=2, start_ns=3, end_ns=4, cpu_ns=1, wait_ns=0)
    folder = Path(tempfile.mkdtemp())
    try:
        for run in runs:
            append(folder, run)
            append_spans(
                folder, replace(run, spans=(span,), begin_ns=1, setup_s=0.0, teardown_s=0.0)
            )
        files = {name: (folder / name).read_bytes() for name in (RUNS, SPANS)}
    finally:
        shutil.rmtree(folder)
    files[SWEEP] = b'{"cells": 4}'
    files[ENVIRONMENT] = b'{"facts": {"hostname": "a", "cpu_count": 2}, "usable_cpus": 2.0}'
    files[IDENTITY] = b'{"n": 2, "code": {"a": "b"}}'
    return files


HONEST = honest()

CORPUS: list[dict[str, bytes]] = []
"""What fuzzing has found, and what attacks have: each was a traceback, a crash or a lie once."""


def case(**row: Any) -> None:
    """One row of HONEST says this instead."""
    lines = HONEST[RUNS].splitlines()
    lines[7] = json.dumps(json.loads(lines[7]) | row).encode()
    CORPUS.append({RUNS: b"\n".join(lines)})


case(wall_s=0)
case(wall_s=-5)
case(n=0)
case(notes="{")
case(notes="[1]")
case(**{"metric.x": "abc"})
case(**{"metric.x": 10**400})
case(**{"workload.x": "\ud800"})
case(started_at="9999-12-31T23:59:59-23:59")
CORPUS += [
    {RUNS: HONEST[RUNS] + b'{"schema": 2, "a": ' + b"[" * 3000 + b"]" * 3000 + b"}\n"},
    {RUNS: HONEST[RUNS] + b'{"a":' * 100_000},
    {RUNS: HONEST[RUNS].decode().encode("utf-16")},
    {RUNS: HONEST[RUNS].replace(b"\n", b"\r\n")},
    {RUNS: b""},
    {SWEEP: b'{"cells": "x"}'},
    {SWEEP: b"[1]"},
    {ENVIRONMENT: b'{"facts": 5}'},
    {ENVIRONMENT: b'{"facts": 5, "usable_cpus": 2}'},
    {IDENTITY: b"[1, 2]"},
    {SPANS: b'{"round": 0}\n{"spans": []}\n[]'},
]

_texts = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            *(
                "# H1",
                "a\nb",
                "<script>alert(1)</script>",
                "![x](http://y)",
                "=1+cmd|x",
                "$\\frac{",
            ),
            *(
                "../../x",
                "\x1b[31m",
                "panel-0123456789ab",
                "0123456789ab",
                "ok",
                "baseline",
                "|`*_",
            ),
            *("2026-01-01T00:00:00+00:00", "\u202e", "\ud800", "x" * 5000, "{}", "[1]"),
        ]
    ),
)
_numbers = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([0, -1, 1, 1e-9, 1e9, 1e18, 2**63, -(2**63), 10**400, 1e308, 5e-324, 0.0]),
)
_scalars = st.one_of(st.none(), st.booleans(), _numbers, _texts)
_values = st.recursive(
    _scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(_texts, inner, max_size=3)
    ),
    max_leaves=6,
)
_names = st.one_of(
    st.sampled_from([column.name for column in FIXED]),
    st.sampled_from(["workload.size", "executor.x", "metric.x", "__class__", "workload.", "spans"]),
    _texts.map(lambda text: f"workload.{text}"),
)


def _plausible(name: str) -> st.SearchStrategy[Any]:
    """Values that the column `name` may have, at the ends of its range."""
    [column] = (column for column in FIXED if column.name == name)
    if column.among:
        return st.sampled_from(column.among)
    if column.dtype in ("bool", "boolean"):
        return st.booleans()
    if column.dtype in ("int64", "Int64"):
        ends = [int(column.least), int(column.most)]
        return st.one_of(st.integers(*ends), st.sampled_from([*ends, int(column.least) + 1]))
    if column.dtype == "float64":
        least, most = float(column.least), float(column.most)
        return st.one_of(st.floats(least, most), st.sampled_from([least, most, 5e-324, 1e-9]))
    return _texts


_changes = st.one_of(
    st.dictionaries(_names, _values, max_size=3),
    st.sampled_from([column.name for column in FIXED]).flatmap(
        lambda name: st.dictionaries(st.just(name), _plausible(name), max_size=1)
    ),
)


@st.composite
def _line(draw: st.DrawFn, line: bytes) -> bytes:
    kind = draw(st.sampled_from(["value", "value", "value", "cut", "byte", "other", "again"]))
    at = draw(st.integers(0, max(len(line) - 1, 0)))
    if kind == "value":
        found = json.loads(line)
        if isinstance(found, dict):
            return json.dumps(found | draw(_changes)).encode()
    if kind == "cut":
        return line[:at]
    if kind == "byte":
        return line[:at] + draw(st.binary(max_size=3)) + line[at + 1 :]
    if kind == "other":
        return draw(st.one_of(st.binary(max_size=30), _values.map(json.dumps).map(str.encode)))
    return line + b"\n" + line


@st.composite
def folders(draw: st.DrawFn) -> dict[str, bytes]:
    """HONEST with some of its lines changed: often one value in all rows, or several in a few."""
    files = dict(HONEST)
    if draw(st.booleans()):
        change = draw(_changes)
        rows = [json.loads(line) for line in files[RUNS].splitlines()]
        own = draw(st.sampled_from(["", *{row["cell"] for row in rows}]))
        changed = [row | change if row["cell"].startswith(own) else row for row in rows]
        files[RUNS] = b"\n".join(json.dumps(row).encode() for row in changed)
    else:
        name = draw(st.sampled_from([RUNS, RUNS, RUNS, SPANS, SWEEP, ENVIRONMENT, IDENTITY]))
        lines = files[name].splitlines()
        for _ in range(draw(st.integers(1, 4))):
            at = draw(st.integers(0, len(lines) - 1))
            try:
                lines[at] = draw(_line(lines[at]))
            except ValueError:  # of a line that was changed before
                continue
        files[name] = b"\n".join(lines)
    return files


def examine(files: Files, *, reporting: bool = True) -> None:
    """Read the folder by all that reads one, and report on it.

    Raises what must not be: anything but UsageError, and warnings that are not a line.
    """
    folder = Path(tempfile.mkdtemp())
    try:
        for name, content in (HONEST | dict(files)).items():
            (folder / name).write_bytes(content)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            told = ""
            try:
                runs = _read(folder)
                if reporting:
                    _report(runs, read_environments(folder))
            except UsageError as error:
                told = str(error)
        assert "\n" not in told
        for warning in caught:
            if warning.category is UserWarning:
                assert str(warning.message).isprintable(), warning.message
    finally:
        shutil.rmtree(folder)


def _read(folder: Path) -> pd.DataFrame:
    resume.following(folder)
    resume.last_status(folder)
    planned_cells(folder)
    read_environments(folder)
    for timeline in read_timelines(folder):
        json.dumps(trace_events([timeline], "x"))
    try:
        checked.mapping(folder / IDENTITY)
    except ValueError:
        pass
    runs = read_runs(folder)
    assert not (runs["wall_s"] <= 0).any()
    assert (runs["n"] >= 1).all()
    return runs


def _report(runs: pd.DataFrame, environments: list[Environment]) -> None:
    summary = summarise(runs)
    laws = list(fit_laws(summary, runs))
    told = [line for found in recommend(summary, runs) for line in found.lines()]
    csv(summary)
    parquet(summary)
    text = markdown(runs, summary, laws, environments, recommendations=told)
    assert not re.search(r"(?<!\\)<script|^ *# H1|(?<!\\)\]\(http", text, re.MULTILINE)
