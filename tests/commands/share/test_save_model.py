"""A saved model reads and translates as the model with its adapter does, by public libraries alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from commands.share.save_model import save_merged
from stages.lib.core.errors import ModelError, ParamsError
from stages.lib.core.params import load_params
from stages.lib.models import add_lora, encode, load_encoder, save_adapter

ROOT = Path(__file__).resolve().parents[3]
PARAMS = load_params(ROOT / "params.yaml")
TEXTS = ["Добро пожаловать", "Дети читают книгу в школе."]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder of adapters that move every layer a little, as training does."""
    import torch

    for name in ("use", "nllb_mini"):
        model = load_encoder(name, PARAMS.models_config[name])
        add_lora(model, PARAMS.recipe("study", name), PARAMS.models_config[name])
        torch.manual_seed(3)
        for weight in model.parameters():
            if weight.requires_grad:
                torch.nn.init.normal_(weight, std=0.05)
        save_adapter(model, tmp_path / "models" / name / "seed-1")
        (tmp_path / "models" / name / "seed-1/README.md").write_text("the card", encoding="utf-8")
    return tmp_path / "models"


def test_an_encoder_is_saved_with_its_adapter_in_the_weights(models: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    save_merged("use", models, tmp_path / "out", PARAMS)
    config = PARAMS.models_config["use"]
    expected = encode(load_encoder("use", config, models / "use/seed-1"), TEXTS, None)
    assert np.abs(expected - encode(load_encoder("use", config), TEXTS, None)).max() > 0.01
    found = SentenceTransformer(str(tmp_path / "out"), trust_remote_code=True, device="cpu").encode(TEXTS)
    assert np.abs(found - expected).max() < 1e-5
    assert (tmp_path / "out/ADAPTER.md").read_text(encoding="utf-8") == "the card"
    assert "use, fine-tuned on ru–tk" in (tmp_path / "out/README.md").read_text(encoding="utf-8")


def test_a_translator_is_saved_for_transformers(models: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    from stages.lib.models.translate import translate

    save_merged("nllb_mini", models, tmp_path / "out", PARAMS)
    ours = load_encoder("nllb_mini", PARAMS.models_config["nllb_mini"], models / "nllb_mini/seed-1")
    expected = translate(
        ours[0].translator, ours.tokenizer, TEXTS, "ru", "tk", num_beams=1, batch_tokens=1000
    )
    model = AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "out")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out", src_lang="rus_Cyrl")
    start = tokenizer.convert_tokens_to_ids("tuk_Latn")
    found = [
        tokenizer.decode(
            model.generate(
                **tokenizer(text, return_tensors="pt"),
                forced_bos_token_id=start,
                num_beams=1,
                do_sample=False,
                max_new_tokens=30,
            )[0],
            skip_special_tokens=True,
        ).strip()
        for text in TEXTS
    ]
    # The limits of length differ: one may have been cut off before the other.
    assert all(one.startswith(two) or two.startswith(one) for one, two in zip(found, expected, strict=True))
    assert all(expected)
    again = load_encoder(
        "copy", PARAMS.models_config["nllb_mini"].model_copy(update={"id": str(tmp_path / "out")})
    )
    assert np.abs(encode(again, TEXTS, "ru") - encode(ours, TEXTS, "ru")).max() < 1e-5


def test_what_cannot_be_saved_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="unknown model 'usw'; did you mean 'use'"):
        save_merged("usw", tmp_path, tmp_path / "out", PARAMS)
    with pytest.raises(ModelError, match="no seed-<n> folder with an adapter"):
        save_merged("use", tmp_path, tmp_path / "out", PARAMS)
    assert not (tmp_path / "out").exists()
