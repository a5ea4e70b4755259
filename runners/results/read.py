"""Results read back as frames and records; `checked.py` says what may be in the files.

pandas and pyarrow are imported by the functions that read, since the parent of a measurement must
not have loaded them before the first run is timed.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners.model import PANEL, Environment, Timeline, UsageError
from runners.results import checked
from runners.results.checked import Faults, as_text, warn
from runners.results.columns import DTYPES, ENVIRONMENT, IDENTITY, RUNS, SPANS, SWEEP, statuses
from runners.results.nodes import fill_nodes

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Folders = str | Path | Iterable[str | Path]
"""One folder or several."""

LEVELS_UP = 8
"""How far above a cell's folder that of its panel is looked for: folders of cells may be nested."""

AT_ONCE = 10_000
"""Rows that are held as objects at a time: they take ten times as much memory as in a table."""

MOST_COLUMNS = 1000
"""Parameters and metrics in a frame, at most; a summary has four columns for a metric."""


def read_timelines(folder: Path) -> Iterator[Timeline]:
    """The runs of one cell whose spans were kept, in the order of their file, if there is one."""
    faults = Faults(folder / SPANS)
    try:
        yield from checked.timelines(folder / SPANS, faults)
    except FileNotFoundError:
        return
    except OSError as error:
        warn(folder / SPANS, f"left out: {error.strerror}")
    faults.warn()


def baseline_folder(folder: Path, panel: str) -> Path:
    """Where the baseline is that the runs of a cell's folder are compared with.

    A cell by itself has it with it. That of a panel is in a folder beside those of its cells, or
    above them, and not above their sweep's: another one's may have the same name.
    """
    if panel.startswith(PANEL):
        for above in (folder, *folder.resolve().parents[:LEVELS_UP]):
            if (above / panel / RUNS).exists() and not (above / panel).is_symlink():
                return above / panel
            if (above / SWEEP).exists():
                break
    return folder


def _paths(folders: Folders) -> list[Path]:
    given = [folders] if isinstance(folders, str | Path) else folders
    return [Path(folder) for folder in given]


def find(folders: Folders, name: str = RUNS, *, below: bool = True) -> list[Path]:
    """Every entry called `name` in the folders, or also below them, each once, in sorted order.

    A folder that is given may be a link; below it none is followed.
    """
    waiting = [os.path.realpath(folder) for folder in _paths(folders)]
    seen: set[str] = set()
    found = []
    while waiting:
        folder = waiting.pop()
        if folder in seen:
            continue
        seen.add(folder)
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name == name:
                        found.append(Path(entry.path))
                    elif below and entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError as error:
            warn(Path(folder), f"left out with all below it: {error.strerror}")
    return sorted(found)


def planned_cells(folders: Folders, *, below: bool = True) -> int:
    """How many cells the sweeps in these folders are to have; 0 where no sweep says so."""
    cells = 0
    for path in find(folders, SWEEP, below=below):
        try:
            cells += checked.planned(path)
        except (OSError, ValueError) as error:
            warn(path, f"skipped, not the size of a sweep: {_why(error)}")
    return cells


def read_environments(folders: Folders, *, below: bool = True) -> list[Environment]:
    """The environments recorded below the folders, in the order of their paths."""
    environments = []
    for path in find(folders, ENVIRONMENT, below=below):
        try:
            environments.append(checked.environment(path))
        except (OSError, ValueError) as error:
            warn(path, f"skipped, not the facts of a machine: {_why(error)}")
    return environments


def read_identity(folder: Path) -> Mapping[str, Any] | None:
    """What a cell was measured with; None where its folder does not say so."""
    try:
        return checked.mapping(folder / IDENTITY)
    except (OSError, ValueError):
        return None


def _why(error: OSError | ValueError) -> str:
    return str(getattr(error, "strerror", None) or error)


