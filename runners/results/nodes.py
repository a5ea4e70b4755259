"""On what each cell was measured: the host, and what kind of machine that is.

pandas is imported where it is needed, as in `read.py`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from runners.model import Environment, printable
from runners.results import checked
from runners.results.columns import ENVIRONMENT

if TYPE_CHECKING:
    import pandas as pd


class Hardware(NamedTuple):
    """What makes two machines of one kind: the processor, its CPUs, and its cores where known.

    Neither the name of a host is in it nor how many of its CPUs a job may use, which
    `usable_cpus` says.
    """

    processor: str
    cpus: int | None
    cores: int | None


def hardware(environment: Environment) -> Hardware | None:
    """Of the machine with these facts; None where they say nothing of it."""
    facts = environment.facts
    model = facts.get("cpu_model_name")
    name = printable(" ".join(model.split()))[:150] if isinstance(model, str) else ""
    cpus, cores = _count(facts.get("cpu_count")), _count(facts.get("cpu_cores"))
    return Hardware(name or "unknown processor", cpus, cores) if name or cpus else None


def _count(value: Any) -> int | None:
    return value if type(value) is int and value > 0 else None


def kinds(machines: Iterable[Hardware]) -> Mapping[Hardware, str]:
    """The name of the kind of each machine, as in `EPYC 7763, 128 cores, 256 CPUs`.

    One whose cores are not known, as of an earlier version, is of the same kind as all those
    that are like it otherwise, if these are of one kind.
    """
    cores: dict[tuple[str, int | None], set[int]] = defaultdict(set)
    found = set(machines)
    for one in found:
        cores[one.processor, one.cpus].update([one.cores] if one.cores else [])
    names = {}
    for one in found:
        known = cores[one.processor, one.cpus]
        own = one.cores or (next(iter(known)) if len(known) == 1 else None)
        counts = [(own, "core"), (one.cpus, "CPU")]
        told = [f"{count} {noun}{'s' * (count > 1)}" for count, noun in counts if count]
        names[one] = ", ".join([one.processor, *told])
    return names


def fill_nodes(runs: "pd.DataFrame", common: Path) -> None:
    """Fill in `node_kind`, and in rows of earlier versions `host`, by each folder's environment.

    `common` is what the column `folder` is relative to.
    """
    machines: dict[str, Hardware] = {}
    hosts: dict[str, str] = {}
    for folder in runs["folder"].unique():
        try:
            environment = checked.environment(common / folder / ENVIRONMENT)
        except (OSError, ValueError):  # whoever reads it for its facts says so
            continue
        if (machine := hardware(environment)) is not None:
            machines[folder] = machine
        if isinstance(host := environment.facts.get("hostname"), str) and host:
            hosts[folder] = printable(host)[:200]
    names = kinds(machines.values())
    of_folder = {folder: names[machine] for folder, machine in machines.items()}
    runs["node_kind"] = runs["folder"].map(of_folder).astype("str")
    runs["host"] = runs["host"].fillna(runs["folder"].map(hosts).astype("str"))
