"""The nodes that cells were measured on: what is said of each, and which lines mix kinds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from runners.analysis.rounds import Rows
from runners.words.labels import labels
from runners.words.nodes import node_kinds
from runners.words.rounding import counted, in_order


def placed(runs: pd.DataFrame, code: Rows) -> pd.DataFrame:
    """Where each cell was measured, a row a cell: hosts, the job, what that was given.

    `code` is that of `cell_codes`. Of a cell that went on in another job, it is the last job, the
    fewest CPUs, and exclusive only if all were.
    """
    own = code >= 0
    of_cells = runs.loc[own].groupby(code[own], sort=True)
    hosts = runs.loc[own, ["host"]].assign(cell=code[own]).drop_duplicates().dropna()
    return pd.DataFrame(
        {
            "host": hosts.groupby("cell")["host"].agg(", ".join),
            "job": of_cells["job"].last(),
            "job_cpus": of_cells["job_cpus"].min(),
            "job_nodes": of_cells["job_nodes"].min(),
            "exclusive": of_cells["exclusive"].min().astype("boolean"),
        },
        index=range(code.max() + 1),
    )


def is_elsewhere(cell: Mapping[Any, Any]) -> bool:
    """Whether the workers of a cell may be on other machines: those here have spans by its clock,
    and with them a ladder."""
    return bool(cell["worker_kind"] == "remote" and not cell["L3_s"] > 0)


def has_fewer_cpus(cell: Mapping[Any, Any]) -> bool:
    """Whether workers that have a thread of their own outnumber the CPUs that they may use."""
    share_one = cell["worker_kind"] in ("caller", "coroutine")
    return bool(cell["n"] > cell["usable_cpus"] and not share_one and not is_elsewhere(cell))


def crowded(cells: pd.DataFrame) -> pd.DataFrame:
    """How many nodes the workers of each cell were on, and whether they had a CPU each.

    Workers elsewhere are on the nodes of the job; without one nobody knows.
    """
    rows = cells[["n", "worker_kind", "usable_cpus", "L3_s"]].to_dict("records")
    elsewhere = pd.Series([is_elsewhere(row) for row in rows], index=cells.index, dtype=bool)
    nodes = cells["job_nodes"].astype("Int64").where(elsewhere, 1)
    fewer = pd.Series(map(has_fewer_cpus, rows), index=cells.index, dtype="boolean")
    return pd.DataFrame({"nodes": nodes, "fewer_cpus": fewer.mask(elsewhere)})


@dataclass(frozen=True, slots=True)
class Mixed:
    """Cells of one workload that lie on several kinds of node.

    `kinds` has the number of its cells on each. `lines` are those that mix them: the n of each
    executor on each kind, where these are not the same ones.
    """

    workload: str
    kinds: Mapping[str, int]
    lines: Mapping[str, Mapping[str, tuple[int, ...]]]

    def text(self) -> str:
        told = "; ".join(f"{kind}: {counted(count, 'cell')}" for kind, count in self.kinds.items())
        text = (
            f"{self.workload}: measured on {counted(len(self.kinds), 'kind')} of node, which are "
            f"kept apart ({told}): no law, recommendation or comparison crosses them."
        )
        if self.lines:
            line, ns = next(iter(self.lines.items()))
            where = " and ".join(
                f"n = {', '.join(map(str, n))} on {kind}" for kind, n in ns.items()
            )
            more = len(self.lines) - 1
            others = f"; {counted(more, 'other')} mix them, too" if more > 1 else ""
            others = "; another one mixes them, too" if more == 1 else others
            text += (
                f" A line mixes them: {line} has {where}{others}. Measure it on one kind "
                "(cluster.sbatch={constraint: ...})."
            )
        return text


def mixed(summary: pd.DataFrame) -> list[Mixed]:
    """Each workload of the frame of `summarise` whose cells are on several kinds of node."""
    kind = node_kinds(summary)
    kept = kind.ne("") & (summary["node_kind"].notna() | (summary["rounds"] > 0))
    if not kept.any():
        return []
    found = pd.DataFrame(
        {
            "workload": labels(summary.drop(columns="node_kind"))["panel"],
            "line": labels(summary)["line"],
            "kind": kind,
            "n": summary["n"],
        }
    ).loc[kept]
    several = found.groupby("workload")["kind"].transform("nunique") > 1
    by_workload = {str(name): own for name, own in found.loc[several].groupby("workload")}
    return [
        Mixed(name, {str(kind): len(on) for kind, on in own.groupby("kind")}, dict(_lines(own)))
        for name, own in sorted(by_workload.items(), key=lambda one: in_order(one[0]))
    ]


MOST_TOLD = 5
"""So many workloads are told; of more, those first of which a line mixes kinds."""


def told(found: Sequence[Mixed]) -> list[str]:
    """What there is to say of these: a line each, if they are not many."""
    ordered = sorted(found, key=lambda one: not one.lines)
    lines = [one.text() for one in ordered[:MOST_TOLD]]
    if (more := len(found) - MOST_TOLD) > 0:
        lines.append(
            f"{counted(more, 'more workload')} of several kinds of node: summary.csv has node_kind."
        )
    return lines


def _lines(cells: pd.DataFrame) -> Iterator[tuple[str, dict[str, tuple[int, ...]]]]:
    for line, own in cells.groupby("line"):
        ns = {str(kind): tuple(sorted(set(n))) for kind, n in own.groupby("kind")["n"]}
        if len(set(ns.values())) > 1:
            yield str(line), ns
