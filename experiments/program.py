"""What `python -m experiments` does: run the experiments, judge the claims, write the page."""

import argparse
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from experiments import sweeps
from experiments.catalogue import Experiment, experiments, load, names
from experiments.language import ENGLISH, Language, languages
from experiments.language import load as load_language
from experiments.page import TO_COME, Outcome, Section, counted, section, verdict_rows, write_page
from runners.analysis.claims import Judgement, as_it_is, judge
from runners.command.arguments import count_cells
from runners.command.folders import accept
from runners.command.progress import clock
from runners.door import REQUESTS, unwritten
from runners.model import UsageError, did_you_mean
from runners.results.claim import release, release_all, take
from runners.results.write import typed
from runners.words.lines import say
from runners.words.parser import Parser

ASKED = 3
"""So many experiments at most are asked whether they take what is behind `--`."""
COLUMNS = ("row", "claim", "lecture", "measured", "verdict")
STYLES = {"holds": "green", "does not hold": "red", "changed": "magenta", "undecided": "yellow"}


def run(words: Sequence[str]) -> int:
    """The command; its exit status: 0, 1 (an experiment has no results), 2 (a usage error)."""
    arguments, overrides = _split(words)
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        language = load_language(options.language)
        chosen = _chosen(options.names, language)
    except UsageError as error:
        say(f"error: {error}", sys.stderr)
        return 2
    if options.help:
        print(f"{parser.format_help()}\n{language.text('page.contents')}:")
    if options.list or options.help:
        _list(chosen, language, options.quick)
        return 0 if unwritten() is None else 1
    if not options.names:
        chosen = [found for found in chosen if found.claims and not found.by_name]
    if (mistake := _mistake(chosen, options.quick, overrides)) is not None:
        say(f"error: {mistake}", sys.stderr)
        return 2
    folder = options.output or Path("outputs", "lecture-quick" if options.quick else "lecture")
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False, markup=False)
    REQUESTS.kept = lambda: (
        f"interrupted; what was measured is in {folder}\ngo on with the same command"
    )
    REQUESTS.last = release_all
    try:
        accept(folder, "lecture")
        take(folder)
    except (UsageError, OSError) as error:
        say(f"error: {error}", sys.stderr)
        return 2
    try:
        return _measured_and_written(console, chosen, folder, language, options.quick, overrides)
    finally:
        release(folder)


def _mistake(chosen: Sequence[Experiment], quick: bool, overrides: Sequence[str]) -> str | None:
    """What is wrong with the overrides: no experiment takes them, of the first ones."""
    if not overrides:
        return None
    told = (
        sweeps.refused(sweeps.arguments(one.name, quick=quick, overrides=overrides))
        for one in chosen[:ASKED]
    )
    first = next(told)
    return first if first and all(told) else None


def _measured_and_written(
    console: Console,
    chosen: Sequence[Experiment],
    folder: Path,
    language: Language,
    quick: bool,
    overrides: Sequence[str],
) -> int:
    """Measure, judge, write the page; the exit status."""
    sections: dict[str, Section] = {}
    everything = experiments(language)
    others = [one for one in everything if one not in chosen and (folder / one.name).is_dir()]
    began_s, measured = time.monotonic(), 0
    written: list[Path] = []
    if outlook := _outlook(chosen, language, quick, overrides):
        say(outlook)
    for number, experiment in enumerate(chosen, 1):
        command = sweeps.arguments(experiment.name, quick=quick, overrides=overrides)
        title = f"{number:>2}/{len(chosen)}  {experiment.name:<18}"
        start_s = time.monotonic()
        again = _again(experiment.name, quick, language, overrides)
        failure = _follow(console, title, command, folder / experiment.name, again, language)
        now_s = time.monotonic()
        measured += experiment.cells
        to_come = sum(one.cells for one in chosen[number:])
        left_s = to_come * (now_s - began_s) / measured
        left = _left(left_s, now_s - began_s, language) if to_come else ""
        took = language.number(f"{now_s - start_s:.0f} s")
        told = failure or ", ".join(filter(None, (took, left)))
        console.print(f"{title} {told}", soft_wrap=True)
        outcome = _outcome(experiment, folder / experiment.name, failure, again)
        found = section(outcome, language)
        sections[experiment.name] = found
        if number == 1:  # what is there of the others, which takes a moment
            for other in (*others, *chosen[1:]):
                there = folder / other.name
                coming = TO_COME if other in chosen else ""
                outcome = _outcome(other, there, coming, sweeps.typed_for(there))
                found = section(outcome, language)
                if found.outcome.failure in ("", TO_COME):
                    sections[other.name] = found
        shown = [sections[one.name] for one in everything if one.name in sections]
        written = write_page(shown, folder, language, left)
    outcomes = [sections[one.name].outcome for one in chosen]
    console.print(_verdicts(outcomes, language))
    judgements = (judgement for _, _, judgement in verdict_rows(outcomes))
    console.print(counted(judgements, language))
    for path in written[:2]:
        console.print(str(path), soft_wrap=True)
    return 1 if any(outcome.failure for outcome in outcomes) else 0


