"""Precision and recall of the body text read from pages with gold text, ours and plain trafilatura's."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import trafilatura

from stages.extract.blocks import repair_blocks
from stages.extract.html import read_page
from stages.extract.html_repeated import RepeatedBlocks
from stages.extract.hyphens import Vocabulary
from tests.stages.extract.html_pages import GoldPage


def count_words(text: str, gold: str) -> tuple[float, float]:
    """Return precision and recall of the multiset of words; 0 and 0 if there is no text."""
    ours, theirs = (Counter(re.findall(r"\w+", words.lower())) for words in (text, gold))
    both = (ours & theirs).total()
    return both / max(1, ours.total()), both / max(1, theirs.total())


def average(scores: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Average precision and recall over pages; F1 is of the two averages."""
    precision, recall = (sum(values) / len(scores) for values in zip(*scores, strict=True))
    return {"recall": recall, "f1": 2 * precision * recall / (precision + recall)}


def measure(pages: Sequence[GoldPage]) -> dict[str, dict[str, float]]:
    """Return our scores, those without dropping the blocks that a site's pages repeat, and trafilatura's.

    A layout in one language, its names changed or not, stands for a site.
    """
    sites = [(page.name.split("-")[0], page.lang, page.name.endswith("renamed")) for page in pages]
    texts = [read_page(page.html, site[0]) for page, site in zip(pages, sites, strict=True)]
    repeated: dict[tuple, RepeatedBlocks] = defaultdict(RepeatedBlocks)
    words: dict[tuple, Vocabulary] = defaultdict(Vocabulary)
    for site, text in zip(sites, texts, strict=True):
        repeated[site].add(block.text for block in text.blocks if block.kind != "cell")
        words[site].add_texts(block.text for block in text.blocks)
    scores = defaultdict(list)
    for page, site, text in zip(pages, sites, texts, strict=True):
        blocks, _ = repair_blocks(text.blocks, page.lang, words[site])
        kept = [
            block.text
            for block, raw in zip(blocks, text.blocks, strict=True)
            if block.kind == "cell" or not repeated[site].is_repeated(raw.text)
        ]
        every = [block.text for block in blocks]
        scores["ours"].append(count_words("\n".join(kept), page.text))
        scores["ours_single_page"].append(count_words("\n".join(every), page.text))
        scores["trafilatura"].append(count_words(trafilatura.extract(page.html) or "", page.text))
    return {name: average(values) for name, values in scores.items()}
