"""orient.tm: a Next.js site; articles at /ru/post/<id>/<slug>, Turkmen under /tk/ or /tm/."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from scrapy.http import TextResponse

from crawler.pages import Hints, PageFacts, next_data, parse_time
from crawler.spiders.base import Ref, SiteSpider

_ARTICLE = re.compile(r"^/(ru|tk|tm|en)/post/(\d{1,15})(?:/[^/]*)?/?$")


class OrientSpider(SiteSpider):
    """Crawl the site; its listings hold more in their data than in their markup."""

    name = "orient"
    hints = Hints(
        title=("article h1",),
        date=("article time[datetime]",),
        body=("article [class*=Post_content]", "article [class*=content]"),
    )

    def ref(self, url: str) -> Ref | None:
        match = _ARTICLE.match(urlsplit(url).path)
        if not match:
            return None
        lang = self.lang_codes.get(match[1], match[1])
        return Ref(lang, match[2], f"{lang}:post/{match[2]}")

    def listed(self, response: TextResponse) -> Iterator[tuple[str, dt.datetime | None]]:
        yield from super().listed(response)
        code = urlsplit(response.url).path.strip("/").partition("/")[0]
        for post in _objects(next_data(response.selector)):
            number, slug = post.get("id"), post.get("slug")
            if not str(number).isdigit() or not isinstance(slug, str) or not re.fullmatch(r"[\w%-]+", slug):
                continue
            lang = post.get("locale") if post.get("locale") in ("ru", "tk", "tm", "en") else code
            date = next((post[name] for name in ("date", "publishedAt", "createdAt") if post.get(name)), None)
            yield response.urljoin(f"/{lang}/post/{number}/{slug}"), parse_time(str(date) if date else None)

    def refine(self, response: TextResponse, facts: PageFacts) -> dict[str, Any]:
        """Take title and date from the page's data where its markup has none."""
        ref = self.ref(response.url)
        for post in _objects(next_data(response.selector)):
            if ref and str(post.get("id")) == ref.id and isinstance(post.get("title"), str):
                values: dict[str, Any] = {}
                if not facts.title:
                    values["title"] = post["title"]
                if not facts.published:
                    values["published"] = parse_time(str(post.get("date") or post.get("publishedAt") or ""))
                return values
        return {}


def _objects(data: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Yield every object in a JSON value that has an id, outermost first, ten levels deep at most."""
    if depth > 10:
        return
    if isinstance(data, dict):
        if "id" in data:
            yield data
        for value in data.values():
            yield from _objects(value, depth + 1)
    elif isinstance(data, list):
        for value in data:
            yield from _objects(value, depth + 1)
