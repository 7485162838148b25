"""The report's page in headless Chromium: that of the last run, or of a small one where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import ROOT, axe_violations, needs_chromium, open_browser, open_page, overflow
from tests.stages.report.test_gather import params, run, write_report  # noqa: F401 fixtures

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.slow, needs_chromium]

PHONE = {"viewport": {"width": 390, "height": 844}}
DESK = {"viewport": {"width": 1280, "height": 900}}
# Milliseconds until the page is loaded and has been on the screen once.
DRAWN = """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() =>
  done(performance.now()))))"""
FOCUSED = """() => {
  const found = document.activeElement, style = getComputedStyle(found);
  const name = found.getAttribute('aria-label') || found.textContent.trim();
  return [found.localName, name, style.outlineStyle, parseFloat(style.outlineWidth)];
}"""


@pytest.fixture(scope="module")
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    real = ROOT / "report" / "index.html"
    if real.is_file():
        return real
    out = tmp_path_factory.mktemp("page")
    write_report(request.getfixturevalue("run"), out, request.getfixturevalue("params"))
    return out / "report" / "index.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


def test_the_page_is_drawn_within_two_seconds_and_asks_for_nothing(browser: Browser, path: Path) -> None:
    assert path.stat().st_size < 3_000_000
    times: list[float] = []
    # The least of three, or of ten on a busy machine: other work is not the page's.
    while len(times) < 3 or (min(times) >= 2_000 and len(times) < 10):
        page, told = open_page(browser, path, **DESK)
        times.append(page.evaluate(DRAWN))
        page.wait_for_timeout(200)
        assert told == []
    assert min(times) < 2_000


@pytest.mark.parametrize("window", [DESK, PHONE], ids=["desk", "phone"])
def test_every_figure_is_seen_whole_with_words_for_it_and_its_table(
    browser: Browser, path: Path, window: dict
) -> None:
    page, _ = open_page(browser, path, **window)
    figures = page.locator("figure")
    assert figures.count() >= 11
    for figure in figures.all():
        box = figure.locator("svg").bounding_box()
        assert box["width"] > 250
        assert box["height"] > 120
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= window["viewport"]["width"]
        # Lines, bars or steps were drawn, each in a colour.
        assert figure.locator("svg [id*='axes'] path[style*='var(--c']").count() >= 1
        assert len(figure.locator("svg").get_attribute("aria-label")) > 20
        assert not figure.locator("table").is_visible()
        figure.locator("summary").click()
        assert figure.locator("table").is_visible()
    assert overflow(page) <= 0


def test_light_and_dark_are_two_pages_with_the_same_text(browser: Browser, path: Path) -> None:
    grounds, inks = [], []
    for scheme in ("light", "dark"):
        page, _ = open_page(browser, path, color_scheme=scheme, **DESK)
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        tick = page.locator("figure svg text").first
        inks.append(tick.evaluate("text => getComputedStyle(text).fill"))
    assert grounds == ["rgb(255, 255, 255)", "rgb(21, 24, 28)"]
    assert inks[0] != inks[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("window", [DESK, PHONE], ids=["desk", "phone"])
def test_axe_finds_no_violation(browser: Browser, path: Path, window: dict, scheme: str) -> None:
    page, _ = open_page(browser, path, color_scheme=scheme, **window)
    page.evaluate("document.querySelectorAll('details').forEach(found => found.open = true)")
    assert axe_violations(page) == []


def test_everything_is_reached_by_the_keyboard_in_order_and_the_place_is_seen(
    browser: Browser, path: Path
) -> None:
    page, _ = open_page(browser, path, **DESK)
    wanted = page.evaluate(
        """() => [...document.querySelectorAll('a, summary, [tabindex="0"]')]
             .filter(found => !found.closest('details:not([open]) > :not(summary)'))
             .map(found => found.getAttribute('aria-label') || found.textContent.trim())"""
    )
    reached = []
    for _ in wanted:
        page.keyboard.press("Tab")
        kind, name, outline, width = page.evaluate(FOCUSED)
        assert outline == "solid", f"{kind} {name} does not show that it has the focus"
        assert width >= 2
        reached.append(name)
    assert reached == wanted
    assert reached[0] == "Skip to the results"
    assert set(page.locator("nav a").all_inner_texts()) <= set(reached)


def test_print_has_no_navigation_and_loses_no_column(browser: Browser, path: Path) -> None:
    a4_less_margins = {"viewport": {"width": 703, "height": 1000}}
    page, _ = open_page(browser, path, color_scheme="dark", **a4_less_margins)
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(28, 31, 35)"  # dark ink on paper
    assert overflow(page) <= 0
    assert page.pdf(format="A4").startswith(b"%PDF")
