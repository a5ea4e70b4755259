"""Results that version 0.2.0 wrote are read to the summary that it computed itself.

Only the speedup is estimated otherwise now.

`version_0_2/` holds cells that it measured (three that are ok and one of weak scaling, one that
failed, in two folders, one that is not supported, one that was cut off) and its summary.csv.
"""

from pathlib import Path

import pandas as pd
import pytest

from runners.analysis.cell import cells
from runners.analysis.estimators import FACTORS
from runners.analysis.files import csv, read_summary
from runners.analysis.summary import summarise
from runners.results.read import read_runs

ESTIMATED = ("speedup", "efficiency", "half_width")
"""How the columns begin that come from another estimate now."""

LADDER = {f"{loss}{step}" for loss in ("", "loss_") for step in FACTORS[3:]}
LADDER |= {f"{step}{end}" for step in FACTORS[3:] for end in ("_low", "_high")}
"""The last steps of the ladder: what tasks wait for in the baseline too was a loss then."""

FOLDER = Path(__file__).parent / "version_0_2"


@pytest.fixture(scope="module")
def then() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "summary.csv")


@pytest.fixture(scope="module")
def now(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Today's summary, by way of a file as well."""
    file = tmp_path_factory.mktemp("now") / "summary.csv"
    file.write_bytes(csv(summarise(read_runs(FOLDER))))
    return pd.read_csv(file)


def test_all_that_it_wrote_is_there(then: pd.DataFrame) -> None:
    assert sorted(then["status"]) == [
        *("failed", "failed", "incomplete"),
        *("ok", "ok", "ok", "ok", "unsupported"),
    ]
    assert then["flags"].notna().sum() == 5


def test_the_summary_is_the_same_in_all_columns_that_it_had(
    then: pd.DataFrame, now: pd.DataFrame
) -> None:
    """A flag and a status say the same in other words now; other tests compare them."""
    other = ("flags", "status")
    same = [name for name in then.columns if name not in other and not name.startswith(ESTIMATED)]
    same = [name for name in same if name not in LADDER]
    # Elementary functions may differ in the last digit from one processor to another.
    pd.testing.assert_frame_equal(now[same], then[same], rtol=1e-9)


def test_a_cell_that_was_cut_off_is_interrupted(then: pd.DataFrame, now: pd.DataFrame) -> None:
    assert now["status"].tolist() == then["status"].replace("incomplete", "interrupted").tolist()
    [error] = now["error"][now["status"] == "interrupted"]
    assert error == "the program ended before the cell did"


def test_the_speedup_lies_in_the_interval_that_it_had(
    then: pd.DataFrame, now: pd.DataFrame
) -> None:
    for name in ("speedup", "efficiency", "speedup_n1"):
        known = then[f"{name}_low"].notna()
        assert known.any()
        assert now[f"{name}_low"].notna().equals(known)
        inside = now[name].between(then[f"{name}_low"], then[f"{name}_high"])
        assert inside[known].all()


def test_its_file_is_read_to_the_same_frame(then: pd.DataFrame) -> None:
    old, new = read_summary(FOLDER / "summary.csv"), summarise(read_runs(FOLDER))
    assert old["folder"].isna().all()  # a column that it did not have
    same = [name for name in new.columns if "workload." not in name and "executor." not in name]
    same = [name for name in same if not name.startswith(ESTIMATED) and name in then]
    same = [name for name in same if name not in LADDER]
    for summary in (old, new):  # the first says more now, the others were not known
        codes = [[flag.code for flag in flags] for flags in summary["flags"]]
        summary["flags"] = [sorted({*own} - {"same_tasks", "time_spent"}) for own in codes]
    pd.testing.assert_frame_equal(old[same], new[same], rtol=1e-9)
    # CSV does not keep the types of parameters, but their values.
    assert [cell.parameters for cell in cells(old)] == [cell.parameters for cell in cells(new)]
