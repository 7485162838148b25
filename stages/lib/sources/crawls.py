"""Sources that are documents: crawled news sites, crawled textbooks, and files that people drop in.

Their segments are sentences without a key, to be aligned by what they mean. ``doc`` is shared by the language
versions of a document; the language is decided from the text, whatever the document says. Raw files are
streamed, so memory does not grow with a site; what could not be read is counted and said.

Extraction is in shards: some two megabytes of a site's pages, one book, one file; then, for all of them, some
half a million characters of documents that are cut into sentences. What pages have in common is found between
the two, of all pages at once.
"""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
import json
import logging
import os
import re
import tempfile
import unicodedata
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, ClassVar

from tqdm import tqdm

from stages.extract.documents import (
    MAX_FILE_BYTES,
    clean_line,
    decide_language,
    decode_text,
    is_foreign,
    read_docx,
    read_text,
    split_name,
)
from stages.extract.html import Block, RepeatedBlocks, SiteWords, read_page, repair_blocks
from stages.extract.pdf import Limits, read_pdf
from stages.extract.transliterate import to_latin
from stages.lib.core.engine import LOCAL, Engine, cut
from stages.lib.core.errors import DataError, ParamsError, SourceError
from stages.lib.core.files import sha256_file
from stages.lib.core.params import PdfParams, SourceConfig
from stages.lib.core.raw import RawFile, RawFiles, files_on_disk, open_raw, pack_raw
from stages.lib.sources.base import LANGS, ORIGIN, Segment, Source
from stages.lib.text.sentences import split_sentences

if TYPE_CHECKING:
    import polars as pl

log = logging.getLogger(__name__)

CRAWLS = Path("data/crawl")
FILES = Path("data/files")
# The packed file of a crawl, inside the raw tar.
RECORDS = "records.jsonl.gz"

MAX_LINE_BYTES = 64 * 2**20
MAX_HTML_BYTES = 8 * 2**20
_CHUNK = 1 << 18
_ROWS_PER_FRAME = 5_000
# Characters of one shard: of pages' HTML, and of documents' text. One takes about a second of a core.
SHARD_HTML = 2_000_000
SHARD_TEXT = 500_000
_SUFFIXES = (".docx", ".htm", ".html", ".pdf", ".txt")
# Blocks of a book that are no prose.
_NO_PROSE = frozenset(("table", "formula"))
# Not eight digits in a row: those are numbers of articles too.
_DAY = re.compile(r"(?<!\d)(20\d\d)([-/])(\d\d)\2(\d\d)(?!\d)")
_BOOK_FILE = re.compile(r"[a-z0-9_]+/[0-9a-f]{64}\.pdf")


@dataclass(frozen=True)
class _Document:
    """One language version of a document, in blocks with their pages (None where it has none)."""

    unit: str
    lang: str
    url: str | None
    blocks: tuple[tuple[int | None, Block], ...]
    date: str | None = None

    def count_chars(self) -> int:
        return sum(len(block.text) for _, block in self.blocks)


@dataclass(frozen=True)
class _Reader:
    """Calls a source's method for each item of a shard; its counts come back beside what it yields."""

    source: DocumentSource
    method: str
    langs: Sequence[str]

    def __call__(self, shard: list[Any]) -> tuple[list[Any], Counter[str]]:
        own = copy.copy(self.source)
        own.report = Counter()
        read = getattr(own, self.method)
        return [found for item in shard for found in read(item, self.langs)], own.report


