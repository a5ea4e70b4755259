"""The command `python -m runners`: from the words typed to the exit status."""

import os
import shlex
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runners.command import gate
from runners.command.arguments import check_parts, expanded, resumed, written_out
from runners.command.cells import Cell
from runners.command.folders import accept, accept_resumed, within
from runners.command.job import BUSY, Job, site
from runners.command.mistakes import explain, fail
from runners.command.outlook import Outlook
from runners.command.progress import NAMES, differing
from runners.command.showing import complete, first_cell, version
from runners.command.words import endless, misshapen, unparsable, unreadable
from runners.door import REQUESTS, UNWRITTEN, libraries_only, unwritten
from runners.model import (
    REFUSALS,
    THIS,
    Misplaced,
    Plan,
    Run,
    UsageError,
    in_one_line,
    shortage,
)
from runners.planning import config, interpreters
from runners.planning.hydra_versions import makes, no_plugin
from runners.planning.searchpath import CONF
from runners.results import claim
from runners.results.columns import RUNS
from runners.results.write import write_environment
from runners.words.lines import say

FULL_ERROR = "HYDRA_FULL_ERROR"
OURS = "hydra_plugins.speedup_lab.SpeedupLabSweeper"
UNTOUCHED = {"unreadable", BUSY}
"""How a cell ends whose folder is left as it was."""
MISTAKES = (HydraException, OmegaConfBaseException, UsageError, OSError)
"""What is raised over a mistake of the user's, or a folder that cannot be written."""


def _checked(check: Callable[[Any, DictConfig], None]) -> Callable[..., None]:
    """The callback, of which nothing goes on where it raises: Hydra would only warn."""

    def checked(self: Any, config: DictConfig, **_: Any) -> None:
        try:
            check(self, config)
        except Exception as error:
            if (mistake := _mistake((), error, begun=False)) is not None:
                fail(mistake)
            traceback.print_exc()  # a fault of the program
            raise SystemExit(3) from None

    return checked


class Check(Callback):
    """Finds the mistakes in a single cell, and in the choice of a folder, before it is made.

    Hydra makes and calls it. It turns an exception of a callback into a warning: hence `fail`.
    """

    @_checked
    def on_run_start(self, config: DictConfig) -> None:
        from runners.planning.config import plan, refusal

        HydraConfig.instance().set_config(config)
        if config.hydra.runtime.choices.get("cluster", "none") != "none":
            fail(UsageError("cluster: jobs are for sweeps; add -m, or leave it out"))
        if config.versus is not None:
            fail(UsageError(f"versus={config.versus}: two versions make a sweep; add -m"))
        what: Plan | Run
        try:
            what = plan(config, site())
        except Exception as error:
            # That is no mistake, but a result; a placement that is not to be had was typed.
            cause = error.__cause__
            is_result = isinstance(cause, REFUSALS) and not isinstance(cause, Misplaced)
            if not isinstance(error, UsageError) or not is_result:
                raise
            what = refusal(config, error)
        folder = Path(str(config.hydra.run.dir))
        try:
            accept(folder, "cell", f"{config.hydra.job.name}.log")
            if config.dry_run:
                [name] = differing([what])
                for line in Outlook([Cell(0, name, (), folder, what)], config).lines():
                    say(line)
                raise SystemExit(0)
            claim.take(folder)  # Hydra's own files belong to whoever measures
        except (UsageError, OSError) as error:
            fail(error, folder)

    @_checked
    def on_multirun_start(self, config: DictConfig) -> None:
        folder = Path(str(config.hydra.sweep.dir))
        try:
            accept(folder, "sweep", f"{config.hydra.job.name}.log")
            raw: Any = OmegaConf.to_container(config.hydra.sweep, resolve=False)
            if ".." in (below := Path(str(raw["subdir"]))).parts or below.is_absolute():
                within(folder, folder / below)
            own = config.hydra.sweeper._target_ == OURS
            if config.dry_run and not own:
                raise UsageError(
                    "dry_run=true: another sweeper decides as it goes what is measured; leave "
                    "hydra/sweeper out"
                )
            if not own:  # which is claimed by ours when it is planned
                claim.take(folder)
        except (UsageError, OSError) as error:
            fail(error, folder)


