"""What a plugin's YAML may have called: the plugin itself, and only when it is known to be one."""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runners.child.plugins import BrokenPlugin, build, find
from runners.executors.serial import Serial
from runners.model import UsageError
from runners.planning.hydra_versions import blocked

PLACE: list[Path] = []


def anything(*args: Any, **keywords: Any) -> Any:
    PLACE[0].touch()


def of_serials(max_workers: int, initializer: Any = None, initargs: Any = ()) -> Serial:
    PLACE[0].touch()
    return Serial(max_workers, initializer, initargs)


def of_numbers(max_workers: int) -> int:
    PLACE[0].touch()
    return max_workers


class Meta(type):
    def __call__(cls, *args: Any, **keywords: Any) -> Any:
        PLACE[0].touch()


class Shapeless(metaclass=Meta):
    """An executor needs its `map`, which is no more than a name here."""

    __enter__ = __exit__ = anything
    map = None


class Blocked(Serial):
    """Says that it is what Hydra calls from no configuration."""


Blocked.__module__, Blocked.__qualname__ = "subprocess", "Popen"


@pytest.fixture
def touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that shows that something was called."""
    PLACE[:] = [tmp_path / "touched"]
    mine = SimpleNamespace(**globals(), instance=Serial(1))
    monkeypatch.setitem(sys.modules, "mine", mine)
    return PLACE[0]


@pytest.mark.parametrize("group", ["workload", "executor"])
@pytest.mark.parametrize(
    "target",
    [
        *("os.system", "os.mkdir", "builtins.eval", "subprocess.Popen", "pathlib.Path", "sys"),
        *("mine.anything", "mine.of_numbers", "mine.Shapeless", "mine.Blocked", "mine.instance"),
        *("mine.nothing", "", ".", "..mine.anything", "mine", 7, ["os.system"], None),
    ],
)
def test_what_is_no_plugin_is_refused_and_not_called(
    group: str, target: Any, touched: Path
) -> None:
    with pytest.raises(BrokenPlugin) as refusal:
        find(group, "chosen", {"_target_": target, "args": f"touch {touched}"}, blocked)
    [line] = str(refusal.value).splitlines()
    assert "chosen" in line
    assert "_target_" in line
    assert not touched.exists()


def test_a_function_is_called_that_says_that_it_returns_one(touched: Path) -> None:
    factory, found = find("executor", "chosen", {"_target_": "mine.of_serials", "max_workers": 1})
    assert found is of_serials
    assert factory.parameters == {"max_workers": 1}
    assert not touched.exists()


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"_partial_": True}, "_partial_"),
        ({"_args_": [1]}, "_args_"),
        ({"max_workers": {"_target_": "os.getcwd"}}, "max_workers._target_"),
        ({"max_workers": [1, {"a": {"_target_": "os.getcwd"}}]}, r"max_workers\[1\].a._target_"),
        ({"_execution_whitelist_": ["os.*"]}, "_execution_whitelist_"),
    ],
)
def test_nothing_but_the_plugin_is_made_of_its_yaml(values: Mapping[str, Any], place: str) -> None:
    target = {"_target_": "runners.executors.serial.Serial"}
    with pytest.raises(UsageError, match=rf"^executor.{place} \(serial\): .*plain values"):
        find("executor", "serial", {**target, **values})


class Counting:
    def tasks(self) -> list[int]:
        return [1]

    def __call__(self, task: int) -> int:
        return task

    def check(self, results: list[int]) -> None: ...


@pytest.mark.parametrize("kind", [dict, str, int, list, set, Exception])
def test_a_plugin_may_inherit_a_constructor_that_does_not_say_what_it_takes(kind: type) -> None:
    made = build("workload", "chosen", type("Inherited", (Counting, kind), {}), {})
    assert isinstance(made, kind)


def test_such_a_constructor_is_given_the_parameters_and_may_refuse_them() -> None:
    inherited = type("Inherited", (Counting, dict), {})
    assert build("workload", "chosen", inherited, {"size": 3}) == {"size": 3}
    refusing = type("Refusing", (Counting, Exception), {})
    with pytest.raises(BrokenPlugin, match=r"^workload=chosen: .* takes no keyword arguments"):
        build("workload", "chosen", refusing, {"size": 3})


def test_a_plugin_that_this_python_cannot_read_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "unreadable_plugin.py").write_text("class Mine:\n    def tasks(self)\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BrokenPlugin, match=r"unreadable_plugin\.py, line 2 \(.*\); mend it, or"):
        find("workload", "chosen", {"_target_": "unreadable_plugin.Mine"})
