from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from stages.lib.core.archives import read_own_tar, write_tar
from stages.lib.core.errors import SourceError
from stages.lib.core.params import SourceConfig
from stages.lib.sources.base import ORIGIN
from stages.lib.sources.pypi import BabelCldr, DjangoPo, HolidaysMo, PycountryMo
from tests.stages.lib.sources.test_catalogs import RUSSIAN, mo_file, po_file


def config(kind: str, package: str, version: str = "1.0") -> SourceConfig:
    return SourceConfig(kind=kind, package=package, version=version, license="MIT")


def install(folder: Path, package: str, files: dict[str, bytes], version: str = "1.0") -> None:
    """Lay out an installed package as pip does, metadata and licence included."""
    info = folder / f"{package}-{version}.dist-info"
    written = {f"{package}/__init__.py": b"", f"{info.name}/licenses/LICENSE": b"MIT", **files}
    written[f"{info.name}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n".encode()
    )
    written[f"{info.name}/RECORD"] = "".join(f"{name},,\n" for name in written).encode()
    for name, content in written.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of installed packages that Python finds."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
    return folder


def texts(rows: list[dict], lang: str) -> dict[str, str]:
    return {f"{row['doc']}|{row['key']}": row["text"] for row in rows if row["lang"] == lang}


PO = {
    "kitap/contrib/admin/locale/ru/LC_MESSAGES/django.po": po_file(
        'msgid "Yes"\nmsgstr "Да"\n\nmsgctxt "month"\nmsgid "May"\nmsgstr "Май"\n\n'
        'msgid "%(n)s item"\nmsgid_plural "%(n)s items"\nmsgstr[0] "%(n)s запись"\nmsgstr[1] "%(n)s записи"\n'
        'msgstr[2] "%(n)s записей"\nmsgstr[3] "%(n)s записи"\n\nmsgid "No"\nmsgstr ""\n',
        RUSSIAN,
    ),
    "kitap/contrib/admin/locale/tk/LC_MESSAGES/django.po": po_file(
        'msgid "Yes"\nmsgstr "Hawa"\n\nmsgctxt "month"\nmsgid "May"\nmsgstr "Ma\u0079\u0301"\n\n'
        'msgid "%(n)s item"\nmsgid_plural "%(n)s items"\nmsgstr[0] "%(n)s ýazgy"\n'
        'msgstr[1] "%(n)s ýazgylar"\n'
    ),
    "kitap/contrib/admin/locale/tk/LC_MESSAGES/djangojs.po": po_file('msgid "Yes"\nmsgstr "Hawa!"\n'),
    "kitap/contrib/admin/locale/de/LC_MESSAGES/django.po": po_file('msgid "Yes"\nmsgstr "Ja"\n'),
}


def test_django_catalogues_give_keys_contexts_plural_forms_and_english(site, tmp_path):
    install(site, "kitap", PO)
    source = DjangoPo("django", config("django_po", "kitap"))
    source.collect(tmp_path / "raw.tar")
    names = list(read_own_tar(tmp_path / "raw.tar"))
    assert not [name for name in names if "/de/" in name]
    assert "licenses/LICENSE" in names
    rows = source.extract(tmp_path / "raw.tar").to_dicts()
    doc = "django/contrib.admin"
    assert texts(rows, "tk") == {
        f"{doc}|django:Yes": "Hawa",
        # NFC: y and a combining acute came apart in the catalogue.
        f"{doc}|django:month\x04May": "Maý",
        f"{doc}|django:%(n)s item#one": "%(n)s ýazgy",
        f"{doc}|django:%(n)s item#other": "%(n)s ýazgylar",
        f"{doc}|djangojs:Yes": "Hawa!",
    }
    assert texts(rows, "ru")[f"{doc}|django:%(n)s item#many"] == "%(n)s записей"
    assert f"{doc}|django:No" not in texts(rows, "ru")
    assert texts(rows, "en")[f"{doc}|django:%(n)s item#other"] == "%(n)s items"
    assert texts(rows, "en")[f"{doc}|django:No"] == "No"
    assert {row["url"] for row in rows if row["lang"] == "ru"} == {
        "pkg:pypi/kitap@1.0#contrib/admin/locale/ru/LC_MESSAGES/django.po"
    }


