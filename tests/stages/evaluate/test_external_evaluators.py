"""Our figures and those of the evaluators that others use, on the same vectors."""

from __future__ import annotations

import numpy as np
import pytest

from stages.lib.core.params import load_params
from stages.lib.models import load_encoder
from stages.lib.scores.retrieval import hits, ranks, reciprocals
from tests.phrases import PHRASES

TOLERANCE = 1e-6
SRC, TGT = (list(side) for side in zip(*PHRASES, strict=True))
GOLD = [[row] for row in range(len(PHRASES))]


@pytest.fixture(scope="module")
def use():
    return load_encoder("use", load_params().models_config["use"])


@pytest.fixture(scope="module")
def vectors(use) -> tuple[np.ndarray, np.ndarray]:
    """The vectors that the evaluators get from the model themselves; it gives them unit length."""
    return use.encode(SRC), use.encode(TGT)


def test_mrr_is_that_of_sentence_transformers(use, vectors) -> None:
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

    found = ranks(*vectors, GOLD)
    evaluator = InformationRetrievalEvaluator(
        queries={f"q{row}": text for row, text in enumerate(SRC)},
        corpus={f"c{row}": text for row, text in enumerate(TGT)},
        relevant_docs={f"q{row}": {f"c{row}"} for row in range(len(SRC))},
        mrr_at_k=[len(TGT)],
        accuracy_at_k=[1, 5],
        write_csv=False,
    )
    theirs = evaluator(use)
    assert reciprocals(found).mean() == pytest.approx(theirs[f"cosine_mrr@{len(TGT)}"], abs=TOLERANCE)
    assert hits(found, 1).mean() == pytest.approx(theirs["cosine_accuracy@1"], abs=TOLERANCE)
    assert hits(found, 5).mean() == pytest.approx(theirs["cosine_accuracy@5"], abs=TOLERANCE)


def test_accuracy_is_that_of_mteb_bitext_mining(use, vectors) -> None:
    from mteb._evaluators import BitextMiningEvaluator
    from mteb.abstasks import AbsTaskBitextMining

    gold = [(row, row) for row in range(len(SRC))]
    for queries, texts in (vectors, vectors[::-1]):
        # Neither method uses anything of its object: only the search and the metric are wanted.
        nearest = BitextMiningEvaluator._similarity_search(None, queries, texts, use)
        theirs = AbsTaskBitextMining._compute_metrics(None, nearest, gold)
        ours = hits(ranks(queries, texts, GOLD), 1).mean()
        assert ours == pytest.approx(theirs["accuracy"], abs=TOLERANCE)
        assert ours == pytest.approx(theirs["recall"], abs=TOLERANCE)
