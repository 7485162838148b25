"""Pages with the body text that a reader would call the article: layouts of our own around composed prose."""

from __future__ import annotations

import hashlib
import html
import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.crawler.prose import Story, story
from tests.crawler.sites import make_site

WORDS = {
    "ru": {
        "related": "Читайте также",
        "share": "Поделиться",
        "cookies": "Мы используем файлы cookie, чтобы сайт работал "
        "лучше. Оставаясь на сайте, вы соглашаетесь "
        "с условиями обработки данных и с политикой конфиденциальности.",
        "accept": "Принять",
        "comments": "Комментарии",
        "reply": "Ответить",
        "names": ["Мерген", "Айгуль Б.", "Читатель", "Сердар"],
        "says": [
            "Спасибо за статью, очень полезно. Хотелось бы узнать подробнее о сроках.",
            "А у нас в посёлке такого нет, надо чаще писать о районах, а не только о столице.",
            "Были там вчера всей семьёй, детям понравилось, очереди небольшие, цены приемлемые.",
            "Поддерживаю! Давно пора было этим заняться, молодцы.",
        ],
        "caption": "На снимке: участники встречи перед началом работы. Фото автора",
        "subscribe": "Подпишитесь на нашу рассылку и получайте главные новости каждое утро на свою почту.",
        "author": "Об авторе: журналист, пишет об экономике и культуре, лауреат нескольких конкурсов.",
        "menu": ["Главная", "Новости", "Экономика", "Спорт", "Культура", "О нас"],
        "rights": "Все права защищены. Перепечатка только с письменного разрешения редакции.",
        "more": "Подробнее",
        "views": "Просмотров",
    },
    "tk": {
        "related": "Şeýle hem okaň",
        "share": "Paýlaşmak",
        "cookies": "Biz saýtyň gowy işlemegi üçin cookie faýllaryny ulanýarys. Saýtda galmak bilen siz "
        "maglumatlary işlemegiň şertlerine we gizlinlik syýasatyna razylyk berýärsiňiz.",
        "accept": "Kabul etmek",
        "comments": "Teswirler",
        "reply": "Jogap bermek",
        "names": ["Mergen", "Aýgül B.", "Okyjy", "Serdar"],
        "says": [
            "Makala üçin sag boluň, gaty peýdaly. Möhletleri barada giňişleýin bilesim gelýär.",
            "Biziň obamyzda beýle zat ýok, diňe paýtagt däl, etraplar barada-da köpräk ýazmaly.",
            "Düýn maşgalamyz bilen bardyk, çagalara ýarady, nobat uly däl, bahalar elýeterli.",
            "Goldaýaryn! Bu işe eýýäm başlamalydy, berekella.",
        ],
        "caption": "Suratda: duşuşyga gatnaşyjylar iş başlanmazdan öň. Awtoryň suraty",
        "subscribe": "Habarnamamyza ýazylyň we esasy habarlary her gün irden poçtaňyza alyň.",
        "author": "Awtor barada: žurnalist, ykdysadyýet we medeniýet "
        "barada ýazýar, birnäçe bäsleşigiň ýeňijisi.",
        "menu": ["Baş sahypa", "Habarlar", "Ykdysadyýet", "Sport", "Medeniýet", "Biz barada"],
        "rights": "Ähli hukuklar goralan. Göçürip çap etmek diňe redaksiýanyň ýazmaça rugsady bilen.",
        "more": "Giňişleýin",
        "views": "Görlen",
    },
}


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


@dataclass
class Draft:
    """What a layout needs: the article, other articles for teasers, and a source of chance."""

    lang: str
    told: Story
    others: list[Story]
    chance: random.Random

    @property
    def words(self) -> dict:
        return WORDS[self.lang]

    @property
    def title(self) -> str:
        return self.told.title[self.lang]

    @property
    def paragraphs(self) -> list[str]:
        return list(self.told.paragraphs[self.lang])

    def menu(self) -> str:
        return "".join(f'<li><a href="/s/{i}">{word}</a></li>' for i, word in enumerate(self.words["menu"]))

    def links(self, n: int = 4) -> str:
        return "".join(
            f'<li><a href="/p/{i}">{html.escape(other.title[self.lang])}</a></li>'
            for i, other in enumerate(self.others[:n])
        )

    def teasers(self, tag: str = "div", n: int = 3) -> str:
        """Other articles' titles with their first sentence."""
        return "".join(
            f'<{tag} class="teaser"><h3><a href="/p/{i}">{html.escape(other.title[self.lang])}</a></h3>'
            f"<p>{html.escape(lead(other.paragraphs[self.lang][0]))}</p></{tag}>"
            for i, other in enumerate(self.others[:n])
        )

    def comments(self, n: int = 3, cls: str = "comment") -> str:
        rows = "".join(
            f'<div class="{cls}"><div class="{cls}-head"><b>{self.words["names"][i % 4]}</b> '
            f"<span>1{i}.03.2025, 12:4{i}</span></div><p>{self.words['says'][i % 4]}</p>"
            f'<a href="#reply{i}">{self.words["reply"]}</a></div>'
            for i in range(n)
        )
        return f'<div class="{cls}s"><h3>{self.words["comments"]} ({n})</h3>{rows}</div>'

    def head(self, lang: str | None = None, extra: str = "") -> str:
        return (
            f'<!DOCTYPE html><html lang="{lang or self.lang}"><head><meta charset="utf-8">'
            f"<title>{html.escape(self.title)} | Habar</title>"
            f'<meta property="og:title" content="{html.escape(self.title)}">{extra}</head>'
        )


