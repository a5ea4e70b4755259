"""A process of another interpreter that prepares cells, as the program sees it.

It measures nothing, and lives until the program ends.
"""

import os
import select
import socket
import struct
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import IO, Any

from runners import starting
from runners.measuring.folders import Folder
from runners.measuring.interrupts import Interrupts
from runners.measuring.tree import Tree
from runners.measuring.wire import framed
from runners.model import Python, UsageError, Version, first_line, last_line, printable, signal_name
from runners.model.plain import dumped, loaded

LIMIT_S = 60.0
"""How long a module may take that is imported there, or an interpreter to start."""
END_S = 0.2
TAIL_BYTES = 20_000
"""Of what it printed; what faulthandler says of a crash is long, and begins with what it is."""

NOT_EVERYWHERE = {
    *("aifc", "annotationlib", "asynchat", "asyncore", "audioop", "cgi", "cgitb", "chunk"),
    *("compression", "crypt", "distutils", "imghdr", "imp", "lib2to3", "mailcap", "msilib"),
    *("nis", "nntplib", "ossaudiodev", "pipes", "profiling", "smtpd", "sndhdr", "spwd"),
    *("sunau", "telnetlib", "uu", "xdrlib"),
}
"""Modules of the standard library of some versions from 3.11 on, and not of others (PEP 594)."""


def lacking(python: Python, module: str) -> str:
    """How that interpreter gets a module that it does not have."""
    top = module.partition(".")[0]
    if top in NOT_EVERYWHERE | sys.stdlib_module_names:
        others = "the standard library of other Pythons"
        return f"{top} is of {others}, not of {python.name}; name one that has it, or do without"
    return to_install(python, _packages().get(top, [top])[0])


def to_install(python: Python, package: str) -> str:
    return f"to install it there: {python.executable} -m pip install {package}"


@cache
def _packages() -> Mapping[str, Sequence[str]]:
    """What has a module of that name, as `pyyaml` for `yaml`, where it is installed here."""
    return packages_distributions()


def _written(version: Version | None) -> list[str]:
    """The temporary folder that the tree of a revision is in, which goes if this program dies."""
    return [str(Path(version.tree).parent)] if version is not None and version.commit else []


class Preparing:
    """That process. `facts` is what it says of itself (`child.interpreter.facts`).

    It has that version of the user's code. Raises UsageError where it ends, or says nothing for
    LIMIT_S.
    """

    def __init__(
        self, python: Python, options: Sequence[str] = (), version: Version | None = None
    ) -> None:
        self.python = python
        self.version = version
        self.folder = Folder()
        self.output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end
        mark = f"SPEEDUP_LAB_PREPARES={uuid.uuid4().hex}"
        name, _, token = mark.partition("=")
        self.ours, theirs = socket.socketpair()
        call = f"from runners.child.prepare import main; main({theirs.fileno()})"
        try:
            self.tree = Tree(
                starting.command(python, call, self.folder.name, options, version),
                {
                    **starting.environment(python, None, version),
                    "TMPDIR": self.folder.name,
                    name: token,
                },
                theirs.fileno(),
                self.output,
                [self.folder.name, *_written(version)],
                mark,
            )
        except BaseException:
            self.ours.close()
            self.output.close()
            self.folder.remove()
            raise
        finally:
            theirs.close()
        self.interrupts: Interrupts | None = None
        self.facts = self._answer("it was started")

    def ask(
        self,
        question: Mapping[str, Any],
        interrupts: Interrupts | None = None,
        limit_s: float | None = None,
    ) -> dict[str, Any]:
        """What it answers: the mapping that `child.prepare.main` gives."""
        self.interrupts = interrupts
        try:
            self.ours.sendall(framed(dumped(question)))
        except OSError:
            pass  # it has ended, which is found where its answer is waited for
        return self._answer("it imported or made a plugin", limit_s)

    def close(self) -> None:
        """Safe to call again."""
        self.ours.close()
        self.tree.end(END_S)
        if not self.output.closed:
            self.output.close()
        self.folder.remove()

    def _answer(self, when: str, limit_s: float | None = None) -> dict[str, Any]:
        limit_s = LIMIT_S if limit_s is None else limit_s
        until_s = time.monotonic() + limit_s
        try:
            (size,) = struct.unpack("!i", self._bytes(4, until_s))
            found = loaded(self._bytes(size, until_s))
        except TimeoutError:
            self.close()
            raise self._failure(f"did not answer within {limit_s:g} s when {when}") from None
        except (EOFError, OSError):
            raise self._failure(f"{self._end()} when {when}") from None
        except (ValueError, RecursionError, struct.error):
            raise self.no_answer() from None
        if not isinstance(found, dict):
            raise self.no_answer()
        return found

    def no_answer(self) -> UsageError:
        """What is to be raised where somebody else has written what was taken for an answer."""
        self.close()
        return self._failure("said what is no answer")

    def _bytes(self, count: int, until_s: float) -> bytes:
        got = bytearray()
        while len(got) < count:
            stop = [] if self.interrupts is None else [self.interrupts.fileno()]
            left_s = max(until_s - time.monotonic(), 0)
            ready, _, _ = select.select([self.ours.fileno(), *stop], [], [], left_s)
            if self.interrupts is not None:
                self.interrupts.check()
            if not ready:
                raise TimeoutError
            part = self.ours.recv(count - len(got))
            if not part:
                raise EOFError
            got += part
        return bytes(got)

    def _end(self) -> str:
        """How it has ended."""
        code = self.tree.exit_status(END_S * 5)
        self.output.seek(0, os.SEEK_END)
        self.output.seek(max(0, self.output.tell() - TAIL_BYTES))
        text = self.output.read().decode(errors="replace")
        # What faulthandler tells of a crash begins with what it is; after that come stacks.
        said = text[text.find("Fatal Python error") :] if "Fatal Python error" in text else ""
        said = first_line(said) or last_line(text)
        self.close()
        how = "was killed" if code is None else f"ended with exit status {code}"
        if code is not None and code < 0:
            how = f"ended by signal {signal_name(-code)}"
        return f"{how}{f' ({said})' if said else ''}"

    def _failure(self, what: str) -> UsageError:
        of = f"python={self.python.asked}"
        if self.version is not None:
            of = f"versus={self.version.asked}" + ("" if self.python.is_this else f" {of}")
        return UsageError(printable(first_line(f"{of}: {self.python.executable} {what}")))
