"""Charts as SVG, drawn by matplotlib in one style: the same drawing in pages and in PDF, readable without colour.

In a page the colours are those of its theme. Every chart is shown with the table of its numbers.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

WIDTH_IN, HEIGHT_IN = 6.4, 2.5
# Stand-ins while matplotlib draws; replaced by the colours of the page or of paper.
_INK, _MAIN, _OTHER, _LIMIT = "#010203", "#040506", "#070809", "#0a0b0c"
PAGE = {_INK: "currentColor", _MAIN: "var(--chart)", _OTHER: "var(--chart-other)", _LIMIT: "var(--bad)"}
PAPER = {_INK: "#15202e", _MAIN: "#14508f", _OTHER: "#8a5a00", _LIMIT: "#a11a1a"}
_STYLE: dict[Any, Any] = {
    "font.size": 8.5,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "text.color": _INK,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": _INK,
    "grid.alpha": 0.18,
    "grid.linewidth": 0.6,
    "svg.fonttype": "path",
    "svg.hashsalt": "lfr",
}
# A line or bar differs from another by its form too.
_MARKS = (("o", "-"), ("s", "--"), ("^", ":"))
_HATCHES = ("", "////")
# The style is one for the whole process while something is drawn.
_drawing = threading.Lock()


@dataclass(frozen=True)
class Series:
    """Values, one for each place on the axis; None where there is none. low, high: the ends of their intervals."""

    name: str
    values: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()


@dataclass(frozen=True)
class Chart:
    """A chart with its table. kind: bars beside each other, lines, or ranges across the page, one a row.

    unit: of the values. limit: a line that should not be crossed, with its name. head, rows: the table.
    """

    key: str
    title: str
    sentence: str
    kind: str
    labels: Sequence[str]
    series: Sequence[Series]
    unit: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    limit: tuple[float, str] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(value is not None for each in self.series for value in each.values)


def svg(chart: Chart, colours: dict[str, str]) -> str:
    """Return a chart as SVG without styles and scripts, which pages' policy would refuse. colours: PAGE or PAPER."""
    # Imported only where something is drawn: it takes most of a second and some memory in every process.
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with _drawing, rc_context(_STYLE):
        height = max(HEIGHT_IN, 0.34 * len(chart.labels) + 0.7) if chart.kind == "range" else HEIGHT_IN
        figure = Figure(figsize=(WIDTH_IN, height), layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        _DRAW[chart.kind](axes, chart)
        stream = io.StringIO()
        canvas: Any = FigureCanvasSVG(figure)
        canvas.print_svg(stream, metadata={"Date": None, "Creator": None})
    return _plain(stream.getvalue(), chart, colours)


def _bars(axes: Any, chart: Chart) -> None:
    count = len(chart.series)
    width = 0.7 / count
    for number, each in enumerate(chart.series):
        places = [place + (number - (count - 1) / 2) * width for place in range(len(chart.labels))]
        heights = [value or 0 for value in each.values]
        colour = (_MAIN, _OTHER)[number % 2]
        axes.bar(
            places, heights, width, label=each.name, color=colour, edgecolor=_INK, linewidth=0.5, hatch=_HATCHES[number]
        )
    _finish(axes, chart)


def _lines(axes: Any, chart: Chart) -> None:
    places = range(len(chart.labels))
    for number, each in enumerate(chart.series):
        marker, style = _MARKS[number % len(_MARKS)]
        colour = (_MAIN, _OTHER, _INK)[number % 3]
        values = [float("nan") if value is None else value for value in each.values]
        axes.plot(places, values, marker=marker, linestyle=style, color=colour, label=each.name, markersize=4)
        if each.low:
            ends = [
                [float("nan") if end is None else end for end in (low, high)]
                for low, high in zip(each.low, each.high, strict=True)
            ]
            axes.vlines(places, [low for low, _ in ends], [high for _, high in ends], color=colour, linewidth=1)
    _finish(axes, chart)


def _ranges(axes: Any, chart: Chart) -> None:
    (only,) = chart.series
    for place, (value, low, high) in enumerate(zip(only.values, only.low, only.high, strict=True)):
        if value is None or low is None or high is None:
            continue
        axes.hlines(place, low, high, color=_MAIN, linewidth=1.4)
        axes.plot([value], [place], marker="o", color=_MAIN, markersize=5)
    axes.set_xscale("log")
    axes.axvline(1, color=_INK, linewidth=0.8)
    axes.set_yticks(range(len(chart.labels)), list(chart.labels))
    axes.invert_yaxis()
    axes.grid(visible=True, axis="x")
    axes.set_xlabel(chart.unit)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")


def _finish(axes: Any, chart: Chart) -> None:
    every = max(len(chart.labels) // 13 + 1, 1)
    axes.set_xticks(range(0, len(chart.labels), every), _once(list(chart.labels)[::every]))
    axes.set_ylabel(chart.unit)
    axes.set_axisbelow(True)
    axes.set_ylim(bottom=0)
    if chart.unit == "percent" and axes.get_ylim()[1] > 95:
        axes.set_ylim(top=104)
    if all(isinstance(value, int | None) for each in chart.series for value in each.values):
        axes.yaxis.get_major_locator().set_params(integer=True)
    if chart.limit is not None:
        value, name = chart.limit
        # The limit is always in the picture, however far away.
        axes.set_ylim(top=max(axes.get_ylim()[1], value * 1.2))
        axes.axhline(value, color=_LIMIT, linewidth=1.2, linestyle=(0, (5, 2)))
        axes.annotate(name, (1, value), xycoords=("axes fraction", "data"), ha="right", va="bottom", color=_LIMIT)
    if len(chart.series) > 1:
        axes.legend(loc="upper left", frameon=False, ncols=len(chart.series), bbox_to_anchor=(0, 1.16))


def _once(labels: Sequence[str]) -> list[str]:
    """Return labels of two lines with the second one only where it changes."""
    found, before = [], ""
    for label in labels:
        first, _, second = label.partition("\n")
        found.append(label if second != before else first)
        before = second
    return found


_DRAW = {"bar": _bars, "line": _lines, "range": _ranges}


def _plain(drawn: str, chart: Chart, colours: dict[str, str]) -> str:
    """Return the drawing with styles as attributes, ids of its own, a name for those who cannot see it, and colours."""
    body = drawn[drawn.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r'\sstyle="([^"]*)"', lambda found: _attributes(found[1]), body)
    body = re.sub(r'\bid="', f'id="{chart.key}-', body)
    body = re.sub(r'(href="#|url\(#)', rf"\g<1>{chart.key}-", body)
    for stand_in, colour in colours.items():
        body = body.replace(stand_in, colour)
    # Sized by where it stands.
    size = re.search(r'viewBox="([^"]+)"', body)
    box, title = size[1] if size else "", f"{chart.key}-title"
    begin = f'<svg {_NAMES} viewBox="{box}" role="img" aria-labelledby="{title}" stroke-linejoin="round">'
    words = f'<title id="{title}">{escape(f"{chart.title}. {chart.sentence}")}</title>'
    return f"{begin}{words}{body[body.index('>') + 1 :]}"


_NAMES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def _attributes(style: str) -> str:
    pairs = (each.split(":", 1) for each in style.split(";") if ":" in each)
    return "".join(f' {name.strip()}="{value.strip()}"' for name, value in pairs)
