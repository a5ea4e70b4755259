"""How Hydra finds and reads the YAML files of plugins, so that a broken one harms no other."""

import importlib
import sys
from importlib import resources
from importlib.metadata import entry_points

import yaml  # type: ignore[import-untyped]
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.core_plugins.importlib_resources_config_source import (
    ImportlibResourcesConfigSource,
)
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.errors import ConfigCompositionException
from hydra.plugins.config_source import ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runners.model import in_one_line
from runners.planning.plugins import UNREADABLE

GROUP = "runners.conf"


def register() -> None:
    """Make Hydra look into installed plugin packages, and read its files as below."""
    Plugins.instance().register(PluginPackages)
    # After Hydra's own, which are there by now: its `register` lets the first of a scheme stay.
    SourcesRegistry.instance().types.update(file=Folder, pkg=Package)


class PluginPackages(SearchPathPlugin):
    """Adds the package that each entry point of the group `runners.conf` names.

    The first one on the path that has a file wins: the program's own, then packages by name.
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
            problem = _problem(entry.value)
            if problem is None:
                search_path.append(provider=entry.name, path=f"pkg://{entry.value}")
                continue
            distribution = entry.dist.name if entry.dist is not None else "unknown"
            print(
                f"warning: plugin package {entry.name!r} (distribution {distribution}) names the "
                f"conf package {entry.value}, which {problem}; reinstall or remove {distribution}",
                file=sys.stderr,
            )


def _problem(package: str) -> str | None:
    """What keeps Hydra from reading that package, as the end of a sentence; None if nothing does.

    Hydra itself passes over a package that is missing, and ends in a traceback at a broken one.
    """
    try:
        module = importlib.import_module(package)
        folders = [entry for entry in resources.files(package).iterdir() if entry.is_dir()]
    except (Exception, SystemExit) as error:
        return f"cannot be imported ({in_one_line(error)})"
    if module.__file__ is None:  # a namespace package: Hydra 1.4 does not read those
        return "has no __init__.py"
    if not any(file.name.endswith(".yaml") for folder in folders for file in folder.iterdir()):
        return "holds no folder of YAML files (are they in its package data?)"
    return None


class _Forgiving(ConfigSource):
    """Takes a plugin's file that cannot be read for one that says so, which `plugins.find` tells.

    Hydra composes all cells of a sweep before the first one is measured, so that an exception would
    stop those that do not need the file.
    """

    def load_config(self, config_path: str) -> ConfigResult:
        try:
            result = super().load_config(config_path)  # type: ignore[safe-super]
            problem = None if OmegaConf.is_dict(result.config) else "it has no keys"
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark is not None else "?"
            problem = f"line {line}: {error.problem}"
        except (yaml.YAMLError, UnicodeDecodeError, OmegaConfBaseException) as error:
            problem = in_one_line(error)
        if problem is None:
            return result
        told = f"{self.path}/{self._normalize_file_name(config_path)} cannot be read ({problem})"
        if not config_path.startswith(("workload/", "executor/")):
            raise ConfigCompositionException(f"{told}; mend the YAML")
        instead = OmegaConf.create({UNREADABLE: told.replace("${", r"\${")})
        return ConfigResult(self.provider, self.path, instead, header={"package": None})


class Folder(_Forgiving, FileConfigSource):
    pass


class Package(_Forgiving, ImportlibResourcesConfigSource):
    pass
