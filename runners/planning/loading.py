"""Hydra's loader of configurations without its global state, for whoever may use Hydra himself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import hydra
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.core.utils import setup_globals
from hydra.types import RunMode
from hydra.version import VersionBase, _get_version
from omegaconf import DictConfig
from omegaconf.basecontainer import BaseContainer

from runners.planning import config, searchpath


@contextmanager
def loading() -> Iterator[tuple[ConfigLoader, DictConfig]]:
    """The loader, and the configuration of a sweep with nothing but the defaults in it.

    Meanwhile our schema and resolvers are known, and Hydra has the version that we are written
    for. All that is then as it was: a caller may have the same names, and an application running.
    To be entered by one thread at a time.
    """
    Plugins.instance()  # which knows the kinds of sources
    store: Any = ConfigStore.instance()
    version: Any = VersionBase.instance()
    resolvers: Any = BaseContainer._resolvers
    before = store.repo, version.version_base, dict(resolvers)
    store.repo = dict(store.repo)
    version.version_base = _get_version(hydra.__version__)
    try:
        setup_globals()
        config.register_names()
        path = ConfigSearchPathImpl()
        path.append("hydra", "pkg://hydra.conf")
        path.append("main", f"file://{searchpath.CONF}")
        searchpath.PluginPackages().manipulate_search_path(path)
        path.append("schema", "structured://")
        loader = ConfigLoaderImpl(path)
        yield loader, loader.load_configuration("config", [], RunMode.MULTIRUN)
    finally:
        store.repo, version.version_base, known = before
        resolvers.clear()
        resolvers.update(known)
