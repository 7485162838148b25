from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from commands.benchmarks.fingerprints import fingerprint_benchmarks
from stages.evaluate.benchmarks import (
    fetch_lines,
    has_grades,
    load_benchmark,
    load_sts,
    not_fingerprinted,
    read_texts,
)
from stages.lib.core.errors import DataError, DownloadError, ParamsError
from stages.lib.core.files import sha256_file
from stages.lib.core.params import BenchmarkConfig, Pair, Params, load_params
from stages.lib.text.fingerprints import read_fingerprints
from stages.lib.text.near_duplicates import fold_for_matching

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
    assert news.sha256 == {key: config.files[key].sha256 for key in ("ru", "tk", "documents")}
    web = mirror.add("web", "parallel_lines", ru=RUSSIAN, tk=TURKMEN)
    assert load_benchmark("web", _params(web=web), RU_TK, tmp_path / "cache").docs is None


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
    with pytest.raises(ParamsError, match="other is of kind lines, neither parallel_lines nor one of sts17"):
        load_benchmark("other", params, RU_TK, tmp_path)
    with pytest.raises(ParamsError, match=r"news has no language 'uz' \(it has ru, tk\); drop it"):
        load_benchmark("news", params, Pair(src="ru", tgt="uz"), tmp_path)


def test_a_benchmark_that_cannot_be_had_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KOPRI_MIRROR", raising=False)
    # Port 1 of the loopback interface: nothing listens there. One attempt is enough to see it.
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    files = {key: {"url": f"http://127.0.0.1:1/{key}", "sha256": "0" * 64} for key in ("ru", "tk")}
    config = BenchmarkConfig(kind="parallel_lines", license="CC-BY-4.0", files=files)
    with pytest.raises(DownloadError, match=r"web: .*KOPRI_MIRROR/127.*, or drop web from benchmarks"):
        load_benchmark("web", _params(web=config), RU_TK, tmp_path)
    with pytest.raises(DownloadError, match=r"benchmark web: .*, or leave it out with --without web"):
        fingerprint_benchmarks(_params(web=config), [], tmp_path, tmp_path / "f.json.gz")
    assert not (tmp_path / "f.json.gz").exists()


