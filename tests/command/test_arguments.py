"""The command line as Hydra gets it."""

import subprocess
import sys

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import assume, given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from runners.command.arguments import count_cells, expanded
from runners.model import UsageError


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


def as_hydra_reads(override: str) -> str:
    """The value that Hydra comes to set."""
    [parsed] = OverridesParser.create().parse_overrides([override])
    assert not parsed.is_sweep_override()
    cfg = OmegaConf.create({"n": 4, "hydra": {"run": {"dir": "x"}, "sweep": {"dir": "x"}}})
    OmegaConf.update(cfg, parsed.key_or_group, parsed.value())
    return str(OmegaConf.select(cfg, parsed.key_or_group))


ODD = (
    *(
        "a(b=[c,~d",
        "{a}",
        "a}b",
        "a'b\"c",
        "a$b:c#d",
        "a\nb",
        "ä b",
        " a",
        "a ",
        "true",
        "null",
        "1",
    ),
    *(
        "${x}",
        "a${n}b",
        "a\\${b}",
        "a\\\\${b}'",
        "a\\",
        "~nobody-is-called-so",
        "*",
        "tr/",
        "./x",
        "a|b;c",
    ),
)


@pytest.mark.parametrize("path", ODD)
def test_odd_paths_survive_in_resume(path: str) -> None:
    run, sweep, *_ = expanded([f"resume={path}"])
    assert (as_hydra_reads(run), as_hydra_reads(sweep)) == (path, path)


@given(st.text(st.characters(exclude_characters="\0\r", codec="utf-8"), min_size=1))
def test_any_path_survives_in_resume(path: str) -> None:
    assume("${" not in path and path.strip() and path != "???" and not path.startswith("~"))
    [run, _] = expanded([f"resume={path}"])
    assert as_hydra_reads(run) == path


@pytest.mark.parametrize("key", ["hydra.run.dir", "hydra.sweep.dir"])
@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        *((path, path) for path in ODD if "${" not in path and "\\" not in path),
        *(
            ("o/${n}", "o/4"),
            ("o(/${n}", "o(/4"),
            ("a${b", None),
            ("'q, x'", "q, x"),
            ("a\\,b", "a,b"),
        ),
    ],
)
def test_a_folder_is_taken_as_it_was_typed(key: str, typed: str, meant: str | None) -> None:
    if meant is None:
        with pytest.raises(UsageError, match="Hydra takes no folder with an open"):
            expanded([f"{key}={typed}"])
        return
    [written, *_] = expanded([f"{key}={typed}"])
    assert as_hydra_reads(written) == meant


@pytest.mark.parametrize(
    "word", ["resume=", "resume= ", "resume", "hydra.run.dir=", "hydra.sweep.dir="]
)
def test_a_folder_without_a_name_is_one_line(word: str) -> None:
    with pytest.raises(UsageError, match="no folder is named; write "):
        expanded(["n=1", word])


def test_a_tilde_is_the_users_own_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me (x)")
    for word in ("resume=~/o", "hydra.run.dir=~/o"):
        assert as_hydra_reads(expanded([word])[0]) == "/home/me (x)/o"


def test_cells_are_counted_without_composing_them() -> None:
    assert count_cells({"executor": "thread,process", "n": "1,2"}, ["n=1,2,4", "workload=x"]) == 6


def test_the_words_of_a_program_are_not_changed_by_importing_it() -> None:
    code = "import sys; sys.argv = ['x', 'n=1']; import runners.__main__; print(sys.argv)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['x', 'n=1']"
