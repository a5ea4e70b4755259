import sys
from pathlib import Path

import pytest

from runners.child.interpreter import facts, python_kind


def test_packages_are_those_that_an_import_would_find(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "first/Some_Thing-1.0.post1.dist-info").mkdir(parents=True)
    (tmp_path / "second/some_thing-2.0.dist-info").mkdir(parents=True)
    (tmp_path / "second/other-3.dist-info").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path / "first"), str(tmp_path / "second")])
    assert facts()["packages"] == {"some-thing": "1.0.post1", "other": "3"}


def test_packages_agree_with_the_standard_library() -> None:
    from importlib.metadata import version

    packages = facts()["packages"]
    assert packages["hydra-core"] == version("hydra-core")
    assert packages["pytest"] == version("pytest")


def test_a_build_without_the_gil_is_another_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_config_var", {"Py_GIL_DISABLED": 1}.get)
    free = python_kind()
    monkeypatch.setattr("sysconfig.get_config_var", {"Py_GIL_DISABLED": 0}.get)
    assert free == f"{python_kind()} free-threaded"


def test_facts_are_those_of_the_interpreter() -> None:
    assert facts()["python_version"] == ".".join(map(str, sys.version_info[:3]))
    assert facts()["python_switch_interval_s"] == sys.getswitchinterval()
