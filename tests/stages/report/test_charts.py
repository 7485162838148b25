"""Charts: what is drawn is what the table says, and the page decides the colours."""

from __future__ import annotations

import re

import pytest
from lxml import etree

from stages.report.charts import bar_chart, line_chart, step_chart

CHARTS = {
    "line": lambda: line_chart(
        "p-at-k",
        "P@k",
        "two lines",
        {"use": [(1, 0.25), (10, 0.5)], "labse": [(1, 0.75)]},
        x="k",
        y="P@k",
        log_x=True,
    ),
    "bar": lambda: bar_chart(
        "flow",
        "Flow",
        "two bars",
        {"django": {"kept": 521, "duplicate": 12}, "udhr": {"kept": 60}},
        x="pairs",
        of="source",
    ),
    "step": lambda: step_chart(
        "words", "Words", "bins", [0, 1, 2], {"ru": [3, 4], "tk": [5, 6]}, x="n", y="texts"
    ),
}
ROWS = {
    "line": [["use", "1", "0.25"], ["use", "10", "0.5"], ["labse", "1", "0.75"]],
    "bar": [["django", "521", "12"], ["udhr", "60", "0"]],
    "step": [["0 – 1", "3", "5"], ["1 – 2", "4", "6"]],
}


@pytest.mark.parametrize("kind", CHARTS)
def test_a_chart_is_an_svg_in_the_pages_colours_with_its_figures_behind_it(kind):
    chart = CHARTS[kind]()
    root = etree.fromstring(chart.svg)
    assert root.tag.endswith("svg")
    assert root.get("viewBox")
    assert not re.findall(r"#00f[ef]\w\w", chart.svg)  # no placeholder is left
    assert "var(--c1)" in chart.svg
    assert "var(--c2)" in chart.svg
    assert chart.rows == ROWS[kind]
    assert all(len(row) == len(chart.header) for row in chart.rows)
    # Ids are the chart's own, and every reference finds one.
    ids = re.findall(r'\bid="([^"]+)"', chart.svg)
    assert len(ids) == len(set(ids))
    assert all(found.startswith(f"{chart.name}-") for found in ids)
    referred = re.findall(r'href="#([^"]+)"', chart.svg) + re.findall(r"url\(#([^)]+)\)", chart.svg)
    assert set(referred) <= set(ids)


def test_the_bars_are_as_long_as_their_figures():
    chart = bar_chart("b", "b", "b", {"a": {"kept": 100}, "b": {"kept": 50}}, x="pairs", of="source")
    paths = re.findall(r'<path d="([^"]+)"[^>]*style="fill: var\(--c1\)', chart.svg)
    widths = []
    for path in paths:
        across = [float(x) for x in re.findall(r"[ML] ([\d.]+) ", path)]
        widths.append(max(across) - min(across))
    assert widths[0] == pytest.approx(2 * widths[1], rel=1e-3)


def test_points_are_named_in_the_picture_where_there_is_room_and_always_in_the_table():
    series = {"use": [(0.0, 0.1), (1.0, 0.2), (1.0001, 0.2001), (1.0002, 0.2), (1.0, 0.2002), (1.0001, 0.2)]}
    names = {"use": ["pretrained", "a half", "crowd 1", "crowd 2", "crowd 3", "crowd 4"]}
    chart = line_chart("s", "s", "s", series, points=names, x="r", y="P@1")
    assert chart.header == ["series", "point", "r", "P@1"]
    assert [row[1] for row in chart.rows] == names["use"]
    drawn = [name for name in names["use"] if f">{name}</text>" in chart.svg]
    assert {"pretrained", "a half"} <= set(drawn)
    assert len(drawn) < len(names["use"])


def test_bins_of_unlike_width_have_their_names_on_the_axis_and_in_the_table():
    chart = step_chart("w", "w", "w", [0, 1, 2], {"ru": [3, 4]}, x="words", y="texts", bins=["1", "2–9"])
    assert chart.rows == [["1", "3"], ["2–9", "4"]]
    assert ">2–9</text>" in chart.svg


def test_names_of_points_do_not_lie_on_each_other():
    # A legend of three rows, which moves the points together.
    series = {f"model {n}": [(0.8 + n / 500 - m / 90, 0.5 + m / 60) for m in range(5)] for n in range(7)}
    strengths = {label: ["0", "0.25", "0.5", "0.75", "1"] for label in series}
    svg = line_chart("s", "s", "s", series, points=strengths, x="r", y="P@1").svg
    names = re.findall(
        r'font-size: 8px; text-anchor: (start|end)[^>]* x="([\d.]+)" y="([\d.]+)"[^>]*>(0|1|0\.\d+)<', svg
    )
    assert 8 < len(names) <= 35
    boxes = []
    for anchor, x, y, text in names:
        width = 4.5 * len(text)
        left = float(x) - (width if anchor == "end" else 0)
        boxes.append((left, left + width, float(y) - 7, float(y)))
    for n, (a, b, c, d) in enumerate(boxes):
        assert all(b <= e or f <= a or d <= g or h <= c for e, f, g, h in boxes[:n])
