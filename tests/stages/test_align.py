from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stages.align import align, pair_given
from stages.lib.errors import DataError
from stages.lib.params import Params, load_params
from stages.lib.tables import (
    PAIR_SCHEMA,
    SEGMENT_SCHEMA,
    pair_id,
    read_table,
    table_from_rows,
    write_table,
)

PARAMS = Path(__file__).parents[2] / "params.yaml"


def row(
    lang: str, text: str, key: str | None, n: int = 0, doc: str = "conf", source: str = "django"
) -> tuple:
    return (source, f"{source}/{doc}", lang, n, text, key, None, None, "MIT")


def table(*rows: tuple):
    return table_from_rows(list(rows), SEGMENT_SCHEMA)


def write(folder: Path, name: str, *rows: tuple) -> None:
    write_table(table(*rows), folder / f"{name}.parquet", SEGMENT_SCHEMA)


@pytest.fixture
def params() -> Params:
    return load_params(PARAMS).model_copy(update={"sources": ["django", "udhr"]})


MESSAGES = [
    row("ru", "Да", "yes"),
    row("ru", "Сегодня", "today", 1),
    row("ru", "Нет", "no", 0, doc="contrib.admin"),
    row("tk", "Şu gün", "today", 0),
    row("tk", "Hawa", "yes", 1),
    row("tk", "Ýok", "no", 0, doc="contrib.admin"),
    row("tk", "Diňe türkmençe", "lonely", 2),
    row("en", "Yes", "yes"),
    row("tr", "Evet", "yes"),
    row("kk", "Иә", "yes"),
]


def test_segments_meet_by_document_and_key_in_the_target_s_order():
    # The same key in another document is another message.
    pairs = pair_given(table(*MESSAGES, row("ru", "Чужое", "lonely", 3, doc="other")), "ru", "tk")
    assert pairs.select("doc", "src", "tgt", "n_src", "n_tgt").rows() == [
        ("django/conf", "Сегодня", "Şu gün", 1, 0),
        ("django/conf", "Да", "Hawa", 0, 1),
        ("django/contrib.admin", "Нет", "Ýok", 0, 0),
    ]


TURKMEN_FORMS = {"one": "{0} gün", "other": "{0} günler"}
RUSSIAN_FORMS = {"one": "{0} день", "few": "{0} дня", "many": "{0} дней", "other": "{0} дня (дробь)"}


@pytest.mark.parametrize(
    ("src", "tgt", "expected"),
    [
        # Turkmen `other` covers what Russian divides into few and many; Russian `other` is for fractions.
        (RUSSIAN_FORMS, TURKMEN_FORMS, {"{0} gün": "{0} день", "{0} günler": "{0} дней"}),
        # One form for all numbers, as after a number in any Turkic language.
        (RUSSIAN_FORMS, {"other": "{0} gün"}, {"{0} gün": "{0} дней"}),
        # No plural forms on one side: the singular, then the general form, is what a dictionary would list.
        (RUSSIAN_FORMS, {"": "gün"}, {"gün": "{0} день"}),
        ({"": "день"}, TURKMEN_FORMS, {"{0} gün": "день", "{0} günler": "день"}),
        ({"one": "day", "other": "days"}, TURKMEN_FORMS, {"{0} gün": "day", "{0} günler": "days"}),
        # The other way about: Turkmen has no `few`.
        (
            TURKMEN_FORMS,
            RUSSIAN_FORMS,
            {form: "{0} gün" if form == "{0} день" else "{0} günler" for form in RUSSIAN_FORMS.values()},
        ),
    ],
)
def test_plural_forms_meet_the_form_that_says_the_same(src, tgt, expected):
    def rows(lang: str, forms: dict[str, str]) -> list[tuple]:
        return [
            row(lang, text, f"day#{form}" if form else "day", n)
            for n, (form, text) in enumerate(forms.items())
        ]

    pairs = pair_given(table(*rows("ru", src), *rows("tk", tgt)), "ru", "tk")
    assert dict(pairs.select("tgt", "src").rows()) == expected
    assert len(pairs) == len(tgt)


def test_segments_without_a_key_are_left_for_other_methods():
    assert pair_given(table(row("ru", "Да", None), row("tk", "Hawa", None)), "ru", "tk").is_empty()


def test_a_key_that_comes_twice_is_named():
    rows = [row("ru", "Да", "yes"), row("ru", "Ага", "yes", 1), row("tk", "Hawa", "yes")]
    with pytest.raises(DataError, match=r"django: key 'yes' comes twice in django/conf \(ru\)"):
        pair_given(table(*rows), "ru", "tk")


