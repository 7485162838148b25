"""Contrastive fine-tuning of a sentence encoder: which rows, which batches, which loss, one loop."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.lib.encoders import encode, scale_adapter
from stages.lib.errors import DataError
from stages.lib.files import atomic_path
from stages.lib.params import Recipe

if TYPE_CHECKING:
    import polars as pl
    import torch
    from sentence_transformers import SentenceTransformer

log = logging.getLogger(__name__)


@dataclass
class Progress:
    """What a run has reached: everything that a resumed run needs to end like an unbroken one."""

    epoch: int = 0
    best_epoch: int = 0
    best_score: float = -math.inf
    best_state: dict[str, torch.Tensor] = field(default_factory=dict)
    state: dict[str, torch.Tensor] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)


def choose_rows(train: pl.DataFrame, recipe: Recipe, src_lang: str) -> pl.DataFrame:
    """Return the training rows that a recipe uses: the pair's own and its pivots, long enough to teach.

    Short names outnumber sentences by far; trained on, they pull the encoder away from what it knew.
    Raises DataError if nothing is left, or a pivot language has no pair at all.
    """
    import polars as pl

    words = pl.col("src").str.count_matches(r"\w+")
    absent = sorted(set(recipe.pivots) - set(train["src_lang"].unique()))
    if absent:
        raise DataError(
            f"no training pair has the pivot language {', '.join(absent)}; "
            "name it in align.pivots too, or take it off the recipe's pivots"
        )
    rows = train.filter(
        pl.col("src_lang").is_in([src_lang, *recipe.pivots]) & (words >= recipe.min_words)
    ).sort("src_lang", "pair_id")
    if rows.is_empty():
        raise DataError(
            f"no training pair of {src_lang} or {recipe.pivots} has {recipe.min_words} words; "
            "lower the recipe's min_words or add sources"
        )
    return rows


def epoch_batches(rows: pl.DataFrame, recipe: Recipe, seed: int, epoch: int) -> list[np.ndarray]:
    """Return one epoch's batches as arrays of row numbers, each of one source language.

    A source gives at most ``recipe.source_cap`` rows of a language to an epoch (0: all), drawn anew each
    time. A batch of one row has no negative and is left out.
    """
    rng = np.random.default_rng([seed, epoch])
    languages = rows["src_lang"].to_numpy()
    sources = rows["source"].to_numpy()
    batches = []
    for language in sorted(set(languages)):
        chosen = rng.permutation(np.flatnonzero(languages == language))
        if recipe.source_cap:
            seen: dict[str, int] = {}
            keep = []
            for row in chosen:
                seen[sources[row]] = seen.get(sources[row], 0) + 1
                if seen[sources[row]] <= recipe.source_cap:
                    keep.append(row)
            chosen = np.array(keep)
        cuts = range(0, len(chosen), recipe.batch_size)
        batches += [chosen[cut : cut + recipe.batch_size] for cut in cuts if len(chosen) - cut > 1]
    return [batches[i] for i in rng.permutation(len(batches))]


def same_meaning(src_groups: np.ndarray, tgt_groups: np.ndarray) -> np.ndarray:
    """Return the (n, n) boolean matrix of row pairs that must not be each other's negatives.

    Two rows mean the same if they share the text of a side: duplicates and alternative translations.
    """
    return (src_groups[:, None] == src_groups[None, :]) | (tgt_groups[:, None] == tgt_groups[None, :])


def contrastive_loss(src: torch.Tensor, tgt: torch.Tensor, same: torch.Tensor, scale: float) -> torch.Tensor:
    """Symmetric InfoNCE of L2-normalised (n, dim) vectors, the other rows of the batch as negatives.

    Oord et al. 2018 in the bidirectional form of Yang et al. 2019, without their margin. ``same`` is the
    boolean (n, n) matrix of :func:`same_meaning`; off the diagonal its entries are left out of the sums.
    """
    import torch

    logits = scale * src @ tgt.T  # (n, n)
    diagonal = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    logits = logits.masked_fill(same & ~diagonal, float("-inf"))
    gold = torch.arange(len(logits), device=logits.device)
    both = torch.nn.functional.cross_entropy(logits, gold) + torch.nn.functional.cross_entropy(logits.T, gold)
    return both / 2


def learning_rate(step: int, total: int, recipe: Recipe) -> float:
    """Return the rate at a step: linear warm-up over ``recipe.warmup`` of all steps, then linear decay."""
    warm = max(1, round(recipe.warmup * total))
    return recipe.lr * min((step + 1) / warm, (total - step) / max(1, total - warm))


def load_progress(path: Path) -> Progress:
    """Read a checkpoint, or return a fresh start where there is none."""
    import torch

    if not path.is_file():
        return Progress()
    progress = Progress(**torch.load(path, map_location="cpu", weights_only=True))
    log.info("resuming after epoch %d from %s", progress.epoch, path)
    return progress


def save_progress(progress: Progress, path: Path) -> None:
    """Write a checkpoint, whole or not at all."""
    import torch

    with atomic_path(path) as temporary:
        torch.save(vars(progress), temporary)


def trainable_state(model: SentenceTransformer) -> dict[str, torch.Tensor]:
    """Return a copy of the parameters that training changes, by name."""
    return {name: value.detach().clone() for name, value in model.named_parameters() if value.requires_grad}


def load_trainable(model: SentenceTransformer, state: dict[str, torch.Tensor]) -> None:
    """Put parameters from :func:`trainable_state` back."""
    import torch

    named = dict(model.named_parameters())
    with torch.no_grad():
        for name, value in state.items():
            named[name].copy_(value)


def forward(model: SentenceTransformer, texts: list[str], lang: str) -> torch.Tensor:
    """Return the texts' L2-normalised vectors, (n, dim), with gradients."""
    import torch
    from sentence_transformers.util import batch_to_device

    first = model[0]
    if hasattr(first, "token_ids"):
        features = first.features(first.token_ids(texts, lang))
    else:
        features = model.preprocess(texts)
    features = batch_to_device(features, model.device)  # a transformer's features are not all tensors
    return torch.nn.functional.normalize(model(features)["sentence_embedding"])


