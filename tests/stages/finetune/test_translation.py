from __future__ import annotations

import numpy as np
import pytest
import torch

from stages.finetune.contrastive import fit, trainable_state
from stages.finetune.translation import (
    Example,
    TranslationBatches,
    collate,
    plan_batches,
    sequence_loss,
    translation_scorer,
)
from stages.lib.core.params import ModelConfig, load_params
from stages.lib.models import add_lora, load_encoder
from tests.hub_checkpoints import make_nllb
from tests.phrases import PHRASES, corpus

PARAMS = load_params()
RECIPE = PARAMS.recipe("study", "nllb").model_copy(
    update={"epochs": 3, "patience": 3, "lr": 5e-3, "dropout": 0.1, "accumulate": 2}
)
TRAIN = corpus(PHRASES)


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nllb")
    make_nllb(folder, [text for pair in PHRASES for text in pair])
    return ModelConfig(kind="nllb", id=str(folder), lora_targets=["q_proj", "v_proj", "fc1"])


def with_adapter(config):
    model = load_encoder("nllb", config)
    torch.manual_seed(1)
    add_lora(model, RECIPE, config)
    return model


def test_the_loss_is_the_models_own_whatever_the_padding(config):
    translator = load_encoder("nllb", config)[0].translator
    examples = [Example((5, 6, 7, 2), (8, 9, 2)), Example((5, 2), (8, 9, 10, 11, 12, 2))]
    inputs = collate(examples, translator)
    # Labels behind the start symbol, padding hidden: what transformers does itself when given labels alone.
    assert inputs["decoder_input_ids"].tolist() == [[2, 8, 9, 1, 1, 1], [2, 8, 9, 10, 11, 12]]
    inputs.pop("decoder_input_ids")
    with torch.no_grad():
        expected = translator(**inputs).loss
        torch.testing.assert_close(sequence_loss(translator, examples, 0.0), expected)
        # Smoothing moves a tenth of the weight from the target to the mean of the vocabulary.
        full = collate(examples, translator)
        labels = full.pop("labels")
        chances = translator(**full).logits.log_softmax(dim=-1)[labels != -100]
        mean = -chances.mean(dim=-1).mean()
        torch.testing.assert_close(sequence_loss(translator, examples, 0.1), 0.9 * expected + 0.1 * mean)


def test_batches_by_tokens_hold_every_row_once_and_keep_to_the_limit():
    rng = np.random.default_rng(3)
    examples = [Example((1,) * int(src), (1,) * int(tgt)) for src, tgt in rng.integers(2, 30, size=(200, 2))]
    rows = np.arange(0, 200, 2)
    batches = plan_batches(examples, rows, 120, np.random.default_rng(1))
    assert sorted(np.concatenate(batches)) == rows.tolist()
    for batch in batches:
        width = max(len(examples[row].src) for row in batch) + max(len(examples[row].tgt) for row in batch)
        assert width * len(batch) <= 120 or len(batch) == 1
    assert len(batches) < len(rows) / 2
    again = plan_batches(examples, rows, 120, np.random.default_rng(1))
    assert [batch.tolist() for batch in batches] == [batch.tolist() for batch in again]


def test_every_pair_is_learnt_in_both_directions_behind_its_language_codes(config):
    model = load_encoder("nllb", config)
    batches = TranslationBatches.of(model, TRAIN, RECIPE)
    assert len(batches.examples) == 2 * len(TRAIN)
    there, back = batches.examples[0], batches.examples[len(TRAIN)]
    assert (there.src, there.tgt) == (back.tgt, back.src)
    decode = model.tokenizer.decode
    assert decode(there.src) == f"rus_Cyrl {PHRASES[0][0]}</s>"
    assert decode(there.tgt) == f"tuk_Latn {PHRASES[0][1]}</s>"
    plan = batches.plan(seed=1, epoch=0)
    assert sorted(np.concatenate(plan)) == list(range(2 * len(TRAIN)))
    assert max(map(len, plan)) == RECIPE.batch_size
    assert [rows.tolist() for rows in plan] != [rows.tolist() for rows in batches.plan(seed=1, epoch=1)]


def test_the_dev_score_is_the_mean_of_both_directions(config):
    found = translation_scorer(load_encoder("nllb", config), TRAIN[:6], PARAMS, "chrfpp")()
    assert found["score"] == (found["chrfpp_src_tgt"] + found["chrfpp_tgt_src"]) / 2
    assert set(found) == {
        "score",
        *(f"{m}_{way}" for m in ("bleu", "chrfpp") for way in ("src_tgt", "tgt_src")),
    }


class Killed(Exception):
    pass


def tune(config, checkpoint, die_after=None):
    """Train, dying while the epoch after ``die_after`` is scored; returns the model and the progress."""
    model = with_adapter(config)
    calls = 0

    def score():
        nonlocal calls
        calls += 1
        if die_after is not None and calls > die_after + 1:
            raise Killed
        return {"score": float(sum(value.abs().sum() for value in trainable_state(model).values()))}

    progress = fit(model, TRAIN, RECIPE, 7, score, checkpoint, TranslationBatches.of)
    return model, progress


def test_a_run_that_was_killed_ends_as_an_unbroken_one(config, tmp_path):
    whole, unbroken = tune(config, tmp_path / "a.pt")
    with pytest.raises(Killed):
        tune(config, tmp_path / "b.pt", die_after=1)
    resumed, progress = tune(config, tmp_path / "b.pt")
    assert progress.history == unbroken.history
    losses = [row["loss"] for row in progress.history[1:]]
    assert losses[-1] < losses[0]
    states = trainable_state(whole), trainable_state(resumed)
    assert states[0].keys() == states[1].keys()
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name]), name


def test_training_moves_the_adapter_of_encoder_and_decoder_and_nothing_else(config, tmp_path):
    before = load_encoder("nllb", config)[0].translator.state_dict()
    model, _ = tune(config, tmp_path / "c.pt")
    moved = {name for name, value in trainable_state(model).items() if "lora_B" in name and value.any()}
    assert any(".encoder." in name for name in moved)
    assert any(".decoder." in name for name in moved)
    after = model[0].translator.state_dict()
    for name, value in before.items():
        same = after.get(name)
        if same is None:
            parent, _, leaf = name.rpartition(".")
            same = after[f"{parent}.base_layer.{leaf}"]
        assert torch.equal(value, same), name
