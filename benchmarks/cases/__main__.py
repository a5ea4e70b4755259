"""`python -m benchmarks.cases [NAME...] [OVERRIDE...]`: what is said of cases whose truth is known.

Each case is measured by the program itself, with `measure=quick` unless an override says else, and
its truth with nothing but the standard library (`benchmarks.cases.truth`). The table says what is
true, what was said and has to be said, whether the remedy helps (the ratio of the times before and
after, side by side in one process) and what is wrong. Where the truth is not to be seen, on a
busy machine or on another kind of machine, a case is not judged. The exit status is 1 if anything
that was said is wrong.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from benchmarks.cases.case import FOLDER, ROOT, Case
from benchmarks.cases.judging import is_hidden, lacking, remarks, untrue
from benchmarks.cases.listed import CASES

LIMIT_S = 300
NO_HELP = 0.95
"""A remedy that makes things slower, by more than chance, is none here."""


def why_not(case: Case, named: bool) -> str | None:
    """Why a case is left out."""
    missing = [name for name in case.packages if importlib.util.find_spec(name) is None]
    if missing:
        return f"{', '.join(missing)} missing (the extra `cases`)"
    if case.fault and not named:
        return f"a fault, tried by name only: {case.fault}"
    return None


@contextmanager
def server() -> Iterator[str]:
    """The address of a server that takes 50 ms to answer."""
    with subprocess.Popen(
        [sys.executable, FOLDER / "server.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


@contextmanager
def neighbours(count: int) -> Iterator[None]:
    """So many other programs that compute all the time."""
    program = [sys.executable, "-S", "-c", "while True: pass"]
    busy = [subprocess.Popen(program) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def said(case: Case, url: str, overrides: Sequence[str]) -> str:
    """What the program prints of that cell."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "runners", "measure=quick"),
                *(argument.replace("{url}", url) for argument in case.arguments),
                *(f"hydra.run.dir={folder}/out", f"hydra.sweep.dir={folder}/out", *overrides),
            ],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
        )
    return done.stdout


def truth(case: Case, url: str) -> dict[str, float]:
    """The figures of that case, and the ratios that it asks for."""
    figures: dict[str, float] = {}
    if case.ways or case.asks:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "benchmarks.cases.truth", case.name, url],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=LIMIT_S,
        )
        figures = json.loads(done.stdout.splitlines()[-1])
    asked = [*case.known, *([case.remedy.figure] if case.remedy else [])]
    for name in asked:
        one, slash, other = name.partition("/")
        if slash:
            figures[name] = figures[one] / figures[other]
    return figures


def row(case: Case, overrides: Sequence[str]) -> tuple[list[str], bool]:
    """The case's row of the table, and whether something that was said is wrong."""
    with ExitStack() as around:
        url = around.enter_context(server()) if case.server else ""
        figures = truth(case, url)
        around.enter_context(neighbours(case.busy))
        output = said(case, url, overrides)
    unseen = [
        f"{name} is {figures[name]:.3g}"
        for name, (low, high) in case.known.items()
        if not low <= figures[name] <= high
    ]
    wrong = list(untrue(case, output))
    missing = [f"does not say {says}" for says in lacking(case, output)]
    if is_hidden(case, output):
        unseen += [f"{each} beside other programs" for each in missing]
    else:
        wrong += missing
    ratio = ""
    if case.remedy:
        ratio = case.remedy.words
        if case.remedy.figure:
            helps = figures[case.remedy.figure]
            ratio += f": {helps:.2f}×"
            if helps < NO_HELP and not unseen:
                unseen.append("the remedy does not help")
    verdict = "right"
    if wrong:
        verdict = f"WRONG: {'; '.join(wrong)}"
    if unseen:
        verdict = f"not to be judged here: {'; '.join(unseen)}" + (f" ({verdict})" if wrong else "")
    numbers = ", ".join(f"{name} {figures[name]:.3g}" for name in case.known)
    return [
        case.name,
        f"{case.true}" + (f" ({numbers})" if numbers else ""),
        "<br>".join(remarks(output)) or "; ".join(_ending(output)),
        "<br>".join(map(str, case.has_to_say)) or "nothing untrue",
        ratio,
        verdict,
    ], bool(wrong) and not unseen


def _ending(output: str) -> list[str]:
    """What is shown of an output without losses and notes: its speedup, or its error."""
    told = [line for line in output.splitlines() if line and not line.startswith("saved ")]
    if speedup := [line for line in told if line.startswith("speedup ")]:
        return [" ".join(line.split()) for line in speedup]
    ends = [at for at, line in enumerate(told) if line.endswith(" run:")]
    return [textwrap.shorten(" ".join(told[ends[0] + 1 :] if ends else told[-2:]), 400)]


def main(arguments: Sequence[str]) -> int:
    overrides = [word for word in arguments if "=" in word]
    names = [word for word in arguments if "=" not in word]
    if unknown := set(names) - {case.name for case in CASES}:
        print(f"no such case: {', '.join(sorted(unknown))}; there are")
        print(textwrap.fill(", ".join(case.name for case in CASES), 100))
        return 2
    wrong = 0
    print("| case | true | said | has to say | remedy helps | verdict |")
    print("|---|---|---|---|---|---|", flush=True)
    for case in CASES:
        if names and case.name not in names:
            continue
        if reason := why_not(case, case.name in names):
            cells = [case.name, case.true, "", "", "", f"skipped: {reason}"]
        else:
            cells, is_wrong = row(case, overrides)
            wrong += is_wrong
        print(f"| {' | '.join(cell.replace('|', ' or ') for cell in cells)} |", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
