from __future__ import annotations

import struct

import pytest

from stages.extract.messages.po import Catalog, Message, plural_categories, read_catalog
from stages.lib.core.errors import SourceError
from tests.stages.raw_tars import extract_files, texts

RUSSIAN = (
    "nplurals=4; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : "
    "n%10==0 || (n%10>=5 && n%10<=9) || (n%100>=11 && n%100<=14)? 2 : 3);"
)


def mo_file(messages: dict[str, str], order: str = "<") -> bytes:
    """Compile messages as the gettext manual describes it."""
    items = sorted((key.encode(), text.encode()) for key, text in messages.items())
    start = 28 + 16 * len(items)
    tables: tuple[list[bytes], list[bytes]] = ([], [])
    data = b""
    for column in (0, 1):
        for item in items:
            tables[column].append(struct.pack(f"{order}2I", len(item[column]), start + len(data)))
            data += item[column] + b"\0"
    head = struct.pack(f"{order}7I", 0x950412DE, 0, len(items), 28, 28 + 8 * len(items), 0, 0)
    return head + b"".join(tables[0]) + b"".join(tables[1]) + data


def po_file(body: str, rule: str = "nplurals=2; plural=(n != 1);") -> bytes:
    header = (
        f'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Plural-Forms: {rule}\\n"\n\n'
    )
    return (header + body).encode()


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_compiled_catalogue_is_read_in_both_byte_orders(order):
    content = mo_file(
        {
            "": "Content-Type: text/plain; charset=UTF-8\nPO-Revision-Date: odd 12:00 GMT\n"
            "Plural-Forms: nplurals=2; plural=n != 1;\n",
            "Peru": "Peru",
            "month\x04May": "Maý",
            "entry\0entries": "ýazgy\0ýazgylar",
        },
        order,
    )
    catalog = read_catalog(content, ".mo", "pycountry")
    assert catalog.messages == (
        Message("", ("Peru",), ("Peru",)),
        Message("", ("entry", "entries"), ("ýazgy", "ýazgylar")),
        Message("month", ("May",), ("Maý",)),
    )
    assert (catalog.plural_count, catalog.plural_rule) == (2, "n != 1")
    assert catalog.messages[2].identity == "month\x04May"


FUZZY = '#, no-wrap, fuzzy\nmsgid "No"\nmsgstr "Belki"\n\n#,fuzzy\nmsgid "Never"\nmsgstr "Hiç"\n\n'
OBSOLETE = '#~ msgid "Old"\n#~ msgstr "Köne"\n\n'
PREVIOUS = (
    '#, fuzzy\n#~| msgctxt "menu"\n#~| msgid ""\n#~| "Older "\n#~| "one"\n#~| msgid_plural "Older ones"\n'
    + OBSOLETE
)


