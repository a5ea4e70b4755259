"""Jobs of a cluster: submitted by submitit, asked after and cancelled by commands of the cluster.

Slurm's accounting (sacct) needs a database that many clusters do not have, so jobs are asked after
with `squeue`, and once they are gone with `scontrol`.
"""

import io
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from runners.door import libraries_only
from runners.living import is_alive, this_process
from runners.model import UsageError, in_one_line

COMMAND_S = 60.0
"""How long a command of the cluster may take."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How jobs are submitted; `conf/cluster/*.yaml` documents each."""

    jobs: int
    timeout_min: int
    requeues: int
    setup: tuple[str, ...]
    detach: bool
    partition: str | None = None
    account: str | None = None
    exclusive: bool = False
    cpus: int | None = None
    sbatch: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job, and the file of what it measures. `process` says which process it is, if it is one."""

    id: str
    chunk: str
    process: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class State:
    """How a job is; of one that has ended `told` says how, where that is known."""

    now: Literal["pending", "running", "ended"]
    told: str = ""


class Unanswered(Exception):
    """The cluster does not answer; the message says what it said."""


class Cluster(Protocol):
    """What jobs are submitted to."""

    def submit(self, chunks: Sequence[Any], most_workers: int) -> list[Submitted]:
        """Submit a job for each callable. Raises UsageError if that is refused."""
        ...

    def states(self, jobs: Sequence[Submitted]) -> dict[str, State]:
        """How the jobs are, by id. Raises Unanswered."""
        ...

    def cancel(self, jobs: Sequence[Submitted]) -> None:
        """Have them end. Raises Unanswered."""
        ...

    def cancelling(self, jobs: Sequence[Submitted]) -> str:
        """The command by which a user does so."""
        ...


def cluster(choice: str, settings: Settings, folder: Path) -> Cluster:
    """The cluster of that name; the files of its jobs are in `folder`."""
    return Slurm(settings, folder) if choice == "slurm" else Local(settings, folder)


class Slurm:
    """Array jobs of the Slurm whose commands are on the PATH."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.folder = folder

    def submit(self, chunks: Sequence[Any], most_workers: int) -> list[Submitted]:
        most = self._longest_array()
        asked = self.settings
        cpus = asked.cpus if asked.exclusive or asked.cpus is not None else most_workers
        executor = _executor("slurm", asked, self.folder)
        parameters = {
            "slurm_job_name": "speedup-lab",
            "slurm_partition": asked.partition,
            "slurm_account": asked.account,
            "slurm_exclusive": asked.exclusive or None,
            "slurm_cpus_per_task": cpus,
            "slurm_array_parallelism": asked.jobs,
            "slurm_additional_parameters": dict(asked.sbatch) or None,
            # srun would give its one task a single CPU.
            "slurm_srun_args": ["--cpu-bind=none"],
        }
        given = {name: value for name, value in parameters.items() if value is not None}
        submitted: list[Submitted] = []
        try:
            executor.update_parameters(**given)
            for at in range(0, len(chunks), most):
                # submitit shows there what sbatch says, which is told in a line below.
                with redirect_stderr(io.StringIO()), executor.batch():
                    some = [executor.submit(chunk) for chunk in chunks[at : at + most]]
                submitted += [
                    Submitted(job.job_id, chunk.name)
                    for job, chunk in zip(some, chunks[at : at + most], strict=True)
                ]
        except BaseException as error:
            if submitted:
                with suppress(Unanswered):  # that they are refused is what is to be told
                    self.cancel(submitted)
            if not isinstance(error, Exception):
                raise
            # It is submitit's, and wraps what sbatch has said.
            raise UsageError(
                f"cluster=slurm: sbatch does not take the jobs ({_refusal(error)}); change "
                "cluster.* or ask for other nodes"
            ) from None
        return submitted

    def states(self, jobs: Sequence[Submitted]) -> dict[str, State]:
        told = said(["squeue", "--noheader", "--array", f"--user={os.getuid()}", "--format=%i|%T"])
        queued = dict(line.split("|", 1) for line in told.split() if "|" in line)
        return {
            job.id: State("pending" if queued[job.id] in _WAITING else "running")
            if job.id in queued and queued[job.id] not in _ENDED
            else State("ended", self._ending(job.id))
            for job in jobs
        }

    def _ending(self, number: str) -> str:
        """How a job has ended, which Slurm knows for some minutes; then nothing."""
        try:
            told = said(["scontrol", "--oneliner", "show", "job", number])
        except Unanswered:
            return ""
        found = re.search(r"\bJobState=(\S+)", told)
        return "" if found is None or found[1] == "COMPLETED" else found[1]

    def cancel(self, jobs: Sequence[Submitted]) -> None:
        said(["scancel", *(job.id for job in jobs)])

    def cancelling(self, jobs: Sequence[Submitted]) -> str:
        return " ".join(["scancel", *dict.fromkeys(job.id.partition("_")[0] for job in jobs)])

    def _longest_array(self) -> int:
        """Slurm's MaxArraySize. Raises UsageError where there is no Slurm."""
        try:
            told = said(["scontrol", "show", "config"])
        except Unanswered as error:
            raise UsageError(
                f"cluster=slurm: {error}; is this a machine from which jobs are submitted?"
            ) from None
        found = re.search(r"^MaxArraySize\s*=\s*(\d+)", told, re.MULTILINE)
        return max(int(found[1]) if found else 1, 1)


