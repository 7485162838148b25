"""Charts for the report page: SVG that takes its colours from the page, each with the table behind it.

matplotlib draws with placeholder colours, which are then renamed to the page's CSS variables, so that one
picture serves light, dark and print. Same figures, same bytes.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Placeholders that matplotlib draws with -> what the page's style sheet calls the colour. Beside the colour,
# every line has a marker and a dash of its own.
N_COLOURS = 8
_INK, _GRID, _PAPER = "#00ff01", "#00ff02", "#00ff03"
_PLACEHOLDERS = {_INK: "currentColor", _GRID: "var(--grid)", _PAPER: "var(--paper)"} | {
    f"#00fe{n:02x}": f"var(--c{n})" for n in range(1, N_COLOURS + 1)
}
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_DASHES = ("-", "--", "-.", ":")
# Points of a line from which on markers would hide it.
_MOST_MARKERS = 20


@dataclass(frozen=True)
class Chart:
    """One picture: ``alt`` says in a sentence what it shows, header and rows are the figures drawn."""

    name: str
    title: str
    alt: str
    svg: str
    header: list[str]
    rows: list[list[str]]


@lru_cache
def _texts() -> dict[str, dict[str, str]]:
    return yaml.safe_load(Path(__file__).with_name("charts.yaml").read_text(encoding="utf-8"))


def chart_texts(key: str, name: str = "", **values: str) -> dict[str, str]:
    """Return the words of a chart, as charts.yaml has them, with ``values`` in place of what is in braces."""
    return {"name": name or key} | {kind: text.format(**values) for kind, text in _texts()[key].items()}


def line_chart(
    name: str,
    title: str,
    alt: str,
    series: Mapping[str, Sequence[tuple[float, float]]],
    *,
    x: str,
    y: str,
    points: Mapping[str, Sequence[str]] | None = None,
    log_x: bool = False,
    diagonal: bool = False,
) -> Chart:
    """Draw (x, y) points of each series joined by a line; ``points`` may name each point.

    ``diagonal`` adds the line x = y, as a calibration curve wants it.
    """
    most = max(len(values) for values in series.values())
    with _figure() as (figure, axes):
        if diagonal:
            axes.plot([0, 1], [0, 1], color=_GRID, linewidth=1.6, linestyle=(0, (2, 3)))
        for n, (label, values) in enumerate(series.items()):
            axes.plot(
                *([point[part] for point in values] for part in (0, 1)),
                color=_colour(n),
                marker=_MARKERS[n % len(_MARKERS)] if most <= _MOST_MARKERS else "",
                linestyle=_DASHES[n // 2 % len(_DASHES)],
                markersize=4.5,
                linewidth=1.6,
                label=label,
            )
        if points:
            axes.margins(x=0.14, y=0.1)
        if log_x:
            axes.set_xscale("log")
            ticks = sorted({point[0] for values in series.values() for point in values})
            axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            axes.minorticks_off()
        elif all(float(point[0]).is_integer() for values in series.values() for point in values):
            axes.xaxis.get_major_locator().set_params(integer=True)
        _finish(figure, axes, x, y, legend=len(series) if len(series) > 1 else 0)
        if points:
            _name_points(
                axes, [point for label in points for point in zip(points[label], series[label], strict=True)]
            )
        svg = _svg(figure, name)
    header, rows = ["series", x, y], []
    for label, values in series.items():
        rows += [[label, f"{a:g}", f"{b:.4g}"] for a, b in values]
    if points:
        header.insert(1, "point")
        for row, text in zip(rows, itertools.chain.from_iterable(points.values()), strict=True):
            row.insert(1, text)
    return Chart(name, title, alt, svg, header, rows)


def bar_chart(
    name: str, title: str, alt: str, bars: Mapping[str, Mapping[str, float]], *, x: str, of: str
) -> Chart:
    """Draw a stacked horizontal bar for each key of ``bars``, its parts by name; the first key on top.

    ``of`` says what a bar is of, above the table's first column.
    """
    parts = list(dict.fromkeys(part for bar in bars.values() for part in bar))
    with _figure(height=max(2.2, 0.7 + 0.27 * len(bars))) as (figure, axes):
        starts = dict.fromkeys(bars, 0.0)
        for n, part in enumerate(parts):
            widths = [bar.get(part, 0) for bar in bars.values()]
            axes.barh(
                list(bars),
                widths,
                left=list(starts.values()),
                color=_colour(n),
                edgecolor=_PAPER,
                linewidth=0.6,
                height=0.72,
                label=part,
            )
            for bar, width in zip(bars, widths, strict=True):
                starts[bar] += width
        axes.invert_yaxis()
        _finish(figure, axes, x, "", legend=len(parts) if len(parts) > 1 else 0)
        svg = _svg(figure, name)
    rows = [[bar, *(f"{lengths.get(part, 0):,g}" for part in parts)] for bar, lengths in bars.items()]
    return Chart(name, title, alt, svg, [of, *parts], rows)


def step_chart(
    name: str,
    title: str,
    alt: str,
    edges: Sequence[float],
    counts: Mapping[str, Sequence[float]],
    *,
    x: str,
    y: str,
    bins: Sequence[str] | None = None,
) -> Chart:
    """Draw the histogram of each series over shared bins; ``edges`` has one value more than the counts.

    ``bins`` may name the bins, where their edges are only places.
    """
    with _figure() as (figure, axes):
        for n, (label, values) in enumerate(counts.items()):
            axes.stairs(
                values,
                edges,
                color=_colour(n),
                linewidth=1.6,
                linestyle=_DASHES[n % len(_DASHES)],
                label=label,
            )
        if bins:
            middles = [(low + high) / 2 for low, high in itertools.pairwise(edges)]
            axes.set_xticks(middles, bins, fontsize=8)
        _finish(figure, axes, x, y, legend=len(counts) if len(counts) > 1 else 0)
        svg = _svg(figure, name)
    names = bins or [f"{low:g} – {high:g}" for low, high in itertools.pairwise(edges)]
    rows = [[name, *(f"{values[n]:,g}" for values in counts.values())] for n, name in enumerate(names)]
    return Chart(name, title, alt, svg, [x, *counts], rows)


def _colour(n: int) -> str:
    return f"#00fe{n % N_COLOURS + 1:02x}"


@contextmanager
def _figure(height: float = 3.4) -> Iterator[tuple[Figure, Axes]]:
    import matplotlib
    from matplotlib.figure import Figure

    settings: dict[str, Any] = {
        "svg.fonttype": "none",  # text stays text: small, searchable, in the page's own font
        "svg.hashsalt": "kopri",  # ids by content, not at random
        "text.color": _INK,
        "axes.labelcolor": _INK,
        "axes.edgecolor": _GRID,
        "xtick.color": _INK,
        "ytick.color": _INK,
        "grid.color": _GRID,
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with matplotlib.rc_context(settings):
        # Narrow, with the legend below: type keeps a readable size on a phone.
        figure = Figure(figsize=(4.8, height), layout="constrained")
        yield figure, figure.subplots()


def _name_points(axes: Axes, points: Sequence[tuple[str, tuple[float, float]]]) -> None:
    """Write each name beside its point, on a side that is free; where there is none, the table has it.

    Called last: where points lie to each other depends on all that the figure has to make room for.
    """
    axes.figure.draw_without_rendering()
    high, wide, mark = 10, 4.8, 2.5  # of a line, of a letter and of half a marker, in points, about
    scale = 72 / axes.figure.dpi
    places = axes.transData.transform([point for _, point in points]) * scale
    taken = [(x - mark, x + mark, y - mark, y + mark) for x, y in places]
    for (text, point), (x, y) in zip(points, places, strict=True):
        for right, below in ((4, -11), (4, 4), (None, 4), (None, -11)):
            left = x + right if right else x - 4 - wide * len(text)
            box = (left, left + wide * len(text), y + below, y + below + high)
            if all(box[1] < a or b < box[0] or box[3] < c or d < box[2] for a, b, c, d in taken):
                taken.append(box)
                axes.annotate(
                    text,
                    point,
                    xytext=(right or -4, below),
                    ha="left" if right else "right",
                    textcoords="offset points",
                    color=_INK,
                    fontsize=8,
                ).set_in_layout(False)
                break


def _finish(figure: Figure, axes: Axes, x: str, y: str, *, legend: int) -> None:
    """Set labels, grid and, where ``legend`` is not 0, a legend of so many entries."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(axis="x" if not y else "y", linewidth=0.5)
    axes.set_axisbelow(True)
    if legend:
        columns = min(legend, 3)
        figure.set_figheight(figure.get_figheight() + 0.19 * -(-legend // columns))
        figure.legend(frameon=False, fontsize=8, loc="outside lower center", ncols=columns)


def _svg(figure: Figure, name: str) -> str:
    """Return the figure as an SVG element with ids of its own and the page's colours."""
    file = StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = text.replace('href="#', f'href="#{name}-').replace("url(#", f"url(#{name}-")
    # Fonts come from the page, sizes stay.
    text = re.sub(r"font: (?:\w+ )*([\d.]+px) [^;\"]+", r"font-size: \1", text)
    text = re.sub(r"; font-family: [^;\"]+", "", text)
    for placeholder, colour in _PLACEHOLDERS.items():
        text = text.replace(placeholder, colour)
    return re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
