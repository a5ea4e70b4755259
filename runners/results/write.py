"""Results on disk, appended run by run: plain data, never pickle.

The parent of a measurement appends through this module before the first run is timed, so it loads
the standard library alone.
"""

import dataclasses
import json
import math
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from runners.model import Environment, Run, Timeline
from runners.results.columns import ENVIRONMENT, RUNS, SPANS


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that is never seen half written, making its folder where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for stale in path.parent.glob(f".{path.name}.*"):  # of a program that was killed while it wrote
        if not _is_running(stale.suffix[1:]):
            stale.unlink(missing_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        pass
    return True


def write_json(path: Path, value: Any) -> None:
    """Write `value` as one whole JSON file; numbers that are not finite become null."""
    text = json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False, default=str)
    write_whole(path, text.encode("utf-8", "replace") + b"\n")


def write_environment(folder: Path, environment: Environment) -> None:
    write_json(folder / ENVIRONMENT, dataclasses.asdict(environment))


def append(folder: Path, run: Run) -> None:
    """Append one run to `runs.jsonl` as a whole line, in a single write."""
    _append(folder / RUNS, run.row())


def append_spans(folder: Path, run: Run) -> None:
    """Append a run's spans to `spans.jsonl`: when which worker did which task."""
    if run.spans:
        names = [f.name for f in dataclasses.fields(Timeline) if f.name != "spans"]
        _append(folder / SPANS, {name: getattr(run, name) for name in names} | {"spans": run.spans})


def keep_spans(folder: Path, rounds: Collection[int | None]) -> None:
    """Of the spans in a folder, keep those of these rounds. A damaged line is of no round."""
    path = folder / SPANS
    if path.exists():
        lines = path.read_bytes().splitlines()
        kept = [line + b"\n" for line in lines if _round(line) in rounds]
        write_whole(path, b"".join(kept))


def _round(line: bytes) -> int | None:
    """The round of a line of `spans.jsonl`; -1 where it is damaged, as by a crash."""
    try:
        number = json.loads(line)["round"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return -1
    return number if isinstance(number, int) else -1


def _append(path: Path, value: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, default=str)
    line = text.encode("utf-8", "replace") + b"\n"
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        size = os.fstat(file).st_size
        if size and os.pread(file, 1, size - 1) != b"\n":
            line = b"\n" + line  # an earlier writer died within its line: this one must stay whole
        if os.write(file, line) != len(line):
            raise OSError(f"{path}: the last line was cut short; is the disk full?")
    finally:
        os.close(file)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
