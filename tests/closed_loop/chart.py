"""Charts of currents over time as SVG: panels one below the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor
from typing import Final

WIDTH: Final = 960
PANEL: Final = 240
LEFT: Final = 64
RIGHT: Final = 230
TOP: Final = 78
GAP: Final = 52
LABEL: Final = 19
"""Pixels; the least distance between two labels at the right."""
INK: Final = "#24292f"
FAINT: Final = "#d8dee4"
GREY: Final = "#6e7781"
BLUE: Final = "#0969da"
ORANGE: Final = "#bc4c00"
GREEN: Final = "#1a7f37"
PURPLE: Final = "#8250df"
FONTS: Final = "-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif"
STEPS: Final = (1, 2, 5, 10, 20, 25, 50, 100, 200)


@dataclass(frozen=True)
class Line:
    """One quantity in A over the seconds of `Chart.times`, with its label."""

    label: str
    color: str
    values: Sequence[float]
    dashed: bool = False


@dataclass(frozen=True)
class Span:
    """A time (s) in which a condition holds, shaded, with its label."""

    begin: float
    end: float
    label: str


@dataclass(frozen=True)
class Panel:
    """Lines that share an axis."""

    title: str
    lines: Sequence[Line]


@dataclass(frozen=True)
class Chart:
    """Panels that share the time."""

    title: str
    subtitle: str
    times: Sequence[float]
    panels: Sequence[Panel]
    spans: Sequence[Span] = ()


@dataclass(frozen=True)
class _Frame:
    """Where a panel is: pixels by seconds and amperes."""

    top: float
    seconds: float
    low: float
    high: float

    @property
    def bottom(self) -> float:
        return self.top + PANEL

    def x(self, at: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * at / self.seconds

    def y(self, amps: float) -> float:
        return self.bottom - PANEL * (amps - self.low) / (self.high - self.low)


def draw(chart: Chart) -> str:
    """Return the chart as a document."""
    height = TOP + len(chart.panels) * (PANEL + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"',
        f'width="{WIDTH}" height="{height}" font-family="{FONTS}">',
        f"<title>{escape(chart.title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#ffffff"/>',
        _text(20, 30, chart.title, size=18, weight=600),
        _text(20, 52, chart.subtitle, size=13, color=GREY),
    ]
    for k, panel in enumerate(chart.panels):
        parts += _panel(chart, panel, TOP + 22 + k * (PANEL + GAP))
    return "\n".join([*parts, "</svg>", ""])


def _panel(chart: Chart, panel: Panel, top: float) -> Iterator[str]:
    values = [value for line in panel.lines for value in line.values]
    step = _step(max(values) - min(0.0, *values), 5)
    low = step * floor(min(*values, 0.0) / step)
    high = step * ceil(max(values) / step)
    frame = _Frame(top, chart.times[-1], low, high)
    for span in chart.spans:
        yield from _span(frame, span)
    yield _text(LEFT, top - 8, panel.title, size=13, weight=600)
    yield from _axes(frame, step)
    for line in panel.lines:
        yield _path(frame, chart.times, line)
    yield from _labels(frame, panel.lines)


def _axes(frame: _Frame, step: float) -> Iterator[str]:
    amps = frame.low
    while amps <= frame.high:
        y = frame.y(amps)
        color = GREY if amps == 0 else FAINT
        yield _stroke(LEFT, y, frame.x(frame.seconds), y, color)
        yield _text(LEFT - 8, y + 4, f"{amps:g} A", color=GREY, anchor="end")
        amps += step
    minutes = _step(frame.seconds / 60, 8)
    for k in range(int(frame.seconds / 60 / minutes) + 1):
        x = frame.x(60 * minutes * k)
        yield _stroke(x, frame.bottom, x, frame.bottom + 5, GREY)
        label = f"{minutes * k:g} min"
        yield _text(x, frame.bottom + 20, label, color=GREY, anchor="middle")


def _span(frame: _Frame, span: Span) -> Iterator[str]:
    x, width = frame.x(span.begin), frame.x(span.end) - frame.x(span.begin)
    yield (
        f'<rect x="{x:.1f}" y="{frame.top}" width="{width:.1f}" height="{PANEL}" '
        'fill="#fff1c2"/>'
    )
    yield _text(x + 6, frame.top + 16, span.label, color="#7d4e00")


def _path(frame: _Frame, times: Sequence[float], line: Line) -> str:
    points = " ".join(
        f"{frame.x(at):.1f},{frame.y(value):.1f}"
        for at, value in zip(times, line.values, strict=True)
    )
    dash = ' stroke-dasharray="6 4"' if line.dashed else ""
    return (
        f'<polyline points="{points}" fill="none" stroke="{line.color}" '
        f'stroke-width="{1.6 if line.dashed else 2.2}" stroke-linejoin="round"{dash}/>'
    )


def _labels(frame: _Frame, lines: Sequence[Line]) -> Iterator[str]:
    """Write each line's name at its end, without overlaps."""
    places = sorted((frame.y(line.values[-1]), k) for k, line in enumerate(lines))
    y = frame.top - LABEL
    x = frame.x(frame.seconds)
    lowest = frame.bottom - LABEL * (len(places) - 1)
    for place, k in places:
        y = max(min(place, lowest) + 4, y + LABEL)
        lowest += LABEL
        line = lines[k]
        end = frame.y(line.values[-1])
        yield _stroke(x + 3, end, x + 12, y - 4, line.color)
        yield _text(x + 16, y, line.label, color=line.color)


def _step(extent: float, count: int) -> float:
    """Return the round step that divides an axis into no more than `count`."""
    return next((step for step in STEPS if extent / step <= count), STEPS[-1])


def _stroke(x1: float, y1: float, x2: float, y2: float, color: str) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{color}"/>'
    )


def _text(
    x: float,
    y: float,
    text: str,
    *,
    color: str = INK,
    size: int = 12,
    weight: int = 400,
    anchor: str = "start",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" '
        f'text-anchor="{anchor}" fill="{color}">{escape(text)}</text>'
    )
