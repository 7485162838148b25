"""Which letters are expected in a book, and how much a text looks like one of its languages."""

from __future__ import annotations

import re

# Letters of the languages at hand (ru, tk in both scripts, uz, kk, tg, tr, az), digits, punctuation,
# Greek and mathematics. Anything else may come from a font whose encoding is broken.
_EXPECTED = (
    "\t\n\r\x0b\x0c -~"
    "\xa0§«°±²³·¹»×÷¼½¾©®\xad"
    "ÄÇÖÜÝäçöüýĞğİıŇňŞşŽžÂâÎîÛû"
    "ЁёА-яҖҗҢңӨөҮүӘәҚқҒғҰұҺһІіӢӣӮӯҲҳҶҷЎў"
    "Α-ωʻʼ‘’‚“”„‟‐-―•…‰′″‹›€№™⁰-₟←-⇿∀-⋿─-◿☀-➿\u200b-\u200f\u2028-\u202f\u2060\ufeff"
)
_ODD = re.compile(f"[^{_EXPECTED}]|[a-zа-яё]{{2}}[A-ZА-ЯЁ]{{2,}}[a-zа-яё]|[a-zа-яё][$]|[$][a-zа-яё]|\\(cid:")
_CYRILLIC_AND_LATIN = re.compile(r"[А-яЁё][A-Za-z][А-яЁё]|[a-z][а-яё][a-z]")
# KOI8-R read as cp1251 turns the case of every letter: "оПХБЕР".
_TURNED_CASE = re.compile(r"\b[а-яё][А-ЯЁ]{2,}\b")


def has_odd_letters(text: str) -> bool:
    """Tell whether a text has anything that a broken font encoding may have left in it."""
    if _ODD.search(text) or _CYRILLIC_AND_LATIN.search(text):
        return True
    return len(_TURNED_CASE.findall(text)) >= 3
