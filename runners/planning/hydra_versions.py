"""Hydra 1.3 with OmegaConf 2.3, and 1.4 with 2.4: the calls that both take without a warning.

Python before 3.14 has the former, as Hydra 1.4 is not out yet. On the day it is, its own words can
stand in the places that use this module, which then goes.
"""

import inspect
from collections.abc import Callable
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

HYDRA_1_4 = "execution_whitelist" in inspect.signature(hydra.main).parameters

BASE: dict[str, Any] = {} if HYDRA_1_4 else {"version_base": "1.3"}
"""For `initialize_config_dir` and `hydra.main`: the behaviour of 1.3 is all that 1.4 knows."""


def makes(*targets: str) -> dict[str, Any]:
    """For `hydra.main`: the only classes that a configuration may have Hydra itself make.

    From 1.4 on Hydra makes nothing else; its sweepers and launchers, which are registered, apart.
    """
    return {**BASE, "execution_whitelist": targets} if HYDRA_1_4 else BASE


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
