"""One folder of results, one program that writes into it, also between machines that share it.

A claim is a file `.claim.N` in the folder that says who has it. A number is created exclusively,
and the claim of an owner that is known to be gone is followed by the next number. Why two never
have a folder at once:

- Each creates its own claim first and looks for others afterwards. Of two, the one that created
  last sees the other's when it looks, and gives way. (If both look late, both give way.)
- Nobody deletes the claim of somebody who may be alive. To delete a claim that looks gone, and then
  to create it anew under the same name, would let two in: the second to do so deletes the first
  one's. Here only who has the folder deletes, and only claims of the dead; whoever has created one
  meanwhile from an older view has yet to look, and gives way.
- A claim that is still empty is not yet an owner's: its maker has yet to look. So it may be passed
  over; it is waited for all the same, so that it is not both that give way.
- A claim that its maker no longer finds, since somebody has deleted it, is made anew.

The parent of a measurement takes claims before the first run, so this loads the standard library
alone.
"""

import json
import os
import re
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from runners.living import this_process
from runners.model import UsageError, timestamp
from runners.results.owner import Owner, job, owner_by
from runners.results.regular import open_regular

CLAIM = ".claim."
LONGEST_BYTES = 4096
EMPTY_S = 1.0
"""How long the maker of an empty claim may take to say who it is."""


class Claimed(UsageError):
    """Another program has that folder."""

    def __init__(self, folder: Path, owner: Owner) -> None:
        super().__init__(
            f"{folder}: another program is measuring into this folder, {owner.who}; wait for it "
            f"or choose another one{owner.remedy}"
        )
        self.owner = owner


@dataclass(frozen=True, slots=True)
class _Held:
    """A claim of this process: its file, and what is in it."""

    file: Path
    text: bytes
    pid: int


_held: dict[Path, _Held] = {}


def take(folder: Path) -> None:
    """Claim a folder for this process, which makes it where it is missing. Once is enough.

    Raises Claimed if another program has it.
    """
    place = _place(folder)
    if _mine(place):
        return
    place.mkdir(parents=True, exist_ok=True)
    while True:
        numbers = _numbers(place)
        if (owner := _first(place, numbers)) is not None:
            raise Claimed(folder, owner)
        number = max(numbers, default=0) + 1
        file = place / f"{CLAIM}{number}"
        more = {"job": job(), "at": timestamp()[:19] + "Z", "claim": uuid.uuid4().hex}
        text = json.dumps(this_process(os.getpid()) | more)
        try:
            _create(file, text.encode())
        except FileExistsError:  # somebody was faster
            continue
        held = _held[place] = _Held(file, text.encode(), os.getpid())
        try:
            others = [other for other in _numbers(place) if other != number]
            if (owner := _first(place, others)) is not None:
                raise Claimed(folder, owner)
        except BaseException:
            release(place)
            raise
        if _read(file) == held.text:
            break
        del _held[place]
    for other in others:  # of the dead
        (place / f"{CLAIM}{other}").unlink(missing_ok=True)


def renew(folder: Path) -> None:
    """Claim a folder of this process's anew, if it was moved or removed meanwhile.

    Raises Claimed if another program has it by now.
    """
    held = _mine(place := _place(folder))
    if held is not None and _read(held.file) != held.text:
        del _held[place]
        take(place)


def release(folder: Path) -> None:
    """Give up a folder, if this process has it."""
    if (held := _mine(place := _place(folder))) is None:
        return
    # Somebody may have deleted it by hand, and then another program took its number.
    if _read(held.file) == held.text:
        with suppress(OSError):
            held.file.unlink()
    del _held[place]


def release_all() -> None:
    """Give up whatever this process has, at its end."""
    for place in list(_held):
        release(place)


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Have a folder meanwhile; it is kept if this process had it before. Raises Claimed."""
    before = _mine(_place(folder))
    take(folder)
    try:
        yield
    finally:
        if before is None:
            release(folder)


def clear(folder: Path) -> None:
    """Remove the claims that programs have left in a folder that were killed, if it is free."""
    with suppress(Claimed, OSError):
        if _numbers(folder):
            take(folder)
            release(folder)


def holder(folder: Path) -> Owner | None:
    """Another program that has claimed this folder, and is not known to be gone."""
    place = _place(folder)
    return None if _mine(place) else _first(place, _numbers(place))


def _place(folder: Path) -> Path:
    return Path(os.path.realpath(folder))


def _mine(place: Path) -> _Held | None:
    """This process's own claim; a forked process does not have its parent's."""
    held = _held.get(place)
    return held if held is not None and held.pid == os.getpid() else None


def _first(place: Path, numbers: Iterable[int]) -> Owner | None:
    """The owner of the first of these claims that is not known to be gone."""
    for number in numbers:
        file = place / f"{CLAIM}{number}"
        text = _read(file)
        until_s = time.monotonic() + EMPTY_S
        while text == b"" and _is_new(file) and time.monotonic() < until_s:
            time.sleep(0.01)
            text = _read(file)
        if text == b"":
            continue
        if text is not None and (owner := owner_by(file, text)) is not None:
            return owner
    return None


def _numbers(place: Path) -> list[int]:
    try:
        names = os.listdir(place)  # noqa: PTH208 - for each cell, and fast in a folder of many
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = (name.removeprefix(CLAIM) for name in names if name.startswith(CLAIM))
    return sorted(int(number) for number in found if re.fullmatch("[1-9][0-9]{0,8}", number))


def _create(file: Path, text: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        if os.write(descriptor, text) != len(text):
            raise OSError(f"{file}: it was cut short; is the disk full?")
    except OSError:
        file.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _read(file: Path) -> bytes | None:
    """What is in a claim; None where it is gone, `b"?"` where it cannot be read."""
    try:
        descriptor = open_regular(file, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except OSError:
        return b"?"
    try:
        return os.read(descriptor, LONGEST_BYTES)
    except OSError:
        return b"?"
    finally:
        os.close(descriptor)


def _is_new(file: Path) -> bool:
    try:
        return abs(time.time() - file.stat().st_mtime) < EMPTY_S
    except OSError:
        return False
