"""A small drawing beside a judgement: what is claimed, and where the interval lies."""

import math

from markupsafe import Markup

from runners.analysis.interval import Interval

WIDTH = 200


def drawn(interval: Interval | None, line: tuple[float, float] | None) -> Markup:
    """What is claimed as an area, the interval on a line from 0; "" where there is no number."""
    if interval is None or line is None or not math.isfinite(interval.estimate):
        return Markup("")
    low, high = (
        end if math.isfinite(end) else interval.estimate for end in (interval.low, interval.high)
    )
    most = 1.15 * max(interval.estimate, high, *(end for end in line if math.isfinite(end)))
    if not most > 0:
        return Markup("")

    def x(value: float) -> str:
        return f"{WIDTH * min(max(value, 0.0), most) / most:.4g}"

    begin, end = float(x(line[0])), float(x(line[1]))
    ends = "".join(f"M{x(one)} 0V16" for one in line if math.isfinite(one) and one > 0)
    return Markup(
        f'<svg class="line" viewBox="-2 0 {WIDTH + 4} 16" aria-hidden="true">'
        f'<path class="claimed" d="M{begin:.4g} 2H{max(end, begin + 2):.4g}V14H{begin:.4g}z"/>'
        f'<path class="axis" d="M0 8H{WIDTH}"/><path class="end" d="{ends}"/>'
        f'<path class="interval" d="M{x(low)} 8H{x(high)}"/>'
        f'<path class="at" d="M{x(interval.estimate)} 3v10"/></svg>'
    )
