"""What is measured of one model, and what pins the measurement."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.evaluate.graded_sets import StsSet, similarity_table
from stages.evaluate.retrieval_sets import RetrievalSet, rank_set
from stages.lib.core.errors import ModelError
from stages.lib.core.files import sha256_file
from stages.lib.models.adapters import adapter_folders, adapter_sha256
from stages.lib.scores.comparison import RANKS_SCHEMA
from stages.lib.scores.sts import STS_SCHEMA

if TYPE_CHECKING:
    import polars as pl
    from sentence_transformers import SentenceTransformer

    from stages.lib.core.params import ModelConfig, Params

log = logging.getLogger(__name__)

NORMALISATION = (
    "vectors of unit length; texts that differ in capitals and punctuation only count as one translation; "
    "ties within 1e-6 count against the model"
)


@dataclass(frozen=True)
class Evidence:
    """What was measured of one variant of a model, from which every figure is made.

    ``ranks`` has RANKS_SCHEMA, ``similarities`` STS_SCHEMA; ``adapters`` is the sha256 of each by its seed.
    """

    ranks: pl.DataFrame
    similarities: pl.DataFrame
    adapters: dict[str, str]


def measure_model(
    model: SentenceTransformer, sets: Sequence[RetrievalSet], sts: Sequence[StsSet], params: Params, seed: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rank all retrieval sets with a model as it is, and take the similarities of all graded pairs.

    The retrieval sets' texts of a language are encoded together, so that sets with one pool pay for it once.
    Graded pairs in a language that the model does not know are left out, with a line that says so.
    """
    import polars as pl

    from stages.lib.core.tables import table_from_rows
    from stages.lib.models import encode

    def vectors(texts: Sequence[str], lang: str) -> np.ndarray:
        return encode(model, texts, lang, batch_tokens=params.evaluate.batch_tokens)

    def together(groups: Sequence[Sequence[str]], lang: str) -> list[np.ndarray]:
        if not groups:
            return []
        ends = np.cumsum([len(texts) for texts in groups])[:-1]
        return np.split(vectors([text for texts in groups for text in texts], lang), ends)

    pair = params.pair
    src = together([retrieval.src.texts for retrieval in sets], pair.src)
    tgt = together([retrieval.tgt.texts for retrieval in sets], pair.tgt)
    ranked = [
        rank_set(retrieval, src_vectors, tgt_vectors, pair, margin_k=params.evaluate.margin_k, seed=seed)
        for retrieval, src_vectors, tgt_vectors in zip(sets, src, tgt, strict=True)
    ]
    graded = []
    for sts_set in sts:
        try:
            left = vectors(sts_set.left, sts_set.left_lang)
            right = vectors(sts_set.right, sts_set.right_lang)
        except ModelError as error:  # NLLB must be given the language, and knows only those it was trained on
            log.warning("STS set %s is left out: %s", sts_set.name, error)
        else:
            graded.append(similarity_table(sts_set, left, right, seed))
    return (
        pl.concat([table_from_rows([], RANKS_SCHEMA), *ranked]),
        pl.concat([table_from_rows([], STS_SCHEMA), *graded]),
    )


def collect_evidence(
    name: str, sets: Sequence[RetrievalSet], sts: Sequence[StsSet], params: Params, adapters: Path | None
) -> Evidence:
    """Measure a model as it is, or with each of its adapters in turn (``adapters`` holds seed-<n>/)."""
    import polars as pl

    from stages.lib.models import load_encoder

    folders = adapter_folders(adapters) if adapters else {0: None}
    config = params.models_config[name]
    measured = [
        measure_model(load_encoder(name, config, adapter=folder), sets, sts, params, seed)
        for seed, folder in folders.items()
    ]
    return Evidence(
        ranks=pl.concat([ranks for ranks, _ in measured]),
        similarities=pl.concat([similarities for _, similarities in measured]),
        adapters={str(seed): adapter_sha256(folder) for seed, folder in folders.items() if folder},
    )


def sign_settings(params: Params, training_seeds: Sequence[int]) -> dict[str, Any]:
    """Return what figures depend on beside the model and the data: settings, seeds, library versions."""
    from importlib.metadata import version

    names = ("numpy", "peft", "sentence-transformers", "torch", "transformers")
    return {
        "normalisation": NORMALISATION,
        "settings": params.evaluate.model_dump(),
        "seeds": {"resampling": params.seed, "training": list(training_seeds)},
        "versions": {name: version(name) for name in names},
    }


def model_signature(name: str, config: ModelConfig) -> dict[str, Any]:
    """Return what pins a model: its id, revision and kind; of a folder, the sha256 of its weights."""
    folder = Path(config.id)
    weights = sorted(folder.rglob("*.safetensors")) if folder.is_dir() else []
    pinned = {"weights_sha256": [sha256_file(file) for file in weights]} if weights else {}
    return {
        **pinned,
        "name": name,
        "id": config.id,
        "revision": config.revision,
        "kind": config.kind,
        "respell": config.respell,
    }


def run_signature(name: str, adapters: Mapping[str, str], params: Params) -> dict[str, Any]:
    """Return what every evaluation of a model is signed with; ``adapters`` are sha256 by training seed."""
    return {
        "model": model_signature(name, params.models_config[name]),
        "adapter_sha256": dict(adapters),
        **sign_settings(params, sorted(int(seed) for seed in adapters)),
    }
