"""Repairs text whose font has a broken or a legacy encoding, and tells what cannot be repaired."""

from __future__ import annotations

import functools
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stages.extract.hyphens import Vocabulary
from stages.extract.pdf.book import Line, PageText
from stages.extract.pdf.signs import EDGES, HOLE, Signs, is_known, share_of_garbage, share_of_signs

# Letters of the languages at hand (ru, tk in both scripts, uz, kk, tg, tr, az), digits, punctuation,
# Greek, ligatures and mathematics. Anything else may come from a font whose encoding is broken.
_EXPECTED = (
    "\t\n\r\x0b\x0c -~"
    "\xa0§«°±²³·¹»×÷¼½¾©®\xad"
    "ÄÇÖÜÝäçöüýĞğİıŇňŞşŽžÂâÎîÛûƏə"
    "ЁёА-яҖҗҢңӨөҮүӘәҚқҒғҰұҺһІіӢӣӮӯҲҳҶҷЎў"
    "Ά-ώʻʼ‘’‚“”„‟‐-―•…‰′″‹›€№™⁰-₟←-⇿∀-⋿─-◿☀-➿\u200b-\u200f\u2028-\u202f\u2060ﬀ-ﬆ\ufeff"
)
# The same characters one by one: comparing sets is faster than searching a page with the expression.
_KNOWN = frozenset(re.findall(f"[{_EXPECTED}]", "".join(map(chr, [*range(0x3000), *range(0xFB00, 0xFF00)]))))
_CYRILLIC = frozenset(map(chr, range(0x400, 0x500)))
_LATIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
# Each starts at what is rare on a page (a capital, a sign, a letter of the other script): a search that
# starts with a lookbehind takes ten times as long.
_SIGN_IN_WORD = re.compile(
    r"""["#$%&*<>@\\^_`{|}~\[\]](?:(?<=[^\W\d_].)(?=[^\W\d_])|(?<=[$])(?=[a-zа-яё]))"""
)
_SIGNS = frozenset('"#$%&*+<=>@\\^_`{|}~[]')
_CAPITALS = re.compile(r"[A-ZА-ЯЁ]{2,}")
_LATIN_BEFORE_CYRILLIC = re.compile(r"[A-Za-z](?=[А-яЁё])")


def has_odd_letters(text: str, letters: set[str] | None = None) -> bool:
    """Tell whether a text has anything that a broken font encoding may have left in it.

    ``letters`` are those that matter: all of them, if the caller does not say.
    """
    letters = set(text) if letters is None else letters
    if not letters <= _KNOWN:
        return True
    if "(" in letters and "(cid:" in text:
        return True
    signs = letters & _SIGNS
    if signs and (_SIGN_IN_WORD.search(text) or sum(map(text.count, signs)) > 0.06 * len(text) + 5):
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


# Text with less than this share of common letter pairs is none of the languages; with more, it is.
BAD, GOOD = 0.35, 0.68
# A font needs this many letters to be judged by itself.
ENOUGH = 40
# A repair that changes some letters of Latin words has to make so many of these words known ones.
CONFIRMED = 0.05
# A font with signs in more than this share of its words, and fewer letters than signs, is garbage.
GARBAGE = 0.3

_CID = re.compile(r"\(cid:(\d+)\)")
# Bullets and arrows of the symbol fonts, in their private places.
_SYMBOLS = str.maketrans({
    "\uf0b7": "•", "\uf0a7": "▪", "\uf0d8": "►", "\uf0e0": "→", "\uf0fc": "✓", "\uf02d": "−", "\uf02b": "+",
    "\uf03d": "=", "\uf0b4": "×", "\uf0b0": "°", "\uf0a3": "≤", "\uf0b3": "≥", "\uf0d7": "·", "\uf076": "❖",
})  # fmt: skip


@functools.cache
def _pairs() -> dict[str, frozenset[str]]:
    """Return the common letter pairs of each language; "_" is the edge of a word."""
    # Workers import this module too, and never need the parameters that this brings along.
    from stages.lib.core.assets import read_asset

    return {lang: frozenset(pairs.split()) for lang, pairs in read_asset("text/letter_pairs").items()}


def likeness(text: str) -> float:
    """Return the share (0-1) of a text's letter pairs that are common in the likeliest language.

    About 0.85 for real text, below 0.3 for text in the wrong encoding; words are capped at their edges.
    """
    pairs: dict[str, int] = defaultdict(int)
    total = 0
    for word in re.findall(r"[^\W\d_]+", text):
        # Letters of the wrong case inside a word are as odd as wrong letters.
        if not (word.islower() or word.isupper() or word[1:].islower()):
            total += len(word) + 1
            continue
        edged = f"_{word.lower()}_"
        for i in range(len(edged) - 1):
            pairs[edged[i : i + 2]] += 1
        total += len(edged) - 1
    if not total:
        return 0.0
    # Marks inside words that are no letters ("Ba¢lyk") break them up.
    total += 2 * len(re.findall(r"[^\W\d_][^\w\s'’.,:;!?)(/«»\"“”\-–—…‐°-⁹²³¹%*+=<>\]\[]+[^\W\d_]", text))
    return max(sum(n for pair, n in pairs.items() if pair in common) for common in _pairs().values()) / total


