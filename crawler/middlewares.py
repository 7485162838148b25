"""Between spider and network: robots.txt, retries and conditional requests."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from scrapy import Request
from scrapy.core.downloader.handlers import http11
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import CannotResolveHostError, IgnoreRequest
from scrapy.http import Response
from scrapy.resolver import CachingHostnameResolver
from scrapy.utils.misc import build_from_crawler
from twisted.internet.interfaces import IAddress, IHostnameResolver, IHostResolution, IResolutionReceiver
from zope.interface.declarations import implementer, provider

from crawler.discovery import ListError, gunzip
from crawler.pages import parse_time
from crawler.urls import AddressPolicy, host_and_port

logger = logging.getLogger(__name__)

# A server that asks for more patience than this is asked again in a later crawl.
_MAX_WAIT_S = 600.0


_MAX_UNPACKED = 1 << 28
# More than any server sends with one answer.
_MAX_HEADER_BYTES = 256 << 10


class CutShort(Exception):
    """A compressed body ends before its end."""


class PrivateAddress(IgnoreRequest):
    """A request would have gone to a private address, or by another scheme than http(s)."""


@provider(IResolutionReceiver)
class _PublicOnly:
    """Pass on the addresses that the policy allows to connect to."""

    def __init__(self, receiver: IResolutionReceiver, policy: AddressPolicy, host: str, port: int) -> None:
        self._receiver = receiver
        self._policy = policy
        self._host = host
        self._port = port

    def resolutionBegan(self, resolution: IHostResolution) -> None:
        self._receiver.resolutionBegan(resolution)

    def addressResolved(self, address: IAddress) -> None:
        if self._policy.may_connect(address.host, self._port):
            self._receiver.addressResolved(address)
        else:
            GuardedResolver.refused.add(self._host)

    def resolutionComplete(self) -> None:
        self._receiver.resolutionComplete()


@implementer(IHostnameResolver)
class GuardedResolver(CachingHostnameResolver):
    """Scrapy's caching resolver, whose answers pass the crawl's address policy.

    The check is on the very address that the connection is then opened to, so an answer that changes between
    check and use (DNS rebinding) gains nothing.
    """

    # Hosts with an answer that was refused; the downloader middleware gives the error its name.
    refused: ClassVar[set[str]] = set()

    def __init__(self, reactor: Any, cache_size: int, policy: AddressPolicy) -> None:
        super().__init__(reactor, cache_size)
        self._policy = policy

    @classmethod
    def from_crawler(cls, crawler: Crawler, reactor: Any) -> GuardedResolver:
        size = crawler.settings.getint("DNSCACHE_SIZE") if crawler.settings.getbool("DNSCACHE_ENABLED") else 0
        return cls(reactor, size, AddressPolicy(crawler.settings["CRAWL_BASE_URL"]))

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        guarded = _PublicOnly(resolutionReceiver, self._policy, hostName, portNumber)
        return super().resolveHostName(guarded, hostName, portNumber, addressTypes, transportSemantics)


class OfCrawler:
    """A part that Scrapy makes with its crawler."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)