def test_holiday_names_are_in_the_language_whose_catalogue_is_empty(site, tmp_path):
    files = {
        "bayram/locale/tk/LC_MESSAGES/TM.mo": mo_file({"": "Language: tk\n"}),
        "bayram/locale/ru/LC_MESSAGES/TM.mo": mo_file({"": "Language: ru\n", "Täze ýyl": "Новый год"}),
        "bayram/locale/en_US/LC_MESSAGES/TM.mo": mo_file(
            {"": "Language: en\n", "Täze ýyl": "New Year's Day"}
        ),
        # Written in a language that is not looked for: its message ids are nobody's text.
        "bayram/locale/ru/LC_MESSAGES/LV.mo": mo_file({"": "Language: ru\n", "Jaunais gads": "Новый год"}),
    }
    install(site, "bayram", files)
    source = HolidaysMo("holidays", config("holidays_mo", "bayram"))
    source.collect(tmp_path / "raw.tar")
    rows = source.extract(tmp_path / "raw.tar").to_dicts()
    assert texts(rows, "tk") == {"holidays/TM|TM:Täze ýyl": "Täze ýyl"}
    assert texts(rows, "en") == {"holidays/TM|TM:Täze ýyl": "New Year's Day"}
    assert set(texts(rows, "ru")) == {"holidays/TM|TM:Täze ýyl", "holidays/LV|LV:Jaunais gads"}


def test_country_names_take_english_from_the_message_ids(site, tmp_path):
    install(site, "yurt", {"yurt/locales/tk/LC_MESSAGES/iso3166-1.mo": mo_file({"Egypt": "Müsür"})})
    source = PycountryMo("pycountry", config("pycountry_mo", "yurt"))
    source.collect(tmp_path / "raw.tar")
    rows = source.extract(tmp_path / "raw.tar").to_dicts()
    assert texts(rows, "en") == {"pycountry/iso3166-1|iso3166-1:Egypt": "Egypt"}
    assert texts(rows, "tk") == {"pycountry/iso3166-1|iso3166-1:Egypt": "Müsür"}


def test_babel_names_come_by_section_without_patterns(tmp_path):
    sections = {
        "territories": {"EG": "Müsür", "001": "Dünýä"},
        "currency_names_plural": {"RUB": {"one": "rus rubly", "other": "rus rubly"}},
        "months": {"format": {"narrow": {"1": "Ý"}, "wide": {"1": "ýanwar"}}},
        "list_patterns": {"standard": {"2": "{0} we {1}", "middle": "{0}, {1}"}},
    }
    origin = {"kind": "babel_cldr", "registry": "pypi", "package": "babel", "version": "1.0"}
    files = {"locale-data/tk.json": json.dumps(sections), ORIGIN: json.dumps(origin)}
    write_tar(tmp_path / "raw.tar", {name: text.encode() for name, text in files.items()})
    rows = BabelCldr("babel", config("babel_cldr", "babel")).extract(tmp_path / "raw.tar").to_dicts()
    assert texts(rows, "tk") == {
        "babel/territories|territories.EG": "Müsür",
        "babel/territories|territories.001": "Dünýä",
        "babel/currency_names_plural|currency_names_plural.RUB#one": "rus rubly",
        "babel/currency_names_plural|currency_names_plural.RUB#other": "rus rubly",
        "babel/months|months.format.wide.1": "ýanwar",
        "babel/list_patterns|list_patterns.standard.2": "{0} we {1}",
    }


def test_a_missing_package_is_named_with_the_command_that_brings_it(tmp_path):
    source = DjangoPo("django", config("django_po", "no-such-package-here", "5.2"))
    with pytest.raises(SourceError) as caught:
        source.collect(tmp_path / "raw.tar")
    assert str(caught.value) == (
        "django: package no-such-package-here is not installed; expected version 5.2; "
        "run: pip install no-such-package-here==5.2"
    )
    assert not list(tmp_path.iterdir())


def test_a_package_of_another_version_is_refused(site, tmp_path):
    install(site, "kitap", PO, version="2.0")
    with pytest.raises(SourceError, match=r"kitap has version 2\.0; expected 1\.0 .*pip install kitap==1\.0"):
        DjangoPo("django", config("django_po", "kitap")).collect(tmp_path / "raw.tar")
    assert not (tmp_path / "raw.tar").exists()


def test_a_package_without_translations_is_refused(site, tmp_path):
    install(site, "bosh", {})
    with pytest.raises(SourceError, match="django: package bosh holds no translation"):
        DjangoPo("django", config("django_po", "bosh")).collect(tmp_path / "raw.tar")