def _archive(**members: str) -> bytes:
    """A zip of files named STS.input.track6.tr-en.txt for STS_input_track6_tr_en."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            parts = name.split("_")
            tail = [] if len(parts) < 5 else ["-".join(parts[3:])]
            archive.writestr(f"STS2017/{'.'.join([*parts[:3], *tail])}.txt", text)
    return buffer.getvalue()


def test_texts_of_every_kind_are_read_for_fingerprints(mirror: Mirror, tmp_path: Path) -> None:
    inputs = _archive(STS_input_track6_tr_en="Bir adam.\tA woman.\n", README="Not a sentence.")
    params = _params(
        news=mirror.add("news", "parallel_lines", ru="Солнце.\n", tk="Gün.\n", documents="a.1\n"),
        sts17=mirror.add("sts17", "sts17", inputs=inputs, gold=_archive(STS_gs_track6_tr_en="4.0\n")),
        stsb=mirror.add("stsb", "stsb", ru='"Дом, большой",Дом.,2.5\n'),
    )
    texts = {name: read_texts(name, params, tmp_path / "cache") for name in params.benchmarks_config}
    assert texts["news"] == ["Солнце.", "Gün."]
    assert [text for text in texts["sts17"] if text] == ["Bir adam.", "A woman."]
    assert texts["stsb"] == ["Дом, большой", "Дом."]
    out = tmp_path / "f.json.gz"
    fingerprint_benchmarks(params, ["sts17"], tmp_path / "cache", out)
    news, stsb = read_fingerprints(out)
    assert (news.name, stsb.name) == ("news", "stsb")
    assert stsb.match(fold_for_matching("дом большой")) == "exact"
    first = sha256_file(out)
    fingerprint_benchmarks(params, ["sts17"], tmp_path / "cache", out)
    assert sha256_file(out) == first
    with pytest.raises(ParamsError, match="--without: unknown benchmark 'sts71'"):
        fingerprint_benchmarks(params, ["sts71"], tmp_path / "cache", out)


EN_EN = "A man is playing.\tA man plays.\nTwo dogs run.\tIt rains.\nThe sun is up.\tThe sun has risen.\n"
TR_EN = "Köpek koşuyor.\tA dog runs.\nYağmur yağıyor.\tHe sings.\nGüneş doğdu.\tThe sun rose.\nSon.\tEnd.\n"


def test_each_track_of_sts17_is_a_set_cut_to_its_grades(mirror: Mirror, tmp_path: Path) -> None:
    inputs = _archive(STS_input_track5_en_en=EN_EN, STS_input_track6_tr_en=TR_EN, README="Not a sentence.")
    gold = _archive(STS_gs_track5_en_en="4.8\n0.2\n5.0\n", STS_gs_track6_tr_en="5.0\n0.0\n4.0\n")
    params = _params(sts17=mirror.add("sts17", "sts17", inputs=inputs, gold=gold))
    assert has_grades("sts17", params)
    english, turkish = load_sts("sts17", params, tmp_path / "cache")
    assert (english.name, english.left_lang, english.right_lang) == ("sts17_en_en", "en", "en")
    assert english.grades == (4.8, 0.2, 5.0)
    # The real tr-en input has 500 lines and 250 grades.
    assert (turkish.name, turkish.left_lang, turkish.right_lang) == ("sts17_tr_en", "tr", "en")
    assert turkish.left == ("Köpek koşuyor.", "Yağmur yağıyor.", "Güneş doğdu.")
    assert turkish.sha256 == {k: pin.sha256 for k, pin in params.benchmarks_config["sts17"].files.items()}

    # Two tracks of one pair of languages keep their letters.
    inputs = _archive(STS_input_track4a_es_en=EN_EN, STS_input_track4b_es_en=EN_EN)
    gold = _archive(STS_gs_track4a_es_en="5\n0\n4\n", STS_gs_track4b_es_en="4\n1\n5\n")
    params = _params(sts17=mirror.add("two", "sts17", inputs=inputs, gold=gold))
    names = [sts.name for sts in load_sts("sts17", params, tmp_path / "cache")]
    assert names == ["sts17_es_en_a", "sts17_es_en_b"]


@pytest.mark.parametrize(
    ("texts", "track", "grades", "message"),
    [
        (EN_EN, "track6_tr_en", "5\n0\n4\n", "expected the tracks of"),
        (EN_EN, "track5_en_en", "5\n0\n4\n1\n", "each of 4 grades"),
        ("A.\nB.\nC.\n", "track5_en_en", "5\n0\n4\n", "one in line 1"),
        (EN_EN, "track5_en_en", "5\nhigh\n4\n", "line 2: expected a grade"),
        (EN_EN, "track5_en_en", "5\n9\n4\n", "pair 2: expected a grade of"),
    ],
)
def test_sts17_of_another_form_is_named(
    mirror: Mirror, tmp_path: Path, texts: str, track: str, grades: str, message: str
) -> None:
    archives = _archive(STS_input_track5_en_en=texts), _archive(**{f"STS_gs_{track}": grades})
    config = mirror.add("sts17", "sts17", inputs=archives[0], gold=archives[1])
    with pytest.raises(DataError, match=message) as caught:
        load_sts("sts17", _params(sts17=config), tmp_path / "cache")
    assert "\n" not in str(caught.value)


def test_stsb_gives_a_set_for_each_language(mirror: Mirror, tmp_path: Path) -> None:
    russian = '"Дом, большой",Большой дом.,4.5\nКошка спит.,Собака лает.,1.0\nИдёт дождь.,Дождь идёт.,5.0\n'
    params = _params(stsb=mirror.add("stsb", "stsb", ru=russian, en="A.,B.,1\nC.,D.,2\nE.,F.,3\n"))
    english, found = load_sts("stsb", params, tmp_path / "cache")
    assert (english.name, found.name, found.left_lang) == ("stsb_en", "stsb_ru", "ru")
    assert found.left[0] == "Дом, большой"
    assert found.grades == (4.5, 1.0, 5.0)
    for row, message in (
        ("C.,D.,two", "line 2: expected a grade, found 'two'"),
        ("C.,2", "row 2: expected 3 col"),
    ):
        unread = _params(stsb=mirror.add("bad", "stsb", ru=f"A.,B.,1\n{row}\nE.,F.,3\n"))
        with pytest.raises(DataError, match=message):
            load_sts("stsb", unread, tmp_path / "cache")


HUB = {"id": "some-group/ru-sts", "revision": "7" * 40, "split": "test", "lang": "ru"}
HUB["columns"] = ["sentence1", "sentence2", "score"]


def _hub_config(**changes: object) -> BenchmarkConfig:
    return BenchmarkConfig(kind="sts_hub", license="CC-BY-SA-4.0", hub=HUB | changes)


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's own cache layout, with one data set of four pairs in it."""
    import polars as pl

    cache = tmp_path / "hub"
    snapshot = cache / "datasets--some-group--ru-sts" / "snapshots" / HUB["revision"]
    (snapshot / "data").mkdir(parents=True)
    left = ["Кошка спит.", "Идёт дождь.", "Он поёт. ", "Мы дома."]
    right = ["Кот дремлет.", "Дождь идёт.", "Она пляшет.", "Хлеб свежий."]
    table = pl.DataFrame({"sentence1": left, "sentence2": right, "score": [4.0, 5.0, 1.5, 0.0]})
    table.write_parquet(snapshot / "data" / "test-00000-of-00001.parquet")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "datasets")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return cache


