"""Text as people read it: interface markup, placeholders, scripts, look-alike letters, capitals, likeness."""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache
from itertools import chain

# A language is written in one script here; a language that is not listed is read as Latin.
SCRIPTS = {
    **dict.fromkeys(("ru", "kk", "ky", "tg", "uk", "be", "bg", "sr", "tt", "mn"), "Cyrl"),
    **dict.fromkeys(("tk", "tr", "az", "uz", "en", "de", "fr"), "Latn"),
}

# ---------------------------------------------------------------------------------------------------------
# The normaliser
# ---------------------------------------------------------------------------------------------------------

# What a program replaces before anyone reads the text. Flags with a space ("% s") are left out on purpose:
# "10 % skidka" is no placeholder; nor is a letter that a word goes on from ("50%den").
_PLACEHOLDER = re.compile(
    r"""
      \{\{\s*\#?[\w.\-]{1,60}(?::[\w.\-]{1,60})?\s*\}\}          # {{SITENAME}}, {{ count }}, {{int:save}}
    | \$\{[^{}$]{1,80}\}                                       # ${label}
    | %\{\w{1,40}\}                                            # %{name}
    | (?<!\{)\{[\w.\-]{0,40}(?:![rsa])?(?::[\w.,<>^+%-]{0,12})?\}(?!\})   # {0} {name} {} {value:.2f}
    | %\(\w{1,40}\)[#0+-]?\d{0,3}(?:\.\d{1,3})?[diouxXeEfFgGcrs]   # %(name)s
    | %(?:\d{1,2}\$)?[#0+-]?\d{0,3}(?:\.\d{1,3})?(?:hh|h|ll|l|z)?[diouxXeEfFgGcrs](?!\w)   # %s %1$s %5.2f
    | %L?\d{1,2}(?!\d)                                         # %1
    | %[nL](?!\w)                                              # %n
    | \$\d{1,2}(?![\d]|[.,]\d)                                 # $1
    | __[A-Z]{3,30}__                                          # __NOTOC__
    """,
    re.VERBOSE,
)

# A text without one of these has no placeholder; most texts are done with here.
_PLACEHOLDER_MARK = re.compile(r"[%{$]|__")

# Sentinels stand for placeholders while the rest of the text is rewritten; private-use characters cannot
# come from the text itself, because _strip_invisible has removed them before.
_SENTINEL_START = 0xE000
_SENTINEL = re.compile("[\ue000-\uf8ff]")

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
# A tag that the reader is told about ("the &lt;ref&gt; tag"): its name stays, without brackets.
_QUOTED_TAG = re.compile(r"&lt;/?([A-Za-z][\w:-]{0,30})\s?/?&gt;")
_COMMENT = re.compile(r"<!--(?:[^-]|-(?!->))*-->")
_BLOCK_TAGS = "address|article|blockquote|br|dd|div|dl|dt|h[1-6]|hr|li|ol|p|pre|section|table|td|th|tr|ul"
_INLINE_TAGS = (
    "a|abbr|acronym|b|bdi|bdo|big|button|center|cite|code|data|del|dfn|em|font|form|i|img|input|ins|kbd|label"
    "|mark|noinclude|nowiki|onlyinclude|q|ref|references|s|samp|script|small|source|span|strike|strong|style"
    "|sub|sup|syntaxhighlight|tt|u|var|wbr"
)
_TAG_END = r"(?:\s[^<>]{0,500})?/?\s*>"
_BLOCK_TAG = re.compile(rf"</?(?:{_BLOCK_TAGS}){_TAG_END}", re.IGNORECASE)
# <0>..</0> and <link>..</link> are how translation libraries mark a part of a message.
_INLINE_TAG = re.compile(rf"</?(?:{_INLINE_TAGS}|link|\d{{1,2}}){_TAG_END}", re.IGNORECASE)