def run(arguments: Sequence[str]) -> int:
    """Do what the words say; the exit status: 0, 1 (a cell failed), 2 (a usage error) or 3.

    1 as well where a cell was left out for lack of time: the sweep is not all that was asked for.
    Pairs that are not supported do not make a sweep fail, unless there is nothing else. With
    `--at-least` it says whether a cell reaches that speedup: 0, 1, or 5 where nobody can tell.
    """
    complete(arguments)
    try:
        least, arguments = gate.demanded(written_out(arguments))
        if (problem := misshapen(arguments)) is not None:
            raise UsageError(problem)
        if "--version" in arguments:
            print(version())
            return 0
        words, note = first_cell(expanded(arguments))
        for folder in resumed(arguments):
            accept_resumed(folder)
        if (problem := endless(words)) is not None:
            raise UsageError(problem)
    except UsageError as error:
        fail(error)
    if note:
        say(note, sys.stderr)
    job = Job()
    REQUESTS.kept = lambda: _interrupted(job.folder)
    REQUESTS.last = claim.release_all
    config.register()
    try:
        _hydra(job, words)
        if job.sweep is not None and job.report:
            _report(job.sweep, job)
        elif job.sweep is None and job.folder is not None and _has_page(job):
            _page(job.folder, job)
        if least is not None and job.folder is not None and job.statuses == ["ok"]:
            return gate.judged(least, job.folder, words, _measured_again)
    except Exception as error:
        if os.environ.get(FULL_ERROR) == "1" or REQUESTS.pending is not None:
            raise
        if (mistake := _mistake(words, error, begun=job.folder is not None)) is not None:
            fail(mistake, job.folder)
        if (short := shortage(in_one_line(error))) is not None:
            say(f"error: {short.remedy} ({in_one_line(error)})", sys.stderr)
            return 1
        traceback.print_exc()  # a fault of the program: 1 would mean that a cell failed
        return 3
    finally:
        claim.release_all()
        interpreters.close()
    seen = set(job.statuses)
    if not seen and unwritten() is not None:
        return 1  # what was asked for was its output: the help, a configuration
    return 0 if seen <= {"ok", "unsupported"} and seen != {"unsupported"} else 1


def _measured_again(words: Sequence[str]) -> Path | None:
    """The folder of a cell that is measured by these words; None if it is not ok."""
    claim.release_all()
    job = Job()
    _hydra(job, words)
    return job.folder if job.statuses == ["ok"] else None


def _hydra(job: Job, words: Sequence[str]) -> None:
    """Have Hydra parse the words, compose, and run the job or its sweeper."""
    check_parts(words)
    before = sys.argv, os.environ.get(FULL_ERROR)
    sys.argv = [sys.argv[0], *words]
    os.environ[FULL_ERROR] = "1"  # Hydra then raises, where it would print and exit with 1
    try:
        made = makes("runners.command.program.Check")
        hydra.main(config_path=str(CONF), config_name="config", **made)(job)()
    finally:
        sys.argv = before[0]
        if before[1] is None:
            del os.environ[FULL_ERROR]
        else:
            os.environ[FULL_ERROR] = before[1]


def _report(folder: Path, job: Job) -> None:
    """The report of the whole sweep; `python -m runners.report` makes the same, later."""
    try:
        with libraries_only():
            from runners.analysis.recommend import why_none
            from runners.report.files import PAGE, write_report  # loads pandas and what draws

            write_environment(folder, interpreters.environment_of(THIS))
            written = write_report([folder])
    except (UsageError, OSError) as error:
        say(f"error: the report could not be written: {explain(error, folder)}", sys.stderr)
        job.statuses.append("failed")
        return
    lines = (*written.recommendations, *written.compared)
    for line in lines or [why_none(written.summary)]:
        say(line)
    for line in written.mixed:
        say(line, sys.stderr)
    saved = f"{folder / PAGE}, and beside it report.md, figures and tables"
    say(f"{'saved':<{NAMES}}{saved}", indent=NAMES)


def _has_page(job: Job) -> bool:
    """Whether a single cell has a page: not one that was left alone, or could not be written."""
    return job.is_stored and bool({*job.statuses} - UNTOUCHED)


def _page(folder: Path, job: Job) -> None:
    """The page of a single cell."""
    try:
        with libraries_only():
            from runners.report.page.build import write_page

            write_page(folder)
    except (UsageError, OSError) as error:
        say(f"error: the page could not be written: {explain(error, folder)}", sys.stderr)
        job.statuses.append("failed")


def _mistake(words: Sequence[str], error: Exception, *, begun: bool) -> Exception | None:
    """What the user has to be told of an error; None where it is a fault of the program.

    Hydra, OmegaConf and yaml raise much of what is wrong with a word or a file as it is. That they
    raise it before anything has begun says whose mistake it is.
    """
    problem = unparsable(words) or unreadable(words) or no_plugin(error)
    if problem is not None:
        return UsageError(problem)
    if isinstance(error, MISTAKES):
        return error
    *_, (innermost, _) = traceback.walk_tb(error.__traceback__)
    if begun or Path(innermost.f_code.co_filename).is_relative_to(Path(__file__).parents[1]):
        return None
    return UsageError(
        f"the configuration cannot be read ({in_one_line(error)}); {FULL_ERROR}=1 shows where"
    )


def _interrupted(folder: Path | None) -> str:
    if folder is None or next(folder.rglob(RUNS), None) is None:
        return UNWRITTEN
    return (
        f"interrupted; the finished runs are in {folder}\n"
        f"go on with the same command and {shlex.quote(f'resume={folder}')}\n"
        f"or report on them with python -m runners.report {shlex.quote(str(folder))}"
    )
