"""The command line as Hydra gets it."""

import subprocess
import sys
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import assume, given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from runners.command.arguments import as_override, count_cells, expanded
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
        ("workload.arguments=range(9)", "workload.arguments='range(9)'"),
        ("workload.arguments=[(1,2),b'a']", r"workload.arguments='[(1,2),b\'a\']'"),
        ("workload.arguments=[[1],[2]]", "workload.arguments=[[1],[2]]"),
        ("workload.arguments=[1", "workload.arguments=[1"),
        ("workload.keywords.base=3", "++workload.keywords.base=3"),
        ("workload.function=größe.py:f", "workload.function='größe.py:f'"),
        ("-m workload.function=a:f,ä:f", "-m workload.function=a:f,'ä:f'"),
        ("workload.text='ä'", "workload.text='ä'"),
        ("-m workload.arguments_keywords.n=3", "-m ++workload.arguments_keywords.n=choice(3)"),
        (
            "-m workload.arguments=range(9),range(0,9,3)",
            "-m workload.arguments='range(9)','range(0,9,3)'",
        ),
        ("resume=out", "hydra.run.dir='out' hydra.sweep.dir='out'"),
        ("python=all n=2", "--multirun python=all n=2"),
        ("python=this gil=on", "python=this gil=on"),
        ("-m python=3.11,3.20 gil=on,null", "-m python='3.11','3.20' gil=on,null"),
        ("python=3.20,3.13", "python='3.20','3.13'"),
        ("executor.python=3.20", "executor.python=3.20"),
        ("-m python=range(11,15)", "-m python=range(11,15)"),
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


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("function=a.py:f(3)", "write workload.function=a.py:f, 'workload.arguments=[["),
        ("function=a.py:T().count", "workload.function=a.py:T.count 'workload.instance=[]'"),
        ("function=a.py:T(3).count", "'workload.instance=[3]'"),
        ("arguments_from=a:f(20)", "'workload.arguments_keywords={name: value}' has its"),
        ("initializer=a:f('x')", "'workload.initargs=[...]' has its arguments"),
        ("setup=a:f()", "it is called without arguments"),
    ],
)
def test_a_function_that_is_called_is_told_how_to_be_named(word: str, remedy: str) -> None:
    with pytest.raises(UsageError) as caught:
        expanded([f"workload.{word}"])
    assert str(caught.value).startswith(f"workload.{word}: a function is named, not called; ")
    assert remedy in str(caught.value)


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


INTERPRETERS = (
    *(*ODD, "3.20", "3.15t", "3.14.2", "1e3", "/a/${b", "/a=b/python", "choice (x)", "/p q/(1)[2]"),
    *("~/x", "on", "C:\\x\\", "inf", "0x1", "1_000", "-m", "/a/\\${b}/\\"),
)


@pytest.mark.parametrize(
    "typed", [text for text in INTERPRETERS if text not in ("null", " a", "a ")]
)
@pytest.mark.parametrize("key", ["python", "gil"])
def test_an_interpreter_is_a_text_to_hydra(key: str, typed: str) -> None:
    if "," not in typed:
        assert as_hydra_reads(*expanded([f"{key}={typed}"])) == typed


@given(st.text(st.characters(exclude_characters="\0\r,'\"", codec="utf-8"), min_size=1))
def test_any_path_of_an_interpreter_survives(path: str) -> None:
    assume(path == path.strip() and path != "null" and not path.endswith(")"))
    assert as_hydra_reads(*expanded([f"python=/x/{path}"])) == f"/x/{path}"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("3.11,3.20,/p q/python", ["3.11", "3.20", "/p q/python"]),
        ("3.10, 3.20 ,this", ["3.10", "3.20", "this"]),
        ("'/a,b/python',3.20", ["/a,b/python", "3.20"]),
        ('"/a,b/python",3.20', ["/a,b/python", "3.20"]),
        ("choice(3.20,3.15t)", ["3.20", "3.15t"]),
        ("/it's/python,/a=b(c/${d", ["/it's/python", "/a=b(c/${d"]),
        ("'3.20'", ["3.20"]),
        ("3.20,,3.13", ["3.20", "", "3.13"]),
        ("3.20,", ["3.20", ""]),
        ("on,off", ["on", "off"]),
        ("true,1", ["true", "1"]),
    ],
)
@pytest.mark.parametrize("key", ["python", "gil"])
def test_each_interpreter_of_a_sweep_is_a_text(key: str, typed: str, meant: list[str]) -> None:
    """Its cells are parsed again, one value each."""
    for written in (expanded(["-m", f"{key}={typed}"])[1], as_override(key, typed)):
        [parsed] = OverridesParser.create().parse_overrides([written])
        texts = (
            [*parsed.sweep_string_iterator()]
            if parsed.is_sweep_override()
            else [parsed.get_value_element_as_str()]
        )
        assert [as_hydra_reads(f"{key}={text}") for text in texts] == meant


def test_a_path_with_a_comma_that_is_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "a,b").mkdir()
    (tmp_path / "c, d,e").touch()
    [written] = expanded([f"python={tmp_path}/a,b"])
    assert as_hydra_reads(written) == f"{tmp_path}/a,b"
    _, written = expanded(["-m", f"python=3.20,{tmp_path}/a,b,3.11,{tmp_path}/c, d,e,this"])
    meant = ["'3.20'", f"'{tmp_path}/a,b'", "'3.11'", f"'{tmp_path}/c, d,e'", "this"]
    assert written == f"python={','.join(meant)}"


@pytest.mark.parametrize(
    ("key", "value", "written"),
    [
        ("python", "3.11,3.20", "python='3.11','3.20'"),
        ("python", "all", "python=all"),
        ("python", 3.13, "python='3.13'"),
        ("python", ["3.20", 3.13, "this"], "python='3.20','3.13',this"),
        ("gil", "on,off", "gil=on,off"),
        ("gil", True, "gil=on"),
        ("gil", [True, False, None], "gil=on,off,null"),
        ("gil", None, "gil=null"),
        ("n", "1,2", "n=1,2"),
        ("workload.python", 3.2, "workload.python=3.2"),
    ],
)
def test_what_an_experiment_names_is_a_text(key: str, value: object, written: str) -> None:
    assert as_override(key, value) == written


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["resume=a", "hydra.run.dir=b"], "resume: another folder is named beside it"),
        (["-m", "hydra.sweep.dir=b", "resume=a"], "resume: another folder is named beside it"),
        (["resume=a", "resume=b"], "resume: another folder is named beside it"),
        (["+experiment=gil,locks"], "one at a time: an experiment"),
    ],
)
def test_what_cannot_be_meant_together_is_a_line(words: list[str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        expanded(words)


def test_a_folder_may_be_named_twice() -> None:
    assert "hydra.sweep.dir='out'" in expanded(["-m", "hydra.sweep.dir=out", "resume=out"])


def test_cells_are_counted_without_composing_them() -> None:
    assert count_cells({"executor": "thread,process", "n": "1,2"}, ["n=1,2,4", "workload=x"]) == 6
    assert count_cells({"python": "3.11,/p=(q,3.20", "gil": [True, False]}, []) == 6


def test_the_words_of_a_program_are_not_changed_by_importing_it() -> None:
    code = "import sys; sys.argv = ['x', 'n=1']; import runners.__main__; print(sys.argv)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['x', 'n=1']"
