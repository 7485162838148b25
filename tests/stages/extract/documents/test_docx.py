from __future__ import annotations

import contextlib
import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.extract.documents import docx as module
from stages.extract.documents.docx import read_docx
from stages.lib.core.errors import DataError

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
TURKMEN = "Täze kitaphana açyldy we oňa köp okyjy gelýär, sebäbi onda gyzykly kitaplar bar."


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


def r(text: str, properties: str = "") -> str:
    return f"<w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r>"


def marked(mark: str, *runs: str) -> str:
    """Return a paragraph whose end has a property."""
    return f"<w:p><w:pPr><w:rPr><w:{mark}/></w:rPr></w:pPr>{''.join(runs)}</w:p>"


def par(*runs: str) -> str:
    return f"<w:p>{''.join(runs)}</w:p>"


BOX = f"<w:r><w:rPr><w:vanish/></w:rPr><w:pict><w:txbxContent>{p('guty')}</w:txbxContent></w:pict></w:r>"
RUBY = f"<w:r><w:ruby><w:rt>{r('okalyşy')}</w:rt><w:rubyBase>{r('söz')}</w:rubyBase></w:ruby></w:r>"


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        # Moved text is read at its new place only, deleted text nowhere, inserted text as it stands.
        (
            par(r("Bir "), f"<w:moveFrom>{r('göçen ')}</w:moveFrom>", r("iki"))
            + par(f"<w:moveTo>{r('göçen ')}</w:moveTo>", f"<w:ins>{r('täze')}</w:ins>"),
            ["Bir iki", "göçen täze"],
        ),
        (par(f"<w:moveFrom><w:ins>{r('göçen')}</w:ins></w:moveFrom>", r("galan")), ["galan"]),
        (par(r("a"), f"<w:del>{r('b')}<w:r><w:noBreakHyphen/></w:r></w:del>", r("ç")), ["aç"]),
        # A deleted or moved end of a paragraph joins it to the next one, or to none.
        (marked("del", r("Bir ")) + p("iki"), ["Bir iki"]),
        (marked("moveFrom", f"<w:moveFrom>{r('x')}</w:moveFrom>") + p("iki"), ["iki"]),
        (marked("del", r("soňky")), ["soňky"]),
        # Hidden runs: by themselves and by their style; not where it is switched off or was so before.
        (par(r("gizlin ", "<w:vanish/>"), r("görünýän")), ["görünýän"]),
        (par(r("gizlin", "<w:vanish w:val='true'/>"), r("bar", "<w:vanish w:val='0'/>")), ["bar"]),
        (par(r("gizlin", "<w:rStyle w:val='Gizlin'/>"), r("bar", "<w:rStyle w:val='Emphasis'/>")), ["bar"]),
        (par(r("gizlin ", "<w:rStyle w:val='Miras'/>"), r("bar")), ["bar"]),
        (p("gizlin", "<w:pStyle w:val='Gizlin'/>") + p("bar"), ["bar"]),
        (par(r("bar", "<w:rPrChange><w:rPr><w:vanish/></w:rPr></w:rPrChange>")), ["bar"]),
        # A hidden end of a paragraph hides none of its text; what is hidden in web pages is shown in print.
        (marked("vanish", r("bar")), ["bar"]),
        (par(r("mazmun", "<w:webHidden/>")), ["mazmun"]),
        (par(BOX), []),
        (par(RUBY), ["söz"]),
    ],
)
def test_what_is_not_shown_is_not_read(inner: str, expected: list[str]) -> None:
    styles = (
        f"<w:styles {W}><w:style w:styleId='Gizlin'><w:rPr><w:vanish/></w:rPr></w:style>"
        "<w:style w:styleId='Miras'><w:basedOn w:val='Gizlin'/></w:style>"
        "<w:style w:styleId='Emphasis'><w:rPr><w:vanish w:val='0'/></w:rPr></w:style></w:styles>"
    )
    blocks = read_docx(docx(body(inner), **{"word/styles.xml": styles.encode()}), "a.docx")
    assert [block.text for block in blocks] == expected


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
        (
            docx(f'<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE d [{LOL}]><d/>'.encode("utf-16")),
            "document type",
        ),
        (docx(body("")).replace(b"word/document.xml", b"word/dokument.xml"), "no word/document.xml"),
        (docx(body(""), **{"../../evil.xml": b"a"}), "'../../evil.xml' leaves the file"),
        (docx(body(""), **{"C:\\evil.xml": b"a"}), "leaves the file"),
        (docx(body(p(" " * 30_000_000))), "refusing to read it"),
        (docx(body(""), **{f"m{i}": b"" for i in range(5001)}), "5,003 members, over the limit of 5,000"),
    ],
    ids=["empty", "head", "cut", "xml", "bomb", "file", "UTF-16", "none", "path", "drive", "ratio", "many"],
)  # fmt: skip
def test_bombs_and_broken_files_are_refused_in_one_line(data: bytes, said: str) -> None:
    with pytest.raises(DataError) as caught:
        read_docx(data, "a.docx")
    assert said in str(caught.value)
    assert str(caught.value).startswith("a.docx: ")
    assert "\n" not in str(caught.value)


def test_what_all_parts_unpack_to_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_UNPACKED_BYTES", 10_000)
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
