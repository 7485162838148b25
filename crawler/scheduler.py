"""A Scrapy scheduler whose queue outlives a SIGKILL."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from scrapy import Request, Spider
from scrapy.core.scheduler import BaseScheduler
from scrapy.crawler import Crawler
from scrapy.utils.request import request_from_dict

from crawler.urls import normalise_url

# The middlewares and the downloader set these anew for each attempt.
_NOT_KEPT = ("headers", "body", "cookies", "flags", "encoding", "method", "dont_filter")


class FrontierScheduler(BaseScheduler):
    """Queue in the crawl's state file: each page once, by priority, rank and age, with back-off times.

    A request is done when the engine has let go of it, that is when everything that its callback yielded is
    queued or stored. What was in the air at a kill is asked for again.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._asked: dict[Request, tuple[str, int]] = {}
        self._token = 0
        self._alarm: asyncio.TimerHandle | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> FrontierScheduler:
        return cls(crawler)

    def open(self, spider: Spider) -> None:
        self._spider: Any = spider
        self._state = spider.state_file

    def close(self, reason: str) -> None:
        self._sweep()
        if self._alarm:
            self._alarm.cancel()

    def has_pending_requests(self) -> bool:
        self._sweep()
        return self._state.next_time() is not None

    def enqueue_request(self, request: Request) -> bool:
        meta = request.meta
        old_key = meta.get("key")
        if redirected_from := meta.get("redirect_times") and meta.get("redirect_urls"):
            # A redirect is a page of its own; one that ends at a known page must not ask for it twice.
            key = self._spider.key_of(request.url)
            for url in redirected_from:
                if self._spider.key_of(url) != key:
                    self._state.set("alias", normalise_url(url), key)
        else:
            key = old_key or self._spider.key_of(request.url)
        again = key == old_key and (request.dont_filter or bool(redirected_from))
        meta["key"] = key
        not_before = float(meta.pop("not_before", 0.0))
        saved = request.to_dict(spider=self._spider)
        for name in _NOT_KEPT:
            saved.pop(name, None)
        saved["meta"] = {
            name: value
            for name, value in meta.items()
            if not name.startswith("download_") or name == "download_maxsize"
        }
        return self._state.push(
            key, saved, request.priority, int(meta.get("rank", 0)), not_before, again=again
        )

    def next_request(self) -> Request | None:
        self._sweep()
        now = time.time()
        self._token += 1
        taken = self._state.pop(now, self._token)
        if taken is None:
            self._wake_at(self._state.next_time(), now)
            return None
        key, saved = taken
        request = request_from_dict(saved, spider=self._spider)
        self._asked[request] = (key, self._token)
        return request

    def _sweep(self) -> None:
        """Note every request that the engine has let go of."""
        # Scrapy has no signal for "this request and all that came of it is done" (2.19); the engine's slot
        # knows. It queues a retry or redirect before it lets go of the request that led to it.
        slot = self._crawler.engine._slot if self._crawler.engine else None
        for request in [r for r in self._asked if slot is None or r not in slot.inprogress]:
            self._state.finish(*self._asked.pop(request))

    def _wake_at(self, when: float | None, now: float) -> None:
        """Have the engine ask again when a delayed request is due; by itself it looks every 5 s."""
        if self._alarm:
            self._alarm.cancel()
            self._alarm = None
        if when is not None:
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_later(max(0.0, when - now) + 0.01, self._wake)

    def _wake(self) -> None:
        self._alarm = None
        engine = self._crawler.engine
        if engine and engine._slot:
            engine._slot.nextcall.schedule()
