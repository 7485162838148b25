"""Measure what each level of respelling is worth to an encoder that knows Turkish and not Turkmen.

NTREX-128, Russian and Turkmen, pretrained encoder, cosine, P@1 in both directions. The documents are halved
by hash: rules and lexicon were chosen with the text and the scores of half A; no text of half B was looked
at, so half B is the honest figure. A half's pool is its own sentences. `turkish` is the human Turkish
translation of the same sentences: what a perfect respelling could reach.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.lib.core.cli import run
from stages.lib.core.files import write_json
from stages.lib.models.respell import LEVELS, respell

if TYPE_CHECKING:
    import numpy as np

    from stages.lib.core.params import EvaluateParams

log = logging.getLogger(__name__)

MODEL, BENCHMARK, TABLE = "use", "ntrex", "tk-tr"


def half(doc: str) -> str:
    """Return the half, ``a`` or ``b``, that a document belongs to."""
    return "b" if hashlib.sha256(doc.encode()).digest()[0] % 2 else "a"


def score(
    src: np.ndarray, tgt: np.ndarray, docs: Sequence[str], settings: EvaluateParams, seed: int
) -> dict[str, Any]:
    """Return P@1 both ways and their mean, each with its interval; row i of both sides belongs together."""
    from stages.lib.scores.retrieval import hits, ranks
    from stages.lib.scores.significance import bootstrap_interval

    gold = [[i] for i in range(len(src))]
    forth, back = hits(ranks(src, tgt, gold), 1), hits(ranks(tgt, src, gold), 1)
    figures: dict[str, Any] = {"n": len(src), "documents": len(set(docs))}
    for name, values in (("ru_tk", forth), ("tk_ru", back), ("mean", (forth + back) / 2)):
        interval = bootstrap_interval(
            values, docs, resamples=settings.bootstrap, confidence=settings.confidence, seed=seed
        )
        figures[f"p1_{name}"] = round(interval.value, 4)
        figures[f"p1_{name}_interval"] = [round(interval.low, 4), round(interval.high, 4)]
    return figures


def main() -> None:
    import numpy as np

    from stages.evaluate.benchmarks import load_benchmark
    from stages.lib.core.params import Pair, load_params
    from stages.lib.models import encode, load_encoder
    from stages.lib.models.respell_tables import rows as table_rows

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    options = parser.parse_args()
    params = load_params()
    benchmark = load_benchmark(BENCHMARK, params, Pair(src="ru", tgt="tk"))
    turkish = load_benchmark(BENCHMARK, params, Pair(src="ru", tgt="tr"))
    docs = benchmark.docs or ()
    model = load_encoder(MODEL, params.models_config[MODEL])
    src = encode(model, list(benchmark.src), None)
    halves = np.array([half(doc) for doc in docs])
    texts = {"raw": benchmark.tgt}
    texts |= {level: [respell(text, TABLE, level) for text in benchmark.tgt] for level in LEVELS}
    texts["turkish"] = turkish.tgt
    figures: dict[str, Any] = {}
    for name, sentences in texts.items():
        log.info("encode %s", name)
        tgt = encode(model, list(sentences), None)
        for part in ("a", "b", "all"):
            rows = np.flatnonzero((halves == part) | (part == "all"))
            figures.setdefault(name, {})[part] = score(
                src[rows], tgt[rows], [docs[i] for i in rows], params.evaluate, params.seed
            )
    write_json(
        options.out,
        {
            "p1": figures,
            "benchmark": BENCHMARK,
            "benchmark_sha256": benchmark.sha256,
            "model": params.models_config[MODEL].id,
            "table": TABLE,
            "lexicon_entries": len(table_rows("tk_tr_lexicon")),
            "confidence": params.evaluate.confidence,
            "bootstrap": params.evaluate.bootstrap,
            "seed": params.seed,
            "versions": {name: importlib.metadata.version(name) for name in ("numpy", "torch")},
        },
    )


if __name__ == "__main__":
    run(main)
