"""A compiled pattern on tiny strings, a line a call."""

import re

DATE = re.compile(r"\d{4}-\d\d-\d\d")


def is_date(line: str) -> bool:
    return DATE.match(line) is not None


def calls() -> list[tuple[str]]:
    return [(f"2024-{k % 12 + 1:02}-{k % 28 + 1:02} row",) for k in range(20_000)]


def are_dates(lines: list[str]) -> list[bool]:
    """A thousand lines a call."""
    return [is_date(line) for line in lines]


def blocks() -> list[tuple[list[str]]]:
    lines = [line for (line,) in calls()]
    return [(lines[k : k + 1000],) for k in range(0, len(lines), 1000)]
