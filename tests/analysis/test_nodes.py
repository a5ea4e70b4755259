"""Kinds of node: cells of several are kept apart, and whoever mixes them is told."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from runners.analysis.break_even import break_even
from runners.analysis.cell import cells
from runners.analysis.claims import Amount, Claim, Quantity, judge
from runners.analysis.laws import fit_laws
from runners.analysis.nodes import MOST_TOLD, Mixed, mixed, told
from runners.analysis.recommend import recommend
from runners.analysis.summary import summarise
from runners.model import Run
from runners.results.columns import ENVIRONMENT, RUNS
from runners.results.read import read_runs
from runners.words.labels import labels
from tests import synthetic

ZEN = {"cpu_model_name": "EPYC 7763", "cpu_count": 256, "cpu_cores": 128}
XEON = {"cpu_model_name": "Xeon  6338", "cpu_count": 128, "cpu_cores": 64}
ZEN_NAME, XEON_NAME = "EPYC 7763, 128 cores, 256 CPUs", "Xeon 6338, 64 cores, 128 CPUs"
Placed = tuple[Sequence[Run], Mapping[str, Any] | None]


def written(folder: Path, *placed: Placed) -> pd.DataFrame:
    """The runs of cells as the machines of these facts have left them."""
    for number, (runs, facts) in enumerate(placed):
        place = folder / (str(number) if runs[0].panel is None else runs[0].cell)
        place.mkdir(parents=True, exist_ok=True)
        with (place / RUNS).open("a") as file:  # at once: there are many
            file.writelines(f"{json.dumps(run.row())}\n" for run in runs)
        if facts is not None:
            (place / ENVIRONMENT).write_text(json.dumps({"facts": facts, "usable_cpus": 16.0}))
    return read_runs(folder)


def line(n: Sequence[int], facts: Mapping[str, Any] | None, **how: Any) -> list[Placed]:
    """The cells of an executor that grows perfectly, on machines of one kind."""
    how = {"rounds": 6, "processes": 1, "usable_cpus": 16.0} | how
    return [(synthetic.runs(n=each, speedup=0.95 * each, **how), facts) for each in n]


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    """One line, of which two n are on another kind of node."""
    folder = tmp_path_factory.mktemp("split")
    return folder, written(folder, *line((1, 2), ZEN), *line((4, 8), XEON))


def test_a_kind_is_the_hardware_and_not_the_host(tmp_path: Path) -> None:
    one, other = (
        {**ZEN, "hostname": name, "load_avg_1min": load}
        for name, load in (("node1", 0.1), ("node2", 2.0))
    )
    summary = summarise(written(tmp_path, *line((1,), one), *line((2,), other)))
    assert summary["node_kind"].tolist() == [ZEN_NAME] * 2
    assert summary["host"].tolist() == ["node1", "node2"]
    assert set(labels(summary)["panel"]) == {"primes"}
    assert mixed(summary) == []


def test_cores_tell_two_machines_apart_that_have_as_many_cpus(tmp_path: Path) -> None:
    smt = {**ZEN, "cpu_cores": 256}
    summary = summarise(written(tmp_path, *line((1,), ZEN), *line((2,), smt)))
    assert summary["node_kind"].tolist() == [ZEN_NAME, "EPYC 7763, 256 cores, 256 CPUs"]


def test_an_older_version_that_did_not_count_cores_is_of_the_same_kind(tmp_path: Path) -> None:
    older = {name: value for name, value in ZEN.items() if name != "cpu_cores"}
    summary = summarise(written(tmp_path, *line((1,), older), *line((2,), ZEN)))
    assert summary["node_kind"].tolist() == [ZEN_NAME] * 2


@pytest.mark.parametrize("facts", [None, {}, {"cpu_model_name": 7, "cpu_count": "many"}])
def test_facts_that_are_not_there_or_damaged_make_no_kind(
    tmp_path: Path, facts: Mapping[str, Any] | None
) -> None:
    summary = summarise(written(tmp_path, *line((1, 2), facts)))
    assert summary["node_kind"].isna().all()
    assert set(labels(summary)["panel"]) == {"primes"}


def test_cells_of_two_kinds_are_in_panels_of_their_own(
    split: tuple[Path, pd.DataFrame],
) -> None:
    summary = summarise(split[1])
    names = [f"primes on {ZEN_NAME}"] * 2 + [f"primes on {XEON_NAME}"] * 2
    assert labels(summary)["panel"].tolist() == names
    # n = 4 and 8 have no n = 1 on their own kind.
    assert summary["speedup_n1"].notna().tolist() == [True, True, False, False]


def test_no_law_goes_across_kinds(split: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    assert list(fit_laws(summarise(split[1]), split[1])) == []
    runs = written(tmp_path, *line((1, 2, 4, 8), ZEN))
    [law] = fit_laws(summarise(runs), runs)
    assert law.fitted == (1, 2, 4, 8)


def test_a_law_is_fitted_on_each_kind(tmp_path: Path) -> None:
    runs = written(tmp_path, *line((1, 2, 4, 8), ZEN), *line((1, 2, 4, 8), XEON))
    laws = list(fit_laws(summarise(runs), runs))
    assert {law.panel for law in laws} == {f"primes on {ZEN_NAME}", f"primes on {XEON_NAME}"}
    assert {law.fitted for law in laws} == {(1, 2, 4, 8)}


def test_nothing_is_recommended_across_kinds(tmp_path: Path) -> None:
    apart = written(tmp_path / "apart", *line((4,), ZEN), *line((4,), XEON, executor="pool"))
    assert recommend(summarise(apart), apart) == []
    same = written(tmp_path / "same", *line((4,), ZEN), *line((4,), ZEN, executor="pool"))
    assert len(recommend(summarise(same), same)) == 1


def test_no_curve_of_break_even_goes_across_kinds(tmp_path: Path) -> None:
    def sizes(*sizes: int, facts: Mapping[str, Any]) -> list[Placed]:
        found = []
        for size in sizes:
            how: dict[str, Any] = {"parameters": {"workload.size": size}, "serial_s": size / 100}
            found += line((2,), facts, **how)
        return found

    same = written(tmp_path / "same", *sizes(10, 30, 90, facts=ZEN))
    assert len(list(break_even(summarise(same)))) == 1
    placed = [*sizes(10, facts=ZEN), *sizes(30, 90, facts=XEON)]
    assert list(break_even(summarise(written(tmp_path / "apart", *placed)))) == []


def test_a_claim_is_not_judged_by_cells_of_two_kinds(
    split: tuple[Path, pd.DataFrame],
) -> None:
    def speedup(n: int) -> Quantity:
        columns = ("speedup", "speedup_low", "speedup_high")
        return Quantity({"n": n}, columns, lambda *found: Amount(f"{found[0]:.1f}"))

    summary = summarise(split[1])
    claim = Claim("more_is_faster", (), speedup(8).over(speedup(1)).above(2))
    judgement = judge(claim, summary)
    assert judgement.verdict == "not measured"
    assert ZEN_NAME in str(judgement.measured.values["text"])
    same = Claim("more_is_faster", (), speedup(8).over(speedup(4)).above(1.5))
    assert judge(same, summary).verdict == "holds"


def test_a_line_that_mixes_kinds_is_told_with_its_n(split: tuple[Path, pd.DataFrame]) -> None:
    [found] = mixed(summarise(split[1]))
    assert found.kinds == {ZEN_NAME: 2, XEON_NAME: 2}
    assert found.lines == {"thread": {ZEN_NAME: (1, 2), XEON_NAME: (4, 8)}}
    assert f"n = 1, 2 on {ZEN_NAME} and n = 4, 8 on {XEON_NAME}" in found.text()


def test_a_whole_line_on_each_kind_mixes_nothing(tmp_path: Path) -> None:
    runs = written(tmp_path, *line((1, 2), ZEN), *line((1, 2), XEON))
    [found] = mixed(summarise(runs))
    assert found.lines == {}
    assert "A line mixes them" not in found.text()


def test_of_many_workloads_those_whose_lines_mix_kinds_are_told_first() -> None:
    kinds = {ZEN_NAME: 2, XEON_NAME: 2}
    whole = [Mixed(f"w{at}", kinds, {}) for at in range(MOST_TOLD + 1)]
    lines = {"pool": {ZEN_NAME: (1, 2), XEON_NAME: (4, 8)}}
    found = told([*whole, Mixed("last", kinds, lines)])
    assert len(found) == MOST_TOLD + 1
    assert found[0].startswith("last: ")
    assert found[-1].startswith("two more workloads")
    assert told(whole[:1]) == [whole[0].text()]


def test_what_was_never_measured_is_with_most_of_the_others(tmp_path: Path) -> None:
    [*_, refused] = synthetic.runs(
        n=2, rounds=1, processes=1, executor="pool", status="unsupported", error="no"
    )
    runs = written(tmp_path, *line((1, 2), ZEN), *line((4,), XEON), ([refused], None))
    summary = summarise(runs)
    assert labels(summary)["panel"].iloc[-1] == f"primes on {ZEN_NAME}"
    assert [sum(one.kinds.values()) for one in mixed(summary)] == [3]


def test_rows_say_the_host_of_each_job_and_what_it_was_given(tmp_path: Path) -> None:
    runs = synthetic.runs(n=4, usable_cpus=2.0)
    half = len(runs) // 2
    jobs = [
        {"host": "node1", "job": "SLURM_JOB_ID=1", "exclusive": True, "job_cpus": 4},
        {"host": "node2", "job": "SLURM_JOB_ID=2", "exclusive": False, "job_cpus": 2},
    ]
    placed = [replace(run, **jobs[at >= half]) for at, run in enumerate(runs)]  # type: ignore[arg-type]
    [cell] = cells(summarise(written(tmp_path, (placed, {**ZEN, "hostname": "other"}))))
    assert (cell.host, cell.job) == ("node1, node2", "SLURM_JOB_ID=2")
    assert (cell.exclusive, cell.job_cpus, cell.nodes, cell.fewer_cpus) == (False, 2, 1, True)
    details = {flag.code: flag.detail for flag in cell.flags}
    assert details["fewer_cpus"] == "2 for 4"
    assert "not_exclusive" in details
    assert "oversubscribed" not in details  # the same, once


def test_without_a_job_there_is_nothing_to_say_of_it(tmp_path: Path) -> None:
    [cell] = cells(summarise(written(tmp_path, (synthetic.runs(n=4), ZEN))))
    codes = {flag.code for flag in cell.flags}
    assert not codes & {"fewer_cpus", "not_exclusive"}
    assert "oversubscribed" in codes
    assert (cell.exclusive, cell.job, cell.fewer_cpus) == (None, None, True)


@pytest.mark.parametrize(
    ("kind", "ladder", "expected"),
    [
        ("process", True, (1, True)),
        ("coroutine", True, (1, False)),
        ("caller", True, (1, False)),
        ("remote", True, (1, True)),  # they have spans by this machine's clock
        ("remote", False, (3, None)),
    ],
)
def test_on_how_many_nodes_the_workers_were(
    tmp_path: Path, kind: Any, ladder: bool, expected: tuple[int, bool | None]
) -> None:
    runs = synthetic.runs(n=4, usable_cpus=2.0, worker_kind=kind)
    runs = [
        replace(run, job_nodes=3, levels=run.levels if ladder or run.role == "baseline" else ())
        for run in runs
    ]
    [cell] = cells(summarise(written(tmp_path, (runs, ZEN))))
    assert (cell.nodes, cell.fewer_cpus) == expected
