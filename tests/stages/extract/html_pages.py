"""Pages with the body text that a reader would call the article: layouts of our own around composed prose."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jinja2
import yaml
from markupsafe import Markup

from tests.crawler.prose import story
from tests.crawler.sites import make_site

_DATA = yaml.safe_load(Path(__file__).with_name("html_layouts.yaml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class GoldPage:
    """A page, and the texts that are its article, in order."""

    name: str
    lang: str
    html: str
    title: str
    paragraphs: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.paragraphs)


def _lead(text: str) -> str:
    return re.split(r"(?<=[.!?])\s", text)[0]


def _break_words(text: str) -> str:
    words = text.split(" ")
    for i, word in enumerate(words):
        if len(word) > 9 and word.isalpha():
            cut = len(word) // 2
            words[i] = word[:cut] + ("\u00ad" if i % 2 else "- ") + word[cut:]
    return " ".join(words)


def _mix_letters(text: str, lang: str) -> str:
    swap = str.maketrans(*{"ru": ("аео", "aeo"), "tk": ("aeo", "аео")}[lang])
    words = text.split(" ")
    for i, word in enumerate(words):
        if i % 5 == 0 and len(word) > 6 and word.isalpha():
            words[i] = word[:3] + word[3:].translate(swap)[:1] + word[4:]
    return " ".join(words)


def _add_links(text: str) -> Markup:
    words = html.escape(text).split(" ")
    if len(words) > 8:
        words[1] = f'<a href="/w/1">{words[1]}</a>'
        words[3] = f"<strong>{words[3]}</strong>"
        words[5] = f"<em>{words[5]}</em>\n"
        words[6] += "<br>"
    return Markup(" ".join(words))


_ENVIRONMENT = jinja2.Environment(autoescape=True)
_ENVIRONMENT.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
_ENVIRONMENT.globals |= {
    "lead": _lead, "break_words": _break_words, "mix_letters": _mix_letters, "add_links": _add_links,
    "br": Markup("<br>"),
}  # fmt: skip


def _rename(page: str) -> str:
    """Rename every class and id, as a redesign does."""
    return re.sub(
        r'(class|id)="(?!__NEXT_DATA__)([^"]+)"',
        lambda m: f'{m[1]}="n{hashlib.sha256(m[2].encode()).hexdigest()[:6]}"',
        page,
    )


def _pages(name: str, seed: int, index: int, paragraphs: int) -> Iterator[GoldPage]:
    """Compose a layout in both languages, as it is and with all names changed."""
    source = re.sub(r"\n\s*", "", _DATA["macros"] + {**_DATA["layouts"], **_DATA["unseen"]}[name])
    template = _ENVIRONMENT.from_string(source)
    article = story(seed, 1 + index, paragraphs, 2024)
    others = [story(seed + 1 + k, 2 + k, 3, 2024) for k in range(6)]
    for lang in ("ru", "tk"):
        gold: list[str] = []

        def keep(text: str, shown: str | None = None, gold: list[str] = gold) -> str:
            gold.append(text)
            return shown or text

        title, body = article.title[lang], list(article.paragraphs[lang])
        page = template.render(
            lang=lang, w=_DATA["words"][lang], title=title, body=body, others=others, keep=keep
        )
        yield GoldPage(f"{name}-{index}-{lang}", lang, page, title, tuple(gold))
        yield GoldPage(f"{name}-{index}-{lang}-renamed", lang, _rename(page), title, tuple(gold))


def gold_pages(per_layout: int = 5) -> list[GoldPage]:
    """Compose every layout, and add the sites' own pages."""
    pages = []
    for number, layout in enumerate(_DATA["layouts"]):
        for index in range(per_layout):
            pages += _pages(layout, 7000 + 100 * number + 10 * index, index, 1 + number % 12)
    for site in ("turkmenportal", "orient"):
        for redesign in (False, True):
            articles = [x for x in make_site(site, 3, redesign=redesign).values() if x.kind == "article"][:6]
            for x in articles:
                name = f"{site}-{x.lang}-{x.id}{'-renamed' * redesign}"
                pages.append(GoldPage(name, x.lang or "", x.body.decode(), x.title or "", x.paragraphs))
    return pages


def unseen_pages(per_layout: int = 5) -> list[GoldPage]:
    """Compose the layouts that the rules were not made for."""
    return [
        page
        for number, layout in enumerate(_DATA["unseen"])
        for index in range(per_layout)
        for page in _pages(layout, 90_000 + 100 * number + 10 * index, index, 6)
    ]