def lead(text: str) -> str:
    return re.split(r"(?<=[.!?])\s", text)[0]


def p(texts: list[str]) -> str:
    return "".join(f"<p>{html.escape(text)}</p>" for text in texts)


def blog(draft: Draft) -> tuple[str, list[str]]:
    """A blog engine's page: captions, share buttons, tags, "
    "author, related posts, comments, sidebar, cookies."""
    w, body = draft.words, draft.paragraphs
    figure = f'<figure><img src="a.jpg"><figcaption>{w["caption"]}</figcaption></figure>'
    page = (
        draft.head()
        + f'<body><div class="cookie-notice"><p>{w["cookies"]}</p><button>{w["accept"]}</button></div>'
        f'<header><nav><ul>{draft.menu()}</ul></nav></header><main><article class="post">'
        f'<h1 class="entry-title">{html.escape(draft.title)}</h1>'
        f'<div class="entry-meta"><time datetime="2025-03-12T10:00:00+05:00">12.03.2025</time></div>'
        f'<div class="entry-content">{p(body[:1])}{figure}{p(body[1:])}</div>'
        f'<div class="share-buttons">{w["share"]}: <a href="#">VK</a> <a href="#">OK</a></div>'
        f'<div class="tags"><a href="/t/1">sport</a>, <a href="/t/2">saz</a></div>'
        f'<div class="author-bio"><p>{w["author"]}</p></div></article>'
        f'<section class="related"><h2>{w["related"]}</h2>{draft.teasers()}'
        f"</section>{draft.comments()}</main>"
        f'<aside class="sidebar"><p>{w["subscribe"]}</p><ul>{draft.links()}</ul></aside>'
        f"<footer><p>{w['rights']}</p></footer></body></html>"
    )
    return page, body


def old_table(draft: Draft) -> tuple[str, list[str]]:
    """A layout of nested tables, paragraphs parted by two line breaks."""
    w, body = draft.words, draft.paragraphs
    text = "<br><br>\n".join(html.escape(x) for x in body)
    menu = "<br>".join(f'<a href="/s/{i}">{word}</a>' for i, word in enumerate(w["menu"]))
    page = (
        draft.head() + f'<body><table width="100%"><tr><td colspan="3">{w["menu"][0]}</td></tr><tr>'
        f'<td width="150">{menu}</td><td><font size="4"><b>{html.escape(draft.title)}</b></font><br><br>'
        f'<font size="2">{text}</font></td><td><ul>{draft.links(6)}</ul></td></tr>'
        f"<tr><td>{w['rights']}</td></tr></table></body></html>"
    )
    return page, body


def divs(draft: Draft) -> tuple[str, list[str]]:
    """Paragraphs as divs with generated names, teasers with text after them."""
    w, body = draft.words, draft.paragraphs
    rows = "".join(
        f'<div class="css-1a{i}x"><span>{html.escape(text)}</span></div>' for i, text in enumerate(body)
    )
    page = (
        draft.head()
        + f'<body><div id="root"><div class="css-k1"><div class="css-k2"><ul>{draft.menu()}</ul></div>'
        f'<div class="css-k3"><h1>{html.escape(draft.title)}</h1><div class="css-k4">{rows}</div></div>'
        f'<div class="css-k5"><div class="css-k6">{w["related"]}</div>{draft.teasers()}</div>'
        f'<div class="css-k7">{w["rights"]}</div></div></div></body></html>'
    )
    return page, body


