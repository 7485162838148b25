"""The language of a document or a block, decided from its text, and of a file by its name."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from stages.extract.transliterate import IS_CYRILLIC, to_latin
from stages.lib.text.language import MIN_WORDS, LanguageCheck
from stages.lib.text.letters import script_of

_SAMPLE_CHARS = 4_000
_BY_SCRIPT = {"Cyrl": ("ru", "kk", "ky", "tg"), "Latn": ("tk", "tr", "az", "uz", "en")}
_NAME_CODES = {"tm": "tk", "kz": "kk"}


@dataclass(frozen=True)
class Decision:
    """The language of a text, None where it cannot be told, and the evidence for it over the next best.

    Evidence is in the units of LanguageCheck: about one for a telling word. ``is_cyrillic``: the text is
    Turkmen or Uzbek in Cyrillic letters, to be converted.
    """

    lang: str | None
    evidence: float
    is_cyrillic: bool = False


@lru_cache(maxsize=16)
def _check(lang: str) -> LanguageCheck:
    return LanguageCheck(lang)


def decide_language(text: str) -> Decision:
    """Decide the language of a text from its script, words and letters, whatever it is filed under.

    Looks at 4,000 characters, from the beginning, the middle and the end.
    """
    if len(text) > _SAMPLE_CHARS:
        third, middle = _SAMPLE_CHARS // 3, len(text) // 2
        text = f"{text[:third]} {text[middle : middle + third]} {text[-third:]}"
    letters = [script for script in map(script_of, text) if script]
    if len(text.split()) < MIN_WORDS or not letters:
        return Decision(None, 0.0)
    script = max(_BY_SCRIPT, key=letters.count)
    if letters.count(script) < 0.5 * len(letters):
        return Decision(None, 0.0)
    for lang, is_cyrillic in IS_CYRILLIC.items():
        if script == "Cyrl" and is_cyrillic(text):
            evidence = -_check(lang).score(to_latin(text, lang)).evidence
            if evidence > 0:
                return Decision(lang, evidence, True)
    # How much speaks against each language, of what speaks for any other.
    against = {lang: _check(lang).score(text).evidence for lang in _BY_SCRIPT[script]}
    lang = min(against, key=against.__getitem__)
    return Decision(lang, -against[lang]) if against[lang] < 0 else Decision(None, 0.0)


def split_name(path: PurePosixPath, langs: Collection[str]) -> tuple[str, str | None]:
    """Return what the language versions of a file share in their names, and the language in this one.

    ``dir/name.ru.txt``, ``dir/name_tk.pdf``, ``dir/name-tk.docx`` and ``ru/dir/name.txt`` name a language.
    """
    parts = list(path.parts)
    name = path.name[: len(path.name) - len(path.suffix)]
    lang = None
    match = re.fullmatch(r"(.+)[._-]([A-Za-z]{2})", name)
    if match and _code(match[2]) in langs:
        name, lang = match[1], _code(match[2])
    else:
        for place, part in enumerate(parts[:-1]):
            if _code(part) in langs:
                lang = _code(part)
                del parts[place]
                break
    return "/".join([*parts[:-1], name]), lang


def _code(text: str) -> str:
    return _NAME_CODES.get(text.lower(), text.lower())


# A block in another language than its document speaks for itself with more than a name or two.
_FOREIGN_WORDS = 8
_FOREIGN_EVIDENCE = 4.0


def is_foreign(text: str, lang: str) -> bool:
    """Tell whether a block of eight words or more is clearly in another language than ``lang``."""
    return len(text.split()) >= _FOREIGN_WORDS and _check(lang).score(text).evidence >= _FOREIGN_EVIDENCE
