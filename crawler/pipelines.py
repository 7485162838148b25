"""Where records go."""

from __future__ import annotations

import sqlite3
from typing import Any

from scrapy.crawler import Crawler

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
        try:
            spider.state_file.add(spider.store, item.to_dict())
        except (OSError, sqlite3.Error) as error:
            # A full disk: end here, with this page still to be fetched.
            spider.cannot_write(item.key or "", error)
            raise
        spider.stored(item)
        return item
