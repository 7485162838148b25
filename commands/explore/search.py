"""Search the corpus for the sentences nearest in meaning to a text in the other language."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stages.lib.core.errors import DataError, ParamsError
from stages.lib.core.params import Pair, Params, unknown
from stages.lib.models.adapters import adapter_folders
from stages.lib.text.letters import SCRIPTS, script_share

if TYPE_CHECKING:
    import polars as pl

    from stages.lib.models.vectors import Embedder

log = logging.getLogger("search")


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


def other_language(lang: str, pair: Pair) -> str:
    """Return the other language of the pair. Raises DataError if ``lang`` is neither of the two."""
    if lang not in (pair.src, pair.tgt):
        raise DataError(f"language {lang!r}: expected {pair.src} or {pair.tgt}, the pair of params.yaml")
    return pair.tgt if lang == pair.src else pair.src


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
        raise ParamsError(f"--model: {unknown('model', model, params.models_config)}")
    adapter = None
    if (models / model).is_dir():
        adapter = next(iter(adapter_folders(models / model).values()))
    log.info("%s, %s", model, f"fine-tuned ({adapter})" if adapter else "pretrained")
    return Embedder.of(model, params, adapter)


def search_corpus(
    text: str, lang: str | None, model: str | None, k: int, corpus: pl.DataFrame, models: Path, params: Params
) -> list[Hit]:
    """Return the ``k`` texts of the corpus nearest to ``text``, in the other language of the pair.

    Without ``lang`` the language is detected by the letters; without ``model`` it is ``align.model``. Raises
    DataError or ParamsError on what cannot be searched for.
    """
    text = text.strip()
    if not text or k < 1:
        raise DataError(
            'search: expected a text and --k of at least 1; try make search TEXT="Сохранить изменения"'
        )
    if lang is None:
        lang = choose_language(text, params.pair, "name the language with --lang (make search FROM=...)")
    embed = load_embedder(model or params.align.model, params, models)
    side = embed_side(other_language(lang, params.pair), corpus, params.pair, embed)
    return find_nearest(embed.unit([text], lang)[0], side, k)


def hits_as_text(hits: Sequence[Hit]) -> str:
    """Return each hit in two lines: score and text, then its pair and source."""
    return "\n".join(f"{hit.score:.3f}  {hit.text}\n       {hit.pair}  [{hit.source}]" for hit in hits)
