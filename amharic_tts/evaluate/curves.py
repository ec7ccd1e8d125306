"""Line charts as inline SVG: crisp at any size, no network, no script; colours come from the page's style sheet."""

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 560, 250  # units of the SVG's own coordinates; the page scales them
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 10, 40  # margins for axis labels
MOST_POINTS = 400  # of one line: more would be finer than a pixel

Point = tuple[float, float | None]


@dataclass(frozen=True)
class Series:
    """One curve: (step, value) points in order of step. `colour` is 1… of the style sheet, `noisy` adds a smoothed line,
    `dots` marks each point. A value of None is a gap."""

    name: str
    points: Sequence[Point]
    colour: int = 1
    noisy: bool = False
    dots: bool = False


def smooth(points: Sequence[Point]) -> list[Point]:
    """Mean over neighbours on both sides, as far on one side as on the other, so that the curve does not lag behind.

    The window is a fiftieth of the points to each side and narrows towards both ends; gaps stay gaps.
    """
    reach, out = max(1, len(points) // 50), []
    for i, (x, y) in enumerate(points):
        near = min(reach, i, len(points) - 1 - i)
        known = [value for _, value in points[i - near : i + near + 1] if value is not None]
        out.append((x, None if y is None else sum(known) / len(known)))
    return out


def thin(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """At most `most` points: neighbours are averaged; the first and the last point stay as they are."""
    if len(points) <= most or most < 3:
        return list(points)
    inner, groups = points[1:-1], most - 2
    out = [points[0]]
    for i in range(groups):
        group = inner[i * len(inner) // groups : (i + 1) * len(inner) // groups]
        known = [y for _, y in group if y is not None]
        out.append((group[len(group) // 2][0], sum(known) / len(known) if known else None))
    return [*out, points[-1]]


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round values (1, 2 or 5 times a power of ten apart) from the last at or below `low` to the first at or above `high`."""
    if not high > low:
        spread = abs(low) * 0.1 or 1.0
        low, high = low - spread, high + spread
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def decades(low: float, high: float) -> list[float]:
    """Powers of ten around positive `low`…`high`, with 2 and 5 between them where that leaves few enough."""
    exponents = range(math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9) + 1)
    if len(exponents) > 4:
        return [10.0**e for e in exponents]
    values = [factor * 10.0**e for e in exponents for factor in (1, 2, 5)]
    below = max((v for v in values if v <= low * (1 + 1e-9)), default=values[0])
    above = min((v for v in values if v >= high * (1 - 1e-9)), default=values[-1])
    return [v for v in values if below <= v <= above]


def short(value: float) -> str:
    """A figure for an axis: 0.0003, 1.5, 12,000."""
    if value and (abs(value) < 1e-3 or abs(value) >= 1e6):
        return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:,.6g}" if abs(value) < 1000 else f"{value:,.0f}"


def scientific(value: float) -> str:
    """A figure such as a learning rate: 0, 5e-4, 1.5e-3."""
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def percent(value: float) -> str:
    """A share for an axis."""
    return f"{value * 100:.3g} %"


def chart(
    title: str,
    series: Sequence[Series],
    form: Callable[[float], str] = short,
    from_zero: bool = False,
    logarithmic: bool = False,
) -> str:
    """One chart as `<figure>` markup: title, legend with each curve's last value, and the SVG. Every text is escaped.

    Returns "" when no series has a value. `from_zero` starts the axis at 0; `logarithmic` needs positive values (others
    are gaps) and gives way to a linear axis where all values are within a factor of 20.
    """
    usable = [(one, [(x, y) for x, y in one.points if _drawable(y, logarithmic)]) for one in series]
    usable = [(one, known) for one, known in usable if known]
    if not usable:
        return ""
    values = [y for _, known in usable for _, y in known]
    low, high = min(values), max(values)
    logarithmic = logarithmic and high > 20 * low
    marks = decades(low, high) if logarithmic else ticks(0.0 if from_zero else low, high)
    steps = [x for _, known in usable for x, _ in known]
    first, last = min(steps), max(steps)
    first = 0 if 0 < first <= 0.05 * last else first
    x_marks = [mark for mark in ticks(first, last, 6) if first <= mark <= last] or [first]
    across = _scale(first, last, LEFT, WIDTH - RIGHT)
    scale = math.log10 if logarithmic else float
    up = _scale(scale(marks[0]), scale(marks[-1]), HEIGHT - BOTTOM, TOP)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}">']
    for mark in marks:
        y = up(scale(mark))
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="y" x="{LEFT - 8}" y="{y + 4:.1f}">{html.escape(form(mark))}</text>')
    base = HEIGHT - BOTTOM
    for mark in x_marks:
        parts.append(
            f'<line class="tick" x1="{across(mark):.1f}" x2="{across(mark):.1f}" y1="{base}" y2="{base + 4}"/>'
        )
        parts.append(f'<text class="x" x="{across(mark):.1f}" y="{base + 18}">{html.escape(short(mark))}</text>')
    parts.append(f'<text class="x" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 4}">optimizer step</text>')
    for one, known in usable:
        shown = [(x, y if _drawable(y, logarithmic) else None) for x, y in one.points]
        if one.noisy:
            parts += _lines(thin(shown), f"series s{one.colour} faint", across, lambda y: up(scale(y)))
            shown = smooth(shown)
        parts += _lines(thin(shown), f"series s{one.colour}", across, lambda y: up(scale(y)))
        if one.dots or len(known) == 1:  # a line of one point cannot be seen
            parts += [
                f'<circle class="s{one.colour}" cx="{across(x):.1f}" cy="{up(scale(y)):.1f}" r="3">'
                f"<title>{html.escape(f'{one.name}, step {short(x)}: {form(y)}')}</title></circle>"
                for x, y in thin(shown)
                if y is not None
            ]
    parts.append("</svg>")
    legend = "".join(
        f'<li><span class="key s{one.colour}"></span>{html.escape(one.name)} '
        f"<b>{html.escape(form(float(f'{known[-1][1]:.3g}')))}</b></li>"
        for one, known in usable
    )
    return f'<figure class="chart"><figcaption>{html.escape(title)}</figcaption><ul class="legend">{legend}</ul>{"".join(parts)}</figure>'


def _drawable(y: float | None, logarithmic: bool) -> bool:
    return y is not None and math.isfinite(y) and (y > 0 or not logarithmic)


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """Linear map of low…high to start…end; a single value goes to the middle."""
    if high == low:
        return lambda value: (start + end) / 2
    return lambda value: start + (value - low) / (high - low) * (end - start)


def _lines(points: Sequence[Point], style: str, across: Callable, up: Callable) -> list[str]:
    """Polylines of the stretches between gaps."""
    out, stretch = [], []
    for x, y in [*points, (0.0, None)]:
        if y is not None:
            stretch.append(f"{across(x):.1f},{up(y):.1f}")
        elif stretch:
            out.append(f'<polyline class="{style}" points="{" ".join(stretch)}"/>')
            stretch = []
    return out
