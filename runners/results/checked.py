"""What is read back is checked: types, ranges, depth and size. Files are not trusted.

A folder of results may come from anybody. What is wrong in it is named with its file and line and
left out, and the rest is used. The ranges are those of `columns.py`.
"""

import json
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from datetime import datetime
from functools import cache, lru_cache
from operator import itemgetter
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any, Literal, NamedTuple, get_type_hints

import msgspec
from msgspec import Meta

from runners.model import SCHEMA, SIDES, Environment, Role, Span, Timeline, printable
from runners.results.columns import FILLED_IN, FIXED, LONGEST_S, MOST, MOST_WORKERS, Column
from runners.results.regular import read_whole, reading

FILE_BYTES = 2**30
LINE_BYTES = 2**24
WHOLE_BYTES = 2**24
"""The largest file of lines that is read, its longest line, and the largest file of one value."""
ALIKE_BYTES = 2**22
"""The largest file whose rows are parsed at once."""
STRING = 2**20
"""Characters in the longest text of a row."""
DEPTH = 32
"""Lists and mappings within each other, at most: Arrow's parser ends the program at some 3,000."""
VALUES, PARAMETERS = 1000, 100
"""Columns of the longest row, and how many of them may be parameters and metrics."""
YEARS = range(2000, 2100)
"""In which a run may have been started."""
TOLD = 5
"""Lines of a file that are named; more are counted."""

_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_PARAMETER = re.compile(r"(workload|executor|metric)\.[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,200}")
_LARGEST = 2**63 - 1
_Natural = Annotated[int, Meta(ge=0, le=_LARGEST)]


