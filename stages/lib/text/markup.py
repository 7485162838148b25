"""What a reader sees of a message: no markup, no mnemonics, no invisible characters; placeholders stay."""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from functools import lru_cache

from stages.lib.core.assets import read_asset

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

# Sentinels stand for placeholders while the rest of the text is rewritten; the text itself has no private-use
# characters any more, because strip_invisible has removed them.
_SENTINEL_START = 0xE000
SENTINEL = re.compile("[\ue000-\uf8ff]")

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
# A tag that the reader is told about ("the &lt;ref&gt; tag"): its name stays, without brackets.
_QUOTED_TAG = re.compile(r"&lt;/?([A-Za-z][\w:-]{0,30})\s?/?&gt;")

_FORM_NUMBER = re.compile(r"\s*\d+\s*=")
_HEADING = re.compile(r"^[^\S\n]*(={1,6})\s*([^=\n]{1,300}?)\s*\1\s*$", re.MULTILINE)
_BULLET = re.compile(r"^[^\S\n]*(?:(?:[*#]{1,4}(?=\s)|\*{1,4}(?=\w)|:{1,4}(?=\s))\s*)+", re.MULTILINE)

_CJK_MNEMONIC = re.compile(r"\s*\([&_]\w\)")
_MNEMONIC_START = re.compile(r"(?:(?<=^)|(?<=[\s(\"«“]))[&_](?=[^\W_])")
_MNEMONIC_INSIDE = re.compile(r"(?<=[^\W\d_])[&_](?=[^\W\d_])")
_WORD_END = re.compile(r"[^\W_]+$")
_WORD_START = re.compile(r"[^\W_]+")
_ESCAPED_AMPERSAND = re.compile(r"\s*&&\s*")
_ESCAPED_UNDERSCORE = re.compile(r"(?<=\w)_{2}(?=\w)")
_ESCAPED_PERCENT = re.compile(r"(?<!%)%{2,}(?![\w%({$+#.-])")
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
    return outside_placeholders(text, _strip_marks)


@lru_cache
def _markup_rules() -> tuple[tuple[str, re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]:
    """Return the rules in their order: a sign that a text must have, the pattern, what takes its place."""
    tags = {kind: names.replace(" ", "|") for kind, names in read_asset("text/tags").items()}
    end = r"(?:\s[^<>]{0,500})?/?\s*>"
    url = r"(?:https?:)?//[^\s\[\]]{1,500}|mailto:[^\s\[\]]{1,200}|[\ue000-\uf8ff][^\s\[\]]{0,100}"
    rules = (
        ("{{", r"\{\{\s*(PLURAL|GENDER|GRAMMAR)\s*:([^{}]{0,1000})\}\}", _choose_form),
        ("{{", r"\{\{\s*(?:FORMATNUM|BIDI|LC|UC|LCFIRST|UCFIRST)\s*:([^{}|]{0,200})\}\}", r"\1"),
        ("{{", r"\[\{\{[^{}]{1,200}\}\}\s+([^\[\]]{1,500})\]", r"\1"),
        ("<", r"<!--(?:[^-]|-(?!->)){0,1000}-->", " "),
        ("<", rf"</?(?:{tags['block']}){end}", " "),
        ("<", rf"</?(?:{tags['inline']}|\d{{1,2}}){end}", ""),
        ("[", r"\[\[:?([^\[\]|]{1,300})(?:\|([^\[\]]{0,500}))?\]\]", lambda match: match[2] or match[1]),
        ("[", rf"\[(?-i:{url})\s+([^\[\]]{{1,500}})\]", r"\1"),
        ("''", r"'{2,5}", ""),
    )
    return tuple((sign, re.compile(pattern, re.IGNORECASE), new) for sign, pattern, new in rules)


def _strip_marks(text: str) -> str:
    """Remove markup from a text without placeholders."""
    for sign, pattern, replacement in _markup_rules():
        if sign in text:
            text = pattern.sub(replacement, text)
    text = _strip_mnemonics(text)
    if "%%" in text:
        text = _ESCAPED_PERCENT.sub("%", text)
    return _PADDED_BRACKET.sub("", text)


def _name_tag(match: re.Match[str]) -> str:
    before, after = match.string[: match.start()], match.string[match.end() :]
    return " " * before[-1:].isalnum() + match.group(1) + " " * after[:1].isalnum()


def _choose_form(match: re.Match[str]) -> str:
    kind, arguments = match.group(1).upper(), match.group(2).split("|")
    # "1=form" is a form for one number; it serves only where there is no other.
    forms = [form for form in arguments[1:] if not _FORM_NUMBER.match(form)]
    forms = forms or [_FORM_NUMBER.sub("", form) for form in arguments[1:]] or [""]
    return (forms[-1] if kind == "PLURAL" else forms[0]).strip()


def outside_placeholders(text: str, change: Callable[[str], str]) -> str:
    """Apply ``change`` to a text in which one private-use character stands for each placeholder."""
    if not _PLACEHOLDER_MARK.search(text):
        return change(text)
    originals: list[str] = []

    def replace(match: re.Match[str]) -> str:
        if len(originals) >= 0xF8FF - _SENTINEL_START:
            return match.group()
        originals.append(match.group())
        return chr(_SENTINEL_START + len(originals) - 1)

    changed = change(_PLACEHOLDER.sub(replace, text))
    return SENTINEL.sub(lambda match: originals[ord(match.group()) - _SENTINEL_START], changed)


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
    return Counter(re.sub(r"\s+", "", match) for match in _PLACEHOLDER.findall(text))


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
