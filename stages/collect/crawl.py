"""Crawled sites, from what ``make crawl`` or ``dvc pull`` left in data/crawl."""

from __future__ import annotations

import re
from pathlib import Path

from stages.lib.core.archives import RawFile, on_disk
from stages.lib.core.errors import SourceError
from stages.lib.core.files import sha256_file
from stages.lib.core.params import SourceConfig

CRAWLS = Path("data/crawl")
_BOOK = re.compile(r"[0-9a-f]{64}\.pdf")


def gather(name: str, config: SourceConfig) -> tuple[str, dict[str, RawFile]]:
    """Return the site's packed pages and the books beside them; the version is a hash of the pages."""
    site = config.package or name
    packed = CRAWLS / f"{site}.jsonl.gz"
    if not packed.is_file():
        raise SourceError(
            f"{packed}: not found; run `make crawl SITE={site}` or `dvc pull`, "
            f"or take {name} off sources in params.yaml"
        )
    files = {"records.jsonl.gz": on_disk(packed)}
    for book in (CRAWLS / site).glob("*.pdf"):
        if _BOOK.fullmatch(book.name):
            files[f"books/{book.name}"] = on_disk(book)
    return sha256_file(packed)[:16], files
