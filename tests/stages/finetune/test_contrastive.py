from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from stages.finetune.contrastive import (
    Negatives,
    Progress,
    adapter_scale,
    backward,
    choose_rows,
    contrastive_loss,
    epoch_batches,
    fit,
    forward,
    learning_rate,
    load_progress,
    mine_negatives,
    same_meaning,
    take_share,
    trainable_state,
)
from stages.lib.core.errors import DataError, ModelError
from stages.lib.core.params import ModelConfig, Recipe, load_params
from stages.lib.models import add_lora, encode, load_encoder
from tests.hub_checkpoints import make_labse
from tests.phrases import PHRASES, corpus


def recipe(**changes: object) -> Recipe:
    return load_params().recipe("study", "use").model_copy(update=changes)


def test_rows_are_of_the_pair_and_its_pivots_and_long_enough() -> None:
    rows = corpus(PHRASES[:6]).with_columns(src_lang=pl.Series(["ru", "ru", "en", "en", "kk", "ru"]))
    chosen = choose_rows(rows, recipe(pivots=["en"], min_words=4), "ru")
    assert chosen["src_lang"].to_list() == ["en", "en", "ru"]
    assert all(len(text.split()) >= 4 for text in chosen["src"])
    # A pivot that is the target language is passed over.
    rows = corpus(PHRASES)
    assert choose_rows(rows, recipe(pivots=["tk"]), "ru").equals(choose_rows(rows, recipe(pivots=[]), "ru"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"min_words": 40}, "lower the recipe's min_words"), ({"pivots": ["kk"]}, "pivot language kk")],
)
def test_nothing_to_train_on_is_an_error(changes: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        choose_rows(corpus(PHRASES), recipe(**changes), "ru")


def test_a_share_is_of_whole_documents_within_every_larger_share() -> None:
    docs = pl.Series([f"phrases/{'abcdefgh'[n // 3]}" for n in range(24)])
    rows = corpus(PHRASES[:24]).with_columns(doc=docs).sort("pair_id")
    taken = {share: take_share(rows, share) for share in (0.01, 0.25, 0.3, 0.5, 1.0)}
    assert [len(found) for found in taken.values()] == [3, 6, 9, 12, 24]
    found = list(taken.values())
    for smaller, larger in itertools.pairwise(found):
        assert set(smaller["pair_id"]) <= set(larger["pair_id"])
        assert smaller["pair_id"].is_sorted()
        assert not set(smaller["doc"]) & (set(rows["doc"]) - set(larger["doc"]))
        # No document is cut.
        assert len(smaller) == 3 * smaller["doc"].n_unique()
    assert taken[1.0] is rows
    # It does not depend on the order of the rows.
    assert set(take_share(rows.reverse(), 0.3)["pair_id"]) == set(taken[0.3]["pair_id"])


def test_an_epoch_takes_every_row_once_in_batches_of_one_language() -> None:
    rows = corpus(PHRASES).with_columns(src_lang=pl.Series(["en", "ru"] * 12)).sort("src_lang", "pair_id")
    batches = epoch_batches(rows, recipe(batch_size=5), seed=1, epoch=0)
    assert sorted(np.concatenate(batches)) == list(range(24))
    languages = rows["src_lang"].to_numpy()
    assert all(languages[batch].tolist().count("ru") in (0, len(batch)) for batch in batches)
    # Epochs differ, and repeat with the seed.
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


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:100],
        lambda data: data[: len(data) // 2],
        lambda data: data[:-9],
        lambda data: b"not a checkpoint\n" * 40,
        lambda data: data.replace(b"epoch", b"epoxy", 1),
    ],
)
def test_a_damaged_checkpoint_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture, damage) -> None:
    path = tmp_path / "last.pt"
    torch.save(vars(Progress(epoch=2, state={"a": torch.ones(400)})), path)
    assert load_progress(path).epoch == 2
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)
    assert load_progress(path) == Progress()
    assert not path.exists()
    assert (tmp_path / "last.pt.damaged").read_bytes() == damaged
    assert "set aside as last.pt.damaged; training begins anew" in caplog.text


def test_rows_that_make_no_batch_are_an_error(tmp_path: Path) -> None:
    config = load_params().models_config["use"]
    model = load_encoder("use", config)
    add_lora(model, recipe(), config)
    with pytest.raises(DataError, match="no batch of two training pairs"):
        fit(model, corpus(PHRASES[:1]), recipe(), 1, lambda: {"score": 0.0}, tmp_path / "last.pt")


