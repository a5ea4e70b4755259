"""The cases of `benchmarks.cases`: their files, what is declared of them, and how they are judged.

No case is measured here: that takes minutes.
"""

import importlib.util
import json
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from typing import Any, get_args

import pytest

from benchmarks.cases.__main__ import main, server, why_not
from benchmarks.cases.case import FOLDER, ROOT, Case, Says, loss, note, text
from benchmarks.cases.judging import PHRASES, is_hidden, is_said, lacking, remarks, untrue
from benchmarks.cases.listed import CASES
from benchmarks.cases.truth import ASKS, figures
from runners.words.causes import Code
from tests.conftest import MakePlan, grid

BY_NAME = {case.name: case for case in CASES}
FILES = sorted(file.name for file in FOLDER.glob("*.py"))
REMEDIES = [case for case in CASES if case.remedy and case.remedy.overrides]
PAGE = (ROOT / "docs/causes.md").read_text()


def missing(file: str) -> list[str]:
    """The packages that a case's file needs and that are not there."""
    needed = {name for case in CASES if case.file.name == file for name in case.packages}
    return sorted(name for name in needed if importlib.util.find_spec(name) is None)


def named(file: str) -> set[str]:
    """What the cases look up in that file."""
    found: list[object] = []
    for case in CASES:
        if case.file.name == file:
            found += [case.function.partition(":")[2], case.calls]
            found += [name for way in case.ways.values() for name in (way.function, way.calls)]
    return {name for name in found if isinstance(name, str)}


LOOK_UP = """
import importlib, json, sys, traceback
from operator import attrgetter
asked, sys.argv, problems = json.loads(sys.argv[1]), [""], {}
for file, names in asked.items():
    try:
        module = importlib.import_module(file.removesuffix(".py"))
        for name in names:
            assert callable(attrgetter(name)(module)), name
    except Exception:
        problems[file] = traceback.format_exc()
print(json.dumps(problems))
"""


@cache
def looked_up() -> dict[str, str]:
    """What is wrong with the files, where something is; of all whose packages are there.

    In a process of its own: some of them start threads, and one prints what it computes.
    """
    asked = json.dumps({file: sorted(named(file)) for file in FILES if not missing(file)})
    program = [sys.executable, "-c", LOOK_UP, asked]
    done = subprocess.run(program, cwd=FOLDER, stdout=subprocess.PIPE, check=True)
    problems: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return problems


@pytest.mark.parametrize("file", FILES)
def test_a_file_has_what_its_cases_look_up(file: str) -> None:
    if absent := missing(file):
        pytest.skip(f"{', '.join(absent)} missing: the extra `cases`")
    assert file not in looked_up(), looked_up()[file]


def test_there_are_words_for_every_cause_that_the_program_can_name() -> None:
    assert set(get_args(Code)) <= PHRASES.keys()


def test_every_file_is_of_a_case_and_every_name_is_of_one_case() -> None:
    assert {case.file.name for case in CASES} | {"server.py"} == set(FILES)
    assert len(BY_NAME) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.name))
def test_what_is_declared_of_a_case_fits_together(case: Case) -> None:
    assert case.has_to_say or case.must_never_say
    assert case.file.is_file()
    assert set(case.asks) <= ASKS.keys()
    ratios = [name for name in case.known if "/" in name]
    if case.remedy and case.remedy.figure:
        ratios.append(case.remedy.figure)
    for ratio in ratios:
        assert set(ratio.split("/")) <= case.ways.keys()
    assert case.asks or set(case.known) <= set(ratios)
    for says in (*case.has_to_say, *case.must_never_say):
        if says.where == "text":
            re.compile(says.what)
        else:
            assert set(says.what.split("|")) <= PHRASES.keys()
    for low, high in case.known.values():
        assert low <= high


@pytest.mark.usefixtures("make_plan")  # initialises Hydra
@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.name))
def test_a_cell_is_one_that_the_program_knows(case: Case) -> None:
    cfg = grid().config([word for word in case.arguments if not re.match("-m|n=1,", word)], 0)
    assert cfg.executor is not None
    assert cfg.workload.arguments or cfg.workload.arguments_from


