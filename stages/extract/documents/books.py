"""Textbooks of a crawled site: PDFs, and the records that name them."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from stages.extract.documents.reader import Document, DocumentReader, as_path
from stages.extract.documents.records import address_of, last_records, unit_of
from stages.lib.core.archives import RawFile
from stages.lib.core.files import sha256_file

log = logging.getLogger(__name__)

_BOOK_FILE = re.compile(r"[a-z0-9_]+/[0-9a-f]{64}\.pdf")


class Books(DocumentReader):
    """Textbooks, each a shard of its own."""

    def documents(self, files: Mapping[str, RawFile]) -> Iterator[Document]:
        """Yield the first book of each title and language."""
        seen: set[tuple[str, str]] = set()
        for document in self.by_shards("_read_book", ([book] for book in self._books(files))):
            if (document.unit, document.lang) in seen:
                self.report["books dropped: a second one of a title in its language"] += 1
                continue
            seen.add((document.unit, document.lang))
            yield document

    def _books(self, files: Mapping[str, RawFile]) -> Iterator[tuple[dict[str, Any], RawFile]]:
        for record in last_records(self.name, files, self.report):
            name = record.get("file")
            if not isinstance(name, str) or not _BOOK_FILE.fullmatch(name):
                self.report["records not read: no book in it"] += 1
                continue
            book = files.get(f"books/{PurePosixPath(name).name}")
            if book is None:
                log.warning("%s: %s: %s is not in the raw tar", self.name, record["url"], name)
                self.report["records not read: file missing"] += 1
            else:
                yield record, book

    def _read_book(self, book: tuple[Mapping[str, Any], RawFile]) -> Iterator[Document]:
        record, content = book
        with as_path(content, ".pdf") as path:
            if record.get("sha256") is not None and sha256_file(path) != record["sha256"]:
                self.report["records not read: sha256 differs"] += 1
                return
            blocks = self.read_pdf(path, str(record["url"]))
        filed = record.get("lang") if isinstance(record.get("lang"), str) else None
        if blocks and (document := self.make_document(unit_of(record), address_of(record), blocks, filed)):
            yield document
