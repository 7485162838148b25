"""Politeness beyond Scrapy's, progress lines, and the pipeline that stores records."""

from __future__ import annotations

import logging
from typing import Any

from scrapy import Spider, signals
from scrapy.crawler import Crawler
from scrapy.extensions.logstats import LogStats
from scrapy.extensions.throttle import AutoThrottle
from scrapy.http import Response

from crawler.items import Record
from crawler.middlewares import OfCrawler

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


class Progress(LogStats):
    """Scrapy's periodic line, with the numbers of a crawl that survive a kill."""

    def log(self, spider: Spider) -> None:
        self.calculate_stats()
        if not self.pages:
            return
        numbers = spider.state_file.numbers()
        errors = sum(count for name, count in numbers.items() if name.startswith("error:"))
        logger.info(
            "%s: %d new, %d changed, %d unchanged, %d errors, %d waiting, %.1f MB, %d pages/min",
            spider.name,
            numbers.get("new", 0),
            numbers.get("changed", 0),
            numbers.get("unchanged", 0) + numbers.get("skipped", 0),
            errors,
            spider.state_file.waiting(),
            numbers.get("bytes", 0) / 1e6,
            self.prate,
        )


class StorePipeline(OfCrawler):
    """Append each record to the site's packed file before anything else happens to it."""

    def process_item(self, item: Record) -> Record:
        spider: Any = self._crawler.spider
        spider.state_file.add(spider.store, item.to_dict())
        spider.stored(item)
        return item