@contextlib.contextmanager
def adapter_scale(model: SentenceTransformer, factor: float) -> Iterator[None]:
    """Set the adapter's strength for the time of the block; 1 before and after it."""
    scale_adapter(model, factor)
    try:
        yield
    finally:
        scale_adapter(model, 1.0)


def fit(
    model: SentenceTransformer,
    train: pl.DataFrame,
    recipe: Recipe,
    seed: int,
    score_dev: Callable[[], dict[str, float]],
    checkpoint: Path,
) -> Progress:
    """Train the model's adapter; leave the best epoch's weights in it and return the run's progress.

    ``train`` has rows of :func:`choose_rows`. ``score_dev`` measures the model as it is; its ``score`` is
    what early stopping looks at, ``recipe.patience`` epochs without a gain end the run. A checkpoint is
    written after each epoch: called again with the same arguments, the run goes on where it was, to the
    same result, since every random choice depends on the seed and the epoch alone. Raises DataError if
    no batch has two rows.
    """
    import torch
    from tqdm import tqdm

    progress = load_progress(checkpoint)
    if progress.state:
        load_trainable(model, progress.state)
    else:
        progress.history = [{"epoch": 0, **score_dev()}]
        progress.best_score = progress.history[0]["score"]
        progress.best_state = progress.state = trainable_state(model)
    weights = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=recipe.lr, weight_decay=0.0)
    if progress.optimizer:
        optimizer.load_state_dict(progress.optimizer)

    columns = {name: train[name].to_numpy() for name in ("src", "tgt", "src_lang", "src_group", "tgt_group")}
    tgt_lang = train["tgt_lang"][0]
    teacher = _teacher(model, train) if recipe.keep_weight else None
    lengths = [len(epoch_batches(train, recipe, seed, epoch)) for epoch in range(recipe.epochs)]
    if not min(lengths):
        raise DataError(
            "no batch of two training pairs of one language; lower the recipe's min_words, "
            "raise its batch_size or add sources"
        )
    while progress.epoch < recipe.epochs and progress.epoch - progress.best_epoch < recipe.patience:
        epoch = progress.epoch
        torch.manual_seed(1_000_003 * seed + epoch)
        model.train()
        losses = []
        batches = epoch_batches(train, recipe, seed, epoch)
        bar = tqdm(
            batches, desc=f"epoch {epoch + 1}/{recipe.epochs}", unit="batch", disable=None, leave=False
        )
        for n, rows in enumerate(bar):
            rate = learning_rate(sum(lengths[:epoch]) + n, sum(lengths), recipe)
            for group in optimizer.param_groups:
                group["lr"] = rate
            batch = {name: values[rows] for name, values in columns.items()}
            src = forward(model, batch["src"].tolist(), batch["src_lang"][0])
            tgt = forward(model, batch["tgt"].tolist(), tgt_lang)
            same = torch.from_numpy(same_meaning(batch["src_group"], batch["tgt_group"])).to(src.device)
            loss = contrastive_loss(src, tgt, same, recipe.scale)
            if teacher is not None:
                kept = (src * torch.from_numpy(teacher[rows]).to(src.device)).sum(dim=1)
                loss = loss + recipe.keep_weight * (1 - kept).mean()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        progress.epoch = epoch + 1
        scores = score_dev()
        progress.history.append({"epoch": epoch + 1, "loss": float(np.mean(losses)), **scores})
        progress.state = trainable_state(model)
        if scores["score"] > progress.best_score:
            progress.best_score, progress.best_epoch = scores["score"], progress.epoch
            progress.best_state = progress.state
        progress.optimizer = optimizer.state_dict()
        save_progress(progress, checkpoint)
        log.info("epoch %d: loss %.4f, dev score %.4f", epoch + 1, np.mean(losses), scores["score"])
    load_trainable(model, progress.best_state)
    return progress


def _teacher(model: SentenceTransformer, train: pl.DataFrame) -> np.ndarray:
    """Return the untouched encoder's vectors of the source texts, (n, dim), for the keep term."""
    with adapter_scale(model, 0.0):
        return np.concatenate(
            [
                encode(model, rows["src"].to_list(), rows["src_lang"][0])
                for rows in train.partition_by("src_lang", maintain_order=True)  # choose_rows sorted by it
            ]
        )


def choose_scale(
    model: SentenceTransformer, scales: list[float], score_dev: Callable[[], dict[str, float]]
) -> tuple[float, list[dict[str, float]]]:
    """Return the point between the pretrained (0) and the tuned (1) weights that scores best on dev.

    Wortsman et al. 2022 interpolate the same way. Beside it, the scores at every point tried. A tie goes
    to the smaller scale, which forgets less.
    """
    tried = []
    for scale in sorted(scales):
        with adapter_scale(model, scale):
            tried.append({"scale": scale, **score_dev()})
    best = max(tried, key=lambda row: (row["score"], -row["scale"]))
    return best["scale"], tried