def read_runs(*folders: Folders, below: bool = True, names: Sequence[str] = ()) -> "pd.DataFrame":
    """Read every `runs.jsonl` below the folders, one row per run, with the columns of `COLUMNS`.

    Without `below`, only those that are in the folders themselves, each of which is a cell's.

    The folders are arguments, as in `read_runs("a", "b")`, or a list of them is. `folder`,
    `result`, `node_kind` and `L6_s` are not in the files. `names` are those of the results that
    the folders hold, one for each folder, the same for folders of one result; `summarise` and all
    that follows keep results apart. A cell that was measured again in another folder is a cell of
    its own, named `<cell>#2` and so on.

    What is damaged or foreign is skipped with a warning that names it. Raises `UsageError` where
    there are no runs, or runs of another version of the format.
    """
    import pandas as pd
    import pyarrow as pa

    given = [path for each in folders for path in _paths(each)]
    if not given:
        raise UsageError("no folder to read runs from; name one that holds results")
    for folder in given:
        if not folder.is_dir():
            what = "it is a file, no folder" if folder.is_file() else "no such folder"
            raise UsageError(f"{folder}: {what}; name one that holds results")
    common = Path(os.path.commonpath([folder.resolve() for folder in given]))
    of = {folder.resolve(): name for folder, name in zip(given, names, strict=bool(names))}
    tables: list[pa.Table] = []
    paths = find(given, below=below)
    known = set(paths)
    known_names: set[str] = set()
    for path in paths:  # grows: a cell's folder alone does not have its panel's baseline
        result = next((of[above] for above in path.parents if above in of), None)
        for table in _read(path, os.path.relpath(path.parent, common), known_names, result):
            tables.append(table)
            for panel in filter(None, table["panel"].unique().to_pylist()):
                other = (baseline_folder(path.parent, panel) / RUNS).resolve()
                if other not in known:
                    known.add(other)
                    paths.append(other)
    if not tables:
        where = ", ".join(map(str, given))
        raise UsageError(f"{where}: no runs here; name a folder with a {RUNS} in or below it")
    table = pa.concat_tables(_unify(tables), promote_options="permissive")
    tables.clear()
    columns = {}
    for name in [*DTYPES, *(name for name in table.column_names if name not in DTYPES)]:
        columns[name] = _series(table[name], DTYPES.get(name))
        table = table.drop_columns([name])  # frees it: the frame is never held twice as a whole
    runs = pd.DataFrame(columns, copy=False)
    runs["panel"] = runs["panel"].fillna(runs["cell"])
    _tell_repeats_apart(runs, common)
    runs["code_version"] = runs["code_version"].fillna("")  # others have none
    runs["status"] = statuses(runs)
    _fill_computation(runs)
    fill_nodes(runs, common)
    return runs


def _read(path: Path, folder: str, names: set[str], result: str | None) -> "list[pa.Table]":
    """The runs of one file. `names` are the parameters and metrics known so far; it grows."""
    faults = Faults(path)
    tables, left_out = [], False
    rows = checked.rows(path, faults)
    try:
        while some := [(row.fixed, row.more) for row in islice(rows, AT_ONCE)]:
            found = {name for _, more in some for name in more}
            for name in found - names:
                if len(names) < MOST_COLUMNS:
                    names.add(name)
                else:
                    left_out = True
            tables.append(_table(some, folder, names, result))
    except OSError as error:
        warn(path, f"left out: {error.strerror}")
        return []
    if not tables and faults.newer is not None:
        raise UsageError(f"{path}: {faults.newer}")
    faults.warn()
    if left_out:
        warn(path, f"more than {MOST_COLUMNS} parameters and metrics: the others are left out")
    return tables


def _table(
    rows: Sequence[tuple[tuple[Any, ...], dict[str, Any]]],
    folder: str,
    names: set[str],
    result: str | None,
) -> "pa.Table":
    import pyarrow as pa

    types = {"Int64": pa.int64(), "boolean": pa.bool_(), "float64": pa.float64()}
    types |= {"int64": pa.int64(), "bool": pa.bool_(), "str": pa.string()}
    types[DTYPES["started_at"]] = pa.timestamp("us", "UTC")
    of_columns = zip(*(fixed for fixed, _ in rows), strict=True)
    columns = {
        name: pa.array(values, types[DTYPES[name]])
        for name, values in zip(checked.NAMES, of_columns, strict=True)
    }
    columns["folder"] = pa.array([folder] * len(rows), pa.string())
    columns["result"] = pa.array([result] * len(rows), pa.string())
    columns["L6_s"] = pa.nulls(len(rows), pa.float64())
    columns["node_kind"] = pa.nulls(len(rows), pa.string())
    own = dict.fromkeys(name for _, more in rows for name in more if name in names)
    for name in own:
        columns[name] = _array([more.get(name) for _, more in rows])
    return pa.table(columns)


