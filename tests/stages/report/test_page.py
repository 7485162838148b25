"""The page: whole HTML that asks for nothing and lets no text through as markup."""

from __future__ import annotations

import re

from lxml import html

from stages.report.charts import line_chart
from stages.report.page import Section, Table, Text, render_page

CHART = line_chart(
    "c", "Dev <score>", 'says "alt" & more', {"use": [(0, 0.1), (1, 0.2)]}, x="epoch", y="score"
)
EVIL = '<script>alert(1)</script> & "quoted"'
SECTIONS = [
    Section("results", "Results", ["Text of " + EVIL], [CHART]),
    Section(
        "examples",
        "Examples",
        tables=[
            Table("Best", ["query", "rank"], [[Text("Добро " + EVIL, "ru"), "1"], [Text("Hoş", "tk"), "2"]])
        ],
    ),
]


def page() -> str:
    return render_page("Köpri", ["Lead " + EVIL], SECTIONS)


def test_invisible_and_direction_signs_are_shown() -> None:
    page = render_page("a", ["Salam\u202emalaS \u200bx\u00ad"], [])
    assert "Salam[U+202E]malaS [U+200B]x[U+00AD]" in page


def test_texts_are_never_markup():
    root = html.fromstring(page())
    assert not root.xpath("//script")
    assert root.xpath("string(//td[@lang='ru'])") == "Добро " + EVIL
    assert root.xpath("//*[name()='svg']/@aria-label") == ['says "alt" & more']


def test_every_section_is_reached_and_every_table_and_picture_has_a_name():
    root = html.fromstring(page())
    links = [href.removeprefix("#") for href in root.xpath("//nav//a/@href")]
    assert links == [section.id for section in SECTIONS]
    assert all(root.xpath(f"//*[@id='{link}']") for link in links)
    tables = root.xpath("//table")
    assert len(tables) == 2  # the chart's own, and the section's
    assert all(table.xpath("./caption") and table.xpath("./thead//th[@scope='col']") for table in tables)
    assert all(region.get("aria-label") for region in root.xpath("//*[@role='region']"))
    ids = root.xpath("//@id")
    assert len(ids) == len(set(ids))


def test_nothing_is_asked_of_a_network():
    text = page()
    for address in re.findall(r"https?://[^\"'\s<>]+", text):
        assert address.startswith("http://www.w3.org/")  # names of XML vocabularies
    assert "@import" not in text
    assert 'rel="stylesheet"' not in text
