from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.extract import html as module
from stages.extract.blocks import Block, repair_blocks
from stages.extract.html import read_page
from stages.extract.html_metadata import HINTS, Hints
from stages.extract.html_repeated import RepeatedBlocks
from stages.extract.hyphens import Vocabulary
from stages.lib.core.errors import DataError
from tests.crawler.sites import make_site
from tests.stages.extract.html_pages import gold_pages, unseen_pages
from tests.stages.extract.html_scoring import count_words, measure

PAGES = gold_pages(5)
PARAGRAPH = "Täze kitaphanada ýüz müňden gowrak kitap bar, okyjylar irden gelýär."


def wrap(body: str, head: str = "", lang: str = "tk") -> str:
    head = f'<!DOCTYPE html><html lang="{lang}"><head><title>Kitaphana</title>{head}</head>'
    return f"{head}<body>{body}</body></html>"


@pytest.mark.parametrize("site", ["turkmenportal", "orient"])
@pytest.mark.parametrize("redesign", [False, True])
def test_an_article_of_the_site_is_read_word_for_word_whatever_its_classes_are_called(
    site: str, redesign: bool
) -> None:
    articles = [p for p in make_site(site, 6, redesign=redesign).values() if p.kind == "article"]
    assert len(articles) >= 12
    for article in articles:
        page = read_page(article.body.decode(), site)
        assert page.text == article.text
        assert page.title == article.title
        assert page.declared == article.lang


def test_hints_that_no_longer_fit_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    page = wrap(f'<div class="menu">Baş sahypa</div><h1>Kitaphana</h1><div><p>{PARAGRAPH}</p>'
                f"<p>{PARAGRAPH[::-1]} we beýlekiler.</p></div>")  # fmt: skip
    right = read_page(page, None)
    monkeypatch.setitem(HINTS, "site", Hints(body=("div.menu",), title=("div.gone",)))  # type: ignore[arg-type]
    assert read_page(page, "site") == right
    assert PARAGRAPH in right.text


def test_body_text_beats_plain_trafilatura_on_the_gold_pages() -> None:
    figures = measure(PAGES)
    ours, plain = figures["ours"], figures["trafilatura"]
    assert len(PAGES) >= 200
    assert ours["f1"] >= 0.99
    assert ours["f1"] >= plain["f1"] + 0.1
    assert ours["recall"] >= plain["recall"]
    assert figures["ours_single_page"]["recall"] >= 0.999


def test_layouts_that_the_rules_were_not_made_for_are_read_well_too() -> None:
    figures = measure(unseen_pages(3))
    assert figures["ours"]["f1"] >= 0.97
    assert figures["ours"]["f1"] > figures["trafilatura"]["f1"]


def test_changed_names_lose_no_word_of_any_layout() -> None:
    for before, after in zip(PAGES[0::2], PAGES[1::2], strict=True):
        if after.name == f"{before.name}-renamed":
            assert count_words(read_page(after.html).text, read_page(before.html).text)[1] == 1.0, after.name
    renamed = [page for page in PAGES if page.name.endswith("renamed")]
    assert len(renamed) * 2 == len(PAGES)


def test_titles_are_found_without_the_name_of_the_site() -> None:
    wrong = [page.name for page in PAGES if read_page(page.html).title != page.title]
    assert wrong == []


def test_soft_hyphens_and_broken_words_are_joined_and_suspended_hyphens_stay() -> None:
    blocks = [
        Block("paragraph", "Откры- тие между- народной выставки прошло в двух- и трёхэтажных зданиях."),
        Block("paragraph", "Об открытие говорили северо- западные гости; северо-западные ветры стихли."),
    ]
    repaired, flags = repair_blocks(blocks, "ru")
    assert repaired[0].text == "Открытие международной выставки прошло в двух- и трёхэтажных зданиях."
    assert repaired[1].text == "Об открытие говорили северо-западные гости; северо-западные ветры стихли."
    assert flags == set()
    # A sloppy dash is no break; a particle has a hyphen.
    blocks, flags = repair_blocks(
        [Block("paragraph", "Ашхабад- столица, а Мары- город. Кто- то это знал.")], "ru"
    )
    assert blocks[0].text == "Ашхабад- столица, а Мары- город. Кто-то это знал."
    assert flags == {"broken-word"}
    # Other pages of the site know the word.
    site = Vocabulary()
    site.add_texts(["Столицаведение"])
    blocks, flags = repair_blocks([Block("paragraph", "Это столица- ведение.")], "ru", site)
    assert (blocks[0].text, flags) == ("Это столицаведение.", set())
    page = read_page(wrap(f"<h1>Kitaphana</h1><p>Kitap\u00adhana\u00ad\nda {PARAGRAPH}</p>"))
    assert page.text.startswith("Kitaphanada Täze")


