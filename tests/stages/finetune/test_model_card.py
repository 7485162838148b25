from __future__ import annotations

from typing import get_args

import polars as pl
import yaml

from stages.finetune.model_card import model_card
from stages.lib.core.params import ModelConfig, Pair, load_params
from tests.phrases import PHRASES, corpus

SUMMARY = {
    "seed": 7,
    "train_pairs": 24,
    "dev_pairs": 8,
    "best_epoch": 3,
    "scale": 0.5,
    "dev": {"scale": 0.5, "score": 0.61234, "p1_src_tgt": 0.5},
    "dev_pretrained": {"epoch": 0, "score": 0.4, "p1_src_tgt": 0.25},
}


def card(name: str, pair: Pair | None = None) -> str:
    params = load_params()
    rows = pl.concat([corpus(PHRASES[:20]), corpus(PHRASES[20:], source="small")])
    config = params.models_config[name]
    recipe = params.recipe("default", name)
    return model_card(name, config, config.id, pair or params.pair, "default", recipe, rows, SUMMARY)


def test_a_card_tells_data_recipe_figures_and_licence() -> None:
    text = card("labse")
    head = yaml.safe_load(text.split("---")[1])
    assert head == {
        "base_model": "sentence-transformers/LaBSE",
        "library_name": "peft",
        "language": ["ru", "tk"],
        "tags": ["lora"],
    }
    for part in (
        "| phrases | ru–tk | 20 | Apache-2.0 |",
        "| small | ru–tk | 4 | Apache-2.0 |",
        "| `batch_size` | 512 |",
        "| `pivots` | en, tr |",
        "| `score` | 0.4000 | 0.6123 |",
        "best epoch 3, strength 0.5",
        "licence is Apache-2.0",
        'revision="e34fab64a3011d2176c99545a93d5cbddc9a91b7")',
    ):
        assert part in text
    assert text == card("labse")


def test_every_kind_of_model_has_code_that_parses() -> None:
    params = load_params()
    names = {config.kind: name for name, config in sorted(params.models_config.items())}
    assert set(names) == set(get_args(ModelConfig.model_fields["kind"].annotation))
    for name in names.values():
        code = card(name).split("```python\n")[1].split("```")[0]
        compile(code, name, "exec")


def test_the_code_of_a_card_greets_in_the_languages_of_its_pair() -> None:
    assert 'model.encode(["Добро пожаловать", "Hoş geldiňiz"])' in card("labse")
    assert 'model.encode(["Xush kelibsiz", "Добро пожаловать"])' in card("labse", Pair(src="uz", tgt="ru"))
    assert 'encode(model, ["Қош келдіңіз"], "kk")' in card("use", Pair(src="ru", tgt="kk"))
