from __future__ import annotations

from pathlib import Path

import lxml.html
import pytest

from commands.explore.align_view import STEPS, document_page, find_document, render
from stages.embed.__main__ import embed
from stages.lib.core.errors import DataError
from stages.lib.core.params import Params, load_params
from stages.lib.core.tables import ALIGNMENT_SCHEMA, SEGMENT_SCHEMA, table_from_rows, write_table
from stages.lib.models.vectors import Embedder
from stages.report.alignment_view import Row
from tests.browser import axe_violations, needs_chromium, open_browser, open_page, overflow

ROOT = Path(__file__).parents[3]
TEXTS = {
    "ru": ["Вода в реке поднялась.", "Мост закрыли на ремонт.", "Дети <учатся> & играют."],
    "tk": ["Derýadaky suw galdy.", "Köpri bejergä ýapyldy.", "Çagalar <okaýar> & oýnaýar."],
}


def segments(keys: tuple[list, list] = ([None] * 3, [None] * 3), doc: str = "files/derýa") -> list[tuple]:
    return [
        ("files", doc, lang, n, text, key, None, None, "MIT", None)
        for (lang, texts), own in zip(TEXTS.items(), keys, strict=True)
        for n, (text, key) in enumerate(zip(texts, own, strict=True))
    ]


def write(folder: Path, rows: list[tuple]) -> None:
    write_table(table_from_rows(rows, SEGMENT_SCHEMA), folder / "files.parquet", SEGMENT_SCHEMA)


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(ROOT / "params.yaml").model_copy(update={"sources": ["files"]})


@pytest.fixture
def page(tmp_path, params, monkeypatch):
    """Write segments that align joined by key, embed them and return the parsed page of a document."""

    def make(rows: list[tuple], doc: str):
        monkeypatch.chdir(tmp_path)  # the store is below it
        write(tmp_path, rows)
        embed(
            tmp_path, tmp_path / "vectors", params, Embedder("use_tr", params.models_config["use_tr"], 8192)
        )
        alignments = tmp_path / "alignments.parquet"
        write_table(table_from_rows([], ALIGNMENT_SCHEMA), alignments, ALIGNMENT_SCHEMA)
        text = document_page(doc, alignments, tmp_path, tmp_path / "vectors", params)
        return lxml.html.document_fromstring(text)

    return make


def test_the_page_holds_every_text_of_both_sides_escaped(page):
    found = page(segments(), "files/derýa")
    for lang, texts in TEXTS.items():
        cells = [cell.text_content() for cell in found.xpath(f'//td[@lang="{lang}"]/p')]
        assert cells == [f"{n} {text}" for n, text in enumerate(texts, start=1)]
    assert found.findtext(".//h1") == "files/derýa"
    assert not found.xpath("//script | //link | //img | //*[@src or @href]")
    assert "differ from the keys" not in found.text_content()  # there is no gold


def test_what_the_keys_say_otherwise_is_marked(page):
    found = page(segments((["a", "b", "c"], ["b", "a", "c"])), "files")
    assert "2 differ from the keys" in found.text_content()
    marked = [row.xpath('string(td/div[@class="fault"])') for row in found.xpath('//tr[@class="differs"]')]
    assert marked == [
        "✗ derýa a belongs to derýa a; derýa b belongs to derýa b",
        "✗ derýa b belongs to derýa b; derýa a belongs to derýa a",
    ]


def test_what_align_wrote_is_drawn_without_a_model(tmp_path, params):
    rows = [
        ("files", "files/a", 0, "ru", "1", "Мост", 0.5, None, 0.25),
        ("files", "files/a", 0, "tk", "1", "Köpri", 0.5, None, 0.25),
        ("files", "files/b", 0, "tk", "1", "Suw", 0.0, None, 0.5),
    ]
    path = tmp_path / "alignments.parquet"
    write_table(table_from_rows(rows, ALIGNMENT_SCHEMA), path, ALIGNMENT_SCHEMA)
    found = lxml.html.document_fromstring(document_page("files/a", path, tmp_path, tmp_path, params))
    assert [cell.text_content() for cell in found.xpath("//td/p")] == ["1 Мост", "1 Köpri"]
    assert "1 beads, 0 of them on one side only; document score 0.250" in found.text_content()