# Known encodings. Each candidate turns what was read into what was meant.


def _recode(read_as: str, meant: str) -> Callable[[str], str]:
    table = {}
    for byte in range(0x80, 0x100):
        try:
            wrong = bytes([byte]).decode(read_as)
        except UnicodeDecodeError:
            # Undefined in that code page; readers give the control character of the same number.
            wrong = chr(byte)
        try:
            table[ord(wrong)] = bytes([byte]).decode(meant)
        except UnicodeDecodeError:
            continue
    return lambda text: text.translate(table)


def _from_cids(text: str) -> str:
    """Read the numbers that a simple font could not map as bytes."""
    return _CID.sub(lambda m: chr(int(m.group(1))) if int(m.group(1)) < 256 else m.group(), text)


def _from_private(text: str) -> str:
    """Read the private places F000-F0FF of symbol-encoded fonts as bytes."""
    return "".join(chr(ord(c) - 0xF000) if 0xF000 <= ord(c) <= 0xF0FF else c for c in text)


# Microsoft's fonts number their Cyrillic glyphs in a row from 570 (А); text extracted without a map
# carries these numbers, as (cid:570) or as the Unicode characters of the same number.
_GLYPH_A, _GLYPH_IO, _GLYPH_LOWER_IO = 570, 556, 634


def _from_glyph_numbers(text: str) -> str:
    def letter(number: int) -> str | None:
        if _GLYPH_A <= number < _GLYPH_A + 64:
            return chr(0x410 + number - _GLYPH_A)
        if number in (_GLYPH_IO, _GLYPH_LOWER_IO):
            return "Ё" if number == _GLYPH_IO else "ё"
        return None

    text = _CID.sub(
        lambda m: (
            letter(int(m.group(1)))
            or (chr(int(m.group(1)) + 29) if 3 <= int(m.group(1)) <= 97 else m.group())
        ),
        text,
    )
    return "".join(letter(ord(c)) or c for c in text)


# Turkmen Latin of 1993-1999, typed with currency signs for the letters that code pages lacked, and
# the letters of neighbouring code pages that typists used.
_CURRENCY = str.maketrans({"¥": "Ý", "ÿ": "ý", "$": "Ş", "¢": "ş", "£": "Ž", "ſ": "ž", "Ñ": "Ň", "ñ": "ň"})
_NEIGHBOURS = str.maketrans({
    "ñ": "ň", "Ñ": "Ň", "ò": "ň", "Ò": "Ň", "ÿ": "ý", "Ÿ": "Ý", "þ": "ş", "Þ": "Ş", "º": "ş", "ª": "Ş",
    "ð": "ž", "Ð": "Ž", "æ": "ž", "Æ": "Ž", "å": "ä",
})  # fmt: skip

# cp866 is not among them: its letter а is the no-break space of every other code page.
_CODE_PAGES = ("cp1251", "koi8_r", "mac_cyrillic", "ptcp154", "kz1048", "cp1250", "cp1254", "iso8859_5")