_FORM = re.compile(r"\{\{\s*(PLURAL|GENDER|GRAMMAR)\s*:([^{}]{0,1000})\}\}", re.IGNORECASE)
_PASS_THROUGH = re.compile(
    r"\{\{\s*(?:FORMATNUM|BIDI|LC|UC|LCFIRST|UCFIRST)\s*:([^{}|]{0,200})\}\}", re.IGNORECASE
)
_FORM_NUMBER = re.compile(r"\s*\d+\s*=")
_WIKI_LINK = re.compile(r"\[\[:?([^\[\]|]{1,300})(?:\|([^\[\]]{0,500}))?\]\]")
_URL_LINK = re.compile(
    r"\[(?:(?:https?:)?//[^\s\[\]]{1,500}|mailto:[^\s\[\]]{1,200}|[\ue000-\uf8ff][^\s\[\]]{0,100})\s+([^\[\]]{1,500})\]"
)
_MAGIC_URL_LINK = re.compile(r"\[\{\{[^{}]{1,200}\}\}\s+([^\[\]]{1,500})\]")
_WIKI_QUOTES = re.compile(r"'{2,5}")
_HEADING = re.compile(r"^[^\S\n]*(={1,6})\s*([^=\n]{1,300}?)\s*\1\s*$", re.MULTILINE)
_BULLET = re.compile(r"^[^\S\n]*(?:[*#]{1,4}(?=\s)|\*{1,4}(?=\w)|:{1,4}(?=\s))\s*", re.MULTILINE)

_CJK_MNEMONIC = re.compile(r"\s*\([&_]\w\)")
_MNEMONIC_START = re.compile(r"(?:(?<=^)|(?<=[\s(\"«“]))[&_](?=[^\W_])")
_MNEMONIC_INSIDE = re.compile(r"(?<=[^\W\d_])[&_](?=[^\W\d_])")
_WORD_END = re.compile(r"[^\W_]+$")
_WORD_START = re.compile(r"[^\W_]+")
_ESCAPED_AMPERSAND = re.compile(r"\s*&&\s*")
_ESCAPED_UNDERSCORE = re.compile(r"(?<=\w)_{2}(?=\w)")
_ESCAPED_PERCENT = re.compile(r"%%(?![\w%({$+#.-])")
_PADDED_BRACKET = re.compile(r"(?<=[(\[«“])\s+(?=\w)|(?<=\w)\s+(?=[)\]»”])")

_INVISIBLE_CATEGORIES = frozenset(("Cc", "Cf", "Co", "Cn", "Cs"))


# They choose between the text and the picture of a sign, and count as printable.
_VARIATION_SELECTOR = re.compile("[\ufe00-\ufe0f]")


def _is_invisible(char: str) -> bool:
    return unicodedata.category(char) in _INVISIBLE_CATEGORIES or bool(_VARIATION_SELECTOR.match(char))


# Typeset hyphens, the breaking and the non-breaking one, are the same letter as the one on a keyboard.
_HYPHENS = str.maketrans("\u2010\u2011", "--")


def strip_invisible(text: str) -> str:
    """Remove zero-width, direction, soft-hyphen, control and private-use characters; spaces become " ".

    Line breaks and tabs count as spaces, runs of spaces as one, and none stays at either end.
    """
    if text.isprintable() and not _VARIATION_SELECTOR.search(text):
        return " ".join(text.split())
    return " ".join(_drop_invisible(text).split())


def _drop_invisible(text: str) -> str:
    # isspace() knows every Unicode space (no-break, thin) and the control characters that are one.
    return "".join(
        " " if char.isspace() else char for char in text if char.isspace() or not _is_invisible(char)
    )


def normalise(text: str) -> str:
    """Return a message as a reader sees it, in NFC: no mnemonics, no markup, plain spaces; placeholders stay.

    ``{{PLURAL:$1|..}}`` becomes its last form (the one for many), ``{{GENDER:$1|..}}`` its first,
    ``{{GRAMMAR:case|word}}`` the word. A literal ampersand stands between spaces or capitals ("R & D",
    "AT&T"), never where it could be read as a mnemonic. normalise(normalise(x)) == normalise(x): rules
    run until nothing changes, and each of them leaves fewer markup characters or a shorter text.
    """
    while True:
        after = _normalise_once(text)
        if after == text:
            return text
        text = after


