"""Layouts written after the rules of stages.extract.html were settled: their value on new pages."""

from __future__ import annotations

import html
import random

from tests.crawler.prose import story
from tests.stages.extract.html_pages import Draft, GoldPage, lead, p, rename


def live(draft: Draft) -> tuple[str, list[str]]:
    """Updates of a day, each under its time: built like comments."""
    body = draft.paragraphs
    rows = "".join(
        f'<div class="update"><div class="when">{9 + i}:3{i}</div><p>{html.escape(text)}</p></div>'
        for i, text in enumerate(body)
    )
    page = (
        f"{draft.head()}<body><nav><ul>{draft.menu()}</ul></nav><main><h1>{html.escape(draft.title)}</h1>"
        f'<div class="live">{rows}</div></main><footer><p>{draft.words["rights"]}</p></footer></body></html>'
    )
    return page, body


def press(draft: Draft) -> tuple[str, list[str]]:
    """A press release as preformatted text, with a contact block in the sidebar."""
    w, body = draft.words, draft.paragraphs
    text = "\n\n".join(html.escape(x) for x in body)
    page = (
        f'{draft.head()}<body><div class="wrap"><div class="left">'
        f"<ul>{draft.menu()}</ul><p>{w['subscribe']}</p>"
        f'</div><div class="right"><h2>{html.escape(draft.title)}</h2><pre>{text}</pre></div></div>'
        f'<div class="foot">{w["rights"]}</div></body></html>'
    )
    return page, body


def interview(draft: Draft) -> tuple[str, list[str]]:
    """Short questions in bold and long answers; a photograph with its caption in between."""
    w, body = draft.words, draft.paragraphs
    asked = {"ru": ["Как это было?", "Что дальше?"], "tk": ["Bu nähili boldy?", "Indi näme?"]}[draft.lang]
    rows, gold = "", []
    for i, text in enumerate(body):
        question = f"— {asked[i % 2]}"
        rows += f"<p><strong>{question}</strong></p><p>{html.escape(text)}</p>"
        gold += [question, text]
        if i == 0:
            rows += f'<div class="pic"><img src="1.jpg"><span>{w["caption"]}</span></div>'
    page = (
        f'{draft.head()}<body><header><a href="/">Habar</a></header><div class="inner"><div class="material">'
        f'<h1>{html.escape(draft.title)}</h1><p class="date">12.03.2025</p>{rows}</div>'
        f'<div class="col">{draft.teasers("li", 4)}</div></div>{draft.comments(2)}</body></html>'
    )
    return page, gold


def sections(draft: Draft) -> tuple[str, list[str]]:
    """Every part of the article in a section of its own, advertisements between them."""
    w, body = draft.words, draft.paragraphs
    heads = [lead(other.paragraphs[draft.lang][0]).rstrip(".") for other in draft.others]
    parts = "".join(
        f'<section class="s"><h2>{html.escape(heads[i % 6])}</h2>{p([text])}</section>'
        f'<div class="ad-slot"><a href="/ad">{w["more"]}</a></div>'
        for i, text in enumerate(body)
    )
    page = (
        f'{draft.head()}<body><ul>{draft.menu()}</ul><div class="doc">'
        f"<h1>{html.escape(draft.title)}</h1>{parts}"
        f'</div><div class="tail"><b>{w["related"]}</b><ul>{draft.links()}'
        f"</ul><p>{w['rights']}</p></div></body></html>"
    )
    return page, [x for i, text in enumerate(body) for x in (heads[i % 6], text)]


def unseen_pages(per_layout: int = 5) -> list[GoldPage]:
    """Compose the unseen layouts in both languages, as they are and with all names changed."""
    pages = []
    for number, layout in enumerate((live, press, interview, sections)):
        for index in range(per_layout):
            for lang in ("ru", "tk"):
                seed = 90_000 + 100 * number + 10 * index
                others = [story(seed + 1 + k, 2 + k, 3, 2024) for k in range(6)]
                draft = Draft(lang, story(seed, 1 + index, 6, 2024), others, random.Random(seed))
                page, gold = layout(draft)
                name = f"{layout.__name__}-{index}-{lang}"
                pages.append(GoldPage(name, lang, page, draft.title, tuple(gold)))
                pages.append(GoldPage(f"{name}-renamed", lang, rename(page), draft.title, tuple(gold)))
    return pages
