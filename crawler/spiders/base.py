"""The base of every spider: discovery, limits, what is asked for again, and pairing."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import logging
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urljoin, urlsplit

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    IgnoreRequest,
)
from scrapy.http import Response, TextResponse
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure

from crawler.discovery import Listed, ListError, gunzip, next_page, read_feed, read_links, read_sitemap
from crawler.errors import stop_at_file_error
from crawler.items import Article, Book, Record, record_from
from crawler.middlewares import CutShort, PrivateAddress
from crawler.options import Job
from crawler.pages import Hints, PageFacts, is_too_deep, joined, parse_time, read_page
from crawler.pairing import Candidate, Paired, pair_pages
from crawler.state import Seen, State
from crawler.store import PackedFile
from crawler.urls import ascii_host, normalise_url

logger = logging.getLogger(__name__)

# Lists that name everything come first; what a page names as its other version comes before other pages, so
# that a limited crawl brings whole pairs; listings, which can be long, come last.
SITEMAP, FEED, VERSION, PAGE, SECTION = 60, 50, 40, 20, 10
_MAX_SITEMAP_DEPTH = 3
_MAX_MENU_SECTIONS = 30


# Errors that another attempt would meet again. After any other kind, listings are walked to their end next
# time too: pages behind the error have not been seen.
_PERMANENT = {
    *("401", "403", "404", "410", "451", "not HTML", "not PDF", "too large", "refused", "refused address"),
    *(
        "too deep",
        "redirected away",
        "too many redirects",
        "not XML",
        "not a sitemap",
        "not a feed",
        "damaged gzip",
    ),
    *("entity declarations", "no language said"),
}
_FAILURES = {
    CutShort: "cut short",
    DownloadTimeoutError: "timeout",
    CannotResolveHostError: "no such host",
    DownloadConnectionRefusedError: "connection refused",
}
# So many failures in a row, each after its retries, and the site is taken to be down.
_MAX_STREAK = 15


@dataclass(frozen=True)
class Ref:
    """What an article's address says."""

    lang: str
    id: str | None
    key: str


