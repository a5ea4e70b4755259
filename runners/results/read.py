"""Results read back as frames and records.

pandas and pyarrow are imported by the functions that read, since the parent of a measurement must
not have loaded them before the first run is timed.
"""

import json
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners.model import PANEL, SCHEMA, Environment, Span, Timeline, UsageError
from runners.results.columns import DTYPES, ENVIRONMENT, RUNS, SPANS, SWEEP, statuses

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Folders = str | Path | Iterable[str | Path]
"""One folder or several."""

LEVELS_UP = 8
"""How far above a cell's folder that of its panel is looked for: folders of cells may be nested."""

_REQUIRED = tuple(name for name, dtype in DTYPES.items() if dtype in ("int64", "bool"))


def read_timelines(folder: Path) -> list[Timeline]:
    """The runs of one cell whose spans were kept; none where there is no file of them."""
    try:
        lines = (folder / SPANS).read_bytes().splitlines()
    except OSError:
        return []
    timelines = []
    for number, line in enumerate(lines, 1):
        try:
            fields = json.loads(line)
            spans = tuple(Span(*span) for span in fields.pop("spans"))
            timelines.append(Timeline(**fields, spans=spans))
        except (ValueError, TypeError, KeyError):
            warnings.warn(f"{folder / SPANS}: skipped line {number}, not a run", stacklevel=2)
    return timelines


def baseline_folder(folder: Path, panel: str) -> Path:
    """Where the baseline is that the runs of a cell's folder are compared with.

    A cell by itself has it with it. That of a panel is in a folder beside those of its cells, or
    above them.
    """
    if panel.startswith(PANEL):
        for above in (folder, *folder.resolve().parents[:LEVELS_UP]):
            if (above / panel / RUNS).exists():
                return above / panel
    return folder


def _paths(folders: Folders) -> list[Path]:
    given = [folders] if isinstance(folders, str | Path) else folders
    return [Path(folder) for folder in given]


def find(folders: Folders, name: str = RUNS, *, below: bool = True) -> list[Path]:
    """Every file called `name` below the folders, or only in themselves; each once, sorted."""
    given = _paths(folders)
    if below:
        return sorted({file.resolve() for folder in given for file in folder.rglob(name)})
    return sorted({folder.resolve() / name for folder in given if (folder / name).exists()})


def planned_cells(folders: Folders, *, below: bool = True) -> int:
    """How many cells the sweeps in these folders are to have; 0 where no sweep says so."""
    return sum(json.loads(path.read_bytes())["cells"] for path in find(folders, SWEEP, below=below))


def read_environments(folders: Folders, *, below: bool = True) -> list[Environment]:
    """The environments recorded below the folders, in the order of their paths."""
    environments = []
    for path in find(folders, ENVIRONMENT, below=below):
        try:
            environments.append(Environment(**json.loads(path.read_bytes())))
        except (ValueError, TypeError):
            warnings.warn(f"{path}: skipped, not the facts of a machine", stacklevel=2)
    return environments