def test_pivot_rows_carry_their_own_language_and_id(tmp_path, params):
    write(tmp_path, "django", *MESSAGES)
    write(tmp_path, "udhr", row("ru", "Статья", "1", source="udhr"), row("tk", "Madda", "1", source="udhr"))
    pairs, stats = align(tmp_path, params)
    assert pairs.select("src_lang", "src", "tgt").rows() == [
        ("ru", "Сегодня", "Şu gün"),
        ("ru", "Да", "Hawa"),
        ("ru", "Нет", "Ýok"),
        ("en", "Yes", "Hawa"),
        ("tr", "Evet", "Hawa"),
        ("ru", "Статья", "Madda"),
    ]
    assert pairs["pair_id"][3] == pair_id("en", "Yes", "tk", "Hawa")
    assert set(pairs["method"]) == {"given"}
    assert stats == {
        "by_source": {
            "django": {
                "segments": {"en": 1, "kk": 1, "ru": 3, "tk": 4, "tr": 1},
                "pairs": {"ru": 3, "en": 1, "tr": 1},
                "without_key": 0,
            },
            "udhr": {"segments": {"ru": 1, "tk": 1}, "pairs": {"ru": 1, "en": 0, "tr": 0}, "without_key": 0},
        },
        "total": {"ru": 4, "en": 1, "tr": 1},
    }


def test_a_sibling_pair_is_a_change_of_parameters(tmp_path, params):
    write(tmp_path, "django", *MESSAGES)
    sibling = params.model_copy(
        update={"pair": params.pair.model_copy(update={"tgt": "kk"}), "sources": ["django"]}
    )
    pairs, _ = align(tmp_path, sibling)
    assert pairs.select("src_lang", "src", "tgt_lang", "tgt").row(0) == ("ru", "Да", "kk", "Иә")


def test_a_missing_source_is_an_error_and_an_unlisted_one_is_not_read(tmp_path, params):
    write(tmp_path, "django", *MESSAGES)
    (tmp_path / "extra.parquet").write_bytes(b"not a table")
    with pytest.raises(DataError, match=r"udhr\.parquet: not found"):
        align(tmp_path, params)
    pairs, _ = align(tmp_path, params.model_copy(update={"sources": ["django"]}))
    assert set(pairs["source"]) == {"django"}


def test_a_table_of_another_source_is_refused(tmp_path, params):
    write(tmp_path, "django", *MESSAGES)
    write(tmp_path, "udhr", *MESSAGES)
    with pytest.raises(DataError, match=r"udhr\.parquet: holds rows of source 'django'; expected 'udhr'"):
        align(tmp_path, params)


def test_no_pair_at_all_is_an_error(tmp_path, params):
    write(tmp_path, "django", row("ru", "Да", "yes"))
    with pytest.raises(DataError, match="no ru-tk pair in django"):
        align(tmp_path, params.model_copy(update={"sources": ["django"]}))


def run(folder: Path, out: str) -> subprocess.CompletedProcess:
    paths = ["--segments", "segments", "--out", f"{out}/pairs.parquet", "--stats", f"{out}/align.json"]
    root = str(PARAMS.parent)
    return subprocess.run(
        [sys.executable, "-m", "stages.align", *paths],
        cwd=folder,
        env={"PYTHONPATH": root, "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_writes_the_same_bytes_twice_and_names_what_is_missing(tmp_path):
    shutil.copy(PARAMS, tmp_path)
    sources = load_params(PARAMS).sources
    for source in sources:
        write(
            tmp_path / "segments",
            source,
            row("ru", "Да", "yes", source=source),
            row("tk", "Hawa", "yes", source=source),
        )
    digests = []
    for out in ("a", "b"):
        done = run(tmp_path, out)
        assert done.returncode == 0, done.stderr
        digests.append(
            [
                hashlib.sha256((tmp_path / out / name).read_bytes()).hexdigest()
                for name in ("pairs.parquet", "align.json")
            ]
        )
    assert digests[0] == digests[1]
    assert len(read_table(tmp_path / "a/pairs.parquet", PAIR_SCHEMA)) == len(sources)
    assert json.loads((tmp_path / "a/align.json").read_text(encoding="utf-8"))["total"]["ru"] == len(sources)

    (tmp_path / "segments" / f"{sources[-1]}.parquet").unlink()
    done = run(tmp_path, "c")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: segments/{sources[-1]}.parquet: not found")
    assert not (tmp_path / "c").exists()
