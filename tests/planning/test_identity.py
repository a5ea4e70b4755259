"""What makes two measurements the same, and how it is told what differs."""

import json
from dataclasses import replace
from typing import Any

import pytest

from runners.model import THIS
from runners.planning import interpreters
from runners.planning.environment import Site, read_site
from runners.planning.identity import (
    HOST,
    SUBMITTED,
    anywhere,
    changes,
    differences,
    handed_over,
    host,
    identity,
)
from runners.planning.variables import variables
from tests.conftest import MakePlan

SITE = read_site()


class Found:
    """What an interpreter has found of no code."""

    code: Any = {}  # noqa: RUF012 - nobody changes it
    packages: Any = {}  # noqa: RUF012


def of(values: Any, site: Site = SITE) -> dict[str, Any]:
    found: Any = Found()
    return identity(values, interpreters.of(THIS), found, site)


def test_what_differs_is_told_with_both_values() -> None:
    old = of({"n": 2, "workload": {"parameters": {"end": 5}}})
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
    new = of({"n": 2})
    noted = ("n", "code", "packages", "python", "machine", "usable_cpus")
    old = {name: new[name] for name in noted} | {"colour": "no longer noted"}
    assert differences(old, new) == [
        "it was measured without a note of environment, python_build, python_options, system"
    ]
    assert differences({**old, "n": 3}, new)[0] == "n: 3, now 2"


def test_a_cell_that_is_handed_over_is_held_against_where_it_was_handed_over_from() -> None:
    there = replace(SITE, usable_cpus=64.0, machine="node", variables={"OMP_NUM_THREADS": "8"})
    measured = of({"n": 2}, there)
    planned = of({"n": 2})
    stored = {**measured, "submitted_from": host(SITE, interpreters.of(THIS))}
    assert differences(stored, measured) == []  # as the job sees it
    assert differences(stored, handed_over(planned)) == []  # as the program that submits sees it
    assert differences(measured, handed_over(planned)) != []  # measured by itself: the job looks
    other = of({"n": 2}, replace(SITE, variables={"OMP_NUM_THREADS": "1"}))
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


def test_what_is_only_noted_where_it_is_chosen_is_told_in_both_directions() -> None:
    """A result of pinned workers does not stand for one of workers that may move."""
    plain: dict[str, Any] = {"machine": "x", "n": 2}
    pinned = {**plain, "placement": "cores"}
    assert differences(pinned, plain) == ["placement: cores, now none"]
    assert differences(plain, pinned) == ["placement: none, now cores"]
    assert changes(plain, pinned) == ["placement: none, now cores"]
    assert differences({**plain, "gil": "on"}, plain) == ["gil: on, now null"]
    assert differences(plain, plain) == []


def test_two_threads_of_a_core_are_not_two_cores() -> None:
    plain: dict[str, Any] = {"machine": "x", "usable_cpus": 2}
    threads = {**plain, "cores": "1 core, 2 CPUs"}
    assert differences(threads, plain) == ["cores: 1 core, 2 CPUs, now not told"]
    assert differences(plain, threads) == ["it was measured without a note of cores"]
    assert differences(threads, anywhere(plain)) == []  # it is known only there
    assert handed_over({name: 1 for name in HOST if name != "cores"}) == {
        SUBMITTED: {name: 1 for name in HOST if name != "cores"}
    }
