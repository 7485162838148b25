from __future__ import annotations

import pytest

from stages.lib.core.errors import SourceError
from tests.stages.raw_tars import extract_files, texts


def declaration(title: str, preamble: list[str], articles: dict[int, str]) -> str:
    paragraphs = "".join(f"<p>{text}</p>" for text in preamble)
    bodies = "".join(
        f'<article data-number="{n}"><h2>{n}</h2>{body}</article>' for n, body in articles.items()
    )
    return f"<html><body><h1>{title}</h1><header><h2>-</h2>{paragraphs}</header>{bodies}</body></html>"


UDHR = {
    "declaration/rus.html": declaration(
        "Декларация",
        [
            "принимая во внимание, что все люди равны; и",
            "принимая во внимание эти права и свободы,",
            "Генеральная Ассамблея,",
            "провозглашает её для всех народов мира",
        ],
        {
            1: "<p>Все люди рождаются\n   свободными.</p>",
            2: "<p>Каждый имеет право.</p><p>Кроме того, нет различий.</p>",
            11: "<ol><li><p>Первый пункт.</p></li><li><p>Второй пункт.</p></li></ol>",
        },
    ),
    "declaration/tuk_latn.html": declaration(
        "Jarnama",
        [
            "adamlaryň hemmesiniň deňdigini göz öňünde tutup; we",
            "bu hukuklary we azatlyklary göz öňünde tutup;",
            "BAŞ ASSAMBLEÝA",
            "BU JARNAMANY ähli halklar üçin jar edýär",
            "Her kim jan etmeli.",
        ],
        {
            1: "<p>Adamlaryň hemmesi azat dogulýar.</p>",
            2: "<p>Her bir adamyň hukugy bar.</p>",
            11: "<ol><li><p>Birinji bölek.</p></li><li><p>Ikinji bölek.</p></li></ol>",
        },
    ),
}


@pytest.fixture
def udhr(tmp_path):
    """Text by document and key in Russian and in Turkmen."""
    table = extract_files("udhr", UDHR, tmp_path)
    return texts(table, "ru"), texts(table, "tk")


def test_articles_are_keyed_by_number_shape_and_position(udhr):
    russian, turkmen = udhr
    assert russian["udhr/article-01|text/1-of-1"] == "Все люди рождаются свободными."
    assert turkmen["udhr/article-11|list/2-of-2"] == "Ikinji bölek."
    assert set(russian) & {key for key in turkmen if "article-11" in key} == {
        "udhr/article-11|list/1-of-2",
        "udhr/article-11|list/2-of-2",
    }
    # Articles that are divided differently share no key.
    assert not [key for key in set(russian) & set(turkmen) if "article-02" in key]


def test_the_preamble_is_one_proclamation_after_the_assembly_in_every_language(udhr):
    russian, turkmen = udhr
    assert turkmen["udhr/preamble|assembly"] == "BAŞ ASSAMBLEÝA"
    # Two paragraphs in Turkmen, one in Russian: the same proclamation.
    assert turkmen["udhr/preamble|proclamation"].endswith("jar edýär Her kim jan etmeli.")
    assert "udhr/preamble|recital/2-of-2" in set(russian) & set(turkmen)


def test_an_article_without_a_number_is_refused(tmp_path):
    files = {"declaration/rus.html": '<body><article data-number="x"><p>Текст</p></article></body>'}
    with pytest.raises(SourceError, match=r"rus\.html has an article numbered 'x'"):
        extract_files("udhr", files, tmp_path)
