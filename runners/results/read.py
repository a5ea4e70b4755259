"""Results read back as frames and records; `checked.py` says what may be in the files.

pandas and pyarrow are imported by the functions that read, since the parent of a measurement must
not have loaded them before the first run is timed.
"""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

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
    paths = find(given, below=below)
    known = set(map(str, paths))
    tables = _tables(paths, known, common, of)
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
    _tell_repeats_apart(runs, common, known)
    runs["code_version"] = runs["code_version"].fillna("")  # others have none
    runs["status"] = statuses(runs)
    _fill_computation(runs)
    fill_nodes(runs, common)
    return runs


def _tables(
    paths: list[Path], known: set[str], common: Path, of: Mapping[Path, str]
) -> "list[pa.Table]":
    """The runs of these files, and of the baselines of panels that they are compared with.

    Both `paths` and `known`, which has the same as text, grow by these. Folders are told relative
    to `common`; `of` has the names of results by their folders. Small files share a table: to make
    one takes as long as to read a cell.
    """
    tables: list[pa.Table] = []
    waiting, count = list[_Rows](), 0
    names: set[str] = set()
    for path in paths:  # grows: a cell's folder alone does not have its panel's baseline
        result = next((of[above] for above in path.parents if above in of), None) if of else None
        folder = os.path.relpath(path.parent, common)
        full, rest = _read(path, folder, names, result)
        if waiting and (full or count > AT_ONCE):
            tables.append(_table(waiting))
            waiting, count = [], 0
        tables += full
        waiting += rest
        count += sum(len(rows.fixed) for rows in rest)
        panels = [name for table in full for name in table["panel"].unique().to_pylist()]
        panels += [fixed[_PANEL] for rows in rest for fixed in rows.fixed]
        for panel in filter(None, dict.fromkeys(panels)):
            other = f"{_baseline(path.parent, panel, known)}/{RUNS}"
            if other not in known:
                known.add(other)
                paths.append(Path(other))
    return [*tables, _table(waiting)] if waiting else tables


def _baseline(folder: Path, panel: str, known: Collection[str]) -> str:
    """As `baseline_folder`, a real path; it is most often beside the folder and known already."""
    if not panel.startswith(PANEL):
        return str(folder)
    for above in (folder, folder.parent):
        if f"{above}/{panel}/{RUNS}" in known:
            return f"{above}/{panel}"
    return str(baseline_folder(folder, panel).resolve())


_PANEL = checked.NAMES.index("panel")


class _Rows(NamedTuple):
    """Rows of one file: the values of `checked.NAMES` of each, perhaps with others behind them, and
    parameters and metrics by name."""

    folder: str
    result: str | None
    fixed: Sequence[tuple[Any, ...]]
    more: Mapping[str, Sequence[Any]]


def _read(
    path: Path, folder: str, names: set[str], result: str | None
) -> "tuple[list[pa.Table], list[_Rows]]":
    """The runs of one file: those of a large one in tables, and what is left over.

    `names` are the parameters and metrics known so far; it grows.
    """
    faults = Faults(path)
    tables: list[pa.Table] = []
    rest: list[_Rows] = []
    left_out = False

    def known(more: Iterable[str]) -> list[str]:
        nonlocal left_out
        own = list(dict.fromkeys(more))
        names.update([name for name in own if name not in names][: MOST_COLUMNS - len(names)])
        left_out |= not names.issuperset(own)
        return [name for name in own if name in names]

    try:
        found = checked.alike(path)
        if found is not None:
            more = {name: _of_one_kind(found.more[name]) for name in known(found.more)}
            rest.append(_Rows(folder, result, found.fixed, more))
        else:
            rows = checked.rows(path, faults)
            while some := list(islice(rows, AT_ONCE)):
                more = {
                    name: _of_one_kind([row.more.get(name) for row in some])
                    for name in known(chain.from_iterable(row.more for row in some))
                }
                own = _Rows(folder, result, [row.fixed for row in some], more)
                if len(some) == AT_ONCE:
                    tables.append(_table([own]))
                else:
                    rest.append(own)
    except OSError as error:
        warn(path, f"left out: {error.strerror}")
        return [], []
    if not tables and not rest and faults.newer is not None:
        raise UsageError(f"{path}: {faults.newer}")
    faults.warn()
    if left_out:
        warn(path, f"more than {MOST_COLUMNS} parameters and metrics: the others are left out")
    return tables, rest


def _table(files: Sequence[_Rows]) -> "pa.Table":
    import pyarrow as pa

    types = {"Int64": pa.int64(), "boolean": pa.bool_(), "float64": pa.float64()}
    types |= {"int64": pa.int64(), "bool": pa.bool_(), "str": pa.string()}
    types[DTYPES["started_at"]] = pa.timestamp("us", "UTC")
    of_columns = zip(*(fixed for rows in files for fixed in rows.fixed), strict=False)
    count = sum(len(rows.fixed) for rows in files)
    columns = {
        name: pa.nulls(count, types[DTYPES[name]])  # quicker, and many are
        if values.count(None) == count
        else pa.array(values, types[DTYPES[name]])
        for name, values in zip(checked.NAMES, of_columns, strict=False)
    }
    for name in ("folder", "result"):
        values = [getattr(rows, name) for rows in files for _ in rows.fixed]
        columns[name] = pa.array(values, pa.string())
    columns["L6_s"] = pa.nulls(count, pa.float64())
    columns["node_kind"] = pa.nulls(count, pa.string())
    for name in dict.fromkeys(name for rows in files for name in rows.more):
        own = (rows.more.get(name) or [None] * len(rows.fixed) for rows in files)
        columns[name] = pa.array(_of_one_kind(list(chain.from_iterable(own))))
    return pa.table(columns)


def _of_one_kind(values: list[Any]) -> list[Any]:
    """The values of a column; numbers of two kinds as float, others of several as text."""
    kinds = {type(value) for value in values} - {type(None)}
    if len(kinds) > 1 and not kinds <= {int, float}:
        return [as_text(value) for value in values]
    if kinds == {int, float}:
        return [None if value is None else float(value) for value in values]
    return values


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


def _tell_repeats_apart(runs: "pd.DataFrame", common: Path, known: Collection[str]) -> None:
    """Number a cell's second and later folders, and a panel's: they are other measurements."""
    panels = runs[["folder", "panel"]].drop_duplicates()
    homes = [
        os.path.relpath(_baseline(Path(os.path.normpath(common / folder)), panel, known), common)
        if panel.startswith(PANEL)
        else folder
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
    """L6: the baseline's L5 in the same panel, round and process, with weak scaling n times.

    Of a baseline that ran twice it is the geometric mean, as of all its times.
    """
    key = ["panel", "round", "process"]
    times = runs[runs["role"] == "baseline"].groupby(key)["L5_s"]
    first, last = times.first(skipna=False), times.last(skipna=False)
    serial = first.where(times.size() == 1, (first * last) ** 0.5)
    scaled = (runs["scaling"] == "weak") & (runs["role"] == "measured")
    found = serial.reindex(runs.set_index(key).index).to_numpy()
    runs["L6_s"] = found * runs["n"].where(scaled, 1).to_numpy()