@pytest.fixture(scope="module")
def labse_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labse") / "model"
    make_labse(folder, [text for pair in PHRASES for text in pair])
    # BERT's own dropout off, so that the only one is the adapter's.
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def tuned(name: str, folder: Path, **changes: object):
    """A model with an adapter whose both halves have weights, as after some training."""
    config = load_params().models_config["use"]
    if name == "labse":
        config = ModelConfig(kind="sentence_transformer", id=str(folder), lora_targets=["query", "value"])
    model = load_encoder(name, config)
    torch.manual_seed(3)
    add_lora(model, recipe(**changes), config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.normal_(std=0.05)
    return model


def gradients(model, sides, chunk: int) -> tuple[float, dict[str, torch.Tensor]]:
    """The loss of a batch and its gradients by parameter, dropout drawn from one seed."""
    model.train()
    model.zero_grad()
    torch.manual_seed(5)
    same = torch.zeros(len(sides[0][0]), len(sides[0][0]), dtype=torch.bool)

    def loss_of(src, tgt, extra):
        none = Negatives(extra, torch.zeros(len(src), len(extra), dtype=torch.bool))
        return contrastive_loss(src, tgt, same, 20.0, (none, none))

    loss = backward(model, sides, loss_of, chunk)
    return loss, {name: p.grad.clone() for name, p in model.named_parameters() if p.requires_grad}


@pytest.mark.parametrize("name", ["use", "labse"])
def test_the_cached_loss_has_the_gradients_of_the_plain_one(name: str, labse_folder: Path) -> None:
    model = tuned(name, labse_folder, dropout=0.0)
    src, tgt = (list(side) for side in zip(*PHRASES[:10], strict=True))
    sides = [(src, "ru"), (tgt, "tk"), ([tgt for _, tgt in PHRASES[10:14]], "tk")]
    loss, plain = gradients(model, sides, 0)
    assert max(float(value.abs().max()) for value in plain.values()) > 0.01
    for chunk in (3, 100):
        cached_loss, cached = gradients(model, sides, chunk)
        assert cached_loss == pytest.approx(loss, abs=1e-5)
        assert all(float((cached[key] - plain[key]).abs().max()) < 1e-5 for key in plain)


@pytest.mark.parametrize("name", ["use", "labse"])
def test_dropout_draws_the_same_in_both_passes_of_the_cached_loss(name: str, labse_folder: Path) -> None:
    # One chunk holds all: its first pass is then the plain one, and so must its second be.
    model = tuned(name, labse_folder, dropout=0.3)
    sides = [([src for src, _ in PHRASES[:8]], "ru")]
    sides[0][0].sort(key=len)  # as chunks order them

    def vectors_of(chunk: int) -> dict[str, torch.Tensor]:
        model.train()
        model.zero_grad()
        torch.manual_seed(7)
        backward(model, sides, lambda vectors: (vectors[0] * vectors[1:]).sum(), chunk)
        return {key: p.grad.clone() for key, p in model.named_parameters() if p.requires_grad}

    plain, cached, other = vectors_of(0), vectors_of(8), vectors_of(4)
    assert all(float((cached[key] - plain[key]).abs().max()) < 1e-5 for key in plain)
    assert any(float((other[key] - plain[key]).abs().max()) > 1e-3 for key in plain)


def test_activations_made_again_give_the_same_gradients(labse_folder: Path) -> None:
    model = tuned("labse", labse_folder, dropout=0.1)
    sides = [([src for src, _ in PHRASES[:6]], "ru"), ([tgt for _, tgt in PHRASES[:6]], "tk")]
    sides.append((sides[1][0][:2], "tk"))
    _, plain = gradients(model, sides, 0)
    model.transformers_model.activation_checkpointing_enable()
    _, again = gradients(model, sides, 4)
    _, whole = gradients(model, sides, 0)
    assert all(float((whole[key] - plain[key]).abs().max()) < 1e-5 for key in plain)
    assert set(again) == set(plain)


def test_recomputing_is_for_transformers_alone(tmp_path: Path) -> None:
    model = tuned("use", tmp_path)
    with pytest.raises(ModelError, match="set the recipe's recompute: false"):
        fit(model, corpus(PHRASES), recipe(recompute=True), 1, dict, tmp_path / "last.pt")


def test_mined_negatives_are_the_nearest_rows_of_another_meaning() -> None:
    # Row 1 says on its tgt side nearly what row 0 does; row 2 is an alternative translation of row 0.
    src = np.eye(4, dtype=np.float32)
    tgt = np.array([[1, 0, 0, 0], [0.8, 0.6, 0, 0], [1, 0, 0, 0], [0, 0, 0.6, 0.8]], dtype=np.float32)
    groups = np.array(["a", "b", "a", "d"]), np.array(["w", "x", "y", "z"])
    by_src, by_tgt = mine_negatives(src, tgt, *groups, count=2, margin_k=2)
    assert by_src[0].tolist() == [1, 3]  # never 2, which is right for it
    assert by_tgt[1, 0] == 0
    assert by_src.shape == by_tgt.shape == (4, 2)


def test_margins_are_those_of_their_definition() -> None:
    rng = np.random.default_rng(2)
    src, tgt = rng.normal(size=(2, 30, 8)).astype(np.float32)
    src /= np.linalg.norm(src, axis=1, keepdims=True)
    tgt /= np.linalg.norm(tgt, axis=1, keepdims=True)
    groups = np.arange(30).astype(str)
    by_src, by_tgt = mine_negatives(src, tgt, groups, groups, count=1, margin_k=4)
    for row in range(30):
        margins, back = [], []
        for other in range(30):
            near = sorted(src[row] @ tgt.T)[-4:], sorted(src @ tgt[other])[-4:]
            margins.append(src[row] @ tgt[other] / (np.mean(near[0]) / 2 + np.mean(near[1]) / 2))
            near = sorted(src @ tgt[row])[-4:], sorted(src[other] @ tgt.T)[-4:]
            back.append(tgt[row] @ src[other] / (np.mean(near[0]) / 2 + np.mean(near[1]) / 2))
        margins[row] = back[row] = -np.inf
        assert by_src[row, 0] == int(np.argmax(margins))
        assert by_tgt[row, 0] == int(np.argmax(back))


def test_more_negatives_make_the_loss_larger_but_not_where_they_mean_the_same() -> None:
    vectors = torch.nn.functional.normalize(torch.randn(3, 6, generator=torch.manual_seed(1)))
    others = torch.nn.functional.normalize(vectors + 0.1)
    none = torch.eye(3, dtype=torch.bool)
    same = torch.tensor([[True, False], [True, False], [True, False]])
    plain = contrastive_loss(vectors, others, none, 20.0).item()
    masked = Negatives(others[:2], torch.ones(3, 2, dtype=torch.bool))
    half = Negatives(others[:2], same)
    assert contrastive_loss(vectors, others, none, 20.0, (masked, masked)).item() == pytest.approx(plain)
    found = contrastive_loss(vectors, others, none, 20.0, (half, masked)).item()
    # Column 1 counts once more in the sum of each row, in one of both directions.
    logits = (20 * vectors @ others.T).double()
    exact = 0.0
    for row in range(3):
        there = torch.cat([logits[row], logits[row, 1:2]])
        exact += float(there.logsumexp(0) + logits[:, row].logsumexp(0) - 2 * logits[row, row]) / 6
    assert found == pytest.approx(exact, abs=1e-4)
    assert found > plain


def test_batches_that_make_one_step_together_equal_one_step_on_their_mean(labse_folder: Path) -> None:
    rows = corpus(PHRASES[:12])
    quick = {"dropout": 0.0, "epochs": 1, "lr": 1e-3, "batch_size": 4, "patience": 1}
    found = []
    for accumulate in (1, 3):
        model = tuned("labse", labse_folder, **quick)
        scores = iter((0.1, 0.2))
        chosen, path = recipe(**quick, accumulate=accumulate), labse_folder.parent / f"{accumulate}.pt"
        fit(model, rows, chosen, 1, lambda: {"score": next(scores)}, path)  # noqa: B023
        found.append(trainable_state(model))
    # By hand: the mean gradient of the three batches, one step of AdamW at the first step's rate.
    model = tuned("labse", labse_folder, **quick)
    weights = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=learning_rate(0, 1, recipe(**quick)), weight_decay=0.0)
    for batch in epoch_batches(rows, recipe(**quick), 1, 0):
        src, tgt = (forward(model, rows[name].to_numpy()[batch].tolist(), "ru") for name in ("src", "tgt"))
        (contrastive_loss(src, tgt, torch.eye(4, dtype=torch.bool), 20.0) / 3).backward()
    torch.nn.utils.clip_grad_norm_(weights, 1.0)
    optimizer.step()
    by_hand = trainable_state(model)
    assert all(torch.allclose(found[1][key], by_hand[key], atol=1e-6) for key in by_hand)
    assert any(not torch.allclose(found[0][key], by_hand[key], atol=1e-6) for key in by_hand)


