"""Interpreters are asked what they are, many at the same time, and each once in a program's life.

Whatever a user has named is started here: it may be no Python, hang, crash, or print without end.
"""

import errno
import json
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from runners.child import asked
from runners.model import THIS, Python, last_line, printable, signal_name
from runners.starting import foreign_environment

OLDEST = (3, 11)
ANSWER_S = 10.0
"""How long a program has to answer and to end."""
MOST_BYTES = 100_000
"""Of what it prints, on each of its two streams: what goes on is no answer."""
LONGEST = 200
"""Characters of what it printed that are quoted."""
LOOK_S = 0.005
"""How often it is looked whether a program has ended: what it left may keep its streams open."""


class NotFit(Exception):
    """What was found there cannot measure; the message says what it is."""


def numbers(version: str) -> tuple[int, int]:
    """Major and minor number of a version."""
    major, minor = re.findall(r"\d+", version)[:2]
    return int(major), int(minor)


def this_python() -> Python:
    """The interpreter that this program runs in."""
    facts: Mapping[str, Any] = asked.FACTS
    return Python(asked=THIS, **facts)


def ask(executable: str) -> Python:
    """What that interpreter says of itself; `asked` stays empty. Raises NotFit."""
    same = _same(executable)
    if same not in _ANSWERS:
        [_ANSWERS[same]] = _answers([executable])
    answer = _ANSWERS[same]
    if isinstance(answer, NotFit):
        raise answer
    return answer


def ask_all(executables: Iterable[str]) -> None:
    """Have all of these answer at the same time, so that each is then known to `ask`."""
    new = {_same(path): path for path in reversed([*executables])}  # by the first of its names
    for same in _ANSWERS.keys() & new.keys():
        del new[same]
    _ANSWERS.update(zip(new, _answers([*new.values()]), strict=True))


_Same = tuple[str, int, int]
_ANSWERS: dict[_Same, Python | NotFit] = {}


def _same(executable: str) -> _Same:
    """What two names of one interpreter have in common, until its file is another one.

    A virtual environment's is a link to the one that it was made with, and yet another. So may be
    other links than from one name of Python to another: what is started can tell by its name.
    """
    path = Path(executable)
    folder = Path(os.path.realpath(path.parent))
    target = Path(os.path.realpath(path))
    in_environment = any((at / "pyvenv.cfg").is_file() for at in (folder, folder.parent))
    known = all(re.fullmatch(r"(python|pypy)[\d.]*t?", name.name) for name in (path, target))
    name = target if known and not in_environment else folder / path.name
    try:
        file = target.stat()
    except OSError:
        return str(name), 0, 0
    return str(name), file.st_ino, file.st_mtime_ns


def _answers(executables: Sequence[str]) -> list[Python | NotFit]:
    # The first line ends a shell, which would go on to run `import`, a program that some have. For
    # Python it is a text. No user's site, whose start-up files may run anything.
    text = '"exit"\n' + Path(asked.__file__).read_text(encoding="ascii")

    def each(paths: Sequence[str]) -> list[Python | NotFit]:
        commands = [[path, "-E", "-s", "-c", text] for path in paths]
        all_ended = ended_all(commands, foreign_environment(os.environ))
        return [_answer(path, ended) for path, ended in zip(paths, all_ended, strict=True)]

    answers = each(executables)
    # A shim is one interpreter's way to another. A script may have prepared what that one needs to
    # start: then the script stays.
    shims = [
        at
        for at, answer in enumerate(answers)
        if isinstance(answer, Python) and _same(answer.executable) != _same(executables[at])
    ]
    direct = each([answer.executable for at in shims if isinstance(answer := answers[at], Python)])
    for at, answer in zip(shims, direct, strict=True):
        shim = answers[at]
        assert isinstance(shim, Python)
        if answer != shim:
            answers[at] = replace(shim, executable=executables[at])
    return answers


