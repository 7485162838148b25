"""The frozen layers below an adapter: what they make of a text is computed once, and kept in memory.

With adapters on the upper layers only, nothing below them changes in training, so a step pays for the upper
layers alone. A token takes 4 bytes times the model's width: 1.5 kB for e5, 300 MB for 10,000 short pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stages.lib.core.errors import ModelError
from stages.lib.models.encode import tokenise

if TYPE_CHECKING:
    import numpy as np
    import torch
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

# Texts of like length that are encoded at once.
BATCH = 32


class LowerLayers:
    """Runs a sentence encoder of BERT's form from the states that its lower layers gave a text before."""

    def __init__(self, model: SentenceTransformer, upper: int) -> None:
        """``upper`` layers are run anew each time. Raises ModelError if there are none below them."""
        self.inner = getattr(model, "transformers_model", None)
        layers = getattr(getattr(self.inner, "encoder", None), "layer", ())
        if not 0 < upper < len(layers):
            raise ModelError(
                f"adapter_layers {upper}: expected fewer than the layers of a model of BERT's form, found "
                f"{len(layers) or 'none'}; set the recipe's adapter_layers to 0"
            )
        self.lower, self.upper = layers[: len(layers) - upper], layers[len(layers) - upper :]
        self._states: dict[tuple[str, str], Tensor] = {}

    def token_features(
        self, model: SentenceTransformer, texts: Sequence[str], lang: str
    ) -> dict[str, Tensor]:
        """Return what pooling reads: ``token_embeddings`` (n, longest, dim), with gradients, and the mask."""
        import torch

        missing = [text for text in dict.fromkeys(texts) if (lang, text) not in self._states]
        if missing:
            with torch.no_grad():
                self._states |= self._run_lower(model, missing, lang)
        states = [self._states[lang, text] for text in texts]
        lengths = torch.tensor([len(state) for state in states], device=states[0].device)
        hidden = torch.nn.utils.rnn.pad_sequence(states, batch_first=True)  # (n, longest, dim)
        mask = (torch.arange(hidden.shape[1], device=hidden.device) < lengths[:, None]).long()
        return {"token_embeddings": self._run(self.upper, hidden, mask), "attention_mask": mask}

    def encode(self, model: SentenceTransformer, texts: Sequence[str], lang: str) -> np.ndarray:
        """Return float32 vectors of unit length, (n, dim), as :func:`stages.lib.models.encode` does."""
        import torch

        unique = sorted(dict.fromkeys(texts), key=lambda text: (len(text), text))
        parts = []
        was_training = model.training
        model.eval()
        with torch.no_grad():
            for start in range(0, len(unique), BATCH):
                features = self.token_features(model, unique[start : start + BATCH], lang)
                for module in list(model)[1:]:
                    features = module(features)
                parts.append(torch.nn.functional.normalize(features["sentence_embedding"].float()).cpu())
        model.train(was_training)
        place = {text: row for row, text in enumerate(unique)}
        return torch.cat(parts).numpy()[[place[text] for text in texts]]

    def _run_lower(
        self, model: SentenceTransformer, texts: list[str], lang: str
    ) -> dict[tuple[str, str], Tensor]:
        from sentence_transformers.util import batch_to_device

        self.inner.embeddings.eval()
        self.lower.eval()  # they are frozen: no dropout of their own
        features = batch_to_device(tokenise(model, texts, lang), model.device)
        mask = features["attention_mask"]
        hidden = self._run(self.lower, self.inner.embeddings(input_ids=features["input_ids"]), mask)
        lengths = mask.sum(dim=1).tolist()
        return {
            (lang, text): state[:length].clone()
            for text, state, length in zip(texts, hidden, lengths, strict=True)
        }

    def _run(self, layers: Sequence[torch.nn.Module], hidden: Tensor, mask: Tensor) -> Tensor:
        from transformers.masking_utils import create_bidirectional_mask

        wide = create_bidirectional_mask(self.inner.config, inputs_embeds=hidden, attention_mask=mask)
        for layer in layers:
            hidden = layer(hidden, wide)
        return hidden
