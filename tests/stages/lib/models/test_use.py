from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from stages.lib.models import encode, save_encoder

TEXTS = ["Добро пожаловать", "Hoş geldiňiz", "Kitaphana nirede?", "Где библиотека?", "Welcome"]


def test_tokens_and_vectors_equal_the_wheels_on_1000_real_messages(use, wheel, messages):
    assert use[0].token_ids(messages) == wheel._tokenizer.encode(messages)
    assert np.abs(encode(use, messages, None) - wheel.encode(messages)).max() < 1e-5


def test_the_pass_with_gradients_equals_the_one_without(use, messages):
    features = use.preprocess(messages[:100])
    with torch.inference_mode():
        fast = use(dict(features))["sentence_embedding"]
    plain = use(dict(features))["sentence_embedding"]
    assert torch.allclose(plain, fast, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "n_tokens"),
    [
        ("", 3),  # one unknown token between the two marks
        (" \t\n", 3),
        ("\u200b", 3),
        ("𐎠𐎡𐎢", 6),  # a space and three unknown characters, one token each
        ("a\x00b", 5),
        ("extra_token_id_1", 4),
    ],
)
def test_odd_texts_get_the_wheels_answer(use, wheel, text, n_tokens):
    assert use[0].token_ids([text]) == [wheel._tokenizer.encode(text)]
    assert len(use[0].token_ids([text])[0]) == n_tokens
    assert np.abs(encode(use, [text], None) - wheel.encode([text])).max() < 1e-5


@pytest.mark.parametrize("n_texts", [1, 2, 3, 7, 11, 12, 40])
def test_a_vector_is_the_same_to_the_last_bit_in_any_batch(use_tr, messages, n_texts):
    # The vector store relies on it: what was embedded before must equal what a fresh run would give.
    texts = [message for message in messages if len(message) < 40][:300]
    together = encode(use_tr, texts, "tk")
    for start in range(0, 80, n_texts):
        part = slice(start, start + n_texts)
        assert np.array_equal(encode(use_tr, texts[part], "tk"), together[part])
        assert np.array_equal(encode(use_tr, texts[part], "tk", batch_tokens=64), together[part])


def test_only_texts_said_to_be_turkmen_are_respelt(use, use_tr):
    assert np.array_equal(encode(use_tr, TEXTS, None), encode(use, TEXTS, None))
    assert np.array_equal(encode(use_tr, TEXTS, "tr"), encode(use, TEXTS, "tr"))
    assert np.array_equal(encode(use_tr, ["Boʻsh sahifa"], "uz"), encode(use, ["Böş sahifa"], "tr"))
    changed = np.abs(encode(use_tr, TEXTS, "tk") - encode(use, TEXTS, "tk")).max(axis=1)
    assert changed[1] > 0.01
    assert changed[0] == 0  # Cyrillic stays as it is


def test_plain_sentence_transformers_takes_the_language_as_argument_or_prompt(use_tr):
    expected = encode(use_tr, TEXTS, "tk")  # any other prompt is put before the text
    prompted = use_tr.encode(["kitap"], prompt="okuw: ")
    assert np.abs(prompted - use_tr.encode(["okuw: kitap"])).max() < 1e-6
    assert np.abs(use_tr.encode(TEXTS, lang="tk") - expected).max() < 1e-6
    assert np.abs(use_tr.encode(TEXTS, prompt_name="tk") - expected).max() < 1e-6


def test_a_saved_model_is_read_outside_the_repository(use_tr, tmp_path):
    save_encoder(use_tr, tmp_path / "model", "use_tr")
    np.save(tmp_path / "expected.npy", encode(use_tr, TEXTS, "tk"))
    reader = f"""
import numpy as np, sys
from sentence_transformers import SentenceTransformer
model = SentenceTransformer("model", trust_remote_code=True, device="cpu", local_files_only=True)
found = model.encode({TEXTS!r}, prompt_name="tk")
assert "stages" not in sys.modules
assert np.abs(found - np.load("expected.npy")).max() < 1e-6
"""
    environment = {"HF_HOME": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", reader], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert 'lang="tk"' in (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