def _answer(path: str, ended: "Ended | OSError") -> Python | NotFit:
    """What that program has told of itself, or what it is instead."""
    if isinstance(ended, OSError):
        return NotFit(f"{path} cannot be started ({ended.strerror}){_why(ended)}")
    if ended.status is None and ended.too_much:
        return NotFit(f"{path} is no Python: it prints on and on, {_quoted(ended.out, ended.err)}")
    if ended.status is None:
        return NotFit(f"{path} did not answer and end within {ANSWER_S:g} s when asked what it is")
    if ended.status < 0:
        name = signal_name(-ended.status)
        return NotFit(f"{path} ended by signal {name} when asked what it is{_said(ended.err)}")
    facts = _facts(ended.out)
    if ended.status > 0:
        if missing := re.search(r"No module named '?(encodings|site)\b", ended.err):
            return NotFit(
                f"{path} cannot find its own standard library (it has no {missing[1]}): it was "
                "moved, or is not all there"
            )
        return NotFit(
            f"{path} is no Python, or a broken one: asked what it is, it ended with exit status "
            f"{ended.status}{_said(ended.err)}"
        )
    if facts is None:
        return NotFit(f"{path} is no Python: asked what it is, {_quoted(ended.out, ended.err)}")
    answer = replace(facts, executable=facts.executable or path)
    if numbers(answer.version) < OLDEST:
        return NotFit(
            f"{path} is {answer.implementation} {answer.version}; from "
            f"{'.'.join(map(str, OLDEST))} on an interpreter can measure"
        )
    return answer


def _facts(out: str) -> Python | None:
    for line in reversed(out.splitlines()):
        if line.startswith(asked.MARK):
            try:
                answer = Python(asked="", **json.loads(line.removeprefix(asked.MARK)))
                numbers(answer.version)
            except (ValueError, TypeError, RecursionError):
                continue
            return answer
    return None


def _why(error: OSError) -> str:
    reasons = {
        "ENOEXEC": ": it is no program, or one for another kind of processor",
        "ENOENT": ": what runs it, the one of its #! line or its loader, is not there",
    }
    return reasons.get(errno.errorcode.get(error.errno or 0, ""), "")


def _said(err: str) -> str:
    """Of several lines the last one says what it was, but for those that some put first."""
    told = re.search(r"^(Fatal Python error: |pyenv: ).*", err, re.MULTILINE)
    line = told[0] if told else last_line(re.sub(r"^Try .* for more.*$", "", err, flags=re.M))
    return f": {printable(line[:LONGEST])}" if line else ""


def _quoted(out: str, err: str) -> str:
    text = next((line.strip() for line in (out + "\n" + err).splitlines() if line.strip()), "")
    cut = "..." if len(text) > LONGEST else ""
    return f"it said '{printable(text[:LONGEST])}{cut}'" if text else "it said nothing"


class Ended:
    """A program that was started, and what it printed.

    `status` is None for one that had to be ended, over its time or, `too_much`, what it printed.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",  # whose files nobody takes for modules
            env=environment,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.streams = (self.process.stdout, self.process.stderr)
        self.printed = {stream: bytearray() for stream in self.streams}
        self.open = {*self.streams}
        self.status: int | None = None
        self.too_much = False
        for stream in self.streams:
            os.set_blocking(stream.fileno(), False)

    @property
    def out(self) -> str:
        return self.printed[self.streams[0]].decode("utf-8", "replace")

    @property
    def err(self) -> str:
        return self.printed[self.streams[1]].decode("utf-8", "replace")

    def is_over(self) -> bool:
        """Whether it has ended or said too much, all that it has written until now being read."""
        status = self.process.poll()  # first: what it then has not written it will never write
        for stream in [*self.open]:
            self._read(stream)
        if not self.too_much:
            self.status = status
        return self.too_much or status is not None

    def _read(self, stream: IO[bytes]) -> None:
        while len(self.printed[stream]) <= MOST_BYTES:
            try:
                part = os.read(stream.fileno(), MOST_BYTES)
            except BlockingIOError:
                return
            if not part:
                self.open.discard(stream)
                return
            self.printed[stream] += part
        self.too_much = True

    def close(self) -> None:
        """End all that it has started, but for what has moved elsewhere."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # nothing is left of it
            pass
        self.process.wait()
        for stream in self.streams:
            stream.close()


def ended_all(
    commands: Iterable[Sequence[str]], environment: Mapping[str, str]
) -> "list[Ended | OSError]":
    """All of these programs, run at the same time and ended, or why one could not be started."""
    found: list[Ended | OSError] = []
    try:
        for command in commands:
            try:
                found.append(Ended(command, environment))
            except OSError as error:
                found.append(error)
        running = [one for one in found if isinstance(one, Ended)]
        end_s = time.monotonic() + ANSWER_S
        while (running := [one for one in running if not one.is_over()]) and (
            left_s := end_s - time.monotonic()
        ) > 0:
            select.select([s for one in running for s in one.open], [], [], min(left_s, LOOK_S))
    finally:
        for one in found:
            if isinstance(one, Ended):
                one.close()
    return found
