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
from ruamel.yaml import YAML
from scrapy import Request
from scrapy.http import Response, TextResponse

from crawler.discovery import MANY, Listed, only_values
from crawler.items import Book, Record
from crawler.pages import Hints, joined, parse_time, read_page
from crawler.pairing import Candidate
from crawler.spiders.base import PAGE, VERSION, Ref, SiteSpider, header, now, validators
from crawler.state import Seen
from crawler.urls import normalise_url

_PAGE_PATH = re.compile(r"^(?:/(?:uz|ru|tk|tm|tg|kk|en))?/books?/(\d{1,15})(?:/[^/.]*)?/?$")
_FILE_PATH = re.compile(r"^/books/(\d{1,15})/(\d{1,15})-([0-9A-Za-z]+)\.pdf$")
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")
_ISBN = re.compile(r"\b97[89](?:[-\s]?\d){10}\b")
_WORDS = YAML(typ="safe").load(Path(__file__).parents[2] / "assets/textbook_words.yaml")
_LANG_NAMES: dict[str, list[str]] = _WORDS["languages"]
_SUBJECT_OF = {word: subject for subject, words in _WORDS["subjects"].items() for word in words}
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
        match = _PAGE_PATH.match(path)
        if match:
            return Ref(self.job.langs[0], match[1], f"page:{match[1]}")
        return Ref(self.job.langs[0], None, f"file:{path}") if _FILE_PATH.match(path) else None

    # --- book pages ---

    def conditions(self, request: Request) -> dict[str, str]:
        if request.meta.get("book"):
            return self._range(request)
        seen = self.state_file.seen(request.meta["key"]) if request.meta.get("article") else None
        # A page whose files are not all here is read again, changed or not.
        return validators(seen) if seen and self._has_all(seen) else {}

    def _has_all(self, seen: Seen) -> bool:
        return all(map(self._is_whole, seen.needs))

    def _offer(self, listed: Listed, priority: int = PAGE) -> Iterator[Request]:
        ref = self.ref(listed.url) if self._is_here(listed.url) else None
        # Files are queued where their language is said: by the page or card that offers them.
        if ref is None or ref.id is None:
            return
        seen = self.state_file.seen(ref.key)
        changed = listed.changed.isoformat() if listed.changed else None
        if seen and changed and seen.lastmod == changed and self._has_all(seen):
            self._settle(ref.key, "skipped")
            return
        yield self._article(listed.url, ref.key, ref, changed, priority)

    def parse_page(self, response: Response) -> Iterator[Any]:
        """Queue the files of a book page, in the wanted languages."""
        key = response.meta["key"]
        if response.status == 304:
            for book in (self.state_file.seen(key) or Seen()).needs:
                self._settle(book, "unchanged")
            return
        ref = self._readable(response)
        if ref is None:
            return
        title = read_page(response.selector, response.urljoin, self.hints).title
        links = self._editions(response.selector, response.url)
        about = _about(response.selector, title, response.url, ref.id or "0")
        needs: list[str] = []
        for request in self._books(links, about, title, response.xpath("/html/@lang").get(), needs):
            if self.is_full():
                return
            yield request
        etag, changed = header(response, "ETag"), header(response, "Last-Modified")
        self.state_file.set_seen(key, Seen(None, response.meta.get("lastmod"), etag, changed, tuple(needs)))

    def parse_section(self, response: Response, root: str, number: int, before: str) -> Iterator[Request]:
        """Queue a catalogue's book pages, and the files that it offers itself."""
        yield from super().parse_section(response, root, number, before)
        if not isinstance(response, TextResponse):
            return
        page_lang = response.xpath("/html/@lang").get()
        nodes = list(response.selector.root.iter("*"))
        numbers = only_values(
            nodes, lambda node: self._book_number(joined(node.get("href"), response.urljoin))
        )
        # A book's card is the largest block around its link that offers no other book.
        cards = {
            node: book
            for node, book in numbers.items()
            if book not in (None, MANY) and numbers.get(node.getparent()) != book
        }
        for root, book in cards.items():
            card = Selector(root=root, type="html")
            texts = [" ".join(text.split()) for text in card.xpath(".//text()").getall()]
            title = next((text for text in texts if len(text) > 3 and not read_lang(text)), None)
            links = self._editions(card, response.url)
            yield from self._books(links, _about(card, title, response.url, book), title, page_lang, [])

    @staticmethod
    def _book_number(url: str | None) -> str | None:
        """Return the number of the book whose file is at an address."""
        match = _FILE_PATH.search(urlsplit(url).path) if url else None
        return match[1] if match else None

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
            is_its_title = len(links) == 1 or lang == read_lang(page_lang)
            yield self._part(path, book, {**about, "lang": lang, "title": title if is_its_title else None})

    def _editions(self, block: Selector, base: str) -> list[tuple[str, str]]:
        """Return the files that a page or card offers, each with what is said of its language."""
        editions: dict[str, str] = {}
        for node in block.xpath(".//a[@href]"):
            url = joined(node.attrib["href"], lambda href: urljoin(base, href))
            if url and self._is_here(url) and self._book_number(url):
                texts = [
                    node.attrib.get("hreflang"),
                    node.attrib.get("lang"),
                    *node.xpath(".//text()").getall(),
                ]
                editions.setdefault(url, " | ".join(text for text in texts if text and text.strip()))
        return list(editions.items())

    # --- files ---

    def _part(self, url: str, key: str, about: dict[str, Any], again: bool = False) -> Request:
        return Request(
            url,
            callback=self.parse_part,
            errback=self.failed,
            cb_kwargs={"about": about},
            priority=VERSION,
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
        """Ask for the next part, where it is certain that it continues the copy; else begin anew.

        Only a strong ETag says that two parts are of one version (RFC 9110, 8.8.1). A server that gives none
        is asked for the whole file.
        """
        key = request.meta["key"]
        part, note = self._part_path(key), self._note(key)
        if not note.get("total"):
            part.unlink(missing_ok=True)
        size = _size(part)
        headers = {"Accept-Encoding": "identity"}
        if size == 0 and note.get("whole"):
            return headers
        headers["Range"] = f"bytes={size}-{size + int(self.job.options.chunk_mb * 1e6) - 1}"
        if size:
            headers["If-Range"] = note["ETag"]
        return headers

    def parse_part(self, response: Response, about: dict[str, Any]) -> Iterator[Any]:
        """Append a part to the file's copy; check and keep the file when it is whole."""
        key = response.meta["key"]
        part, note = self._part_path(key), self._note(key)
        size = _size(part)
        place = _RANGE.fullmatch(header(response, "Content-Range") or "")
        total = int(place[3]) if place and place[3] != "*" else None
        limit = int(self.job.options.max_book_mb * 1e6)
        if response.status in (404, 410):
            self._error(str(response.status), response.url)
        elif response.status == 416 and size and size == total == note.get("total"):
            yield from self._keep(response, key, part, about)
        elif max(total or 0, len(response.body)) > limit:
            self._error("too large", response.url)
            part.unlink(missing_ok=True)
        elif response.status == 200 and _ends_whole(response):
            self._begin(key, part, response, len(response.body))
            _write(part, response.body, "wb")
            yield from self._keep(response, key, part, about)
        elif response.status == 206 and _continues(response, place, size, note):
            if size == 0:
                self._begin(key, part, response, total)
            _write(part, response.body, "ab")
            if _size(part) == total:
                yield from self._keep(response, key, part, about)
            else:
                yield self._part(response.url, key, about, again=True)
        elif self.count(f"restart:{key}") > self.job.options.retries:
            part.unlink(missing_ok=True)
            self._error("bad range", response.url)
        else:
            part.unlink(missing_ok=True)
            self.state_file.set("part", key, json.dumps({"whole": True}))
            yield self._part(response.url, key, about, again=True)

    def _begin(self, key: str, part: Path, response: Response, total: int | None) -> None:
        """Begin a copy: note the file's length and validators, which later answers are checked against."""
        part.unlink(missing_ok=True)
        note = {name: header(response, name) for name in ("ETag", "Last-Modified")}
        self.state_file.set("part", key, json.dumps({**note, "total": total}))

    def _note(self, key: str) -> dict[str, Any]:
        return json.loads(self.state_file.get("part", key) or "{}")

    def _keep(self, response: Response, key: str, part: Path, about: dict[str, Any]) -> Iterator[Book]:
        if self.is_full():
            # Asked for before the limit was reached; the copy waits for the next crawl.
            return
        with part.open("rb") as file:
            is_pdf = b"%PDF-" in file.read(1024)
        if not is_pdf:
            part.unlink()
            self._error("not PDF", response.url)
            return
        sha256 = _sha256(part)
        # Named by its content: no address can choose where it goes, and equal files are one.
        target = self._files / f"{sha256}.pdf"
        self._files.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.stat().st_size != part.stat().st_size:
            temporary = target.with_suffix(".tmp")
            shutil.copyfile(part, temporary)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(temporary, target)
        note = self._note(key)
        last_modified = note.get("Last-Modified")
        changed = parse_time(last_modified)
        yield Book(
            url=response.url,
            canonical=response.url,
            lang=about["lang"],
            id=self._book_number(response.url) or about["page_id"],
            title=about["title"],
            published=changed.isoformat() if changed else None,
            fetched=now(),
            sha256=sha256,
            doc=f"{self.name}/{about['page_id']}",
            key=key,
            content=sha256,
            etag=note.get("ETag"),
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
        self._part_path(record.key or "").unlink(missing_ok=True)
        super().stored(record)

    def _is_whole(self, key: str) -> bool:
        """Return whether a book's file is here and is what was downloaded."""
        known = self.state_file.known(key)
        path = self.job.out / known.file if known and known.file else None
        if path is None or not path.resolve().is_relative_to(self.job.out.resolve()) or not path.is_file():
            return False
        stamp = f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}"
        sha256 = self.state_file.get("sha256", stamp)
        if sha256 is None:
            sha256 = _sha256(path)
            self.state_file.set("sha256", stamp, sha256)
        return sha256 == known.content

    # --- pairing ---

    @staticmethod
    def _candidate(known: Book) -> Candidate:
        page = _PAGE_PATH.match(urlsplit(known.page or "").path)
        work = f"{known.subject} {known.grade}" if known.subject and known.grade else None
        number = page[1] if page else known.id
        return Candidate(known.key, known.lang, number, None, known.title, (), known.isbn, work)


def _continues(response: Response, place: re.Match[str] | None, size: int, note: dict[str, Any]) -> bool:
    """Return whether a partial answer is, for certain, the bytes that follow the ``size`` bytes at hand."""
    if place is None or place[1] is None or place[3] == "*":
        return False
    start, end, total = int(place[1]), int(place[2]), int(place[3])
    if start != size or end + 1 - start != len(response.body) or end >= total or not response.body:
        return False
    etag = header(response, "ETag")
    if size:
        return etag == note["ETag"] and total == note["total"]
    return end + 1 == total or bool(etag and not etag.startswith("W/"))


def _ends_whole(response: Response) -> bool:
    """Return whether a whole file came: where its length is not known, whether it ends as a PDF does."""
    return "partial" not in response.flags or b"%%EOF" in response.body[-2048:]


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
    return next((_SUBJECT_OF[word] for word in ("".join(words), *words) if word in _SUBJECT_OF), None)


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
    match = _GRADE.search(title)
    if match:
        return int(match[1])
    for row in block.xpath(".//tr | .//dl/div | .//li"):
        text = " ".join(row.xpath(".//text()").getall())
        number = re.search(r"\b(\d{1,2})\b", text)
        if number and re.search(r"(?i)sinf|класс|synp|синф|сынып", text):
            return int(number[1])
    return None
