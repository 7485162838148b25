"""Blocks of text as every reader makes them: cleaned and compared in one way."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from stages.extract.hyphens import Vocabulary, join_broken_words
from stages.lib.text.letters import repair_homoglyphs
from stages.lib.text.markup import strip_invisible

SOFT_BREAK = re.compile("\u00ad\\s*(?=[^\\W\\d_])")
_NOT_WORD = re.compile(r"[\W_]+")
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True)
class Block:
    """A piece of running text; kind is heading, paragraph, item, quote, cell or title."""

    kind: str
    text: str


def clean_line(text: str) -> str:
    """Return text on one line: NFC, words joined at soft hyphens, no invisible characters."""
    return unicodedata.normalize("NFC", strip_invisible(SOFT_BREAK.sub("", text)))


def fold(text: str) -> str:
    """Reduce a text of any language to its words in lower case; "" if it has none."""
    return _NOT_WORD.sub(" ", text.lower()).strip()


def fold_numbers(text: str) -> str:
    """Reduce a text to what repeats over pages: its words in lower case, with every number as 0."""
    return fold(_DIGITS.sub("0", text))


def repair_blocks(
    blocks: Sequence[Block], lang: str, site: Vocabulary | None = None
) -> tuple[list[Block], set[str]]:
    """Join words broken at line ends and repair letters of the wrong script.

    Returns the blocks and flags for what could not be repaired: ``broken-word``, ``mixed-script``.
    """
    texts, is_doubtful = join_broken_words([block.text for block in blocks], site)
    repaired = [repair_homoglyphs(text, lang) for text in texts]
    flags = {"broken-word"} if is_doubtful else set()
    if any(is_mixed for _, is_mixed in repaired):
        flags.add("mixed-script")
    return [Block(block.kind, text) for block, (text, _) in zip(blocks, repaired, strict=True)], flags
