"""Articles of a crawled site: what its pages have in common is found from all of them, and left out."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from stages.extract.blocks import Block, clean_line
from stages.extract.documents.reader import Document, DocumentReader
from stages.extract.documents.records import address_of, day_of, last_records, unit_of
from stages.extract.html import read_page
from stages.extract.html_repeated import RepeatedBlocks
from stages.lib.core.archives import RawFile
from stages.lib.core.engine import cut
from stages.lib.core.errors import DataError

log = logging.getLogger(__name__)

# Characters of HTML in one shard, about a second of one core.
SHARD_HTML = 2_000_000


class Crawl(DocumentReader):
    """Articles of a site, from the packed pages of its crawl."""

    def documents(self, files: Mapping[str, RawFile]) -> Iterator[Document]:
        """Read every page once into a spool on disk, then yield them without what the pages share."""
        repeated: dict[str, RepeatedBlocks] = defaultdict(RepeatedBlocks)
        best: dict[tuple[str, str], tuple[tuple[bool, str], int]] = {}
        records = last_records(self.name, files, self.report)
        shards = cut(records, SHARD_HTML, lambda record: len(str(record.get("html"))))
        with tempfile.TemporaryFile("w+", encoding="utf-8") as spool:
            for place, (rank, document) in enumerate(self.by_shards("_read_record", shards)):
                repeated[document.lang].add(
                    block.text for _, block in document.blocks if block.kind != "title"
                )
                self.words[document.lang].add_texts(block.text for _, block in document.blocks)
                name = (document.unit, document.lang)
                # A site shows one language under the address of another: the right address wins.
                if name in best:
                    self.report["pages dropped: a second one of a document in its language"] += 1
                best[name] = min(best.get(name, (rank, place)), (rank, place))
                spool.write(json.dumps(_pack(document), ensure_ascii=False) + "\n")
            chosen = {place for _, place in best.values()}
            spool.seek(0)
            for place, line in enumerate(spool):
                if place in chosen:
                    yield self._without_repeated(_unpack(json.loads(line)), repeated)

    def _without_repeated(self, document: Document, repeated: Mapping[str, RepeatedBlocks]) -> Document:
        kept = tuple(
            (page, block)
            for page, block in document.blocks
            if block.kind in ("title", "cell") or not repeated[document.lang].is_repeated(block.text)
        )
        self.report["blocks dropped: on many pages"] += len(document.blocks) - len(kept)
        return replace(document, blocks=kept)

    def _read_record(self, record: Mapping[str, Any]) -> Iterator[tuple[tuple[bool, str], Document]]:
        """Yield the page of a record with its rank among pages of one document, unless it is not wanted."""
        text = record.get("html")
        if not isinstance(text, str) or not text.strip():
            self.report["records not read: no page in it"] += 1
            return
        if not _is_intact(text, record.get("sha256")):
            self.report["records not read: sha256 differs"] += 1
            return
        try:
            page = read_page(text, self.package)
        except DataError as error:
            log.warning("%s: %s: %s", self.name, record["url"], error)
            self.report["records not read: no page that can be read"] += 1
            return
        if not page.blocks:
            self.report["pages dropped: no text"] += 1
            return
        title = record.get("title") if isinstance(record.get("title"), str) else page.title
        title = clean_line(title or "")
        blocks = [*([Block("title", title)] if title else []), *page.blocks]
        filed = record.get("lang") if isinstance(record.get("lang"), str) else page.declared
        document = self.make_document(
            unit_of(record), address_of(record), [(None, block) for block in blocks], filed, day_of(record)
        )
        if document is not None:
            self.report["pages read"] += 1
            self.report.update(f"pages {flag}" for flag in page.flags)
            yield (filed != document.lang, str(record.get("key") or record["url"])), document


# Encodings that a page's text may have been decoded from.
_ENCODINGS = ("utf-8", "utf-8-sig", "cp1251", "cp1252", "cp1250", "cp1254", "koi8-r", "iso-8859-9", "utf-16")


def _is_intact(text: str, sha256: object) -> bool:
    """Tell whether a page has the sha256 of its bytes; one that was not decoded whole cannot be checked."""
    if not isinstance(sha256, str) or "\ufffd" in text:
        return True
    for encoding in _ENCODINGS:
        try:
            if hashlib.sha256(text.encode(encoding)).hexdigest() == sha256:
                return True
        except UnicodeEncodeError:
            continue
    return False


def _pack(document: Document) -> list[Any]:
    blocks = [(page, block.kind, block.text) for page, block in document.blocks]
    return [document.unit, document.lang, document.url, blocks, document.date]


def _unpack(values: list[Any]) -> Document:
    unit, lang, url, blocks, date = values
    return Document(unit, lang, url, tuple((page, Block(kind, text)) for page, kind, text in blocks), date)
