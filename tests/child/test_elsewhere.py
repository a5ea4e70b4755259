"""Another version of the user's code: which folders of a path have a counterpart."""

import subprocess
import sys
from pathlib import Path

import pytest

from runners.child import elsewhere
from runners.child.elsewhere import counterpart, is_users, left_behind
from runners.model import Version
from runners.planning.pythons import find
from runners.starting import command, environment


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("{here}", "{there}"),
        ("{here}/src", "{there}/src"),
        ("{here}/link", "{there}/src"),
        ("{here}/.venv/lib/python3.13/site-packages", None),
        ("{here}-2/src", None),
        ("{there}/src", None),
        ("/usr/lib/python3", None),
        ("", None),
    ],
)
def test_what_is_the_users_has_a_counterpart(
    path: str, expected: str | None, tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    (here / "src").mkdir(parents=True)
    (here / "link").symlink_to("src")
    given = path.format(here=here, there=there)
    found = counterpart(given, str(here), str(there))
    assert found == (given if expected is None else expected.format(there=there))


def test_a_tree_inside_the_other_one_is_no_part_of_it(tmp_path: Path) -> None:
    here, there = str(tmp_path), f"{tmp_path}/old"
    assert is_users(f"{here}/src", here, there)
    assert not is_users(f"{there}/src", here, there)
    assert counterpart(f"{here}/src", here, here) == f"{here}/src"


def test_modules_that_are_still_from_here_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = f"{tmp_path}/here", f"{tmp_path}/there"
    files = [("mine", f"{here}/mine.py"), ("its", f"{there}/its.py"), ("os", "/usr/lib/os.py")]
    assert left_behind(files) == []
    monkeypatch.setattr(elsewhere, "trees", (here, there))
    assert left_behind(files) == ["mine"]
    monkeypatch.setattr(elsewhere, "trees", (here, here))
    assert left_behind(files) == []


FINDER = """
import sys
from importlib.util import spec_from_file_location
MAPPING = {mapping!r}
class Finder:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        for known, place in MAPPING.items():
            if name == known:
                return spec_from_file_location(name, place + ".py")
sys.meta_path.append(Finder)
"""


def test_a_process_and_what_it_starts_have_the_other_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a folder on the path, by a finder of an editable install, and for its own programs."""
    for name, value in (("here", 1), ("there", 2)):
        (tmp_path / name / "src").mkdir(parents=True)
        (tmp_path / name / "src/on_path.py").write_text(f"VALUE = {value}\n")
        (tmp_path / name / "by_finder.py").write_text(f"VALUE = {value}\n")
    here, there = tmp_path / "here", tmp_path / "there"
    finders = tmp_path / "finders"
    finders.mkdir()
    mapping = {"by_finder": str(here / "by_finder")}
    (finders / "__editable___mine_finder.py").write_text(FINDER.format(mapping=mapping))
    monkeypatch.syspath_prepend(str(here / "src"))
    monkeypatch.syspath_prepend(str(finders))
    monkeypatch.setenv("PYTHONPATH", f"{here / 'src'}:{finders}")
    version = Version("there", "there", "", str(here), str(there), str(there / "src"))
    call = (
        "import os, subprocess; import on_path, by_finder; print(on_path.VALUE, by_finder.VALUE); "
        "print(os.getcwd()); import runners; print(runners.__name__, flush=True); "
        "subprocess.run([sys.executable, '-c', 'import on_path; print(on_path.VALUE)']); "
        # As a worker that is started anew: the path of its parent, and finders of its own.
        "again = f'import sys; sys.path[:] = {sys.path!r}; import __editable___mine_finder; "
        "import by_finder; print(by_finder.VALUE)'; subprocess.run([sys.executable, '-c', again])"
    )
    words = command(find("this"), call, str(tmp_path), (), version)
    at = words.index("-c") + 1
    words[at] = words[at].replace(
        "; from runners", "; import __editable___mine_finder; from runners"
    )
    done = subprocess.run(
        words, env=environment(find("this"), None, version), capture_output=True, text=True
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["2 2", str(there / "src"), "runners", "2", "2"]
    assert sys.path[0] == str(finders)
