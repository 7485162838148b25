"""Hard negatives: copies of a sentence with one fact changed, in the manner of xSIM++.

Chen et al. (2023, xSIM++, arXiv 2306.12907) corrupt the English side only, by numbers, entities and
causality. Here both sides of the pair are corrupted by rules and lists written for Russian, Turkmen and
Uzbek: numbers, named entities, negation, and words of direction or degree. A model that only knows what a
sentence is about cannot tell such a copy from the right translation. The words are in assets/hard_negatives.
Not to be confused with the hard negatives of training, which stages.finetune.contrastive mines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from stages.lib.core.assets import read_asset

Maker = Callable[[str], Iterator[str]]

# Copies of one kind made from one text at most, so that a long list of numbers does not flood the pool.
MAX_PER_KIND = 2

_LETTER = r"[^\W\d_]"
_WORD_START = r"(?<![\w$%{])"
_WORD_END = r"(?![\w}])"


@dataclass(frozen=True)
class Corruption:
    """One changed copy; ``kind`` is number, entity, negation or direction."""

    kind: str
    text: str


def corrupt(text: str, lang: str) -> tuple[Corruption, ...]:
    """Return the changed copies of a text, always the same ones in the same order; maybe none.

    Every copy differs from the text and from the other copies. Placeholders (``$1``, ``{0}``, ``%s``,
    ``%(n)s``) are never touched. Numbers change in every language; the other kinds need lists, which
    Russian, Turkmen and Uzbek have.
    """
    found: list[Corruption] = []
    seen = {text}
    counts: dict[str, int] = {}
    for kind, make in _makers(lang):
        for changed in make(text):
            if changed in seen or counts.get(kind, 0) >= MAX_PER_KIND:
                continue
            seen.add(changed)
            counts[kind] = counts.get(kind, 0) + 1
            found.append(Corruption(kind, changed))
    return tuple(found)


@cache
def _makers(lang: str) -> tuple[tuple[str, Maker], ...]:
    """Return what changes a text of a language, in order, each with its kind."""
    if lang not in _NEGATE:
        return (("number", _change_digits),)
    rules = read_asset(f"hard_negatives/{lang}")
    products = [{"stems": names, "endings": ""} for names in read_asset("hard_negatives/products")["classes"]]
    return (
        ("number", _change_digits),
        ("number", _word_swapper(rules["numbers"], both_ways=False)),
        *(("entity", _stem_swapper(**group)) for group in rules["entities"]),
        ("entity", _stem_swapper(products, cased=True)),
        ("negation", lambda text: _NEGATE[lang](text, _negation_words(lang))),
        ("direction", _word_swapper(rules["directions"], phrases=rules.get("phrases", ()))),
    )


@dataclass(frozen=True)
class _Negation:
    """How a language negates a word: by another word, or by a particle beside it."""

    swap_modal: Maker
    negatable: re.Pattern[str]
    double: re.Pattern[str]


@cache
def _negation_words(lang: str) -> _Negation:
    rules = read_asset(f"hard_negatives/{lang}")
    return _Negation(
        # An Uzbek modal is negated by a word after it, which _UZ_EMAS takes away.
        _word_swapper(rules["modals"], both_ways=lang != "uz"),
        re.compile(_WORD_START + _any_of(rules.get("negatable", ())) + _WORD_END, re.IGNORECASE),
        re.compile(rf"\b{_any_of(rules.get('double_negation', ()))}\b", re.IGNORECASE),
    )


def _any_of(patterns: Sequence[str]) -> str:
    return f"(?:{'|'.join(patterns) or '(?!)'})"


def _splice(text: str, start: int, stop: int, new: str) -> str:
    return text[:start] + new + text[stop:]


def _like(model: str, word: str) -> str:
    """Give ``word`` the capitals of ``model``: all, the first, or none."""
    if len(model) > 1 and model.isupper():
        return word.upper()
    if model[:1].isupper():
        return word[:1].upper() + word[1:]
    return word


# --- numbers ------------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"(?<![\w$%{(\\#&./:-])\d+(?![\w}$])")


def _change_digits(text: str) -> Iterator[str]:
    """Change the last digit, so that length, grammar class and any leading zero stay."""
    for match in _NUMBER.finditer(text):
        number = match.group()
        # +3 within 2..9 never gives 0 or 1, after which Russian and English nouns take another form.
        last = 2 + (int(number[-1]) + 3 - 2) % 8
        yield _splice(text, match.start(), match.end(), number[:-1] + str(last))


# --- swaps of one word for another --------------------------------------------------------------------------


def _word_swapper(pairs: Mapping[str, str], both_ways: bool = True, phrases: Sequence[str] = ()) -> Maker:
    """Swap whole words; with ``both_ways`` each pair also works from right to left.

    ``phrases`` are regular expressions of set phrases whose words stay.
    """
    table = dict(pairs)
    if both_ways:
        for left, right in pairs.items():
            table.setdefault(right, left)
    # Longest first: "не только" must win over "не".
    words = sorted(table, key=lambda word: (-len(word), word))
    pattern = re.compile(_WORD_START + "(" + "|".join(map(re.escape, words)) + ")" + _WORD_END, re.IGNORECASE)

    fixed = re.compile(_any_of(phrases), re.IGNORECASE)

    def swap(text: str) -> Iterator[str]:
        spans = [match.span() for match in fixed.finditer(text)]
        for match in pattern.finditer(text):
            # IGNORECASE takes İ and ı for i, lower() does not: such a word is Turkish, and stays.
            new = table.get(match.group().lower())
            if new is None or any(start <= match.start() < stop for start, stop in spans):
                continue
            yield _splice(text, match.start(), match.end(), _like(match.group(), new))

    return swap


# Russian "в" is "во" before в or ф and another consonant: в среду, во вторник, во Франции.
_VO = re.compile(r"\b([Вв])о? (?=\w+$)")
_TAKES_VO = re.compile(r"[вф][^аеёиоуыэюя]", re.IGNORECASE)


def _swap_name(text: str, start: int, stop: int, new: str) -> str:
    """Put ``new`` in place, with the right form of a "в" before it."""
    head, old = text[:start], text[start:stop]
    if bool(_TAKES_VO.match(old)) != bool(_TAKES_VO.match(new)):
        head = _VO.sub(r"\1о " if _TAKES_VO.match(new) else r"\1 ", head + "x")[:-1]
    return head + new + text[stop:]


def _stem_swapper(classes: Sequence[Mapping[str, Any]], cased: bool) -> Maker:
    """Swap a stem for the next of its class and leave the ending.

    ``classes`` have stems and endings: the stems of one class take the same endings, so grammar survives.
    ``endings`` is a regular expression. ``cased`` asks for a capital first letter, as names have.
    """
    rules = []
    for stems, endings in ((each["stems"], each["endings"]) for each in classes):
        table = dict(zip(stems, stems[1:] + stems[:1], strict=True))
        ordered = sorted(stems, key=lambda stem: (-len(stem), stem))
        pattern = _WORD_START + "(" + "|".join(map(re.escape, ordered)) + f")({endings})" + _WORD_END
        rules.append((re.compile(pattern, re.IGNORECASE), {stem.lower(): new for stem, new in table.items()}))

    def swap(text: str) -> Iterator[str]:
        found = []
        for pattern, table in rules:
            for match in pattern.finditer(text):
                stem = match.group(1)
                new = table.get(stem.lower())  # None: written with İ or ı, as above
                if new is None or (cased and not stem[0].isupper()):
                    continue
                found.append((match.start(1), match.end(1), _like(stem, new)))
        for start, stop, new in sorted(found):
            yield _swap_name(text, start, stop, new)

    return swap


# --- Russian ------------------------------------------------------------------------------------------------

_RU_NE = re.compile(r"\bне\s+(?=\w)", re.IGNORECASE)


def _negate_ru(text: str, words: _Negation) -> Iterator[str]:
    """Take a "не" away where there is one; else swap a modal word or put "не" before a verb."""
    match = _RU_NE.search(text)
    if match:
        if not words.double.search(text):
            rest = text[match.end() :]
            if match.group()[0].isupper():
                rest = rest[:1].upper() + rest[1:]
            yield text[: match.start()] + rest
        return
    if words.double.search(text) and not re.search(r"\bнельзя\b", text, re.IGNORECASE):
        return
    yield from words.swap_modal(text)
    match = words.negatable.search(text)
    if match:
        word = match.group()
        if word[0].isupper() and not word.isupper():
            word = word[0].lower() + word[1:]
        yield _splice(text, match.start(), match.end(), _like(match.group(), "не") + " " + word)


# --- Turkmen ------------------------------------------------------------------------------------------------

_TK_DAL = re.compile(r"\s+däl(?:dir)?(?!-)" + _WORD_END)
_TK_DAL_TAKERS = re.compile(
    _WORD_START
    + rf"(?:mümkin|gerek|zerur|hökman|{_LETTER}{{3,}}(?:maly|meli))(dyr|dir)?(?!\s+däl)"
    + _WORD_END,
    re.IGNORECASE,
)
_TK_BACK, _TK_FRONT = "aouy", "eäiöü"
_TK_VOWEL = _TK_BACK + _TK_FRONT
_TK_PERSON = r"(?:dy|di)?(?:lar|ler|m|ň|k|ňyz|ňiz|s(?:y|i)ň(?:y|i)z|myn|min)?"
# Negative verbs: -ma-/-me- before the tense; taking it away gives the affirmative.
_TK_NEGATIVE = re.compile(
    _WORD_START + rf"({_LETTER}{{2,}})(ma|me)(ýar|ýär|dy|di)({_TK_PERSON})" + _WORD_END, re.IGNORECASE
)
_TK_POSITIVE = re.compile(
    _WORD_START + rf"({_LETTER}{{2,}}?)(ýar|ýär|dy|di)({_TK_PERSON})" + _WORD_END, re.IGNORECASE
)
_TK_IMPERATIVE = re.compile(_WORD_START + rf"({_LETTER}{{2,}})([aäyiuü])ň([.!…:)]*)$", re.IGNORECASE)
# Words that only look like verbs of the third person past.
_TK_NOT_VERBS = {"indi", "şindi", "hindi", "kredi", "haýdi", "medi", "endi", "edi"}


def _harmony(stem: str) -> str | None:
    """Return ``a`` or ``e``-type harmony by the last vowel of a stem; None without a vowel."""
    for letter in reversed(stem.lower()):
        if letter in _TK_BACK:
            return "back"
        if letter in _TK_FRONT:
            return "front"
    return None


def _negate_tk(text: str, words: _Negation) -> Iterator[str]:
    """Take a negation away where there is one; else negate a modal word, "-maly/-meli" or the last verb."""
    if re.search(_WORD_START + r"(?:hiç|hiçbir|hiçhaçan)" + _WORD_END, text, re.IGNORECASE):
        return  # "hiç" asks for the negation
    match = _TK_DAL.search(text)
    if match and match.start() > 0:
        yield _splice(text, match.start(), match.end(), "")
        return
    match = _last(_TK_NEGATIVE, text)
    if match and _harmony(match.group(1)):
        yield _splice(text, match.start(2), match.end(2), "")
        return
    yield from words.swap_modal(text)
    match = _TK_DAL_TAKERS.search(text)
    if match:
        suffix = match.group(1)
        if suffix:
            yield _splice(text, match.start(1), match.end(1), " däldir")
        else:
            yield _splice(text, match.end(), match.end(), " däl")
    match = _last(_TK_POSITIVE, text)
    if match and match.group().lower() not in _TK_NOT_VERBS:
        stem, harmony = match.group(1), _harmony(match.group(1))
        ending = match.group(2).lower()
        # "-ýar" and "-ýär" follow harmony as "-dy" and "-di" do: a word that does not is no verb form.
        fits = harmony == ("back" if ending in ("ýar", "dy") else "front")
        is_long = sum(letter in _TK_VOWEL for letter in stem.lower()) >= (1 if ending[0] == "ý" else 2)
        # "oýnapdy" is negated as "oýnamandy"; that form is left alone.
        fits = fits and not re.search(rf"{_LETTER}{{2}}[aäyiuüe]p$", stem)
        if fits and (is_long or stem[-1].lower() not in _TK_VOWEL):
            # "edýär" -> "etmeýär": a stem's final d hardens before m.
            stem = stem[:-1] + "t" if stem.lower() in ("ed", "gid") and ending[0] == "ý" else stem
            negation = "ma" if harmony == "back" else "me"
            yield _splice(text, match.start(1), match.end(1), stem + negation)
    match = _TK_IMPERATIVE.search(text)
    if match:
        # "saýlaň" -> "saýlamaň", "işläň" -> "işlemäň", "giriziň" -> "girizmäň"; "-nyň" is a genitive.
        stem = match.group(1) + {"a": "a", "ä": "e"}.get(match.group(2).lower(), "")
        harmony = _harmony(stem)
        if harmony and not stem.lower().endswith(("m", "n")):
            ending = "maň" if harmony == "back" else "mäň"
            yield _splice(text, match.start(), match.end(), stem + ending + match.group(3))


# --- Uzbek --------------------------------------------------------------------------------------------------
# oʻ and gʻ are as the clean stage writes them.

_UZ_EMAS = re.compile(r"\s+emas(?:dir)?" + _WORD_END)
_UZ_NEGATIVE = re.compile(
    _WORD_START + rf"({_LETTER}{{2,}})(may|ma)(di|gan)(lar|m|ng|k|man|siz|miz)?" + _WORD_END, re.IGNORECASE
)
_UZ_POSITIVE = re.compile(
    _WORD_START + rf"({_LETTER}{{3,}}?)(adi|ydi|di|gan)(lar|m|ng|k|man|siz|miz)?" + _WORD_END, re.IGNORECASE
)
_UZ_IMPERATIVE = re.compile(_WORD_START + rf"({_LETTER}{{2,}})(ing|ang)([.!…:)]*)$", re.IGNORECASE)
_UZ_VOWELS = "aeiouʻ"
# Words that only look like verbs.
_UZ_NOT_VERBS = {"endi", "edi", "qaysidi", "oʻzgan", "kredi"}


def _negate_uz(text: str, words: _Negation) -> Iterator[str]:
    """Take a negation away where there is one; else negate a modal word, the last verb or a request."""
    if re.search(_WORD_START + r"(?:hech|hechqachon)" + _WORD_END, text, re.IGNORECASE):
        return  # "hech" asks for the negation
    match = _UZ_EMAS.search(text)
    if match and match.start() > 0:
        yield _splice(text, match.start(), match.end(), "")
        return
    match = _last(_UZ_NEGATIVE, text)
    if match:
        # "kelmaydi" -> "keladi", "ishlamaydi" -> "ishlaydi", "kelmadi" -> "keldi"
        stem, ends_in_vowel = match.group(1), match.group(1)[-1].lower() in _UZ_VOWELS
        between = "" if match.group(2).lower() == "ma" else "y" if ends_in_vowel else "a"
        yield _splice(text, match.start(1), match.end(2), stem + between)
        return
    yield from words.swap_modal(text)
    match = _last(_UZ_POSITIVE, text)
    if match and match.group().lower() not in _UZ_NOT_VERBS:
        stem, ending = match.group(1), match.group(2).lower()
        ends_in_vowel = stem[-1].lower() in _UZ_VOWELS
        # The present is -adi after a consonant and -ydi after a vowel; anything else is no such form.
        if ending == "gan" or ends_in_vowel == (ending == "ydi") or (ending == "di" and ends_in_vowel):
            new = "maydi" if ending in ("adi", "ydi") else "ma" + ending
            yield _splice(text, match.start(1), match.end(2), stem + new)
    match = _UZ_IMPERATIVE.search(text)
    if match and not match.group(1).lower().endswith("n"):  # "-ning" is a genitive
        stem, ending = match.group(1), match.group(2).lower()
        if ending == "ang" and stem[-1].lower() == "m":  # "kiritmang" -> "kiriting", "saqlamang" -> "saqlang"
            new = stem[:-1] + ("ng" if stem[-2].lower() in _UZ_VOWELS else "ing")
        else:
            new = stem + ("amang" if ending == "ang" else "mang")
        yield _splice(text, match.start(), match.end(), new + match.group(3))


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """Return the last match: the main verb of a Turkic sentence stands at its end."""
    match = None
    for match in pattern.finditer(text):  # noqa: B007 - the last one is wanted
        pass
    return match


_NEGATE: dict[str, Callable[[str, _Negation], Iterator[str]]] = {
    "ru": _negate_ru,
    "tk": _negate_tk,
    "uz": _negate_uz,
}