class DocumentSource(Source):
    """A source of documents: streams raw files, decides languages, cuts sentences, counts what it drops."""

    required: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[tuple[str, ...]] = ("langs",)

    def __init__(self, name: str, config: SourceConfig, pdf: PdfParams | None = None) -> None:
        super().__init__(name, config)
        self.pdf = pdf
        # How many of what was read and dropped, by reason; extract logs it.
        self.report: Counter[str] = Counter()
        self._engine = LOCAL
        self._words: dict[str, SiteWords] = defaultdict(SiteWords)
        where = f"sources/{name}.yaml: options"
        langs = config.options.get("langs", list(LANGS))
        if not isinstance(langs, list) or not langs or not set(map(str, langs)) <= set(LANGS):
            known = ", ".join(LANGS)
            raise ParamsError(f"{where}.langs: expected a list of {known}, found {langs!r}")
        self.langs: list[str] = langs

    def collect(self, out: Path) -> int:
        """Stream the raw files into one tar, with their origin, and return how many there are."""
        version, files = self.gather()
        pack_raw(out, (ORIGIN, self._say_origin(version)), files)
        return len(files)

    @property
    def package(self) -> str:
        return self.config.package or self.name

    def extract(self, raw: Path, langs: Sequence[str] = LANGS, engine: Engine = LOCAL) -> pl.DataFrame:
        """Return the segment table of a raw tar: one row a sentence, by document, language and position.

        Raises SourceError if the tar was collected for other settings or holds no text.
        """
        import polars as pl

        from stages.lib.core.tables import SEGMENT_SCHEMA, table_from_rows

        self._engine = engine
        self.report.clear()
        self._words.clear()
        places: Counter[tuple[str, str]] = Counter()
        frames: list[pl.DataFrame] = []
        rows: list[tuple] = []
        with open_raw(raw) as files:
            said = {ORIGIN: files[ORIGIN]} if ORIGIN in files else {}
            self._origin(said, raw)
            for segment in self.read(files, [lang for lang in langs if lang in self.langs]):
                place = (segment.unit, segment.lang)
                doc = f"{self.name}/{segment.unit}"
                n = places[place]
                rows.append(
                    (self.name, doc, segment.lang, n, segment.text, None, segment.file or None, segment.page,
                     self.config.license, segment.date)
                )  # fmt: skip
                places[place] += 1
                if len(rows) >= _ROWS_PER_FRAME:
                    frames.append(table_from_rows(rows, SEGMENT_SCHEMA))
                    rows = []
        frames.append(table_from_rows(rows, SEGMENT_SCHEMA))
        table = pl.concat(frames)
        self._say()
        if table.is_empty():
            raise SourceError(
                f"{raw}: no text in any of {', '.join(self.langs)}; collect it again or drop the source"
            )
        order = {lang: place for place, lang in enumerate(LANGS)}
        rank = pl.col("lang").replace_strict(order, return_dtype=pl.Int32)
        return table.sort(["doc", rank, "n"])

    def _say(self) -> None:
        counts = ", ".join(f"{name}: {count:,}" for name, count in sorted(self.report.items()) if count)
        log.info("%s: %s", self.name, counts or "nothing to report")

    def read(self, files: Mapping[str, bytes], langs: Sequence[str]) -> Iterable[Segment]:
        """Yield the sentences of each document, title first; ``file`` is the document's address."""
        # The words of the site's pages are complete when its first document comes, and sent after that.
        shards = cut(self.documents(files, langs), SHARD_TEXT, _Document.count_chars)
        yield from self._by_shards("_sentences", shards, langs)

    def _by_shards(self, method: str, shards: Iterable[list[Any]], langs: Sequence[str]) -> Iterator[Any]:
        """Yield what a method yields for each item of the shards, and add up what it counts."""
        for found, counts in self._engine.run(_Reader(self, method, langs), shards):
            self.report.update(counts)
            yield from found

    def documents(self, files: Mapping[str, bytes], langs: Sequence[str]) -> Iterator[_Document]:
        """Yield each language version once, all its blocks together."""
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        # An engine is not sent to its own workers.
        return {**vars(self), "_engine": LOCAL}

    def _sentences(self, document: _Document, langs: Sequence[str]) -> Iterator[Segment]:
        blocks = [block for _, block in document.blocks]
        repaired, flags = repair_blocks(blocks, document.lang, self._words.get(document.lang))
        self.report.update(f"documents with {flag}" for flag in flags)
        self.report[f"documents in {document.lang}"] += 1
        for (page, _), block in zip(document.blocks, repaired, strict=True):
            if is_foreign(block.text, document.lang):
                self.report["blocks dropped: in another language"] += 1
                continue
            texts = [block.text] if block.kind == "cell" else split_sentences(block.text, document.lang)
            for text in texts:
                if any(map(str.isalpha, text)):
                    text = unicodedata.normalize("NFC", text)
                    yield Segment(
                        document.unit, document.lang, text, None, document.url or "", page, document.date
                    )
                else:
                    self.report["sentences dropped: no letters"] += 1

    def _decide(
        self, blocks: Sequence[Block], filed: str | None, langs: Sequence[str]
    ) -> tuple[str | None, list[Block]]:
        """Return the language to file a document under (None: not wanted, counted) and its blocks.

        Turkmen and Uzbek in Cyrillic are converted to Latin letters.
        """
        decision = decide_language("\n".join(block.text for block in blocks))
        lang = decision.lang
        if lang is None:
            lang = filed
            self.report["documents filed by what they say: too short to tell"] += 1
        elif filed and lang != filed:
            self.report["documents that say another language than their text"] += 1
        if lang not in langs:
            self.report["documents dropped: in a language not wanted"] += 1
            return None, []
        if decision.is_cyrillic:
            self.report["documents converted from Cyrillic"] += 1
            return lang, [Block(block.kind, to_latin(block.text, lang)) for block in blocks]
        return lang, list(blocks)


