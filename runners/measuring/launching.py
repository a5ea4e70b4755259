"""How measuring processes are started where a launcher has to do it (`model.Launching`)."""

import socket
import struct
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from runners import starting
from runners.measuring.interrupts import Interrupts
from runners.measuring.preparing import Preparing
from runners.model import RANKS, Launch, Plan, UsageError, launch_of

_known: dict[Any, dict[int, Launch]] = {}
"""What was found out, by the number of workers: for the time of this program, the machine stays as
it is."""
LIMIT_S = 180.0
"""How long it may take to try what works: some launchers, each for some seconds."""
PLACE = ".launched"
"""The name of the socket at which a measuring process is waited for, in its folder."""


def launched(plan: Plan, interrupts: Interrupts) -> Plan:
    """The plan as it can be measured here: its rows say how, and whether workers are kept."""
    if not plan.launches:
        return plan
    own = {name: value for name, value in plan.parameters.items() if name.startswith("executor.")}
    kind = (plan.host, plan.executor_as.target, repr(sorted(own.items())))
    known = _known.setdefault(kind, {})
    earlier = next(reversed(known.values()), None)
    launch = earlier if earlier is not None and earlier.for_any else known.get(plan.n)
    if launch is None:
        launch = known[plan.n] = _found(plan, earlier, interrupts)
    told: dict[str, Any] = {"executor.launch": launch.name}
    kept = launch.is_kept and not plan.measure.fresh  # there each run has a process of its own
    if kept:
        told["executor.reuse"] = True
    return replace(
        plan,
        launch=launch,
        reuse=plan.reuse or kept,
        parameters={**plan.parameters, **told},
        flags=tuple(dict.fromkeys((*plan.flags, *launch.flags))),
    )


def _found(plan: Plan, earlier: Launch | None, interrupts: Interrupts) -> Launch:
    question: Mapping[str, Any] = {
        "launching": plan.executor_as.target,
        "given": plan.given,
        "earlier": None if earlier is None else asdict(earlier),
    }
    try:
        process = Preparing(plan.python, starting.options(plan), plan.version)
        with closing(process):
            return launch_of(process.ask(question, interrupts, LIMIT_S)["launch"])
    except UsageError as error:
        return Launch("none", refused=str(error))


class Entrance:
    """Where a measuring process comes in that a launcher has started: a socket in its folder."""

    def __init__(self, folder: str) -> None:
        self.path = str(Path(folder, PLACE))
        self.socket = socket.socket(socket.AF_UNIX)
        try:
            self.socket.bind(self.path)
            self.socket.listen(1)
        except BaseException:
            self.socket.close()
            raise

    def fileno(self) -> int:
        return self.socket.fileno()

    def close(self) -> None:
        self.socket.close()

    def take(self) -> tuple[socket.socket, int]:
        """The connection of the one that has come, and its number."""
        connection, _ = self.socket.accept()
        self.close()
        size = struct.calcsize("3i")
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        pid, *_ = struct.unpack("3i", credentials)
        return connection, pid


def command(launch: Launch, workers: int, own: list[str]) -> list[str]:
    """The words that start a process, `own`, with so many workers."""
    return [str(workers + 1) if word == RANKS else word for word in launch.words] + own


def environment(launch: Launch, own: Mapping[str, str]) -> dict[str, str]:
    found = dict(own)
    for name, value in launch.environment.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = value
    return found
