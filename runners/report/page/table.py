"""The columns of the table of cells, and what it may be reduced by."""

from collections.abc import Sequence
from dataclasses import dataclass

from runners.analysis.cell import CellSummary
from runners.report.page.cells import Shown, named_flag
from runners.words.labels import plain
from runners.words.rounding import in_order

MANY = 200
"""A column of so many different values is sorted and not filtered by."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table. `wide` ones are left out where the screen is narrow."""

    name: str
    title: str
    number: bool = False
    wide: bool = False


COLUMNS = (
    Column("workload", "Workload"),
    Column("executor", "Executor"),
    Column("python", "Python, code"),
    Column("n", "n", number=True),
    Column("speedup", "Speedup [95% interval]", number=True),
    Column("serial", "T₁", number=True, wide=True),
    Column("parallel", "Tₙ", number=True, wide=True),
    Column("efficiency", "Efficiency", number=True, wide=True),
    Column("machine", "Of what the machine gives", number=True, wide=True),
    Column("memory", "Memory of all", number=True, wide=True),
    Column("rss", "Memory of the largest process", number=True, wide=True),
    Column("rounds", "Rounds", number=True, wide=True),
    Column("flags", "Flags", wide=True),
)


@dataclass(frozen=True, slots=True)
class Filter:
    """What the table may be reduced by: the values of which each cell has one, or some."""

    name: str
    values: tuple[str, ...]


def columns(cells: Sequence[Shown]) -> tuple[list[Column], list[tuple[str, str]]]:
    """The columns in which cells differ, and what is the same of all of them."""
    kept, constant = [], []
    for column in COLUMNS:
        texts = {one.fields[column.name].text for one in cells}
        if len(texts) > 1 or column.name == "speedup" or (len(cells) == 1 and "" not in texts):
            kept.append(column)
        elif any(texts):
            constant.append((column.title, texts.pop()))
    if kept[0].number:  # a row begins with a name
        name = next(column for column in COLUMNS if column.name == "executor")
        kept.insert(0, name)
        constant = [(title, text) for title, text in constant if title != name.title]
    return kept, constant


def filters(cells: Sequence[Shown], swept: Sequence[str]) -> list[Filter]:
    """What the cells may be reduced by; the cells get their `values`."""
    every: dict[str, list[tuple[str, ...]]] = {
        "workload": [(one.cell.workload,) for one in cells],
        "executor": [(one.cell.executor,) for one in cells],
        "n": [(str(one.cell.n),) for one in cells],
        "python": [(one.fields["python"].text,) for one in cells],
        "scaling": [(one.cell.scaling,) for one in cells],
        "result": [(one.cell.result or "",) for one in cells],
        **{name: [_value(one.cell, name) for one in cells] for name in swept},
        "status": [(one.cell.status,) for one in cells],
        "flag": [
            tuple(dict.fromkeys(named_flag(flag.code) for flag in one.cell.flags)) for one in cells
        ],
    }
    found = []
    for name, own in every.items():
        values = sorted({value for some in own for value in some}, key=in_order)
        if len(set(own)) < 2 or len(values) > MANY:
            continue
        found.append(Filter(name, tuple(values)))
        at = {value: str(place) for place, value in enumerate(values)}
        for one, some in zip(cells, own, strict=True):
            one.values.append(",".join(at[value] for value in some))
    return found


def _value(cell: CellSummary, name: str) -> tuple[str, ...]:
    """A parameter's value; none of a workload or executor that has no such one."""
    value = cell.parameters.get(name)
    return () if value is None else (plain(value),)
