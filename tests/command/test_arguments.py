"""The command line as Hydra gets it."""

import subprocess
import sys

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import assume, given
from hypothesis import strategies as st

from runners.command.arguments import count_cells, expanded


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("n=2 -m workload=primes", "-m n=2 workload=primes"),
        ("n=1,2 --multirun", "--multirun n=1,2"),
        ("workload=primes --cfg job n=3", "--cfg job workload=primes n=3"),
        ("n=2 --config-dir=here executor=pool", "--config-dir=here n=2 executor=pool"),
        ("executor=all n=2", "--multirun executor=choice(all) n=2"),
        ("-m executor=all", "-m executor=choice(all)"),
        ("executor=pool workload.end=5", "executor=pool workload.end=5"),
        ("-m workload.end=5 n=2", "-m workload.end=choice(5) n=2"),
        ("-m executor.chunksize=1,2", "-m executor.chunksize=1,2"),
        ("-m workload.arguments=[[1],[2]]", "-m workload.arguments=choice([[1],[2]])"),
        ("-m +executor.more=5", "-m +executor.more=choice(5)"),
        ("-m ~executor.chunksize", "-m ~executor.chunksize"),
        ("-m workload.function=", "-m workload.function="),
        ("resume=out", "hydra.run.dir='out' hydra.sweep.dir='out'"),
    ],
)
def test_what_hydra_refuses_or_lacks_is_written_out(typed: str, written: str) -> None:
    assert expanded(typed.split()) == written.split()


@given(st.text(st.characters(exclude_characters="\0\n\r", codec="utf-8"), min_size=1))
def test_any_path_survives_in_resume(path: str) -> None:
    assume("${" not in path)  # an interpolation, in quotes too
    [run, _] = expanded([f"resume={path}"])
    [override] = OverridesParser.create().parse_overrides([run])
    assert str(override.value()) == path


def test_cells_are_counted_without_composing_them() -> None:
    assert count_cells({"executor": "thread,process", "n": "1,2"}, ["n=1,2,4", "workload=x"]) == 6


def test_the_words_of_a_program_are_not_changed_by_importing_it() -> None:
    code = "import sys; sys.argv = ['x', 'n=1']; import runners.__main__; print(sys.argv)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['x', 'n=1']"
