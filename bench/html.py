"""Measure the body text that read_page finds against plain trafilatura.extract, on pages with gold text.

Precision and recall are of the multiset of words of each page, averaged over the pages; F1 is of the two
averages. ``ours`` is what the extract stage does: each page read, repaired, and blocks dropped that five
pages of a site (a layout here) have in common; ``ours_single_page`` leaves that last step out. ``unseen`` is
the same on layouts that were written after the rules, which are not tuned to them.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import logging
import os
import re
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.extract.blocks import repair_blocks
from stages.extract.html import Page, read_page
from stages.extract.html_repeated import RepeatedBlocks
from stages.extract.hyphens import Vocabulary
from stages.lib.core import cli
from stages.lib.core.files import write_json
from tests.stages.extract.html_pages import GoldPage, gold_pages
from tests.stages.extract.html_pages_unseen import unseen_pages

log = logging.getLogger("bench.html")

_WORD = re.compile(r"\w+")


def count_words(found: str, gold: str) -> tuple[float, float]:
    """Return precision and recall of the multiset of words; 0 and 0 if nothing is found."""
    ours, theirs = Counter(_WORD.findall(found.lower())), Counter(_WORD.findall(gold.lower()))
    both = (ours & theirs).total()
    return both / max(1, ours.total()), both / max(1, theirs.total())


def summarise(scores: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Average precision and recall over pages."""
    precision = sum(p for p, _ in scores) / len(scores)
    recall = sum(r for _, r in scores) / len(scores)
    f1 = 2 * precision * recall / (precision + recall)
    return {"precision": round(precision, 4), "recall": round(recall, 4), "f1": round(f1, 4)}


def site_of(page: GoldPage) -> tuple[str, str, bool]:
    """Return what stands for the site of a page: its layout, language and whether names were changed."""
    return page.name.split("-")[0], page.lang, page.name.endswith("renamed")


def measure(pages: Sequence[GoldPage]) -> dict[str, Any]:
    """Return the scores of ours and of trafilatura over the same pages."""
    import trafilatura

    began = time.process_time()
    read: list[Page] = []
    repeated: dict[tuple[str, str, bool], RepeatedBlocks] = defaultdict(RepeatedBlocks)
    words: dict[tuple[str, str, bool], Vocabulary] = defaultdict(Vocabulary)
    for page in pages:
        read.append(read_page(page.html, site_of(page)[0]))
        repeated[site_of(page)].add(block.text for block in read[-1].blocks if block.kind != "cell")
        words[site_of(page)].add_texts(block.text for block in read[-1].blocks)
    ours, single = [], []
    for page, found in zip(pages, read, strict=True):
        blocks, _ = repair_blocks(found.blocks, page.lang, words[site_of(page)])
        single.append(count_words("\n".join(block.text for block in blocks), page.text))
        kept = [
            block.text
            for block, raw in zip(blocks, found.blocks, strict=True)
            if block.kind == "cell" or not repeated[site_of(page)].is_repeated(raw.text)
        ]
        ours.append(count_words("\n".join(kept), page.text))
    ours_seconds = time.process_time() - began
    began = time.process_time()
    plain = [count_words(trafilatura.extract(page.html) or "", page.text) for page in pages]
    plain_seconds = time.process_time() - began
    bare = [
        count_words(trafilatura.extract(page.html, include_comments=False) or "", page.text) for page in pages
    ]
    renamed = [score for score, page in zip(ours, pages, strict=True) if site_of(page)[2]]
    return {
        "n_pages": len(pages),
        "n_layouts": len({site_of(page)[0] for page in pages}),
        "ours": summarise(ours),
        "ours_single_page": summarise(single),
        "ours_renamed_pages": summarise(renamed),
        "trafilatura": summarise(plain),
        "trafilatura_without_comments": summarise(bare),
        "time_ratio": round(ours_seconds / plain_seconds, 2),
        "cores": os.cpu_count(),
        "versions": {"trafilatura": importlib.metadata.version("trafilatura")},
    }


def main() -> None:
    """Parse the command line, measure and write the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.html", description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, type=Path, help="the JSON to write")
    args = parser.parse_args()
    figures = measure(gold_pages())
    unseen = measure(unseen_pages())
    figures["unseen"] = {name: unseen[name] for name in ("n_pages", "n_layouts", "ours", "trafilatura")}
    write_json(args.out, figures)
    log.info("ours %s", figures["ours"])
    log.info("trafilatura %s", figures["trafilatura"])


if __name__ == "__main__":
    cli.run(main)
