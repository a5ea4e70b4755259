"""Hydra 1.3 with OmegaConf 2.3, and 1.4 with 2.4: the calls that both take without a warning.

Python before 3.14 has the former, as Hydra 1.4 is not out yet. On the day it is, its own words can
stand in the places that use this module, which then goes.
"""

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import OmegaConf

from runners.model import first_line

HYDRA_1_4 = "execution_whitelist" in inspect.signature(hydra.main).parameters

BASE: dict[str, Any] = {} if HYDRA_1_4 else {"version_base": "1.3"}
"""For `initialize_config_dir` and `hydra.main`: the behaviour of 1.3 is all that 1.4 knows."""


def makes(*targets: str) -> dict[str, Any]:
    """For `hydra.main`: the only classes that a configuration may have Hydra itself make.

    From 1.4 on Hydra makes nothing else; its sweepers and launchers, which are registered, apart.
    """
    return {**BASE, "execution_whitelist": targets} if HYDRA_1_4 else BASE


def trusting(*names: str) -> dict[str, Any]:
    """For `instantiate`: leave to be decided whether to call these, but not what is never called.

    From 1.4 on Hydra calls nothing that is not named; what is on its list, though in a package that
    is named as a whole, is still refused.
    """
    packages = [f"{name.partition('.')[0]}.*" for name in names]
    return {"_execution_whitelist_": packages} if HYDRA_1_4 else {}


@cache
def blocked(target: str, module: str) -> bool:
    """Whether that stands on Hydra's list of what it never calls. Calls nothing itself.

    It is defined in that module, which may be another than that of its name.
    """
    try:
        # To be completed by further arguments, which never come.
        instantiate({"_target_": target, "_partial_": True}, **trusting(target, module))
    except InstantiationException:
        return True
    return False


def no_plugin(error: Exception) -> str | None:
    """What is wrong with a launcher or sweeper that is none, which Hydra then has not called."""
    told = ("Invalid plugin", "Unknown plugin class")
    if not (isinstance(error, RuntimeError) and str(error).startswith(told)):
        return None
    return f"hydra/launcher or hydra/sweeper: {first_line(error)}; choose an installed one"


def register_schema(name: str, node: type) -> None:
    """Store a structured configuration, which may be there already."""
    store: Any = ConfigStore.instance().store
    store(name=name, node=node, **({"replace": True} if HYDRA_1_4 else {}))


def register_resolver(name: str, resolver: Callable[..., Any]) -> None:
    """Let `${name:...}` stand for what that function returns; it may be registered already."""
    new: Any = OmegaConf.register_resolver  # in 2.3 another one, long deprecated
    if "annotation_validation" not in inspect.signature(new).parameters:
        new = OmegaConf.register_new_resolver
    new(name, resolver, replace=True)