@pytest.mark.parametrize("case", REMEDIES, ids=lambda case: str(case.name))
def test_a_remedy_is_a_setting_that_there_is(case: Case, make_plan: MakePlan) -> None:
    assert case.remedy is not None
    executor = f"executor={case.executor}"
    if any(word.startswith("executor=") for word in case.remedy.overrides):
        executor = ""
    grid().config(["workload=callable", *filter(None, [executor]), *case.remedy.overrides], 0)
    # With a plan, its value is one that the executor takes; the function need not be loaded.
    rest = [word for word in case.remedy.overrides if not word.startswith("workload.")]
    make_plan("workload=primes", *filter(None, [executor]), *rest)


def cell(*lines: str) -> str:
    """What the program prints of a cell, in short."""
    return "\n".join(
        [
            "                 serial       pool, n = 2",
            "speedup          0.80×  [0.70, 0.90]    typical round; attainable 2.00 (2 workers)",
            "efficiency       40% of 2 workers       40% of what the machine gives",
            *lines,
            "saved            outputs/2026-11-26/04-24-15",
        ]
    )


DISPATCH = "lost             62% dispatch: handing out tasks takes 62% of the core-seconds: "


def test_what_version_0_2_said_is_wrong() -> None:
    """The words of the reports that the cases come from."""
    said = {
        "uneven": cell(
            "lost             24% load imbalance: some workers finish early: make more tasks, or "
            "tasks of equal size",
            DISPATCH + "raise chunksize, or make fewer and larger tasks",
        ),
        "bigresult": cell(
            "lost             90% start-up and join: starting and joining workers takes 90% of the "
            "core-seconds: keep a pool's workers (executor.reuse=true) or give it more work"
        ),
        "bigarg": cell(DISPATCH + "raise chunksize, or make fewer and larger tasks"),
        "blas_threads": cell(
            "lost             30% oversubscription: other load or steal on the machine takes CPU "
            "time from the workers"
        ),
        "cached_processes": cell(
            "note             runs shorter than 1 ms: the executor's own cost hides the rest: give "
            "it more work"
        ),
        "mc_forked": "not deterministic: task 0 gives 1 and 2; set workload.compare=none",
    }
    for name, output in said.items():
        case = BY_NAME[name]
        assert lacking(case, output), name
        assert list(untrue(case, output)), name


def test_what_has_to_be_said_is_right() -> None:
    uneven = cell(
        "lost             24% load imbalance: the long tasks went to few workers: set "
        "executor.chunksize=1"
    )
    assert not [*lacking(BY_NAME["uneven"], uneven), *untrue(BY_NAME["uneven"], uneven)]
    bigarg = cell(
        "lost             70% dispatch: each call carries 8.0 MB: send once what all calls share "
        "(initializer, shared memory), return less, or use threads"
    )
    assert not [*lacking(BY_NAME["bigarg"], bigarg), *untrue(BY_NAME["bigarg"], bigarg)]


def test_a_cause_counts_only_for_the_loss_that_it_stands_at() -> None:
    output = cell("lost             24% load imbalance: each call carries 8.0 MB")
    assert is_said(loss("transport"), output)
    assert is_said(Says("balance", "gil|transport"), output)
    assert not is_said(Says("dispatch", "transport"), output)
    assert not is_said(note("transport"), output)
    assert is_said(text(r"8\.0 MB"), output)


def test_a_line_that_was_broken_is_one() -> None:
    output = cell("lost             62% dispatch: handing out; put 1,000 calls", "into one task")
    assert is_said(loss("short_tasks"), output)
    assert remarks(output) == ["62% dispatch: handing out; put 1,000 calls into one task"]


