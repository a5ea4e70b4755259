"""Where the YAML files of plugins are found, and what is wrong with one that cannot be read."""

import importlib
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources
from importlib.metadata import EntryPoint, distributions, entry_points
from importlib.resources.abc import Traversable
from pathlib import Path

import yaml
from hydra.core import plugins
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

from runners.door import Interrupted, Staying
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
    if hasattr(plugins, "entry_points"):  # Hydra 1.4 asks for its own
        plugins.entry_points = readable_entry_points
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
            distribution = _distribution(entry)
            _warn(
                f"plugin package {entry.name!r} (distribution {distribution}) names the "
                f"conf package {entry.value}, which {problem}; reinstall or remove {distribution}"
            )


def _problem(package: str) -> str | None:
    """What keeps Hydra from reading that package, as the end of a sentence; None if nothing does.

    Hydra itself passes over a package that is missing, and ends in a traceback at a broken one.
    """
    try:
        with Staying():
            module = importlib.import_module(package)
        folders = [entry for entry in resources.files(package).iterdir() if entry.is_dir()]
    except Interrupted:
        raise
    except BaseException as error:
        return f"cannot be imported ({in_one_line(error)})"
    if module.__file__ is None:  # a namespace package: Hydra 1.4 does not read those
        return "has no __init__.py"
    if not any(file.name.endswith(".yaml") for folder in folders for file in folder.iterdir()):
        return "holds no folder of YAML files (are they in its package data?)"
    return None


def _distribution(entry: EntryPoint) -> str:
    try:
        return entry.dist.name if entry.dist is not None else "unknown"
    except Exception:  # its METADATA cannot be read either
        return "unknown"


def _packages() -> list[EntryPoint]:
    """What names a conf package."""
    return sorted(readable_entry_points(group=GROUP), key=lambda entry: entry.name)


def readable_entry_points(*, group: str) -> list[EntryPoint]:
    """Those of `importlib.metadata`, which tells of none if there is one that it cannot read."""
    try:
        return list(entry_points(group=group))
    except Exception:
        found: list[EntryPoint] = []
        for distribution in distributions():
            try:
                found += distribution.entry_points.select(group=group)
            except Exception as error:
                _warn(
                    f"{getattr(distribution, '_path', 'a package')}: its entry_points.txt cannot "
                    f"be read ({in_one_line(error)}); reinstall or remove the package"
                )
        return found


@cache
def _warn(text: str) -> None:
    """Once, however often something is asked for."""
    print(f"warning: {text}", file=sys.stderr)


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
            node = yaml.compose(text, yaml.SafeLoader)  # OmegaConf has libyaml's words for mistakes
            problem = _too_much(node)
            if not isinstance(node, yaml.MappingNode | None):
                problem = "it has no keys"
            elif problem is None:
                OmegaConf.create(text)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark is not None else "?"
            problem = f"line {line}: {error.problem}"
        except RecursionError:
            problem = "it is nested too deep"
        except Exception as error:
            problem = in_one_line(error)
        path = f"{place.partition('://')[2]}/{name}"
        return f"{path} cannot be read ({problem})" if problem is not None else None
    return None


def endless(places: Sequence[str], group: str, option: str) -> str | None:
    """Why reading the YAML file of that option would never end; None if it would.

    The first place is the program's own, whose files are not looked at.
    """
    name = f"{group}/{option}.yaml"
    if text_of(places[0], name) is not None:
        return None
    for place in places[1:]:
        try:
            if (text := text_of(place, name)) is not None:
                problem = _too_much(yaml.compose(text, yaml.SafeLoader))
                path = f"{place.partition('://')[2]}/{name}"
                return f"{path} cannot be read ({problem})" if problem is not None else None
        except RecursionError:
            return f"{name} cannot be read (it is nested too deep)"
        except Exception:  # which is told where it is read
            return None
    return None


MOST_VALUES = 100_000
"""Far more than any configuration holds; aliases of aliases make billions of a few lines."""


def _too_much(node: yaml.Node | None) -> str | None:
    """What is wrong with a file that aliases make endless or huge; None if they do not."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node) -> int:
        if id(node) not in sizes:
            sizes[id(node)] = MOST_VALUES + 1  # until it is known: what is in itself has no end
            children = node.value if isinstance(node, yaml.CollectionNode) else ()
            parts = (part for child in children for part in _nodes(child))
            sizes[id(node)] = 1 + sum(map(size, parts))
        return sizes[id(node)]

    if node is not None and size(node) > MOST_VALUES:
        return f"its aliases stand for more than {MOST_VALUES} values"
    return None


def _nodes(child: yaml.Node | tuple[yaml.Node, yaml.Node]) -> tuple[yaml.Node, ...]:
    """A value of a list, or key and value of a mapping."""
    return child if isinstance(child, tuple) else (child,)


def has_sweep(places: Iterable[str], experiment: str) -> bool:
    """Whether the YAML file of that experiment has values to sweep: `hydra.sweeper.params`."""
    for place in places:
        try:
            text = text_of(place, f"experiment/{experiment}.yaml")
            if text is not None:
                params = OmegaConf.select(OmegaConf.create(text), "hydra.sweeper.params")
                return bool(params)
        except Exception:  # which is told where it is read
            return False
    return False


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