class Faults:
    """What is wrong with the lines of one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.told: list[str] = []
        self.count = 0
        self.newer: str | None = None
        """What there is to say of a row that a later version wrote."""

    def add(self, line: int, why: str) -> None:
        self.count += 1
        if self.count <= TOLD:
            self.told.append(f"skipped line {line}, not a run: {why}")

    def add_torn(self, size: int) -> None:
        """The last line, that its writer did not finish."""
        self.count += 1
        self.told.append(f"dropped the torn last line ({size} bytes)")

    def warn(self) -> None:
        """Name them."""
        if (more := self.count - len(self.told)) > 0:
            self.told.append(f"skipped {more} more lines, not runs")
        for what in self.told:
            warn(self.path, what)


def warn(path: Path, what: str) -> None:
    """Say what is wrong with a file, in one line."""
    warnings.warn(printable(f"{path}: {what}"), stacklevel=3)


NAMES = tuple(column.name for column in FIXED if column.name not in FILLED_IN)
"""The columns that all rows have."""


class Row(NamedTuple):
    """A row that was checked: the values of NAMES, and parameters and metrics by their names."""

    fixed: tuple[Any, ...]
    more: dict[str, Any]

    @property
    def facts(self) -> dict[str, Any]:
        """The values of NAMES by their names."""
        return dict(zip(NAMES, self.fixed, strict=True))


_FACTS = ("cell", "workload", "executor", "baseline", "scaling")
_facts = itemgetter(*map(NAMES.index, _FACTS))
_size = itemgetter(*map(NAMES.index, ("n", "role")))
_doubtful = itemgetter(*map(NAMES.index, ("started_at", "notes")))


def rows(path: Path, faults: Faults | None = None) -> Iterator[Row]:
    """The runs in a `runs.jsonl`; what is no run is added to `faults`.

    Raises OSError where there is no such file, or none that can be read.
    """
    faults = Faults(path) if faults is None else faults
    cells = _Cells()
    for number, line, is_whole in _lines(path, faults):
        try:
            row = _row(line)
            cells.agree(row)
        except _Newer as error:
            faults.newer = str(error)
            faults.add(number, str(error))
        except ValueError as error:
            if is_whole or not _is_torn(line):
                faults.add(number, str(error))
            else:
                faults.add_torn(len(line))
        else:
            yield row


class Alike(NamedTuple):
    """The rows of a file whose rows are all right, of one cell, and have the same columns.

    `fixed` has the values of NAMES of each, and further ones behind them. `more` has those of its
    parameters and metrics, by their names; a metric that a row does not have is None.
    """

    fixed: list[tuple[Any, ...]]
    more: dict[str, list[Any]]


def alike(path: Path) -> Alike | None:
    """All rows of a file at once, which takes a third of the time; None where they are not alike.

    What `rows` says of the file then holds, and it is all that says what is wrong.
    """
    try:
        data = read_whole(path, min(ALIKE_BYTES, FILE_BYTES))
    except OSError:
        return None
    lines = data.splitlines()
    nested = data.count(b"[") + data.count(b"{") - len(lines)  # beside those of the rows themselves
    if not lines or (nested >= DEPTH and any(map(_depth_exceeds, lines))):
        return None
    try:
        for some in (lines[:: max(len(lines) - 1, 1)], lines):
            names = dict.fromkeys(name for line in some for name in _names(line))
            try:
                found = _decoder(tuple(names)).decode_lines(data)
                break
            except msgspec.ValidationError:
                continue  # perhaps other rows have a metric that these do not have
        else:
            return None
        fixed = [*map(msgspec.structs.astuple, found)]
        if len(fixed) != len(lines) or len({*map(_facts, fixed)}) != 1:
            return None
        if len({n for n, role in map(_size, fixed) if role != "spin"}) > 1:
            return None
        for moment, notes in map(_doubtful, fixed):
            _moment(moment)
            _notes(notes)
        return Alike(fixed, dict(_columns(_of_plugins(tuple(names)), fixed)))
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return None


def _columns(names: Sequence[str], rows: list[tuple[Any, ...]]) -> Iterator[tuple[str, list[Any]]]:
    """Raises ValueError where one is wrong, or a parameter is not the same in all rows."""
    for at, name in enumerate(names, len(NAMES)):
        values = [row[at] for row in rows]
        if _is_metric(name):
            yield name, [None if v is msgspec.UNSET else _of_plugin(name, v) for v in values]
        elif values.count(values[0]) == len(values) and len({*map(type, values)}) == 1:
            yield name, [_of_plugin(name, values[0])] * len(values)
        else:
            raise ValueError(f"{name}: it is not the same in all rows")


def _names(line: bytes) -> Iterable[str]:
    return msgspec.json.decode(line, type=dict[str, msgspec.Raw])


@lru_cache(maxsize=64)
def _decoder(names: tuple[str, ...]) -> "msgspec.json.Decoder[Any]":
    """For rows that have no column besides those of all rows and of plugins among these names.

    Each has all these parameters; a metric may be missing. Raises ValueError where there are
    others.
    """
    own = _of_plugins(names)
    if len(own) > PARAMETERS or len(own) + len(_KNOWN.intersection(names)) != len(names):
        raise ValueError("columns that no row has")
    columns: list[Any] = [
        (f"of_plugin_{at}", Any, *([msgspec.UNSET] if _is_metric(name) else []))
        for at, name in enumerate(own)
    ]
    kind = msgspec.defstruct(
        "Row",
        columns,
        bases=(_row_type(),),
        kw_only=True,
        gc=False,
        forbid_unknown_fields=True,
        rename={f"of_plugin_{at}": name for at, name in enumerate(own)},
    )
    return msgspec.json.Decoder(kind)


def timelines(path: Path, faults: Faults) -> Iterator[Timeline]:
    """The runs in a `spans.jsonl`. Raises OSError as `rows`."""
    for number, line, _ in _lines(path, faults):
        try:
            found = msgspec.structs.asdict(converted(value(line), _timeline_type()))
            found["spans"] = tuple(Span(*span) for span in found["spans"])
            if any(span.end_ns < span.start_ns for span in found["spans"]):
                raise ValueError("a task ends before it starts")
            yield Timeline(**found)
        except ValueError as error:
            faults.add(number, str(error))


def mapping(path: Path) -> dict[str, Any]:
    """The mapping in a file of JSON. Raises OSError or ValueError."""
    found = value(read_whole(path, WHOLE_BYTES))
    if not isinstance(found, dict):
        raise ValueError("it is not a mapping")
    return found


def planned(path: Path) -> int:
    """How many cells a `sweep.json` says that its sweep has. Raises OSError or ValueError."""
    cells = mapping(path).get("cells")
    if type(cells) is not int or not 0 <= cells <= MOST:
        raise ValueError("cells: it is not a number of cells")
    return cells


class _Facts(msgspec.Struct):
    facts: dict[str, Any]
    usable_cpus: Annotated[float, Meta(gt=0, le=MOST_WORKERS)]


def environment(path: Path) -> Environment:
    """The machine of an `environment.json`. Raises OSError or ValueError."""
    found = converted(mapping(path), _Facts)
    return Environment(found.facts, found.usable_cpus)


def value(data: bytes) -> Any:
    """The value that is written there in JSON. Raises ValueError."""
    if _depth_exceeds(data):
        raise ValueError(f"lists or mappings are nested more than {DEPTH} deep")
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"it is not JSON ({error})") from None


def _depth_exceeds(data: bytes) -> bool:
    """Before a parser sees it: most of them recurse, and some of those do not look how far."""
    if data.count(b"[") + data.count(b"{") <= DEPTH:
        return False
    brackets = _STRINGS.sub(b"", data).translate(None, _NOT_BRACKETS)
    for _ in range(DEPTH):
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return bool(brackets)


def _lines(path: Path, faults: Faults) -> Iterator[tuple[int, bytes, bool]]:
    """The lines that are not empty, with their numbers from 1 on, and whether they have an end."""
    with reading(path, FILE_BYTES) as file:
        number = 0
        while line := file.readline(LINE_BYTES + 1):
            number += 1
            is_whole = line.endswith(b"\n")
            if not is_whole and len(line) > LINE_BYTES:
                while (more := file.readline(LINE_BYTES)) and not more.endswith(b"\n"):
                    pass
                faults.add(number, f"it is longer than {LINE_BYTES >> 20} MiB")
                continue
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line.strip():
                yield number, line, is_whole


def _is_torn(line: bytes) -> bool:
    """Whether that is no JSON by itself: what was written of a row before its writer ended."""
    try:
        value(line)
    except ValueError:
        return True
    return False


class _Newer(ValueError):
    """A row of a schema that this version does not know."""

    def __init__(self, schema: int) -> None:
        super().__init__(
            f"rows of schema {schema}, but this version reads schemas 1 to {SCHEMA}; "
            "read them with the version that wrote them"
        )


def _row(line: bytes) -> Row:
    """Raises ValueError, which says what is wrong."""
    plain = value(line)
    if not isinstance(plain, dict):
        raise ValueError("it is not a mapping")
    schema = plain.get("schema")
    if type(schema) is int and SCHEMA < schema <= 1000:
        raise _Newer(schema)
    if len(plain) > VALUES:
        raise ValueError(f"it has more than {VALUES} columns")
    fixed = converted(plain, _row_type())
    _moment(fixed.started_at)
    _notes(fixed.notes)
    own = _of_plugins(tuple(plain))
    if len(own) > PARAMETERS:
        raise ValueError(f"it has more than {PARAMETERS} parameters and metrics")
    more = {name: _of_plugin(name, plain[name]) for name in own}
    return Row(msgspec.structs.astuple(fixed), more)


def _moment(started_at: datetime | None) -> None:
    if started_at is not None and started_at.year not in YEARS:
        raise ValueError(f"started_at: the year {started_at.year} is not plausible")


_KNOWN = frozenset(column.name for column in FIXED)


@lru_cache(maxsize=16)
def _of_plugins(names: tuple[str, ...]) -> list[str]:
    """The parameters and metrics among the columns of a row: those of most rows are the same."""
    return [name for name in names if name not in _KNOWN and _PARAMETER.fullmatch(name)]


@lru_cache
def _notes(text: str | None) -> None:
    """Raises ValueError where these are no flags: they are the same in all rows of a cell."""
    if text is None:
        return
    try:
        converted(value(text.encode()), dict[str, str])
    except ValueError as error:
        raise ValueError(f"notes: {error}") from None


def _of_plugin(name: str, found: Any) -> Any:
    """A parameter or metric; one without a type of its own in a frame is text."""
    if found is None or found is True or found is False:
        return found
    if _is_metric(name):
        if not isinstance(found, int | float) or abs(found) > MOST:
            raise ValueError(f"{name}: it is not a number up to {MOST:g}")
        return found
    if isinstance(found, list | dict) or (isinstance(found, int) and abs(found) > _LARGEST):
        found = as_text(found)
    if isinstance(found, str) and len(found) > STRING:
        raise ValueError(f"{name}: a text of more than {STRING} characters")
    return found


def _is_metric(name: str) -> bool:
    return name.startswith("metric.")


def as_text(found: object) -> str | None:
    """What stands for a value in a column of text: a string as it is, anything else as JSON."""
    return found if found is None or isinstance(found, str) else json.dumps(found)


class _Cells:
    """What the rows of one file say of their cells: that is the same in all rows of one."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, Any]] = {}
        self.n: dict[str, int] = {}

    def agree(self, row: Row) -> None:
        """Raises ValueError where an earlier row of the same cell is one of another cell."""
        own = dict(zip(_FACTS, _facts(row.fixed), strict=True))
        cell, (n, role) = own.pop("cell"), _size(row.fixed)
        own |= {name: each for name, each in row.more.items() if not _is_metric(name)}
        known = self.known.setdefault(cell, own)
        if known != own:
            names = own.keys() | known.keys()
            [name, *_] = sorted(name for name in names if own.get(name) != known.get(name))
            raise ValueError(f"{name}: it is not that of the earlier rows of {cell}")
        # Of loops that ask what the machine gives, n is their own number.
        if role != "spin" and self.n.setdefault(cell, n) != n:
            raise ValueError(f"n: it is not that of the earlier rows of {cell}")


