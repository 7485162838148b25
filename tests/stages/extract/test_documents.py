from __future__ import annotations

import contextlib
import io
import zipfile
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.extract import documents
from stages.extract.documents import decide_language, decode_text, read_docx, read_text, split_name
from stages.lib.core.errors import DataError
from tests.crawler.prose import story

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
TURKMEN = "Täze kitaphana açyldy we oňa köp okyjy gelýär, sebäbi onda gyzykly kitaplar bar."
RUSSIAN = "Новая библиотека открылась, и в неё приходит много читателей, потому что там есть хорошие книги."


def docx(document: str, **others: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", document)
        for name, content in others.items():
            archive.writestr(name, content)
    return data.getvalue()


def body(inner: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><w:document {W}><w:body>{inner}</w:body></w:document>'


def p(text: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def test_a_word_file_is_read_in_order_with_kinds_and_without_deleted_text() -> None:
    inner = (
        p("Sözbaşy", '<w:pStyle w:val="Heading1"/>')
        + "<w:p><w:r><w:t>Birinji </w:t></w:r><w:r><w:t>ab\u00adzas</w:t><w:br/><w:t>dowamy.</w:t></w:r>"
        "<w:del><w:r><w:delText>öçürilen</w:delText></w:r></w:del></w:p>"
        + p("madda", '<w:numPr><w:numId w:val="1"/></w:numPr>')
        + f"<w:tbl><w:tr><w:tc>{p('öýjük')}</w:tc><w:tc>{p('')}</w:tc></w:tr></w:tbl>"
        + p("Soňky abzas.")
    )
    notes = f"<w:footnotes {W}><w:footnote>{p('Bellik.')}</w:footnote></w:footnotes>".encode()
    blocks = read_docx(docx(body(inner), **{"word/footnotes.xml": notes}), "a.docx")
    assert [(block.kind, block.text) for block in blocks] == [
        ("heading", "Sözbaşy"),
        ("paragraph", "Birinji abzas dowamy."),
        ("item", "madda"),
        ("cell", "öýjük"),
        ("paragraph", "Soňky abzas."),
        ("paragraph", "Bellik."),
    ]


def test_a_text_box_is_read_once() -> None:
    box = f"<w:txbxContent>{p('gutudaky')}</w:txbxContent>"
    inner = (
        '<w:p><w:r><mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
        f"<mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent>"
        "<w:t>daşky</w:t></w:r></w:p>"
    )
    assert [block.text for block in read_docx(docx(body(inner)), "a.docx")] == ["gutudaky", "daşky"]


LOL = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a whole DOCX file"),
        (b"PK\x03\x04 and no more", "not a whole DOCX file"),
        (docx(body(p("a")))[:-30], "not a whole DOCX file"),
        (docx("<w:document"), "not well-formed XML"),
        (docx(f'<!DOCTYPE d [<!ENTITY l0 "lol">{LOL}]>' + body(p("&l11;"))[38:]), "declares a document type"),
        (docx('<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/hosts">]>' + body(p("&x;"))[38:]), "a document"),
        (docx(body("")).replace(b"word/document.xml", b"word/dokument.xml"), "no word/document.xml"),
        (docx(body(""), **{"../../evil.xml": b"a"}), "'../../evil.xml' leaves the file"),
        (docx(body(""), **{"C:\\evil.xml": b"a"}), "leaves the file"),
        (docx(body(p(" " * 30_000_000))), "refusing to read it"),
        (docx(body(""), **{f"m{i}": b"" for i in range(5001)}), "5,003 members, over the limit of 5,000"),
    ],
    ids=["empty", "head", "cut", "xml", "bomb", "file", "none", "path", "drive", "dense", "members"],
)  # fmt: skip
def test_bombs_and_broken_files_are_refused_in_one_line(data: bytes, said: str) -> None:
    with pytest.raises(DataError) as caught:
        read_docx(data, "a.docx")
    assert said in str(caught.value)
    assert str(caught.value).startswith("a.docx: ")
    assert "\n" not in str(caught.value)


def test_an_entity_bomb_in_utf_16_is_refused_too() -> None:
    text = f'<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE d [<!ENTITY l0 "lol">{LOL}]><d>&l11;</d>'
    with pytest.raises(DataError, match="document type"):
        read_docx(docx(text.encode("utf-16")), "a.docx")


def test_what_all_parts_unpack_to_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_UNPACKED_BYTES", 10_000)
    with pytest.raises(DataError, match="over 10,000 bytes once unpacked"):
        read_docx(docx(body(p("a" * 20_000))), "a.docx")


def test_a_size_that_lies_is_found_out() -> None:
    data = bytearray(docx(body(p("a" * 200_000))))
    place = data.find(b"PK\x01\x02", data.find(b"PK\x01\x02") + 1)  # the directory's entry of document.xml
    data[place + 24 : place + 28] = (10).to_bytes(4, "little")
    with pytest.raises(DataError, match=r"not a whole DOCX file|not well-formed"):
        read_docx(bytes(data), "a.docx")


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 400), st.binary(max_size=40))
def test_damage_anywhere_is_a_data_error_or_read(place: int, damage: bytes) -> None:
    data = docx(body(p(TURKMEN)))
    place = min(place, len(data))
    damaged = data[:place] + damage + data[place + len(damage) :]
    with contextlib.suppress(DataError):
        assert all(block.text for block in read_docx(damaged, "a.docx"))


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        (RUSSIAN, "utf-8", "utf-8"),
        (RUSSIAN, "utf-8-sig", "utf-8-sig"),
        (RUSSIAN, "utf-16", "utf-16"),
        (RUSSIAN, "cp1251", "cp1251"),
        (RUSSIAN.upper(), "cp1251", "cp1251"),
        (RUSSIAN, "koi8-r", "koi8-r"),
        (RUSSIAN, "cp866", "cp866"),
        (TURKMEN, "cp1250", "cp1250"),
        ("Yeni kütüphane açıldı, çünkü iyi kitaplar var, ve şimdi çağdaş bir yer oldu.", "cp1254", "cp1254"),
        ("plain words", "ascii", "utf-8"),
    ],
)
def test_the_encoding_is_found(text: str, encoding: str, found: str) -> None:
    assert decode_text(text.encode(encoding), "a.txt") == (text, found)


