"""Contrastive fine-tuning of a sentence encoder: which rows, which batches, which loss, one loop."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import logging
import math
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from stages.finetune.lower_layers import LowerLayers
from stages.finetune.processes import add_up, add_up_gradients, count, index, is_first
from stages.lib.core.errors import DataError, ModelError
from stages.lib.core.files import atomic_path
from stages.lib.core.params import Recipe
from stages.lib.models import encode, scale_adapter
from stages.lib.models.encode import tokenise
from stages.lib.scores.retrieval import densities

if TYPE_CHECKING:
    import polars as pl
    import torch
    from sentence_transformers import SentenceTransformer

log = logging.getLogger(__name__)


# Neighbours in the margin by which negatives are mined.
_MARGIN_K = 4
# Rows of the (n, n) margins that are in memory at once when negatives are mined.
_MINING_ROWS = 1024


@dataclass(frozen=True)
class Negatives:
    """Vectors (m, dim) of texts that are wrong for the rows of a batch, but where ``same`` (n, m) is true."""

    vectors: torch.Tensor
    same: torch.Tensor


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

    A pivot that is one of the pair's own languages adds nothing, and is passed over.
    Short names outnumber sentences by far; trained on, they pull the encoder away from what it knew.
    Raises DataError if nothing is left, or a pivot language has no pair at all.
    """
    import polars as pl

    words = pl.col("src").str.count_matches(r"\w+")
    absent = sorted(set(recipe.pivots) - {*train["src_lang"].unique(), *train["tgt_lang"].unique()})
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
            f"no training pair of {' or '.join([src_lang, *recipe.pivots])} has {recipe.min_words} words; "
            "lower the recipe's min_words or add sources"
        )
    return rows


def take_share(rows: pl.DataFrame, share: float) -> pl.DataFrame:
    """Return about ``share`` of the rows, in their order: whole documents, in the order of their hashes.

    The last document taken is the one that reaches the share, so a smaller share lies within a larger one.
    """
    import polars as pl

    if share == 1:
        return rows
    sizes = rows.group_by("source", "doc").len().rows()
    # Salted: the documents of train are those whose plain hash is large (stages.lib.text.held_out).
    order = sorted(sizes, key=lambda row: hashlib.sha256("\0".join(("share", *row[:2])).encode()).digest())
    starts = itertools.accumulate((size for _, _, size in order), initial=0)
    taken = [row[:2] for row, start in zip(order, starts, strict=False) if start < share * len(rows)]
    chosen = pl.DataFrame(taken, schema=["source", "doc"], orient="row")
    return rows.join(chosen, on=["source", "doc"], how="semi", maintain_order="left")


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


def same_meaning(
    src_groups: np.ndarray,
    tgt_groups: np.ndarray,
    others: tuple[np.ndarray, np.ndarray] | None = None,
) -> np.ndarray:
    """Return the (n, m) boolean matrix of row pairs that must not be each other's negatives.

    Two rows mean the same if they share the text of a side: duplicates and alternative translations.
    ``others`` are the groups of the m rows to compare with; without them the n rows themselves.
    """
    other_src, other_tgt = others or (src_groups, tgt_groups)
    return (src_groups[:, None] == other_src[None, :]) | (tgt_groups[:, None] == other_tgt[None, :])


