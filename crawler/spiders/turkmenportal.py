"""turkmenportal.com: one number for an article in every language; Russian has no prefix, Turkmen is /tm/."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from crawler.pages import Hints
from crawler.spiders.base import Ref, SiteSpider

_ARTICLE = re.compile(r"^(?:/(ru|tm|tk|en))?/(blog|compositions|news)/(\d{1,15})(?:/[^/]*)?/?$")


class TurkmenportalSpider(SiteSpider):
    """Crawl the portal."""

    name = "turkmenportal"
    hints = Hints(
        title=("h1.blog_header[itemprop=name]", "h1[itemprop=name]", "h1.blog_header"),
        date=("div.article_header_date[datetime]", ".article_header_date"),
        body=("div.article_text[itemprop=articleBody]", "[itemprop=articleBody]", "div.article_text"),
    )

    def ref(self, url: str) -> Ref | None:
        match = _ARTICLE.match(urlsplit(url).path)
        # `.../views_sort` and the like are listings, which robots.txt closes.
        if not match or url.endswith("_sort"):
            return None
        code, kind, number = match.groups()
        lang = self.lang_codes.get(code or "ru", code or "ru")
        return Ref(lang, number, f"{lang}:{kind}/{number}")
