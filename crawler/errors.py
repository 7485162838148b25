"""The crawler's error; its message is one line."""

from __future__ import annotations


class CrawlError(Exception):
    """A crawl cannot start or go on: what, where, expected, found, what to do."""