def mine_negatives(
    src: np.ndarray,
    tgt: np.ndarray,
    src_groups: np.ndarray,
    tgt_groups: np.ndarray,
    count: int,
    margin_k: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows whose tgt, and those whose src, are nearest to each row and wrong for it, best first.

    ``src`` and ``tgt`` are L2-normalised (n, dim) vectors; both results are (n, min(count, n - 1)), int64.
    Nearest is by the ratio margin of Artetxe & Schwenk (2019): the cosine over the mean of what both texts
    have to their ``margin_k`` nearest, so that texts near to everything are not everybody's negative.
    Rows of the same meaning (see :func:`same_meaning`) come last, where there are no others.
    """
    density_src, density_tgt = densities(src, tgt, margin_k)
    count = min(count, len(src) - 1)
    found = []
    for queries, texts, by_query, by_text in (
        (src, tgt, density_src, density_tgt),
        (tgt, src, density_tgt, density_src),
    ):
        rows = np.empty((len(src), count), dtype=np.int64)
        for start in range(0, len(src), _MINING_ROWS):
            part = slice(start, start + _MINING_ROWS)
            margins = (queries[part] @ texts.T) / (by_query[part, None] + by_text[None, :])
            same = same_meaning(src_groups[part], tgt_groups[part], (src_groups, tgt_groups))
            margins[same] = np.finfo(margins.dtype).min
            # Few of many: taken one by one, which is linear. Of equal margins the first row.
            for place in range(count):
                best = margins.argmax(axis=1)
                rows[part, place] = best
                margins[np.arange(len(best)), best] = -np.inf
        found.append(rows)
    return found[0], found[1]


def contrastive_loss(
    src: torch.Tensor,
    tgt: torch.Tensor,
    same: torch.Tensor,
    scale: float,
    more: tuple[Negatives, Negatives] | None = None,
) -> torch.Tensor:
    """Symmetric InfoNCE of L2-normalised (n, dim) vectors, the other rows of the batch as negatives.

    Oord et al. 2018 in the bidirectional form of Yang et al. 2019, without their margin. ``same`` is the
    boolean (n, n) matrix of :func:`same_meaning`; off the diagonal its entries are left out of the sums.
    ``more`` has negatives beyond the batch, first for the src rows, then for the tgt rows.
    """
    import torch

    logits = scale * src @ tgt.T  # (n, n)
    diagonal = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    there = logits.masked_fill(same & ~diagonal, float("-inf"))
    back = there.T
    if more is not None:
        there, back = (
            torch.cat([square, (scale * rows @ side.vectors.T).masked_fill(side.same, float("-inf"))], dim=1)
            for square, rows, side in ((there, src, more[0]), (back, tgt, more[1]))
        )  # (n, n + m)
    gold = torch.arange(len(logits), device=logits.device)
    both = torch.nn.functional.cross_entropy(there, gold) + torch.nn.functional.cross_entropy(back, gold)
    return both / 2


def learning_rate(step: int, total: int, recipe: Recipe) -> float:
    """Return the rate at a step: linear warm-up over ``recipe.warmup`` of all steps, then linear decay."""
    warm = max(1, round(recipe.warmup * total))
    return recipe.lr * min((step + 1) / warm, (total - step) / max(1, total - warm))


def load_progress(path: Path) -> Progress:
    """Read a checkpoint, or return a fresh start where there is none; a damaged one is set aside."""
    import torch

    if not path.is_file():
        return Progress()
    try:
        progress = Progress(**torch.load(path, map_location="cpu", weights_only=True))
    except (RuntimeError, ValueError, TypeError, EOFError, pickle.UnpicklingError) as error:
        aside = path.with_name(path.name + ".damaged")
        log.warning(
            "%s: damaged checkpoint (%s), set aside as %s; training begins anew",
            path,
            type(error).__name__,
            aside.name,
        )
        if is_first():
            path.replace(aside)
        return Progress()
    log.info("resuming after epoch %d from %s", progress.epoch, path)
    return progress


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


def forward(
    model: SentenceTransformer, texts: list[str], lang: str, lower: LowerLayers | None = None
) -> torch.Tensor:
    """Return the texts' L2-normalised vectors, (n, dim), with gradients; from ``lower``'s states if given."""
    import torch
    from sentence_transformers.util import batch_to_device

    if lower is None:
        # A transformer's features are not all tensors.
        features = model(batch_to_device(tokenise(model, texts, lang), model.device))
    else:
        features = lower.token_features(model, texts, lang)
        for module in list(model)[1:]:
            features = module(features)
    return torch.nn.functional.normalize(features["sentence_embedding"].float())


def backward(
    model: SentenceTransformer,
    sides: Sequence[tuple[list[str], str]],
    loss_of: Callable[..., torch.Tensor],
    chunk: int,
    lower: LowerLayers | None = None,
) -> float:
    """Add the gradients of a loss to the model's parameters and return the loss.

    ``sides`` are lists of texts, each of one language; ``loss_of`` takes their vectors, one (n, dim) tensor
    for each side. With a ``chunk`` the forward passes are of so many texts: GradCache (Gao et al. 2021)
    makes the vectors without keeping activations, takes the loss's gradients to them, then makes each chunk
    again to carry these on. The gradients are those of the whole batch; dropout draws the same both times.
    Of several processes each makes the vectors of its share of the texts and adds the gradients of these:
    what the processes add, summed, is the gradient of the whole batch, and the loss is the whole batch's.
    """
    import torch

    if not chunk and count() == 1:
        loss = loss_of(*(forward(model, texts, lang, lower) for texts, lang in sides))
        loss.backward()
        return loss.item()
    chunks = []
    for n, (texts, _) in enumerate(sides):
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))  # like lengths need little padding
        order = order[index() :: count()]
        size = chunk or max(1, len(order))
        chunks += [(n, order[cut : cut + size]) for cut in range(0, len(order), size)]

    def run(n: int, rows: list[int]) -> torch.Tensor:
        texts, lang = sides[n]
        return forward(model, [texts[row] for row in rows], lang, lower)

    devices = [model.device] if model.device.type == "cuda" else []
    dim = model.get_embedding_dimension()
    vectors = [torch.zeros(len(texts), dim, device=model.device) for texts, _ in sides]
    states, whole = [], []
    for n, rows in chunks:
        states.append((torch.get_rng_state(), *map(torch.cuda.get_rng_state, devices)))
        # With gradients on, though unused: some encoders take another path without, and no dropout there.
        found = run(n, rows)
        vectors[n][rows] = found.detach()
        if not chunk:
            whole.append(found)
    for side in vectors:
        add_up(side).requires_grad_()  # a row is zero but in the process that made it
    loss = loss_of(*vectors)
    loss.backward()
    if not chunk:
        if whole:  # a small batch may leave a process without a text
            torch.autograd.backward(whole, [vectors[n].grad[rows] for n, rows in chunks])
        return loss.item()
    with torch.random.fork_rng(devices=devices):
        for (n, rows), (state, *device_states) in zip(chunks, states, strict=True):
            torch.set_rng_state(state)
            for device, device_state in zip(devices, device_states, strict=True):
                torch.cuda.set_rng_state(device_state, device)
            run(n, rows).backward(vectors[n].grad[rows])
    return loss.item()


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
    make_batches: Callable[[SentenceTransformer, pl.DataFrame, Recipe], Batches] | None = None,
) -> Progress:
    """Train the model's adapter; leave the best epoch's weights in it and return the run's progress.

    ``train`` has rows of :func:`choose_rows`. ``make_batches`` says what is learnt from them: contrast,
    unless another objective is given. ``score_dev`` measures the model as it is; its ``score`` is
    what early stopping looks at, ``recipe.patience`` epochs without a gain end the run. A checkpoint is
    written after each epoch: called again with the same arguments, the run goes on where it was, to the
    same result, since every random choice depends on the seed and the epoch alone. Several processes (see
    :mod:`stages.finetune.processes`) share each batch and take the same steps; ``score_dev`` must agree in
    all of them. Raises DataError if no batch has two rows.
    """
    import torch

    if recipe.recompute:
        _recompute_activations(model)
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

    batches = (make_batches or ContrastiveBatches.of)(model, train, recipe)
    lengths = [len(batches.plan(seed, epoch)) for epoch in range(recipe.epochs)]
    if not min(lengths):
        raise DataError(
            "no batch of two training pairs of one language; lower the recipe's min_words, "
            "raise its batch_size or add sources"
        )
    steps = [math.ceil(length / recipe.accumulate) for length in lengths]
    while progress.epoch < recipe.epochs and progress.epoch - progress.best_epoch < recipe.patience:
        loss = _train_epoch(model, optimizer, batches, recipe, seed, progress.epoch, steps)
        progress.epoch += 1
        scores = score_dev()
        progress.history.append({"epoch": progress.epoch, "loss": loss, **scores})
        progress.state = trainable_state(model)
        if scores["score"] > progress.best_score:
            progress.best_score, progress.best_epoch = scores["score"], progress.epoch
            progress.best_state = progress.state
        progress.optimizer = optimizer.state_dict()
        if is_first():
            with atomic_path(checkpoint) as temporary:
                torch.save(vars(progress), temporary)
        log.info("epoch %d: loss %.4f, dev score %.4f", progress.epoch, loss, scores["score"])
    load_trainable(model, progress.best_state)
    return progress


def _train_epoch(
    model: SentenceTransformer,
    optimizer: torch.optim.Optimizer,
    objective: Batches,
    recipe: Recipe,
    seed: int,
    epoch: int,
    steps: Sequence[int],
) -> float:
    """Train for one epoch and return the mean loss of its batches; ``steps`` counts those of each epoch."""
    import torch
    from tqdm import tqdm

    torch.manual_seed(1_000_003 * seed + epoch + (index() << 32))  # each process has its own dropout
    model.train()
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    losses = []
    batches = objective.plan(seed, epoch)
    is_quiet = None if is_first() else True
    name = f"epoch {epoch + 1}/{recipe.epochs}"
    for n, rows in enumerate(tqdm(batches, desc=name, unit="batch", disable=is_quiet, leave=False)):
        first = n - n % recipe.accumulate  # of the batches of this step
        share = min(recipe.accumulate, len(batches) - first)
        if n == first:
            optimizer.zero_grad()
        losses.append(objective.backward(model, rows, share) * share)
        if n + 1 < first + share:
            continue
        rate = learning_rate(sum(steps[:epoch]) + n // recipe.accumulate, sum(steps), recipe)
        for group in optimizer.param_groups:
            group["lr"] = rate
        add_up_gradients(weights)
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
    model.eval()
    return float(np.mean(losses))


def _recompute_activations(model: SentenceTransformer) -> None:
    inner = getattr(model, "transformers_model", None)
    if inner is None:
        raise ModelError("recompute needs a transformers model; set the recipe's recompute: false")
    inner.activation_checkpointing_enable()


class Batches(Protocol):
    """An objective: which rows make a batch, and what a batch adds to the gradients."""

    def plan(self, seed: int, epoch: int) -> list[np.ndarray]: ...

    def backward(self, model: SentenceTransformer, rows: np.ndarray, share: int) -> float: ...


@dataclass(frozen=True)
class ContrastiveBatches:
    """What batches are made of: the training texts, and what the untouched encoder says of them.

    ``kept`` (n, dim) holds the source side's vectors for the keep term; ``mined`` the rows of negatives for
    the src and for the tgt of each row, as :func:`mine_negatives` gives them; ``lower`` runs the layers below
    the adapter. None where not asked for.
    """

    train: pl.DataFrame
    recipe: Recipe
    columns: dict[str, np.ndarray]
    kept: np.ndarray | None
    mined: tuple[np.ndarray, np.ndarray] | None
    lower: LowerLayers | None

    @classmethod
    def of(
        cls,
        model: SentenceTransformer,
        train: pl.DataFrame,
        recipe: Recipe,
        lower: LowerLayers | None = None,
    ) -> ContrastiveBatches:
        names = ("src", "tgt", "src_lang", "tgt_lang", "src_group", "tgt_group")
        columns = {name: train[name].to_numpy() for name in names}
        kept = mined = None
        if recipe.keep_weight or recipe.hard_negatives:
            kept = _pretrained(model, columns, "src")
        if recipe.hard_negatives:
            mined = _mine(columns, kept, _pretrained(model, columns, "tgt"), recipe)
        return cls(train, recipe, columns, kept, mined, lower)

    def plan(self, seed: int, epoch: int) -> list[np.ndarray]:
        """Return one epoch's batches; see :func:`epoch_batches`."""
        return epoch_batches(self.train, self.recipe, seed, epoch)

    def backward(self, model: SentenceTransformer, rows: np.ndarray, share: int) -> float:
        """Add the gradients of a batch's loss, divided by ``share``, and return that loss."""
        import torch

        batch = {name: values[rows] for name, values in self.columns.items()}
        groups = batch["src_group"], batch["tgt_group"]
        langs = batch["src_lang"][0], batch["tgt_lang"][0]
        sides = [(batch["src"].tolist(), langs[0]), (batch["tgt"].tolist(), langs[1])]
        masks = [same_meaning(*groups)]
        if self.mined is not None:
            for mined, name, lang in zip(self.mined, ("tgt", "src"), langs[::-1], strict=True):
                others = np.setdiff1d(mined[rows], rows)  # those in the batch are negatives already
                sides.append((self.columns[name][others].tolist(), lang))
                other_groups = self.columns["src_group"][others], self.columns["tgt_group"][others]
                masks.append(same_meaning(*groups, other_groups))
        filled = [side for side in sides if side[0]]

        def loss_of(*vectors: torch.Tensor) -> torch.Tensor:
            device = vectors[0].device
            given = iter(vectors)
            found = [next(given) if texts else vectors[0][:0] for texts, _ in sides]
            same, *more = (torch.from_numpy(mask).to(device) for mask in masks)
            extra = tuple(map(Negatives, found[2:], more)) if more else None
            loss = contrastive_loss(*found[:2], same, self.recipe.scale, extra)
            if self.recipe.keep_weight:
                kept = (found[0] * torch.from_numpy(self.kept[rows]).to(device)).sum(dim=1)
                loss = loss + self.recipe.keep_weight * (1 - kept).mean()
            return loss / share

        return backward(model, filled, loss_of, self.recipe.chunk, self.lower)


def _pretrained(model: SentenceTransformer, columns: dict[str, np.ndarray], side: str) -> np.ndarray:
    """Return the untouched encoder's vectors of one side's texts, (n, dim); processes share the work."""
    import torch

    vectors = np.zeros((len(columns[side]), model.get_embedding_dimension()), dtype=np.float32)
    languages = columns[f"{side}_lang"]
    with adapter_scale(model, 0.0):
        for language in sorted(set(languages)):
            rows = np.flatnonzero(languages == language)[index() :: count()]
            vectors[rows] = encode(model, columns[side][rows].tolist(), language)
    if count() == 1:
        return vectors
    return add_up(torch.from_numpy(vectors).to(model.device)).cpu().numpy()


def _mine(
    columns: dict[str, np.ndarray], src: np.ndarray, tgt: np.ndarray, recipe: Recipe
) -> tuple[np.ndarray, np.ndarray]:
    """Mine among the rows of each source language, as batches have one; (n, hard_negatives) rows of train."""
    mined = np.repeat(np.arange(len(src))[:, None], recipe.hard_negatives, axis=1)  # a row itself: none
    both = mined, mined.copy()
    for language in sorted(set(columns["src_lang"])):
        rows = np.flatnonzero(columns["src_lang"] == language)
        groups = columns["src_group"][rows], columns["tgt_group"][rows]
        found = mine_negatives(src[rows], tgt[rows], *groups, recipe.hard_negatives, _MARGIN_K)
        for side, numbers in zip(both, found, strict=True):
            side[rows, : numbers.shape[1]] = rows[numbers]
    return both


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
