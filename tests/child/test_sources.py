"""The code of a cell: its modules, wherever they are, and the packages behind them."""

import sys
from pathlib import Path

import pytest

from runners.child.interpreter import packages
from runners.child.sources import Code


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages, first on the path."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own modules, on the path."""
    folder = tmp_path / "mine"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def install(folder: Path, info: str, *files: str, listed: str | None = None) -> None:
    (folder / info).mkdir()
    for file in files:
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text("import unknown_to_all\n")
    if listed is None:
        (folder / info / "RECORD").write_text("".join(f"{file},sha256=x,1\n" for file in files))
    else:
        (folder / info / "top_level.txt").write_text(listed)


def found(modules: list[str]) -> tuple[set[str], dict[str, str]]:
    """Which modules of theirs have a digest, and the versions of packages."""
    code = Code(packages(sys.path))
    sources = code.reached([*modules, "runners.child.trial"])
    versions = code.packages(sources)
    versions.pop("threadpoolctl", None)  # which the program itself asks for
    return {name for name in sources if not name.startswith("runners.")}, versions


def test_packages_are_found_by_the_names_they_are_imported_by(installed: Path, mine: Path) -> None:
    install(installed, "PyFoo-6.0.dist-info", "foo/__init__.py")
    install(installed, "scikit_bar-1.5.dist-info", "Bar/__init__.py", "barlike/__init__.py")
    install(installed, "One-2.dist-info", "one.py")
    install(installed, "compiled-3.dist-info", "_fast.cpython-313-x86_64-linux-gnu.so")
    install(installed, "Old_Style-0.9-py3.egg-info", "oldstyle/__init__.py", listed="oldstyle\n")
    install(installed, "alike.too-4.dist-info", "alike_too/__init__.py")
    install(installed, "foobar-9.dist-info", "foobar/__init__.py")  # nobody imports it
    names = "foo.deep, Bar, one, oldstyle, alike_too"
    (mine / "user_of_all.py").write_text(f"import {names}\ndef later():\n    from foo import x\n")
    code, versions = found(["user_of_all"])
    assert versions == {
        **{"pyfoo": "6.0", "scikit-bar": "1.5", "one": "2", "old-style": "0.9"},
        "alike-too": "4",
    }
    assert code == {"user_of_all"}  # what is installed is told by its version


def test_packages_that_a_package_requires_are_noted_with_it(installed: Path, mine: Path) -> None:
    install(installed, "top_one-1.dist-info", "topmost/__init__.py")
    install(installed, "Base.Two-2.dist-info", "basetwo/__init__.py")
    install(installed, "deep-3.dist-info", "deep/__init__.py")
    install(installed, "extra-4.dist-info", "extra/__init__.py")
    for name, requires in (
        ("top_one-1", "base-two>=1"),
        ("Base.Two-2", "deep; python_version>'3'"),
    ):
        lines = [f"Requires-Dist: {requires}", "Requires-Dist: extra; extra == 'all'"]
        text = "\n".join(
            ["Name: x", *lines, "Requires-Dist: not-there", "", "Requires-Dist: extra"]
        )
        (installed / f"{name}.dist-info/METADATA").write_text(text)
    (mine / "user_of_top.py").write_text("import topmost\n")
    assert found(["user_of_top"])[1] == {"top-one": "1", "base-two": "2", "deep": "3"}


def test_code_without_a_version_is_followed_wherever_it_is(
    mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    (other / "kit/deep").mkdir(parents=True)
    (other / "kit/__init__.py").write_text("import at_import\n")
    (other / "at_import.py").write_text("raise RuntimeError('nothing may be imported')\n")
    (other / "kit/deep/__init__.py").write_text("")
    (other / "kit/deep/tool.py").write_text("print 'of another Python'\n")
    (other / "kit/unused.py").write_text("")
    (mine / "first_of_mine.py").write_text("def f():\n    from kit.deep.tool import g\n")
    assert found(["first_of_mine"])[0] == {"first_of_mine"}
    monkeypatch.syspath_prepend(str(other))
    expected = {"first_of_mine", "kit", "kit.deep", "kit.deep.tool", "at_import"}
    assert found(["first_of_mine"])[0] == expected
    before = Code().reached(["first_of_mine"])
    (other / "kit/deep/tool.py").write_text("x = 1\n")
    after = Code().reached(["first_of_mine"])
    changed = {name for name in after if after[name].digest != before[name].digest}
    assert changed == {"kit.deep.tool"}
    assert "kit" not in sys.modules


def test_folders_without_init_within_each_other_are_looked_into(mine: Path) -> None:
    """Though none of them is imported, which Python itself needs of the outer one."""
    (mine / "around/inner/deep").mkdir(parents=True)
    (mine / "around/__init__.py").touch()
    (mine / "around/inner/deep/leaf.py").write_text("import around.inner.deep.nothing\n")
    assert [*Code().reached(["around.inner.deep.leaf"])] == ["around.inner.deep.leaf"]
