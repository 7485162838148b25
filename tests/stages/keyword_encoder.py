"""An encoder for tests: texts to one-hot vectors of the keywords that they hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

# (Russian, Turkmen) words; texts of the tests hold one of them each.
_WORDS = (
    "мост köpri|дом jaý|дорог ýol|книг kitap|вод suw|хлеб çörek|школ mekdep|учител mugallym|гор dag|"
    "мор deňiz|утр säher|вечер agşam|друг dost|сын ogul|язык dil|песн aýdym|лошад at |яблок alma|"
    "окн penjire|двер gapy|стол stol|звезд ýyldyz|снег gar |ключ açar"
)
KEYWORDS = [tuple(words.split(" ", 1)) for words in _WORDS.split("|")]


class KeywordModel:
    def __init__(self, known: int) -> None:
        self.known = known

    def __getitem__(self, n: int) -> KeywordModel:
        return self  # its only module

    def get_embedding_dimension(self) -> int:
        return len(KEYWORDS) + 1


def load_encoder(name: str, config: object, adapter: Path | None = None) -> KeywordModel:
    """A pretrained model does not know the last keyword; one with an adapter knows them all."""
    return KeywordModel(len(KEYWORDS) if adapter else len(KEYWORDS) - 1)


def encode(
    model: KeywordModel, texts: list[str], lang: str, batch_tokens: int = 8192, is_exact: bool = False
) -> np.ndarray:
    """Return unit vectors: one place for each known keyword, one for texts without any.

    So texts of one keyword are all the same to it, corrupted copies too.
    """
    side = 0 if lang == "ru" else 1
    vectors = np.zeros((len(texts), len(KEYWORDS) + 1), dtype=np.float32)
    for row, text in enumerate(texts):
        places = [n for n, pair in enumerate(KEYWORDS[: model.known]) if pair[side] in f"{text.lower()} "]
        vectors[row, places or [-1]] = 1.0
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)  # (n, keywords + 1)


@contextmanager
def keyword_models(folder: Path) -> Iterator[None]:
    """Put the keyword encoder in the place of every model, and the store of vectors below ``folder``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stages.lib.models.load_encoder", load_encoder)
        patch.setattr("stages.lib.models.encode", encode)
        patch.chdir(folder)
        yield