def rich(draft: Draft) -> tuple[str, list[str]]:
    """Headings, a list, a quote and a table inside the article."""
    w, body = draft.words, draft.paragraphs
    items = [lead(text) for text in body[:3]]
    heads = {"ru": ["Что важно", "Цифры"], "tk": ["Iň möhümi", "Sanlar"]}[draft.lang]
    cells = {
        "ru": [["Год", "Посетителей"], ["2023", "1200 человек"], ["2024", "1850 человек"]],
        "tk": [["Ýyl", "Gelenler"], ["2023", "1200 adam"], ["2024", "1850 adam"]],
    }[draft.lang]
    table = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in cells)
    quote = draft.others[0].paragraphs[draft.lang][0]
    page = (
        draft.head() + f"<body><nav><ul>{draft.menu()}</ul></nav><main><h1>{html.escape(draft.title)}</h1>"
        f"<div>{p(body[:2])}<h2>{heads[0]}</h2>"
        f"<ul>{''.join(f'<li>{html.escape(x)}</li>' for x in items)}</ul>"
        f"<blockquote><p>{html.escape(quote)}</p></blockquote>{p(body[2:])}"
        f"<h2>{heads[1]}</h2><table>{table}</table></div></main><footer>{w['rights']}</footer></body></html>"
    )
    gold = [*body[:2], heads[0], *items, quote, *body[2:], heads[1], *(cell for row in cells for cell in row)]
    return page, gold


def short_news(draft: Draft) -> tuple[str, list[str]]:
    """Two short paragraphs among many teasers."""
    w = draft.words
    body = [lead(draft.paragraphs[0]), lead(draft.paragraphs[-1])]
    page = (
        draft.head() + f'<body><div class="top"><ul>{draft.menu()}</ul></div><div '
        f'class="news-item"><h1>{html.escape(draft.title)}</h1>'
        f'<div class="date">12.03.2025 14:20 | {w["views"]}: 345</div><div class="txt">{p(body)}</div></div>'
        f'<div class="feed"><h2>{w["related"]}</h2>{draft.teasers(n=6)}</div>'
        f'<div class="bottom"><p>{w["rights"]}</p></div></body></html>'
    )
    return page, body


def broken_words(draft: Draft) -> tuple[str, list[str]]:
    """Soft hyphens, and hyphens left where a paper's lines ended."""
    body = draft.paragraphs
    shown = []
    for text in body:
        words = text.split(" ")
        for i, word in enumerate(words):
            if len(word) > 9 and word.isalpha():
                cut = len(word) // 2
                words[i] = word[:cut] + ("\u00ad" if i % 2 else "- ") + word[cut:]
        shown.append(" ".join(words))
    page = (
        draft.head() + f'<body><ul>{draft.menu()}</ul><div class="story">'
        f"<h1>{html.escape(draft.title)}</h1>{p(shown)}</div>"
        f"<p>{draft.words['rights']}</p></body></html>"
    )
    return page, body


def mixed_letters(draft: Draft) -> tuple[str, list[str]]:
    """Look-alike letters of the other script inside words, and a page that names the wrong language."""
    body = draft.paragraphs
    swap = {"ru": ("аео", "aeo"), "tk": ("aeo", "аео")}[draft.lang]
    shown = []
    for text in body:
        words = text.split(" ")
        for i, word in enumerate(words):
            if i % 5 == 0 and len(word) > 6 and word.isalpha():
                words[i] = word[:3] + word[3:].translate(str.maketrans(*swap))[:1] + word[4:]
        shown.append(" ".join(words))
    page = (
        draft.head("en") + f'<body><ul>{draft.menu()}</ul><div class="content">'
        f"<h1>{html.escape(draft.title)}</h1>{p(shown)}</div>"
        f"<div>{draft.words['share']}</div></body></html>"
    )
    return page, body


def many_comments(draft: Draft) -> tuple[str, list[str]]:
    """More comments than article, in elements that do not say so."""
    body = draft.paragraphs[:2]
    page = (
        draft.head() + f'<body><ul>{draft.menu()}</ul><div class="b1"><h1>{html.escape(draft.title)}'
        f'</h1><div class="b2">{p(body)}</div>'
        f"{draft.comments(8, 'x7')}</div><div>{draft.words['rights']}</div></body></html>"
    )
    return page, body


