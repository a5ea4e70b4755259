"""The flags of a cell in words: what each says, and what to do about it."""

import re
from collections.abc import Iterable
from functools import cache

from runners.model import Flag, FlagCode

WORDS: dict[FlagCode, tuple[str, str]] = {
    "few_rounds": (
        "fewer than {} rounds",
        "the intervals are wide: raise measure.time_budget_s or shrink the tasks",
    ),
    "outliers": (
        "outliers in {}",
        "something else ran now and then; nothing was left out, medians hardly move",
    ),
    "trend": (
        "trend over rounds",
        "the machine grew slower or faster: rest it, or measure longer",
    ),
    "processes_disagree": (
        "processes disagree",
        "raise measure.interpreters: each fresh interpreter has its own speed",
    ),
    "methods_disagree": (
        "methods disagree",
        "few or very uneven rounds: look at the single rounds in the figure",
    ),
    "steal": (
        "steal {}",
        "other guests of this host took CPU time: repeat at a quieter time",
    ),
    "throttled": (
        "throttled {}",
        "the control group's CPU quota was used up: fewer workers, or a larger quota",
    ),
    "oversubscribed": (
        "more workers than usable CPUs ({})",
        "they take turns: n up to the usable CPUs is enough",
    ),
    "blas_threads": (
        "BLAS threads x workers > CPUs ({})",
        "each worker has its own: cap them (workload.blas_threads), or fewer workers",
    ),
    "timer_cost": (
        "timer cost {}",
        "tasks are so short that timing them costs: put more work into each",
    ),
    "short_runs": (
        "runs shorter than 1 ms",
        "the executor's own cost is all that is seen: give it more work",
    ),
    "not_steady": (
        "no steady state",
        "times still fell when warm-up ended: raise measure.warmup or the budget",
    ),
}
"""Of each code: what the flag says, with {} for its detail, and what to do about it."""

_SEPARATOR = "; "


def told(flag: Flag) -> str:
    """What the flag says, as in "outliers in measured (2)"."""
    return WORDS[flag.code][0].format(flag.detail)


def remedy(flag: Flag) -> str:
    """What to do about it."""
    return WORDS[flag.code][1]


def as_text(flags: Iterable[Flag]) -> str:
    """All flags of a cell as one text, for a file."""
    return _SEPARATOR.join(map(told, flags))


def from_text(text: str) -> tuple[Flag, ...]:
    """The flags that `as_text` wrote. Raises ValueError where one is not known here."""
    return tuple(map(_recognised, text.split(_SEPARATOR))) if text else ()


def _recognised(text: str) -> Flag:
    for code, pattern in _patterns().items():
        if found := pattern.fullmatch(text):
            return Flag(code, found["detail"] if "detail" in pattern.groupindex else "")
    raise ValueError(f"{text!r} is no flag that this version knows")


@cache
def _patterns() -> dict[FlagCode, "re.Pattern[str]"]:
    detail = re.escape("{}"), "(?P<detail>.+)"
    return {code: re.compile(re.escape(says).replace(*detail)) for code, (says, _) in WORDS.items()}
