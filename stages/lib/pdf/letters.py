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
# The same characters one by one: comparing sets is faster than searching a page with the expression.
_KNOWN = frozenset(re.findall(f"[{_EXPECTED}]", "".join(map(chr, range(0x3000)))))
_CYRILLIC = frozenset(map(chr, range(0x400, 0x500)))
_LATIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
# Each starts at what is rare on a page: a capital, a sign, a letter of the other script.
_SIGN_IN_WORD = re.compile(r"(?<=[^\W\d_])[$]|[$](?=[a-zа-яё])|\(cid:")
_CAPITALS_IN_WORD = re.compile(r"(?<=[a-zа-яё]{2})[A-ZА-ЯЁ]{2,}(?=[a-zа-яё])")
_LATIN_IN_CYRILLIC = re.compile(r"(?<=[А-яЁё])[A-Za-z](?=[А-яЁё])|(?<=[a-z])[а-яё](?=[a-z])")
# KOI8-R read as cp1251 turns the case of every letter: "оПХБЕР".
_TURNED_CASE = re.compile(r"(?<=\b[а-яё])[А-ЯЁ]{2,}\b")


def has_odd_letters(text: str) -> bool:
    """Tell whether a text has anything that a broken font encoding may have left in it."""
    letters = set(text)
    if not letters <= _KNOWN:
        return True
    if ("$" in letters or "(" in letters) and _SIGN_IN_WORD.search(text):
        return True
    if _CAPITALS_IN_WORD.search(text) or len(_TURNED_CASE.findall(text)) >= 3:
        return True
    both = not letters.isdisjoint(_CYRILLIC) and not letters.isdisjoint(_LATIN)
    return both and _LATIN_IN_CYRILLIC.search(text) is not None
