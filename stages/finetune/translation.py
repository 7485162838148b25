"""Training of a translation model: token lists, batches of like length, the loss, the score on dev."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stages.finetune.processes import add_up, count, index
from stages.lib.core.params import TRANSLATION_SCORES
from stages.lib.models.translate import translate
from stages.lib.scores.translation import score

if TYPE_CHECKING:
    import polars as pl
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers import PreTrainedModel

    from stages.lib.core.params import Params, Recipe

# As NLLB was trained (NLLB Team 2022, section 8).
LABEL_SMOOTHING = 0.1

_IGNORED = -100  # the label that cross_entropy leaves out


@dataclass(frozen=True)
class Example:
    """One sentence and its translation as token ids, language code first and end of sentence last."""

    src: tuple[int, ...]
    tgt: tuple[int, ...]


def plan_batches(
    examples: Sequence[Example], rows: np.ndarray, batch_tokens: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """Divide rows into batches of like length, in random order.

    A batch has at most ``batch_tokens`` tokens, padding of both sides included, or is a single row.
    """
    lengths = np.array([(len(examples[row].tgt), len(examples[row].src)) for row in rows])  # (n, 2)
    shuffled = rng.permutation(len(rows))
    ordered = shuffled[np.lexsort((lengths[shuffled, 1], lengths[shuffled, 0]))]
    batches, start = [], 0
    longest = np.zeros(2, dtype=int)
    for end, row in enumerate(ordered):
        grown = np.maximum(longest, lengths[row])
        if end > start and grown.sum() * (end - start + 1) > batch_tokens:
            batches.append(rows[ordered[start:end]])
            start, grown = end, lengths[row]
        longest = grown
    batches.append(rows[ordered[start:]])
    return [batches[index] for index in rng.permutation(len(batches))]


def collate(examples: Sequence[Example], model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """Return the model's inputs for a batch, padded on the right: ids and mask (n, src), labels (n, tgt).

    ``decoder_input_ids`` are the labels behind the start symbol, as M2M100 shifts them.
    """
    import torch

    config = model.config

    def pad(rows: Sequence[Sequence[int]], value: int) -> torch.Tensor:
        width = max(map(len, rows))
        table = [[*row, *[value] * (width - len(row))] for row in rows]
        return torch.tensor(table, device=model.device)

    src = pad([example.src for example in examples], config.pad_token_id)
    start = config.decoder_start_token_id
    return {
        "input_ids": src,
        "attention_mask": (src != config.pad_token_id).long(),
        "decoder_input_ids": pad([[start, *example.tgt[:-1]] for example in examples], config.pad_token_id),
        "labels": pad([example.tgt for example in examples], _IGNORED),
    }


def sequence_loss(
    model: PreTrainedModel, examples: Sequence[Example], label_smoothing: float
) -> torch.Tensor:
    """Return the mean cross-entropy of a token of the targets, in nats, language codes included."""
    import torch

    inputs = collate(examples, model)
    labels = inputs.pop("labels")
    is_real = labels != _IGNORED  # (n, tgt)
    states = model.model(**inputs, use_cache=False).last_hidden_state  # (n, tgt, dim)
    # Padding never reaches the output layer, which is most of the work of a small model.
    logits = model.lm_head(states[is_real])  # (tokens, vocabulary)
    # In float32, since half precision loses the tail of a large vocabulary.
    logits = logits.float()
    return torch.nn.functional.cross_entropy(logits, labels[is_real], label_smoothing=label_smoothing)


@dataclass(frozen=True)
class TranslationBatches:
    """The training pairs as examples in both directions, and what a batch adds to the gradients."""

    recipe: Recipe
    examples: list[Example]

    @classmethod
    def of(cls, model: SentenceTransformer, train: pl.DataFrame, recipe: Recipe) -> TranslationBatches:
        """Tokenise the pairs; raise ModelError on a language that the model does not know."""
        sides = []
        for side in ("src", "tgt"):
            ids: list[list[int]] = [[]] * len(train)
            languages = train[f"{side}_lang"].to_numpy()
            texts = train[side].to_numpy()
            for language in sorted(set(languages)):
                rows = np.flatnonzero(languages == language)
                for row, found in zip(rows, model[0].token_ids(texts[rows].tolist(), language), strict=True):
                    ids[row] = found
            sides.append([tuple(row) for row in ids])
        there = [Example(src, tgt) for src, tgt in zip(*sides, strict=True)]
        return cls(recipe, there + [Example(one.tgt, one.src) for one in there])

    def plan(self, seed: int, epoch: int) -> list[np.ndarray]:
        """Return one epoch's batches as arrays of example numbers: of like length, in random order."""
        rng = np.random.default_rng([seed, epoch])
        lengths = np.array([len(example.src) + len(example.tgt) for example in self.examples])
        shuffled = rng.permutation(len(self.examples))
        ordered = shuffled[np.argsort(lengths[shuffled], kind="stable")]
        size = self.recipe.batch_size
        batches = [ordered[cut : cut + size] for cut in range(0, len(ordered), size)]
        return [batches[index] for index in rng.permutation(len(batches))]

    def backward(self, model: SentenceTransformer, rows: np.ndarray, share: int) -> float:
        """Add the gradients of a batch's loss, divided by ``share``, and return that loss.

        Of several processes each takes its share of the rows, which weighs as much as it has tokens.
        """
        import torch

        examples = [self.examples[row] for row in rows]
        own = examples[index() :: count()]
        loss = torch.zeros((), device=model.device)
        if own:
            own_tokens, tokens = (sum(len(one.tgt) for one in some) for some in (own, examples))
            loss = sequence_loss(model[0].translator, own, LABEL_SMOOTHING) * (own_tokens / tokens) / share
            loss.backward()
        return add_up(loss.detach()).item()


def translation_scorer(
    model: SentenceTransformer, dev: pl.DataFrame, params: Params, select: str
) -> Callable[[], dict[str, float]]:
    """Return a function that measures the model, as it then is, by the translation of dev.

    By greedy search, which takes a fraction of the time. ``score`` is the mean over both directions of the
    figure ``select``, ``bleu`` or ``chrfpp``.
    """
    texts = {"src": dev["src"].to_list(), "tgt": dev["tgt"].to_list()}
    langs = {"src": params.pair.src, "tgt": params.pair.tgt}

    def measure() -> dict[str, float]:
        scores = {}
        for src, tgt in (("src", "tgt"), ("tgt", "src")):
            found = translate(
                *(model[0].translator, model.tokenizer, texts[src], langs[src], langs[tgt]),
                num_beams=1,
                batch_tokens=params.evaluate.batch_tokens,
            )
            for figure in TRANSLATION_SCORES:
                scores[f"{figure}_{src}_{tgt}"] = score(figure, found, texts[tgt])
        return {"score": (scores[f"{select}_src_tgt"] + scores[f"{select}_tgt_src"]) / 2, **scores}

    return measure
