"""From Hydra's configuration to a plan: the schema, the checks, what the YAML files refer to."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, cast, get_args

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runners.child.plugins import BrokenPlugin, build
from runners.child.prepare import Request
from runners.model import (
    THIS,
    Gil,
    Measure,
    Plan,
    Run,
    Scaling,
    Status,
    Unavailable,
    Unsupported,
    UsageError,
    did_you_mean,
    first_line,
    timestamp,
)
from runners.planning import interpreters, pythons, ranges, searchpath, versions
from runners.planning.environment import Site, read_site, usable_cpus
from runners.planning.hydra_versions import register_resolver, register_schema
from runners.planning.identity import identity
from runners.planning.placement import NONE, cores_of, named, placed
from runners.words.lines import broken, width_of

DEFINING = (
    *("precision", "min_rounds", "max_rounds", "interpreters", "warmup", "time_budget_s"),
    *("timeout_s", "memory_limit_bytes", "seed", "fresh"),
)
"""The measurement settings that two results must share to stand for each other."""

SIZES = "/proc/self/smaps_rollup"
"""Where Linux tells how much memory a process has to itself (since 4.14)."""


@dataclass
class Sweep:
    """What a sweep does around its cells."""

    order: str = "random"
    progress: str = "text"
    report: bool = True
    panel: bool = True
    panel_cells: int = 8
    share_machine: bool = False


@dataclass
class Config:
    """The top level of the configuration; the groups bring their own keys."""

    workload: Any = None
    executor: Any = None
    measure: Any = None
    n: int = 2
    scaling: str = "strong"
    python: str = THIS
    gil: Any = None
    versus: Any = None
    placement: Any = NONE
    dry_run: bool = False
    yes: bool = False
    profile: bool = False
    sweep: Sweep = field(default_factory=Sweep)
    cluster: Any = None


CELL = (
    *("workload", "executor", "measure", "n", "scaling", "python", "gil", "versus", "placement"),
)
"""The keys of the top level that define a cell."""
USUAL = {"python": THIS, "gil": None, "versus": None, "placement": NONE}
"""Those that are not in the name of a cell's folder with these values: older ones do not know them.
"""


_GROUPS = ("workload", "executor", "measure")


# From configuration to plan


def plan(cfg: DictConfig, site: Site | None = None) -> Plan:
    """What `cfg` asks for, resolved and checked. Hydra's own part has to be in it, or set.

    `site` is what the cells of a command have in common; None: asked for now. Raises UsageError:
    one line that names the key and the remedy.
    """
    if site is None:
        interpreters.close()  # modules may have been edited since
        site = read_site()
    choices = _choices(cfg)
    known = [f.name for f in fields(Config)]
    for key in map(str, cfg):
        if key not in known and key != "hydra":
            near = did_you_mean(key, known)
            raise UsageError(
                f"{key}: there is no such key{near}; the top level has {', '.join(known)}"
            )
    for group in _GROUPS:
        if cfg[group] is None or group not in choices:
            raise UsageError(f"{group}: none is chosen; set {group}=NAME")
        if not OmegaConf.is_config(cfg[group]):
            raise UsageError(f"{group}={cfg[group]}: must be the keys of a YAML file, not a value")
    ranges.check(cfg)
    if cfg.scaling not in get_args(Scaling):
        raise UsageError(f"scaling={cfg.scaling}: choose strong or weak")
    gil = _gil(cfg)
    placement = named(_plain(cfg.placement))
    version = None if cfg.versus is None else versions.find(str(cfg.versus))
    interpreter = interpreters.of(str(cfg.python), version)
    python = interpreter.python
    values = {group: _values(cfg, group, choices[group]) for group in _GROUPS}
    measure = build("measure", choices["measure"], Measure, values["measure"])
    if measure.memory and not Path(SIZES).exists():
        raise UsageError(f"measure.memory=true: this system does not tell it ({SIZES} is missing)")
    if gil is not None and not python.free_threaded:
        reason = (
            f"gil={gil}: {interpreter.kind} ({python.executable}) cannot do without its global "
            "lock; name an interpreter that was built to, as python=3.15t"
        )
        raise UsageError(reason) from Unsupported(reason)
    only_n = _names_of_n(cfg)
    found = interpreter.prepared(
        Request(
            workload=choices["workload"],
            workload_keys=values["workload"],
            executor=choices["executor"],
            executor_keys=values["executor"],
            n=cfg.n,
            weak=cfg.scaling == "weak",
            fresh=measure.fresh,
            only_n=tuple(sorted(only_n)),
        )
    )
    workers = 1 if found.worker_kind in ("caller", "coroutine") else cfg.n
    if placement != NONE and found.unplaceable is not None:
        reason = f"placement={placement}: {found.unplaceable}; set placement=none"
        raise UsageError(f"executor={choices['executor']}: {reason}") from Unsupported(reason)
    topology = site.topology
    cpus = () if topology is None else placed(placement, workers, topology)
    return Plan(
        workload=choices["workload"],
        executor=choices["executor"],
        n=cfg.n,
        scaling=cfg.scaling,
        executor_as=found.executor_as,
        given=found.given,
        baseline=found.baseline,
        baseline_as=found.baseline_as,
        reuse=found.reuse,
        apart=found.apart,
        parameters=_parameters(values, only_n),
        payload=found.payload,
        compared=found.compared,
        provisioned=workers,
        worker_kind=found.worker_kind,
        start_method=found.start_method,
        sends_tasks=found.sends_tasks,
        flags=found.flags,
        measure=measure,
        usable_cpus=site.usable_cpus,
        cpu_stat=site.cpu_stat,
        renewing=found.renewing,
        launches=found.launches,
        profile=bool(cfg.profile),
        python=python,
        version=version,
        gil=gil,
        options=interpreter.options,
        placement=placement,
        cpus=cpus,
        worker_cores=None if topology is None else cores_of(cpus, topology),
        physical_cores=None if topology is None else topology.physical_cores,
        identity=identity(
            {
                "workload": dataclasses.asdict(found.workload_as),
                "executor": {**dataclasses.asdict(found.executor_as), "reuse": found.reuse},
                "n": cfg.n,
                "scaling": cfg.scaling,
                "measure": {name: getattr(measure, name) for name in DEFINING},
                # Only where it is chosen: what was measured before there was a choice still counts.
                **({} if gil is None else {"gil": gil}),
                **({} if version is None else {"versus": version.mark}),
                **({} if placement == NONE else {"placement": placement}),
            },
            interpreter,
            found,
            site,
        ),
    )


def _gil(cfg: DictConfig) -> Gil | None:
    """Whether the global lock is to be on; None leaves that to the interpreter."""
    # In YAML, on and off are true and false.
    found: Any = {True: "on", False: "off"}.get(cfg.gil, cfg.gil)
    if found is None or found in get_args(Gil):
        return cast(Gil | None, found)
    raise UsageError(f"gil={cfg.gil}: choose on, off or null (as the interpreter decides)")


def _plain(value: Any) -> Any:
    return OmegaConf.to_container(value) if OmegaConf.is_config(value) else value


def _choices(cfg: DictConfig) -> dict[str, str]:
    """The option chosen in each of our groups: the name under which a plugin is known."""
    chosen = cfg.hydra.runtime.choices if "hydra" in cfg else HydraConfig.get().runtime.choices
    return {group: str(chosen[group]) for group in _GROUPS if group in chosen}


def _names_of_n(cfg: DictConfig) -> set[str]:
    """The parameters that are the number of workers under the plugin's own name for it."""
    found = set()
    for group in ("workload", "executor"):
        raw: Any = OmegaConf.to_container(cfg[group], resolve=False)
        found |= {f"{group}.{name}" for name, value in raw.items() if value == "${n}"}
    return found


