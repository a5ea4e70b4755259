"""Numbers for readers: three digits, an interval to the same decimals, times with a unit."""

import math
import re

UNITS = (("s", 1.0), ("ms", 1e3), ("µs", 1e6))
"""Units of time, and how many of each are a second."""


def bracketed(
    estimate: float, low: float = math.nan, high: float = math.nan, unit: str = ""
) -> str:
    """As in "1.80× [1.75, 1.85]"; bounds that are not finite are left out."""
    if not math.isfinite(estimate):
        return ""
    decimals = max(0, 2 - math.floor(math.log10(abs(estimate)))) if estimate else 2
    text = f"{estimate:.{decimals}f}{unit}"
    if math.isfinite(low) and math.isfinite(high):
        text += f" [{low:.{decimals}f}, {high:.{decimals}f}]"
    return text


def counted(count: int, noun: str) -> str:
    """As in "two loops", "1 loop", "16 loops": words up to ten."""
    words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    number = words[count] if count < len(words) else str(count)
    return f"{number} {noun}{'' if count == 1 else 's'}"


def time_unit(seconds: float) -> tuple[str, float]:
    """The unit that fits so many seconds, and how many of it are one second."""
    return next((unit for unit in UNITS if seconds * unit[1] >= 1), UNITS[-1])


def duration(estimate: float, low: float = math.nan, high: float = math.nan) -> str:
    """Seconds in the unit that fits the estimate, as in "213 µs [198, 230]"."""
    unit, scale = time_unit(estimate)
    return bracketed(estimate * scale, low * scale, high * scale, f" {unit}")


def in_order(name: str) -> str:
    """A key that sorts the numbers in a name by their size, as in count=300, count=3000."""
    return re.sub(r"\d+", lambda digits: digits[0].zfill(15), name)
