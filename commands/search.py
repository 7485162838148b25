"""Find the sentences of the corpus that are nearest in meaning to a text, in the other language.

Vectors of the corpus are made once and kept (.cache/kopri); the second search of a model takes seconds.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stages.lib.core import cli
from stages.lib.core.errors import DataError, ParamsError
from stages.lib.core.params import Pair, Params, load_params
from stages.lib.core.tables import CORPUS_SCHEMA, read_table
from stages.lib.models.adapters import adapter_folders
from stages.lib.text.letters import SCRIPTS, script_share

if TYPE_CHECKING:
    import polars as pl

    from stages.lib.models.vectors import Embedder

log = logging.getLogger("search")  # run with -m, __name__ says nothing


@dataclass(frozen=True)
class Hit:
    """A sentence of the corpus: its cosine with the query, and the text that it is paired with there."""

    score: float
    text: str
    pair: str
    source: str


@dataclass(frozen=True)
class Side:
    """The corpus's texts of one language, each once, with its first pair; ``vectors`` (n, dim) has theirs."""

    texts: list[str]
    pairs: list[str]
    sources: list[str]
    vectors: np.ndarray


def choose_language(text: str, pair: Pair, remedy: str) -> str:
    """Tell which language of the pair a text is in by its letters.

    Raises DataError, with the remedy, where both languages have one script, or the text has letters of
    neither.
    """
    shares = {lang: script_share(text, SCRIPTS.get(lang, "Latn")) for lang in (pair.src, pair.tgt)}
    best = max(shares, key=lambda lang: shares[lang])
    if shares[pair.src] == shares[pair.tgt]:
        raise DataError(f"{text!r}: its letters do not tell {pair.src} from {pair.tgt}; {remedy}")
    return best


def embed_side(lang: str, corpus: pl.DataFrame, pair: Pair, embed: Embedder) -> Side:
    """Lay out the texts in ``lang`` of the pair's own rows, to search. Raises DataError if there are none."""
    import polars as pl

    own, other = ("src", "tgt") if lang == pair.src else ("tgt", "src")
    rows = corpus.filter((pl.col("src_lang") == pair.src) & (pl.col("tgt_lang") == pair.tgt))
    rows = rows.unique(own, keep="first", maintain_order=True)
    if rows.is_empty():
        raise DataError(
            f"the corpus has no {pair.src}-{pair.tgt} pair to search; add sources and run dvc repro"
        )
    texts, pairs, sources = (rows[name].to_list() for name in (own, other, "source"))
    return Side(texts, pairs, sources, embed.unit(texts, lang))


def find_nearest(query: np.ndarray, side: Side, k: int) -> list[Hit]:
    """Return the ``k`` texts that are nearest to a vector (dim,) by cosine, best first; a tie by order."""
    scores = side.vectors @ query  # (n,)
    best = np.argsort(-scores, kind="stable")[:k]
    return [Hit(float(scores[n]), side.texts[n], side.pairs[n], side.sources[n]) for n in best]


def load_embedder(model: str, params: Params, models: Path) -> Embedder:
    """Return the model behind its vector store, with its first adapter where it has been fine-tuned."""
    from stages.lib.models.vectors import Embedder

    if model not in params.models_config:
        raise ParamsError(f"--model {model}: unknown; known: {', '.join(sorted(params.models_config))}")
    adapter = None
    if (models / model).is_dir():
        adapter = next(iter(adapter_folders(models / model).values()))
    log.info("%s, %s", model, f"fine-tuned ({adapter})" if adapter else "as it came")
    return Embedder.of(model, params, adapter)


def lay_out(hits: Sequence[Hit]) -> str:
    """Write each hit in two lines: score and text, then its pair and source."""
    return "\n".join(f"{hit.score:.3f}  {hit.text}\n       {hit.pair}  [{hit.source}]" for hit in hits)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m commands.search", description=__doc__)
    parser.add_argument("text", help="what to look for, in either language of the pair")
    parser.add_argument("--lang", help="its language; told by its letters if not given")
    parser.add_argument("--model", help="a name in models_config; params.yaml's align.model if not given")
    parser.add_argument("--k", type=int, default=5, help="how many sentences (default: 5)")
    parser.add_argument("--corpus", type=Path, default=Path("data/corpus.parquet"), help="the cleaned corpus")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder of adapters")
    args = parser.parse_args()
    params = load_params()
    text = args.text.strip()
    if not text or args.k < 1:
        raise DataError(
            'search: expected a text and --k of at least 1; try make search TEXT="Сохранить изменения"'
        )
    lang = args.lang or choose_language(
        text, params.pair, "name the language with --lang (make search FROM=...)"
    )
    if lang not in (params.pair.src, params.pair.tgt):
        raise DataError(
            f"--lang {lang}: expected {params.pair.src} or {params.pair.tgt}, the pair of params.yaml"
        )
    corpus = read_table(args.corpus, CORPUS_SCHEMA)
    embed = load_embedder(args.model or params.align.model, params, args.models)
    there = params.pair.tgt if lang == params.pair.src else params.pair.src
    side = embed_side(there, corpus, params.pair, embed)
    hits = find_nearest(embed.unit([text], lang)[0], side, args.k)
    # The hits are this command's product, so they go to stdout.
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(lay_out(hits) + "\n")


if __name__ == "__main__":
    cli.run(main)
