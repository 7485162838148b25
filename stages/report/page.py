"""One self-contained HTML page out of sections: no script, no request, light, dark, phone and print."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from stages.report.charts import Chart


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
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    # An interval breaks before it, never within.
    environment.filters["whole"] = lambda cell: re.sub(r"(?<=[\d.]), (?=[-+\d.]+\])", ",\u00a0", cell)
    return environment.from_string(_TEMPLATE).render(
        title=title,
        lead=lead,
        sections=sections,
        style=STYLE,
        picture=picture,
        is_text=lambda cell: isinstance(cell, Text),
    )


# Colours after Okabe and Ito 2008, told apart by the colour-blind too; lighter where the page is dark.
# Text has a contrast of at least 4.5 on its ground, both ways.
STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1c1f23; --soft: #565d66; --grid: #c4c9cf;
  --band: #f2f4f6; --link: #0b57a4; --c1: #0072b2; --c2: #d55e00; --c3: #009e73; --c4: #b0578d; --c5: #b07b00;
  --c6: #3a8fc7; --c7: #8a8d00; --c8: #444444; }
@media screen and (prefers-color-scheme: dark) { :root { --paper: #15181c; --ink: #e6e8ea; --soft: #a9b0b8;
  --grid: #4a515a; --band: #1e2329; --link: #8ec5ff; --c1: #56b4e9; --c2: #ff8a3d; --c3: #35c99a;
  --c4: #e29bc4; --c5: #e6b83a; --c6: #9ad1f5; --c7: #d9dc5a; --c8: #cccccc; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, "Segoe UI", "Noto Sans", sans-serif; }
main, header, nav { max-width: 76rem; margin: 0 auto; padding: 0 1rem; }
h1 { margin: 1.6rem 0 .4rem; line-height: 1.2; }
h2 { margin: 2.6rem 0 .6rem; border-bottom: 1px solid var(--grid); padding-bottom: .2rem; }
p { max-width: 46rem; }
a { color: var(--link); }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: .5rem; background: var(--paper); padding: .3rem .6rem; }
.charts { display: grid; gap: 1.4rem;
  grid-template-columns: repeat(auto-fit, minmax(min(28rem, 100%), 1fr)); }
figure { margin: 0; min-width: 0; max-width: 46rem; }
figcaption { font-weight: 600; margin-bottom: .3rem; }
figure svg { width: 100%; height: auto; display: block; }
figure p, .note { color: var(--soft); font-size: .9rem; margin: .3rem 0; }
summary { cursor: pointer; color: var(--link); font-size: .9rem; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; width: 100%; }
caption { text-align: left; font-weight: 600; padding-bottom: .4rem; }
caption span { display: inline-block; position: sticky; left: 0; max-width: calc(100vw - 2rem); }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid var(--grid); vertical-align: top; }
th { white-space: nowrap; } figure th { white-space: normal; } .words { text-align: left; }
td.words[lang] { min-width: 12rem; overflow-wrap: anywhere; }
tbody tr:nth-child(even) { background: var(--band); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
td.words { white-space: pre-line; }
pre { overflow: auto; max-height: 40rem; padding: .6rem; background: var(--band); font-size: .85rem; }
@media (max-width: 30rem) { th, td { padding: .25rem .4rem; } td.words[lang] { min-width: 9.5rem; } }
@media print { :root { color-scheme: light; font-size: 11px; } body { font-size: 11px; }
  nav, .skip, summary { display: none; } table { font-size: 9px; } th { white-space: normal; }
  th, td { padding: .2rem .3rem; } td.words[lang] { min-width: 0; } .scroll { overflow: visible; }
  .charts { grid-template-columns: 1fr 1fr; } figure, tr, p { break-inside: avoid; }
  p { max-width: none; }
  h2, h2 + p { break-after: avoid; } @page { margin: 12mm; } }
"""

_TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<link rel="icon" href="data:,">
<style>{{ style | safe }}</style>
</head>
<body>
{% macro table(found) %}
<div class="scroll" role="region" tabindex="0" aria-label="{{ found.caption }}">
<table>
<caption><span>{{ found.caption }}</span></caption>
<thead><tr>{% for cell in found.header %}
<th scope="col"{% if loop.index <= found.n_text %} class="words"{% endif %}>{{ cell }}</th>
{%- endfor %}</tr></thead>
<tbody>
{% for row in found.rows %}
<tr>{% for cell in row %}
{% if is_text(cell) %}<td class="words" lang="{{ cell.lang }}">{{ cell.text }}</td>
{%- else %}<td{% if loop.index <= found.n_text %} class="words"{% endif %}>{{ cell | whole }}</td>{% endif %}
{%- endfor %}</tr>
{% endfor %}
</tbody>
</table>
</div>
{% endmacro %}
<a class="skip" href="#main">Skip to the results</a>
<header>
<h1>{{ title }}</h1>
{% for paragraph in lead %}
<p>{{ paragraph }}</p>
{% endfor %}
</header>
<nav aria-label="Sections"><ul>
{% for section in sections %}
<li><a href="#{{ section.id }}">{{ section.title }}</a></li>
{% endfor %}
</ul></nav>
<main id="main">
{% for section in sections %}
<section aria-labelledby="{{ section.id }}">
<h2 id="{{ section.id }}">{{ section.title }}</h2>
{% for paragraph in section.paragraphs %}
<p>{{ paragraph }}</p>
{% endfor %}
{% if section.charts %}
<div class="charts">
{% for chart in section.charts %}
<figure>
<figcaption>{{ chart.title }}</figcaption>
{{ picture(chart) }}
<p>{{ chart.alt }}</p>
<details><summary>Figures: {{ chart.title }}</summary>
{{ table({"caption": chart.title, "header": chart.header, "rows": chart.rows, "n_text": 1}) }}
</details>
</figure>
{% endfor %}
</div>
{% endif %}
{% for found in section.tables %}
{{ table(found) }}
{% endfor %}
{% for found in section.listings %}
<details><summary>{{ found.caption }}</summary>
<pre tabindex="0" role="region" aria-label="{{ found.caption }}">{{ found.text }}</pre>
</details>
{% endfor %}
</section>
{% endfor %}
</main>
</body>
</html>
"""
