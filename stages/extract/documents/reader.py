"""Documents into segments: the language of each decided from its text, its blocks cut into sentences.

``doc`` is shared by the language versions of a document. Raw files are streamed, so memory does not grow with
a site; what could not be read is counted and logged. A shard is some two megabytes of a site's pages, a book
or a file, and then, of all documents, some half a million characters to be cut into sentences.
"""

from __future__ import annotations

import copy
import logging
import os
import tempfile
from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.extract.blocks import Block, repair_blocks
from stages.extract.documents.languages import decide_language, is_foreign
from stages.extract.hyphens import Vocabulary
from stages.extract.pdf.book import Limits
from stages.extract.pdf.reader import read_pdf
from stages.extract.segments import Segment
from stages.extract.transliterate import to_latin
from stages.lib.core.archives import RawFile
from stages.lib.core.engine import LOCAL, Engine, cut
from stages.lib.core.params import PdfParams, SourceConfig
from stages.lib.text.sentences import split_sentences

log = logging.getLogger(__name__)

# Characters of documents in one shard, about a second of one core.
SHARD_TEXT = 500_000
_CHUNK = 1 << 18
# Blocks of a book that are no prose.
_NO_PROSE = frozenset(("table", "formula"))


@dataclass(frozen=True)
class Document:
    """One language version of a document, in blocks with their pages (None where it has none)."""

    unit: str
    lang: str
    url: str | None
    blocks: tuple[tuple[int | None, Block], ...]
    date: str | None = None

    def count_chars(self) -> int:
        return sum(len(block.text) for _, block in self.blocks)


@dataclass(frozen=True)
class _Work:
    """Calls a reader's method for each item of a shard, and returns the results and what was counted."""

    reader: DocumentReader
    method: str

    def __call__(self, shard: list[Any]) -> tuple[list[Any], Counter[str]]:
        self.reader.report = Counter()
        call = getattr(self.reader, self.method)
        return [result for item in shard for result in call(item)], self.reader.report


class DocumentReader(ABC):
    """Reads the documents of one source; ``report`` counts what was read and dropped, by reason."""

    def __init__(
        self,
        name: str,
        config: SourceConfig,
        langs: Sequence[str],
        report: Counter[str],
        engine: Engine = LOCAL,
        pdf: PdfParams | None = None,
    ) -> None:
        self.name, self.langs, self.report, self.engine, self.pdf = name, langs, report, engine, pdf
        self.package = config.package or name
        # Words of a site's pages by language: they tell how a word broken at a line end is written.
        self.words: dict[str, Vocabulary] = defaultdict(Vocabulary)

    @abstractmethod
    def documents(self, files: Mapping[str, RawFile]) -> Iterator[Document]:
        """Yield each language version once, all its blocks together."""

    def read(self, files: Mapping[str, RawFile]) -> Iterator[Segment]:
        """Yield the sentences of each document, title first; log the counts at the end."""
        # The words of a site's pages are complete when its first document comes, and sent after that.
        yield from self.by_shards("_sentences", cut(self.documents(files), SHARD_TEXT, Document.count_chars))
        counts = ", ".join(f"{name}: {count:,}" for name, count in sorted(self.report.items()) if count)
        log.info("%s: %s", self.name, counts or "nothing to report")

    def by_shards(self, method: str, shards: Iterable[list[Any]]) -> Iterator[Any]:
        """Yield what a method yields for each item of the shards, and add up what it counts."""
        worker = copy.copy(self)
        worker.engine = LOCAL  # an engine is not sent to its own workers
        for results, counts in self.engine.run(_Work(worker, method), shards):
            self.report.update(counts)
            yield from results

    def _sentences(self, document: Document) -> Iterator[Segment]:
        blocks = [block for _, block in document.blocks]
        repaired, flags = repair_blocks(blocks, document.lang, self.words.get(document.lang))
        self.report.update(f"documents with {flag}" for flag in flags)
        self.report[f"documents in {document.lang}"] += 1
        for (page, _), block in zip(document.blocks, repaired, strict=True):
            if is_foreign(block.text, document.lang):
                self.report["blocks dropped: in another language"] += 1
                continue
            texts = [block.text] if block.kind == "cell" else split_sentences(block.text, document.lang)
            for text in texts:
                if any(map(str.isalpha, text)):
                    yield Segment(document.unit, document.lang, text, None, document.url, page, document.date)
                else:
                    self.report["sentences dropped: no letters"] += 1

    def make_document(
        self,
        unit: str,
        url: str | None,
        blocks: Sequence[tuple[int | None, Block]],
        filed: str | None,
        date: str | None = None,
    ) -> Document | None:
        """Return a document in the language of its text, else as ``filed``; None if that is not wanted.

        Turkmen and Uzbek in Cyrillic are converted to Latin letters.
        """
        decision = decide_language("\n".join(block.text for _, block in blocks))
        lang = decision.lang
        if lang is None:
            lang = filed
            self.report["documents filed by what they say: too short to tell"] += 1
        elif filed and lang != filed:
            self.report["documents that say another language than their text"] += 1
        if lang is None or lang not in self.langs:
            self.report["documents dropped: in a language not wanted"] += 1
            return None
        if decision.is_cyrillic:
            self.report["documents converted from Cyrillic"] += 1
            blocks = [(page, Block(block.kind, to_latin(block.text, lang))) for page, block in blocks]
        return Document(unit, lang, url, tuple(blocks), date)

    def read_pdf(self, path: Path, where: str) -> list[tuple[int | None, Block]]:
        """Return a PDF's prose with pages, and count its pages by how they were read."""
        book = read_pdf(path, self.pdf.workers, Limits(ocr=self.pdf.ocr)) if self.pdf else read_pdf(path)
        for row in book.report:
            self.report[f"PDF {'pages' if row.page else 'files'} {row.status}"] += 1
            if row.status in ("quarantined", "scanned", "error"):
                log.warning("%s: page %d: %s (%s)", where, row.page, row.status, row.reason)
        self.report["PDF blocks left out: tables and formulas"] += sum(
            block.kind in _NO_PROSE for block in book.blocks
        )
        return [
            (block.page, Block(block.kind, " ".join(block.text.split())))
            for block in book.blocks
            if block.kind not in _NO_PROSE
        ]


@contextmanager
def as_path(content: RawFile, suffix: str) -> Iterator[Path]:
    """Give a raw file a path on disk for as long as it is read."""
    handle, name = tempfile.mkstemp(suffix=suffix)
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as out, content.open() as file:
            while chunk := file.read(_CHUNK):
                out.write(chunk)
        yield path
    finally:
        path.unlink(missing_ok=True)
