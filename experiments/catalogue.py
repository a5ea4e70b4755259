"""The experiments that there are: each module of this folder with the YAML file of its name.

Their words are in the files of `languages`.
"""

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from omegaconf import OmegaConf

from experiments.language import Language
from runners.analysis.claims import Claim
from runners.command.arguments import count_cells

CONF = Path(__file__).parent.parent / "conf/experiment"
"""Beside this folder in a checkout and where it is installed, as for `python -m runners`."""

PROGRAM = ("__init__", "__main__", "catalogue", "language", "program", "sweeps")
"""The modules of this folder that are not experiments."""

Figures = Callable[[pd.DataFrame], Mapping[str, Figure]]


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment: its question, the lecture's rows it is about, its claims and its sweep.

    The question and the claims are in the words of one language. `code` names what its tasks do,
    as "runners.workloads.countdown:count".

    One that is `by_name` needs what few machines have: it is measured where it is named only.
    """

    name: str
    question: str
    rows: tuple[str, ...]
    claims: tuple[Claim, ...]
    figures: Figures
    params: Mapping[str, Any]
    by_name: bool = False
    code: tuple[str, ...] = ()

    @property
    def cells(self) -> int:
        """How many cells its sweep has."""
        return count_cells(self.params, ())


def names() -> list[str]:
    """The names of all experiments, none of which is loaded for that."""
    return sorted({path.stem for path in Path(__file__).parent.glob("*.py")} - set(PROGRAM))


def experiments(language: Language) -> list[Experiment]:
    """All of them, in the order of the lecture's rows; those that are not about it last."""
    found = (load(name, language) for name in names())
    return sorted(found, key=lambda one: (row_order(one.rows), one.name))


def row_order(rows: Sequence[str]) -> tuple[bool, str, int]:
    """Sorts by the first of these rows, as in L2, L13, P1."""
    part = re.fullmatch(r"([A-Z])(\d+)", rows[0]) if rows else None
    return (False, part[1], int(part[2])) if part else (True, "", 0)


def load(name: str, language: Language) -> Experiment:
    """The experiment of that name, in that language."""
    module = importlib.import_module(f"experiments.{name}")
    text = (CONF / f"{name}.yaml").read_text("utf-8")
    params = OmegaConf.select(OmegaConf.create(text), "hydra.sweeper.params", default={})
    return Experiment(
        name=name,
        question=language.story(name, "question"),
        rows=module.ROWS,
        claims=tuple(language.claim(name, claim) for claim in module.CLAIMS),
        figures=getattr(module, "figures", _none),
        params={str(key): value for key, value in params.items()},
        by_name=getattr(module, "BY_NAME", False),
        code=module.CODE,
    )


def _none(summary: pd.DataFrame) -> Mapping[str, Figure]:
    return {}