def converted(found: Any, what: Any) -> Any:
    """That value as what it is to be. Raises ValueError, which names the column."""
    try:
        return msgspec.convert(found, what)
    except (msgspec.ValidationError, OverflowError) as error:
        problem, _, place = str(error).partition(" - at `$")
        name = place.strip(".`")
        raise ValueError(f"{name}: {problem}" if name else problem) from None


@cache
def _row_type() -> Any:
    of = []
    for column in FIXED:
        if column.name not in FILLED_IN:
            is_needed = column.needed or column.dtype in ("int64", "bool")
            found = _type(column)
            of.append((column.name, found) if is_needed else (column.name, found | None, None))
    return msgspec.defstruct("Row", of, kw_only=True, gc=False)


def _type(column: Column) -> Any:
    if column.dtype in ("Int64", "int64"):
        least, most = int(column.least), int(column.most)
        return Annotated[int, Meta(ge=least, le=most)]
    if column.dtype == "float64":
        return Annotated[float, Meta(ge=column.least, le=column.most)]
    if column.dtype in ("bool", "boolean"):
        return bool
    if column.dtype.startswith("datetime"):
        return Annotated[datetime, Meta(tz=True)]
    if column.among:
        return Literal[column.among]
    return Annotated[str, Meta(max_length=STRING, pattern=column.pattern or None)]


@cache
def _timeline_type() -> Any:
    """The columns of a Timeline by their types."""
    types: Mapping[Any, Any] = {
        int: _Natural,
        int | None: _Natural | None,
        float: Annotated[float, Meta(ge=0, le=LONGEST_S)],
        Role: Literal[SIDES],
        "wall_s": Annotated[float, Meta(gt=0, le=LONGEST_S)],
        "wait_ns": Annotated[int, Meta(ge=-1, le=_LARGEST)],
        "thread": Annotated[int, Meta(ge=-_LARGEST, le=_LARGEST)],
    }

    def kinds(record: type) -> dict[str, Any]:
        hints = get_type_hints(record)
        return {name: types.get(name, types.get(kind, kind)) for name, kind in hints.items()}

    span = GenericAlias(tuple, tuple(kinds(Span).values()))
    own = kinds(Timeline) | {"spans": Annotated[GenericAlias(list, span), Meta(min_length=1)]}
    columns = [
        (field.name, own[field.name], *([] if field.default is MISSING else [field.default]))
        for field in fields(Timeline)
    ]
    return msgspec.defstruct("Timeline", columns)