# ---------------------------------------------------------------------------------------------------------
# Crawled sites
# ---------------------------------------------------------------------------------------------------------


class Crawl(DocumentSource):
    """Articles of a site, from the packed file that ``make crawl`` writes."""

    kind = "crawl"
    registry = "web"

    def gather(self) -> tuple[str, RawFiles]:
        path = self._packed()
        return sha256_file(path)[:16], files_on_disk({RECORDS: path})

    def _packed(self) -> Path:
        path = CRAWLS / f"{self.package}.jsonl.gz"
        if not path.is_file():
            raise SourceError(
                f"{path}: not found; run `make crawl SITE={self.package}` or `dvc pull`, "
                f"or take {self.name} off sources in params.yaml"
            )
        return path

    def documents(self, files: Mapping[str, bytes], langs: Sequence[str]) -> Iterator[_Document]:
        """Read every page once into a spool on disk, then yield them without what the pages share."""
        repeated: dict[str, RepeatedBlocks] = defaultdict(RepeatedBlocks)
        best: dict[tuple[str, str], tuple[tuple[bool, str], int]] = {}
        with tempfile.TemporaryFile("w+", encoding="utf-8") as spool:
            for place, (rank, document) in enumerate(self._pages(files, langs)):
                repeated[document.lang].add(
                    block.text for _, block in document.blocks if block.kind != "title"
                )
                self._words[document.lang].add(block.text for _, block in document.blocks)
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

    def _without_repeated(self, document: _Document, repeated: Mapping[str, RepeatedBlocks]) -> _Document:
        kept = tuple(
            (page, block)
            for page, block in document.blocks
            if block.kind in ("title", "cell") or not repeated[document.lang].is_repeated(block.text)
        )
        self.report["blocks dropped: on many pages"] += len(document.blocks) - len(kept)
        return replace(document, blocks=kept)

    def _pages(
        self, files: Mapping[str, bytes], langs: Sequence[str]
    ) -> Iterator[tuple[tuple[bool, str], _Document]]:
        shards = cut(self._records(files), SHARD_HTML, lambda record: len(str(record.get("html"))))
        yield from self._by_shards("_read_record", shards, langs)

    def _read_record(
        self, record: Mapping[str, Any], langs: Sequence[str]
    ) -> Iterator[tuple[tuple[bool, str], _Document]]:
        """Yield the page of a record with its rank among pages of one document, unless it is not wanted."""
        text = record.get("html")
        if not isinstance(text, str) or not text.strip():
            self.report["records not read: no page in it"] += 1
            return
        if not _is_intact(text, record.get("sha256")):
            self.report["records not read: sha256 differs"] += 1
            return
        try:
            page = read_page(text, self.package, with_date=False)
        except DataError as error:
            log.warning("%s: %s: %s", self.name, record["url"], error)
            self.report["records not read: no page that can be read"] += 1
            return
        if not page.blocks:
            self.report["pages dropped: no text"] += 1
            return
        title = record.get("title") if isinstance(record.get("title"), str) else page.title
        title = clean_line(title or "")
        blocks = [Block("title", title)] if title else []
        filed = record.get("lang") if isinstance(record.get("lang"), str) else page.declared
        lang, blocks = self._decide([*blocks, *page.blocks], filed, langs)
        if lang is None:
            return
        self.report["pages read"] += 1
        self.report.update(f"pages {flag}" for flag in page.flags)
        found = tuple((None, block) for block in blocks)
        document = _Document(_unit(record), lang, _address(record), found, _day(record))
        yield (filed != lang, str(record.get("key") or record["url"])), document

    def _records(self, files: Mapping[str, bytes]) -> Iterator[dict[str, Any]]:
        """Yield the last record of each key; two passes, so that only keys are in memory."""
        last: dict[bytes, int] = {}
        if RECORDS not in files:
            raise SourceError(
                f"{self.name}: raw tar without {RECORDS}; run the collect stage again (dvc repro)"
            )
        with files.open(RECORDS) as file:
            for place, record in enumerate(_read_records(file, Counter())):
                last[_record_id(record)] = place
        with files.open(RECORDS) as file:
            records = enumerate(_read_records(file, self.report))
            for place, record in tqdm(records, self.name, unit=" records", disable=None):
                if last[_record_id(record)] == place:
                    yield record
                else:
                    self.report["records superseded by later ones"] += 1