class AddressGuard(OfCrawler):
    """Refuse requests that the address policy refuses, and count the bytes that come back.

    Every redirect passes here as a request of its own; names are judged by the resolver.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._policy = AddressPolicy(crawler.settings["CRAWL_BASE_URL"])

    def process_request(self, request: Request) -> None:
        if reason := self._policy.refusal(request.url):
            raise PrivateAddress(reason)

    def process_response(self, request: Request, response: Response) -> Response:
        self._crawler.spider.count("bytes", len(response.body))
        return response

    def process_exception(self, request: Request, exception: Exception) -> None:
        if isinstance(exception, CannotResolveHostError):
            host = host_and_port(request.url)[0]
            if host in GuardedResolver.refused:
                raise PrivateAddress(f"{host} is at a private address") from exception


class Conditional(OfCrawler):
    """Ask for a known page only if it has changed, and for a file from where its copy ends."""

    def process_request(self, request: Request) -> None:
        for name in ("If-None-Match", "If-Modified-Since", "Range", "If-Range"):
            # A redirect copies the headers of the request before it.
            request.headers.pop(name, None)
        spider: Any = self._crawler.spider
        for name, value in spider.conditions(request).items():
            request.headers[name] = value


class RetryWithBackoff(RetryMiddleware):
    """Retry later and later: base × 2^n seconds, or what the server asks for in Retry-After.

    A compressed body that is cut short, which Scrapy's decompression passes on, is an error like a lost one;
    so this runs before decompression.
    """

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self._base = settings.getfloat("CRAWL_RETRY_BASE_S")

    async def process_response(self, request: Request, response: Response) -> Request | Response:
        result = super().process_response(request, response)
        if result is response and _is_cut_short(response):
            result = self._retry(request, "cut short")
            if result is None:
                raise CutShort
        if isinstance(result, Request):
            await self._postpone(result, response.headers.get("Retry-After"))
        return result

    async def process_exception(self, request: Request, exception: Exception) -> Request | None:
        result = super().process_exception(request, exception)
        if isinstance(result, Request):
            await self._postpone(result, None)
        return result

    async def _postpone(self, request: Request, asked: bytes | None) -> None:
        text = (asked or b"").decode("ascii", "replace").strip()
        when = None if text.isdigit() else parse_time(text)
        asked_s = float(text) if text.isdigit() else when.timestamp() - time.time() if when else 0.0
        wait = min(max(self._base * 2 ** (request.meta["retry_times"] - 1), asked_s), _MAX_WAIT_S)
        if request.meta.get("dont_obey_robotstxt"):
            # robots.txt is asked for outside the queue; everything else waits for it anyway.
            await asyncio.sleep(wait)
        else:
            request.meta["not_before"] = time.time() + wait


def _is_cut_short(response: Response) -> bool:
    encoding = response.headers.get("Content-Encoding", b"").strip().lower()
    try:
        # Beyond this it is refused when it is decompressed.
        return encoding in (b"gzip", b"x-gzip") and not gunzip(response.body, _MAX_UNPACKED)[1]
    except ListError as error:
        return bool(response.body) and str(error) != "too large"


class _BoundedParser(http11._LenientHTTPClientParser):
    """Scrapy's parser of answers, which hangs up on headers without end."""

    def lineReceived(self, line: bytes) -> None:
        # Scrapy changes the class of a parser that Twisted has made, so no __init__ of ours runs.
        self.header_bytes = getattr(self, "header_bytes", 0) + len(line)
        if self.header_bytes > _MAX_HEADER_BYTES:
            self.transport.loseConnection()
            return
        super().lineReceived(line)


# There is no setting for it (Scrapy 2.19).
http11._LenientHTTPClientParser = _BoundedParser


class StrictRobots(RobotsTxtMiddleware):
    """Obey robots.txt; a site whose robots.txt cannot be read (5xx, no answer) is not crawled.

    This is RFC 9309, 2.3.1.4; Scrapy's own middleware takes such a site as open.
    """

    async def _parse_robots(self, response: Response, netloc: str, request: Request) -> None:
        if response.status >= 500:
            logger.error("%s: robots.txt answers %d: nothing is crawled there", netloc, response.status)
            self._close(netloc)
            return
        if response.status >= 400:
            response = response.replace(body=b"")
        await super()._parse_robots(response, netloc, request)

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        logger.error("%s: robots.txt cannot be read (%s): nothing is crawled there", netloc, exc)
        self._close(netloc)

    def _close(self, netloc: str) -> None:
        closed = build_from_crawler(self._parserimpl, self.crawler, b"User-agent: *\nDisallow: /\n")
        waiting = self._parsers[netloc]
        self._parsers[netloc] = closed
        self.crawler.spider.robots_unreadable = True
        waiting.callback(closed)  # type: ignore[union-attr]
