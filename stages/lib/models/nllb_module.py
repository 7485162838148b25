"""NLLB as a sentence-transformers input module; the translator stays whole inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from sentence_transformers.base.modules import InputModule
from torch import Tensor
from transformers import M2M100ForConditionalGeneration, NllbTokenizer

from stages.lib.models.nllb import token_ids


class NllbEncoder(InputModule):
    """Encode a text as the mean of the encoder's states over its tokens, language code and end included.

    NLLB reads the language's code before the text: it has to be told, and ``forward`` is never called
    without. The decoder takes no part in it, but belongs to the module, so that an adapter is one of the
    translator's.
    """

    forward_kwargs = {"lang"}  # noqa: RUF012 - makes SentenceTransformer.encode accept lang=

    def __init__(self, translator: M2M100ForConditionalGeneration, tokenizer: NllbTokenizer) -> None:
        super().__init__()
        self.translator = translator
        self.tokenizer = tokenizer
        self.max_seq_length = translator.config.max_position_embeddings - 2

    def get_embedding_dimension(self) -> int:
        return self.translator.config.d_model

    def token_ids(self, texts: Sequence[str], lang: str | None) -> list[list[int]]:
        """Tokenise texts of one language; see :func:`stages.lib.models.nllb.token_ids`."""
        return token_ids(self.tokenizer, texts, lang or "unknown", self.max_seq_length)

    def features(self, ids: Sequence[Sequence[int]]) -> dict[str, Tensor]:
        """Pad a batch: ``input_ids`` and ``attention_mask``, (n_texts, longest) both."""
        return dict(self.tokenizer.pad({"input_ids": [list(row) for row in ids]}, return_tensors="pt"))

    def preprocess(
        self, inputs: Sequence[str], prompt: str | None = None, lang: str | None = None, **kwargs: Any
    ) -> dict[str, Tensor]:
        return self.features(self.token_ids(inputs, lang))

    def save(self, output_path: str, *args: Any, safe_serialization: bool = True, **kwargs: Any) -> None:
        """Write what transformers reads: the whole translator and its tokenizer."""
        self.translator.save_pretrained(output_path)
        self.tokenizer.save_pretrained(output_path)

    def forward(self, features: dict[str, Tensor], **kwargs: Any) -> dict[str, Tensor]:
        """Add ``sentence_embedding`` (n_texts, dim), not normalised."""
        mask = features["attention_mask"]
        states = self.translator.get_encoder()(features["input_ids"], attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1).to(states.dtype)  # (n_texts, longest, 1)
        features["sentence_embedding"] = torch.sum(states * weights, dim=1) / weights.sum(dim=1)
        return features
