"""From Hydra's configuration to a plan: the schema, the checks, what the YAML files refer to."""

import dataclasses
import hashlib
import json
import multiprocessing
import pickle
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, get_args

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runners.door import Interrupted, Staying
from runners.model import (
    Cautious,
    Chunking,
    Coroutine,
    Declared,
    Factory,
    Inheriting,
    InvalidParameter,
    Lenient,
    Measure,
    Meeting,
    Multiprocessing,
    OnlyCoroutine,
    Plan,
    Renewing,
    Run,
    Scaling,
    Sharing,
    Sourced,
    Status,
    Tidy,
    Unavailable,
    Unsupported,
    UsageError,
    Workers,
    first_line,
    in_one_line,
    timestamp,
)
from runners.planning import ranges, searchpath
from runners.planning.environment import Site, read_site, this_python, usable_cpus
from runners.planning.hydra_versions import register_resolver, register_schema
from runners.planning.identity import Code, identity
from runners.planning.plugins import BrokenPlugin, bind, build, find

DEFINING = (
    *("precision", "min_rounds", "max_rounds", "interpreters", "warmup", "time_budget_s"),
    *("timeout_s", "memory_limit_bytes", "seed", "fresh"),
)
"""The measurement settings that two results must share to stand for each other."""


@dataclass
class Sweep:
    """What a sweep does around its cells."""

    order: str = "random"
    progress: str = "text"
    report: bool = True
    panel: bool = True
    panel_cells: int = 8


@dataclass
class Config:
    """The top level of the configuration; the groups bring their own keys."""

    workload: Any = None
    executor: Any = None
    measure: Any = None
    n: int = 2
    scaling: str = "strong"
    sweep: Sweep = field(default_factory=Sweep)


CELL = ("workload", "executor", "measure", "n", "scaling")
"""The keys of the top level that define a cell."""


_GROUPS = ("workload", "executor", "measure")


# From configuration to plan


def plan(cfg: DictConfig, site: Site | None = None, code: Code | None = None) -> Plan:
    """What `cfg` asks for, resolved and checked. Hydra's own part has to be in it, or set.

    `site` and `code` are what the cells of a command have in common; None: asked for now. Raises
    UsageError: one line that names the key and the remedy.
    """
    try:
        with Staying():
            return _plan(cfg, site or read_site(), code or Code())
    except (UsageError, OmegaConfBaseException, Interrupted):
        raise
    except InvalidParameter as error:
        raise UsageError(f"workload.{error}") from error
    except BaseException as error:  # what a plugin's properties and methods may raise
        choices = _choices(cfg)
        *_, (frame, line) = traceback.walk_tb(error.__traceback__)
        raise BrokenPlugin(
            f"workload={choices.get('workload')} executor={choices.get('executor')}: asked what it "
            f"is able to do, one of them raises {in_one_line(error)} "
            f"({frame.f_code.co_filename}, line {line}); fix it"
        ) from error