def _array(values: list[Any]) -> "pa.Array":
    """A column of the type of its values, or of text where they have several."""
    import pyarrow as pa

    kinds = {type(value) for value in values} - {type(None)}
    if len(kinds) > 1 and not kinds <= {int, float}:
        values = [as_text(value) for value in values]
    elif kinds == {int, float}:
        values = [None if value is None else float(value) for value in values]
    return pa.array(values)


def _unify(tables: "Sequence[pa.Table]") -> "Iterator[pa.Table]":
    """Turn columns that differ in type from table to table into text."""
    import pyarrow as pa

    types: dict[str, set[pa.DataType]] = {}
    for table in tables:
        for field in table.schema:
            types.setdefault(field.name, set()).add(field.type)
    numbers = {pa.int64(), pa.float64()}
    mixed = {
        name
        for name, found in types.items()
        if len(found - {pa.null()}) > 1 and not found <= numbers | {pa.null()}
    }
    for table in tables:
        for at, name in enumerate(table.column_names):
            if name in mixed:
                texts = pa.array(map(as_text, table[name].to_pylist()), pa.string())
                table = table.set_column(at, name, texts)
        yield table


def _series(column: "pa.ChunkedArray", dtype: str | None) -> "pd.Series[Any]":
    import pandas as pd
    import pyarrow as pa

    if dtype is None and pa.types.is_null(column.type):
        dtype = "str"
    nullable = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    series: pd.Series[Any] = column.to_pandas(types_mapper=nullable.get)
    if dtype is None:
        return series
    return series.astype(pd.api.types.pandas_dtype(dtype))


def _tell_repeats_apart(runs: "pd.DataFrame", common: Path) -> None:
    """Number a cell's second and later folders, and a panel's: they are other measurements."""
    panels = runs[["folder", "panel"]].drop_duplicates()
    homes = [
        os.path.relpath(baseline_folder(common / folder, panel), common)
        for folder, panel in panels.itertuples(index=False)
    ]
    panels = panels.assign(home=homes)
    shared = panels[panels["panel"].str.startswith(PANEL)]
    of_cells = runs[["cell", "folder"]].drop_duplicates()
    numbers = _numbered(shared["panel"], shared["home"]) | _numbered(
        of_cells["cell"], of_cells["folder"]
    )
    if all(number == 1 for number in numbers.values()):
        return
    home = runs[["folder", "panel"]].merge(panels, how="left")["home"]
    for name, places in (("panel", home.to_numpy()), ("cell", runs["folder"].to_numpy())):
        runs[name] = [
            key if (number := numbers[key, place]) == 1 else f"{key}#{number}"
            for key, place in zip(runs[name], places, strict=True)
        ]


def _numbered(names: "pd.Series[str]", places: "pd.Series[str]") -> dict[tuple[str, str], int]:
    """Which of the places that have the same name each one is, from 1 on, in order."""
    found: dict[tuple[str, str], int] = {}
    counts: dict[str, int] = {}
    for key in zip(names, places, strict=True):
        if key not in found:
            found[key] = counts[key[0]] = counts.get(key[0], 0) + 1
    return found


def _fill_computation(runs: "pd.DataFrame") -> None:
    """L6: the baseline's L5 in the same panel, round and process, with weak scaling n times."""
    key = ["panel", "round", "process"]
    serial = runs[runs["role"] == "baseline"].groupby(key)["L5_s"].mean()
    scaled = (runs["scaling"] == "weak") & (runs["role"] == "measured")
    found = serial.reindex(runs.set_index(key).index).to_numpy()
    runs["L6_s"] = found * runs["n"].where(scaled, 1).to_numpy()
