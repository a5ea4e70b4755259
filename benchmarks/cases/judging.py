"""Whether what the program printed of a cell is what has to be said of it, and nothing untrue."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from benchmarks.cases.case import ROOT, Case, Says, Where, note

PHRASES = {
    # Causes of losses.
    "transport": r"carr(y|ies) |brings? back|results? of [\d.]+ [kMG]?B",
    "short_work": r"start\w*( and joining)? workers|give (it|them) more work",
    "short_tasks": r"put [\d,]+ calls into one|too short|hardly wait",
    "few_tasks": r"\d+ tasks? for \d+ workers|do not go evenly|more and smaller tasks",
    "large_task": r"one task is \d+%",
    "dealt_beforehand": r"executor\.chunksize=1\b|one by one|fetch",
    "long_last": r"longest( tasks)? first",
    "gil": r"hold the GIL|one thread computes at a time",
    "lock": r"hold\w* (what they share|(a|the) lock)|or a lock",
    "shared_wait": r"what they wait for is shared",
    "blocked_loop": r"block\w* (the|its|their) event loop",
    "native_threads": r"threads? of (its|their) own",
    "own_processes": r"processes of (its|their) own",
    "oversubscribed": r"workers share [\d.]+ CPU",
    "other_load": r"other (load|programs)",
    "machine": r"loops that share nothing",
    "cold_code": r"cold code|code is cold",
    "not_determined": r"not determined",
    # Flags.
    "first_calls": r"first calls|later calls|cached|measure\.fresh",
    "equal_draws": r"equal draws",
    "computing_coroutines": r"between (its|their) awaits",
    "loop_threads": r"run_in_executor|in threads",
    "shared_connection": r"connection",
    "by_name": r"by (its )?name",
    "above_bound": r"above (what|its bound|the bound)",
    "short_runs": r"shorter than 1 ms",
    "timer_cost": r"timer cost",
}
"""Plain words by which each cause and flag is known, however the sentence around them reads."""

TITLES: Mapping[Where, str] = {
    "startup": "start-up",
    "dispatch": "dispatch",
    "balance": "imbalance",
    "blocking": "off-CPU",
    "contention": "oversubscription",
    "computation": "inflation",
}
"""What a loss is called in the output."""

LABELS = (
    *("median", "95% interval", "speedup", "scaled speedup", "machine", "cold, warm"),
    *("efficiency", "results", "workers", "lost", "note", "saved"),
)
"""The lines of a cell's table begin with one of them; others go on with the line before."""


def lines(output: str) -> list[str]:
    """The lines of the output, put together where they were broken."""
    whole: list[str] = []
    for line in output.splitlines():
        begins = any(line.startswith(f"{label} ") for label in LABELS)
        if whole and not begins and whole[-1].startswith(("lost ", "note ")):
            whole[-1] += f" {line.strip()}"
        else:
            whole.append(line)
    return whole


NOISE = (
    "fewer than",
    "outliers",
    "most of the time",
    "trend",
    "processes disagree",
    "methods disagree",
)
"""Notes on how the measurement went, which say nothing of the case."""


def remarks(output: str) -> list[str]:
    """Its losses and notes, in short: what is in the table of the cases."""
    found = [" ".join(line.split()) for line in lines(output) if _is_where("any", line)]
    return [
        line.removeprefix("lost ")
        for line in found
        if not re.match(f"note ({'|'.join(NOISE)})", line)
    ]


def is_said(says: Says, output: str) -> bool:
    if says.where == "text":
        whole = " ".join(output.split())  # errors are broken into lines anywhere
        return any(re.search(says.what, line) for line in (*lines(output), whole))
    pattern = "|".join(PHRASES[code] for code in says.what.split("|"))
    return any(re.search(pattern, line) for line in lines(output) if _is_where(says.where, line))


def _is_where(where: Where, line: str) -> bool:
    match where:
        case "loss":
            return line.startswith("lost ")
        case "note":
            return line.startswith("note ")
        case "any":
            return line.startswith(("lost ", "note "))
        case _:
            return line.startswith("lost ") and TITLES[where] in line.partition(":")[0]


def lacking(case: Case, output: str) -> list[Says]:
    """What has to be said and is not."""
    return [says for says in case.has_to_say if not is_said(says, output)]


def untrue(case: Case, output: str) -> Iterator[str]:
    """What is said and must not be."""
    for says in case.must_never_say:
        codes = [says.what] if says.where == "text" else says.what.split("|")
        for code in codes:
            if is_said(one := Says(says.where, code), output) and not _is_so(code, output):
                yield f"says {one}"
    yield from _impossible(case, output)


def is_busy(output: str) -> bool:
    """Whether other programs were running."""
    return "busy machine" in output


def is_hidden(case: Case, output: str) -> bool:
    """Whether the cause of a loss is not named because other programs hide it."""
    causes = [says for says in lacking(case, output) if says.where not in ("note", "text")]
    return bool(causes) and is_busy(output) and not case.busy


def _is_so(code: str, output: str) -> bool:
    """Whether it is true all the same: other load is, while other programs are running."""
    return code == "other_load" and is_busy(output)


def _impossible(case: Case, output: str) -> Iterator[str]:
    """What is untrue of any cell."""
    for key, value in re.findall(r"\b((?:executor|measure)\.\w+)(?:=(\w+))?", output):
        known = settings(case, key.partition(".")[0])
        if key not in known:
            yield f"names {key}, which there is not"
        elif value and value == known[key]:
            yield f"advises {key}={value}, which is set"
    advised = [line for line in lines(output) if _is_where("any", line)]
    if any(re.search(rf"\bexecutor={case.executor}\b", line) for line in advised):
        yield f"advises executor={case.executor}, which it is"
    # On a busy machine a loop of the same length would have stood ready without a CPU, too.
    heads = [line.partition(":")[0] for line in lines(output) if _is_where("loss", line)]
    losses = [int(share) for share in re.findall(r"(\d+)% (?!oversub)", " ".join(heads))]
    efficiency = re.search(r"^efficiency +(\d+)%", output, re.MULTILINE)
    if efficiency and int(efficiency[1]) >= 90 and max(losses, default=0) >= 30:
        yield f"an efficiency of {efficiency[1]}% beside a loss of {max(losses)}%"
    reached = re.search(r"(\d+)% of (?:the attainable|what the machine)", output)
    explained = is_said(note("above_bound|loop_threads"), output) or is_busy(output)
    if reached and int(reached[1]) > 130 and not explained:
        yield f"{reached[1]}% of what can be attained, without a note"


def settings(case: Case, group: str) -> dict[str, str]:
    """The keys of the case's executor, or of measuring, with their values as text."""
    options = {"executor": [case.executor], "measure": ["standard", "quick"]}[group]
    values: dict[str, Any] = {}
    for option in options:
        values |= yaml.safe_load((ROOT / f"conf/{group}/{option}.yaml").read_text())
    found = {f"{group}.{name}": str(value).lower() for name, value in values.items()}
    for override in case.overrides:
        key, _, value = override.partition("=")
        if key in found:
            found[key] = value
    return found