def _outlook(
    chosen: Sequence[Experiment], language: Language, quick: bool, overrides: Sequence[str]
) -> str:
    """How long all of it takes at most, by the time budgets."""
    cells = sum(count_cells(one.params, overrides) for one in chosen)
    each_s = sweeps.budget_s(quick=quick, overrides=overrides)
    if math.isnan(each_s):
        return ""
    told = language.text(
        "page.outlook",
        experiments=len(chosen),
        cells=cells,
        time=clock(cells * each_s),
        each=language.number(f"{each_s:g} s"),
    )
    return _with_limit(told, cells * each_s, language)


def _left(left_s: float, passed_s: float, language: Language) -> str:
    """How long the rest takes, as the cells did that were measured."""
    told = language.text("page.left", time=clock(left_s))
    return _with_limit(told, passed_s + left_s, language)


def _with_limit(told: str, total_s: float, language: Language) -> str:
    """The same, and whether it takes longer than it should."""
    if total_s <= sweeps.LONGEST_S:
        return told
    return language.text("page.longer", left=told, minutes=round(sweeps.LONGEST_S / 60))


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """What is meant for this program, and behind `--` what each sweep is given besides."""
    at = words.index("--") if "--" in words else len(words)
    return list(words[:at]), list(words[at + 1 :])


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m experiments",
        description="Run the lecture's experiments, judge its claims here, write one page.",
        epilog="Overrides for every sweep come after --: python -m experiments gil -- n=2",
        add_help=False,
    )
    parser.add_argument(
        "-h", "--help", action="store_true", help="say this, and what each experiment asks"
    )
    parser.add_argument(
        "names", metavar="NAME", nargs="*", help="an experiment; by default all that make claims"
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds: minutes, not a quarter of an hour"
    )
    parser.add_argument(
        "--list",
        action="store_true",
        help="say what each asks and takes, and measure nothing",
    )
    parser.add_argument(
        "--language",
        metavar="LANGUAGE",
        default=ENGLISH,
        help=f"of the page: {', '.join(languages())}, or a YAML file (default: {ENGLISH})",
    )
    parser.add_argument(
        "--output",
        metavar="DIR",
        type=typed,
        help="folder of the results and the page; finished cells in it are used again "
        "(default: outputs/lecture, with --quick outputs/lecture-quick)",
    )
    return parser


def _chosen(wanted: Sequence[str], language: Language) -> list[Experiment]:
    for name in wanted:
        if name not in names():
            near = did_you_mean(name, names())
            raise UsageError(
                f"{name}: there is no such experiment{near}; choose from {', '.join(names())}"
            )
    return [load(name, language) for name in dict.fromkeys(wanted)] or experiments(language)


def _list(chosen: Sequence[Experiment], language: Language, quick: bool) -> None:
    """What each asks, and how long it takes by the time budgets of its cells."""
    for experiment in chosen:
        longest = clock(experiment.cells * sweeps.budget_s(quick=quick))
        takes = language.text("page.takes", cells=experiment.cells, time=longest)
        facts = "; ".join([*([", ".join(experiment.rows)] if experiment.rows else []), takes])
        say(f"{experiment.name} ({facts})")
        say(f"    {experiment.question}", indent=4)


def _again(name: str, quick: bool, language: Language, overrides: Sequence[str]) -> list[str]:
    """The words that run this experiment again."""
    options = ["--quick"] if quick else []
    if language.name != ENGLISH:
        options.append(f"--language={language.name}")
    command = ["python", "-m", "experiments", name, *options]
    return [*command, *(["--", *overrides] if overrides else [])]


def _follow(
    console: Console,
    title: str,
    command: Sequence[str],
    folder: Path,
    again: Sequence[str],
    language: Language,
) -> str:
    """Run one sweep and show how far it is; what went wrong, or ""."""
    with Progress(
        TextColumn("{task.description} {task.fields[cells]}"),
        TimeElapsedColumn(),
        console=console,
        auto_refresh=False,  # nothing else runs while the clock runs
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task(title, cells="")

        def told(cell: int, cells: int) -> None:
            text = language.text("page.progress", cell=cell, cells=cells)
            progress.update(task, cells=text, refresh=True)

        return sweeps.run(command, folder, again, told)


def _outcome(experiment: Experiment, folder: Path, failure: str, again: Sequence[str]) -> Outcome:
    try:
        summary, pairs, environments = sweeps.read(folder)
        judgements = [(claim, judge(claim, summary, pairs)) for claim in experiment.claims]
    except UsageError as error:
        summary, environments = pd.DataFrame(), []
        failure = failure or str(error)
        judgements = [
            (claim, Judgement("not measured", as_it_is(failure))) for claim in experiment.claims
        ]
    return Outcome(experiment, again, summary, environments, judgements, failure)


def _verdicts(outcomes: Sequence[Outcome], language: Language) -> Table:
    head = (language.text(f"columns.{name}") for name in COLUMNS)
    table = Table(*head, box=None, padding=(0, 2, 0, 0))
    for _, claim, judgement in verdict_rows(outcomes):
        table.add_row(
            ", ".join(claim.rows) or language.text("page.new"),
            *(claim.text, claim.lecture, language.said(judgement.measured)),
            language.verdict(judgement),
            style=STYLES.get(judgement.verdict),
        )
    return table