def _normalise_once(text: str) -> str:
    text = text.translate(_HYPHENS)
    # Line structure first: bullets and headings are only that at the start of a line.
    text = _HEADING.sub(r"\2", text)
    text = _BULLET.sub("", text)
    text = strip_invisible(text)
    if not (text.isascii() and text.isalnum()):
        text = unicodedata.normalize("NFC", text)
        text = _strip_markup(text)
    return strip_invisible(unicodedata.normalize("NFC", text))


def _strip_markup(text: str) -> str:
    if "&" in text:
        text = _QUOTED_TAG.sub(_name_tag, text)
        text = _ENTITY.sub(lambda match: _drop_invisible(html.unescape(match.group())), text)
    text, held = _hold_placeholders(text)
    if "{{" in text:
        text = _FORM.sub(_choose_form, text)
        text = _PASS_THROUGH.sub(r"\1", text)
        text = _MAGIC_URL_LINK.sub(r"\1", text)
    if "<" in text:
        text = _COMMENT.sub(" ", text)
        text = _BLOCK_TAG.sub(" ", text)
        text = _INLINE_TAG.sub("", text)
    if "[" in text:
        text = _WIKI_LINK.sub(lambda match: match.group(2) or match.group(1), text)
        text = _URL_LINK.sub(r"\1", text)
    if "''" in text:
        text = _WIKI_QUOTES.sub("", text)
    text = _strip_mnemonics(text)
    if "%%" in text:
        text = _ESCAPED_PERCENT.sub("%", text)
    text = _PADDED_BRACKET.sub("", text)
    return _SENTINEL.sub(lambda match: held[ord(match.group()) - _SENTINEL_START], text)


def _name_tag(match: re.Match[str]) -> str:
    before, after = match.string[: match.start()], match.string[match.end() :]
    return " " * before[-1:].isalnum() + match.group(1) + " " * after[:1].isalnum()


def _choose_form(match: re.Match[str]) -> str:
    kind, arguments = match.group(1).upper(), match.group(2).split("|")
    # "1=form" is a form for one number; it serves only where there is no other.
    forms = [form for form in arguments[1:] if not _FORM_NUMBER.match(form)]
    forms = forms or [_FORM_NUMBER.sub("", form) for form in arguments[1:]] or [""]
    return (forms[-1] if kind == "PLURAL" else forms[0]).strip()


def _hold_placeholders(text: str) -> tuple[str, list[str]]:
    """Put one private-use character in the place of each placeholder."""
    held: list[str] = []
    if not _PLACEHOLDER_MARK.search(text):
        return text, held

    def hold(match: re.Match[str]) -> str:
        if len(held) >= 0xF8FF - _SENTINEL_START:
            return match.group()
        held.append(match.group())
        return chr(_SENTINEL_START + len(held) - 1)

    return _PLACEHOLDER.sub(hold, text), held


def _strip_mnemonics(text: str) -> str:
    if "&" not in text and "_" not in text:
        return text
    text = _CJK_MNEMONIC.sub("", text)
    text = _ESCAPED_AMPERSAND.sub(" & ", text)
    text = _ESCAPED_UNDERSCORE.sub(" ", text)
    # A message has one mnemonic; two marks of a kind are names (max_file_size, a&b&c).
    for mark in "&_":
        if text.count(mark) != 1:
            continue
        stripped = _MNEMONIC_START.sub("", text) if mark in _MNEMONIC_START.findall(text) else text
        if stripped == text:
            stripped = _MNEMONIC_INSIDE.sub(_join_unless_name, text)
        text = stripped
    return text


