from __future__ import annotations

import pytest

from stages.extract.messages.qt import MAGIC, read_qm
from stages.lib.core.errors import SourceError
from tests.stages.raw_tars import extract_files, texts


def record(tag: int, text: bytes) -> bytes:
    return bytes([tag]) + len(text).to_bytes(4, "big") + text


def qm_file(messages: list[tuple[str, str, str, list[str]]]) -> bytes:
    """Compile (context, source, comment, translations) as Qt's lrelease lays them out."""
    body = b""
    for context, source, comment, translations in messages:
        for text in translations:
            body += record(3, text.encode("utf-16-be"))
        body += (
            record(8, comment.encode()) + record(6, source.encode()) + record(7, context.encode()) + b"\x01"
        )
    # A section of hashes comes first in real files and is passed over.
    return MAGIC + record(0x42, bytes(16)) + record(0x69, body)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        *((qm_file([("Main", "File", "menu", ["Faýl"])] * 3)[:cut], "broken or") for cut in (20, 50, 90)),
        (b"<?xml version='1.0'?>", "not a Qt translation file"),
    ],
)
def test_a_broken_file_is_named(content, message):
    with pytest.raises(SourceError, match=rf"tk\.qm: {message}"):
        list(read_qm(content, "tk.qm"))


def test_english_is_taken_from_the_texts_translated(tmp_path):
    messages = [
        ("Preferences", "&Clear", "menu", ["&Arassala"]),
        ("Main", "%n word(s)", "", ["%n söz", "%n sözler"]),
    ]
    files = {"usr/share/goldendict/locale/tk_TM.qm": qm_file(messages)}
    table = extract_files("goldendict", files, tmp_path)
    assert texts(table, "tk") == {
        "goldendict/Preferences|menu\x04&Clear": "&Arassala",
        "goldendict/Main|%n word(s)#one": "%n söz",
        "goldendict/Main|%n word(s)#other": "%n sözler",
    }
    assert texts(table, "en")["goldendict/Main|%n word(s)"] == "%n word(s)"
