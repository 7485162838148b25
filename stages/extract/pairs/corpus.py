"""Corpora that come as pairs: read as a stream, capped by hash, joined as given.

A pair's key is its place in the file, so align joins it and nothing else. Where the corpus names no
documents, each run of ``BLOCK`` pairs of one origin is one: neighbours often belong together, and splitting
must not part them. Dropped pairs and the share of religious text are counted and logged.
"""

from __future__ import annotations

import hashlib
import heapq
import logging
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from tqdm import tqdm

from stages.extract.segments import Segment
from stages.extract.transliterate import IS_CYRILLIC, to_latin
from stages.lib.core.archives import RawFile
from stages.lib.core.errors import DataError, SourceError
from stages.lib.core.params import LANGS, SourceConfig
from stages.lib.text.letters import script_share
from stages.lib.text.topics import is_religious

log = logging.getLogger(__name__)

# Pairs of one document, where the corpus does not tell its documents.
BLOCK = 100


@dataclass(frozen=True)
class GivenPair:
    """Texts by language; ``place`` is unique in its corpus, ``unit`` the document, if the corpus knows it."""

    place: int
    texts: Mapping[str, str]
    origin: str
    unit: str | None = None


def listed_file(config: SourceConfig, files: Mapping[str, RawFile], place: int = 0) -> tuple[str, RawFile]:
    """Return name and content of a file that the source lists; raise DataError if the raw tar lacks it."""
    name = PurePosixPath(config.files[place]).name
    if f"files/{name}" not in files:
        raise DataError(f"{name} is not in the raw tar; run the collect stage again (dvc repro)")
    return name, files[f"files/{name}"]


def choose_pairs(
    name: str,
    config: SourceConfig,
    pairs: Iterable[GivenPair | None],
    langs: Sequence[str],
    report: Counter[str],
) -> Iterator[Segment]:
    """Yield the texts of the pairs taken, in the corpus's order; None is a place that cannot be read.

    Memory grows with ``max_pairs``, not with the corpus. Raises SourceError if the corpus is damaged.
    """
    try:
        readable = _readable_pairs(tqdm(pairs, name, unit=" pairs", disable=None), langs, report)
        chosen = _smallest_hashes(readable, config.options.max_pairs or 0, report)
    except DataError as error:
        raise SourceError(f"{name}: {error}") from None
    _log_counts(name, len(chosen), report)
    address = f"{config.url}#" if config.url else "file:"
    for pair in chosen:
        unit = pair.unit if pair.unit is not None else f"{pair.origin}/{pair.place // BLOCK}"
        for lang, text in pair.texts.items():
            yield Segment(unit, lang, text, str(pair.place), f"{address}{pair.origin}")


def _readable_pairs(
    pairs: Iterable[GivenPair | None], langs: Sequence[str], report: Counter[str]
) -> Iterator[GivenPair]:
    """Yield the pairs that have text in two of the wanted languages, Turkmen and Uzbek in Latin."""
    for pair in pairs:
        report["pairs read"] += 1
        if pair is None:
            report["dropped: not readable"] += 1
            continue
        texts = {
            lang: pair.texts[lang] for lang in LANGS if lang in langs and pair.texts.get(lang, "").strip()
        }
        for lang, text in texts.items():
            if lang in IS_CYRILLIC and script_share(text, "Cyrl") > 0.5 and IS_CYRILLIC[lang](text):
                report[f"{lang} texts converted from Cyrillic"] += 1
                texts[lang] = to_latin(text, lang)
        if len(texts) < 2:
            report["dropped: text in one language only"] += 1
            continue
        report["pairs with text"] += 1
        report["religious"] += is_religious(texts)
        texts = {lang: unicodedata.normalize("NFC", text) for lang, text in texts.items()}
        yield replace(pair, texts=texts)


def _smallest_hashes(pairs: Iterable[GivenPair], count: int, report: Counter[str]) -> list[GivenPair]:
    """Return the ``count`` pairs of the smallest hashes, in the corpus's order, each text pair once.

    By hash, so that a corpus that grows or is shuffled keeps most of what it had.
    """
    heap: list[tuple[int, int, GivenPair]] = []
    kept: set[int] = set()
    for pair in pairs:
        joined = "\0".join(part for item in pair.texts.items() for part in item)
        digest = int.from_bytes(hashlib.blake2b(joined.encode(), digest_size=8).digest())
        if digest in kept:
            report["dropped: same as one before"] += 1
        elif len(heap) < count:
            kept.add(digest)
            heapq.heappush(heap, (-digest, pair.place, pair))
        else:
            report["left out: over max_pairs"] += 1
            if digest < -heap[0][0]:
                kept.add(digest)
                largest, _, _ = heapq.heapreplace(heap, (-digest, pair.place, pair))
                kept.remove(-largest)
    return sorted((pair for _, _, pair in heap), key=lambda pair: pair.place)


def _log_counts(name: str, kept: int, report: Counter[str]) -> None:
    dropped = "".join(
        f"; {reason}: {count:,}"
        for reason, count in sorted(report.items())
        if count and reason not in ("pairs read", "pairs with text", "religious")
    )
    share = 100 * report["religious"] / max(1, report["pairs with text"])
    log.info(
        "%s: %s of %s pairs taken; %.1f %% religious by their words%s",
        *(name, f"{kept:,}", f"{report['pairs read']:,}", share, dropped),
    )
