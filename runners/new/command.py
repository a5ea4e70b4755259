"""The command `python -m runners.new`: writes the files of a plugin, and says how to go on."""

import keyword
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from string import Template

from runners.model import UsageError, printable
from runners.planning.searchpath import CONF, GROUP, readable_entry_points
from runners.results.write import unwritten
from runners.words.lines import say
from runners.words.parser import Parser

DOES = """\
Write the class, the YAML file and the test of a new plugin, here: in a plain folder, or in that
of a package. They run and pass as they are; put your own work in their place."""
KINDS = ("workload", "executor", "experiment")
TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a plugin is written: the module's folder and package, and the folder of YAML files."""

    folder: Path
    package: str
    conf: Path

    @classmethod
    def of(cls, folder: Path) -> "Place":
        """In a package, which has an `__init__.py`, the YAML files have a package of their own."""
        names: list[str] = []
        above = folder
        while (above / "__init__.py").exists():
            names.insert(0, above.name)
            above = above.parent
        return cls(folder, ".".join(names), folder / "conf" if names else folder)

    @property
    def entry(self) -> str:
        """What an entry point has to name for the YAML files to be found; "" in a plain folder."""
        return f"{self.package}.conf" if self.package else ""


def _is_module(name: str) -> bool:
    """Whether there is a module of that name already, outside the working folder."""
    if name in sys.stdlib_module_names | {"runners"}:
        return True
    here = os.path.realpath(Path.cwd())
    places = [place for place in sys.path if os.path.realpath(place) != here]
    return PathFinder.find_spec(name, places) is not None


def files(kind: str, name: str, place: Place) -> dict[Path, str]:
    """The text of each file that makes a plugin of that kind and name. Raises UsageError."""
    if keyword.iskeyword(name):
        raise UsageError(f"{name}: Python keeps this word for itself; choose another name")
    if re.fullmatch(r"[a-z][a-z0-9_]*", name) is None:
        raise UsageError(f"{name}: a name is of small letters, digits and _, as in word_count")
    if (CONF / kind / f"{name}.yaml").exists():
        raise UsageError(f"{name}: there is {_article(kind)} of that name already; choose another")
    if kind != "experiment" and not place.package and _is_module(name):
        raise UsageError(
            f"{name}: the file {name}.py would hide a module of that name; choose another"
        )
    if kind != "experiment" and place.package and name == "conf":
        raise UsageError("conf: the package has a folder of that name; choose another")
    values = {
        "name": name,
        "Class": "".join(part.capitalize() for part in name.split("_")),
        "module": f"{place.package}.{name}" if place.package else name,
        "place": "" if place.package else '"--config-dir=.", ',
    }
    found = {
        place.conf / kind / f"{name}.yaml": "yaml",
        place.folder / f"test_{name}.py": "test",
    }
    if kind != "experiment":
        found = {place.folder / f"{name}.py": "py", **found}
    texts = {
        path: Template((TEMPLATES / f"{kind}.{what}.txt").read_text("utf-8")).substitute(values)
        for path, what in found.items()
    }
    init = place.conf / "__init__.py"
    if place.package and not init.exists():
        texts[init] = '"""YAML files of plugins."""\n'
    if there := next((path for path in texts if os.path.lexists(path)), None):
        raise UsageError(
            f"{there.relative_to(place.folder)}: it is there already; choose another name"
        )
    return texts


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def ways_on(kind: str, name: str, place: Place) -> list[str]:
    """What to do next, a line each."""
    lines = []
    found = "" if place.package else "--config-dir=. "
    if place.package and place.entry not in {e.value for e in readable_entry_points(group=GROUP)}:
        lines += [
            "have it found, in pyproject.toml, and install the package again:",
            f'  [project.entry-points."{GROUP}"]',
            f'  {place.package.partition(".")[0]} = "{place.entry}"',
            "  [tool.setuptools.package-data]",
            '  "*" = ["*.yaml"]',
        ]
    word = f"+experiment={name}" if kind == "experiment" else f"{kind}={name} n=2"
    return [
        *lines,
        f"run it:   python -m runners {found}{word}",
        f"test it:  python -m pytest test_{name}.py",
    ]


def run(arguments: Sequence[str]) -> int:
    """The command; returns its exit status: 0, or 2 after a mistake of the user's."""
    parser = Parser(prog="python -m runners.new", description=DOES)
    parser.add_argument("kind", choices=KINDS, help="what to write")
    parser.add_argument("name", metavar="NAME", help="what it is to be called, as in word_count")
    options = parser.parse_args(arguments)
    place = Place.of(Path.cwd())
    try:
        texts = files(options.kind, options.name, place)
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except (UsageError, OSError) as error:
        told = unwritten(error) if isinstance(error, OSError) else str(error)
        say(f"error: {printable(told)}", sys.stderr)
        return 2
    for path in texts:
        print(f"wrote {path.relative_to(place.folder)}")
    for line in ways_on(options.kind, options.name, place):
        print(line)
    return 0