def test_advice_that_cannot_be_followed_is_wrong_of_any_cell() -> None:
    case = replace(BY_NAME["bigresult"], has_to_say=(), must_never_say=())

    def found(executor: str, *lines: str) -> list[str]:
        return list(untrue(replace(case, executor=executor), cell(*lines)))

    assert not found("process_pool", "note             x: set executor.reuse=true")
    assert found("process", "note             x: set executor.reuse=true")
    assert found("process_pool", "note             x: set executor.reuse=false")
    assert found("process_pool", "note             x: measure.patience")
    assert found("thread_pool", "lost             9% dispatch: x (executor=thread_pool)")
    assert not found("thread", "lost             9% dispatch: x (executor=thread_pool)")
    chunked = replace(case, executor="pool", overrides=("executor.chunksize=8",))
    assert list(untrue(chunked, cell("note             x: executor.chunksize=8")))


def test_losses_may_not_contradict_the_efficiency() -> None:
    case = replace(BY_NAME["bigresult"], has_to_say=(), must_never_say=())
    output = cell("lost             92% off-CPU time: tasks wait")
    assert not list(untrue(case, output))
    assert list(untrue(case, output.replace("40% of 2", "96% of 2")))
    assert list(untrue(case, output.replace("40% of what", "436% of what")))


def test_other_load_is_true_while_there_is_some() -> None:
    case = BY_NAME["blas_threads"]
    output = cell("lost             30% oversubscription: other programs took 40% of the CPUs")
    assert "says loss: other_load" in list(untrue(case, output))
    busy = cell(output, "note             busy machine: other load took 40% of the CPUs")
    assert "says loss: other_load" not in list(untrue(case, busy))


def test_a_cause_that_other_programs_hide_is_not_missed() -> None:
    output = cell("lost             62% off-CPU time: for what is not determined")
    busy = cell(output, "note             busy machine: other load took 40% of the CPUs")
    assert lacking(BY_NAME["gil_short"], output)
    assert not is_hidden(BY_NAME["gil_short"], output)
    assert is_hidden(BY_NAME["gil_short"], busy)
    assert not is_hidden(BY_NAME["used_up"], busy)  # which has to be said of an error
    assert not is_hidden(BY_NAME["busy_neighbours"], busy)  # of which that is the cause


def test_a_name_that_is_none_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["aio_tyni"]) == 2
    assert "aio_tiny" in capsys.readouterr().out


def test_a_case_without_its_packages_is_skipped_and_a_fault_unless_it_is_named() -> None:
    case = replace(BY_NAME["zlib_pack"], packages=("no_such_package",))
    assert "no_such_package" in str(why_not(case, named=True))
    assert why_not(BY_NAME["bound_apply"], named=False)
    assert why_not(BY_NAME["bound_apply"], named=True) is None
    assert why_not(BY_NAME["zlib_pack"], named=False) is None


def test_the_truth_of_a_case_is_measured() -> None:
    """Of one that is small, in a process of its own, as the program has it."""
    program = [sys.executable, "-m", "benchmarks.cases.truth", "random_global"]
    done = subprocess.run(program, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    assert json.loads(done.stdout) == {"pools with equal results": 0, "equal to itself": 0}


def test_ways_are_timed_beside_each_other() -> None:
    case = BY_NAME["aio_limited"]
    found = figures(case, "")
    assert found.keys() == {"one by one", "gather"}
    assert found["one by one"] > 16 * 0.01  # sixteen sleeps of 10 ms


def test_the_server_answers_with_the_path() -> None:
    import urllib.request

    with server() as url, urllib.request.urlopen(f"{url}/7", timeout=10) as answer:
        assert answer.read() == b"/7"


@pytest.mark.parametrize("code", PHRASES)
def test_the_page_of_causes_has_a_section_for_each(code: str) -> None:
    sections: dict[str, Any] = dict(
        re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE)
    )
    assert "Measured:" in sections[code]
    assert "Cannot tell" in sections[code]
    known = re.findall(r"`(\w+)`", sections[code].partition("Known truth:")[2].split("\n- ")[0])
    assert {name for name in known if name in BY_NAME} or "none yet" in sections[code]