def test_binary_and_unreadable_files_are_refused_in_one_line() -> None:
    with pytest.raises(DataError, match=r"a\.txt: has zero bytes; not a text file"):
        decode_text(b"\x7fELF\0\0", "a.txt")
    with pytest.raises(DataError, match=r"a\.txt: neither UTF-8 nor"):
        decode_text(bytes(range(128, 256)) * 4, "a.txt")


def test_wrapped_lines_are_joined_and_long_lines_are_paragraphs() -> None:
    wrapped = (
        "Новая библиотека открылась, и в неё каждый день приходит мно-\nго читателей, потому что там есть "
        "хорошие книги для всех.\n\nВторой абзац начинается после пустой строки, и он тоже длин-\nный."
    )
    assert [block.text for block in read_text(wrapped.encode(), "a.txt")] == [
        "Новая библиотека открылась, и в неё каждый день приходит мно- го читателей, потому что там есть "
        "хорошие книги для всех.",
        "Второй абзац начинается после пустой строки, и он тоже длин- ный.",
    ]
    assert len(read_text(f"{RUSSIAN}\r\n{TURKMEN}\r\n".encode(), "a.txt")) == 2


@pytest.mark.parametrize("lang", ["ru", "tk"])
def test_the_language_of_articles_is_decided_from_their_text(lang: str) -> None:
    for seed in range(40):
        text = "\n".join(story(seed, 5, 3, 2024).paragraphs[lang])
        decision = decide_language(text)
        assert decision.lang == lang
        assert decision.evidence > 2


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("Yeni kütüphane açıldı ve çok okuyucu geliyor, çünkü orada güzel kitaplar var.", "tr"),
        ("Yangi kutubxona ochildi va unga juda koʻp oʻquvchi kelmoqda, chunki kitoblar yaxshi.", "uz"),
        ("Жаңа кітапхана ашылды және оған көп оқырман келеді, өйткені онда жақсы кітаптар бар.", "kk"),
        (
            "Китобхонаи нав кушода шуд ва ба он хонандагони зиёд меоянд, зеро дар он ҷо китобҳои хуб ҳаст.",
            "tg",
        ),
        ("The new library has opened, and many readers come to it because there are good books.", "en"),
        ("12 34 56 78", None),
        ("Salam", None),
    ],
)
def test_the_siblings_are_told_apart(text: str, lang: str | None) -> None:
    assert decide_language(text).lang == lang


def test_uzbek_in_cyrillic_is_uzbek() -> None:
    text = "Янги кутубхона очилди ва унга кўп ўқувчилар келмоқда, чунки у ерда яхши китоблар бор."
    decision = decide_language(text)
    assert (decision.lang, decision.is_cyrillic) == ("uz", True)


def test_turkmen_in_cyrillic_is_turkmen() -> None:
    text = "Бу китап мекдеп окувчылары үчин язылды ве онда көп гызыклы эсерлер бар, шол җадылы дүнйә хем."
    decision = decide_language(text)
    assert (decision.lang, decision.is_cyrillic) == ("tk", True)
    assert not decide_language(RUSSIAN).is_cyrillic


@pytest.mark.parametrize(
    ("name", "stem", "lang"),
    [
        ("kitap.ru.txt", "kitap", "ru"),
        ("kitap_tk.pdf", "kitap", "tk"),
        ("kitap-TM.docx", "kitap", "tk"),
        ("ru/kitap.html", "kitap", "ru"),
        ("kitaplar/tk/bir.html", "kitaplar/bir", "tk"),
        ("kitap.txt", "kitap", None),
        ("kitap.1.txt", "kitap.1", None),
        ("kitap_xx.txt", "kitap_xx", None),
        ("ru.txt", "ru", None),
    ],
)
def test_the_name_tells_the_language_and_what_versions_share(name: str, stem: str, lang: str | None) -> None:
    assert split_name(PurePosixPath(name), ("ru", "tk")) == (stem, lang)