def test_the_contrastive_recipe_trains_and_holds_what_the_encoder_knew(tmp_path: Path) -> None:
    quick = {"epochs": 4, "lr": 3e-3, "batch_size": 8, "chunk": 3, "patience": 4, "min_words": 0}
    quick |= {"pivots": [], "r": 32, "alpha": 64, "warmup": 0.1, "hard_negatives": 1}
    moved = []
    for keep in (0.0, 50.0):
        chosen = recipe(**quick, keep_weight=keep)
        config = load_params().models_config["use"]
        model = load_encoder("use", config)
        torch.manual_seed(1)
        add_lora(model, chosen, config)
        rising = iter(range(9))
        rows = choose_rows(corpus(PHRASES[:16]), chosen, "ru")
        path = tmp_path / f"{keep}.pt"
        progress = fit(model, rows, chosen, 1, lambda: {"score": next(rising)}, path)  # noqa: B023
        losses = [row["loss"] for row in progress.history[1:]]
        assert losses[-1] < losses[0]
        texts = rows["src"].to_list()
        after = encode(model, texts, "ru")
        with adapter_scale(model, 0.0):
            moved.append(float((after * encode(model, texts, "ru")).sum(1).mean()))
    assert moved[0] < moved[1]
    assert moved[1] > 0.97
