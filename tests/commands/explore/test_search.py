"""Searching a small corpus with the real encoder."""

from __future__ import annotations

import pytest

from commands.explore.search import Hit, choose_language, embed_side, find_nearest, load_embedder
from stages.lib.core.errors import DataError, ModelError
from stages.lib.core.params import Pair, load_params
from stages.lib.core.tables import CORPUS_SCHEMA, table_from_rows, write_table
from stages.lib.models.vectors import Embedder
from tests.run_command import ROOT, run_command
from tests.stages.small_corpus import corpus_row

PAIR = Pair(src="ru", tgt="tk")
TEXTS = [
    ("Сохранить файл", "Faýly ýatda sakla"),
    ("Выберите язык", "Dili saýlaň"),
    ("Добро пожаловать", "Hoş geldiňiz"),
    ("Сегодня хорошая погода", "Bu gün howa gowy"),
    ("Приветствуем вас", "Hoş geldiňiz"),
]


@pytest.fixture(scope="module")
def corpus():
    rows = [corpus_row(src, tgt, f"django/{n}") for n, (src, tgt) in enumerate(TEXTS)]
    rows.append({**corpus_row("Choose a language", "Dili saýlaň", "django/en"), "src_lang": "en"})
    return table_from_rows(rows, CORPUS_SCHEMA)


@pytest.fixture(scope="module")
def embed(tmp_path_factory) -> Embedder:
    params = load_params()
    return Embedder("use_tr", params.models_config["use_tr"], 8192, root=tmp_path_factory.mktemp("store"))


def search(text: str, lang: str, corpus, embed: Embedder, k: int) -> list[Hit]:
    side = embed_side("tk" if lang == "ru" else "ru", corpus, PAIR, embed)
    return find_nearest(embed.unit([text], lang)[0], side, k)


@pytest.mark.parametrize(
    ("text", "lang", "nearest"),
    [
        ("Выбрать язык", "ru", "Dili saýlaň"),
        ("Dil saýla", "tk", "Выберите язык"),
        ("Погода сегодня", "ru", "Bu gün howa gowy"),
    ],
)
def test_the_nearest_sentence_of_the_other_language_comes_first(corpus, embed, text, lang, nearest):
    hits = search(text, lang, corpus, embed, 3)
    assert hits[0].text == nearest
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert len(hits) == 3


def test_a_text_of_several_pairs_counts_once_and_pivots_are_no_answers(corpus, embed):
    hits = search("Добро пожаловать", "ru", corpus, embed, 99)
    assert sorted(hit.text for hit in hits) == sorted({tgt for _, tgt in TEXTS})
    assert next(hit.pair for hit in hits if hit.text == "Hoş geldiňiz") == "Добро пожаловать"


def test_letters_tell_the_language_where_they_can():
    assert choose_language("Привет, %(name)s!", PAIR, "") == "ru"
    assert choose_language("Salam", PAIR, "") == "tk"
    with pytest.raises(DataError, match="its letters do not tell ru from tk; say which"):
        choose_language("2026", PAIR, "say which")
    with pytest.raises(DataError, match="do not tell ru from kk"):
        choose_language("Салам", Pair(src="ru", tgt="kk"), "say which")


def test_a_corpus_without_the_pair_is_one_line(corpus, embed):
    with pytest.raises(DataError, match="no ru-uz pair"):
        embed_side("uz", corpus, Pair(src="ru", tgt="uz"), embed)


def test_the_adapter_is_used_where_the_model_was_fine_tuned(tmp_path):
    params = load_params()
    (tmp_path / "use_tr" / "seed-2").mkdir(parents=True)
    (tmp_path / "use_tr" / "seed-2" / "adapter_model.safetensors").write_bytes(b"x")
    (tmp_path / "use_tr" / "seed-2" / "adapter_config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match="seed-2"):  # it is read, and it is no adapter
        load_embedder("use_tr", params, tmp_path).unit(["Salam"], "tk")


def test_the_command_prints_text_pair_and_source(corpus, tmp_path):
    write_table(corpus, tmp_path / "corpus.parquet", CORPUS_SCHEMA)
    command = ["commands.explore", "search", "--corpus", tmp_path / "corpus.parquet"]
    empty = run_command(ROOT, *command, " ")
    assert empty.returncode == 1
    assert empty.stderr.startswith("error: search: expected a text")
    done = run_command(ROOT, *command, "Выбрать язык", "--k", "1", "--models", tmp_path)
    assert done.returncode == 0, done.stderr
    score, text = done.stdout.splitlines()[0].split(maxsplit=1)
    assert 0.5 < float(score) <= 1.0
    assert text == "Dili saýlaň"
    assert done.stdout.splitlines()[1].split() == ["Выберите", "язык", "[django]"]