class Books(Crawl):
    """Textbooks, from the packed file and the PDFs that ``make crawl`` leaves beside it."""

    kind = "books"

    def gather(self) -> tuple[str, RawFiles]:
        packed = self._packed()
        paths = {RECORDS: packed}
        with packed.open("rb") as file:
            for record in _read_records(file, Counter()):
                name = record.get("file")
                if isinstance(name, str) and _BOOK_FILE.fullmatch(name) and (CRAWLS / name).is_file():
                    paths[f"books/{PurePosixPath(name).name}"] = CRAWLS / name
        return sha256_file(packed)[:16], files_on_disk(paths)

    def documents(self, files: Mapping[str, bytes], langs: Sequence[str]) -> Iterator[_Document]:
        seen: set[tuple[str, str]] = set()
        shards = ([book] for book in self._books(files))
        for document in self._by_shards("_read_book", shards, langs):
            if (document.unit, document.lang) in seen:
                self.report["books dropped: a second one of a title in its language"] += 1
                continue
            seen.add((document.unit, document.lang))
            yield document

    def _books(self, files: Mapping[str, bytes]) -> Iterator[tuple[dict[str, Any], RawFile]]:
        for record in self._records(files):
            name = record.get("file")
            member = f"books/{PurePosixPath(name).name}" if isinstance(name, str) else ""
            if not isinstance(name, str) or not _BOOK_FILE.fullmatch(name):
                self.report["records not read: no book in it"] += 1
            elif member not in files:
                log.warning("%s: %s: %s is not in the raw tar", self.name, record["url"], name)
                self.report["records not read: file missing"] += 1
            else:
                yield record, files.file(member)

    def _read_book(
        self, book: tuple[Mapping[str, Any], RawFile], langs: Sequence[str]
    ) -> Iterator[_Document]:
        record, content = book
        with content.open() as file, _as_path(file, ".pdf") as path:
            sha256 = record.get("sha256")
            if sha256 is not None and sha256_file(path) != sha256:
                self.report["records not read: sha256 differs"] += 1
                return
            blocks = self._read_pdf(path, str(record["url"]))
        if not blocks:
            return
        filed = record.get("lang") if isinstance(record.get("lang"), str) else None
        lang, texts = self._decide([block for _, block in blocks], filed, langs)
        if lang is not None:
            pages = [page for page, _ in blocks]
            yield _Document(_unit(record), lang, _address(record), tuple(zip(pages, texts, strict=True)))

    def _read_pdf(self, path: Path, where: str) -> list[tuple[int | None, Block]]:
        return _read_pdf(path, where, self.report, self.pdf)


# ---------------------------------------------------------------------------------------------------------
# Files that people drop in
# ---------------------------------------------------------------------------------------------------------


