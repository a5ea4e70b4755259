"""Which version of the code `versus` names: folders, revisions of git, what git keeps of them."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runners.model import UsageError, Version
from runners.planning import versions

GIT = ("git", "-c", "user.name=n", "-c", "user.email=e", "-c", "protocol.file.allow=always")


def git(folder: Path, *words: str) -> str:
    done = subprocess.run([*GIT, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(folder: Path, message: str) -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One in a folder with a space: two commits, the second one with another value."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "my code"
    (folder / "src").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "src/mine.py").write_text("VALUE = 1\n")
    (folder / ".gitattributes").write_text("src/notes.txt export-ignore\n")
    (folder / "src/notes.txt").write_text("kept\n")
    commit(folder, "one")
    (folder / "src/mine.py").write_text("VALUE = 2\n")
    commit(folder, "two")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(autouse=True)
def _closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(versions, "_commits", {})
    yield
    versions.close()


def refused(asked: str) -> str:
    with pytest.raises(UsageError) as caught:
        versions.find(asked)
    said = str(caught.value)
    assert said.startswith(f"versus={asked}: ")
    assert "\n" not in said
    return said


def test_a_revision_is_written_out_and_goes_again(repository: Path) -> None:
    old = git(repository, "rev-parse", "HEAD~1")
    found = versions.find("HEAD~1")
    assert (found.commit, found.name) == (old, f"HEAD~1 ({old[:7]})")
    assert (found.root, found.working) == (str(repository), found.tree)
    tree = Path(found.tree)
    assert (tree / "src/mine.py").read_text() == "VALUE = 1\n"
    assert (tree / "src/notes.txt").exists()  # what an archive leaves out is code all the same
    assert versions.find("HEAD~1") is found
    assert versions.find(old).tree == found.tree
    assert versions.find(old[:10]).name == old[:7]
    versions.close()
    assert not tree.parent.exists()


def test_the_users_repository_stays_as_it_is(repository: Path) -> None:
    hooks = repository / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-checkout", "post-index-change", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch '{repository}/ran'\n")
        (hooks / name).chmod(0o755)
    (repository / "src/mine.py").write_text("VALUE = 3\n")
    git(repository, "add", "src/mine.py")
    (repository / "src/mine.py").write_text("VALUE = 4\n")
    (repository / "ran").unlink(missing_ok=True)
    index = (repository / ".git/index").read_bytes()
    told = git(repository, "worktree", "list")
    assert Path(versions.find("main~1").tree, "src/mine.py").read_text() == "VALUE = 1\n"
    assert Path(versions.find("HEAD").tree, "src/mine.py").read_text() == "VALUE = 2\n"
    assert (repository / ".git/index").read_bytes() == index
    assert (repository / "src/mine.py").read_text() == "VALUE = 4\n"
    assert git(repository, "worktree", "list") == told
    assert not (repository / "ran").exists()


def test_git_in_a_hook_has_variables_of_its_own(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = repository / ".git/index"
    before = index.read_bytes()
    monkeypatch.setenv("GIT_INDEX_FILE", str(index))
    monkeypatch.setenv("GIT_DIR", ".git")
    assert Path(versions.find("HEAD~1").tree, "src/mine.py").read_text() == "VALUE = 1\n"
    assert index.read_bytes() == before


def test_the_working_folder_has_its_counterpart(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "scratch").mkdir()
    for name in ("src", "scratch"):
        monkeypatch.chdir(repository / name)
        found = versions.find("HEAD~1")
        assert (found.root, found.working) == (str(repository), f"{found.tree}/{name}")
        assert Path(found.working).is_dir()  # also where git has none
        versions.close()


def test_submodules_that_are_here_are_written_too(repository: Path, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    git(inner, "init", "-q")
    (inner / "inner.py").write_text("VALUE = 1\n")
    commit(inner, "one")
    git(repository, "submodule", "--quiet", "add", str(inner), "lib")
    commit(repository, "with a submodule")
    (inner / "inner.py").write_text("VALUE = 2\n")
    commit(inner, "two")
    git(repository / "lib", "pull", "-q", "origin", "HEAD")
    commit(repository, "a newer submodule")
    for asked, value in (("HEAD~1", 1), ("HEAD", 2)):
        tree = Path(versions.find(asked).tree)
        assert (tree / "lib/inner.py").read_text() == f"VALUE = {value}\n"
    shutil.rmtree(repository / "lib")
    (repository / "lib").mkdir()
    versions.close()
    assert [*Path(versions.find("HEAD").tree, "lib").iterdir()] == []


def test_a_folder_takes_the_place_of_the_working_folder(repository: Path, tmp_path: Path) -> None:
    other = tmp_path / "older one"
    shutil.copytree(repository / "src", other)
    expected = Version("../older one", "older one", "", str(repository), str(other), str(other))
    assert versions.find("../older one") == expected
    assert versions.find(str(other)).mark == str(other)
    versions.close()
    assert other.is_dir()


def test_of_two_checkouts_the_tops_belong_together(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "older"
    git(repository, "worktree", "add", "-q", str(other), "HEAD~1")
    monkeypatch.chdir(repository / "src")
    for asked in ("../../older", "../../older/src"):
        found = versions.find(asked)
        assert (found.root, found.tree) == (str(repository), str(other))
        assert found.working == str(other / "src")
        assert found.commit == ""
    shutil.rmtree(other / "src")
    versions.close()
    assert "it has no folder src, as the one here has" in refused("../../older")


def test_what_is_a_folder_and_a_revision_has_to_be_told(repository: Path) -> None:
    (repository / "old").mkdir()
    git(repository, "branch", "old", "HEAD~1")
    said = refused("old")
    assert "versus=./old for the folder" in said
    assert "versus=old^0 for the revision" in said
    assert versions.find("./old").commit == ""
    assert versions.find("old^0").commit == git(repository, "rev-parse", "HEAD~1")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("nothing", "there is no such folder, and git knows no such revision; name"),
        ("HEAD~7", "git knows no such revision"),
        ("HEAD^{tree}", "git knows no such revision"),
        ("./nothing", "there is no such folder; name"),
        ("../nothing", "there is no such folder; name"),
        ("/no/such", "there is no such folder; name"),
        ("src/mine.py", "it is a file, and no folder"),
        ("--all", "no revision begins with a hyphen"),
        ("", "no version is named"),
        ("two\nlines", None),
    ],
)
def test_a_mistake_is_one_line(asked: str, told: str | None, repository: Path) -> None:
    if told is not None:
        assert told in refused(asked)
    else:
        with pytest.raises(UsageError, match=r"two\\nlines"):
            versions.find(asked)


def test_without_a_repository_or_without_git(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "git, which would know a revision, cannot be run" in refused("HEAD~1")
    assert versions.find("./src").tree == str(repository / "src")
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert "no repository of git is here" in refused("HEAD~1")


def test_of_a_shallow_clone_the_remedy_is_told(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "clone", "-q", "--depth=1", repository.as_uri(), "shallow")
    monkeypatch.chdir(tmp_path / "shallow")
    assert "git fetch --unshallow" in refused("HEAD~1")


def test_another_program_has_resolved_the_name(repository: Path) -> None:
    old = git(repository, "rev-parse", "HEAD~1")
    versions.find("HEAD~1")
    known = versions.commits()
    assert known == {"HEAD~1": old}
    versions.close()
    commit(repository, "three")
    versions.fix(known)
    assert versions.find("HEAD~1").commit == old


def test_the_commit_of_a_folder_is_that_of_its_checkout(repository: Path, tmp_path: Path) -> None:
    old = git(repository, "rev-parse", "HEAD~1")
    git(repository, "worktree", "add", "-q", "../older", "HEAD~1")
    assert versions.commit_of(versions.find("HEAD~1")) == old
    assert versions.commit_of(versions.find("../older")) == old
    (tmp_path / "older/src/mine.py").write_text("VALUE = 5\n")
    assert versions.commit_of(versions.find("../older")) == f"{old}-dirty"