def test_a_data_set_of_the_hub_is_read_from_its_cache_without_the_network(hub_cache: Path) -> None:
    (found,) = load_sts("rusts", _params(rusts=_hub_config()))
    assert (found.name, found.left_lang) == ("rusts", "ru")
    assert found.right == ("Кот дремлет.", "Дождь идёт.", "Она пляшет.", "Хлеб свежий.")
    assert found.left[2] == "Он поёт."
    assert found.grades == (4.0, 5.0, 1.5, 0.0)
    assert list(found.sha256) == [f"some-group/ru-sts@{HUB['revision']}"]


def test_a_data_set_that_is_not_in_the_cache_is_one_line(hub_cache: Path) -> None:
    params = _params(rusts=_hub_config(revision="8" * 40))
    message = (
        r"^benchmark rusts: the data set of some-group/ru-sts \(revision 8{40}\) is not in the hub cache"
    )
    with pytest.raises(DownloadError, match=rf"{message} .*, or drop rusts from benchmarks$"):
        load_sts("rusts", params)


@pytest.mark.parametrize("change", [{"split": "dev"}, {"columns": ["sentence1", "sentence2", "grade"]}])
def test_a_data_set_of_another_form_is_one_line(hub_cache: Path, change: dict) -> None:
    with pytest.raises(DataError, match="benchmark rusts: some-group/ru-sts: expected columns") as caught:
        load_sts("rusts", _params(rusts=_hub_config(**change)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"kind": "stsb", "hub": HUB}, "kind sts_hub has hub and no files"),
        (
            {"kind": "sts17", "files": {"gold": {"url": "https://example.org/a", "sha256": "0" * 64}}},
            "files of kind sts17 are inputs and gold, found gold",
        ),
    ],
)
def test_kinds_have_what_they_read(config: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BenchmarkConfig(license="CC0-1.0", **config)


def test_benchmarks_that_the_fingerprints_do_not_cover_are_named(mirror: Mirror, tmp_path: Path) -> None:
    known = mirror.add("news", "lines", ru="Солнце взошло.\n")
    out = tmp_path / "f.json.gz"
    fingerprint_benchmarks(_params(news=known), [], tmp_path / "cache", out)
    changed = mirror.add("changed", "lines", ru="Солнце зашло.\n")
    params = _params(news=known, other=changed, rusts=_hub_config())
    assert not_fingerprinted(["news", "other", "rusts"], params, out) == ["other", "rusts"]
    # The same name with other content is not what was fingerprinted.
    assert not_fingerprinted(["news"], _params(news=changed), out) == ["news"]


def test_the_pinned_benchmarks_name_a_revision_and_every_language_of_ntrex() -> None:
    params = load_params(ROOT / "params.yaml")
    for config in params.benchmarks_config.values():
        for pinned in config.files.values():
            revision = pinned.url.split("/")[5]
            assert len(revision) == 40
            assert int(revision, 16) > 0
    assert " ".join(sorted(params.benchmarks_config["ntrex"].files)) == "documents en kk ru tg tk tr uz"
    assert set(params.benchmarks_config["flores"].files) == {"ru", "tk"}


def test_a_gold_alignment_is_read_as_lines_and_leaves_no_fingerprint(mirror: Mirror, tmp_path: Path) -> None:
    params = _params(pages=mirror.add("pages", "lines", ru=RUSSIAN, tk=TURKMEN, gold="[0, 1]:[0]\n[]:[1]\n"))
    lines = fetch_lines("pages", ("tk", "gold"), params, tmp_path / "cache")
    assert lines == {"tk": [line.strip() for line in TURKMEN.splitlines()], "gold": ["[0, 1]:[0]", "[]:[1]"]}
    assert not any("[" in text for text in read_texts("pages", params, tmp_path / "cache"))
