from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from stages.lib.encoders import add_lora, encode, load_encoder
from stages.lib.errors import DataError
from stages.lib.params import Recipe, load_params
from stages.lib.training import (
    choose_rows,
    contrastive_loss,
    epoch_batches,
    fit,
    forward,
    learning_rate,
    same_meaning,
)
from tests.phrases import PHRASES, corpus


def recipe(**changes: object) -> Recipe:
    return load_params().recipe("study", "use").model_copy(update=changes)


def test_rows_are_of_the_pair_and_its_pivots_and_long_enough() -> None:
    rows = corpus(PHRASES[:6]).with_columns(src_lang=pl.Series(["ru", "ru", "en", "en", "kk", "ru"]))
    chosen = choose_rows(rows, recipe(pivots=["en"], min_words=4), "ru")
    assert chosen["src_lang"].to_list() == ["en", "en", "ru"]
    assert all(len(text.split()) >= 4 for text in chosen["src"])


def test_nothing_to_train_on_is_an_error() -> None:
    with pytest.raises(DataError, match="lower the recipe's min_words"):
        choose_rows(corpus(PHRASES), recipe(min_words=40), "ru")


def test_a_pivot_that_no_pair_has_is_an_error() -> None:
    with pytest.raises(DataError, match="pivot language kk"):
        choose_rows(corpus(PHRASES), recipe(pivots=["kk"]), "ru")


def test_an_epoch_takes_every_row_once_in_batches_of_one_language() -> None:
    rows = corpus(PHRASES).with_columns(src_lang=pl.Series(["en", "ru"] * 12)).sort("src_lang", "pair_id")
    batches = epoch_batches(rows, recipe(batch_size=5), seed=1, epoch=0)
    assert sorted(np.concatenate(batches)) == list(range(24))
    assert all(
        rows["src_lang"].to_numpy()[batch].tolist().count("ru") in (0, len(batch)) for batch in batches
    )


def test_epochs_differ_and_repeat_with_the_seed() -> None:
    rows = corpus(PHRASES)
    drawn = [epoch_batches(rows, recipe(), seed, epoch) for seed, epoch in ((1, 0), (1, 0), (1, 1), (2, 0))]
    flat = [np.concatenate(batches).tolist() for batches in drawn]
    assert flat[0] == flat[1]
    assert flat[0] != flat[2]
    assert flat[0] != flat[3]


def test_a_source_gives_no_more_than_its_cap() -> None:
    rows = pl.concat([corpus(PHRASES[:20]), corpus(PHRASES[20:], source="small")])
    taken = np.concatenate(epoch_batches(rows, recipe(source_cap=6), seed=1, epoch=0))
    assert sorted(rows["source"].to_numpy()[taken]) == ["phrases"] * 6 + ["small"] * 4


def test_alternatives_are_not_negatives() -> None:
    src, tgt = np.array(["a", "a", "b"]), np.array(["x", "y", "y"])
    same = same_meaning(src, tgt)
    assert same.tolist() == [[True, True, False], [True, True, True], [False, True, True]]
    # Row 0 of the loss compares with column 2 alone, row 1 with nothing.
    vectors = torch.nn.functional.normalize(torch.randn(3, 4, generator=torch.manual_seed(1)))
    others = torch.nn.functional.normalize(torch.randn(3, 4, generator=torch.manual_seed(2)))
    logits = (20 * vectors @ others.T).tolist()
    down = math.log1p(math.exp(logits[0][2] - logits[0][0]))
    up = math.log1p(math.exp(logits[2][0] - logits[2][2]))
    right = math.log1p(math.exp(logits[2][0] - logits[0][0]))
    left = math.log1p(math.exp(logits[0][2] - logits[2][2]))
    expected = (down + up) / 3 / 2 + (right + left) / 3 / 2
    found = contrastive_loss(vectors, others, torch.from_numpy(same), 20.0).item()
    assert found == pytest.approx(expected, abs=1e-4)


def test_the_loss_falls_when_the_pairs_agree() -> None:
    vectors = torch.eye(8)
    none = torch.eye(8, dtype=torch.bool)
    agree = contrastive_loss(vectors, vectors, none, 20.0)
    shifted = contrastive_loss(vectors, vectors.roll(1, 0), none, 20.0)
    assert agree.item() < 1e-6
    assert shifted.item() > 19


def test_the_rate_warms_up_and_falls_to_zero() -> None:
    rates = [learning_rate(step, 100, recipe(lr=1.0, warmup=0.1)) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == pytest.approx(1.0)
    assert max(rates) == pytest.approx(1.0)
    assert rates[100] == 0.0
    assert rates[1:10] == sorted(rates[1:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_the_loss_stays_on_the_device_of_the_vectors() -> None:
    # "meta" computes nothing, and refuses to be mixed with the processor, as a GPU does.
    vectors = torch.empty(4, 8, device="meta")
    same = torch.empty(4, 4, dtype=torch.bool, device="meta")
    assert contrastive_loss(vectors, vectors, same, 20.0).device.type == "meta"


def test_a_transformer_is_trained_as_well_as_use(tmp_path: Path) -> None:
    config = load_params().models_config["minilm_en"].model_copy(update={"lora_targets": ["query", "value"]})
    model = load_encoder("minilm_en", config)
    texts = ["Добро пожаловать", "Дом"]
    # Padded and one by one, with gradients and without: the same vectors.
    found = forward(model, texts, "ru").detach().numpy()
    np.testing.assert_allclose(found, encode(model, texts, "ru", batch_tokens=1), atol=1e-5)
    quick = recipe(epochs=1, batch_size=4, lr=1e-3)
    add_lora(model, quick, config)
    rows = choose_rows(corpus(PHRASES[:8]), quick, "ru")
    scores = iter((0.1, 0.2))
    progress = fit(model, rows, quick, 1, lambda: {"score": next(scores)}, tmp_path / "last.pt")
    assert progress.best_epoch == 1
    assert np.abs(found - encode(model, texts, "ru")).max() > 1e-4


def test_rows_that_make_no_batch_are_an_error(tmp_path: Path) -> None:
    config = load_params().models_config["use"]
    model = load_encoder("use", config)
    add_lora(model, recipe(), config)
    with pytest.raises(DataError, match="no batch of two training pairs"):
        fit(model, corpus(PHRASES[:1]), recipe(), 1, lambda: {"score": 0.0}, tmp_path / "last.pt")
