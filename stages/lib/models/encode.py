"""Texts to vectors, in batches of tokens rather than of texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

# Most tokens in a padded batch on a CPU: the states of more leave its caches (MiniLM on one core: 512 tokens
# at once were three times as fast as 8192).
CPU_TOKENS = 512
# Texts of one padded batch where bits count: always so many, for matrix products of another height may be
# summed in another order.
_EXACT_ROWS = 8

if TYPE_CHECKING:
    import numpy as np
    from sentence_transformers import SentenceTransformer
    from torch import Tensor


def encode(
    model: SentenceTransformer,
    texts: Sequence[str],
    lang: str | None,
    batch_tokens: int = 8192,
    is_exact: bool = False,
) -> np.ndarray:
    """Return float32 vectors of unit length, ``(n, dim)``, in the order of ``texts``.

    ``lang`` is the language of all the texts; only models with a respelling use it, None means unknown.
    Equal texts are encoded once. Batches hold up to ``batch_tokens`` tokens (padding included, and then at
    most CPU_TOKENS on a CPU), longest texts first; a text's vector does not depend on its batch beyond float
    rounding (1e-6). ``is_exact``: the bits do not depend on the batch either; batches of a padded model are
    then of one length and a fixed number of texts, the last one filled up by repetition.
    """
    import numpy as np
    import torch
    from sentence_transformers.util import batch_to_device
    from tqdm import tqdm

    unique = list(dict.fromkeys(texts))
    place = {text: n for n, text in enumerate(unique)}
    vectors = np.zeros((len(unique), model.get_embedding_dimension()), dtype=np.float32)
    was_training = model.training
    model.eval()
    with (
        torch.inference_mode(),
        tqdm(total=len(unique), unit="text", desc="encode", disable=None, leave=False) as progress,
    ):
        for rows, features in _batches(model, unique, lang, batch_tokens, is_exact):
            features = batch_to_device(features, model.device)
            unit = torch.nn.functional.normalize(model(features)["sentence_embedding"].float())
            vectors[rows] = unit.cpu().numpy()
            progress.update(len(set(rows)))
    model.train(was_training)
    return vectors[[place[text] for text in texts]]


def with_prompt(model: SentenceTransformer, texts: Sequence[str]) -> list[str]:
    """Return the texts behind the model's default prompt, if it has one."""
    prompt = model.prompts.get(model.default_prompt_name) or ""
    return [prompt + text for text in texts]


def tokenise(model: SentenceTransformer, texts: Sequence[str], lang: str | None) -> dict[str, Tensor]:
    """Return the features of texts of one language, as one batch, prepared as :func:`encode` does."""
    first = model[0]
    if hasattr(first, "token_ids"):
        return first.features(first.token_ids(texts, lang))
    return model.preprocess(with_prompt(model, texts))


def _batches(
    model: SentenceTransformer, texts: list[str], lang: str | None, batch_tokens: int, is_exact: bool
) -> Iterator[tuple[list[int], dict[str, Tensor]]]:
    """Yield the rows of a batch, and its features; a row may come twice in one."""
    first = model[0]
    ids = None
    if hasattr(first, "token_ids"):
        ids = first.token_ids(texts, lang)
        lengths = [len(text) for text in ids]
    else:
        limit = model.max_seq_length or 10**9
        texts = with_prompt(model, texts)
        encoded = model.tokenizer(texts, add_special_tokens=True, verbose=False)["input_ids"] if texts else []
        lengths = [min(len(text), limit) for text in encoded]
    is_padded = hasattr(model.tokenizer, "pad")  # USE's batches lie flat
    if is_padded and model.device.type == "cpu":
        batch_tokens = min(batch_tokens, CPU_TOKENS)
    if is_padded and is_exact:
        plan = _plan_exactly(lengths)
    else:
        plan = plan_by_tokens(lengths, batch_tokens, is_padded)
    for rows in plan:
        if ids is None:
            yield rows, model.preprocess([texts[n] for n in rows])
        else:
            yield rows, first.features([ids[n] for n in rows])


def plan_by_tokens(lengths: Sequence[int], batch_tokens: int, is_padded: bool) -> Iterator[list[int]]:
    """Yield the rows of each batch, longest first; a text over the limit is a batch of its own."""
    rows: list[int] = []
    cost = 0
    for row in sorted(range(len(lengths)), key=lambda n: (-lengths[n], n)):
        added = lengths[rows[0]] if rows and is_padded else lengths[row]
        if rows and cost + added > batch_tokens:
            yield rows
            rows, cost, added = [], 0, lengths[row]
        rows.append(row)
        cost += added
    if rows:
        yield rows


def _plan_exactly(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield batches of ``_EXACT_ROWS`` rows of one length, longest first; the last one repeats a row."""
    of_length: dict[int, list[int]] = {}
    for row, length in enumerate(lengths):
        of_length.setdefault(length, []).append(row)
    for _, rows in sorted(of_length.items(), reverse=True):
        for start in range(0, len(rows), _EXACT_ROWS):
            part = rows[start : start + _EXACT_ROWS]
            yield part + part[-1:] * (_EXACT_ROWS - len(part))
