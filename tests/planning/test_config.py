"""Mistakes in a configuration: one line that names the key and the remedy, and nothing written."""

from dataclasses import fields
from pathlib import Path

import pytest
from omegaconf.errors import ValidationError

from runners.child.plugins import BrokenPlugin, build
from runners.command.jobs import Settings
from runners.command.mistakes import explain
from runners.command.program import run
from runners.model import Measure, UsageError
from runners.planning import config, ranges, searchpath
from tests.conftest import PLUGINS, MakePlan, run_program

MISTAKES = {
    "n=0": ["n=0", "at least 1"],
    "n=1,2": ["n=1,2", "several values make a sweep; add -m"],
    "n=-1": ["n=-1", "at least 1"],
    "n=four": ["n:", "four", "a whole number", "-m n=1,2,4"],
    "n=1.5": ["n:", "1.5", "a whole number"],
    "placement=core": ["placement=core", "none, cores, siblings, node", "[0,2]"],
    "placement=[0,0]": ["placement=[0,0]", "there twice"],
    "placement=[60000]": ["placement=[60000]", "CPU 60000 cannot be had", "this program may use"],
    "placement=cores n=5000": ["placement=cores", "5000 workers", "placement=none"],
    "scaling=sideways": ["scaling=sideways", "strong or weak"],
    "workload=prime": ["workload=prime", "addition, callable", "io_sleep", "primes"],
    "executor=threads": ["executor=threads", "pool, process", "thread_subclass"],
    "measure=fast": ["measure=fast", "quick, standard, thorough"],
    "workload.stop=5": ["workload.stop", "start, end, chunks"],
    "+workload.stop=5": ["workload.stop", "start, end, chunks"],
    "+workers=5": ["workers", "n, scaling"],
    "workload.end=1": ["workload.end=1", "no primes", "at least 3"],
    "workload.end=many": ["workload.end=many", "whole number"],
    "workload.end=2.5": ["workload.end=2.5", "whole number"],
    "workload.chunks=0": ["workload.chunks=0"],
    "executor.start_method=vfork": ["executor.start_method=vfork", "fork, spawn, forkserver"],
    "executor.chunksize=0": ["executor.chunksize=0", "at least 1"],
    "executor.max_workers=3": ["executor.max_workers", "set n"],
    "executor.reuse=true measure.fresh=true": ["executor.reuse=true", "measure.fresh=true"],
    "measure.fresh=often": ["measure.fresh=often", "true or false"],
    "measure.max_rounds=0": ["measure.max_rounds=0", "at least 1"],
    "measure.rounds=5": ["measure.rounds", "called measure.max_rounds now"],
    "+measure.pilot=5": ["measure.pilot", "called measure.min_rounds now"],
    "measure.precision=fine": ["measure.precision=fine", "number"],
    "measure.timeout_s=-1": ["measure.timeout_s=-1", "above 0"],
    "measure.timeout_s=inf": ["measure.timeout_s=inf", "at most 1000000 s"],
    "measure.memory_limit_bytes=1000": ["measure.memory_limit_bytes=1000", "at least 67108864"],
    "n=1000000000000": ["n=1000000000000", "at most 100000"],
    f"n=1{'0' * 5000}": ["n: it cannot be read"],
    "n=${nothing}": ["n:", "'nothing' not found"],
    "workload=null": ["workload=null", "the name of an option"],
    "measure=[]": ["measure: none is chosen"],
    "workload=addition workload.types=[int+str]": ["workload.types", "int+str"],
    "workload=nowhere": ["workload=nowhere", "no_such_module", "install it"],
    "workload=shapeless": ["workload=shapeless", "_target_"],
    "workload=nameless": ["workload=nameless", "no 'Nothing'"],
    "workload=unpicklable": ["workload=unpicklable", "cannot be pickled"],
    "workload._target_=os.system": ["workload._target_=os.system", "is not called"],
    "executor._target_=builtins.eval": ["executor._target_=builtins.eval", "is not called"],
    "workload._target_=subprocess.Popen": ["subprocess.Popen has no tasks()", "need tasks"],
    "workload._target_=runners.workloads.primes.Prime": ["no 'Prime'", "fix the name"],
    "+workload._partial_=true": ["workload._partial_", "plain values"],
    "+workload.more={_target_:os.getcwd}": ["workload.more._target_", "plain values"],
    "+hydra.callbacks.mine._target_=os.system": ["hydra.callbacks.mine._target_", "leave it out"],
    "hydra.launcher._target_=os.system": ["hydra.launcher._target_", "hydra/launcher=NAME"],
}


