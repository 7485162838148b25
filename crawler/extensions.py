"""Politeness beyond Scrapy's, and what the user sees of a crawl."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.extensions.throttle import AutoThrottle
from scrapy.http import Response

logger = logging.getLogger(__name__)

# A Crawl-delay above this is taken as this; no crawl would end otherwise.
_MAX_CRAWL_DELAY_S = 60.0


class PoliteThrottle(AutoThrottle):
    """AutoThrottle that keeps to robots.txt's Crawl-delay, and slows down when a server has had enough."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        crawler.signals.connect(self._robots_parsed, signal=signals.robots_parsed)

    def _robots_parsed(self, robotparser: Any, request: Any) -> None:
        delay = robotparser.crawl_delay(self.crawler.settings["ROBOTSTXT_USER_AGENT"])
        if not delay:
            return
        delay = min(float(delay), _MAX_CRAWL_DELAY_S)
        if delay > self.mindelay:
            logger.info("robots.txt asks for %g s between requests", delay)
            self.mindelay = delay
            self.maxdelay = max(self.maxdelay, delay)
            downloader = self.crawler.engine.downloader
            downloader._delay = max(downloader._delay, delay)
            for slot in downloader.slots.values():
                slot.delay = max(slot.delay, delay)

    def _adjust_delay(self, slot: Any, latency: float, response: Response) -> None:
        if response.status in (429, 503):
            slot.delay = min(max(slot.delay * 2, self.mindelay), self.maxdelay)
            return
        super()._adjust_delay(slot, latency, response)


class Progress:
    """One line on a terminal, or one log line a minute elsewhere."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._last = 0.0
        self._started = time.monotonic()
        self._tty = sys.stderr.isatty()
        crawler.signals.connect(self._tick, signal=signals.response_received)
        crawler.signals.connect(self._close, signal=signals.spider_closed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Progress:
        return cls(crawler)

    def _tick(self) -> None:
        now = time.monotonic()
        if now - self._last < (0.5 if self._tty else 60.0):
            return
        self._last = now
        spider: Any = self._crawler.spider
        numbers = spider.numbers()
        errors = sum(count for name, count in numbers.items() if name.startswith("error:"))
        line = (
            f"{spider.name}: {numbers.get('new', 0):,} new, {numbers.get('changed', 0):,} changed, "
            f"{numbers.get('unchanged', 0) + numbers.get('skipped', 0):,} unchanged, {errors:,} errors, "
            f"{spider.state_file.waiting():,} waiting, {numbers.get('bytes', 0) / 1e6:,.1f} MB, "
            f"{(now - self._started) / 60:,.1f} min"
        )
        if self._tty:
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()
        else:
            logger.info("%s", line)

    def _close(self) -> None:
        if self._tty:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
