"""A sweep's grid: which combinations it has, and the configuration of each, composed in a moment.

Hydra composes one configuration in some 100 ms. Here it composes once for each choice of groups;
the scalar values of a cell are then set in a copy.
"""

import copy
import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, flag_override

from runners.child.plugins import UNREADABLE
from runners.command.arguments import as_override, each_value
from runners.model import UsageError
from runners.planning import interpreters, pythons, versions
from runners.planning.config import CELL
from runners.planning.searchpath import places, targets, unreadable

PLUGINS = ("workload", "executor")
SCALARS = ("n", "scaling", "python", "gil", "versus", "placement")


AUTO = "n=auto"
"""Which numbers of workers are tried is found out: `auto.py` has these cells written out."""
MOST_CELLS = 1_000_000
"""More are refused before they are even listed."""


class Grid:
    """The configurations of a sweep's cells. `master` is that of the sweep itself."""

    def __init__(self, loader: ConfigLoader, master: DictConfig) -> None:
        self.loader = loader
        self.master = master
        self.parser = OverridesParser.create(config_loader=loader)
        self.parsed: dict[str, Override] = {}
        self.structural: dict[str, bool] = {}
        self.bases: dict[tuple[str, ...], _Base | HydraException | UsageError] = {}

    def combinations(
        self, params: Mapping[str, Any], arguments: Sequence[str]
    ) -> list[tuple[str, ...]]:
        """The overrides of each cell, in the order of the product, the last one fastest.

        A parameter of a plugin that this option does not have, and another of the sweep has, is
        left out; combinations that are then the same are one.
        """
        texts = [*(as_override(key, value) for key, value in params.items()), *arguments]
        values: dict[str, list[str]] = {}
        for override in self.parser.parse_overrides(texts):
            key = override.get_key_element()
            if not override.is_sweep_override():
                values[key] = [f"{key}={override.get_value_element_as_str()}"]
            elif override.is_discrete_sweep():
                values[key] = [f"{key}={value}" for value in each_value(override)]
            else:
                raise UsageError(
                    f"{override.input_line}: an interval has no first value; list the values, or "
                    "choose a sweeper that draws them (hydra/sweeper=...)"
                )
        if "python" in values:
            named = pythons.expanded([str(self._parse(text).value()) for text in values["python"]])
            values["python"] = [as_override("python", [name]) for name in named]
        if AUTO in values.get("n", ()) and len(values["n"]) > 1:
            raise UsageError("n=auto: it finds the numbers itself; name either auto or numbers")
        if "versus" in values:
            values["versus"] = self._with_here(values["versus"])
        all_of_them = values.get("executor") == ["executor=all"]
        if all_of_them:
            own = self._local_executors(values.get("python", [f"python={self.master.python}"]))
            values["executor"] = list(dict.fromkeys(itertools.chain.from_iterable(own.values())))
        count = math.prod(map(len, values.values()))
        if count > MOST_CELLS:
            several = {key: len(own) for key, own in values.items() if len(own) > 1}
            told = ", ".join(f"{key} has {number:,} values" for key, number in several.items())
            raise UsageError(f"{count:,} cells: the most of a sweep are {MOST_CELLS:,} ({told})")
        product = list(itertools.product(*values.values()))
        if all_of_them:
            product = [cell for cell in product if self._has_here(cell, own)]
        return list(dict.fromkeys(self._fitting(product, values)))

    def _fitting(
        self, product: Sequence[tuple[str, ...]], values: Mapping[str, Sequence[str]]
    ) -> Iterator[tuple[str, ...]]:
        """The cells, each without the parameters that its plugin lacks and another's has."""
        own = [texts for texts in values.values() if texts and self._is_structural(texts[0])]
        keys = [key for key in values if key.startswith(tuple(f"{group}." for group in PLUGINS))]
        has = {
            structure: {key for key in keys if self._has(structure, key)}
            for structure in itertools.product(*own)
        }
        served = set().union(*has.values())
        if all(found == served for found in has.values()):
            yield from product
            return
        key_of = {text: key for key, texts in values.items() for text in texts}
        for cell in product:
            lacks = served - has[self._structure(cell)]
            yield tuple(text for text in cell if key_of[text] not in lacks)

    def _with_here(self, versions_asked: Sequence[str]) -> list[str]:
        """The overrides of the versions of the code, the one that is here first.

        Raises UsageError where there is no such version: before anything is planned.
        """
        named = [self._parse(text).value() for text in versions_asked]
        found = [versions.find(str(asked)) for asked in named if asked is not None]
        for at, one in enumerate(found):
            for other in found[:at]:
                if one.asked != other.asked and one.mark == other.mark:
                    raise UsageError(f"versus={one.asked}: it is the same as {other.asked}")
                if one.asked != other.asked and one.name == other.name:
                    raise UsageError(
                        f"versus={one.asked}: {other.asked} is called {one.name} as well, and "
                        "results would not be told apart; rename one of the two folders"
                    )
        return list(dict.fromkeys(["versus=null", *versions_asked]))

    def budget_s(self, cells: Sequence[Sequence[str]]) -> float:
        """The time budgets of all these cells, in seconds: one is composed of each kind."""
        kinds = Counter(
            tuple(text for text in cell if text.lstrip("+").startswith("measure")) for cell in cells
        )
        each_s = {kind: self._budget_s(kind) for kind in kinds}
        return sum(each_s[kind] * count for kind, count in kinds.items())

    def _budget_s(self, overrides: Sequence[str]) -> float:
        """That of a cell; 0 where it cannot be composed, which is told when it is planned."""
        try:
            return float(self.config(overrides, 0).measure.time_budget_s)
        except Exception:
            return 0.0

    def config(self, overrides: Sequence[str], number: int) -> DictConfig:
        """The whole configuration of that cell; it is good until the next call.

        Raises what Hydra or OmegaConf raise over a mistake in it.
        """
        parsed = [self._parse(text) for text in overrides]
        base = self._base(overrides)
        cfg = base.having([override for override in parsed if self._is_scalar(override)])
        job = cfg.hydra.job
        own = [override for override in parsed if not override.is_hydra_override()]
        with flag_override(cfg.hydra, ["struct", "readonly"], False):
            _write(cfg.hydra.overrides, "task", [str(override.input_line) for override in own])
            if not OmegaConf.is_interpolation(job, "override_dirname"):  # as it is in Hydra 1.4
                job.override_dirname = _dirname(own, job.config.override_dirname)
            job.id, job.num = str(number), number
        return cfg

    def _parse(self, text: str) -> Override:
        if text not in self.parsed:
            [override] = self.parser.parse_overrides([text])
            if override.is_discrete_sweep():  # a choice of one, as `arguments` writes it
                values = each_value(override)
                [override] = self.parser.parse_overrides(
                    [f"{override.get_key_element()}={values[0]}"]
                )
            self.parsed[text] = override
        return self.parsed[text]

    def _is_scalar(self, override: Override) -> bool:
        """Whether it only sets a value that is there: nothing else depends on it."""
        top = override.key_or_group.partition(".")[0]
        plain = not (override.is_add() or override.is_force_add() or override.is_delete())
        scalar = "." in override.key_or_group or override.key_or_group in SCALARS
        return plain and scalar and override.package is None and top in (*CELL, "sweep")

    def _structure(self, overrides: Sequence[str]) -> tuple[str, ...]:
        """Those that decide which keys there are, and not only what they have."""
        return tuple(text for text in overrides if self._is_structural(text))

    def _is_structural(self, text: str) -> bool:
        if text not in self.structural:
            self.structural[text] = not self._is_scalar(self._parse(text))
        return self.structural[text]

    def _base(self, overrides: Sequence[str]) -> "_Base":
        structure = self._structure(overrides)
        if structure not in self.bases:
            try:
                self.bases[structure] = self._compose(structure)
            except (HydraException, UsageError) as error:  # as quick to tell again
                self.bases[structure] = error
        base = self.bases[structure]
        if isinstance(base, Exception):
            raise base
        return base

    def _compose(self, structure: tuple[str, ...]) -> "_Base":
        try:
            return _Base(self.loader.load_sweep_config(self.master, list(structure)))
        except Exception:
            problems = {
                group: (option, problem)
                for group, option in self._choices(structure).items()
                if (problem := unreadable(self._places, group, option)) is not None
            }
            for group, (_, problem) in problems.items():
                if group not in PLUGINS:
                    raise UsageError(f"{problem}; fix it") from None
            if not problems:
                raise
            # Only its own cells suffer from a plugin's file: the rest of theirs is composed.
            others = [text for text in structure if self._parse(text).key_or_group not in problems]
            cfg = self.loader.load_sweep_config(self.master, others)
            with flag_override(cfg, ["struct", "readonly"], False):
                for group, (option, problem) in problems.items():
                    cfg[group] = {UNREADABLE: problem.replace("${", r"\${")}
                    cfg.hydra.runtime.choices[group] = option
            return _Base(cfg, frozenset(problems))

    def _choices(self, structure: Sequence[str]) -> dict[str, str]:
        """The options that these overrides choose, by group."""
        parsed = [self._parse(text) for text in structure]
        return {
            part.key_or_group: str(part.value()) for part in parsed if "." not in part.key_or_group
        }

    @cached_property
    def _places(self) -> list[str]:
        sources = self.master.hydra.runtime.config_sources
        return places([f"{source.schema}://{source.path}" for source in sources])

    def _local_executors(self, named: Sequence[str]) -> dict[str, list[str]]:
        """What `executor=all` stands for, for each of these overrides of the interpreter.

        All that have workers on this machine as it is, in that interpreter.
        """
        known = targets(self._places, "executor")
        return {
            text: [
                f"executor={name}"
                for name in interpreters.executors(str(self._parse(text).value()), known)
            ]
            for text in named
        }

    @staticmethod
    def _has_here(cell: Sequence[str], executors: Mapping[str, Sequence[str]]) -> bool:
        """Whether the interpreter of that cell has its executor."""
        named = [text for text in cell if text in executors] or list(executors)
        return any(text in executors[named[0]] for text in cell)

    def _has(self, cell: Sequence[str], key: str) -> bool:
        """Whether that cell's plugin has the parameter; one whose configuration is broken has all.

        What is wrong with it is told when the cell is planned.
        """
        try:
            base = self._base(cell)
        except (HydraException, UsageError):
            return True
        group, _, name = key.partition(".")
        return group in base.broken or name.partition(".")[0] in (base.cfg[group] or {})