_WAITING = ("PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "SUSPENDED")
_ENDED = (
    *("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL"),
    *("DEADLINE", "OUT_OF_MEMORY", "REVOKED"),
)


class Local:
    """Processes of this machine."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.folder = folder

    def submit(self, chunks: Sequence[Any], most_workers: int) -> list[Submitted]:
        executor = _executor("local", self.settings, self.folder)
        submitted = []
        with _streams_to_nowhere(), _interruptible():
            for chunk in chunks:
                job = executor.submit(chunk)
                submitted.append(Submitted(job.job_id, chunk.name, this_process(int(job.job_id))))
        return submitted

    def states(self, jobs: Sequence[Submitted]) -> dict[str, State]:
        return {job.id: State("running" if self._runs(job) else "ended") for job in jobs}

    def _runs(self, job: Submitted) -> bool:
        # Of a process on another host nothing is known: it is believed to run.
        return job.process is not None and is_alive(job.process) is not False

    def cancel(self, jobs: Sequence[Submitted]) -> None:
        alive = {job.id: job.process is not None and is_alive(job.process) for job in jobs}
        for job in jobs:
            if alive[job.id] is True:  # of another host the number may be any process's here
                with suppress(ProcessLookupError):
                    os.kill(int(job.id), signal.SIGINT)
        if unseen := [job for job in jobs if alive[job.id] is None]:
            raise Unanswered(f"jobs on {_hosts(unseen)} cannot be seen from here")

    def cancelling(self, jobs: Sequence[Submitted]) -> str:
        return f"{' '.join(['kill -INT', *(job.id for job in jobs)])} on {_hosts(jobs)}"


def _hosts(jobs: Sequence[Submitted]) -> str:
    return ", ".join(dict.fromkeys(str((job.process or {}).get("host")) for job in jobs))


@contextmanager
def _interruptible() -> Iterator[None]:
    """What is started meanwhile answers SIGINT, by which it is cancelled.

    It would inherit that this program ignores it, as one does that a script starts with `&`.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _streams_to_nowhere() -> Iterator[None]:
    """What is started meanwhile, and may outlive this program, keeps none of its streams open."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    kept = [os.dup(number) for number in (0, 1, 2)]
    try:
        for number in (0, 1, 2):
            os.dup2(nowhere, number)
        yield
    finally:
        for number, own in enumerate(kept):
            os.dup2(own, number)
        for each in (nowhere, *kept):
            os.close(each)


def _executor(kind: str, settings: Settings, folder: Path) -> Any:
    try:
        with libraries_only():
            import submitit
    except ImportError:
        raise UsageError(
            f"cluster={kind} needs the package submitit; python -m pip install submitit"
        ) from None
    executor = submitit.AutoExecutor(
        folder=str(folder), cluster=kind, **{f"{kind}_max_num_timeout": settings.requeues}
    )
    limit_s = 60 * settings.timeout_min
    executor.update_parameters(
        **{
            "timeout_min": settings.timeout_min,
            f"{kind}_setup": list(settings.setup) or None,
            # Before the limit a job needs the time to end a run and to have itself queued again.
            **({"slurm_signal_delay_s": min(90, limit_s // 4)} if kind == "slurm" else {}),
        }
    )
    return executor


def _refusal(error: Exception) -> str:
    """What sbatch has said, of the several lines that submitit makes of it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    of_sbatch = [line for line in lines if line.startswith("sbatch: error:")]
    told = "; ".join(line.removeprefix("sbatch: error:").strip() for line in of_sbatch)
    return told or in_one_line(error)


def said(words: Sequence[str], limit_s: float = COMMAND_S) -> str:
    """What a command prints within that time. Raises Unanswered with the reason."""
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=limit_s, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        raise Unanswered(f"there is no {words[0]} on the PATH") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unanswered(f"{words[0]}: {in_one_line(error)}") from None
    if done.returncode != 0:
        raise Unanswered(f"{words[0]}: {in_one_line(Exception(done.stderr.strip() or 'failed'))}")
    return done.stdout
