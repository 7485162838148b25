"""TMX 1.4b, the exchange format of translation memories (Localization Industry Standards Association, 2005).

XML 1.0 has no place for most control characters, U+FFFE and U+FFFF, not even escaped; see
:mod:`stages.extract.pairs.tmx`, which undoes what is written here. The header has a note on it. A carriage
return is a character reference, which XML would otherwise turn into a line feed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from commands.exports.rows import PROVENANCE, Row, field_text
from stages.extract.pairs.tmx import TOOL

_NOTE = (
    "A character that XML 1.0 cannot hold is written as U+241B, its code point in hexadecimal, and a "
    "semicolon; U+241B itself likewise."
)
# U+FDD0 XML could hold, but the reader has it for what is unreadable.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufdd0\ufffe\uffff\u241b]")
_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"})
# Properties of a unit: each field of the row but its name, which is the unit's id.
_PROPERTIES = tuple(name for name in PROVENANCE if name != "pair_id")


def write_tmx(rows: Iterable[Row], path: Path, src_lang: str, tgt_lang: str) -> None:
    """Write one translation unit for each row, with its provenance as properties."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n<tmx version="1.4">\n'
            f'<header creationtool="{TOOL}" creationtoolversion="1" segtype="sentence" o-tmf="parquet" '
            f'adminlang="en" srclang="{src_lang}" datatype="plaintext">\n'
            f"<note>{_NOTE}</note>\n</header>\n<body>\n"
        )
        for row in rows:
            file.write(_unit(row, src_lang, tgt_lang))
        file.write("</body>\n</tmx>\n")


def _unit(row: Row, src_lang: str, tgt_lang: str) -> str:
    properties = "".join(
        f'<prop type="{_property(name)}">{_escape(field_text(row[name]))}</prop>\n'
        for name in _PROPERTIES
        if row[name] is not None
    )
    return (
        f'<tu tuid="{_escape(row["pair_id"])}">\n{properties}'
        f'<tuv xml:lang="{src_lang}"><seg>{_escape(row["src"])}</seg></tuv>\n'
        f'<tuv xml:lang="{tgt_lang}"><seg>{_escape(row["tgt"])}</seg></tuv>\n</tu>\n'
    )


def _property(name: str) -> str:
    return f"x-{name.replace('_', '-')}"


def _escape(text: str) -> str:
    return _FORBIDDEN.sub(lambda match: f"\u241b{ord(match[0]):04X};", text).translate(_MARKUP)