@pytest.mark.parametrize(
    "rest",
    [
        FUZZY,
        OBSOLETE,
        PREVIOUS,
        "#~, fuzzy\n" + OBSOLETE,
        '#| msgid "Yea"\n#. note\n#: a.c:1 \u2068b c.c\u2069:2\n#, c-format, ignore-double-space\n',
        "# the end\n",
    ],
    ids=["fuzzy", "obsolete", "previous", "flags", "references", "comment"],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_only_translated_messages_in_use_are_read(rest, newline):
    body = po_file(
        f'{rest}msgid "Yes"\nmsgstr ""\n"Ha"\n"wa"\n\n{rest if "msgid" in rest and "#|" not in rest else ""}'
    )
    catalog = read_catalog(body.replace(b"\n", newline.encode()), ".po", "gettext")
    assert catalog.messages == (Message("", ("Yes",), ("Hawa",)),)
    assert (catalog.plural_count, catalog.plural_rule) == (2, "(n != 1)")


def test_a_catalogue_is_read_in_the_charset_that_it_declares():
    body = po_file('msgid "Yes"\nmsgstr "Да"\n').replace(b"charset=UTF-8", b"charset=KOI8-R")
    content = body.decode().encode("koi8_r")
    assert read_catalog(content, ".po", "gettext").messages == (Message("", ("Yes",), ("Да",)),)
    with pytest.raises(SourceError, match="gettext: not a gettext catalogue"):
        read_catalog(content.replace(b"KOI8-R", b"KOI9-R"), ".po", "gettext")


@pytest.mark.parametrize(
    ("content", "suffix"),
    [
        (b"no catalogue at all", ".mo"),
        (mo_file({"Peru": "Peru"})[:40], ".mo"),
        (mo_file({"Peru": "Peru"})[:-3], ".mo"),
        (b'msgid "Yes"\nmsgstr "\xff\xfe"\n', ".po"),
    ],
    ids=["other file", "cut in the table", "cut in the texts", "not UTF-8"],
)
def test_a_broken_catalogue_is_named(content, suffix):
    with pytest.raises(SourceError, match="django: tk/a: not a gettext catalogue"):
        read_catalog(content, suffix, "django: tk/a")


@pytest.mark.parametrize(
    ("lang", "rule", "expected"),
    [
        # The fourth Russian form is for fractions: no whole number takes it.
        ("ru", RUSSIAN, ["one", "few", "many", "other"]),
        ("tk", "nplurals=2; plural=(n != 1);", ["one", "other"]),
        ("tr", "nplurals=2; plural=(n > 1);", ["one", "other"]),
        ("uz", "nplurals=1; plural=0;", ["other"]),
    ],
)
def test_plural_forms_get_the_names_of_cldr(lang, rule, expected):
    catalog = read_catalog(po_file('msgid "a"\nmsgstr "b"\n', rule), ".po", "django")
    assert plural_categories(catalog, lang, "django") == expected


def test_an_unreadable_plural_rule_is_named():
    with pytest.raises(SourceError, match="django: plural rule 'n !!'"):
        plural_categories(Catalog((), 2, "n !!"), "ru", "django")


PO = {
    "contrib/admin/locale/ru/LC_MESSAGES/django.po": po_file(
        'msgid "Yes"\nmsgstr "Да"\n\nmsgctxt "month"\nmsgid "May"\nmsgstr "Май"\n\n'
        'msgid "%(n)s item"\nmsgid_plural "%(n)s items"\nmsgstr[0] "%(n)s запись"\nmsgstr[1] "%(n)s записи"\n'
        'msgstr[2] "%(n)s записей"\nmsgstr[3] "%(n)s записи"\n\nmsgid "No"\nmsgstr ""\n',
        RUSSIAN,
    ),
    "contrib/admin/locale/tk/LC_MESSAGES/django.po": po_file(
        'msgid "Yes"\nmsgstr "Hawa"\n\nmsgctxt "month"\nmsgid "May"\nmsgstr "Ma\u0079\u0301"\n\n'
        'msgid "%(n)s item"\nmsgid_plural "%(n)s items"\nmsgstr[0] "%(n)s ýazgy"\n'
        'msgstr[1] "%(n)s ýazgylar"\n'
    ),
    "contrib/admin/locale/tk/LC_MESSAGES/djangojs.po": po_file('msgid "Yes"\nmsgstr "Hawa!"\n'),
    "contrib/admin/locale/de/LC_MESSAGES/django.po": po_file('msgid "Yes"\nmsgstr "Ja"\n'),
}


def test_django_catalogues_give_keys_contexts_plural_forms_and_english(tmp_path):
    table = extract_files("django", PO, tmp_path)
    doc = "django/contrib.admin"
    assert texts(table, "tk") == {
        f"{doc}|django:Yes": "Hawa",
        # NFC: y and a combining acute came apart in the catalogue.
        f"{doc}|django:month\x04May": "Maý",
        f"{doc}|django:%(n)s item#one": "%(n)s ýazgy",
        f"{doc}|django:%(n)s item#other": "%(n)s ýazgylar",
        f"{doc}|djangojs:Yes": "Hawa!",
    }
    assert texts(table, "ru")[f"{doc}|django:%(n)s item#many"] == "%(n)s записей"
    assert f"{doc}|django:No" not in texts(table, "ru")
    assert texts(table, "en")[f"{doc}|django:%(n)s item#other"] == "%(n)s items"
    assert texts(table, "en")[f"{doc}|django:No"] == "No"
    urls = set(table.filter(table["lang"] == "ru")["url"])
    assert [url.split("#")[1] for url in urls] == ["contrib/admin/locale/ru/LC_MESSAGES/django.po"]


def test_holiday_names_are_in_the_language_whose_catalogue_is_empty(tmp_path):
    files = {
        "locale/tk/LC_MESSAGES/TM.mo": mo_file({"": "Language: tk\n"}),
        "locale/ru/LC_MESSAGES/TM.mo": mo_file({"": "Language: ru\n", "Täze ýyl": "Новый год"}),
        "locale/en_US/LC_MESSAGES/TM.mo": mo_file({"": "Language: en\n", "Täze ýyl": "New Year's Day"}),
        # Written in a language that is not looked for: its message ids are nobody's text.
        "locale/ru/LC_MESSAGES/LV.mo": mo_file({"": "Language: ru\n", "Jaunais gads": "Новый год"}),
    }
    table = extract_files("holidays", files, tmp_path)
    assert texts(table, "tk") == {"holidays/TM|TM:Täze ýyl": "Täze ýyl"}
    assert texts(table, "en") == {"holidays/TM|TM:Täze ýyl": "New Year's Day"}
    assert set(texts(table, "ru")) == {"holidays/TM|TM:Täze ýyl", "holidays/LV|LV:Jaunais gads"}
