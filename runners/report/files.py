"""Results become summary, figures, timelines and report: what `python -m runners.report` does."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from runners.analysis.across import across
from runners.analysis.beyond_cores import beyond_cores
from runners.analysis.compare import Comparison
from runners.analysis.fastest import Fastest, fastest
from runners.analysis.files import CSV, PARQUET, csv, parquet
from runners.analysis.laws import fit_laws
from runners.analysis.nodes import mixed, told
from runners.analysis.python_notes import python_notes
from runners.analysis.recommend import Recommendation, recommend
from runners.analysis.rounds import of_cell, typical_round
from runners.analysis.summary import summarise
from runners.model import Timeline, UsageError, printable
from runners.report import figures, memory, versus
from runners.report import profiles as of_profiles
from runners.report.compared import csv as compared_csv
from runners.report.entries import DETAILS, advice, cut, entries
from runners.report.exports import EXPORTS
from runners.report.figures.drawing import FORMS, Form
from runners.report.figures.matrix import matrix_n
from runners.report.figures.shown import shown
from runners.report.latex import tex
from runners.report.markdown import details, markdown
from runners.report.options import chosen, parser
from runners.report.page.build import PAGE as PAGE
from runners.report.page.build import page
from runners.report.proposal import proposals
from runners.report.proposal_files import written as written_proposal
from runners.report.pythons import section
from runners.report.trace import trace_events
from runners.results.named import parts_of_results
from runners.results.read import (
    baseline_folder,
    planned_cells,
    read_environments,
    read_identity,
    read_runs,
    read_timelines,
)
from runners.results.write import unwritten, write_files
from runners.words.labels import labels
from runners.words.lines import say
from runners.words.pythons import code_versions, interpreters
from runners.words.rounding import in_order


@dataclass(frozen=True, slots=True)
class Report:
    """The files that were written, the summary that they show, and what it recommends.

    `recommendations` has a line for each workload, and for each of its executors of which several
    n were measured: on each interpreter, where there are several, and one for the fastest of all.
    Of many workloads it has some, as report.md has.
    `missing` is a line if cells are missing, or "". `compared` are lines on the versions of the
    code, if there are several. `mixed` has a line for each workload that was measured on several
    kinds of node, and `proposed` one for each proposal.
    """

    summary: pd.DataFrame
    paths: tuple[Path, ...]
    recommendations: tuple[str, ...]
    missing: str
    compared: tuple[str, ...] = ()
    mixed: tuple[str, ...] = ()
    proposed: tuple[str, ...] = ()


def write_report(
    folders: Sequence[Path],
    output: Path | None = None,
    *,
    timelines: bool = False,
    names: Sequence[str] | None = None,
    exports: Sequence[str] = (),
    proposal: str | None = None,
    figure: figures.Choices | None = None,
    forms: Sequence[Form] = FORMS,
    n: int | None = None,
) -> Report:
    """Summarise the results below `folders` into `output`, by default the first of them.

    Writes report.html, report.md, summary.csv, .parquet and .tex, and speedup, seconds and
    efficiency, each as .png and .svg, or in `forms`; matrix as well where there are several
    workloads and executors (of `n` workers, or of those that most cells have), pythons where
    several interpreters ran the same workload, memory where that was measured, versus where several
    versions of the code did, weak and break_even where there is something for them; and plot, where
    `figure` says what it shows.
    Of many cells figures and report.md show some, and say which; details.md and versus.csv then
    have what the summary does not have.
    timeline.png and trace.json of a single cell are put beside them; with `timelines`, those of
    several into each cell's own folder. Results of different folders are kept apart, by `names`,
    one for each folder, else by what tells the folders apart; those that have one name are one
    result. `exports` are formats of other tools, of EXPORTS, whose files are written as well.
    With `proposal`, the table and figure of an application for computing time are written for each
    workload (`report.proposal`): of that executor, or with "" of the best one.
    Raises `UsageError` where there is nothing to report on.
    """
    if names is None:
        names = [part.name for part in parts_of_results(list(map(str, folders)))]
    apart: dict[str, list[Path]] = {}
    for name, folder in zip(names, folders, strict=True):
        apart.setdefault(name, []).append(folder)
    runs = read_runs(folders, names=names if len(apart) > 1 else ())
    summary = summarise(runs)
    place = folders[0] if output is None else output
    missing = _missing(folders, summary)
    single = len(summary) == 1 and not missing
    written = []
    if single or timelines:
        for folder, name, cell in _cells(folders, summary):
            own = of_cell(runs, cell)
            written += _write_timeline(folder, place if single else folder, name, own)
    drawn_of = shown(summary.assign(**labels(summary)))
    laws = list(fit_laws(summary, runs, drawn_of.cells.index))
    several: Sequence[str] = ()
    here = of_here(summary)
    if interpreters(here).several:
        several = section(across(here, Comparison(runs)), python_notes(here, runs))
    advised = recommended(here, runs)
    recommendations = (*advice(advised), *cut([*beyond_cores(here)], "summary.csv", 8))
    nodes = mixed(summary)
    proposed = [] if proposal is None else proposals(here, advised, nodes, proposal)
    against = versions_of(folders, summary, runs)
    profiled = of_profiles.profiled((folder, name) for folder, name, _ in _cells(folders, summary))
    where = of_profiles.section(profiled, place)
    if n is not None and n not in set(summary["n"]):
        there = ", ".join(map(str, sorted(set(summary["n"]))))
        raise UsageError(f"--n {n}: no cell has so many workers; there are {there}")
    n = matrix_n(summary) if n is None else n
    found = entries(summary)
    more = {
        "plot": figures.plot(summary, figure) if figure is not None else None,
        "seconds": figures.seconds(summary) if not single else None,
        "weak": figures.weak(summary),
        "break_even": figures.break_even(summary),
    }
    more = {name: figure for name, figure in more.items() if figure is not None}
    needed = list(memory.section(found))
    text = markdown(
        *(runs, summary, laws, read_environments(folders)),
        apart={name: read_environments(own) for name, own in apart.items()}
        if len(apart) > 1
        else {},
        recommendations=recommendations,
        missing=missing,
        matrix=n,
        timeline=single and bool(written),
        versus=versus.section(against),
        pythons=several,
        profiles=where,
        memory=needed,
        shown=drawn_of.note,
        mixed=told(nodes),
        drawn=list(more),
    )
    files = {
        CSV: csv(summary),
        PARQUET: parquet(summary),
        "report.md": text.encode("utf-8", "replace"),
        "summary.tex": tex(found).encode("utf-8", "replace"),
    }
    if DETAILS in text:
        every = [line for one in advised for line in one.lines()]
        files[DETAILS] = details(every, laws).encode("utf-8", "replace")
    for at, other in enumerate(against):
        if versus.is_cut(other.found):
            files[f"{versus.figure_name(at)}.csv"] = compared_csv(other.found)
    for name in exports:
        files |= EXPORTS[name](summary, runs, read_environments(folders))
    for one in proposed:
        files |= written_proposal(one, missing)
    drawn = {
        "speedup": figures.speedup(summary, runs, laws),
        **more,
        "efficiency": figures.efficiency(summary),
        **({"matrix": figures.matrix(summary, n)} if n is not None else {}),
        **({"memory": figures.memory(summary)} if needed else {}),
        **({"pythons": figures.pythons(here)} if several else {}),
        **{
            name: figures.forest(one.found, f"{name}.csv")
            for at, one in enumerate(against)
            if (name := versus.figure_name(at))
        },
    }
    for name, one_figure in drawn.items():
        figures.heading(one_figure, missing, color="firebrick", fontsize=9)
        for form in dict.fromkeys([*FORMS, *forms]):
            files[f"{name}.{form}"] = figures.image(one_figure, form)
    picture = next((path.read_bytes() for path in written if path.suffix == ".png"), b"")
    files[PAGE] = page(
        *(place, _common(folders), runs, summary, found),
        recommended=advised,
        missing=missing,
        mixed=told(nodes),
        figures={name: files[f"{name}.svg"] for name in drawn},
        sections=[
            "\n\n".join(part) for part in (versus.section(against), several, needed, where) if part
        ],
        timeline=picture if single else b"",
    )
    paths = (*write_files(place, files), *written)
    compared = tuple(versus.terminal(against))
    lines = tuple(f"{one.file}: {one.line}, since {one.why}" for one in proposed)
    return Report(summary, paths, recommendations, missing, compared, tuple(told(nodes)), lines)


def versions_of(
    folders: Sequence[Path], summary: pd.DataFrame, runs: pd.DataFrame
) -> list[versus.Against]:
    """What is here against the other versions of the code that were measured beside it."""
    if not code_versions(summary).any():
        return []
    common = _common(folders)
    identities = {
        str(cell): read_identity(common / str(folder))
        for cell, folder in zip(summary["cell"], summary["folder"], strict=True)
    }
    return versus.all_against(summary, Comparison(runs).rounds, identities)


def of_here(summary: pd.DataFrame) -> pd.DataFrame:
    """The cells of the code that is here; all, where there is none of it."""
    own = code_versions(summary) == ""
    return summary.loc[own].reset_index(drop=True) if own.any() else summary


def recommended(summary: pd.DataFrame, runs: pd.DataFrame) -> list[Recommendation | Fastest]:
    """What to use for each workload: on each interpreter, and where there are several, of all."""
    found: list[Recommendation | Fastest] = list(recommend(summary, runs))
    if interpreters(summary).several:
        found += fastest(summary, Comparison(runs))
    return sorted(found, key=lambda one: in_order(one.panel))


MISSING = ("interrupted", "left out")
"""Statuses of cells of which there is no result yet."""


def _missing(folders: Sequence[Path], summary: pd.DataFrame) -> str:
    counts = {name: int((summary["status"] == name).sum()) for name in MISSING}
    planned = planned_cells(folders)
    missing = planned - (len(summary) - sum(counts.values()))
    if missing <= 0:
        return ""
    counts["not begun"] = missing - sum(counts.values())
    why = ", ".join(f"{count} {name}" for name, count in counts.items() if count > 0)
    return f"Not finished: {missing} of {planned} cells ({why})."


def _common(folders: Sequence[Path]) -> Path:
    """What the folders in a frame are relative to."""
    return Path(os.path.commonpath([folder.resolve() for folder in folders]))


def _cells(folders: Sequence[Path], summary: pd.DataFrame) -> Iterator[tuple[Path, str, str]]:
    """The folder of each cell, its name for readers, and the one that its runs have."""
    common = _common(folders)
    known = summary.assign(**labels(summary))[["folder", "panel", "line", "n", "cell"]]
    for folder, panel, line, n, cell in known.itertuples(index=False):
        yield common / str(folder), f"{panel} on {line}, n = {n}", str(cell)


def typical_timelines(source: Path, runs: pd.DataFrame) -> list[Timeline]:
    """The sides of the typical round of one cell; none where its spans were not kept.

    `source` is its folder, `runs` are its own.
    """
    own = runs[(runs["role"] == "measured") & (runs["round"] == typical_round(runs))]
    places = {source, *(baseline_folder(source, name.partition("#")[0]) for name in own["panel"])}
    rounds = set(zip(own["round"], own["process"], strict=True))
    sides = {
        timeline.role: timeline  # one of a baseline that ran twice
        for folder in sorted(places)
        for timeline in read_timelines(folder)
        if (timeline.round, timeline.process) in rounds
    }
    return list(sides.values())


def _write_timeline(source: Path, place: Path, name: str, runs: pd.DataFrame) -> list[Path]:
    """Draw the typical round of one cell; nothing where its spans were not kept."""
    found = typical_timelines(source, runs)
    if not found:
        return []
    trace = json.dumps(trace_events(found, name), ensure_ascii=False, separators=(",", ":"))
    files = {
        "timeline.png": figures.image(figures.timeline(found, name), "png"),
        "trace.json": trace.encode("utf-8", "replace"),
    }
    return write_files(place, files)


def run(arguments: Sequence[str]) -> int:
    """The command; returns its exit status: 0, or 2 after a mistake of the user's."""
    options = parser().parse_args(arguments)
    try:
        figure, forms = chosen(options)
        parts = parts_of_results(options.folders)
        report = write_report(
            [part.folder for part in parts],
            options.output,
            timelines=options.timelines,
            names=["" if options.together else part.name for part in parts],
            exports=options.export,
            proposal=options.proposal_line or ("" if options.proposal else None),
            figure=figure,
            forms=forms,
            n=options.n,
        )
    except (UsageError, OSError) as error:
        told = unwritten(error) if isinstance(error, OSError) else str(error)
        say(f"error: {printable(told)}", sys.stderr)
        return 2
    for path in report.paths:
        print(printable(str(path)))
    for line in (*report.recommendations, *report.compared, *report.proposed):
        say(printable(line))
    for line in filter(None, (*report.mixed, report.missing)):
        say(printable(line), sys.stderr)
    return 0
