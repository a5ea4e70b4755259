"""What docs/plugins.md shows, done in an empty folder as a reader would."""

import re
import shlex
from pathlib import Path

import pytest

from runners import model
from tests.conftest import ROOT, run_program

pytestmark = pytest.mark.once

PAGE = (ROOT / "docs/plugins.md").read_text()
# A paragraph that begins with the name of a file says what the next block of code is.
BLOCK = r"^`([\w/]+\.(?:py|yaml))`(?:(?!```).)*```\w+\n(.*?)```"
FILES = dict(re.findall(BLOCK, PAGE, re.DOTALL | re.MULTILINE))
COMMANDS = re.findall(r"```sh\n(.*?)\n```", PAGE, re.DOTALL)
SMALL = ("measure=quick", "measure.min_rounds=1", "measure.max_rounds=1", "measure.warmup=1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plugins")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_the_page_has_two_plugins_of_under_thirty_lines() -> None:
    assert set(FILES) == {
        *("cubes.py", "test_cubes.py", "workload/cubes.yaml"),
        *("batches.py", "test_batches.py", "executor/batches.yaml"),
    }
    assert len(COMMANDS) == 2
    for name in ("cubes.py", "batches.py"):
        assert len(FILES[name].splitlines()) < 30


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_measures_the_plugin(command: str, folder: Path, tmp_path: Path) -> None:
    arguments = shlex.split(command)[3:]
    # Two that are started within a second would have one folder.
    out = [f"hydra.{mode}.dir={tmp_path}" for mode in ("run", "sweep")]
    done = run_program(*arguments, *SMALL, *out, cwd=folder, plugins=False, PYTHONPATH=str(ROOT))
    assert (done.returncode, done.stderr) == (0, "")
    assert "cubes" in done.stdout


def test_the_suites_pass(folder: Path) -> None:
    options = ("-q", "-p", "no:cacheprovider")
    done = run_program(*options, cwd=folder, module="pytest", PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stdout
    assert re.search(r"\b1\d passed|\b2\d passed", done.stdout)


def test_a_bad_parameter_is_told(folder: Path) -> None:
    for mistake in ("workload.chunks=0", "executor.size=0"):
        pair = ("workload=cubes", "executor=batches", mistake)
        done = run_program("--config-dir=.", *pair, cwd=folder, plugins=False, PYTHONPATH=str(ROOT))
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert mistake in done.stderr
        assert "must be at least 1" in done.stderr


ABILITIES = {
    name: kind for name, kind in vars(model).items() if getattr(kind, "_is_runtime_protocol", False)
}
ROWS = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE, re.MULTILINE))


def test_the_reference_has_a_row_for_each_ability_and_no_other() -> None:
    assert len(ABILITIES) > 10
    assert ROWS.keys() == ABILITIES.keys()


@pytest.mark.parametrize("name", ABILITIES)
def test_the_reference_names_all_members_of_an_ability(name: str) -> None:
    members = {member for member in vars(ABILITIES[name]) if not member.startswith("_")}
    assert members
    assert members <= set(re.findall(r"\w+", ROWS[name]))


def test_the_package_is_the_one_that_is_tested() -> None:
    package = ROOT / "tests/third_party"
    [toml] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert toml == (package / "pyproject.toml").read_text()
    listed = re.findall(r"^    (\S+)$", PAGE, re.MULTILINE)
    there = {
        str(file.relative_to(package))
        for file in package.rglob("*")
        if file.suffix in (".toml", ".py", ".yaml")
    }
    assert set(listed) == there
