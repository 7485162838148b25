"""Rows for the tests of formats: Russian and Turkmen text with everything that breaks files."""

from __future__ import annotations

from commands.exports.rows import Row
from stages.lib.core.tables import pair_id
from tests.phrases import PHRASES

# Markup, entities, quotes, tabs, line ends of every kind, control characters, escapes that are text, spaces
# at the ends, characters outside the basic plane, and what XML cannot hold.
NASTY = [
    ("Нажмите <b>«Да»</b> & ждите", "<b>«Hawa»</b> & garaşyň"),
    ("Кавычки: \" ' ` „“", "Goşa dyrnak: \" ' ` ,, ''"),
    ("Первая\tвторая\nтретья\r\nчетвёртая\rпятая", "Birinji\tikinji\nüçünji\r\ndördünji\rbäşinji"),
    ("Папка C:\\new\\tab и \\\\сервер", "C:\\new\\tab bukjasy we \\\\serwer"),
    ("Управление: \x00\x01\x08\x0b\x0c\x1b\x1f\x7f\x85", "Dolandyryş: \x00\x02\x0e\x1e\x9f"),
    ("&lt;не тег&gt; &#13; &amp;amp;", "&lt;belgi däl&gt; &#13; &amp;amp;"),
    ("  пробелы по краям  ", "  gyralarda boşluk  "),
    ("Строки\u2028и\u2029абзацы\u0085и", "Setirler\u2028we\u2029bölümler"),
    ("Знак \u241b и \u241b0001; и \ufffe\uffff", "\u241b belgisi, \u241b241B; we \ufffe"),
    ("Смайл 😀 и 𐐷", "Ýylgyrma 😀 we 𐐷"),
    ("]]> конец CDATA <![CDATA[", "]]> soňy <![CDATA["),
    ("=1+1", "@SUM(A1)"),
]


def make_rows(texts: list[tuple[str, str]]) -> list[Row]:
    """One row a pair; every third without a score, with a key that has gettext's control character."""
    return [
        Row(
            pair_id=pair_id("ru", src, "tk", tgt),
            src=src,
            tgt=tgt,
            source="phrases",
            doc=f"phrases/{n // 5}",
            key=f"ay\x04{n}" if n % 3 == 0 else None,
            n_src=n,
            n_tgt=n if n % 2 else None,
            method="given" if n % 3 == 0 else "aligned",
            score=None if n % 3 == 0 else 0.25,
            license="CC0-1.0",
        )
        for n, (src, tgt) in enumerate(texts)
    ]


ROWS = make_rows([*PHRASES, *NASTY])
TEXTS = [(row["src"], row["tgt"]) for row in ROWS]
