"""The interpreters that cells are to be measured by, as planning asks them.

That of this program is asked here. Another one, or another version of the user's code, has a
process that prepares cells for the whole command (`measuring.preparing`), so that nothing of its
modules is imported here.
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Protocol

from runners.child import interpreter
from runners.child.elsewhere import counterpart
from runners.child.plugins import BrokenPlugin
from runners.child.prepare import Prepared, Request, again, local, prepared
from runners.child.sources import Code
from runners.door import Staying
from runners.measuring.preparing import Preparing, lacking, to_install
from runners.model import (
    THIS,
    Environment,
    Factory,
    Flag,
    Python,
    Unsupported,
    UsageError,
    Version,
)
from runners.planning import pythons, versions
from runners.planning.environment import interpreter_options, read_environment
from runners.planning.hydra_versions import blocked


class Interpreter(Protocol):
    """One of them. `kind` is its name in the identity of a cell, `facts` what it says of itself.

    `options` are those that it is started with.
    """

    @property
    def python(self) -> Python: ...

    @property
    def kind(self) -> str: ...

    @property
    def facts(self) -> Mapping[str, Any]: ...

    @property
    def options(self) -> tuple[str, ...]: ...

    def prepared(self, request: Request) -> Prepared:
        """A cell's plugins, as that interpreter has them. Raises UsageError."""
        ...

    def local(self, targets: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        """Which executors it has workers for (`child.prepare.local`)."""
        ...


class This:
    """The interpreter that this program runs in."""

    def __init__(self, python: Python) -> None:
        self.python = python
        self.kind = interpreter.python_kind()
        self.facts = interpreter.facts()
        self.options = interpreter_options()
        self.code = Code(self.facts["packages"])

    def prepared(self, request: Request) -> Prepared:
        with Staying():
            return prepared(request, self.code, blocked)

    def local(self, targets: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        with Staying():
            return local(targets)


class Other:
    """Another one, or this one with nothing of this program's, or another version of the code."""

    def __init__(self, python: Python, version: Version | None = None) -> None:
        self.python = python
        self.version = version
        self.options = interpreter_options() if python.is_this else ()
        self.process = Preparing(python, self.options, version)
        self.facts = dict(self.process.facts)
        self.kind = str(self.facts.pop("kind"))

    def prepared(self, request: Request) -> Prepared:
        sent = asdict(request)
        sent["workload_keys"] = self._keys(request.workload_keys)
        try:
            found = self.process.ask(sent)
        except UsageError as error:  # a plugin has ended it: the next cell gets another one
            del _known[_key(self.python.asked, self.version)]
            names = f"workload={request.workload} executor={request.executor}"
            raise BrokenPlugin(f"{names}: {error}; fix it") from None
        try:
            if (refused := found.get("refused")) is None:
                return self._answer(found["prepared"], request)
            refusal = self._refusal(refused)
        except (KeyError, TypeError, AttributeError, ValueError):
            # Code of the user's, which is loaded there, has written to where the answer comes.
            raise self.process.no_answer() from None
        raise refusal

    def _answer(self, answer: dict[str, Any], request: Request) -> Prepared:
        answer["workload_as"]["parameters"] = {
            name: value for name, value in request.workload_keys.items() if name != "_target_"
        }
        return Prepared(
            **answer
            | {
                "workload_as": Factory(**answer["workload_as"]),
                "executor_as": Factory(**answer["executor_as"]),
                "baseline_as": Factory(**answer["baseline_as"]),
                "flags": tuple(
                    Flag(flag["code"], self._told(flag["detail"])) for flag in answer["flags"]
                ),
            }
        )

    def _keys(self, keys: Mapping[str, Any]) -> dict[str, Any]:
        """The workload's keys; what names a file of the user's code by its path has another one."""
        version = self.version
        if version is None:
            return dict(keys)

        def moved(value: Any) -> Any:
            if isinstance(value, Mapping):
                return {name: moved(part) for name, part in value.items()}
            if isinstance(value, str) and (named := FILE.fullmatch(value)) is not None:
                return counterpart(named[1], version.root, version.tree) + named[2]
            return value

        return {name: moved(value) for name, value in keys.items()}

    def _refusal(self, refused: Mapping[str, Any]) -> UsageError:
        """The error that was raised there; what is not in that version is no mistake."""
        message = self._told(refused["message"])
        more = f" ({self._remedy(refused['missing'], message)})"
        error = again({**refused, "message": message}, more)
        if self.version is not None and refused["absent"]:
            error.__cause__ = Unsupported(str(error))
        return error

    def _told(self, text: str) -> str:
        """A text of that process as its user knows the files: a tree of git is anywhere."""
        if self.version is None or not self.version.commit:
            return text
        return text.replace(f"{self.version.tree}/", "")

    def local(self, targets: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        answer = self.process.ask({"executors": dict(targets)})
        return answer["found"], answer["broken"]

    def _remedy(self, missing: str | None, message: str) -> str:
        """Which interpreter that was, and how to install there what it lacks."""
        python, version = self.python, self.version
        which = f"python={python.asked}: {self.kind}, {python.executable}"
        if version is not None:
            of = f"versus={version.name}"
            which = of if python.is_this else f"{of}, {which}"
            if python.is_this and version.commit and missing is not None:
                return (
                    f"{which}; of a revision there is what git has: if {missing} is built or "
                    "ignored, build it in a checkout, and name that folder"
                )
            if python.is_this:
                return which
        needed = re.search(r"needs the package ([\w.-]+)", message)
        if needed is not None:
            return f"{which}; {to_install(python, needed[1])}"
        return f"{which}; {lacking(python, missing)}" if missing is not None else which


FILE = re.compile(r"(/.*\.py)(:[\w.]+)")
"""What names a function in a file, by the whole path."""

_known: dict[tuple[str, str | None], This | Other] = {}
"""By what they were called, and the version of the code: each is asked once in a program."""


def _key(asked: str, version: Version | None) -> tuple[str, str | None]:
    return asked, version.asked if version is not None else None


def of(asked: str, version: Version | None = None) -> Interpreter:
    """The interpreter of that name. Raises UsageError where there is none that can measure."""
    key = _key(asked, version)
    if key not in _known:
        python = pythons.find(asked)
        is_this = python.is_this and version is None
        _known[key] = This(python) if is_this else Other(python, version)
    return _known[key]


def close() -> None:
    """End the processes that prepare, and forget what was asked of any interpreter."""
    for known in _known.values():
        if isinstance(known, Other):
            known.process.close()
    _known.clear()
    versions.close()


def environment_of(asked: str, version: Version | None = None) -> Environment:
    """The machine as it is now, that interpreter, and the commit of that version of the code."""
    found = of(asked, version)
    environment = read_environment()
    facts = dict(environment.facts)
    if version is not None:  # what git says of the tree that is here is not of that one
        facts = {name: value for name, value in facts.items() if not name.startswith("git_")}
        facts["git_commit"] = versions.commit_of(version)
    facts |= {**found.facts, "python_options": " ".join(found.options)}
    return replace(environment, facts=facts)


def executors(asked: str, targets: Mapping[str, str]) -> list[str]:
    """Which of the executors of these targets that interpreter has workers for, by name.

    What cannot be imported there is left out with a warning.
    """
    found, broken = of(asked).local(targets)
    of_it = "" if asked == THIS else f" (python={asked})"
    for name, why in broken.items():
        print(f"warning: executor=all is without {name}{of_it}: {why}", file=sys.stderr)
    return found
