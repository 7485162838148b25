from __future__ import annotations

import torch

from bench.encode import measure, measure_model, pad_forward, read_messages
from stages.lib.core.params import load_params
from stages.lib.models import load_encoder
from tests.phrases import PHRASES, corpus


def test_the_padded_forward_equals_the_flat_one_and_the_ratios_are_written():
    texts = read_messages(40, ("ru", "tk"))
    assert texts == read_messages(40, ("ru", "tk"))
    model = load_encoder("use", load_params().models_config["use"])
    with torch.inference_mode():
        flat = model[0](model.preprocess(texts))["sentence_embedding"]
        assert torch.allclose(pad_forward(model[0], model[0].token_ids(texts)), flat, atol=1e-5)
    found = measure(texts, model, rounds=1, threads=torch.get_num_threads())
    assert found["n"] == 40
    assert found["use_vs_wheel"] > 0
    assert found["padding_vs_flat"] > 0
    assert found["use_vs_wheel_max_difference"] < 1e-5


def test_a_model_is_measured_in_float_and_int8_against_sentence_transformers():
    found = measure_model("use", read_messages(40, ("ru", "tk")), corpus(PHRASES), rounds=1)
    assert found["fp32_ratio"] > 0
    assert found["int8_ratio"] > 0
    assert 0.9 < found["int8_min_cosine"] < 1
    assert 0 < found["p1_fp32"] < 100
    assert abs(found["int8_p1_loss"]) <= 10
    assert (found["n"], found["p1_n"]) == (40, len(PHRASES))
