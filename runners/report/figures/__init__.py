"""Figures of results: one file each, and what an experiment needs to draw one of its own."""

from runners.report.figures.break_even import break_even
from runners.report.figures.drawing import heading, image, new_figure, styled
from runners.report.figures.efficiency import efficiency
from runners.report.figures.forest import forest
from runners.report.figures.matrix import matrix
from runners.report.figures.memory import has_memory, memory
from runners.report.figures.over_time import over_time
from runners.report.figures.plot import Choices, plot, seconds, weak
from runners.report.figures.proposal import proposal
from runners.report.figures.pythons import has_pythons, pythons
from runners.report.figures.speedup import speedup
from runners.report.figures.timeline import timeline

__all__ = [
    "Choices",
    "break_even",
    "efficiency",
    "forest",
    "has_memory",
    "has_pythons",
    "heading",
    "image",
    "matrix",
    "memory",
    "new_figure",
    "over_time",
    "plot",
    "proposal",
    "pythons",
    "seconds",
    "speedup",
    "styled",
    "timeline",
    "weak",
]
