"""Local HTML, PDF, DOCX and TXT files; language versions share a name except for the language code."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from stages.extract.blocks import Block
from stages.extract.documents.docx import read_docx
from stages.extract.documents.languages import split_name
from stages.extract.documents.reader import Document, DocumentReader, as_path
from stages.extract.documents.text import MAX_FILE_BYTES, decode_text, read_text
from stages.extract.html import read_page
from stages.lib.core.archives import RawFile
from stages.lib.core.errors import DataError, SourceError
from stages.lib.core.params import LANGS

log = logging.getLogger(__name__)

MAX_HTML_BYTES = 8 * 2**20
_SUFFIXES = (".docx", ".htm", ".html", ".pdf", ".txt")


class Files(DocumentReader):
    """Files of several formats, each a shard of its own."""

    def documents(self, files: Mapping[str, RawFile]) -> Iterator[Document]:
        """Yield each file that can be read; raise SourceError for two that are one version of a document."""
        seen: dict[tuple[str, str], str] = {}
        shards = ([(member.removeprefix("files/"), content)] for member, content in files.items())
        for name, document in self.by_shards("_read_document", shards):
            if other := seen.get((document.unit, document.lang)):
                raise SourceError(
                    f"{self.name}: {other} and {name} are both the {document.lang} version of "
                    f"{document.unit!r}; rename one of them"
                )
            seen[document.unit, document.lang] = name
            self.report["files read"] += 1
            yield document

    def _read_document(self, item: tuple[str, RawFile]) -> Iterator[tuple[str, Document]]:
        name, content = item
        unit, filed = split_name(PurePosixPath(name), LANGS)
        try:
            blocks = self._read_file(content, name)
        except DataError as error:
            log.warning("%s: not read: %s", self.name, error)
            self.report["files not read"] += 1
            return
        if not blocks:
            log.warning("%s: %s: no text in it", self.name, name)
            self.report["files without text"] += 1
            return
        if (document := self.make_document(unit, None, blocks, filed)) is not None:
            if filed and document.lang != filed:
                log.warning("%s: %s: named as %s, but its text is %s", self.name, name, filed, document.lang)
            yield name, document

    def _read_file(self, content: RawFile, name: str) -> list[tuple[int | None, Block]]:
        suffix = PurePosixPath(name).suffix.lower()
        if suffix not in _SUFFIXES:
            raise DataError(f"{name}: not one of {', '.join(_SUFFIXES)}")
        if suffix == ".pdf":
            with as_path(content, ".pdf") as path:
                return self.read_pdf(path, name)
        limit = MAX_HTML_BYTES if suffix in (".html", ".htm") else MAX_FILE_BYTES
        if content.size > limit:
            raise DataError(f"{name}: {content.size:,} bytes, over the limit of {limit:,}")
        if suffix in (".html", ".htm"):
            page = read_page(_decode_html(content.read(), name))
            title = [Block("title", page.title)] if page.title else []
            return [(None, block) for block in (*title, *page.blocks)]
        reader = read_docx if suffix == ".docx" else read_text
        return [(None, block) for block in reader(content.read(), name)]


_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w-]{3,20})", re.IGNORECASE)


def _decode_html(data: bytes, where: str) -> str:
    """Decode a page by its mark or as UTF-8, else by what it says of itself, else as plain text is."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        declared = _CHARSET.search(data[:4096])
    if declared and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode(declared[1].decode("ascii"), errors="replace")
        except LookupError:
            log.debug("%s: unknown charset %r", where, declared[1])
    return decode_text(data, where)[0]
