"""Records of a crawl as the crawler packs them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.crawler.sites import Page, make_site


def record(page: Page, site: str, **changes: Any) -> dict[str, Any]:
    return {
        "url": f"https://example.org{page.path}",
        "canonical": f"https://example.org{page.path}",
        "lang": page.lang,
        "id": page.id,
        "title": page.title,
        "published": page.published,
        "sha256": hashlib.sha256(page.body).hexdigest(),
        "doc": f"{site}/{page.pair}",
        "key": f"{page.lang}:{page.id}",
        "html": page.body.decode(),
        **changes,
    }


def packed(records: Iterable[dict[str, Any] | bytes]) -> bytes:
    """One gzip member for each record, as the crawler writes them; bytes are taken as they are."""
    out = io.BytesIO()
    for item in records:
        line = item if isinstance(item, bytes) else json.dumps(item, ensure_ascii=False).encode() + b"\n"
        out.write(gzip.compress(line, mtime=0))
    return out.getvalue()


def articles(site: str, n: int = 10, **options: Any) -> list[Page]:
    return [page for page in make_site(site, n, **options).values() if page.kind == "article"]


def put_crawl(folder: Path, site: str, data: bytes) -> None:
    (folder / "data/crawl").mkdir(parents=True, exist_ok=True)
    (folder / f"data/crawl/{site}.jsonl.gz").write_bytes(data)
