from __future__ import annotations

import io
import itertools
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from commands.nllb_mini import (
    LANGS,
    Mixture,
    Recipe,
    Trainer,
    export,
    make_pairs,
    pretrain,
    rate,
    read_package,
)
from stages.lib.core.archives import Origin, in_memory, pack_raw
from stages.lib.core.errors import DataError
from stages.lib.core.params import load_params
from stages.lib.core.tables import CORPUS_SCHEMA, SEGMENT_SCHEMA, table_from_rows, write_table
from stages.lib.models import encode, load_encoder
from stages.lib.models.nllb import language_code
from stages.lib.text.fingerprints import write_fingerprints
from stages.lib.text.held_out import choose_split
from tests.stages.small_corpus import corpus_row

PARAMS = load_params()
SHAPE = {"vocab": 300, "dim": 16, "ffn": 32, "heads": 2, "encoder_layers": 1, "decoder_layers": 1}
RECIPE = Recipe(**SHAPE, batch_tokens=400, warmup_steps=2)
# One message in every language.
_TEXTS = (
    "Save the file|Сохраните файл|Dosyayı kaydedin|Faylı yadda saxlayın|Faylni saqlang|Файлды сақтаңыз|"
    "Файлды сактаңыз|Faýly ýatda saklaň",
    "The page was not found|Страница не найдена|Sayfa bulunamadı|Səhifə tapılmadı|Sahifa topilmadi|"
    "Бет табылмады|Барак табылган жок|Sahypa tapylmady",
    "Choose a language from the list|Выберите язык из списка|Listeden bir dil seçin|Siyahıdan dil seçin|"
    "Ro‘yxatdan tilni tanlang|Тізімнен тілді таңдаңыз|Тизмеден тилди тандаңыз|Sanawdan dili saýlaň",
)
MESSAGES = [dict(zip(LANGS, text.split("|"), strict=True)) for text in _TEXTS]


def document(split: str) -> str:
    """The name of a document that the split stage puts there."""
    names = (f"django/{number}" for number in range(1000))
    return next(name for name in names if choose_split("django", name, PARAMS.split) == split)


def segments(rows: list[tuple[str, dict[str, str]]]) -> pl.DataFrame:
    table = [
        ("django", doc, lang, n, text, f"key {n}", "pkg:pypi/django@5.2.19#x.po", None, "BSD-3-Clause", None)
        for n, (doc, message) in enumerate(rows)
        for lang, text in message.items()
    ]
    return table_from_rows(table, SEGMENT_SCHEMA).with_row_index("row")


@pytest.fixture
def files(tmp_path):
    """Splits whose test set is the third message, and fingerprints of nothing."""
    row = corpus_row(MESSAGES[2]["ru"], MESSAGES[2]["tk"], document("test")) | {"key": "key 2"}
    write_table(table_from_rows([row], CORPUS_SCHEMA), tmp_path / "test.parquet", CORPUS_SCHEMA)
    write_table(table_from_rows([], CORPUS_SCHEMA), tmp_path / "dev.parquet", CORPUS_SCHEMA)
    write_fingerprints(tmp_path / "none.json.gz", [])
    return tmp_path


def test_messages_of_train_stand_in_all_languages_but_russian_never_beside_turkmen(files):
    rows = [(document("train"), MESSAGES[0]), (document("train"), MESSAGES[1])]
    pairs = make_pairs(segments(rows), files, files / "none.json.gz", PARAMS)
    beside = {frozenset(row) for row in pairs.select("src_lang", "tgt_lang").iter_rows()}
    assert {lang for pair in beside if "tk" in pair for lang in pair} == {"tk", "en", "tr"}
    assert len(beside) == len(LANGS) * (len(LANGS) - 1) // 2 - 5
    assert ("en", "Save the file", "tk", "Faýly ýatda saklaň") in set(
        pairs.select("src_lang", "src", "tgt_lang", "tgt").iter_rows()
    )


def test_nothing_of_dev_or_test_is_taken_in_any_language_nor_a_copy_of_it(files):
    near = {lang: f"{text}!" for lang, text in MESSAGES[2].items()}
    rows = [(document("train"), MESSAGES[0]), (document("train"), near), (document("test"), MESSAGES[2])]
    rows += [(document("dev"), MESSAGES[1])]
    pairs = make_pairs(segments(rows), files, files / "none.json.gz", PARAMS)
    assert {*pairs["src"], *pairs["tgt"]} == set(MESSAGES[0].values())
    with pytest.raises(DataError, match="no training pair is left"):
        make_pairs(segments([(document("test"), MESSAGES[2])]), files, files / "none.json.gz", PARAMS)


def test_a_gettext_package_gives_translations_and_the_english_they_are_of(tmp_path):
    from babel.messages import Catalog
    from babel.messages.mofile import write_mo

    catalog = Catalog(locale="tk")
    catalog.add("Open", "Aç")
    catalog.add(("%d file", "%d files"), ("%d faýl", "%d faýl"))
    packed = io.BytesIO()
    write_mo(packed, catalog)
    files = {"usr/share/locale/tk/LC_MESSAGES/caja.mo": in_memory(packed.getvalue())}
    pack_raw(tmp_path / "raw.tar", Origin("debian", "caja-common", "1.26"), files)
    found = read_package("caja_common", tmp_path / "raw.tar")
    texts = dict(zip(zip(found["lang"], found["key"], strict=True), found["text"], strict=True))
    assert texts["tk", "Open"] == "Aç"
    assert texts["en", "Open"] == "Open"
    assert texts["en", "%d file#other"] == "%d files"
    assert set(found["doc"]) == {"caja_common/caja"}
    assert found["url"][0] == "pkg:deb/debian/caja-common@1.26#usr/share/locale/tk/LC_MESSAGES/caja.mo"