def test_letters_of_the_other_script_are_repaired_or_flagged() -> None:
    blocks, flags = repair_blocks([Block("paragraph", "Tүrkmenistаn ösýär, kitаphana açyldy.")], "tk")
    # ү has no look-alike in Latin letters; а has.
    assert blocks[0].text == "Tүrkmenistаn ösýär, kitaphana açyldy."
    assert flags == {"mixed-script"}


def test_a_block_on_many_pages_is_repeated_and_numbers_in_it_do_not_matter() -> None:
    repeated = RepeatedBlocks()
    for number in range(20):
        repeated.add(
            [f"Görlen: {number}", PARAGRAPH if number < 4 else f"Makala {'a' * number}", "Görlen: 1"]
        )
    assert repeated.is_repeated("Görlen: 999")
    assert not repeated.is_repeated(PARAGRAPH)  # on four pages only
    assert not repeated.is_repeated("Makala aaaaaaa")


def test_counting_blocks_takes_bounded_memory_and_never_counts_too_much() -> None:
    repeated = RepeatedBlocks(min_pages=5, min_share=0.01, error=0.001)
    chance = random.Random(5)
    largest = 0
    for number in range(6000):
        own = [
            f"{chance.getrandbits(60):x}".translate(str.maketrans("0123456789", "ghijklmnop"))
            for _ in range(5)
        ]
        repeated.add([*own, "Ähli hukuklar goralan.", *(["Seýrek"] if number % 400 == 0 else [])])
        largest = max(largest, len(repeated._counts))
    assert repeated.is_repeated("Ähli hukuklar goralan.")
    assert not repeated.is_repeated("Seýrek")  # 15 pages of 6,000
    assert largest < 5 * 1000 + 2000


def test_a_page_over_the_limit_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CHARS", 1000)
    with pytest.raises(DataError, match=r"page of 1,\d{3} characters, over the limit of 1,000"):
        read_page(wrap("<p>a b c</p>" * 90))


@pytest.mark.parametrize(
    "page",
    [
        wrap("<div>" * 5000 + PARAGRAPH),
        wrap("<b>" * 5000 + PARAGRAPH),
        wrap(f"<p>{'a' * 300_000}</p>"),
        wrap("<script type='application/ld+json'>" + "[" * 100_000 + "</script>"),
        '<?xml version="1.0" encoding="windows-1251"?>' + wrap(f"<p>{PARAGRAPH}</p>"),
        '<!DOCTYPE html [<!ENTITY a "b"><!ENTITY c "&a;&a;">]>' + wrap("<p>&c;</p>"),
        "\0\0<html>\0<p>a\ud800b</p>",
        wrap("<p>a</p>" * 3000),
        wrap("<table><tr><td>" * 300 + PARAGRAPH),
    ],
    ids=[
        "deep divs",
        "deep inline",
        "one word",
        "deep data",
        "encoding",
        "entities",
        "nulls",
        "many",
        "tables",
    ],
)
def test_hostile_pages_are_read_in_good_time(page: str) -> None:
    began = time.process_time()
    read_page(page)
    assert time.process_time() - began < 10


def test_a_page_without_text_is_flagged() -> None:
    assert read_page(wrap("<ul><li><a href='/'>Baş sahypa</a></li></ul>")).blocks == ()
    assert read_page("<html></html>").flags == ("empty",)
    with pytest.raises(DataError, match="page is not HTML"):
        read_page("")


@settings(deadline=None, max_examples=60)
@given(
    st.text(max_size=300),
    st.lists(st.sampled_from(["<p>", "<div>", "</div>", "<td>", "<br>", "<a>", "&", "<!--"]), max_size=20),
)
def test_any_text_is_read_without_an_error_of_ours(text: str, tags: list[str]) -> None:
    page = read_page("<html><body>" + text.join([*tags, "<p>x"]))
    assert all(block.text.strip() == block.text and "\u00ad" not in block.text for block in page.blocks)


def test_the_words_of_a_site_take_bounded_memory_and_frequent_ones_stay() -> None:
    site = Vocabulary(max_words=500)
    for number in range(2000):
        name = "".join(chr(ord("a") + int(digit)) for digit in str(number))
        site.add_texts([f"Kitaphana {name} açyldy"])
    assert len(site) <= 500
    assert site.count("kitaphana")