@pytest.mark.parametrize(
    ("confidence", "colour"), [(0.0, "c0"), (0.2, "c1"), (0.59, "c2"), (0.8, "c4"), (1.0, "c4")]
)
def test_the_band_s_colour_and_number_tell_the_confidence(confidence, colour):
    row = Row((("1", "Мост"),), (("1", "Köpri"),), confidence, None)
    found = lxml.html.document_fromstring(render("a", ("ru", "tk"), [row], 0.5, False))
    band = found.xpath("//td[contains(@class, 'band')]")[0]
    assert band.get("class") == f"band {colour}"
    assert band.text == f"{confidence:.2f}"
    assert len(found.xpath("//ul[@class='legend']/li")) == len(STEPS) + 1


def test_a_sentence_of_one_side_only_has_no_confidence():
    row = Row((("1", "Мост"),), (), 0.0, None)
    found = lxml.html.document_fromstring(render("a", ("ru", "tk"), [row], 0.0, True))
    assert found.xpath("//td[contains(@class, 'none')]")[0].text == "–"
    assert "1 of them on one side only" in found.text_content()


def test_names_cannot_break_out_of_the_page():
    row = Row((("</td>", "<b>"),), (("1", "\"'&"),), 0.5, "</div><i>")
    text = render("</title><script>alert(1)</script>", ("ru", "tk"), [row], 0.5, True)
    found = lxml.html.document_fromstring(text)
    assert not found.xpath("//script | //b | //i")
    assert found.findtext(".//title") == "</title><script>alert(1)</script>: alignment"


def test_an_unknown_document_is_answered_with_near_names(tmp_path, params):
    write(tmp_path, [*segments(), *segments(doc="files/dag"), *segments(doc="files/diňe ru")[:3]])
    with pytest.raises(
        DataError, match=r"no document 'files/derya' in both ru and tk; did you mean files/derýa"
    ):
        find_document(tmp_path, "files/derya", params)
    with pytest.raises(DataError, match="no document 'files/diňe ru'"):  # it has one language only
        find_document(tmp_path, "files/diňe ru", params)


def test_versions_of_different_names_are_asked_for_as_their_pairs_name_them(page, tmp_path, params):
    ru, tk = segments(doc="files/река")[:3], segments(doc="files/derýa")[3:]
    found = page([*ru, *tk, *segments(doc="files/dag")], "files/река|files/derýa")
    assert [len(found.xpath(f'//td[@lang="{lang}"]/p')) for lang in TEXTS] == [3, 3]
    for doc in ("files/река", "files/derýa|files/река", "files/река|files/ýok", "files/река|"):
        with pytest.raises(DataError, match="no document"):
            find_document(tmp_path, doc, params)


@needs_chromium
@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_and_axe_finds_nothing(tmp_path, width, scheme):
    word = "Gurbanguly-Berdimuhamedow-şäherçesiniň"
    rows = [
        Row((("статья-01 текст/1-of-12", "слово " * 40),), (("article-01 text/1-of-12", word),), step, fault)
        for step in STEPS
        for fault in (None, f"article-01 text/1-of-12 belongs to {word}")
    ]
    rows.append(Row((), (("2", word),), 0.5, None))
    path = tmp_path / "page.html"
    path.write_text(render("udhr", ("ru", "tk"), rows, 0.5, has_gold=True), encoding="utf-8")
    window = {"viewport": {"width": width, "height": 844}, "color_scheme": scheme}
    with open_browser() as browser:
        page, messages = open_page(browser, path, **window)
        assert messages == []
        assert overflow(page) <= 0
        assert axe_violations(page) == []