def told(arguments: list[str], folder: Path, patch: pytest.MonkeyPatch) -> int:
    """Run the program in this process, in that folder; its exit status."""
    patch.chdir(folder)
    patch.syspath_prepend(str(PLUGINS))
    with pytest.raises(SystemExit) as end:
        raise SystemExit(run([f"--config-dir={PLUGINS}", *arguments]))
    assert isinstance(end.value.code, int)
    return end.value.code


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_leaves_nothing_behind(
    mistake: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert told(mistake.split(), tmp_path, monkeypatch) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    [line] = printed.err.splitlines()
    assert line.startswith("error: ")
    for part in MISTAKES[mistake]:
        assert part in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mistake", ["n=1,four", "executor=thread,threads", "workload.stop=1,2"])
def test_a_mistake_in_a_sweep_is_found_before_the_first_cell(
    mistake: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert told(["-m", mistake], tmp_path, monkeypatch) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_program_as_such_says_it_in_one_line_too(tmp_path: Path) -> None:
    done = run_program("n=0", cwd=tmp_path)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert list(tmp_path.iterdir()) == []


def test_an_output_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "outputs").write_text("a file stands where the folder should be")
    done = run_program("n=1", cwd=tmp_path)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "outputs" in line
    assert "hydra.run.dir=" in line


def test_the_traceback_is_there_for_whoever_asks(tmp_path: Path) -> None:
    done = run_program("workload=prime", cwd=tmp_path, HYDRA_FULL_ERROR="1")
    assert done.returncode != 0
    assert "Traceback" in done.stderr


def test_help_explains_every_plugin_in_a_line(tmp_path: Path) -> None:
    done = run_program("--help", cwd=tmp_path)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    for name in ("primes", "io_sleep", "serial", "pool", "thread_subclass", "quick", "gil"):
        told = [line for line in lines if line.startswith(f"  {name} ")]
        assert told  # `pool` is an executor and an experiment
        assert all(len(line.split()) > 3 for line in told)
    assert "n=" in done.stdout


def test_a_plan_carries_what_its_configuration_says(make_plan: MakePlan) -> None:
    plan = make_plan("workload=primes", "workload.end=100", "executor=pool", "n=3")
    assert (plan.workload, plan.executor, plan.n, plan.provisioned) == ("primes", "pool", 3, 3)
    assert plan.parameters["workload.end"] == 100
    assert plan.parameters["executor.start_method"] in ("fork", "forkserver", "spawn")
    assert "executor.max_workers" not in plan.parameters  # that is n
    assert plan.executor_as.parameters["max_workers"] == 3
    assert make_plan("executor=serial", "n=3").provisioned == 1


def test_a_cell_is_another_when_anything_that_defines_it_is(make_plan: MakePlan) -> None:
    one = make_plan("workload=primes")
    assert make_plan("workload=primes").cell == one.cell
    others = ["n=3", "scaling=weak", "workload.end=99", "executor=thread", "measure.seed=9"]
    others += ["measure.fresh=true"]
    cells = {make_plan("workload=primes", other).cell for other in others}
    assert len(cells | {one.cell}) == len(others) + 1


@pytest.mark.parametrize("key", ["python", "n", "scaling"])
def test_a_key_without_a_value_is_named_with_the_remedy(make_plan: MakePlan, key: str) -> None:
    with pytest.raises(ValidationError) as refused:
        make_plan(f"{key}=null")
    assert explain(refused.value).startswith(f"{key}=null: it has to have a value; leave it out")


@pytest.mark.parametrize("key", [*ranges.RANGES])
def test_a_number_that_cannot_be_is_refused_by_its_key(make_plan: MakePlan, key: str) -> None:
    allowed = ranges.RANGES[key]
    beyond = [int(allowed.high) * 2, -(10**300), 10**400, -(10**400)]
    group = ["cluster=slurm"] if key.startswith("cluster.") else []
    for value in ["inf", "nan", "-inf", *map(str, beyond)]:
        with pytest.raises((UsageError, ValidationError)) as refused:
            make_plan(*group, f"{key}={value}")
        assert key.rpartition(".")[2] in explain(refused.value)
    with pytest.raises((UsageError, ValidationError)):
        make_plan(*group, f"{key}={allowed.low if allowed.above else allowed.low - 1}")


def test_every_number_of_the_settings_has_a_range() -> None:
    numbers = {f"measure.{field.name}" for field in fields(Measure) if field.type in NUMBERS}
    own = {f"sweep.{field.name}" for field in fields(config.Sweep) if field.type in NUMBERS}
    jobs = {f"cluster.{field.name}" for field in fields(Settings) if field.type in NUMBERS}
    assert numbers | own | jobs | {"n"} == set(ranges.RANGES)


NUMBERS = (int, float, int | None, float | None)


BROKEN = {
    "import": "{0}\nclass Mine({1}): ...\n",
    "constructor": "class Mine({1}):\n    def __init__(self): {0}\n",
    "property": "class Mine({1}):\n    @property\n    def minimum_workers(self): {0}\n",
    "pickling": "class Mine({1}):\n    def __reduce__(self): {0}\n",
}


@pytest.mark.parametrize("where", BROKEN)
@pytest.mark.parametrize(
    "what", ["raise KeyboardInterrupt", "raise BaseException('[/x]')", "import os; os._exit(7)"]
)
def test_nothing_that_a_plugin_raises_ends_the_program(
    where: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_plan: MakePlan
) -> None:
    name = f"broken_{where}_{len(what)}"
    base = "runners.workloads.countdown.Countdown" if where == "import" else "object"
    text = BROKEN[where].format(what, base.rpartition(".")[2])
    methods = "".join(f"    def {m}(self, *_): ...\n" for m in ("tasks", "__call__", "check"))
    begin = "from runners.workloads.countdown import Countdown\n"
    (tmp_path / f"{name}.py").write_text(begin + text + (methods if base == "object" else ""))
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "workload").mkdir()
    (tmp_path / f"workload/{name}.yaml").write_text(f"_target_: {name}.Mine\n")
    with pytest.raises(BrokenPlugin) as refused:
        make_plan(f"workload={name}", "executor=serial", plugins=tmp_path)
    assert f"workload={name}" in str(refused.value)
    assert any(word in str(refused.value) for word in ("Interrupt", "[/x]", "os._exit(7)"))
    assert "\n" not in str(refused.value)


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{k}: &a{k} [*a{k - 1}, *a{k - 1}]\n" for k in range(1, 40))
FILES = {
    "a list": ("- 1\n", "it has no keys"),
    "a number": ("5\n", "it has no keys"),
    "binary": ("\x00", "special characters"),
    "tabs": ("a: 1\n\tb: 2\n", "line 2"),
    "the same key twice": ("a: 1\na: 2\n", "duplicate key a"),
    "aliases of aliases": (BOMB, "more than 100000 values"),
    "itself": ("a: &a [*a]\n", "more than 100000 values"),
    "a deep one": ("a: " + "[" * 600 + "]" * 600, "nested too deep"),
    "a number of 5,000 digits": ("a: " + "9" * 5000, "4300 digits"),
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_that_cannot_be_read_is_told_with_its_reason(what: str, tmp_path: Path) -> None:
    text, reason = FILES[what]
    (tmp_path / "workload").mkdir()
    (tmp_path / "workload/mine.yaml").write_text(text)
    found = searchpath.unreadable([f"file://{tmp_path}"], "workload", "mine")
    assert found is not None
    assert reason in found
    places = searchpath.places([str(tmp_path)])
    never = searchpath.endless(places, "workload", "mine")
    assert (never is not None) == ("values" in reason or "deep" in reason)


def test_a_file_without_end_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "workload").mkdir()
    (tmp_path / "workload/mine.yaml").write_text(BOMB)
    words = [f"--config-dir={tmp_path}", "-m", "workload=primes,mine"]
    with pytest.raises(SystemExit):
        run(words)
    [line] = capsys.readouterr().err.splitlines()
    assert "workload=mine" in line


def test_a_package_with_garbage_for_entry_points_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in (("bad", "[runners.conf]\nnonsense\n"), ("good", "[runners.conf]\nx = y\n")):
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = searchpath.readable_entry_points(group="runners.conf")
    assert "y" in [entry.value for entry in found]
    assert "bad-1.0.dist-info" in capsys.readouterr().err


def test_a_constructor_that_fails_is_named_with_its_plugin() -> None:
    def make(size: int) -> None:
        raise RuntimeError("out of order")

    with pytest.raises(UsageError, match=r"workload=mine: .*RuntimeError: out of order"):
        build("workload", "mine", make, {"size": 1})
    with pytest.raises(UsageError, match=r"workload\.size: mine needs this parameter"):
        build("workload", "mine", make, {})
    with pytest.raises(UsageError, match=r"workload\.size=True .*must be a number"):
        build("workload", "mine", make, {"size": True})
