"""What makes two measurements the same, and how it is told what differs."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from runners.planning.environment import packages, read_site
from runners.planning.identity import Code, differences, handed_over, host, identity
from runners.planning.variables import variables
from tests.conftest import MakePlan

SITE = read_site()


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
    site = replace(SITE, packages=packages(sys.path))
    told = identity(modules, {}, site, Code())
    code = {name for name in told["code"] if not name.startswith("runners.")}
    versions = told["packages"]
    versions.pop("threadpoolctl", None)  # which the program itself asks for
    return code, versions


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
    before = identity(["first_of_mine"], {}, SITE, Code())
    (other / "kit/deep/tool.py").write_text("x = 1\n")
    after = identity(["first_of_mine"], {}, SITE, Code())
    assert differences(before, after) == ["code of kit.deep.tool"]
    assert "kit" not in sys.modules


def test_what_differs_is_told_with_both_values() -> None:
    old = identity([], {"n": 2, "workload": {"parameters": {"end": 5}}}, SITE, Code())
    assert differences(old, json.loads(json.dumps(old))) == []
    new = {
        **old,
        "workload": {"parameters": {"end": 6}},
        "python": "CPython 3.13.1 free-threaded",
        "python_options": "-O",
        "environment": {"OMP_NUM_THREADS": "2", "MALLOC_ARENA_MAX": ""},
        "packages": {"numpy": "2.0"},
    }
    old |= {
        "python": "CPython 3.13.1",
        "python_options": "none",
        "environment": {"OMP_NUM_THREADS": "1", "LD_PRELOAD": "/x.so"},
        "packages": {},
    }
    assert differences(old, new) == [
        *("LD_PRELOAD: /x.so, now not set", "MALLOC_ARENA_MAX: not set, now empty"),
        *("OMP_NUM_THREADS: 1, now 2", "packages.numpy: none, now 2.0"),
        *(
            "python: CPython 3.13.1, now CPython 3.13.1 free-threaded",
            "python_options: none, now -O",
        ),
        "workload.parameters.end: 5, now 6",
    ]


def test_what_an_older_version_did_not_note_is_said_to_be_that() -> None:
    new = identity([], {"n": 2}, SITE, Code())
    noted = ("n", "code", "packages", "python", "machine", "usable_cpus")
    old = {name: new[name] for name in noted} | {"colour": "no longer noted"}
    assert differences(old, new) == [
        "it was measured without a note of environment, python_build, python_options, system"
    ]
    assert differences({**old, "n": 3}, new)[0] == "n: 3, now 2"


def test_a_cell_that_is_handed_over_is_held_against_where_it_was_handed_over_from() -> None:
    there = replace(SITE, usable_cpus=64.0, machine="node", variables={"OMP_NUM_THREADS": "8"})
    measured = identity([], {"n": 2}, there, Code())
    planned = identity([], {"n": 2}, SITE, Code())
    stored = {**measured, "submitted_from": host(SITE)}
    assert differences(stored, measured) == []  # as the job sees it
    assert differences(stored, handed_over(planned)) == []  # as the program that submits sees it
    assert differences(measured, handed_over(planned)) != []  # measured by itself: the job looks
    other = identity([], {"n": 2}, replace(SITE, variables={"OMP_NUM_THREADS": "1"}), Code())
    assert "OMP_NUM_THREADS: not set, now 1" in differences(stored, handed_over(other))


def test_what_the_interpreter_and_libraries_read_is_in_the_identity(
    make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(name: str, value: str) -> list[str]:
        with monkeypatch.context() as context:
            context.setenv(name, value)
            return differences(make_plan().identity, dict(planned))

    for name in ("OMP_NUM_THREADS", "PYTHONHASHSEED", "MALLOC_ARENA_MAX", "PYTHON_GIL"):
        monkeypatch.delenv(name, raising=False)
    planned = make_plan().identity
    assert changed("OMP_NUM_THREADS", "3") == ["OMP_NUM_THREADS: 3, now not set"]
    assert changed("PYTHONHASHSEED", "7") == ["PYTHONHASHSEED: 7, now not set"]
    assert changed("MALLOC_ARENA_MAX", "1") == ["MALLOC_ARENA_MAX: 1, now not set"]
    assert changed("PYTHON_GIL", "1") == ["PYTHON_GIL: 1, now not set"]
    assert changed("EDITOR", "ed") == []


NOTED = """
OMP_NUM_THREADS OPENBLAS_NUM_THREADS MKL_NUM_THREADS NUMEXPR_MAX_THREADS POLARS_MAX_THREADS
VECLIB_MAXIMUM_THREADS TF_NUM_INTRAOP_THREADS RAYON_NUM_THREADS KMP_AFFINITY GOMP_CPU_AFFINITY
NUMBA_THREADING_LAYER BLIS_ARCH MKL_DYNAMIC NPY_DISABLE_CPU_FEATURES DASK_DISTRIBUTED__COMM__RETRY
MALLOC_ARENA_MAX MALLOC_CONF _RJEM_MALLOC_CONF JE_ARROW_MALLOC_CONF GLIBC_TUNABLES LD_PRELOAD
LD_LIBRARY_PATH DYLD_INSERT_LIBRARIES PYTHONHASHSEED PYTHONMALLOC PYTHON_GIL PYTHON_JIT
PYTHON_CPU_COUNT PYTHONOPTIMIZE MPICH_ASYNC_PROGRESS OMPI_MCA_btl LOKY_MAX_CPU_COUNT
"""
NOT_NOTED = """
PATH HOME LANG LC_ALL TZ HOSTNAME PYTHONPATH PYTHONPYCACHEPREFIX PYTHONSTARTUP TORCH_HOME
SLURM_JOB_ID OMPI_MCA_orte_hnp_uri OMPI_COMM_WORLD_RANK MPICH_INTERFACE_HOSTNAME TF_VAR_password
PYTHON_API_TOKEN PYTHONANYWHERE_USER DASK_COILED__TOKEN DASK_GATEWAY__AUTH__KWARGS
AWS_SECRET_ACCESS_KEY POLARS_CLOUD_PASSWORD NUMBA_LICENSE_KEY http_proxy SPEEDUP_LAB_CHILD
"""


def test_variables_are_noted_by_choice_and_never_a_secret() -> None:
    given = dict.fromkeys([*NOTED.split(), *NOT_NOTED.split()], "x")
    assert sorted(variables(given)) == sorted(NOTED.split())
    assert variables({"DASK_SCHEDULER_ADDRESS": "tls://me:word@host:8786"}) == {}