def _plan(cfg: DictConfig, site: Site, code: Code) -> Plan:
    choices = _choices(cfg)
    known = [f.name for f in fields(Config)]
    for key in map(str, cfg):
        if key not in known and key != "hydra":
            raise UsageError(f"{key}: there is no such key; the top level has {', '.join(known)}")
    for group in _GROUPS:
        if cfg[group] is None or group not in choices:
            raise UsageError(f"{group}: none is chosen; set {group}=NAME")
        if not OmegaConf.is_config(cfg[group]):
            raise UsageError(f"{group}={cfg[group]}: must be the keys of a YAML file, not a value")
    ranges.check(cfg)
    if cfg.scaling not in get_args(Scaling):
        raise UsageError(f"scaling={cfg.scaling}: choose strong or weak")
    values = {group: _values(cfg, group, choices[group]) for group in _GROUPS}
    measure = build("measure", choices["measure"], Measure, values["measure"])
    workload_as, workload_class = find("workload", choices["workload"], values["workload"])
    executor_as, executor_class = find("executor", choices["executor"], values["executor"])
    only_n = _names_of_n(cfg)
    for name in ("max_workers", "processes"):
        if name in executor_as.parameters and f"executor.{name}" not in only_n:
            raise UsageError(
                f"executor.{name}: the number of workers is n everywhere; set n=... and leave "
                f"{name}: ${{n}} in the YAML"
            )
    executor_as, reuse = _reused(executor_as)
    if reuse and measure.fresh:
        raise UsageError(
            "executor.reuse=true: workers that are kept from run to run are not fresh, as "
            "measure.fresh=true wants them; set one of the two to false"
        )
    workload = build("workload", choices["workload"], workload_class, workload_as.parameters)
    executor: Any = None
    workers: Workers = "unknown"
    given = bind("executor", choices["executor"], executor_class, executor_as.parameters)
    if isinstance(executor_class, Declared):
        workers = executor_class.worker_kind
        executor = build("executor", choices["executor"], executor_class, executor_as.parameters)
    if workers == "coroutine" and not isinstance(workload, Coroutine):
        workers = "thread"  # where plain functions are run
    start_method = executor.start_method if isinstance(executor, Multiprocessing) else None
    minimum = int(workload.minimum_workers) if isinstance(workload, Meeting) else 1
    if reason := _cannot_meet(cfg, workload, minimum, workers, executor, reuse):
        names = f"workload={choices['workload']} executor={choices['executor']}"
        raise UsageError(f"{names}: {reason}") from Unsupported(reason)
    try:
        payload = pickle.dumps(workload, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        raise BrokenPlugin(
            f"workload={choices['workload']}: it cannot be pickled for another process "
            f"({in_one_line(error)}); keep plain data in its attributes and functions at the top "
            "level of a module"
        ) from error
    baseline, baseline_as = _baseline(workload, minimum)
    return Plan(
        workload=choices["workload"],
        executor=choices["executor"],
        n=cfg.n,
        scaling=cfg.scaling,
        executor_as=Factory(executor_as.target, given),
        baseline=baseline,
        baseline_as=baseline_as,
        reuse=reuse,
        apart=reuse or not (isinstance(executor, Tidy) and executor.tidy),
        parameters=_parameters(values, only_n),
        payload=payload,
        compared=workload.compared if isinstance(workload, Lenient) else True,
        provisioned=1 if workers in ("caller", "coroutine") else cfg.n,
        worker_kind=workers if workers in get_args(Workers) else "unknown",
        start_method=start_method,
        sends_tasks=start_method is not None
        and not (isinstance(executor, Inheriting) and executor.inherits_tasks),
        flags=tuple(
            flag
            for plugin in (workload, executor)
            if isinstance(plugin, Cautious)
            for flag in plugin.cautions(workers, start_method)
        ),
        measure=measure,
        usable_cpus=site.usable_cpus,
        cpu_stat=site.cpu_stat,
        renewing=isinstance(workload, Renewing),
        python=this_python(site),
        gil=None,
        options=site.options,
        identity=identity(
            [
                *(cls.__module__ for cls in (workload_class, executor_class)),
                *(workload.sources() if isinstance(workload, Sourced) else ()),
            ],
            {
                "workload": dataclasses.asdict(workload_as),
                "executor": {**dataclasses.asdict(executor_as), "reuse": reuse},
                "n": cfg.n,
                "scaling": cfg.scaling,
                "measure": {name: getattr(measure, name) for name in DEFINING},
            },
            site,
            code,
        ),
    )


def _baseline(workload: Any, minimum: int) -> tuple[str, Factory]:
    """The executor that stands for the plain loop of that workload, and the call that makes it."""
    if minimum > 1:
        return "thread", Factory("runners.executors.thread.Thread", {"max_workers": minimum})
    if isinstance(workload, OnlyCoroutine) and workload.only_coroutine:
        return "asyncio", Factory("runners.executors.asyncio.Asyncio", {"max_workers": 1})
    return "serial", Factory("runners.executors.serial.Serial", {})


def _reused(executor_as: Factory) -> tuple[Factory, bool]:
    """The call that makes the executor, and whether its workers are kept from run to run."""
    parameters = dict(executor_as.parameters)
    reuse = parameters.pop("reuse", False)
    if not isinstance(reuse, bool):
        raise UsageError(f"executor.reuse={reuse}: must be true or false")
    return Factory(executor_as.target, parameters), reuse


def _cannot_meet(
    cfg: DictConfig, workload: Any, minimum: int, workers: Workers, executor: Any, reuse: bool
) -> str | None:
    """Why this executor cannot give the tasks what they need of each other; None if it can."""
    if minimum > 1:
        what = f"all {minimum} tasks have to run at the same time"
        if workers == "caller":
            return f"{what}, and a plain loop runs one after another"
        if cfg.n < minimum:
            return f"{what}; set n={minimum}"
        if isinstance(executor, Chunking) and (setting := executor.unchunked_by):
            return f"{what}, not in chunks; set executor.{setting}"
    shares = isinstance(workload, Sharing)
    if (shares or minimum > 1) and cfg.scaling == "weak":
        return "its tasks belong together and cannot be multiplied; set scaling=strong"
    if shares and reuse:
        return "workers that are kept cannot be given what tasks share; set executor.reuse=false"
    return None


def _choices(cfg: DictConfig) -> dict[str, str]:
    """The option chosen in each config group: the name under which a plugin is known."""
    chosen = cfg.hydra.runtime.choices if "hydra" in cfg else HydraConfig.get().runtime.choices
    return {str(group): str(option) for group, option in chosen.items()}


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
    )


def _status(cause: BaseException | None) -> Status:
    if isinstance(cause, Unavailable):
        return "incomplete"
    return "unsupported" if isinstance(cause, Unsupported) else "failed"


# What the YAML files may refer to


def _cell_folder(*, _root_: DictConfig) -> str:
    """A readable name for a cell of a sweep that no other cell of it has."""
    choices = _root_.hydra.runtime.choices
    return f"{choices['workload']}-{choices['executor']}-n{_root_.n}-{_digest(_root_)[:8]}"


GOING_ON = ("sweep_budget_s", "wait_quiet_s", "force")
"""Settings that may be others when a sweep is gone on with: its cells keep their folders."""


def _digest(cfg: DictConfig) -> str:
    """Stands for every other value of the configuration, resolvable or not."""
    nodes = {key: cfg[key] for key in CELL}
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
    lines = []
    for option in loader.get_group_options(group):
        lines.append(f"  {option:<16} {_first_comment(loader, f'{group}/{option}.yaml')}".rstrip())
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


def register() -> None:
    """Make the schema, the plugins' files and the resolvers of `conf/config.yaml` known."""
    register_schema("schema", Config)
    searchpath.register()
    register_resolver("options", _options)
    register_resolver("cell_folder", _cell_folder)
    register_resolver("default_start_method", lambda: multiprocessing.get_all_start_methods()[0])
