"""Results on disk, appended run by run: plain data, never pickle.

The parent of a measurement appends through this module before the first run is timed, so it loads
the standard library alone.
"""

import dataclasses
import errno
import json
import math
import os
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from runners.model import Environment, Run, Timeline
from runners.results import claim
from runners.results.columns import ENVIRONMENT, RUNS, SPANS
from runners.results.regular import open_regular, read_whole

SYNC_SHARE = 0.05
"""Of the time in which rows are written, what may go into having them on the disk at once."""


def from_home(path: str) -> str:
    """A path as it was typed, with the folder of the user that a `~` stands for, if it does."""
    try:
        return str(Path(path).expanduser()) if path.startswith("~") else path
    except RuntimeError:  # there is no such user
        return path


def typed(path: str) -> Path:
    """A folder that is the value of an option, for argparse: any but one without a name."""
    if not path.strip():
        from argparse import ArgumentTypeError

        raise ArgumentTypeError("no folder is named")
    return Path(from_home(path))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that is never seen half written, making its folder where there is none.

    It is on the disk, by its name, when this returns.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for stale in path.parent.glob(f".{path.name}.*"):  # of a program that was killed while it wrote
        if not _is_running(stale.suffix[1:]) and (stale.is_symlink() or not stale.is_dir()):
            stale.unlink(missing_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.unlink(missing_ok=True)  # of a program that was killed and had this one's number
    try:
        descriptor = open_regular(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        aside.unlink(missing_ok=True)


def unwritten(error: OSError) -> str:
    """What the system says of a file, in one line, for a command that has --output."""
    told = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
    remedy = "; make room, or name another folder with --output" if error.errno in full else ""
    return f"{told}{remedy}"


def write_files(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write each of these files whole into a folder; where they are, in their order."""
    for name, data in files.items():
        write_whole(folder / name, data)
    return [folder / name for name in files]


def _sync(path: Path) -> None:
    """Have a file, or a folder's list of names, on the disk; where the system can."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EROFS):
            raise
    finally:
        os.close(descriptor)


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
    _append(folder / RUNS, run.row(), is_last=run.ended_by is not None)


def append_spans(folder: Path, run: Run) -> None:
    """Append a run's spans to `spans.jsonl`: when which worker did which task."""
    if run.spans:
        names = [f.name for f in dataclasses.fields(Timeline) if f.name != "spans"]
        _append(folder / SPANS, {name: getattr(run, name) for name in names} | {"spans": run.spans})


def keep_spans(folder: Path, rounds: Collection[int | None]) -> None:
    """Of the spans in a folder, keep those of these rounds. A damaged line is of no round."""
    path = folder / SPANS
    if path.exists():
        lines = read_whole(path, SPANS_BYTES).splitlines(keepends=True)
        write_whole(path, b"".join(line for line in lines if _is_of(line, rounds)))


SPANS_BYTES = 2**30
"""The largest file of spans that is gone through."""


def _is_of(line: bytes, rounds: Collection[int | None]) -> bool:
    """A line that is torn is of no round."""
    try:
        return json.loads(line)["round"] in rounds
    except (ValueError, TypeError, KeyError, RecursionError):
        return False


class _Disk:
    """When rows were last put on the disk, and which files have others since.

    A row survives the end of its program as soon as it is written, but not that of the machine.
    To have each on the disk would take longer than many a run: what the last time took is spread
    over 1 / SYNC_SHARE of it, so that what is lost is never more work than that, and a row that
    took so long is there at once. So is the last one of a cell.
    """

    def __init__(self) -> None:
        self.cost_s = 0.0
        self.synced_s = -math.inf
        self.waiting: set[Path] = set()

    def wrote(self, path: Path, is_last: bool) -> None:
        self.waiting.add(path)
        began_s = time.monotonic()
        if not is_last and began_s - self.synced_s < self.cost_s / SYNC_SHARE:
            return
        waiting, self.waiting = list(self.waiting), set()
        for each in waiting:
            try:
                _sync(each)
            except FileNotFoundError:  # moved away, or its folder
                continue
        self.synced_s = time.monotonic()
        self.cost_s = self.synced_s - began_s


_disk = _Disk()


def _append(path: Path, value: Mapping[str, Any], is_last: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    claim.renew(path.parent)  # somebody may have moved the folder, and another program made it anew
    text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, default=str)
    line = text.encode("utf-8", "replace") + b"\n"
    file = open_regular(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
    try:
        size = os.fstat(file).st_size
        if size and os.pread(file, 1, size - 1) != b"\n":
            line = b"\n" + line  # an earlier writer died within its line: this one must stay whole
        if os.write(file, line) != len(line):
            raise OSError(f"{path}: the last line was cut short; is the disk full?")
    finally:
        os.close(file)
    if not size:
        _disk.waiting.add(path.parent)
    _disk.wrote(path, is_last)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
