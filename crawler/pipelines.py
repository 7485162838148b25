"""Where records go."""

from __future__ import annotations

from typing import Any

from scrapy.crawler import Crawler

from crawler.errors import stopping_at_disk_errors
from crawler.items import Record


class StorePipeline:
    """Append each record to the site's packed file before anything else happens to it."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> StorePipeline:
        return cls(crawler)

    def process_item(self, item: Record) -> Record:
        spider: Any = self._crawler.spider
        with stopping_at_disk_errors(spider.store.path):
            spider.state_file.add(spider.store, item.to_dict())
            spider.stored(item)
        return item