def _parameters(values: Mapping[str, Mapping[str, Any]], only_n: set[str]) -> dict[str, Any]:
    """Every parameter of both plugins under the name of its column, but for what is only n."""
    return {
        column: value
        for group in ("workload", "executor")
        for name, value in values[group].items()
        if name != "_target_" and (column := f"{group}.{name}") not in only_n
    }


def _values(cfg: DictConfig, group: str, choice: str) -> dict[str, Any]:
    try:
        values = OmegaConf.to_container(cfg[group], resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise BrokenPlugin(
            f"{error.full_key} ({choice}): {first_line(error)}; set it, or fix the YAML"
        ) from None
    if not isinstance(values, dict):
        problem = f"{choice}.yaml cannot be read (it has no keys)"
        raise BrokenPlugin(f"{group}={choice}: its YAML {problem}; fix it")
    return {str(key): value for key, value in values.items()}


def refusal(cfg: DictConfig, error: UsageError) -> Run:
    """The row of a cell that cannot be planned."""
    choices = _choices(cfg)
    try:
        values = {group: _values(cfg, group, choices[group]) for group in ("workload", "executor")}
        parameters = _parameters(values, _names_of_n(cfg))
    except Exception:  # it may be for these that there is no plan
        parameters = {}
    known: dict[str, str] = {}
    try:
        python = pythons.find(str(cfg.python))
        known = {"python": python.label(_gil(cfg)), "python_build": python.build}
        if cfg.versus is not None:
            known["code_version"] = versions.find(str(cfg.versus)).name
    except UsageError:  # which says so itself
        pass
    return Run(
        cell=_digest(cfg)[:12],
        workload=choices["workload"],
        executor=choices["executor"],
        baseline="serial",
        n=cfg.n,
        scaling=cfg.scaling,
        usable_cpus=usable_cpus(),
        worker_kind="unknown",
        parameters=parameters,
        process=0,
        round=0,
        position=0,
        role="measured",
        cold=True,
        warmup=True,
        status=_status(error.__cause__),
        started_at=timestamp(),
        error=str(error),
        ended_by="failure",
        python=known.get("python"),
        python_build=known.get("python_build"),
        code_version=known.get("code_version", ""),
        placement=_placement(cfg),
    )


def _placement(cfg: DictConfig) -> str:
    try:
        return named(_plain(cfg.placement))
    except UsageError:  # which says so itself
        return NONE


def _status(cause: BaseException | None) -> Status:
    if isinstance(cause, Unavailable):
        return "incomplete"
    return "unsupported" if isinstance(cause, Unsupported) else "failed"


# What the YAML files may refer to


def _cell_folder(*, _root_: DictConfig) -> str:
    """A readable name for a cell of a sweep that no other cell of it has."""
    choices = _root_.hydra.runtime.choices
    return f"{choices['workload']}-{choices['executor']}-n{_root_.n}-{_digest(_root_)[:8]}"


GOING_ON = ("sweep_budget_s", "wait_quiet_s", "force", "worth")
"""Settings that may be others when a sweep is gone on with: its cells keep their folders."""


def _digest(cfg: DictConfig) -> str:
    """Stands for every other value of the configuration, resolvable or not."""
    nodes = {key: cfg[key] for key in CELL if key not in USUAL or cfg[key] != USUAL[key]}
    plain = {
        key: OmegaConf.to_container(node, resolve=False) if OmegaConf.is_config(node) else node
        for key, node in nodes.items()
    }
    if isinstance(settings := plain["measure"], dict):
        plain["measure"] = {key: settings[key] for key in settings if key not in GOING_ON}
    return hashlib.sha256(json.dumps(plain, sort_keys=True, default=str).encode()).hexdigest()


def _options(group: str) -> str:
    """The options of a config group for `--help`: the first line of each file says what it is."""
    loader = GlobalHydra.instance().config_loader()
    options = loader.get_group_options(group)
    column = max(map(len, options), default=0) + 4
    lines = []
    for option in options:
        told = _first_comment(loader, f"{group}/{option}.yaml")
        lines.append(f"  {option:<{column - 2}}{broken(told, width_of(), column, column)}".rstrip())
    return "\n".join(lines) + "\n"


def _first_comment(loader: Any, name: str) -> str:
    for source in loader.get_search_path().get_path():
        try:
            text = searchpath.text_of(str(source.path), name)
        except UnicodeDecodeError:
            continue
        if text is not None:
            # Hydra reads its own directive only if that is the very first line.
            lines = [line for line in text.splitlines() if not line.startswith("# @package")]
            return lines[0].removeprefix("#").strip() if lines and lines[0].startswith("#") else ""
    return ""


def _default_start_method(*, _root_: DictConfig) -> str:
    """How the interpreter that measures starts processes, unless it is told otherwise."""
    return pythons.find(str(_root_.python)).start_method


def register() -> None:
    """Make the schema, the plugins' files and the resolvers of `conf/config.yaml` known."""
    register_names()
    searchpath.register()


def register_names() -> None:
    """Make the schema and the resolvers known."""
    register_schema("schema", Config)
    register_resolver("options", _options)
    register_resolver("cell_folder", _cell_folder)
    register_resolver("default_start_method", _default_start_method)
