"""A Scrapy scheduler whose queue outlives a SIGKILL."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from scrapy import Request, Spider
from scrapy.core.scheduler import BaseScheduler
from scrapy.crawler import Crawler

from crawler.urls import normalise_url

# What of a request's meta outlives the process; the rest is made anew when it is asked.
_KEPT = (
    "key",
    "rank",
    "not_before",
    "article",
    "lastmod",
    "listed",
    "book",
    "settled",
    "depth",
    "retry_times",
    "max_retry_times",
    "redirect_times",
    "redirect_ttl",
    "redirect_urls",
    "redirect_reasons",
    "handle_httpstatus_list",
    "download_maxsize",
)


class FrontierScheduler(BaseScheduler):
    """Queue in the crawl's state file: each page once, by priority, rank and age, with back-off times.

    A request counts as dealt with when the engine has let go of it, that is when everything that its
    callback yielded is queued or stored. What was in the air at a kill is asked for again.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._given: dict[Request, tuple[str, int]] = {}
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
        return self._state.has_waiting()

    def enqueue_request(self, request: Request) -> bool:
        meta = request.meta
        old_key = meta.get("key")
        if meta.get("redirect_times") and meta.get("redirect_urls"):
            # A redirect is a page of its own; one that ends at a known page must not ask for it twice.
            key = self._spider.key_of(request.url)
            for url in meta["redirect_urls"]:
                if self._spider.key_of(url) != key:
                    self._state.add_alias(normalise_url(url), key)
        else:
            key = old_key or self._spider.key_of(request.url)
        again = key == old_key and (request.dont_filter or bool(meta.get("redirect_times")))
        meta["key"] = key
        saved = {
            "url": request.url,
            "callback": getattr(request.callback, "__name__", None),
            "kwargs": request.cb_kwargs,
            "priority": request.priority,
            "meta": {name: meta[name] for name in _KEPT if name in meta},
        }
        arguments = (
            key,
            saved,
            request.priority,
            int(meta.get("rank", 0)),
            float(meta.pop("not_before", 0.0)),
        )
        if again:
            self._state.push_again(*arguments)
            return True
        return self._state.push(*arguments)

    def next_request(self) -> Request | None:
        self._sweep()
        now = time.time()
        self._token += 1
        taken = self._state.pop(now, self._token)
        if taken is None:
            self._wake_at(self._state.next_time(), now)
            return None
        key, saved = taken
        request = Request(
            saved["url"],
            callback=getattr(self._spider, saved["callback"]),
            errback=self._spider.failed,
            cb_kwargs=saved["kwargs"],
            meta={**saved["meta"], "key": key},
            priority=saved["priority"],
        )
        self._given[request] = (key, self._token)
        return request

    def _sweep(self) -> None:
        """Note every request that the engine has let go of."""
        # Scrapy has no signal for "this request and all that came of it is done" (2.19); the engine's slot
        # knows. It queues a retry or redirect before it lets go of the request that led to it.
        slot = self._crawler.engine._slot if self._crawler.engine else None
        for request in [r for r in self._given if slot is None or r not in slot.inprogress]:
            self._state.finish(*self._given.pop(request))

    def _wake_at(self, when: float | None, now: float) -> None:
        """Have the engine ask again when a delayed request is due; by itself it looks every 5 s."""
        if self._alarm:
            self._alarm.cancel()
            self._alarm = None
        if when is None:
            return
        self._alarm = asyncio.get_running_loop().call_later(max(0.0, when - now) + 0.01, self._wake)

    def _wake(self) -> None:
        self._alarm = None
        engine = self._crawler.engine
        if engine and engine._slot:
            engine._slot.nextcall.schedule()
