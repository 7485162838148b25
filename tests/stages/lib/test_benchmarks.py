from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from commands.fingerprint import fingerprint_benchmarks
from stages.lib.benchmarks import load_benchmark, read_texts
from stages.lib.errors import DataError, DownloadError, ParamsError
from stages.lib.files import sha256_file
from stages.lib.fingerprints import normalise, read_fingerprints
from stages.lib.params import BenchmarkConfig, Pair, Params, load_params

ROOT = Path(__file__).parents[3]
RU_TK = Pair(src="ru", tgt="tk")

RUSSIAN = "Солнце взошло.\nПтицы поют.\nРека течёт на север.\n"
TURKMEN = "Gün dogdy.\r\nGuşlar saýraýar.\r\nDerýa demirgazyga akýar.\r\n"


class Mirror:
    """A mirror folder that a test fills, and the pins of what is in it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(self, name: str, kind: str, **files: str | bytes) -> BenchmarkConfig:
        pins = {}
        for key, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            path = self.root / "example.org" / name / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            url = f"https://example.org/{name}/{key}"
            pins[key] = {"url": url, "sha256": hashlib.sha256(data).hexdigest()}
        return BenchmarkConfig(kind=kind, license="CC-BY-4.0", files=pins)


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    (tmp_path / "mirror").mkdir()
    monkeypatch.setenv("KOPRI_MIRROR", str(tmp_path / "mirror"))
    return Mirror(tmp_path / "mirror")


def _params(**configs: BenchmarkConfig) -> Params:
    return load_params(ROOT / "params.yaml").model_copy(update={"benchmarks_config": configs})


def test_a_benchmark_is_read_line_by_line_with_its_documents(mirror: Mirror, tmp_path: Path) -> None:
    config = mirror.add("news", "parallel_lines", ru=RUSSIAN, tk=TURKMEN, documents="a.1\na.1\nb.2\n")
    news = load_benchmark("news", _params(news=config), RU_TK, tmp_path / "cache")
    assert news.src == ("Солнце взошло.", "Птицы поют.", "Река течёт на север.")
    assert news.tgt[1] == "Guşlar saýraýar."
    assert news.docs == ("a.1", "a.1", "b.2")
    assert (news.name, news.src_lang, news.tgt_lang, news.license) == ("news", "ru", "tk", "CC-BY-4.0")
    assert news.sha256 == {key: config.files[key].sha256 for key in ("ru", "tk", "documents")}


def test_a_benchmark_without_documents_has_none(mirror: Mirror, tmp_path: Path) -> None:
    config = mirror.add("web", "parallel_lines", ru=RUSSIAN, tk=TURKMEN)
    assert load_benchmark("web", _params(web=config), RU_TK, tmp_path / "cache").docs is None


@pytest.mark.parametrize(
    ("turkmen", "message"),
    [
        ("Gün dogdy.\n", r"https://example.org/news/tk: expected 3 lines as in 'ru', found 1"),
        ("Gün dogdy.\n\nDerýa akýar.\n", r"https://example.org/news/tk: line 2 is empty"),
        ("Gün dogdy.\n".encode("utf-16"), "expected UTF-8"),
    ],
)
def test_sides_that_do_not_fit_are_an_error(
    mirror: Mirror, tmp_path: Path, turkmen: str | bytes, message: str
) -> None:
    config = mirror.add("news", "parallel_lines", ru=RUSSIAN, tk=turkmen)
    with pytest.raises(DataError, match=message):
        load_benchmark("news", _params(news=config), RU_TK, tmp_path / "cache")


def test_a_wrong_name_kind_or_language_is_an_error(mirror: Mirror, tmp_path: Path) -> None:
    news = mirror.add("news", "parallel_lines", ru=RUSSIAN, tk=TURKMEN)
    params = _params(news=news, other=mirror.add("other", "lines", de="Ein Satz.\n"))
    with pytest.raises(ParamsError, match="unknown name 'nws'; known: news, other"):
        load_benchmark("nws", params, RU_TK, tmp_path)
    with pytest.raises(ParamsError, match="other is of kind lines"):
        load_benchmark("other", params, RU_TK, tmp_path)
    with pytest.raises(ParamsError, match=r"news has no language 'uz' \(it has ru, tk\); drop it"):
        load_benchmark("news", params, Pair(src="ru", tgt="uz"), tmp_path)


def test_a_benchmark_that_cannot_be_had_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KOPRI_MIRROR", raising=False)
    # Port 1 of the loopback interface: nothing listens there. One attempt is enough to see it.
    monkeypatch.setattr("stages.lib.download.time.sleep", lambda seconds: None)
    files = {key: {"url": f"http://127.0.0.1:1/{key}", "sha256": "0" * 64} for key in ("ru", "tk")}
    config = BenchmarkConfig(kind="parallel_lines", license="CC-BY-4.0", files=files)
    with pytest.raises(
        DownloadError, match=r"benchmark web: .*KOPRI_MIRROR/127.*, or drop web from benchmarks"
    ):
        load_benchmark("web", _params(web=config), RU_TK, tmp_path)
    with pytest.raises(DownloadError, match=r"benchmark web: .*, or leave it out with --without web"):
        fingerprint_benchmarks(_params(web=config), [], tmp_path, tmp_path / "f.json.gz")
    assert not (tmp_path / "f.json.gz").exists()


def _archive(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            archive.writestr(f"STS2017/{name.replace('_', '.')}.txt", text)
    return buffer.getvalue()


def test_texts_of_every_kind_are_read_for_fingerprints(mirror: Mirror, tmp_path: Path) -> None:
    inputs = _archive(STS_input_a="Bir adam.\tBir aýal.\n", README="Not a sentence.")
    params = _params(
        news=mirror.add("news", "parallel_lines", ru="Солнце.\n", tk="Gün.\n", documents="a.1\n"),
        sts17=mirror.add("sts17", "sts17", inputs=inputs, gold=_archive(STS_gs_a="4.0\n")),
        stsb=mirror.add("stsb", "stsb", ru='"Дом, большой",Дом.,2.5\n'),
    )
    texts = {name: read_texts(name, params, tmp_path / "cache") for name in params.benchmarks_config}
    assert texts["news"] == ["Солнце.", "Gün."]
    assert [text for text in texts["sts17"] if text] == ["Bir adam.", "Bir aýal."]
    assert texts["stsb"] == ["Дом, большой", "Дом."]
    out = tmp_path / "f.json.gz"
    fingerprint_benchmarks(params, ["sts17"], tmp_path / "cache", out)
    news, stsb = read_fingerprints(out)
    assert (news.name, stsb.name) == ("news", "stsb")
    assert stsb.match(normalise("дом большой")) == "exact"
    first = sha256_file(out)
    fingerprint_benchmarks(params, ["sts17"], tmp_path / "cache", out)
    assert sha256_file(out) == first
    with pytest.raises(ParamsError, match="--without: unknown benchmark 'sts71'"):
        fingerprint_benchmarks(params, ["sts71"], tmp_path / "cache", out)


def test_a_row_of_other_width_is_named(mirror: Mirror, tmp_path: Path) -> None:
    params = _params(stsb=mirror.add("stsb", "stsb", ru="Дом.,Дом.,5.0\nДом.,5.0\n"))
    with pytest.raises(DataError, match="row 2: expected 3 columns, found 2"):
        read_texts("stsb", params, tmp_path / "cache")


def test_the_pinned_benchmarks_name_a_revision_and_every_language_of_ntrex() -> None:
    params = load_params(ROOT / "params.yaml")
    for config in params.benchmarks_config.values():
        for pinned in config.files.values():
            revision = pinned.url.split("/")[5]
            assert len(revision) == 40
            assert int(revision, 16) > 0
    assert set(params.benchmarks_config["ntrex"].files) == {
        "documents",
        "en",
        "kk",
        "ru",
        "tg",
        "tk",
        "tr",
        "uz",
    }
    assert set(params.benchmarks_config["flores"].files) == {"ru", "tk"}