def _join_unless_name(match: re.Match[str]) -> str:
    """Remove a mark inside a word, unless the word is a name: R&D, max_size, MAX_SIZE."""
    before, after = match.string[: match.start()], match.string[match.end() :]
    head = _WORD_END.search(before).group()
    tail = _WORD_START.match(after).group()
    word = head + tail
    is_identifier = match.group() == "_" and word.isascii() and (word.islower() or word.isupper())
    return match.group() if is_identifier or (head[-1].isupper() and tail[0].isupper()) else ""


def placeholders(text: str) -> Counter[str]:
    """Count the placeholders of a normalised text; ``{{ count }}`` and ``{{count}}`` are the same."""
    return Counter(re.sub(r"\s+", "", found) for found in _PLACEHOLDER.findall(text))


def without_placeholders(text: str) -> str:
    """Return a text with a space in the place of each placeholder."""
    return _PLACEHOLDER.sub(" ", text) if _PLACEHOLDER_MARK.search(text) else text


# What is left of markup that the rules above could not read.
_LEFTOVER = re.compile(
    r"\{\{\s*(?:#|[\w ]+:)|\{\{[^{}]*\||\[\[[^\[\]]*(?:\||\]\]|$)|</?[a-z]+[^<>]*[=/]+[^<>]*>|\{\||\|[-}]"
    r"|\{\s*\w+\s*,\s*(?:plural|select|selectordinal)\s*,"
)


def has_leftover_markup(text: str) -> bool:
    """Tell whether a normalised text still carries markup that no reader would see."""
    return bool(_LEFTOVER.search(without_placeholders(text)))


# What keyboards, fonts and encodings put for the two marks of Uzbek spelling.
_UZBEK_MARKS = "['`´ʹʻʼʽʾʿˈ‘’‛′]"
# oʻ and gʻ inside a word; at its end, where the same sign may close a quotation; the glottal stop (maʼno).
_UZBEK_OG = re.compile(rf"(?<=[oOgG]){_UZBEK_MARKS}(?=[^\W\d_])")
_UZBEK_OG_LAST = re.compile(rf"(?<=[oOgG]){_UZBEK_MARKS}(?!\w)")
_UZBEK_STOP = re.compile(rf"(?<=[^\W\d_ʻ])(?<![oOgG]){_UZBEK_MARKS}(?=[^\W\d_])")
_OPENING_QUOTE = re.compile(r"(?<!\w)['`‘‛](?=\w)")


def repair_marks(text: str, lang: str) -> str:
    """Write the marks that belong to words as the language's spelling has them; only Uzbek has any here.

    Uzbek is typed with a dozen signs for two: oʻ and gʻ (U+02BB), and ʼ between letters (U+02BC). A sign
    after the last letter of a word stays where an opening quotation mark stands before it in the text.
    """
    if lang != "uz":
        return text
    text, held = _hold_placeholders(text)
    text = _UZBEK_OG.sub("ʻ", text)
    quote = _OPENING_QUOTE.search(text)
    start = quote.start() if quote else len(text)
    text = _UZBEK_OG_LAST.sub("ʻ", text[:start]) + text[start:]
    text = _UZBEK_STOP.sub("ʼ", text)
    return _SENTINEL.sub(lambda match: held[ord(match.group()) - _SENTINEL_START], text)


# ---------------------------------------------------------------------------------------------------------
# Scripts and look-alike letters
# ---------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8192)
def script_of(char: str) -> str:
    """Return "Cyrl", "Latn", "Other" for a letter of another script, or "" for what is no letter."""
    if not char.isalpha():
        return ""
    name = unicodedata.name(char, "")
    if name.startswith("CYRILLIC"):
        return "Cyrl"
    return "Latn" if name.startswith(("LATIN", "FEMININE ORDINAL", "MASCULINE ORDINAL")) else "Other"


def count_letters(text: str) -> int:
    """Count the letters of a text, placeholders aside."""
    return sum(map(str.isalpha, without_placeholders(text)))


