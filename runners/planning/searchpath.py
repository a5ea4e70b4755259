"""Where the YAML files of plugins are found, and what is wrong with one that cannot be read."""

import importlib
import sys
from collections.abc import Iterable, Sequence
from importlib import resources
from importlib.metadata import EntryPoint, entry_points
from importlib.resources.abc import Traversable
from pathlib import Path

import yaml
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runners.model import in_one_line

GROUP = "runners.conf"
CONF = Path(__file__).parents[2] / "conf"
"""The program's own configuration: beside `runners` in a checkout and where it is installed."""


def register() -> None:
    """Make Hydra look into installed plugin packages, and find the sweeper of this program."""
    import hydra_plugins

    # The launchers of Hydra bring a hydra_plugins that hides ours where that is in a checkout.
    own = str(CONF.parent / "hydra_plugins")
    if own not in hydra_plugins.__path__:
        hydra_plugins.__path__.append(own)
    Plugins.instance().register(PluginPackages)


class PluginPackages(SearchPathPlugin):
    """Adds the package that each entry point of the group `runners.conf` names.

    The first one on the path that has a file wins: the program's own, then packages by name.
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for entry in _packages():
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


def _packages() -> list[EntryPoint]:
    return sorted(entry_points(group=GROUP), key=lambda entry: entry.name)


def places(folders: Sequence[str] = ()) -> list[str]:
    """Where Hydra looks for YAML files, in its order: `file://FOLDER` or `pkg://PACKAGE`.

    `folders` are those of `--config-dir` and `hydra.searchpath`, bare or so written.
    """
    own = [f"file://{CONF}", *(f"pkg://{entry.value}" for entry in _packages())]
    return [*own, *(place if "://" in place else f"file://{place}" for place in folders)]


def _folder(place: str) -> Traversable | None:
    """The folder that a place stands for; None if there is none."""
    if not place.startswith("pkg://"):
        return Path(place.removeprefix("file://"))
    try:
        return resources.files(place.removeprefix("pkg://").replace("/", "."))
    except (ImportError, TypeError):
        return None


def text_of(place: str, name: str) -> str | None:
    """The text of the file of that name in a place; None if it has none.

    Raises UnicodeDecodeError where it is no text.
    """
    folder = _folder(place)
    try:
        return None if folder is None else folder.joinpath(name).read_text("utf-8")
    except OSError:
        return None


def unreadable(places: Iterable[str], group: str, option: str) -> str | None:
    """Why the YAML file of that option cannot be read, with its path; None if it can.

    Hydra itself does not say which of many files it could not read.
    """
    name = f"{group}/{option}.yaml"
    for place in places:
        try:
            text = text_of(place, name)
            if text is None:
                continue
            yaml.compose(text, yaml.SafeLoader)  # OmegaConf has libyaml's words for mistakes
            problem = None if OmegaConf.is_dict(OmegaConf.create(text)) else "it has no keys"
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark is not None else "?"
            problem = f"line {line}: {error.problem}"
        except (yaml.YAMLError, UnicodeDecodeError, OmegaConfBaseException) as error:
            problem = in_one_line(error)
        path = f"{place.partition('://')[2]}/{name}"
        return f"{path} cannot be read ({problem})" if problem is not None else None
    return None


def targets(places: Sequence[str], group: str) -> dict[str, str]:
    """The `_target_` of each option of a group whose file has one, by name."""
    found: dict[str, str] = {}
    for place in reversed(places):  # the first place that has a file wins
        folder = _folder(place)
        try:
            files = list(folder.joinpath(group).iterdir()) if folder is not None else []
        except OSError:
            continue
        for file in files:
            name, dot, kind = file.name.rpartition(".")
            if not dot or kind != "yaml":
                continue
            try:
                values = yaml.safe_load(file.read_text("utf-8"))
            except (yaml.YAMLError, UnicodeDecodeError, OSError):
                continue
            if isinstance(values, dict) and isinstance(values.get("_target_"), str):
                found[name] = values["_target_"]
    return dict(sorted(found.items()))
