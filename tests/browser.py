"""Headless Chromium for the tests that look at pages, and axe, which judges them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from commands.plots import CACHE, NpmFile

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")
AXE = NpmFile(
    "axe-core",
    "4.14.1",
    "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
    "axe.min.js",
)
_RUN_AXE = """async () => (await axe.run({resultTypes: ['violations']})).violations.map(found =>
  `${found.id}: ${found.help}: ${found.nodes.slice(0, 3).map(node => node.html.slice(0, 200))}`)"""


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start the machine's own Chromium, which asks nothing of the network by itself."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--disable-gpu", "--disable-quic", "--disable-background-networking"],
        )
        try:
            yield browser
        finally:
            browser.close()


def open_page(browser: Browser, path: Path, **settings: object) -> tuple[Page, list[str]]:
    """Open a file in a window of its own; return it and the list of what it asks for and complains of.

    ``settings`` are those of the window: viewport, color_scheme. The file itself is not in the list.
    """
    page = browser.new_context(**settings).new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: told.append(f"error: {error}"))
    page.on("request", lambda request: told.append(f"request: {request.url}"))
    page.goto(path.resolve().as_uri())
    assert told.pop(0) == f"request: {path.resolve().as_uri()}"
    return page, told


def overflow(page: Page) -> int:
    """Return by how many pixels a page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def axe_violations(page: Page) -> list[str]:
    """Return what axe finds wrong with a page as it is shown now: rule, what it asks for, where."""
    page.evaluate(AXE.fetch(ROOT / CACHE).read_text(encoding="utf-8"))
    return page.evaluate(_RUN_AXE)