def script_share(text: str, script: str) -> float:
    """Return the share (0-1) of a text's letters, placeholders aside, in a script; 0 without letters."""
    found = Counter(map(script_of, without_placeholders(text)))
    letters = sum(n for name, n in found.items() if name)
    return found[script] / letters if letters else 0.0


# Only letters that look the same in print, each with one counterpart: a repair never has to choose.
_CYRILLIC_TO_LATIN = dict(zip("АВЕЅІЈКМНОРСТХУаеѕіјорсхуһԁԛԝ", "ABESIJKMHOPCTXYaesijopcxyhdqw", strict=True))
_LATIN_TO_CYRILLIC = dict(zip("ABEKMHOPCTXYaeopcxyËë", "АВЕКМНОРСТХУаеорсхуЁё", strict=True))
_REPAIRS = {"Latn": ("Cyrl", _CYRILLIC_TO_LATIN), "Cyrl": ("Latn", _LATIN_TO_CYRILLIC)}
# Letters that an alphabet lacks: a repair that would make one is ambiguous, not a repair.
_ABSENT = {"tk": frozenset("cqvxCQVX"), "tr": frozenset("qwxQWX"), "az": frozenset("wW")}
_WORD = re.compile(r"[^\W\d_]+")


def repair_homoglyphs(text: str, lang: str) -> tuple[str, bool]:
    """Put the language's own letters in the place of look-alikes from the other script.

    A word is repaired if most of its letters are of the language's script and each of the others has one
    counterpart in the language's alphabet. Words wholly in another script are left alone: they are names.
    Returns the text and whether a mixed word stays that could not be repaired.
    """
    script = SCRIPTS.get(lang, "Latn")
    other, counterparts = _REPAIRS[script]
    held_text, held = _hold_placeholders(text)
    absent = _ABSENT.get(lang, frozenset())
    is_mixed = False

    def repair(match: re.Match[str]) -> str:
        nonlocal is_mixed
        word = match.group()
        found = Counter(map(script_of, word))
        if not found["Cyrl"] or not found["Latn"]:
            return word
        mapped = [counterparts.get(char, "") if script_of(char) == other else char for char in word]
        if found[script] <= found[other] or not all(mapped) or absent.intersection(mapped):
            is_mixed = True
            return word
        return "".join(mapped)

    repaired = _WORD.sub(repair, held_text)
    return _SENTINEL.sub(lambda match: held[ord(match.group()) - _SENTINEL_START], repaired), is_mixed


# ---------------------------------------------------------------------------------------------------------
# Capitals
# ---------------------------------------------------------------------------------------------------------

_VOWELS = frozenset("aeiouyäöüıýâêîôûаеёиоуыэюяәіөүұӯӣ")


def to_lower(text: str, lang: str) -> str:
    """Lower-case as the language does: Turkish and Azerbaijani have a dotless i."""
    if lang in ("tr", "az"):
        text = text.replace("I", "ı").replace("İ", "i")
    return text.replace("İ", "i").lower()


def to_upper(text: str, lang: str) -> str:
    """Upper-case as the language does: Turkish and Azerbaijani have a dotted I."""
    if lang in ("tr", "az"):
        text = text.replace("i", "İ")
    return text.upper()


def _is_acronym(word: str, lang: str) -> bool:
    is_foreign = SCRIPTS.get(lang, "Latn") == "Cyrl" and script_of(word[0]) == "Latn"
    return is_foreign or not _VOWELS.intersection(to_lower(word, lang))


def is_all_caps(text: str, lang: str) -> bool:
    """Tell whether a text shouts: several words, or one of at least six letters, all in capitals.

    Words that could be acronyms (no vowel, or Latin letters in a Cyrillic text) do not count, so neither
    "HTTP" nor "ДНК" nor "HTML CSS" is a heading in capitals.
    """
    text = without_placeholders(text)
    words = [word for word in _WORD.findall(text) if len(word) > 1 and not _is_acronym(word, lang)]
    if not words or any(not word.isupper() for word in words):
        return False
    if any(char.islower() for char in text if script_of(char) == script_of(words[0][0])):
        return False
    return sum(map(len, words)) >= 6 and (len(words) > 1 or len(words[0]) >= 6)


