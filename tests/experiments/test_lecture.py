"""docs/lecture.md: no row of the lecture is missing, and what it names is there."""

import re
import shlex

from experiments.catalogue import experiments, names
from experiments.language import load
from tests.conftest import ROOT, MakePlan

PAGE = (ROOT / "docs/lecture.md").read_text()
ROWS = {*(f"L{k}" for k in range(1, 25)), *(f"P{k}" for k in range(1, 4))}
TABLE = {
    line.split("|")[1].strip(): line for line in PAGE.splitlines() if re.match(r"\| [LP]", line)
}


def test_every_row_of_the_lecture_is_in_the_table() -> None:
    assert TABLE.keys() == ROWS


def test_every_row_has_a_test_that_its_system_works() -> None:
    for row, line in TABLE.items():
        found = re.findall(r"`(test_\w+)::(\w+)`", line)
        assert found, row
        for file, test in found:
            text = next((ROOT / "tests").rglob(f"{file}.py")).read_text()
            assert re.search(rf"(def|class) {test}\b", text), f"{row}: {file}::{test}"


def test_every_row_names_an_experiment_that_is_about_it() -> None:
    about = {experiment.name: experiment.rows for experiment in experiments(load())}
    for row, line in TABLE.items():
        named = set(re.findall(r"`(\w+)`", line)) & set(names())
        assert named, row
        assert all(row in about[name] for name in named), row


def test_every_row_has_a_cell_that_can_be_planned(make_plan: MakePlan) -> None:
    for row, line in TABLE.items():
        [command] = re.findall(r"`(workload=[^`]+)`", line)
        plan = make_plan(*shlex.split(command))
        assert plan.workload, row


def test_every_row_has_a_claim_or_a_result_on_the_page() -> None:
    judged = {row for found in experiments(load()) for claim in found.claims for row in claim.rows}
    assert judged == ROWS
