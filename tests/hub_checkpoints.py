"""Checkpoints with the architectures and the files of the study's models, made on the spot, weights random.

Tiny by default; ``full_size`` gives the real shapes (the tokenisers stay small, the embeddings do not).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from stages.lib.core.params import ModelConfig

LANGUAGE_CODES = ["eng_Latn", "rus_Cyrl", "tuk_Latn", "tur_Latn"]
_SEED = 11
# Standard deviation of tiny models' weights: with the usual one all texts would have nearly one vector.
_SPREAD = 0.3


def put_in_cache(cache: Path, name: str, config: ModelConfig, texts: Iterable[str]) -> Path:
    """Make the model where a download of it would be in the hub's cache; return that folder."""
    repository = cache / f"models--{config.id.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs/main").write_text(config.revision, encoding="utf-8")
    folder = repository / "snapshots" / config.revision
    {"labse": make_labse, "minilm": make_minilm, "nllb": make_nllb}[name](folder, texts)
    return folder


def make_labse(folder: Path, texts: Iterable[str], full_size: bool = False) -> None:
    """BERT, the CLS token's state, a dense layer with tanh, unit length."""
    from sentence_transformers.base.modules import Dense

    tokenizer = _wordpiece(texts)
    dim = _bert(folder, 501_153 if full_size else tokenizer.get_vocab_size(), full_size)
    special = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]"}
    _tokenizer(folder, tokenizer, {**special, "mask_token": "[MASK]", "tokenizer_class": "BertTokenizer"})
    torch.manual_seed(_SEED)
    dense = Dense(dim, dim, activation_function=torch.nn.Tanh())
    shape = {"in_features": dim, "out_features": dim, "bias": True}
    _json(
        folder / "2_Dense/config.json",
        {**shape, "activation_function": "torch.nn.modules.activation.Tanh"},
    )
    torch.save(dense.state_dict(), folder / "2_Dense/pytorch_model.bin")
    _sentence_files(folder, dim, "cls", 256, ["Dense", "Normalize"])


def make_minilm(folder: Path, texts: Iterable[str], full_size: bool = False) -> None:
    """BERT with a unigram tokeniser, the mean of the tokens' states."""
    tokenizer = _unigram(texts)
    dim = _bert(folder, 250_037 if full_size else tokenizer.get_vocab_size(), full_size, 384)
    special = {"bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "cls_token": "<s>"}
    special |= {"unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>"}
    _tokenizer(folder, tokenizer, {**special, "tokenizer_class": "PreTrainedTokenizerFast"})
    _sentence_files(folder, dim, "mean", 128, [])


def make_nllb(folder: Path, texts: Iterable[str], full_size: bool = False) -> None:
    """M2M100 with its NllbTokenizer; weights as pytorch_model.bin, which is all that the hub has."""
    from transformers import M2M100Config, M2M100ForConditionalGeneration, NllbTokenizer

    base = NllbTokenizer(additional_special_tokens=LANGUAGE_CODES, src_lang="rus_Cyrl", tgt_lang="tuk_Latn")
    tokenizer = base.train_new_from_iterator(list(texts), vocab_size=400)
    dim, ffn, layers, heads = (1024, 4096, 12, 16) if full_size else (32, 64, 2, 4)
    names = {"layers": layers, "ffn_dim": ffn, "attention_heads": heads, "layerdrop": 0}
    torch.manual_seed(_SEED)
    config = M2M100Config(
        vocab_size=256_206 if full_size else len(tokenizer),
        d_model=dim,
        **{f"{half}_{name}": value for half in ("encoder", "decoder") for name, value in names.items()},
        max_position_embeddings=1024,
        scale_embedding=True,
        init_std=0.02 if full_size else _SPREAD,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.eos_token_id,
    )
    model = M2M100ForConditionalGeneration(config)
    config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")


def _bert(folder: Path, vocabulary: int, full_size: bool, dim: int = 768) -> int:
    from transformers import BertConfig, BertModel

    width = dim if full_size else 32
    torch.manual_seed(_SEED)
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=12 if full_size else 2,
        num_attention_heads=12 if full_size else 4,
        intermediate_size=4 * width,
        max_position_embeddings=512,
        initializer_range=0.02 if full_size else _SPREAD,
    )
    BertModel(config).save_pretrained(folder)
    return width


def _sentence_files(folder: Path, dim: int, pooling: str, longest: int, more: list[str]) -> None:
    parts = [("", "Transformer"), ("1_Pooling", "Pooling")]
    parts += [(f"{n}_{kind}", kind) for n, kind in enumerate(more, 2)]
    modules = [
        {"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for n, (path, kind) in enumerate(parts)
    ]
    _json(folder / "modules.json", modules)
    modes = {f"pooling_mode_{mode}": mode.split("_")[0] == pooling for mode in ("cls_token", "mean_tokens")}
    modes |= {"pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False}
    _json(folder / "1_Pooling/config.json", {"word_embedding_dimension": dim, **modes})
    _json(folder / "sentence_bert_config.json", {"max_seq_length": longest, "do_lower_case": False})


def _wordpiece(texts: Iterable[str]) -> Tokenizer:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=400, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def _unigram(texts: Iterable[str]) -> Tokenizer:
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=400, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer


def _tokenizer(folder: Path, tokenizer: Tokenizer, settings: dict[str, str]) -> None:
    tokenizer.save(str(folder / "tokenizer.json"))
    _json(folder / "tokenizer_config.json", settings)


def _json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2), encoding="utf-8")