_Place = tuple[str, ...]
"""A key of the configuration's own, or of a group."""


class _Base:
    """What a choice of groups comes to, before scalar values are set in it.

    `broken` names the groups whose file could not be read: no value can be set in them.
    """

    def __init__(self, cfg: DictConfig, broken: frozenset[str] = frozenset()) -> None:
        self.cfg = cfg
        self.broken = broken
        self.composed: dict[_Place, Any] = {}
        """What stood where something else was set."""
        self.set: dict[_Place, list[Override]] = {}
        """By what it was set."""

    def having(self, overrides: Sequence[Override]) -> DictConfig:
        """The configuration with these values, and otherwise as it was composed.

        Only what the last cell had otherwise is touched: to copy or set all of it takes longest.
        """
        wanted: dict[_Place, list[Override]] = {}
        for override in overrides:
            group, *below = override.key_or_group.split(".")[:2]
            if group not in self.broken:
                wanted.setdefault((group, *below), []).append(override)
        with flag_override(self.cfg, ["struct", "readonly"], False):
            for place in [known for known, own in self.set.items() if wanted.get(known) != own]:
                self._restore(place)
        for place, own in wanted.items():
            if place not in self.set:
                self._set(place, own)
        return self.cfg

    def _set(self, place: "_Place", overrides: list[Override]) -> None:
        above = self._above(place)
        node = above._get_node(place[-1]) if OmegaConf.is_dict(above) else None
        self.composed[place] = copy.deepcopy(node)
        self.set[place] = []  # which no cell wants, if one of the values is refused
        for override in overrides:
            OmegaConf.update(self.cfg, override.key_or_group, override.value(), merge=True)
        self.set[place] = overrides

    def _restore(self, place: "_Place") -> None:
        above, node = self._above(place), self.composed.pop(place)
        if node is not None:
            above[place[-1]] = node
        elif place[-1] in above:  # there was none
            del above[place[-1]]
        del self.set[place]

    def _above(self, place: "_Place") -> Any:
        return self.cfg if len(place) == 1 else self.cfg[place[0]]


def _write(above: DictConfig, key: str, texts: Sequence[str]) -> None:
    """Have a list be those texts; only what differs is written, for each one takes its time."""
    now = above[key]
    if now is None or len(now) != len(texts):
        above[key] = list(texts)
        return
    for at, (old, new) in enumerate(zip(now, texts, strict=True)):
        if old != new:
            now[at] = new


def _dirname(overrides: Sequence[Override], how: Any) -> str:
    """`hydra.job.override_dirname`: the overrides in one name."""
    lines = sorted(
        str(override.input_line)
        for override in overrides
        if override.key_or_group not in how.exclude_keys
    )
    return str(how.item_sep).join(lines).replace("=", str(how.kv_sep))
