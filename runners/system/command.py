"""The command `python -m runners.system`: from the words typed to the exit status."""

import argparse
import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from runners.child.counters import read_cpus
from runners.command.quiet import LOOK_S, others_share
from runners.planning.environment import cpu_model, topology, usable_cpus
from runners.planning.topology import Topology
from runners.system.noise import Finding, findings
from runners.words.parser import Parser

DOES = """\
What makes timings on this machine noisy, each with the command that would change it. Nothing is
changed by this program itself."""
WIDTH = 80
TUNE = """\
python -m pyperf system tune (of the package pyperf, as root) does much of this
at once, and python -m pyperf system reset takes it back. Speedup Lab measures
both sides in the same minutes: noise widens intervals more than it shifts them.
Nothing was changed by this command."""
SIGNS = {True: "noisy", False: "quiet", None: "?"}


def parser() -> argparse.ArgumentParser:
    made = Parser(prog="python -m runners.system", description=DOES)
    made.add_argument("--json", action="store_true", help="the same for programs")
    return made


def run(arguments: Sequence[str]) -> int:
    """The command; its exit status is 0 whatever it finds."""
    options = parser().parse_args(arguments)
    cpus = usable_cpus()
    machine = topology()
    others = others_share(cpus, LOOK_S) if read_cpus() is not None else None
    found = findings(machine, others)
    if options.json:
        told = {"topology": machine.facts(), "findings": [asdict(one) for one in found]}
        print(json.dumps(told, indent=1))
    else:
        print("\n".join(lines(found, machine, cpus)))
    return 0


def lines(found: Sequence[Finding], machine: Topology, cpus: float) -> Iterator[str]:
    """The text: no line is wider than 80 columns, but for a command that is."""
    cores = machine.physical_cores
    told = [f"{cpu_model() or 'unknown processor'}: {cpus:g} usable CPUs"]
    told += [f"{cores} physical cores"] if cores is not None else []
    nodes = machine.nodes or {}
    told += [f"{len(nodes)} NUMA nodes"] if len(nodes) > 1 else []
    yield from textwrap.wrap(", ".join(told), WIDTH)
    yield from (line for text in machine.not_told for line in textwrap.wrap(text, WIDTH))
    yield ""
    for one in found:
        head = f"{SIGNS[one.noisy]:<7}{one.what:<17}"
        yield from textwrap.wrap(
            one.words, WIDTH, initial_indent=head, subsequent_indent=" " * len(head)
        )
        if one.command:
            yield f"       {one.command}"
        if one.besides:
            yield from textwrap.wrap(f"       {one.besides}", WIDTH, subsequent_indent=" " * 7)
    yield ""
    yield from TUNE.splitlines()
