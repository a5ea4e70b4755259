"""One experiment's sweep, as its own run of the program: started, followed, ended, read."""

import json
import math
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from runners.analysis.compare import Comparison
from runners.analysis.summary import summarise
from runners.command.arguments import quoted
from runners.door import REQUESTS
from runners.model import Environment, UsageError
from runners.results.read import planned_cells, read_environments, read_runs
from runners.results.regular import open_regular

MEASURE = (
    *("measure=quick", "measure.min_rounds=20", "measure.max_rounds=20", "measure.interpreters=5"),
    "measure.time_budget_s=6.5",
)
QUICK = (
    *("measure=quick", "measure.min_rounds=6", "measure.max_rounds=6", "measure.time_budget_s=3"),
)
"""The rounds are counted, so that a finished cell is not continued the next time; six of them are
the fewest that have a 95% interval of ranks. The budgets of all cells of the lecture, and a second
for each to start, are less than `LONGEST_S`."""

LONGEST_S = 15 * 60.0
"""What the whole takes at most on two idle CPUs."""


OUTPUT = "output.txt"
ERROR = "error: "
PROMPT = "$ "
"""Stands before what was typed, in its first line."""

OWN = str(Path(__file__).parents[1])
"""Where the packages of the program are."""


def arguments(name: str, *, quick: bool = False, overrides: Sequence[str] = ()) -> list[str]:
    """What `python -m runners` is called with for an experiment, but for its folder."""
    return ["-m", f"+experiment={name}", *(QUICK if quick else MEASURE), *overrides]


def budget_s(*, quick: bool = False, overrides: Sequence[str] = ()) -> float:
    """The most seconds that a cell is measured for; NaN where that is not a number."""
    words = [*(QUICK if quick else MEASURE), *overrides]
    budgets = [text.partition("=")[2] for text in words if "measure.time_budget_s=" in text]
    try:
        return max(map(float, budgets[-1].split(",")))
    except ValueError:  # which the sweep will say
        return math.nan


def refused(command: Sequence[str]) -> str:
    """Why the program takes no such words, in a line; "" where it does. Nothing is measured."""
    done = subprocess.run(
        [sys.executable, "-c", _code(), *command, "--dry-run"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    told = [line for line in done.stderr.splitlines() if line.startswith(ERROR)]
    return told[-1].removeprefix(ERROR).strip() if done.returncode == 2 and told else ""


def _code() -> str:
    # Not `-m runners`: a folder of that name in the working folder would be taken for it.
    return (
        f"import sys; sys.path[:] = {[*sys.path, OWN]!r}; "
        f"from runners.door import end_with_parent; end_with_parent({os.getpid()}); "
        "from runners.__main__ import main; main()"
    )


def run(
    command: Sequence[str], folder: Path, typed: Sequence[str], told: Callable[[int, int], None]
) -> str:
    """Measure into `folder` what is not already there; why there are no results, or "".

    `told` is called after each cell with its number and that of all. What the program prints goes
    to output.txt, below what was `typed`. A request to stop is handed on to the program, which is
    waited for; it ends as well if this process is killed.
    """
    try:
        place = quoted(str(folder))
    except UsageError as error:
        return str(error)
    folder.mkdir(parents=True, exist_ok=True)
    places = (
        f"hydra.sweep.dir={place}",
        "hydra.sweep.subdir=${hydra.job.num}",  # the same folder whatever the settings are
        "sweep.report=false",
        "sweep.progress=json",
    )
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", _code(), *command, *places],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        process_group=0,  # Ctrl+C reaches it once, from here
    )
    assert process.stdout is not None
    errors = ""
    target = open_regular(folder / OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    with process, os.fdopen(target, "w", encoding="utf-8") as output:
        try:
            output.write(f"{PROMPT}{shlex.join(typed)}\n")
            for line in process.stdout:
                output.write(line)
                if (cell := _cell(line)) is not None:
                    told(*cell)
                if line.startswith(ERROR):
                    errors = line.removeprefix(ERROR).strip()
        except BaseException:
            # What we answer it answers as well; it may have been started to ignore Ctrl+C.
            process.send_signal(REQUESTS.pending or signal.SIGTERM)
            process.wait()
            raise
    if process.returncode in (0, 1):  # 1: some cell failed, which is a row of the results
        return ""
    return errors or f"the program ended with {process.returncode}; see {folder / OUTPUT}"


def typed_for(folder: Path) -> list[str]:
    """What was typed for the sweep last run in `folder`; nothing where that is not known."""
    try:
        with (folder / OUTPUT).open(encoding="utf-8", errors="replace") as output:
            line = output.readline()
        return shlex.split(line.removeprefix(PROMPT)) if line.startswith(PROMPT) else []
    except (OSError, ValueError):
        return []


def _cell(line: str) -> tuple[int, int] | None:
    """The number of a cell and that of all, of a line that tells of one."""
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
        return int(found["cell"]), int(found["cells"])
    except (ValueError, KeyError, TypeError):  # a plugin's own line
        return None


def read(folder: Path) -> tuple[pd.DataFrame, Comparison, list[Environment]]:
    """The summary of the sweep that was last run in `folder`, its rounds, and where it was.

    Cells that an earlier and longer sweep has left there are not read. Raises UsageError where
    there are no runs.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder")
    numbers = range(planned_cells(folder, below=False))
    cells = [cell for number in numbers if (cell := folder / str(number)).is_dir()]
    if not cells:
        raise UsageError(f"{folder}: no cell was measured")
    runs = read_runs(cells, below=False)
    # Within one length of a number, the order of the names is that of the sweep.
    runs = runs.sort_values("folder", key=lambda names: names.str.len(), kind="stable")
    runs = runs.reset_index(drop=True)
    return summarise(runs), Comparison(runs), read_environments(cells, below=False)