class SiteSpider(Spider):
    """Crawl one site: find its articles by sitemap, feed and section, in every language asked for.

    A subclass says how to read an article's address (``ref``) and gives hints about its pages.
    """

    name = "site"
    hints: ClassVar[Hints] = Hints()
    # Whether one id is one article in every language.
    shared_ids: ClassVar[bool] = True
    # The site's own codes for languages, where they are not ISO 639.
    lang_codes: ClassVar[dict[str, str]] = {"tm": "tk"}

    def __init__(self, job: Job, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job = job
        self.base = job.site.base_url.rstrip("/")
        self.allowed_domains = [(urlsplit(self.base).hostname or "").removeprefix("www.")]
        self.robots_unreadable = False
        self.resumed = False
        self.reached = False
        self._streak = 0
        self.store = PackedFile(job.out / f"{self.name}.jsonl.gz")
        self.state_file = State(job.state_dir / "state.sqlite")
        self.state_file.sync(self.store)
        self.resumed = self.state_file.begin(job.signature)

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> SiteSpider:
        spider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider._robots_parsed, signal=signals.robots_parsed)
        crawler.signals.connect(spider._answered, signal=signals.response_received)
        crawler.signals.connect(spider._failed_inside, signal=signals.spider_error)
        crawler.signals.connect(spider._failed_inside, signal=signals.item_error)
        return spider

    # --- what a site has to say ---

    def ref(self, url: str) -> Ref | None:
        """Return what an article's address says, or None if it is no article of this site."""
        raise NotImplementedError

    def listed(self, response: TextResponse) -> Iterator[tuple[str, dt.datetime | None]]:
        """Yield the articles of a listing, with the dates beside them."""
        yield from read_links(response.selector, response.urljoin)

    def refine(self, response: TextResponse, facts: PageFacts) -> dict[str, Any]:
        """Return fields of the record that this site's pages say better than the general reader."""
        return {}

    # --- numbers ---

    def count(self, name: str, by: int = 1) -> int:
        """Count something of this crawl; the number survives a kill."""
        return self.state_file.count(name, by)

    def numbers(self) -> dict[str, int]:
        return self.state_file.numbers()

    def key_of(self, url: str) -> str:
        """Return what tells a page from others: its language and id, else its address."""
        try:
            ref = self.ref(url)
            return ref.key if ref else normalise_url(url)
        except ValueError:
            return url

    # --- discovery ---

    async def start(self) -> AsyncIterator[Any]:
        for path in self.job.site.sitemaps:
            yield self._list(urljoin(self.base + "/", path), "parse_sitemap", SITEMAP)
        for path in self.job.site.feeds:
            yield self._list(urljoin(self.base + "/", path), "parse_feed", FEED)
        for path in self.job.site.sections:
            yield self._section(urljoin(self.base + "/", path), root=path)

    def _list(self, url: str, callback: str, priority: int, **kwargs: Any) -> Request:
        return Request(
            url,
            callback=getattr(self, callback),
            errback=self.failed,
            cb_kwargs=kwargs,
            priority=priority,
            meta={"key": f"list:{normalise_url(url)}"},
        )

    def _section(self, url: str, root: str, number: int = 1, before: str = "") -> Request:
        return self._list(url, "parse_section", SECTION, root=root, number=number, before=before)

    def _robots_parsed(self, robotparser: Any, request: Request) -> None:
        """Follow the sitemaps that robots.txt names."""
        for url in list(getattr(robotparser.rp, "sitemaps", ()))[:50]:
            absolute = joined(url, lambda url: urljoin(self.base + "/", url))
            if absolute and self._is_here(absolute):
                self.crawler.engine.crawl(self._list(absolute, "parse_sitemap", SITEMAP))

    def _answered(self, response: Response) -> None:
        if response.status < 500 and response.status != 429:
            self._streak = 0

    def _failed_inside(self, failure: Failure, response: Response | Failure | None) -> None:
        """Count a fault of the spider or the pipeline; Scrapy logs where it was. One of a file ends all."""
        stop_at_file_error(failure.value, self.store.path)
        # What was answered, or what failed; nothing if it was the start.
        self._error(f"fault {failure.type.__name__}", response.request.url if response else self.base)

    def _close(self, reason: str) -> None:
        self._closing = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason=reason))

    def _is_here(self, url: str) -> bool:
        try:
            return _host(url) == _host(self.base) and urlsplit(url).scheme in ("http", "https")
        except ValueError:
            return False

    def parse_sitemap(self, response: Response, depth: int = 0) -> Iterator[Request]:
        """Queue a sitemap's articles and the sitemaps that it names."""
        limit = int(self.job.options.max_page_mb * 8e6)
        try:
            body, is_whole = response.body, True
            if body[:2] == b"\x1f\x8b":
                body, is_whole = gunzip(body, limit)
            pages, maps = read_sitemap(body)
        except ListError as error:
            self._error(str(error), response.url)
            return
        self.reached = True
        if not is_whole:
            self._error("damaged gzip", response.url)
        for listed in maps:
            if depth >= _MAX_SITEMAP_DEPTH or (
                self.job.since and listed.changed and listed.changed < self.job.since
            ):
                continue
            if self._is_here(listed.url):
                yield self._list(listed.url, "parse_sitemap", SITEMAP, depth=depth + 1)
        for listed in pages:
            yield from self._offer(listed)
            for url in listed.versions:
                yield from self._offer(Listed(url, listed.changed))

    def parse_feed(self, response: Response) -> Iterator[Request]:
        """Queue a feed's articles."""
        try:
            entries = read_feed(response.body)
        except ListError as error:
            self._error(str(error), response.url)
            return
        self.reached = True
        for listed in entries:
            yield from self._offer(Listed(response.urljoin(listed.url), listed.changed, listed.published))

    def parse_section(self, response: Response, root: str, number: int, before: str) -> Iterator[Request]:
        """Queue a listing's articles and its next page.

        The listing ends where a page shows nothing, the same as the page before it, only what is too old, or,
        in a part of the site that an earlier crawl has walked to its end, only what is known.
        """
        if not isinstance(response, TextResponse):
            self._error("not HTML", response.url)
            return
        if is_too_deep(response.selector):
            self._error("too deep", response.url)
            return
        self.reached = True
        keys: dict[str, None] = {}
        dates: list[dt.datetime] = []
        for url, published in self.listed(response):
            ref = self.ref(url) if self._is_here(url) else None
            if not ref or ref.lang not in self.job.langs:
                continue
            keys[ref.key] = None
            if published:
                dates.append(published)
            yield from self._offer(Listed(url, None, published))
        if number == 1:
            yield from self._menu(response)
        here = hashlib.sha256(" ".join(keys).encode()).hexdigest()
        following = next_page(response.selector, response.urljoin, response.url)
        is_end = (
            not keys or here == before or self._is_too_old(dates, len(keys)) or self._is_swept(root, keys)
        )
        if is_end or following is None or number >= self.job.options.max_section_pages:
            self.state_file.set("ended", root, self._since_text())
            return
        if not self._is_here(following) or self.ref(following):
            return
        path = urlsplit(following).path
        if path == urlsplit(response.url).path or re.search(r"/page/\d+/?$", path):
            yield self._section(following, root, number + 1, here)
        else:
            # A front page's "next" leads into another listing.
            yield self._section(following, root=path)

    def _is_too_old(self, dates: list[dt.datetime], count: int) -> bool:
        """Return whether most of the ``count`` articles of a listing have dates, all before ``since``."""
        since = self.job.since
        return bool(since and dates and len(dates) * 2 > count and max(dates) < since)

    def _is_swept(self, root: str, keys: Iterable[str]) -> bool:
        """Return whether an earlier crawl walked a listing to its end, and knows all of these articles."""
        swept, state = self.state_file.get("swept", root), self.state_file
        is_walked = swept is not None and swept <= self._since_text()
        return is_walked and all(state.known(key) or state.seen(key) for key in keys)

    def _since_text(self) -> str:
        return self.job.since.astimezone(dt.UTC).isoformat() if self.job.since else ""

    def _menu(self, response: TextResponse) -> Iterator[Request]:
        """Queue the sections of the site's menu: short paths without figures, so no calendars."""
        paths: dict[str, None] = {}
        for href in response.xpath("//nav//a/@href | //header//a/@href").getall():
            url = joined(href, response.urljoin)
            path = urlsplit(url).path if url and self._is_here(url) and not urlsplit(url).query else ""
            if re.fullmatch(r"(?:/[A-Za-z][A-Za-z_-]*){1,2}/?", path):
                paths[path] = None
        for path in list(paths)[:_MAX_MENU_SECTIONS]:
            yield self._section(urljoin(self.base + "/", path), root=path)

    def _offer(self, listed: Listed, priority: int = PAGE) -> Iterator[Request]:
        """Queue an article unless what is known of it says that it is not wanted or has not changed."""
        ref = self.ref(listed.url) if self._is_here(listed.url) else None
        if ref is None or ref.lang not in self.job.langs:
            return
        url = listed.url
        key = self.state_file.get("alias", normalise_url(url)) or ref.key
        job = self.job
        if listed.published and not self._in_range(listed.published):
            self._settle(key, "outside")
            return
        # What has not changed since a day cannot have appeared after it.
        if job.since and listed.changed and listed.changed < job.since:
            self._settle(key, "outside")
            return
        changed = listed.changed.isoformat() if listed.changed else None
        known = self.state_file.known(key)
        if known and not self._wants_again(known, listed.changed):
            self._settle(key, "skipped")
            return
        if known:
            url = known.url
        seen = self.state_file.seen(key)
        if seen and (changed is None or seen.lastmod == changed):
            published = parse_time(seen.published)
            if published and not self._in_range(published):
                self._settle(key, "outside")
                return
        yield self._article(url, key, ref, changed, priority)

    def _article(self, url: str, key: str, ref: Ref, changed: str | None, priority: int) -> Request:
        return Request(
            url,
            callback=self.parse_page,
            errback=self.failed,
            priority=priority,
            meta={
                "key": key,
                "article": True,
                "lastmod": changed,
                # Newest first, and the versions of one number side by side.
                "rank": int(ref.id) if ref.id and ref.id.isdigit() and len(ref.id) < 16 else 0,
                "handle_httpstatus_list": [304, 404, 410],
            },
        )

    def _settle(self, key: str, name: str) -> None:
        if self.state_file.settle(key):
            self.count(name)

    def _wants_again(self, known: Article | Book, changed: dt.datetime | None) -> bool:
        """Return whether a stored page may have changed: by its change date, else by its age."""
        if changed:
            before = parse_time(known.lastmod)
            return before is None or changed > before
        published = parse_time(known.published)
        age = dt.timedelta(days=self.job.options.recheck_days)
        return published is None or dt.datetime.now(dt.UTC) - published < age

    def _in_range(self, published: dt.datetime) -> bool:
        since, until = self.job.since, self.job.until
        return not ((since and published < since) or (until and published >= until))

    def conditions(self, request: Request) -> dict[str, str]:
        """Return the headers that ask for a page only if it differs from the stored one."""
        return validators(self.state_file.known(request.meta["key"]) if request.meta.get("article") else None)

    # --- pages ---

    def parse_page(self, response: Response) -> Iterator[Any]:
        """Make a record of an article, if it is new or changed."""
        key, lastmod = response.meta["key"], response.meta.get("lastmod")
        known = self.state_file.known(key)
        if response.status == 304 and known:
            self._unchanged(key, lastmod)
            return
        ref = self._readable(response)
        if ref is None:
            if response.status in (404, 410):
                if spare := self._spare(response.request):
                    yield spare
                elif known:
                    self.count("gone")
            return
        facts = read_page(response.selector, response.urljoin, self.hints)
        refined = self.refine(response, facts)
        published: dt.datetime | None = refined.pop("published", None) or facts.published
        for version in facts.versions:
            yield from self._offer(Listed(version.url), VERSION)
        if published and not self._in_range(published):
            self.count("outside")
            self.state_file.set_seen(key, Seen(published.isoformat(), lastmod))
            return
        if self.is_full():
            return
        record = self._record(response, ref, facts, published)
        for name, value in refined.items():
            setattr(record, name, value)
        if known:
            record.doc, record.paired = known.doc, known.paired
            if known.content == record.content and known.alternates == record.alternates:
                self._unchanged(key, lastmod)
                return
        yield record

    def _unchanged(self, key: str, lastmod: str | None) -> None:
        self.count("unchanged")
        self.state_file.set_lastmod(key, lastmod)

    def _readable(self, response: Response) -> Ref | None:
        """Return what the address of a page says; count an error and return None if it is no page of ours."""
        ref = self.ref(response.url)
        if response.status in (404, 410):
            self._error(str(response.status), response.url)
        elif not isinstance(response, TextResponse) or not response.xpath("//body"):
            self._error("not HTML", response.url)
        elif is_too_deep(response.selector):
            self._error("too deep", response.url)
        elif ref is None or ref.lang not in self.job.langs:
            self._error("redirected away", response.url)
        else:
            return ref
        return None

    def _record(
        self, response: TextResponse, ref: Ref, facts: PageFacts, published: dt.datetime | None
    ) -> Article:
        key = response.meta["key"]
        return Article(
            url=response.url,
            canonical=facts.canonical if facts.canonical and self._is_here(facts.canonical) else response.url,
            lang=ref.lang,
            id=ref.id,
            title=facts.title,
            published=published.isoformat() if published else None,
            fetched=now(),
            sha256=hashlib.sha256(response.body).hexdigest(),
            doc=f"{self.name}/{ref.id or hashlib.sha256(key.encode()).hexdigest()[:16]}",
            key=key,
            content=facts.content,
            etag=header(response, "ETag"),
            last_modified=header(response, "Last-Modified"),
            lastmod=response.meta.get("lastmod"),
            alternates=self._links(facts, key),
            aliases=tuple(normalise_url(url) for url in response.meta.get("redirect_urls", ())),
            html=response.text,
        )

    def _links(self, facts: PageFacts, key: str) -> tuple[str, ...]:
        """Return the keys of the versions that a page names, each with how it names it."""
        links = []
        for version in facts.versions:
            ref = self.ref(version.url) if self._is_here(version.url) else None
            if ref and ref.key != key:
                links.append(
                    f"{version.how} {self.state_file.get('alias', normalise_url(version.url)) or ref.key}"
                )
        return tuple(dict.fromkeys(links))

    def is_full(self) -> bool:
        """Return whether the crawl has brought as many pages as it was asked for."""
        limit = self.job.max_pages
        return limit is not None and self.count("new", 0) + self.count("changed", 0) >= limit

    def stored(self, record: Record) -> None:
        """Stop at the limit, after a record that has just been written."""
        if self.is_full():
            self._close("max_pages")

    # --- errors ---

    def _spare(self, request: Request) -> Request | None:
        """Return a request for the other address under which a page was offered, if there is one."""
        url = self.state_file.spare(request.meta["key"]) if request.meta.get("article") else None
        if url is None:
            return None
        meta = {name: value for name, value in request.meta.items() if not name.startswith("redirect_")}
        return request.replace(url=url, meta=meta, dont_filter=True, callback=self.parse_page)

    def failed(self, failure: Failure) -> list[Request]:
        """Count an error by its kind, and try the page's other address; nothing is lost silently."""
        request: Request = failure.request  # type: ignore[attr-defined]
        stop_at_file_error(failure.value, self.store.path)  # of Scrapy's cache, or of a book's part
        kind = self._count_failure(request, failure.value)
        if kind is not None and kind not in _PERMANENT:
            self._streak += 1
            if self._streak == _MAX_STREAK:
                self._close("unreachable")
        spare = self._spare(request)
        return [spare] if spare else []

    def _count_failure(self, request: Request, error: BaseException | None) -> str | None:
        """Count and name an error; a page that is closed to us, or elsewhere, is none."""
        text = str(error)
        if isinstance(error, IgnoreRequest) and not isinstance(error, (PrivateAddress, HttpError)):
            for word, name in (("robots", "disallowed"), ("offsite", "offsite")):
                if word in text:
                    self.count(name)
                    return None
        kind = _failure_kind(error, text)
        self._error(kind, f"{request.url}: {text}" if text else request.url)
        return kind

    def _error(self, kind: str, what: str) -> None:
        self.count(f"error:{kind}")
        logger.info("%s: %s", kind, what)

    # --- the end ---

    def pair(self) -> dict[str, Paired]:
        """Group the stored pages into documents."""
        return pair_pages(self.name, map(self._candidate, self.state_file.pages()), self.shared_ids)

    @staticmethod
    def _candidate(known: Article | Book) -> Candidate:
        links = tuple((link.partition(" ")[2], link.partition(" ")[0]) for link in known.alternates)
        published = parse_time(known.published)
        return Candidate(known.key or known.url, known.lang, known.id, published, known.title, links)

    def finish(self, reason: str) -> int:
        """Write the documents' names into the records, pack the file, close it; return the pairs.

        After an interruption (a reason other than ``finished`` and ``max_pages``) the queue stays.
        """
        state, store = self.state_file, self.store
        paired = self.pair()
        for known in state.pages():
            key = known.key or known.url
            wanted = paired[key]
            if (known.doc, known.paired) != (wanted.doc, wanted.how):
                record = record_from(store.read(state.span(key)))
                record.doc, record.paired = wanted.doc, wanted.how
                state.add(store, record.to_dict(), tally=False)
                state.set_lastmod(key, known.lastmod)
        state.compact(store)
        langs: dict[str, set[str | None]] = {}
        for known in state.pages():
            langs.setdefault(known.doc or known.url, set()).add(known.lang)
        failed = {name[6:] for name in self.numbers() if name.startswith("error:")}
        if reason == "finished" and failed <= _PERMANENT:
            for root, since in state.all("ended").items():
                state.set("swept", root, since)
        if reason in ("finished", "max_pages"):
            state.end()
        store.close()
        state.close()
        return sum(len(versions) > 1 for versions in langs.values())


def _host(url: str) -> tuple[str, int | None]:
    """Return host and port; `www.` and the choice of http or https make no other site."""
    parts = urlsplit(url)
    return ascii_host(parts.hostname or "").removeprefix("www."), None if parts.port in (
        80,
        443,
    ) else parts.port


def _failure_kind(error: BaseException | None, text: str) -> str:
    if isinstance(error, PrivateAddress):
        return "refused address"
    if isinstance(error, HttpError):
        return str(error.response.status)
    if isinstance(error, DownloadCancelledError) or "DOWNLOAD_MAXSIZE" in text:
        return "too large"
    if isinstance(error, IgnoreRequest):
        return "too many redirects" if "redirections" in text else "refused"
    return _FAILURES.get(type(error), type(error).__name__)


def now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def header(response: Response, name: str) -> str | None:
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None


def validators(known: Article | Book | Seen | None) -> dict[str, str]:
    """Return the headers of a conditional request for what is known of a page."""
    if known is None:
        return {}
    headers = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in headers.items() if value}
