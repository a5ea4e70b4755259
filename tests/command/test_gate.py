"""`--at-least` on the command line."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from runners.command.gate import demanded, judged
from runners.model import UsageError
from tests import synthetic
from tests.conftest import run_program
from tests.synthetic import write


def test_the_option_is_taken_from_the_words_and_brings_what_a_verdict_takes() -> None:
    assert demanded(["n=2", "executor=pool"]) == (None, ["n=2", "executor=pool"])
    for words in (["n=2", "--at-least", "1.5"], ["--at-least=1.5", "n=2"]):
        least, rest = demanded(words)
        assert least == 1.5
        assert rest[0] == "n=2"
        assert "measure.min_rounds=30" in rest
    _, rest = demanded(["--at-least=1.5", "measure.min_rounds=40"])
    assert "measure.min_rounds=30" not in rest
    for word in ("++n=4", "+experiment=big"):  # what Hydra has to read first
        assert demanded(["--at-least=2.5", word])[0] == 2.5


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--at-least", "it takes a speedup"),
        ("--at-least x", "--at-least x: it takes a speedup"),
        ("--at-least -1", "it takes a speedup"),
        ("--at-least inf", "it takes a speedup"),
        ("--at-least 1.5 -m n=1,2", "leave out -m"),
        ("n=2 --at-least 2.5", "it takes more than 2 workers; raise n"),
        ("executor=pool --at-least 2.5", "it takes more than 2 workers; raise n"),
    ],
)
def test_a_mistake_is_one_line(words: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        demanded(words.split())


def test_the_exit_status_is_that_of_the_verdict(tmp_path: Path) -> None:
    few = ("measure=quick", "measure.min_rounds=2", "measure.max_rounds=2")
    words = ("workload=cube", "executor=thread", "n=2", *few, "hydra.run.dir=out")
    done = run_program(*words, "--at-least", "1.5", cwd=tmp_path)
    assert done.returncode == 5, done.stdout + done.stderr
    assert "inconclusive: there was time for 2 rounds only" in done.stdout


def test_what_is_measured_again_is_fresh(tmp_path: Path) -> None:
    """Whatever an earlier command has left in that folder."""
    found = tmp_path / "out"
    write(found, synthetic.runs(n=2, speedup=1.2, rounds=40))
    asked: list[str] = []

    def measure(words: Sequence[str]) -> Path:
        asked.extend(words)
        return found

    assert judged(1.5, found, ["n=2", "hydra.run.dir=out", "measure.force=false"], measure) == 1
    assert asked == ["n=2", f"hydra.run.dir='{tmp_path}/out-again'", "measure.force=true"]
