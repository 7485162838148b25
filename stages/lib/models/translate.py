"""Translate texts with a sequence-to-sequence model, in batches of like length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from stages.lib.models.encode import plan_by_tokens
from stages.lib.models.nllb import language_code, token_ids

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# A translation has at most so many times the tokens of its source, and so many more. Sources whose lengths
# are in one step share the limit and their batches, so that no text's limit depends on what is beside it.
_LENGTH_FACTOR, _LENGTH_SLACK, _LENGTH_STEP = 2, 10, 8


def translate(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    src_lang: str,
    tgt_lang: str,
    *,
    num_beams: int,
    batch_tokens: int,
) -> list[str]:
    """Return the translation of each text by beam search, in the order of ``texts``.

    Equal texts are translated once. Batches are of like length and hold up to ``batch_tokens`` source tokens
    times beams, padding included. Raises ModelError on a language that the model does not know.
    """
    import torch
    from tqdm import tqdm

    start = language_code(tokenizer, tgt_lang)
    limit = model.config.max_position_embeddings - 2
    unique = list(dict.fromkeys(texts))
    ids = token_ids(tokenizer, unique, src_lang, limit)
    translations = [""] * len(unique)
    was_training = model.training
    model.eval()
    with (
        torch.inference_mode(),
        tqdm(total=len(unique), unit="text", desc="translate", disable=None, leave=False) as progress,
    ):
        for rows, longest in _plan([len(row) for row in ids], batch_tokens // num_beams):
            features = tokenizer.pad({"input_ids": [ids[row] for row in rows]}, return_tensors="pt")
            out = model.generate(
                **features.to(model.device),
                forced_bos_token_id=start,
                num_beams=num_beams,
                do_sample=False,
                max_length=None,
                max_new_tokens=min(limit, _LENGTH_FACTOR * longest + _LENGTH_SLACK),
            )
            for row, text in zip(rows, tokenizer.batch_decode(out, skip_special_tokens=True), strict=True):
                translations[row] = text.strip()
            progress.update(len(rows))
    model.train(was_training)
    place = {text: n for n, text in enumerate(unique)}
    return [translations[place[text]] for text in texts]


def _plan(lengths: Sequence[int], batch_tokens: int) -> Iterator[tuple[list[int], int]]:
    """Yield the rows of each batch, and the longest length of their step."""
    steps: dict[int, list[int]] = {}
    for row, length in enumerate(lengths):
        steps.setdefault(-(-length // _LENGTH_STEP) * _LENGTH_STEP, []).append(row)
    for longest, members in sorted(steps.items()):
        for batch in plan_by_tokens([lengths[row] for row in members], batch_tokens, is_padded=True):
            yield [members[place] for place in batch], longest