@functools.cache
def _candidates() -> tuple[tuple[str, Callable[[str], str]], ...]:
    steps: list[tuple[str, Callable[[str], str]]] = [
        ("Turkmen typed with signs of 1993", lambda text: text.translate(_CURRENCY)),
        ("Turkmen typed with neighbouring letters", lambda text: text.translate(_NEIGHBOURS)),
        ("glyph numbers of Microsoft's fonts", _from_glyph_numbers),
    ]
    for read_as in ("latin_1", "cp1252", "cp1251", "mac_roman"):
        for meant in _CODE_PAGES:
            if read_as != meant:
                steps.append((f"{meant} read as {read_as}", _recode(read_as, meant)))
    # What may come before: bytes hidden as numbers or private places.
    hidden: list[tuple[str, Callable[[str], str]]] = []
    for name, unhide in (("unmapped codes", _from_cids), ("private places", _from_private)):
        hidden.append((name, unhide))
        for meant in _CODE_PAGES:
            recode = _recode("latin_1", meant)
            hidden.append((f"{name} in {meant}", lambda text, u=unhide, r=recode: r(u(text))))
    return (*steps, *hidden)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done with the text of one font.

    ``repair`` is applied to its text, or if the font is lost tells by what it changes which words are lost; a
    lost font without repair loses what it cannot name, and if it is garbage all its words.
    """

    name: str
    repair: Callable[[str], str] | None
    is_lost: bool
    is_garbage: bool = False


def judge(sample: str, has_word: Callable[[str], bool] = lambda word: False) -> Verdict:
    """Find the encoding of a font's text by its letters; known mappings only.

    Text is lost when it has glyphs without any mapping and no known encoding makes it readable, or when a
    repair of single letters is confirmed by no word of the book's sound ones (``has_word``) or of the list.
    Readable text, and text in a language not known here, stays as it is.
    """
    sample = sample[:20000]
    plain = likeness(sample)
    best_name, best, best_score = "", None, plain
    letters = sum(c.isalpha() for c in _CID.sub("", sample))
    for name, repair in _candidates():
        repaired = repair(sample)
        if repaired == sample:
            continue
        # Turning letters into signs makes words fewer, not righter.
        if sum(c.isalpha() for c in repaired) < 0.98 * letters:
            continue
        # Text that is nearly right needs a few letters put right, not all of them: it may be in a language
        # that is not known here.
        if plain >= 0.5 and len(repaired) == len(sample):
            changed = sum(a != b for a, b in zip(sample, repaired, strict=True))
            if changed > 0.2 * letters:
                continue
        # A repair that leaves holes is worth less than one that does not.
        score = likeness(repaired) - 2.0 * len(HOLE.findall(repaired)) / max(len(repaired), 1)
        if score > best_score + 0.0005:
            best_name, best, best_score = name, repair, score
    holes = len(HOLE.findall(sample.translate(_SYMBOLS)))
    signs = share_of_signs(sample)
    is_better = plain < BAD or holes or best_score > plain + 0.02
    # Where signs remain inside words, they stood for other letters than this encoding has for them.
    if best and best_score >= GOOD and is_better and share_of_signs(best(sample)) <= min(signs, 0.02):
        is_confirmed = _is_confirmed(sample, best(sample), has_word)
        return Verdict(best_name, best, not is_confirmed)
    if letters < 0.5 * len("".join(sample.split())) and share_of_garbage(sample) > GARBAGE:
        return Verdict("unknown encoding", None, True, is_garbage=True)
    if holes and holes > 0.02 * (letters + holes):
        return Verdict("unknown encoding", None, True)
    return Verdict("", None, False)


def _is_confirmed(sample: str, repaired: str, has_word: Callable[[str], bool]) -> bool:
    """Tell whether words confirm a repair; one into Cyrillic changes too many letters to be chance."""
    before, after = sample.split(), repaired.split()
    if not _CYRILLIC.isdisjoint(repaired) or len(before) != len(after):
        return True
    changed = {
        word: next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), 0)
        for old, new in zip(before, after, strict=True)
        if old != new
        for word in [new.strip(EDGES)]
    }
    known = sum(is_known(word, place, has_word) for word, place in changed.items())
    return known >= max(1, CONFIRMED * len(changed))


def repair_pages(pages: Sequence[PageText], vocabulary: Vocabulary | None = None) -> list[PageText]:
    """Repair or leave out the words of broken fonts, on the pages whose lines carry spans.

    Fonts are judged on all their text in the book; ``vocabulary`` has the words of its sound pages. A page
    that loses words is quarantined, keeps the others and says so.
    """
    samples: dict[str, list[str]] = defaultdict(list)
    for page in pages:
        for line in page.lines:
            for font, text in line.spans:
                samples[font].append(text)
    if not samples:
        return list(pages)
    words = [word for page in pages for line in page.lines if line.spans for word, _ in _cut_words(line)]
    counts = (vocabulary or Vocabulary()).count
    sound: set[str] = set()

    def has_word(word: str) -> bool:
        return word in sound or counts(word) > 0

    verdicts = _refuse_mixtures(_judge_fonts(samples, has_word), words)
    for word in words:
        plain = "".join(text for _, text in word).strip(EDGES)
        if plain.isalpha() and not any(verdicts[font].repair for font, _ in word):
            sound.add(plain.lower())
    signs = Signs((_repair(word, verdicts) for word in words), has_word)
    return [
        _repair_page(page, verdicts, signs) if any(line.spans for line in page.lines) else page
        for page in pages
    ]


def _judge_fonts(samples: dict[str, list[str]], has_word: Callable[[str], bool]) -> dict[str, Verdict]:
    verdicts: dict[str, Verdict] = {}
    small = []
    for font in sorted(samples):
        text = "\n".join(samples[font])
        odd = has_odd_letters(text) or HOLE.search(text)
        if not odd:
            verdicts[font] = Verdict("", None, False)
        elif len(_CID.sub("x", "".join(text.split()))) >= ENOUGH:
            verdicts[font] = judge(text, has_word)
        else:
            small.append(font)
    repairs = [verdict for verdict in verdicts.values() if verdict.repair and not verdict.is_lost]
    for font in small:
        text = "\n".join(samples[font])
        verdict = judge(text, has_word)
        # Too little to judge by its letters: what another font of the book needed, if it leaves no holes.
        shared = None
        for other in repairs:
            repaired = other.repair(text) if other.repair else text
            if repaired != text and not HOLE.search(repaired):
                shared = other
                break
        verdicts[font] = verdict if verdict.repair and not verdict.is_lost else (shared or verdict)
    return verdicts


def _refuse_mixtures(
    verdicts: dict[str, Verdict], words: Sequence[Sequence[tuple[str, str]]]
) -> dict[str, Verdict]:
    """Take back the repairs that put letters of the other script into words of several fonts."""
    mixed: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for word in words:
        if len(word) > 1 and any(verdicts[font].repair for font, _ in word):
            letters = set("".join(text for _, text in _repair(word, verdicts)))
            is_mixed = not letters.isdisjoint(_CYRILLIC) and not letters.isdisjoint(_LATIN)
            total.update(font for font, _ in word)
            mixed.update(font for font, _ in word if is_mixed)
    return {
        font: Verdict("", None, False) if verdict.repair and mixed[font] > 0.5 * total[font] else verdict
        for font, verdict in verdicts.items()
    }


def _cut_words(line: Line) -> list[tuple[list[tuple[str, str]], str]]:
    """Return the words of a line in parts (font, text), each with the space or the tabs before it."""
    words: list[tuple[list[tuple[str, str]], str]] = [([], "")]
    for font, text in line.spans:
        for piece in re.split(r"(\s+)", text):
            if piece.isspace():
                words.append(([], piece))
            elif piece:
                words[-1][0].append((font, piece))
    return words


def _repair(word: Sequence[tuple[str, str]], verdicts: dict[str, Verdict]) -> list[tuple[str, str]]:
    parts = []
    for font, text in word:
        verdict = verdicts[font]
        repaired = verdict.repair(text) if verdict.repair and not verdict.is_lost else text
        parts.append((font, repaired.translate(_SYMBOLS)))
    return parts


def _read_word(word: Sequence[tuple[str, str]], verdicts: dict[str, Verdict], signs: Signs) -> str | None:
    """Return the text of a word, "" for an ornament; None if the word is lost."""
    parts = _repair(word, verdicts)
    plain = "".join(text for _, text in parts)
    # Single glyphs without a meaning are ornaments; with many of them, a font lacks its letters.
    has_letters = any(map(str.isalpha, HOLE.sub("", plain)))
    for font, text in word:
        verdict = verdicts[font]
        if verdict.is_garbage or (verdict.is_lost and verdict.repair and verdict.repair(text) != text):
            return None
        if verdict.is_lost and not has_letters and HOLE.search(plain):
            return None
    text = signs.read(parts)
    return None if text is None else HOLE.sub("", text)


def _repair_page(page: PageText, verdicts: dict[str, Verdict], signs: Signs) -> PageText:
    lines: list[Line] = []
    total = lost = 0
    repaired: set[str] = set()
    unknown: set[str] = set()
    for line in page.lines:
        words = _cut_words(line)
        texts = [_read_word(word, verdicts, signs) for word, _ in words]
        missing = [word for (word, _), text in zip(words, texts, strict=True) if text is None]
        unknown |= {
            font for word in missing for font, text in word if verdicts[font].is_lost or not text.isalpha()
        }
        total += len(words)
        lost += len(missing)
        for (word, _), text in zip(words, texts, strict=True):
            if text and HOLE.sub("", "".join(part.translate(_SYMBOLS) for _, part in word)) != text:
                names = {v.name for font, _ in word if (v := verdicts[font]).repair and not v.is_lost}
                repaired |= names or {"signs that stand for letters"}
        # A tab is the border of a cell, which stays where its words are lost.
        parts = (
            (space if text or "\t" in space else "") + (text or "")
            for (_, space), text in zip(words, texts, strict=True)
        )
        text = "".join(parts) if line.kind else "".join(parts).strip()
        if text.strip():
            lines.append(line._replace(text=text, spans=()))
    reasons = [page.reason] if page.reason else []
    status = page.status
    if repaired:
        # What is lost on a page weighs more than what was repaired.
        status = "error" if status == "error" else "repaired"
        reasons.append("font encoding: " + ", ".join(sorted(repaired)))
    if lost:
        status = "error" if status == "error" else "quarantined"
        fonts = ", ".join(sorted(font.split("+")[-1] or "no name" for font in unknown))
        reasons.append(f"unknown encoding of {fonts}: {lost} of {total} words left out")
    return page._replace(lines=lines, status=status, reason="; ".join(reasons))