def to_sentence_case(text: str, lang: str) -> str:
    """Lower-case a text in capitals but for its first letter, placeholders and acronyms (see is_all_caps)."""
    held_text, held = _hold_placeholders(text)
    is_first = True

    def lower(match: re.Match[str]) -> str:
        nonlocal is_first
        word = match.group()
        if _SENTINEL.match(word) or (len(word) > 1 and _is_acronym(word, lang)):
            is_first = False
            return word
        lowered = to_lower(word, lang)
        if is_first:
            lowered = (
                word[0] + lowered[1:] if len(lowered) == len(word) else word[0] + to_lower(word[1:], lang)
            )
        is_first = False
        return lowered

    lowered = re.sub(r"[^\W\d_]+|[\ue000-\uf8ff]", lower, held_text)
    return _SENTINEL.sub(lambda match: held[ord(match.group()) - _SENTINEL_START], lowered)


_FIRST_WORD = re.compile(r"[\"'«“„(\[]*([^\W\d_]+)")


def _capitalise_first(text: str, lang: str) -> str:
    match = _FIRST_WORD.match(text)
    if match is None:
        return text
    word, at = match.group(1), match.start(1)
    if not word.islower():  # "iPhone" keeps its capitals where they are
        return text
    return text[:at] + to_upper(word[0], lang) + text[at + 1 :]


def _starts_upper(text: str) -> bool:
    match = _FIRST_WORD.match(text)
    return match is not None and match.group(1)[0].isupper()


def align_case(src: str, src_lang: str, tgt: str, tgt_lang: str) -> tuple[str, str]:
    """Give both sides of a pair the same habit of capitals.

    A side that is all in capitals gets sentence case; then, if one side starts with a capital, so does the
    other (a capital never goes: it may be a name's).
    """
    if is_all_caps(src, src_lang):
        src = to_sentence_case(src, src_lang)
    if is_all_caps(tgt, tgt_lang):
        tgt = to_sentence_case(tgt, tgt_lang)
    if _starts_upper(src) and not _starts_upper(tgt):
        tgt = _capitalise_first(tgt, tgt_lang)
    elif _starts_upper(tgt) and not _starts_upper(src):
        src = _capitalise_first(src, src_lang)
    return src, tgt


# ---------------------------------------------------------------------------------------------------------
# Likeness: groups, templates, near-duplicates
# ---------------------------------------------------------------------------------------------------------

_NOT_WORD = re.compile(r"[\W_]+")
_DIGITS = re.compile(r"\d+")


def fold(text: str, lang: str) -> str:
    """Reduce a text to its words: lower case, no punctuation; the text itself if nothing is left."""
    return _NOT_WORD.sub(" ", to_lower(text, lang)).strip() or text


def group_id(text: str, lang: str) -> str:
    """Return 16 hex digits that texts share which differ in capitals and punctuation only."""
    return hashlib.sha256(f"{lang}\0{fold(text, lang)}".encode()).hexdigest()[:16]


# Templates are short; longer texts that share this much are left to the near-duplicate check.
_TEMPLATE_MAX_WORDS = 12
_TEMPLATE_MAX_GAP = 3