@pytest.fixture(scope="module")
def pairs():
    rows = [
        (one, message[one], other, message[other], "django")
        for message in MESSAGES
        for one, other in (("en", "ru"), ("en", "tr"), ("en", "tk"), ("tr", "tk"), ("ru", "kk"), ("az", "uz"))
    ]
    return pl.DataFrame(rows, schema=["src_lang", "src", "tgt_lang", "tgt", "source"], orient="row")


DEV = table_from_rows([corpus_row("Сохраните файл", "Faýly ýatda saklaň", "django/dev")], CORPUS_SCHEMA)


def test_a_round_of_batches_depends_on_its_number_alone(pairs, tmp_path, monkeypatch):
    monkeypatch.setattr("commands.nllb_mini.ROUND", 100)
    mixture = Mixture(pairs, Trainer(pairs, RECIPE, tmp_path).tokenizer, RECIPE)
    first = mixture.batches(0)
    assert mixture.batches(0) == first != mixture.batches(1)
    assert sum(map(len, first)) == 100
    stream = mixture.stream(0, 2)
    assert [next(stream) for _ in range(2)] == [(0, 3, first[2]), (0, 4, first[3])]
    # Denoising: what is asked for is whole, what is given is not.
    noised = [one for batch in first for one in batch if one.src[0] == one.tgt[0]]
    assert noised
    assert any(one.src != one.tgt for one in noised)
    assert {one.tgt for one in noised} <= {one.tgt for one in mixture.examples}


def test_the_rate_rises_stays_and_falls_to_zero():
    rates = [rate(step, 100, RECIPE) for step in range(101)]
    assert rates[0] == RECIPE.lr / 2
    assert set(rates[1:75]) == {RECIPE.lr}
    assert rates[100] == 0
    assert all(one > other for one, other in itertools.pairwise(rates[75:]))


def test_a_finished_run_is_trained_no_further_but_by_more_steps(pairs, tmp_path):
    assert pretrain(pairs, DEV, RECIPE, 5, tmp_path).progress.step == 5
    assert pretrain(pairs, DEV, RECIPE, 5, tmp_path).progress.step == 5
    progress = pretrain(pairs, DEV, RECIPE, 7, tmp_path).progress
    assert [row["step"] for row in progress.history] == [5, 7]
    with pytest.raises(DataError, match="of other texts or another recipe"):
        Trainer(pairs[:-1], RECIPE, tmp_path)


def test_a_killed_run_ends_as_an_unbroken_one(pairs, tmp_path, monkeypatch):
    monkeypatch.setattr("commands.nllb_mini.ROUND", 60)
    monkeypatch.setattr("commands.nllb_mini.CHECKPOINT_S", -1)  # a checkpoint after every step
    whole = pretrain(pairs, DEV, RECIPE, 8, tmp_path / "whole")
    take_step = Trainer.take_step

    def die(self, batch, steps):
        if self.progress.step == 5:
            raise KeyboardInterrupt
        return take_step(self, batch, steps)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "take_step", die)
        with pytest.raises(KeyboardInterrupt):
            pretrain(pairs, DEV, RECIPE, 8, tmp_path / "killed")
    resumed = pretrain(pairs, DEV, RECIPE, 8, tmp_path / "killed")
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name
    assert resumed.progress == whole.progress


def test_the_exported_model_is_the_trained_one_in_half_precision(pairs, tmp_path):
    trainer = pretrain(pairs, DEV, RECIPE, 2, tmp_path / "cache")
    export(trainer, pairs, tmp_path / "out")
    config = PARAMS.models_config["nllb_mini"].model_copy(update={"id": str(tmp_path / "out")})
    model = load_encoder("nllb_mini", config)
    for name, value in trainer.model.state_dict().items():
        assert torch.equal(model[0].translator.state_dict()[name], value.half().float()), name
    text = ["Faýly ýatda saklaň"]
    assert model.tokenizer(text)["input_ids"] == trainer.tokenizer(text)["input_ids"]
    card = (tmp_path / "out/README.md").read_text(encoding="utf-8")
    assert "18 pairs" in card
    assert "| 2 |" in card
    again = tmp_path / "again"
    export(trainer, pairs, again)
    assert {file.name for file in again.iterdir()} >= {"config.json", "model.safetensors", "tokenizer.json"}
    for file in (tmp_path / "out").iterdir():
        assert file.read_bytes() == (again / file.name).read_bytes(), file.name


ASSET = Path(PARAMS.models_config["nllb_mini"].id)


def test_the_committed_model_is_small_and_knows_its_languages():
    model = load_encoder("nllb_mini", PARAMS.models_config["nllb_mini"])
    assert sum(value.numel() for value in model.parameters()) <= 8_000_000
    assert (ASSET / "model.safetensors").stat().st_size <= 16_000_000
    for lang in LANGS:
        assert language_code(model.tokenizer, lang) != model.tokenizer.unk_token_id
    assert json.loads((ASSET / "config.json").read_text(encoding="utf-8"))["dtype"] == "float16"
    vectors = encode(model, ["Сохраните файл", "Добро пожаловать"], "ru")
    assert np.isfinite(vectors).all()
    assert abs(float(vectors[0] @ vectors[1])) < 0.999
