from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from commands.plots import CACHE, VEGA, NpmFile, draw, page_template
from stages.lib.core.errors import KopriError, SourceError
from tests.browser import needs_chromium, open_browser, open_page
from tests.npm_registry import integrity, serve, tarball

ROOT = Path(__file__).parents[2]
PLOTS = [
    name
    for entry in yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["plots"]
    for name in entry
]
# How many colours a canvas shows besides white and grey: each series has one.
COLOURS = """() => [...document.querySelectorAll('main > div canvas')].map(canvas => {
  const {width, height} = canvas, found = new Set();
  const data = canvas.getContext('2d').getImageData(0, 0, width, height).data;
  for (let n = 0; n < data.length; n += 4) {
    const [r, g, b, a] = data.slice(n, n + 4);
    if (a === 255 && Math.max(r, g, b) - Math.min(r, g, b) > 60) found.add(`${r >> 5} ${g >> 5} ${b >> 5}`);
  }
  return found.size;
})"""


@pytest.mark.slow
def test_a_file_comes_out_of_the_pinned_package_once(tmp_path, monkeypatch):
    packed = tarball({"build/draw.min.js": "draw()", "readme": "no"})
    file = NpmFile("draw", "1.0.0", integrity(packed), "build/draw.min.js")
    with serve({("draw", "1.0.0"): packed}, {}) as address:
        monkeypatch.setenv("npm_config_registry", address)
        monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
        path = file.fetch(tmp_path / "cache")
        changed = NpmFile("draw", "1.0.0", "sha512-AAAA", "build/draw.min.js")
        with pytest.raises(SourceError, match="damaged or not what was pinned"):
            changed.fetch(tmp_path / "other")
        with pytest.raises(SourceError, match=r"draw@2\.0\.0: .*; check the connection to the npm registry$"):
            NpmFile("draw", "2.0.0", file.integrity, file.path).fetch(tmp_path / "other")
    assert path.read_text(encoding="utf-8") == "draw()"
    assert file.fetch(tmp_path / "cache") == path  # nobody is asked: the registry is gone
    assert [found.name for found in path.parent.iterdir()] == [path.name]
    assert not list((tmp_path / "other").rglob("*.js"))


def test_the_template_holds_the_scripts_and_has_dvc_add_none():
    template = page_template(["var a = '</script>';", "var b;"])
    assert template.count("</script>") == 2
    assert r"'<\/script>'" in template
    assert "{plot_divs}" in template
    assert "{scripts}" not in template


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """The repository's plots in two commits; in the second one the dev scores are others."""
    folder = tmp_path_factory.mktemp("plots")
    shutil.copytree(ROOT / ".dvc" / "plots", folder / ".dvc" / "plots")
    shutil.copy(ROOT / ".dvc" / "config", folder / ".dvc" / "config")
    definitions = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    (folder / "dvc.yaml").write_text(definitions[definitions.index("\nplots:\n") :], encoding="utf-8")
    for name in PLOTS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for file in VEGA:
        cached = file.fetch(ROOT / CACHE)
        (folder / CACHE).mkdir(parents=True, exist_ok=True)
        shutil.copy(cached, folder / CACHE / cached.name)
    (folder / ".gitignore").write_text(".cache/\n", encoding="utf-8")

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)

    git("init")
    git("add", "-A")
    git("commit", "-m", "first")
    curves = folder / "metrics" / "plots" / "learning_curves.csv"
    curves.write_text(curves.read_text(encoding="utf-8").replace(",score,0.", ",score,0.9"), encoding="utf-8")
    git("commit", "-am", "second")
    return folder


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("revisions", [[], ["HEAD~1", "HEAD"]], ids=["workspace", "two commits"])
def test_every_plot_is_drawn_without_a_request(repository, tmp_path, monkeypatch, revisions):
    monkeypatch.chdir(repository)
    path = draw(revisions, tmp_path / "out")
    with open_browser() as browser:
        page, told = open_page(browser, path)
        page.wait_for_function(f"document.querySelectorAll('main canvas').length === {len(PLOTS)}")
        assert told == []
        colours = page.evaluate(COLOURS)
    assert len(colours) == len(PLOTS)
    assert min(colours) >= (2 if revisions else 1)
    text = path.read_text(encoding="utf-8")
    assert all(f'"rev": "{revision}"' in text for revision in revisions or ["workspace"])


@pytest.mark.slow
def test_what_dvc_cannot_draw_is_said_in_its_words(repository, tmp_path, monkeypatch):
    monkeypatch.chdir(repository)
    with pytest.raises(KopriError, match="unknown Git revision 'nowhere'"):
        draw(["nowhere"], tmp_path / "out")
