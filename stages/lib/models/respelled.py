"""A transformer that reads one language in the spelling of another, as a sentence-transformers module.

A saved model carries a copy of this file, so it imports nothing of the project but its neighbour respell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sentence_transformers.base.modules import Transformer
from torch import Tensor


class RespelledTransformer(Transformer):
    """A transformer with a prefix, and with respelling (see respell.py) before its tokenizer.

    ``respell`` names the rules: with ``tk-tr``, texts given as Turkmen are read in Turkish spelling. Which
    texts are Turkmen is said by the caller, never guessed: ``encode(texts, lang="tk")``, or the prompt
    ``<tk>`` that the model's ``prompts`` hold under the name ``tk``. ``prefix`` stands before every text.
    """

    config_keys = [*Transformer.config_keys, "respell", "prefix"]  # noqa: RUF012 - the base class's own form
    forward_kwargs = {"lang"}  # noqa: RUF012 - makes SentenceTransformer.encode accept lang=

    def __init__(
        self, model_name_or_path: str, *, respell: str | None = None, prefix: str = "", **kwargs: Any
    ) -> None:
        super().__init__(model_name_or_path, **kwargs)
        self.respell = respell
        self.prefix = prefix

    def spell(self, texts: Sequence[str], lang: str | None) -> list[str]:
        """Return the texts as the tokenizer gets them."""
        if self.respell is not None and lang is not None:
            from .respell import respell, tables_by_language  # they take a moment, and most texts need none

            if (table := tables_by_language(self.respell).get(lang)) is not None:
                texts = [respell(text, table) for text in texts]
        return [self.prefix + text for text in texts]

    def token_ids(self, texts: Sequence[str], lang: str | None = None) -> list[list[int]]:
        """Tokenise texts of one language; what is too long for the model is cut."""
        if not texts:
            return []
        return self.tokenizer(self.spell(texts, lang), truncation=True, max_length=self.max_seq_length)[
            "input_ids"
        ]

    def features(self, ids: Sequence[Sequence[int]]) -> dict[str, Tensor]:
        """Pad a batch: ``input_ids`` and ``attention_mask``, (n_texts, longest) both."""
        padded = self.tokenizer.pad({"input_ids": [list(row) for row in ids]}, return_tensors="pt")
        return {**padded, "modality": "text"}

    def preprocess(
        self, inputs: Sequence[str], prompt: str | None = None, lang: str | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Tokenise; a prompt such as ``<tk>`` names the language, any other is put before each text."""
        if prompt and prompt.startswith("<") and prompt.endswith(">"):
            lang, prompt = lang or prompt[1:-1], None
        texts = [(prompt or "") + text for text in inputs]
        return self.features(self.token_ids(texts, lang))

    def forward(self, features: dict[str, Any], lang: str | None = None, **kwargs: Any) -> dict[str, Any]:
        """Add ``token_embeddings`` (n_texts, longest, dim); the language had its say before the tokenizer."""
        return super().forward(features, **kwargs)