class Files(DocumentSource):
    """HTML, PDF, DOCX and TXT files in data/files; versions of a document share its name but the language."""

    kind = "files"
    registry = "folder"

    def gather(self) -> tuple[str, RawFiles]:
        if not FILES.is_dir():
            raise SourceError(
                f"{FILES}: no such folder; make it and put HTML, PDF, DOCX or TXT files in, "
                f"or take {self.name} off sources in params.yaml"
            )
        paths: dict[str, Path] = {}
        for path in sorted(FILES.rglob("*")):
            name = path.relative_to(FILES).as_posix()
            is_hidden = any(part.startswith((".", "~$")) for part in path.relative_to(FILES).parts)
            if is_hidden or path.is_dir():
                continue
            if path.is_symlink() or not path.is_file() or any(p.is_symlink() for p in _parents(path)):
                log.warning("%s: a link, not a file; left out", path)
            elif path.suffix.lower() not in _SUFFIXES:
                log.warning("%s: not one of %s; left out", path, ", ".join(_SUFFIXES))
            else:
                paths[f"files/{unicodedata.normalize('NFC', name)}"] = path
        if not paths:
            raise SourceError(f"{FILES}: no HTML, PDF, DOCX or TXT file in it; put some in, or take "
                              f"{self.name} off sources in params.yaml")  # fmt: skip
        digest = hashlib.sha256()
        for name, path in sorted(paths.items()):
            digest.update(f"{name}\0{sha256_file(path)}\n".encode())
        return digest.hexdigest()[:16], files_on_disk(paths)

    def documents(self, files: Mapping[str, bytes], langs: Sequence[str]) -> Iterator[_Document]:
        seen: dict[tuple[str, str], str] = {}
        names = (member.removeprefix("files/") for member in files if member.startswith("files/"))
        shards = ([(name, files.file(f"files/{name}"))] for name in names)
        for name, document in self._by_shards("_read_document", shards, langs):
            if other := seen.get((document.unit, document.lang)):
                raise SourceError(
                    f"{FILES}: {other} and {name} are both the {document.lang} version of {document.unit!r}; "
                    "rename one of them"
                )
            seen[document.unit, document.lang] = name
            self.report["files read"] += 1
            yield document

    def _read_document(
        self, item: tuple[str, RawFile], langs: Sequence[str]
    ) -> Iterator[tuple[str, _Document]]:
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
        lang, texts = self._decide([block for _, block in blocks], filed, langs)
        if filed and lang and lang != filed:
            log.warning("%s: %s: named as %s, but its text is %s", self.name, name, filed, lang)
        if lang is not None:
            pages = [page for page, _ in blocks]
            yield name, _Document(unit, lang, None, tuple(zip(pages, texts, strict=True)))

    def _read_file(self, content: RawFile, name: str) -> list[tuple[int | None, Block]]:
        suffix = PurePosixPath(name).suffix.lower()
        if suffix == ".pdf":
            with content.open() as file, _as_path(file, ".pdf") as path:
                return _read_pdf(path, name, self.report, self.pdf)
        if suffix in (".html", ".htm"):
            if content.size > MAX_HTML_BYTES:
                raise DataError(f"{name}: {content.size:,} bytes, over the limit of {MAX_HTML_BYTES:,}")
            page = read_page(_decode_html(content.read(), name), with_date=False)
            title = [Block("title", page.title)] if page.title else []
            return [(None, block) for block in (*title, *page.blocks)]
        if content.size > MAX_FILE_BYTES:
            raise DataError(f"{name}: {content.size:,} bytes, over the limit of {MAX_FILE_BYTES:,}")
        reader = read_docx if suffix == ".docx" else read_text
        return [(None, block) for block in reader(content.read(), name)]


# ---------------------------------------------------------------------------------------------------------
# Reading
# ---------------------------------------------------------------------------------------------------------


def _parents(path: Path) -> Iterator[Path]:
    return (parent for parent in path.parents if parent != FILES and FILES in parent.parents)


@contextmanager
def _as_path(file: IO[bytes], suffix: str) -> Iterator[Path]:
    """Give a stream a path of its own for as long as it is read."""
    handle, name = tempfile.mkstemp(suffix=suffix)
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as copy:
            while chunk := file.read(_CHUNK):
                copy.write(chunk)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _read_records(file: IO[bytes], report: Counter[str]) -> Iterator[dict[str, Any]]:
    """Yield the whole records of a packed file; torn, damaged and malformed ones are counted."""
    for line in _read_lines(file, report):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            report["records not read: no JSON"] += 1
            continue
        if isinstance(record, dict) and isinstance(record.get("url"), str):
            yield record
        else:
            report["records not read: no address"] += 1


