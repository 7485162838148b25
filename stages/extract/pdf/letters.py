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
# Each starts at what is rare on a page (a capital, a sign, a letter of the other script): a search that
# starts with a lookbehind takes ten times as long.
_SIGN_IN_WORD = re.compile(r"[$](?=[a-zа-яё])|\(cid:")
_CAPITALS = re.compile(r"[A-ZА-ЯЁ]{2,}")
_LATIN_BEFORE_CYRILLIC = re.compile(r"[A-Za-z](?=[А-яЁё])")


def has_odd_letters(text: str) -> bool:
    """Tell whether a text has anything that a broken font encoding may have left in it."""
    letters = set(text)
    if not letters <= _KNOWN:
        return True
    if ("$" in letters or "(" in letters) and _SIGN_IN_WORD.search(text):
        return True
    turned = 0
    for match in _CAPITALS.finditer(text):
        before = text[max(match.start() - 2, 0) : match.start()]
        if before[-1:].islower():
            if len(before) == 2 and before[0].islower() and text[match.end() : match.end() + 1].islower():
                return True
            # KOI8-R read as cp1251 turns the case of every letter: "оПХБЕР".
            turned += 1
    if turned >= 3:
        return True
    if letters.isdisjoint(_CYRILLIC) or letters.isdisjoint(_LATIN):
        return False
    return any(
        match.start() and text[match.start() - 1] in _CYRILLIC
        for match in _LATIN_BEFORE_CYRILLIC.finditer(text)
    )
