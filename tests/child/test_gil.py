"""What is told of the GIL: whether it was on, and which module has switched it on."""

import importlib.machinery
import json
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runners.child import gil
from runners.model import Order
from tests.conftest import ROOT, FreeThreaded, MakePlan

Loader = importlib.machinery.ExtensionFileLoader


class Faked:
    """An interpreter that may switch its GIL on, and what loads its modules: `unsafe` does so."""

    def __init__(self, patch: pytest.MonkeyPatch, flag: int | None) -> None:
        self.is_on = flag == 1
        self.raises = False
        flags = SimpleNamespace(gil=flag)
        patch.setattr(gil, "sys", SimpleNamespace(_is_gil_enabled=lambda: self.is_on, flags=flags))
        patch.setattr(gil, "_found", None)

        def create_module(_: Any, spec: Any) -> None:
            self.is_on = self.is_on or spec.name.startswith("unsafe")
            if self.raises:
                raise ImportError(spec.name)

        patch.setattr(Loader, "create_module", create_module)

    def load(self, name: str) -> None:
        Loader(name, "nowhere").create_module(SimpleNamespace(name=name))  # type: ignore[arg-type]


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> Faked:
    return Faked(monkeypatch, None)


def test_the_module_that_switches_it_on_is_named(faked: Faked) -> None:
    gil.watch()
    gil.watch()  # each worker does
    faked.load("safe")
    assert (gil.is_on(), gil.enabled_by()) == (False, None)
    faked.load("unsafe")
    faked.load("unsafe_too")
    assert (gil.is_on(), gil.enabled_by()) == (True, "unsafe")


def test_it_is_named_where_its_warning_is_an_error(faked: Faked) -> None:
    gil.watch()
    faked.raises = True
    with pytest.raises(ImportError):
        faked.load("unsafe")
    assert gil.enabled_by() == "unsafe"


def test_what_nobody_saw_is_not_known(faked: Faked) -> None:
    faked.load("unsafe")
    gil.watch()
    faked.load("unsafe_too")
    assert gil.enabled_by() == gil.UNKNOWN


def test_a_gil_that_is_wanted_was_switched_on_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    faked = Faked(monkeypatch, 1)
    gil.watch()
    faked.load("unsafe")
    assert (gil.is_on(), gil.enabled_by()) == (True, None)


@pytest.mark.skipif(not gil.is_on(), reason="the GIL is off here")
def test_an_interpreter_that_has_no_choice_is_left_alone() -> None:
    before = Loader.create_module
    gil.watch()
    assert Loader.create_module is before
    assert gil.enabled_by() is None


# A real one

SAFE, UNSAFE = "    {Py_mod_gil, Py_MOD_GIL_NOT_USED},\n", ""
EXTENSION = """
#include <Python.h>
static PyModuleDef_Slot slots[] = {{
{slot}    {{0, NULL}},
}};
static struct PyModuleDef module = {{
    PyModuleDef_HEAD_INIT, .m_name = "{name}", .m_size = 0, .m_slots = slots,
}};
PyMODINIT_FUNC PyInit_{name}(void) {{ return PyModuleDef_Init(&module); }}
"""

LOADING = """
import warnings

def load(_):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import safe_one
        import unsafe_one
"""
AT_ONCE = (
    LOADING
    + """
try:
    load(0)
except ImportError:
    pass  # where it is planned
"""
)

TRIAL = """
import json, pickle, sys
sys.path[:0] = {path!r}
from runners.child import gil
from runners.child.trial import Trial
gil.watch()
plan, orders = pickle.load(sys.stdin.buffer)
trial = Trial(plan)
rows = [trial.run(order) for order in orders]
trial.close()
print(json.dumps([[row.error, row.gil, row.gil_enabled_by] for row in rows]))
"""

NOTED = """
import sys, warnings
sys.path[:0] = {path!r}
from runners.child import gil
gil.watch()
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    import safe_one, unsafe_one
assert "'unsafe_one'" in str(seen.pop().message) and not seen
try:
    import missing_one
except ImportError as error:
    assert error.__traceback__.tb_next is None  # as without us
print(gil.enabled_by())
"""


@pytest.fixture(scope="module")
def extensions(free_threaded: FreeThreaded, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with modules of that interpreter: `missing_one` cannot be loaded."""
    folder = tmp_path_factory.mktemp("extensions")
    for name, slot in (("safe_one", SAFE), ("unsafe_one", UNSAFE)):
        free_threaded.build(folder, name, EXTENSION.format(name=name, slot=slot))
    free_threaded.build(folder, "missing_one", "int nothing;")
    return folder


def test_a_real_module_is_named_and_its_warning_is_seen(
    free_threaded: FreeThreaded, extensions: Path
) -> None:
    code = NOTED.format(path=[str(ROOT), str(extensions)])
    assert free_threaded.run(code) == "unsafe_one\n"
    assert free_threaded.run(code.replace("assert", "0 and"), PYTHON_GIL="0") == "None\n"
    assert free_threaded.run(code.replace("assert", "0 and"), PYTHON_GIL="1") == "None\n"


@pytest.mark.parametrize(
    ("source", "executor"),
    [
        pytest.param(AT_ONCE, ["executor=thread"], id="imported"),
        pytest.param(LOADING, ["executor=thread"], id="in a task"),
        pytest.param(LOADING, ["executor=process", "executor.start_method=spawn"], id="apart"),
    ],
)
def test_a_row_names_what_switched_it_on(
    free_threaded: FreeThreaded,
    extensions: Path,
    make_plan: MakePlan,
    tmp_path: Path,
    source: str,
    executor: list[str],
) -> None:
    file = tmp_path / f"{tmp_path.name}.py"
    file.write_text(source)
    calls = [f"workload.function={file}:load", "workload.arguments=[[0],[1]]"]
    plan = make_plan("workload=callable", *calls, *executor, "n=2")
    orders = [Order(0, 0, 0, "measured", cold=False, warmup=False)]
    code = TRIAL.format(path=[str(ROOT), str(extensions)])
    told = free_threaded.run(code, pickle.dumps((plan, orders)))
    assert json.loads(told) == [[None, True, "unsafe_one"]]