def inline_teaser(draft: Draft) -> tuple[str, list[str]]:
    """A link to another article and a call to subscribe between the paragraphs."""
    w, body = draft.words, draft.paragraphs
    other = html.escape(draft.others[0].title[draft.lang])
    page = (
        draft.head() + f"<body><header><ul>{draft.menu()}</ul></header><article>"
        f"<h1>{html.escape(draft.title)}</h1>{p(body[:1])}"
        f'<p><b>{w["related"]}:</b> <a href="/p/9">{other}</a></p>{p(body[1:2])}'
        f'<div class="newsletter"><p>{w["subscribe"]}</p></div>{p(body[2:])}</article>'
        f"<footer>{w['rights']}</footer></body></html>"
    )
    return page, body


def drawn(draft: Draft) -> tuple[str, list[str]]:
    """A page that its script would draw: the text is in its data only."""
    body = draft.paragraphs
    data = {"props": {"pageProps": {"post": {"id": 5, "title": draft.title, "body": p(body)}}}}
    page = (
        draft.head() + '<body><div id="__next"></div><script id="__NEXT_DATA__" type="application/json">'
        f"{json.dumps(data, ensure_ascii=False).replace('<', chr(92) + 'u003c')}</script></body></html>"
    )
    return page, body


def banner(draft: Draft) -> tuple[str, list[str]]:
    """A short article under a long notice about cookies, and a gallery with captions."""
    w, body = draft.words, draft.paragraphs[:2]
    photos = "".join(
        f'<div class="photo"><img src="{i}.jpg"><div class="photo-caption">{w["caption"]}</div></div>'
        for i in range(3)
    )
    page = (
        draft.head()
        + f'<body><div class="consent-popup">{p([w["cookies"]] * 2)}</div><ul>{draft.menu()}</ul>'
        f'<div class="page"><h1>{html.escape(draft.title)}</h1><div '
        f'class="lead">{html.escape(body[0])}</div>{photos}'
        f'{p(body[1:])}</div><div class="subscribe"><p>{w["subscribe"]}</p></div></body></html>'
    )
    return page, body


def links_inside(draft: Draft) -> tuple[str, list[str]]:
    """Paragraphs with links, bold and notes inside; one line breaks within a paragraph."""
    body = draft.paragraphs
    shown = []
    for text in body:
        words = html.escape(text).split(" ")
        if len(words) > 8:
            words[1] = f'<a href="/w/1">{words[1]}</a>'
            words[3] = f"<strong>{words[3]}</strong>"
            words[5] = f"<em>{words[5]}</em>\n"
            words[6] += "<br>"
        shown.append("<p>" + " ".join(words) + "</p>")
    page = (
        draft.head()
        + f'<body><nav><ul>{draft.menu()}</ul></nav><section class="text"><h1>{html.escape(draft.title)}</h1>'
        f"{''.join(shown)}</section><section><h2>{draft.words['related']}"
        f"</h2><ul>{draft.links()}</ul></section>"
        f"</body></html>"
    )
    return page, body


LAYOUTS: tuple[Callable[[Draft], tuple[str, list[str]]], ...] = (
    blog, old_table, divs, rich, short_news, broken_words, mixed_letters, many_comments, inline_teaser, drawn,
    banner, links_inside,
)  # fmt: skip


def rename(page: str) -> str:
    """Rename every class and id, as a redesign does."""
    return re.sub(
        r'(class|id)="(?!__NEXT_DATA__)([^"]+)"',
        lambda m: f'{m[1]}="n{hashlib.sha256(m[2].encode()).hexdigest()[:6]}"',
        page,
    )


def gold_pages(per_layout: int = 5) -> list[GoldPage]:
    """Compose every layout in both languages, as it is and with "
    "all names changed, and the sites' own pages."""
    pages = []
    for number, layout in enumerate(LAYOUTS):
        for index in range(per_layout):
            for lang in ("ru", "tk"):
                seed = 7000 + 100 * number + 10 * index
                told = story(seed, 1 + index, 1 + number % 12, 2024)
                others = [story(seed + 1 + k, 2 + k, 3, 2024) for k in range(6)]
                draft = Draft(lang, told, others, random.Random(seed))
                page, gold = layout(draft)
                name = f"{layout.__name__}-{index}-{lang}"
                pages.append(GoldPage(name, lang, page, draft.title, tuple(gold)))
                pages.append(GoldPage(f"{name}-renamed", lang, rename(page), draft.title, tuple(gold)))
    for site in ("turkmenportal", "orient"):
        for redesign in (False, True):
            found = [x for x in make_site(site, 3, redesign=redesign).values() if x.kind == "article"][:6]
            pages += [
                GoldPage(
                    f"{site}-{x.lang}-{x.id}{'-renamed' * redesign}",
                    x.lang or "",
                    x.body.decode(),
                    x.title or "",
                    x.paragraphs,
                )
                for x in found
            ]
    return pages
