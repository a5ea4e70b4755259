"""The interpreters that cells are to be measured by, as planning asks them.

That of this program is asked here. Another one has a process that prepares cells for the whole
command (`measuring.preparing`), so that nothing of its modules is imported here.
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Protocol

from runners.child import interpreter
from runners.child.plugins import BrokenPlugin
from runners.child.prepare import Prepared, Request, again, local, prepared
from runners.child.sources import Code
from runners.door import Staying
from runners.measuring.preparing import Preparing, lacking, to_install
from runners.model import THIS, Environment, Factory, Flag, Python, UsageError
from runners.planning import pythons
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
    """Another one, or this one with nothing of this program's."""

    options: tuple[str, ...] = ()

    def __init__(self, python: Python) -> None:
        self.python = python
        self.process = Preparing(python)
        self.facts = dict(self.process.facts)
        self.kind = str(self.facts.pop("kind"))

    def prepared(self, request: Request) -> Prepared:
        try:
            found = self.process.ask(asdict(request))
        except UsageError as error:  # a plugin has ended it: the next cell gets another one
            del _known[self.python.asked]
            names = f"workload={request.workload} executor={request.executor}"
            raise BrokenPlugin(f"{names}: {error}; fix it") from None
        if (refused := found.get("refused")) is not None:
            raise again(refused, f" ({self._remedy(refused['missing'], refused['message'])})")
        answer = found["prepared"]
        return Prepared(
            **answer
            | {
                "workload_as": Factory(**answer["workload_as"]),
                "executor_as": Factory(**answer["executor_as"]),
                "baseline_as": Factory(**answer["baseline_as"]),
                "flags": tuple(Flag(**flag) for flag in answer["flags"]),
            }
        )

    def local(self, targets: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        answer = self.process.ask({"executors": dict(targets)})
        return answer["found"], answer["broken"]

    def _remedy(self, missing: str | None, message: str) -> str:
        """Which interpreter that was, and how to install there what it lacks."""
        python = self.python
        which = f"python={python.asked}: {self.kind}, {python.executable}"
        needed = re.search(r"needs the package ([\w.-]+)", message)
        if needed is not None:
            return f"{which}; {to_install(python, needed[1])}"
        return f"{which}; {lacking(python, missing)}" if missing is not None else which


_known: dict[str, This | Other] = {}
"""By what they were called: each is asked once in a program."""


def of(asked: str) -> Interpreter:
    """The interpreter of that name. Raises UsageError where there is none that can measure."""
    if asked not in _known:
        python = pythons.find(asked)
        _known[asked] = This(python) if python.is_this else Other(python)
    return _known[asked]


def close() -> None:
    """End the processes that prepare, and forget what was asked of any interpreter."""
    for known in _known.values():
        if isinstance(known, Other):
            known.process.close()
    _known.clear()


def environment_of(asked: str) -> Environment:
    """The machine as it is now, and that interpreter."""
    found = of(asked)
    facts = {**found.facts, "python_options": " ".join(found.options)}
    environment = read_environment()
    return replace(environment, facts={**environment.facts, **facts})


def executors(asked: str, targets: Mapping[str, str]) -> list[str]:
    """Which of the executors of these targets that interpreter has workers for, by name.

    What cannot be imported there is left out with a warning.
    """
    found, broken = of(asked).local(targets)
    of_it = "" if asked == THIS else f" (python={asked})"
    for name, why in broken.items():
        print(f"warning: executor=all is without {name}{of_it}: {why}", file=sys.stderr)
    return found
