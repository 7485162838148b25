from __future__ import annotations

import numpy as np
import pytest
import torch
from peft import PeftModel
from transformers import M2M100ForConditionalGeneration

from stages.lib.core.errors import ModelError
from stages.lib.core.params import ModelConfig, load_params
from stages.lib.models import add_lora, encode, load_encoder, save_adapter
from stages.lib.models.nllb import LANGUAGE_CODES, language_code
from tests.hub_checkpoints import make_nllb
from tests.phrases import PHRASES

TEXTS = [text for pair in PHRASES for text in pair]


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nllb")
    make_nllb(folder, TEXTS)
    return ModelConfig(kind="nllb", id=str(folder), lora_targets=["q_proj", "v_proj"])


@pytest.fixture(scope="module")
def model(config):
    return load_encoder("nllb", config)


def test_the_tokens_are_those_that_transformers_makes(model):
    model.tokenizer.src_lang = "rus_Cyrl"
    texts = [src for src, _ in PHRASES]
    assert model[0].token_ids(texts, "ru") == model.tokenizer(texts)["input_ids"]
    for lang in ("ru", "tk", "en", "tr"):
        token = language_code(model.tokenizer, lang)
        assert token != model.tokenizer.unk_token_id
        assert model.tokenizer.convert_ids_to_tokens(token) == LANGUAGE_CODES[lang]


@pytest.mark.parametrize("lang", [None, "xx", "kk"])  # kk: in the table of codes, but not in this model
def test_a_language_the_model_does_not_know_is_refused_with_those_it_does(model, lang):
    with pytest.raises(ModelError, match="ru, tk, en, tr"):
        encode(model, ["Bu gün howa gowy."], lang)


def test_a_vector_is_the_mean_of_the_encoders_states_whatever_the_padding(model):
    texts = [src for src, _ in PHRASES]
    found = encode(model, texts, "ru")
    for row, ids in enumerate(model[0].token_ids(texts, "ru")):
        with torch.inference_mode():
            states = model[0].translator.get_encoder()(torch.tensor([ids])).last_hidden_state[0]
        mean = states.mean(dim=0).numpy()
        np.testing.assert_allclose(found[row], mean / np.linalg.norm(mean), atol=1e-5)


def test_a_saved_adapter_comes_back_in_encoder_and_decoder_with_us_and_with_peft(config, model, tmp_path):
    """Its weights are random in the encoder and in the decoder."""
    tuned = load_encoder("nllb", config)
    torch.manual_seed(3)
    add_lora(tuned, load_params().recipe("study", "nllb"), config)
    with torch.no_grad():
        for name, value in tuned.named_parameters():
            if "lora_B" in name:
                value.normal_(std=0.5)
    save_adapter(tuned.eval(), tmp_path / "seed-1")
    again = load_encoder("nllb", config, adapter=tmp_path / "seed-1")
    texts = ["Вода в реке холодная."]
    np.testing.assert_allclose(encode(again, texts, "ru"), encode(tuned, texts, "ru"), atol=1e-6)
    assert not np.allclose(encode(again, texts, "ru"), encode(model, texts, "ru"), atol=1e-3)
    plain = M2M100ForConditionalGeneration.from_pretrained(config.id)
    plain = PeftModel.from_pretrained(plain, tmp_path / "seed-1").eval()
    ids = torch.tensor(again[0].token_ids(texts, "ru"))
    translators = [tuned[0].translator, again[0].translator, plain, model[0].translator]
    with torch.inference_mode():
        expected, *logits, before = [each(ids, decoder_input_ids=ids).logits for each in translators]
    for found in logits:
        torch.testing.assert_close(found, expected)
    assert not torch.allclose(before, expected, atol=1e-3)


def test_a_broken_checkpoint_is_one_line_that_names_the_model(config, tmp_path):
    make_nllb(tmp_path, TEXTS)
    (tmp_path / "pytorch_model.bin").write_bytes(b"no weights")
    with pytest.raises(ModelError, match=r"^model nllb: .*cannot be loaded"):
        load_encoder("nllb", config.model_copy(update={"id": str(tmp_path)}))