def read_runs(*folders: Folders, below: bool = True) -> "pd.DataFrame":
    """Read every `runs.jsonl` below the folders, one row per run, with the columns of `COLUMNS`.

    Without `below`, only those that are in the folders themselves, each of which is a cell's.

    The folders are arguments, as in `read_runs("a", "b")`, or a list of them is. `folder` and
    `L6_s` are not in the files. A cell that was measured again in another folder is a cell of its
    own, named `<cell>#2` and so on.

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
            raise UsageError(f"{folder}: no such folder; name one that holds results")
    common = Path(os.path.commonpath([folder.resolve() for folder in given]))
    tables: list[pa.Table] = []
    paths = find(given, below=below)
    known = set(paths)
    for path in paths:  # grows: a cell's folder alone does not have its panel's baseline
        table = _read(path)
        if table.num_rows:
            place = pa.scalar(os.path.relpath(path.parent, common))
            at = table.column_names.index("folder")
            tables.append(table.set_column(at, "folder", pa.repeat(place, table.num_rows)))
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
    runs["status"] = statuses(runs)
    _fill_computation(runs)
    return runs


def _read(path: Path) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.compute as pc

    data = path.read_bytes()
    try:
        table = _parse(data)
    except ValueError:
        lines = data.rstrip(b"\n").split(b"\n")
        tables = [_parse(b""), *_salvage(path, lines, 1, len(lines))]
        table = pa.concat_tables(_unify(tables), promote_options="permissive")
    for version in table["schema"].unique().to_pylist():
        _refuse_other_schema(path, version)
    whole = pc.is_valid(table["schema"])
    for name in _REQUIRED:
        whole = pc.and_(whole, pc.is_valid(table[name]))
    kept = table.filter(whole)
    if lost := table.num_rows - kept.num_rows:
        warnings.warn(f"{path}: skipped {lost} rows that are not runs", stacklevel=2)
    return kept


def _parse(data: bytes, text: Sequence[str] = ()) -> "pa.Table":
    """Parse lines of JSON; `text` names columns to be read as strings. Raises `ValueError`."""
    import pyarrow as pa
    from pyarrow import json as arrow_json

    known = _arrow_schema()
    if not data.strip():
        return known.empty_table()
    data.decode()  # Arrow does not notice broken UTF-8 until much later
    schema = pa.schema([*known, *((name, pa.string()) for name in text)])
    table = arrow_json.read_json(
        pa.BufferReader(data),
        # One block: a type that changes between two blocks would be an error.
        read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(data)),
        parse_options=arrow_json.ParseOptions(explicit_schema=schema),
    )
    # Arrow takes any text that looks like a date for a time.
    dates = [field.name for field in table.schema if pa.types.is_timestamp(field.type)]
    return _parse(data, [*text, *dates]) if dates else table


def _salvage(path: Path, lines: Sequence[bytes], first: int, last: int) -> "list[pa.Table]":
    """What can be parsed of lines `first`, `first` + 1, ... of a file of `last` lines.

    Halving finds the few damaged lines of a long file without parsing each line on its own.
    """
    try:
        return [_parse(b"\n".join(lines))]
    except ValueError:
        if len(lines) > 1:
            half = len(lines) // 2
            head = _salvage(path, lines[:half], first, last)
            return head + _salvage(path, lines[half:], first + half, last)
    try:
        row = json.loads(lines[0])
        _refuse_other_schema(path, row["schema"])
        # Arrow has no type for a list of a number and a string.
        plain = {k: _text(v) if isinstance(v, list | dict) else v for k, v in row.items()}
        return [_parse(json.dumps(plain).encode())]
    except (ValueError, TypeError, KeyError):
        what = "dropped the torn last line" if first == last else f"skipped line {first}, not a run"
        warnings.warn(f"{path}: {what} ({len(lines[0])} bytes)", stacklevel=2)
        return []


def _refuse_other_schema(path: Path, version: object) -> None:
    if isinstance(version, int) and not 1 <= version <= SCHEMA:
        raise UsageError(
            f"{path}: rows of schema {version}, but this version reads schemas 1 to {SCHEMA}; "
            "read them with the version that wrote them"
        )


def _arrow_schema() -> "pa.Schema":
    import pyarrow as pa

    types = {"Int64": pa.int64(), "boolean": pa.bool_(), "float64": pa.float64()}
    types |= {"int64": pa.int64(), "bool": pa.bool_()}
    return pa.schema([(name, types.get(dtype, pa.string())) for name, dtype in DTYPES.items()])


def _unify(tables: "Sequence[pa.Table]") -> "Iterator[pa.Table]":
    """Turn columns that are nested, or differ in type from table to table, into text."""
    import pyarrow as pa

    types: dict[str, set[pa.DataType]] = {}
    for table in tables:
        for field in table.schema:
            types.setdefault(field.name, set()).add(field.type)
    numbers = {pa.int64(), pa.float64()}
    mixed = {
        name
        for name, found in types.items()
        if any(map(pa.types.is_nested, found))
        or (len(found - {pa.null()}) > 1 and not found <= numbers | {pa.null()})
    }
    for table in tables:
        for at, name in enumerate(table.column_names):
            if name in mixed:
                texts = pa.array(map(_text, table[name].to_pylist()), pa.string())
                table = table.set_column(at, name, texts)
        yield table


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, default=str)


def _series(column: "pa.ChunkedArray", dtype: str | None) -> "pd.Series[Any]":
    import pandas as pd
    import pyarrow as pa

    if dtype is None and pa.types.is_null(column.type):
        dtype = "str"
    nullable = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    series: pd.Series[Any] = column.to_pandas(types_mapper=nullable.get)
    if dtype is None:
        return series
    if dtype.startswith("datetime"):
        series = pd.to_datetime(series, format="ISO8601", utc=True, errors="coerce")
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
