"""One self-contained HTML page out of sections: no script, no request, light, dark, phone and print."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stages.lib.core.markdown import show_invisible
from stages.report.charts import Chart

TEMPLATE = Path(__file__).with_name("page.html")
STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Text:
    """A cell that holds text in a language of its own (an ISO 639 code)."""

    text: str
    lang: str


@dataclass(frozen=True)
class Table:
    """Rows under a header; the first ``n_text`` columns are words, the others figures."""

    caption: str
    header: list[str]
    rows: list[list[str | Text]]
    n_text: int = 1


@dataclass(frozen=True)
class Listing:
    """A text shown as it is, folded until it is asked for."""

    caption: str
    text: str


@dataclass(frozen=True)
class Section:
    """A part of the page: paragraphs, then charts, then tables, then listings."""

    id: str
    title: str
    paragraphs: list[str] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)


def render_page(title: str, lead: Sequence[str], sections: Sequence[Section]) -> str:
    """Return the page; every text is escaped. Same arguments, same bytes."""
    import jinja2
    from markupsafe import Markup, escape

    def picture(chart: Chart) -> Markup:
        return Markup(chart.svg.replace("<svg ", f'<svg role="img" aria-label="{escape(chart.alt)}" ', 1))

    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: type(value)(show_invisible(value)) if isinstance(value, str) else value,
    )
    # An interval breaks before it, never within.
    environment.filters["whole"] = lambda cell: re.sub(r"(?<=[\d.]), (?=[-+\d.]+\])", ",\u00a0", cell)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        title=title,
        lead=lead,
        sections=sections,
        style=STYLE,
        picture=picture,
        is_text=lambda cell: isinstance(cell, Text),
    )
