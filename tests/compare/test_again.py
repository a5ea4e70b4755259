"""`--remeasure`: which cells are measured again, by what, and what becomes of the verdict."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from omegaconf import OmegaConf

from runners.compare import again, command
from runners.compare.command import NOT_WORSE, USAGE, WORSE, run
from runners.compare.side import Side, read_side
from runners.model import UsageError
from runners.results.columns import IDENTITY
from runners.results.named import Named
from runners.results.read import read_runs
from runners.results.write import write_json
from tests import synthetic
from tests.conftest import grid, planned, planning

QUIET: dict[str, Any] = {"noise": 0.003, "rounds": 20, "processes": 5}


def result(folder: Path, **facts: Any) -> Path:
    """A result of two cells, of which the facts are about the one with n = 2."""
    synthetic.write(folder / "two", synthetic.runs(**{**QUIET, **facts}))
    synthetic.write(folder / "one", synthetic.runs(**QUIET, n=1, speedup=0.9, seed=3))
    return folder


@dataclass
class Fake:
    """What is measured again is made up."""

    folder: Path
    facts: dict[str, Any]

    def measure(self) -> None:
        synthetic.write(self.folder / "1", synthetic.runs(**{**QUIET, **self.facts}))


@pytest.mark.parametrize(
    ("second", "status", "told"),
    [
        ({"speedup": 1.5, "seed": 2}, WORSE, "1 worse, 1 not worse"),
        ({"seed": 2}, NOT_WORSE, "1 inconclusive, 1 not worse"),
        ({"status": "failed", "error": "ValueError: no"}, WORSE, "1 failed, 1 not worse"),
    ],
)
def test_a_cell_is_worse_only_if_it_is_worse_again(
    second: dict[str, Any],
    status: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before, after = result(tmp_path / "before"), result(tmp_path / "after", speedup=1.5, seed=1)
    asked: list[list[int]] = []

    def fake(side: Side, rows: list[int]) -> Fake:
        asked.append(side.summary["n"].iloc[rows].tolist())
        return Fake(tmp_path / "again", second)

    monkeypatch.setattr(command, "planned", fake)
    words = [str(before), str(after), "--margin=3%", "--by=parallel", "--remeasure"]
    words += ["--fail-on=worse"]
    written = "speedup" in second
    assert run([*words, *(["--output", str(tmp_path / "out")] if written else [])]) == status
    printed = capsys.readouterr().out
    assert asked == [[2]]  # the cell that is worse, and no other
    assert told in printed
    assert "parallel time again" in printed
    assert f"the new rounds are in {tmp_path}/again" in printed
    if written:
        assert "parallel time again" in (tmp_path / "out/compare.md").read_text()
        table = pd.read_csv(tmp_path / "out/compare.csv").set_index("n")
        assert table["outcome_again"].fillna("").to_dict() == {1: "", 2: "worse"}
        for column in ("parallel_ratio", "parallel_ratio_again"):
            assert table[column][2] == pytest.approx(1.5 / 1.8, rel=0.01)


def test_nothing_is_measured_where_nothing_is_worse(tmp_path: Path) -> None:
    before, after = result(tmp_path / "before"), result(tmp_path / "after", seed=1)
    words = [str(before), str(after), "--margin=3%", "--fail-on=worse", "--remeasure"]
    assert run(words) == NOT_WORSE
    assert sorted(path.name for path in tmp_path.iterdir()) == ["after", "before"]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A result with all that the program leaves of a cell but its times, which are made up."""
    folder = tmp_path_factory.mktemp("results") / "after"
    own = ["measure=quick", "measure.min_rounds=2", "measure.max_rounds=2", "n=2"]
    with planning():
        cfg = grid().config([*own, "workload=io_sleep", "executor=thread_pool"], 0)
        plan = planned(cfg)
        choices = OmegaConf.to_container(cfg.hydra.runtime.choices)
        shown = {key: value for key, value in cfg.items() if key != "hydra"}
        cell = result(folder) / "two"
        (cell / ".hydra").mkdir()
        (cell / again.CONFIG).write_text(OmegaConf.to_yaml(OmegaConf.create(shown)))
        hydra = OmegaConf.create({"hydra": {"runtime": {"choices": choices}}})
        (cell / again.HYDRA).write_text(OmegaConf.to_yaml(hydra))
        write_json(cell / IDENTITY, plan.identity)
        yield folder


@pytest.fixture(scope="module")
def side(real: Path) -> Side:
    return read_side(Named("after", real))


def row_of(side: Side) -> int:
    return side.summary["folder"].tolist().index("two")


def test_a_cell_is_measured_by_what_it_was_measured_by(real: Path, side: Side) -> None:
    before = {path: path.read_bytes() for path in real.rglob("*") if path.is_file()}
    found = again.planned(side, [row_of(side)])
    assert found.folder == real.with_name("after-again")
    found.measure()
    runs = read_runs(found.folder)
    measured = runs[(runs["role"] == "measured") & ~runs["warmup"]]
    assert measured[["workload", "executor", "n", "status"]].drop_duplicates().values.tolist() == [
        ["io_sleep", "thread_pool", 2, "ok"]
    ]
    assert before == {path: path.read_bytes() for path in real.rglob("*") if path.is_file()}
    assert again.planned(side, [row_of(side)]).folder == real.with_name("after-again2")


@pytest.mark.parametrize(
    ("file", "change", "told"),
    [
        (again.CONFIG, None, "no configuration to measure from"),
        (again.CONFIG, ("python: this", "python: '3.5'"), "cannot be measured here: python=3.5"),
        (again.CONFIG, ("workload:", "- workload:"), "it is not what the program writes"),
        (again.CONFIG, ("runners.workloads", "runners.nowhere"), "cannot be imported"),
        (again.HYDRA, ("choices", "others"), "it is not what the program writes"),
    ],
)
def test_what_cannot_be_read_or_planned_is_refused(
    file: str, change: tuple[str, str] | None, told: str, real: Path, side: Side
) -> None:
    place = real / "two" / file
    text = place.read_text()
    place.unlink()
    try:
        if change is not None:
            assert change[0] in text
            place.write_text(text.replace(*change))
        refused(side, told)
    finally:
        place.write_text(text)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"code": {}}, "code of runners"),
        ({"machine": "another"}, "machine: another, now "),
        ({"python": "CPython 3.11.0"}, "python: CPython 3.11.0, now "),
        (None, "has no cell.json"),
    ],
)
def test_what_would_not_be_the_same_is_refused(
    change: dict[str, Any] | None, told: str, side: Side
) -> None:
    own = {
        cell: None if change is None or identity is None else {**identity, **change}
        for cell, identity in side.identities.items()
    }
    refused(replace(side, identities=own), told)


def refused(side: Side, told: str) -> None:
    with pytest.raises(UsageError, match=f"^--remeasure: .*{told}") as error:
        again.planned(side, [row_of(side)])
    assert "\n" not in str(error.value)


def test_that_is_a_mistake_of_the_users(real: Path, tmp_path: Path) -> None:
    before = result(tmp_path / "before", speedup=3.0)
    (real / "two" / again.CONFIG).rename(tmp_path / "aside")
    try:
        assert run([str(before), str(real), "--margin=3%", "--remeasure"]) == USAGE
    finally:
        (tmp_path / "aside").rename(real / "two" / again.CONFIG)
