from __future__ import annotations

import torch

from bench.encode import measure, measure_model, read_messages
from stages.lib.core.params import load_params
from stages.lib.models import load_encoder


def test_throughput_is_measured_on_equal_vectors():
    texts = read_messages(40, ("ru", "tk"))
    assert texts == read_messages(40, ("ru", "tk"))
    model = load_encoder("use", load_params().models_config["use"])
    figures = measure(texts, model, rounds=1, threads=torch.get_num_threads())
    assert figures["n"] == 40
    assert figures["use_vs_wheel"] > 0
    assert figures["use_vs_wheel_max_difference"] < 1e-5
    assert measure_model(model, texts, rounds=1)["fp32_ratio"] > 0
