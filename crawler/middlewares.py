"""Between spider and network: robots.txt, retries and conditional requests."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import CannotResolveHostError, IgnoreRequest
from scrapy.http import Response
from scrapy.utils.misc import build_from_crawler

from crawler.net import GuardedResolver
from crawler.pages import parse_time
from crawler.urls import AddressPolicy, host_and_port

logger = logging.getLogger(__name__)

# A server that asks for more patience than this is asked again in a later crawl.
_MAX_WAIT_S = 600.0


class PrivateAddress(IgnoreRequest):
    """A request would have gone to a private address, or by another scheme than http(s)."""


class AddressGuard:
    """Refuse requests that the address policy refuses, and count the bytes that come back.

    Every redirect passes here as a request of its own; names are judged by the resolver.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._policy = AddressPolicy(crawler.settings["CRAWL_BASE_URL"])

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> AddressGuard:
        return cls(crawler)

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


class Conditional:
    """Ask for a known page only if it has changed, and for a file from where its copy ends."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Conditional:
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        for name in ("If-None-Match", "If-Modified-Since", "Range", "If-Range"):
            # A redirect copies the headers of the request before it.
            request.headers.pop(name, None)
        spider: Any = self._crawler.spider
        for name, value in spider.conditions(request).items():
            request.headers[name] = value


class RetryWithBackoff(RetryMiddleware):
    """Retry later and later: base × 2^n seconds, or what the server asks for in Retry-After."""

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self._base = settings.getfloat("CRAWL_RETRY_BASE_S")

    async def process_response(self, request: Request, response: Response) -> Request | Response:
        result = super().process_response(request, response)
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
