"""Headless Chromium for the tests that look at pages, and axe, which judges them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stages.collect.npm import check_integrity, fetch
from stages.lib.core.archives import read_tar
from stages.lib.core.files import atomic_path

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")
AXE_VERSION = "4.14.1"
AXE_CHECKSUM = (
    "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
)
_RUN_AXE = """async () => (await axe.run({resultTypes: ['violations']})).violations.map(fault =>
  `${fault.id}: ${fault.help}: ${fault.nodes.slice(0, 3).map(node => node.html.slice(0, 200))}`)"""


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
    messages: list[str] = []
    page.on("console", lambda message: messages.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: messages.append(f"error: {error}"))
    page.on("request", lambda request: messages.append(f"request: {request.url}"))
    page.goto(path.resolve().as_uri())
    assert messages.pop(0) == f"request: {path.resolve().as_uri()}"
    return page, messages


def overflow(page: Page) -> int:
    """Return by how many pixels a page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def axe_violations(page: Page) -> list[str]:
    """Return what axe finds wrong with a page as it is shown now: rule, what it asks for, where."""
    page.evaluate(_axe())
    return page.evaluate(_RUN_AXE)


def _axe() -> str:
    """Return axe's script: one file of a pinned npm package, kept in .cache."""
    target = ROOT / f".cache/kopri/npm/axe-core-{AXE_VERSION}-axe.min.js"
    if not target.is_file():
        with tempfile.TemporaryDirectory(prefix="kopri-npm-") as folder:
            tarball = fetch("axe-core", AXE_VERSION, Path(folder), "axe-core")
            check_integrity(tarball, AXE_CHECKSUM, "axe-core")
            with tarball.open("rb") as file:
                files = read_tar(file, tarball.name, lambda name: name == "package/axe.min.js")
        with atomic_path(target) as temporary:
            temporary.write_bytes(files["package/axe.min.js"])
    return target.read_text(encoding="utf-8")
