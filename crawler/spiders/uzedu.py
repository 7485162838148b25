"""uzedu.online: textbooks as PDF files, the same book in Uzbek, Russian, Turkmen, Tajik and Kazakh."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from parsel import Selector
from scrapy import Request
from scrapy.http import Response, TextResponse

from crawler.discovery import Found
from crawler.items import Book, Record
from crawler.pages import Hints, parse_time, read_page
from crawler.pairing import Candidate
from crawler.spiders.base import _PAGE, _VERSION, Ref, SiteSpider, _header, _now
from crawler.state import Known, Seen
from crawler.urls import normalise_url

_PAGE_PATH = re.compile(r"^(?:/(?:uz|ru|tk|tm|tg|kk|en))?/books?/(\d{1,15})(?:/[^/.]*)?/?$")
_FILE_PATH = re.compile(r"^/books/(\d{1,15})/(\d{1,15})-([0-9A-Za-z]+)\.pdf$")
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")
_ISBN = re.compile(r"\b97[89](?:[-\s]?\d){10}\b")
# What labels, addresses and lang attributes call the languages.
_LANG_NAMES = {
    "uz": ("uz", "uzb", "o'zbek", "ozbek", "узбек", "ўзбек", "uzbek"),
    "ru": ("ru", "rus", "русск", "рус", "rus tili", "russian"),
    "tk": ("tk", "tm", "tuk", "türkmen", "turkmen", "туркмен"),
    "tg": ("tg", "tj", "tgk", "тоҷик", "тоҷикӣ", "таджик", "tojik", "tajik"),
    "kk": ("kk", "kz", "kaz", "қазақ", "казах", "qozoq", "kazakh"),
    "ky": ("ky", "kg", "kir", "кыргыз", "киргиз", "qirg'iz"),
    "kaa": ("kaa", "qoraqalpoq", "қарақалпақ", "каракалпак"),
}
# School subjects as the five languages call them; they pair editions that share neither number nor ISBN.
_SUBJECTS = {
    "mathematics": "matematika математика",
    "algebra": "algebra алгебра",
    "geometry": "geometriya geometriýa геометрия",
    "physics": "fizika физика",
    "chemistry": "kimyo himiýa химия кимиё",
    "biology": "biologiya biologiýa биология",
    "geography": "geografiya geografiýa география",
    "history": "tarix taryh история таърих тарих",
    "informatics": "informatika информатика",
    "music": "musiqa saz музыка мусиқӣ sazçylyk",
    "science": "tabiiyfanlar tebigyylymlar естествознание табиатшиносӣ жаратылыстану",
    "law": "huquq hukuk право ҳуқуқ құқық",
    "economics": "iqtisodiyot ykdysadyýet экономика иқтисод",
    "drawing": "chizmachilik çyzuw черчение расмкашӣ сызу",
    "technology": "texnologiya tehnologiýa технология",
    "upbringing": "tarbiya terbiýe воспитание тарбия тәрбие",
}
_SUBJECT_OF = {word: name for name, words in _SUBJECTS.items() for word in words.split()}
_GRADE = re.compile(r"\b(\d{1,2})\s*[-‒–]?\s*(?:sinf|класс|klass|synp|синф|сынып|класс)", re.IGNORECASE)


class UzeduSpider(SiteSpider):
    """List the books, download the editions in the wanted languages, and pair them.

    Files come in parts, each asked for from where the copy ends, so a kill loses at most one part.
    """

    name = "uzedu"
    hints = Hints(title=("h1[itemprop=name]", "h1"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._files = self.job.out / self.name
        self._parts = self.job.state_dir / "parts"
        self._parts.mkdir(parents=True, exist_ok=True)

    def ref(self, url: str) -> Ref | None:
        """Book pages stand for all languages: the wanted ones are chosen among their files."""
        path = urlsplit(url).path
        found = _PAGE_PATH.match(path)
        if found:
            return Ref(self.job.langs[0], found[1], f"page:{found[1]}")
        return Ref(self.job.langs[0], None, f"file:{path}") if _FILE_PATH.match(path) else None

    # --- book pages ---

    def conditions(self, request: Request) -> dict[str, str]:
        if request.meta.get("book"):
            return self._range(request)
        seen = self.state_file.seen(request.meta["key"]) if request.meta.get("article") else None
        # A page whose files are not all here is read again, changed or not.
        if seen is None or not all(self._is_whole(key) for key in seen.needs):
            return {}
        headers = {"If-None-Match": seen.etag, "If-Modified-Since": seen.last_modified}
        return {name: value for name, value in headers.items() if value}

    def _offer(self, found: Found, priority: int = _PAGE) -> Iterator[Request]:
        ref = self.ref(found.url) if self._is_here(found.url) else None
        # Files are queued where their language is said: by the page or card that offers them.
        if ref is None or ref.id is None:
            return
        seen = self.state_file.seen(ref.key)
        changed = found.changed.isoformat() if found.changed else None
        if seen and changed and seen.lastmod == changed and all(map(self._is_whole, seen.needs)):
            self._settle(ref.key, "skipped")
            return
        yield self._article(found.url, ref.key, ref, changed, priority)

    def parse_page(self, response: Response) -> Iterator[Any]:
        """Queue the files of a book page, in the wanted languages."""
        key = response.meta["key"]
        if response.status == 304:
            for book in (self.state_file.seen(key) or _NOTHING).needs:
                self._settle(book, "unchanged")
            return
        if response.status in (404, 410):
            self._error(str(response.status), response.url)
            return
        if not isinstance(response, TextResponse) or not response.xpath("//body"):
            self._error("not HTML", response.url)
            return
        ref = self.ref(response.url)
        if ref is None:
            self._error("redirected away", response.url)
            return
        title = read_page(response.selector, response.urljoin, self.hints).title
        links = self._editions(response.selector, response.url)
        about = _about(response.selector, title, response.url, ref.id or "0")
        needs: list[str] = []
        for request in self._books(links, about, title, response.xpath("/html/@lang").get(), needs):
            if self.is_full():
                return
            yield request
        etag, changed = _header(response, "ETag"), _header(response, "Last-Modified")
        self.state_file.set_seen(key, Seen(None, response.meta.get("lastmod"), etag, changed, tuple(needs)))

    def parse_section(self, response: Response, root: str, number: int, before: str) -> Iterator[Request]:
        """Queue a catalogue's book pages, and the files that it offers itself."""
        yield from super().parse_section(response, root, number, before)
        if not isinstance(response, TextResponse):
            return
        page_lang = response.xpath("/html/@lang").get()
        cards: dict[Any, tuple[Selector, str]] = {}
        for node in response.xpath("//a[@href]"):
            found = _FILE_PATH.match(urlsplit(self._absolute(response.url, node.attrib["href"]) or "").path)
            if found:
                # A book's card is the largest block around its link that offers no other book.
                card = node.root
                while card.getparent() is not None and self._numbers(card.getparent()) == {found[1]}:
                    card = card.getparent()
                cards.setdefault(card, (Selector(root=card, type="html"), found[1]))
        for card, book in cards.values():
            titles = [" ".join(text.split()) for text in card.xpath(".//text()").getall()]
            title = next((text for text in titles if len(text) > 3 and not read_lang(text)), None)
            links = self._editions(card, response.url)
            yield from self._books(links, _about(card, title, response.url, book), title, page_lang, [])

    @staticmethod
    def _absolute(base: str, href: str) -> str | None:
        try:
            return urljoin(base, href.strip())
        except ValueError:
            return None

    @staticmethod
    def _numbers(block: Any) -> set[str]:
        """Return the numbers of the books whose files a block offers."""
        paths = [href.partition("?")[0] for href in block.xpath(".//a/@href")]
        return {
            found[1] for path in paths if (found := re.search(r"/books/(\d+)/\d+-[0-9A-Za-z]+\.pdf$", path))
        }

    def _books(
        self,
        links: list[tuple[str, str]],
        about: dict[str, Any],
        title: str | None,
        page_lang: str | None,
        needs: list[str],
    ) -> Iterator[Request]:
        """Queue the files in the wanted languages that are not here yet; all their keys go to ``needs``."""
        for url, label in links:
            lang = read_lang(label) or (read_lang(page_lang) if len(links) == 1 else None)
            path = normalise_url(url)
            if lang is None and self.state_file.settle(f"unsaid:{path}"):
                self._error("no language said", url)
            if lang not in self.job.langs:
                continue
            book = f"{lang}:{urlsplit(path).path}"
            needs.append(book)
            if self._is_whole(book):
                self._settle(book, "unchanged")
                continue
            # The title is in the page's language; of the other editions it is not known.
            own = title if len(links) == 1 or lang == read_lang(page_lang) else None
            yield self._part(path, book, {**about, "lang": lang, "title": own})

    def _editions(self, block: Selector, base: str) -> list[tuple[str, str]]:
        """Return the files that a page or card offers, each with what is said of its language."""
        found: dict[str, str] = {}
        for node in block.xpath(".//a[@href]"):
            url = self._absolute(base, node.attrib["href"])
            if url and self._is_here(url) and _FILE_PATH.match(urlsplit(url).path):
                said = [
                    node.attrib.get("hreflang"),
                    node.attrib.get("lang"),
                    *node.xpath(".//text()").getall(),
                ]
                found.setdefault(url, " | ".join(text for text in said if text and text.strip()))
        return list(found.items())

    # --- files ---

    def _part(self, url: str, key: str, about: dict[str, Any], again: bool = False) -> Request:
        return Request(
            url,
            callback=self.parse_part,
            errback=self.failed,
            cb_kwargs={"about": about},
            priority=_VERSION,
            dont_filter=again,
            meta={
                "key": key,
                "book": True,
                "rank": int(about["page_id"]),
                "handle_httpstatus_list": [206, 416, 404, 410],
                "download_maxsize": int(self.job.options.max_book_mb * 1e6),
            },
        )

    def _part_path(self, key: str) -> Path:
        return self._parts / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.part"

    def _range(self, request: Request) -> dict[str, str]:
        """Ask for the next part; If-Range brings the whole file if it is another one by now."""
        part = self._part_path(request.meta["key"])
        validators = self._validators(part)
        if not validators:
            # Nothing says of which version the copy is.
            part.unlink(missing_ok=True)
        size = part.stat().st_size if part.exists() else 0
        end = size + int(self.job.options.chunk_mb * 1e6) - 1
        headers = {"Range": f"bytes={size}-{end}", "Accept-Encoding": "identity"}
        etag = validators.get("ETag")
        # A weak ETag may not be used with If-Range.
        if size and etag and not etag.startswith("W/"):
            headers["If-Range"] = etag
        return headers

    def parse_part(self, response: Response, about: dict[str, Any]) -> Iterator[Any]:
        """Append a part to the file's copy; check and keep the file when it is whole."""
        key = response.meta["key"]
        part = self._part_path(key)
        size = part.stat().st_size if part.exists() else 0
        if response.status in (404, 410):
            self._error(str(response.status), response.url)
            return
        place = _RANGE.fullmatch(_header(response, "Content-Range") or "")
        total = int(place[3]) if place and place[3] != "*" else None
        limit = int(self.job.options.max_book_mb * 1e6)
        if response.status == 416 and total == size and size:
            yield from self._keep(response, key, part, about)
            return
        if total is not None and total > limit:
            self._error("too large", response.url)
            return
        if response.status == 206 and place and place[1] and int(place[1]) == size and response.body:
            if size == 0:
                self._begin(part, response)
            _write(part, response.body, "ab")
            size += len(response.body)
            if size > limit:
                self._error("too large", response.url)
                part.unlink()
                return
            if total is not None and size >= total:
                yield from self._keep(response, key, part, about)
                return
        elif response.status == 200:
            # The server sends files whole only.
            self._begin(part, response)
            _write(part, response.body, "wb")
            yield from self._keep(response, key, part, about)
            return
        else:
            # The part is not the one that was asked for: begin again, a few times.
            part.unlink(missing_ok=True)
            if self.count(f"restart:{key}") > self.job.options.retries:
                self._error("bad range", response.url)
                return
        yield self._part(response.url, key, about, again=True)

    @staticmethod
    def _begin(part: Path, response: Response) -> None:
        """Begin a copy: note what the server calls the file, which its last answer (416) need not repeat."""
        part.unlink(missing_ok=True)
        note = part.with_suffix(".json")
        temporary = part.with_suffix(".tmp")
        names = ("ETag", "Last-Modified")
        said = {name: _header(response, name) for name in names}
        _write(temporary, json.dumps(said).encode(), "wb")
        os.replace(temporary, note)

    @staticmethod
    def _validators(part: Path) -> dict[str, str | None]:
        """Return what ``_begin`` noted; nothing if there is no note, or none that can be read."""
        try:
            return json.loads(part.with_suffix(".json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}

    def _keep(self, response: Response, key: str, part: Path, about: dict[str, Any]) -> Iterator[Book]:
        if self.is_full():
            # Asked for before the limit was reached; the copy waits for the next crawl.
            return
        with part.open("rb") as file:
            is_pdf = b"%PDF-" in file.read(1024)
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if not is_pdf:
            part.unlink()
            self._error("not PDF", response.url)
            return
        # Named by its content: no address can choose where it goes, and equal files are one.
        target = self._files / f"{sha256}.pdf"
        self._files.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.stat().st_size != part.stat().st_size:
            temporary = target.with_suffix(".tmp")
            shutil.copyfile(part, temporary)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(temporary, target)
        found = _FILE_PATH.match(urlsplit(response.url).path)
        validators = self._validators(part)
        last_modified = validators.get("Last-Modified")
        changed = parse_time(last_modified)
        yield Book(
            url=response.url,
            canonical=response.url,
            lang=about["lang"],
            id=found[1] if found else about["page_id"],
            title=about["title"],
            published=changed.isoformat() if changed else None,
            fetched=_now(),
            sha256=sha256,
            doc=f"{self.name}/{about['page_id']}",
            key=key,
            content=sha256,
            etag=validators.get("ETag"),
            last_modified=last_modified,
            file=f"{self.name}/{target.name}",
            bytes=target.stat().st_size,
            isbn=about["isbn"],
            subject=about["subject"],
            grade=about["grade"],
            page=about["page"],
        )

    def stored(self, record: Record) -> None:
        # The copy in parts is needed until the record stands: a kill in between finds it whole.
        part = self._part_path(record.key or "")
        part.unlink(missing_ok=True)
        part.with_suffix(".json").unlink(missing_ok=True)
        super().stored(record)

    def _is_whole(self, key: str) -> bool:
        """Return whether a book's file is here and is what was downloaded."""
        known = self.state_file.known(key)
        if known is None or not known.file:
            return False
        path = self.job.out / known.file
        if not path.resolve().is_relative_to(self.job.out.resolve()) or not path.is_file():
            return False
        status = path.stat()
        stamp = f"{status.st_size} {status.st_mtime_ns}"
        sha256 = self.state_file.file_sha256(known.file, stamp)
        if sha256 is None:
            with path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            self.state_file.set_file_sha256(known.file, stamp, sha256)
        return sha256 == known.content

    # --- pairing ---

    @staticmethod
    def _candidate(known: Known) -> Candidate:
        page = _PAGE_PATH.match(urlsplit(known.page or "").path)
        work = f"{known.subject} {known.grade}" if known.subject and known.grade else None
        return Candidate(
            known.key, known.lang, page[1] if page else known.id, None, known.title, (), known.isbn, work
        )


_NOTHING = Seen(None, None, None, None, ())


def _write(path: Path, content: bytes, mode: str) -> None:
    try:
        with path.open(mode) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        error.filename = str(path)  # a write that fails names no file
        raise


def read_lang(label: str | None) -> str | None:
    """Return the language that a label names (``Türkmen (PDF)``, ``tm``, ``Русский язык``), or None."""
    plain = unicodedata.normalize("NFC", (label or "").lower()).translate(str.maketrans("‘’ʻʼ`", "'''''"))
    words = re.findall(r"[\w']+", plain)
    for lang, names in _LANG_NAMES.items():
        for name in names:
            if any(word == name or (len(name) > 3 and word.startswith(name)) for word in words):
                return lang
    return None


def _subject(text: str) -> str | None:
    """Return the subject that a title begins with, under one name for all languages."""
    plain = re.sub(r"\d.*", "", unicodedata.normalize("NFC", text.lower()))
    words = re.findall(r"\w+", plain)
    return _SUBJECT_OF.get("".join(words)) or next((_SUBJECT_OF[w] for w in words if w in _SUBJECT_OF), None)


def _about(block: Selector, title: str | None, page: str, number: str) -> dict[str, Any]:
    """Return what a book's page or card says of all its editions."""
    isbn = _ISBN.search(" ".join(block.xpath(".//text()").getall()))
    subject = block.css("[itemprop=about]::text").get() or ""
    return {
        "isbn": re.sub(r"\D", "", isbn[0]) if isbn else None,
        "subject": _subject(subject) or _subject(title or ""),
        "grade": _grade(block, title or ""),
        "page": normalise_url(page),
        "page_id": number,
    }


def _grade(block: Selector, title: str) -> int | None:
    found = _GRADE.search(title)
    if found:
        return int(found[1])
    for row in block.xpath(".//tr | .//dl/div | .//li"):
        text = " ".join(row.xpath(".//text()").getall())
        number = re.search(r"\b(\d{1,2})\b", text)
        if number and re.search(r"(?i)sinf|класс|synp|синф|сынып", text):
            return int(number[1])
    return None
