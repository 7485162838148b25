from __future__ import annotations

import json

import pytest

from stages.lib.core.errors import SourceError
from tests.stages.raw_tars import extract_files, texts


def test_annotations_read_short_names_by_block_and_no_keywords(tmp_path):
    def annotations(cat: str, fire: str) -> str:
        content = {
            "🐈": {"default": ["a", "b"], "tts": [cat]},
            "🔥": {"tts": [fire]},
            "→": {"default": ["c"]},
        }
        return json.dumps({"annotations": {"annotations": content}})

    files = {
        "annotations/ru/annotations.json": annotations("кошка", "огонь"),
        "annotations/tk/annotations.json": annotations("pişik", "ot"),
    }
    assert texts(extract_files("cldr_annotations", files, tmp_path), "tk") == {
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
    table = extract_files("cldr_dates", files, tmp_path)
    future = "dates.fields.day.relativeTime-type-future.relativeTimePattern"
    assert texts(table, "tk") == {
        "cldr_dates/ca-gregorian/months|dates.calendars.gregorian.months.format.wide.1": "ýanwar",
        f"cldr_dates/dateFields/day|{future}#one": "{0} günden",
        f"cldr_dates/dateFields/day|{future}#other": "{0} günden",
    }


def test_babel_names_come_by_section_without_patterns(tmp_path):
    sections = {
        "territories": {"EG": "Müsür", "001": "Dünýä"},
        "currency_names_plural": {"RUB": {"one": "rus rubly", "other": "rus rubly"}},
        "months": {"format": {"narrow": {"1": "Ý"}, "wide": {"1": "ýanwar"}}},
        "list_patterns": {"standard": {"2": "{0} we {1}", "middle": "{0}, {1}"}},
    }
    table = extract_files("babel", {"locale-data/tk.json": json.dumps(sections)}, tmp_path)
    assert texts(table, "tk") == {
        "babel/territories|territories.EG": "Müsür",
        "babel/territories|territories.001": "Dünýä",
        "babel/currency_names_plural|currency_names_plural.RUB#one": "rus rubly",
        "babel/currency_names_plural|currency_names_plural.RUB#other": "rus rubly",
        "babel/months|months.format.wide.1": "ýanwar",
        "babel/list_patterns|list_patterns.standard.2": "{0} we {1}",
    }


def test_a_file_that_is_no_json_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"cldr_units: main/tk/units\.json is not JSON"):
        extract_files("cldr_units", {"main/tk/units.json": "{"}, tmp_path)
