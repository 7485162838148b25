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


def test_messages_are_read_with_context_comment_and_forms():
    content = qm_file(
        [("Main", "File", "menu", ["Faýl"]), ("Main", "%n day(s)", "", ["%n gün", "%n günler"])]
    )
    messages = list(read_qm(content, "tk.qm"))
    assert [(item.context, item.source, item.comment, item.translations) for item in messages] == [
        ("Main", "File", "menu", ["Faýl"]),
        ("Main", "%n day(s)", "", ["%n gün", "%n günler"]),
    ]


@pytest.mark.parametrize("cut", [20, 50, 90])
def test_a_truncated_file_is_named(cut):
    content = qm_file([("Main", "File", "menu", ["Faýl"])] * 3)
    with pytest.raises(SourceError, match=r"tk\.qm: broken or truncated"):
        list(read_qm(content[:cut], "tk.qm"))


def test_another_kind_of_file_is_named():
    with pytest.raises(SourceError, match=r"tk\.qm: not a Qt translation file"):
        list(read_qm(b"<?xml version='1.0'?>", "tk.qm"))


def test_english_is_taken_from_the_texts_translated(tmp_path):
    messages = [
        ("Preferences", "&Clear", "", ["&Arassala"]),
        ("Main", "%n word(s)", "", ["%n söz", "%n sözler"]),
    ]
    files = {"usr/share/goldendict/locale/tk_TM.qm": qm_file(messages)}
    table = extract_files("goldendict", files, tmp_path)
    assert texts(table, "tk") == {
        "goldendict/Preferences|&Clear": "&Arassala",
        "goldendict/Main|%n word(s)#one": "%n söz",
        "goldendict/Main|%n word(s)#other": "%n sözler",
    }
    assert texts(table, "en")["goldendict/Main|%n word(s)"] == "%n word(s)"