def _frames(words: Sequence[int]) -> list[int]:
    """Hash each way of leaving out 1-3 neighbouring words so that at least two, and half of all, stay."""
    n = len(words)
    if n > _TEMPLATE_MAX_WORDS:
        return []
    widest = min(_TEMPLATE_MAX_GAP, n - max(2, (n + 1) // 2))
    return [
        hash((n - gap, *words[:at], -1, *words[at + gap :]))
        for gap in range(1, widest + 1)
        for at in range(n - gap + 1)
    ]


def find_templates(texts: Sequence[str], min_count: int) -> list[Hashable]:
    """Return for each text a name of the template it is made from, or None.

    Texts that differ in numbers only, or in up to three neighbouring words of at most twelve ("* : light skin
    tone"), share a template if more than ``min_count`` distinct texts do; of several the commonest is taken.
    Linear in the number of texts.
    """
    import numpy as np

    vocabulary: dict[str, int] = defaultdict(lambda: len(vocabulary))
    masked = [_DIGITS.sub("0", text) for text in texts]
    words = [tuple(vocabulary[word] for word in text.split()) for text in masked]
    distinct = set(words)
    hashes = np.fromiter((frame for one in distinct for frame in _frames(one)), dtype=np.int64)
    values, counts = np.unique(hashes, return_counts=True)
    del hashes
    common = {
        int(v): int(c) for v, c in zip(values[counts > min_count], counts[counts > min_count], strict=True)
    }
    same_mask: dict[str, set[str]] = defaultdict(set)
    for text, mask in zip(texts, masked, strict=True):
        if _DIGITS.search(text):
            same_mask[mask].add(text)
    templates: list[Hashable] = []
    for mask, one in zip(masked, words, strict=True):
        found = [(common[frame], frame) for frame in _frames(one) if frame in common] if common else []
        if found:
            templates.append(max(found)[1])
        else:
            templates.append(mask if len(same_mask.get(mask, ())) > min_count else None)
    return templates


def find_near_duplicates(texts: Iterable[str], threshold: float, n: int = 4) -> list[int | None]:
    """Return for each text the position of an earlier kept text that it nearly repeats, else None.

    Two texts are near-duplicates if the Jaccard overlap of their sets of character ``n``-grams exceeds
    ``threshold``. Exact, by prefix filtering (Xiao et al., 2008, PPJoin, without its suffix filter): two sets
    that overlap so much share one of their rarest n-grams, so only texts with a common rare n-gram are
    compared. Kept texts alone are indexed.
    """
    import numpy as np

    numbers: dict[str, int] = defaultdict(lambda: len(numbers))
    sets = []
    for text in texts:
        grams = dict.fromkeys(text[i : i + n] for i in range(max(1, len(text) - n + 1)))
        sets.append(np.fromiter((numbers[gram] for gram in grams), dtype=np.int32, count=len(grams)))
    frequency = np.zeros(len(numbers), dtype=np.int64)
    for ids in sets:
        frequency[ids] += 1
    # Rank of an n-gram by rarity, ties by first appearance; rarest first.
    rank = np.empty(len(numbers), dtype=np.int32)
    rank[np.lexsort((np.arange(len(numbers)), frequency))] = np.arange(len(numbers), dtype=np.int32)
    del frequency
    sizes = np.array([len(ids) for ids in sets], dtype=np.int64)
    is_mine = np.zeros(len(rank), dtype=bool)
    index: dict[int, list[int]] = defaultdict(list)
    found: list[int | None] = []
    for position, ids in enumerate(sets):
        ranked = np.sort(rank[ids])
        sets[position] = ranked
        size = len(ranked)
        prefix = ranked[: size - int(np.ceil(threshold * size)) + 1].tolist()
        others = set(chain.from_iterable(index[gram] for gram in prefix if gram in index))
        candidates = np.sort(np.fromiter(others, dtype=np.int64, count=len(others)))
        smaller, larger = np.minimum(sizes[candidates], size), np.maximum(sizes[candidates], size)
        is_mine[ranked] = True
        match = None
        for other in candidates[smaller > threshold * larger].tolist():
            common = int(np.count_nonzero(is_mine[sets[other]]))
            if common > threshold * (size + len(sets[other]) - common):
                match = other
                break
        is_mine[ranked] = False
        found.append(match)
        if match is None:
            for gram in prefix:
                index[gram].append(position)
    return found