def _read_lines(file: IO[bytes], report: Counter[str]) -> Iterator[bytes]:
    """Yield the lines of a gzip file of many members, and go on after a damaged member with the next one."""
    magic = b"\x1f\x8b\x08"
    data, line = b"", b""
    while True:
        decoder = zlib.decompressobj(wbits=31)
        begun = False
        while not decoder.eof:
            data = data or file.read(_CHUNK)
            if not data:
                if begun:
                    report["records not read: torn at the end of the file"] += 1
                elif line:
                    yield line
                return
            begun = True
            try:
                text = decoder.decompress(data, _CHUNK)
            except zlib.error:
                report["records not read: damaged"] += 1
                data, line = _next_member(file, data, magic), b""
                break
            data = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
            *whole, line = (line + text).split(b"\n") if b"\n" in text else (line + text,)
            yield from (each for each in whole if each)
            if len(line) > MAX_LINE_BYTES:
                report["records not read: too large"] += 1
                data, line = _next_member(file, data, magic), b""
                break


def _next_member(file: IO[bytes], data: bytes, magic: bytes) -> bytes:
    """Return what is left from the next member's beginning on."""
    data = data[1:]
    while True:
        place = data.find(magic)
        if place >= 0:
            return data[place:]
        more = file.read(_CHUNK)
        if not more:
            return b""
        data = data[-2:] + more


def _record_id(record: Mapping[str, Any]) -> bytes:
    return hashlib.blake2b(
        str(record.get("key") or record["url"]).encode("utf-8", "replace"), digest_size=12
    ).digest()


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


def _unit(record: Mapping[str, Any]) -> str:
    """Return the name that the versions of a document share.

    Versions that the crawl matched by date and title alone are candidates only: each is a document of its own
    here, and align decides what belongs together.
    """
    doc = None if record.get("paired") == "date+title" else record.get("doc")
    if isinstance(doc, str) and clean_line(doc.partition("/")[2]):
        return clean_line(doc.partition("/")[2])
    return hashlib.sha256(record["url"].encode("utf-8", "replace")).hexdigest()[:16]


def _address(record: Mapping[str, Any]) -> str | None:
    for url in (record.get("canonical"), record["url"]):
        if isinstance(url, str) and url.startswith(("http://", "https://")):
            # An address cannot carry lone surrogates; a damaged record can.
            return url.encode("utf-8", "replace").decode()
    return None


def _day(record: Mapping[str, Any]) -> str | None:
    """Return the day of publication, ISO 8601: as the page says it, else as its address does."""
    in_address = _DAY.search(record["url"])
    for said in (
        str(record.get("published"))[:10],
        "-".join(in_address.group(1, 3, 4)) if in_address else "",
    ):
        with suppress(ValueError):  # 30 February
            return dt.date.fromisoformat(said).isoformat()
    return None


def _pack(document: _Document) -> list[Any]:
    blocks = [(page, block.kind, block.text) for page, block in document.blocks]
    return [document.unit, document.lang, document.url, blocks, document.date]


def _unpack(values: list[Any]) -> _Document:
    unit, lang, url, blocks, date = values
    return _Document(unit, lang, url, tuple((page, Block(kind, text)) for page, kind, text in blocks), date)


_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w-]{3,20})", re.IGNORECASE)


def _decode_html(data: bytes, where: str) -> str:
    """Decode a page by its mark or as UTF-8, else by what it says of itself, else as plain text is."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        said = _CHARSET.search(data[:4096])
    if said and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode(said[1].decode("ascii"), errors="replace")
        except LookupError:
            log.debug("%s: unknown charset %r", where, said[1])
    return decode_text(data, where)[0]


def _read_pdf(
    path: Path, where: str, report: Counter[str], pdf: PdfParams | None
) -> list[tuple[int | None, Block]]:
    """Return a PDF's prose with pages, and count its pages by how they were read."""
    if pdf is None:
        book = read_pdf(path)
    else:
        book = read_pdf(path, pdf.workers, Limits(**pdf.model_dump(exclude={"workers"})))
    for row in book.report:
        report[f"PDF {'pages' if row.page else 'files'} {row.status}"] += 1
        if row.status in ("quarantined", "scanned", "error"):
            log.warning("%s: page %d: %s (%s)", where, row.page, row.status, row.reason)
    report["PDF blocks left out: tables and formulas"] += sum(b.kind in _NO_PROSE for b in book.blocks)
    return [
        (block.page, Block(block.kind, " ".join(block.text.split())))
        for block in book.blocks
        if block.kind not in _NO_PROSE
    ]
