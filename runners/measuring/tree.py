"""The measuring process and all that descends from it, as their parent sees them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import runners
from runners.measuring import cgroup, reaper
from runners.measuring.processes import END_S, TERM_S, end_all, is_helper, send
from runners.measuring.shared_memory import Objects
from runners.measuring.stops import After

ANSWER_S = 10.0
"""How long the reaper may take to answer: it was stopped, or killed, if it takes longer."""
PACKAGE = str(Path(runners.__file__).parent.parent)


class Tree:
    """A measuring process that was started by a reaper, which ends all that comes of it.

    The reaper does so however this process ends. If it is killed itself, the measuring process dies
    with it, and what can still be found is ended from here: by the mark in its environment. The
    first of the folders is removed at the end, the others if this process dies.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        passed: int | None,
        output: IO[bytes],
        folders: Sequence[str],
        mark: str,
    ) -> None:
        self.mark = mark
        self.objects = Objects()
        self.pid: int | None = None
        self.status: int | None = None
        self.adopts = self.ended = False
        self.heard = b""
        self.questions = 0
        self.cgroup: str | None = None
        self.memory_group: str | None = None
        ours, theirs = socket.socketpair()
        fds = [theirs.fileno(), *([] if passed is None else [passed])]
        call = (theirs.fileno(), passed, list(folders), PACKAGE, list(command))
        place = str(Path(reaper.__file__).parent)
        code = f"import sys; sys.path.append({place!r}); import reaper; reaper.main(*{call!r})"
        try:
            # No module of the user's is loaded: it would cost time, and might do anything.
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", code],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=fds,
                env=environment,
                start_new_session=True,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self.control = ours

    def before(self) -> None:
        """A run is about to begin. The reaper has noted what is there, and sleeps from now on."""
        self._asked("before", ANSWER_S)

    def after(self, scope: str) -> After:
        """What has become since; `scope` says what counts as left (`serving.Serving.after`)."""
        found = self._found(f"after {scope}")
        self.objects.found |= found.objects or {}
        return found

    def count_memory(self) -> str | None:
        """Have a control group count the memory of all of them: which; None if none may be."""
        self.memory_group = self._asked("memory", ANSWER_S)
        return self.memory_group

    def look(self) -> After:
        """What was stopped, and is."""
        return self._found("look")

    def exit_status(self, patience_s: float) -> int | None:
        """How the measuring process has ended, as `subprocess` says it; None: nobody knows."""
        if self.status is None:
            self._hear("exited", patience_s)
        return self.status

    def living(self) -> list[int]:
        """The processes of it, as far as their control group or their environment tells."""
        group = cgroup.processes(self.cgroup) if self.cgroup is not None else []
        return list({*marked(self.mark), *group} - {self.process.pid})

    def end(self, patience_s: float) -> None:
        """End all; the measuring process may take so long to end by itself. Safe to call again."""
        if self.ended:
            return
        self.ended = True
        self._signal(self.process.pid, signal.SIGCONT)
        self._asked(f"end {patience_s}", patience_s + 2 * TERM_S + END_S + ANSWER_S)
        try:
            self.process.wait(TERM_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.returncode != 0 or not self.adopts:
            self._end_alone()
        self.control.close()

    def _end_alone(self) -> None:
        """What the reaper would have done, if it had not been killed."""
        group = cgroup.processes(self.cgroup) if self.cgroup is not None else []
        group = [pid for pid in group if not is_helper(pid)]
        send(group, signal.SIGSTOP)  # before they end, and nobody can tell what they have made
        self.objects.note(group)
        if self.pid is not None:
            self.objects.note_named(self.pid)
        end_all(
            self.living, self.objects.note
        )  # trackers of resources last: they have to do their work
        for one in (self.memory_group, self.cgroup):
            if one is not None:
                cgroup.end(one)
        self.objects.remove()

    def _found(self, words: str) -> After:
        found = self._asked(words, ANSWER_S)
        return After(**found) if isinstance(found, dict) else After()

    def _asked(self, words: str, patience_s: float) -> Any:
        """The reaper's answer; None if it is dead, or says nothing for so long.

        Each question has a number: an answer that comes too late is none to the next one.
        """
        self.questions += 1
        try:
            self.control.sendall(f"{self.questions} {words}\n".encode())
        except OSError:
            pass  # it was killed, which is found where the answer is waited for
        return self._hear("answer", patience_s, self.questions)

    def _hear(self, what: str, patience_s: float, to: int | None = None) -> Any:
        """What the reaper says of that, to that question if it is an answer."""
        until_s = time.monotonic() + patience_s
        while True:
            line, found, rest = self.heard.partition(b"\n")
            if found:
                self.heard = rest
                said = json.loads(line)
                self.pid = said.get("started", self.pid)
                self.adopts = said.get("adopts", self.adopts)
                self.cgroup = said.get("cgroup", self.cgroup)
                self.status = said.get("exited", self.status)
                if what in said and said.get("to") == to:
                    return said[what]
                continue
            self.control.settimeout(max(until_s - time.monotonic(), 0.001))
            try:
                more = self.control.recv(65536)
            except OSError:
                return None
            if not more:
                return None
            self.heard += more

    @staticmethod
    def _signal(pid: int, number: int) -> None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def marked(mark: str) -> list[int]:
    """The processes that have `mark` in their environment, as far as can be seen."""
    import psutil  # slow to load, and rarely needed

    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except psutil.Error:  # it has ended, or is another user's
            continue
        if any(mark == f"{name}={value}" for name, value in environment.items()):
            found.append(process.pid)
    return found
