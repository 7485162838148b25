"""NLLB models (M2M100 with an NllbTokenizer): language codes, and loading one as a sentence encoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.lib.core.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from transformers import PreTrainedTokenizerBase

# NLLB's names of the languages here, by ISO 639-1 code.
LANGUAGE_CODES = {
    "ru": "rus_Cyrl",
    "tk": "tuk_Latn",
    "en": "eng_Latn",
    "tr": "tur_Latn",
    "az": "azj_Latn",
    "uz": "uzn_Latn",
    "kk": "kaz_Cyrl",
    "ky": "kir_Cyrl",
    "tg": "tgk_Cyrl",
    "tt": "tat_Cyrl",
    "uk": "ukr_Cyrl",
    "de": "deu_Latn",
    "fr": "fra_Latn",
    "es": "spa_Latn",
    "it": "ita_Latn",
    "nl": "nld_Latn",
    "ar": "arb_Arab",
    "ko": "kor_Hang",
}


def language_code(tokenizer: PreTrainedTokenizerBase, lang: str) -> int:
    """Return the token id of a language; raise ModelError if the tokenizer does not know it."""
    name = LANGUAGE_CODES.get(lang)
    token = tokenizer.convert_tokens_to_ids(name) if name else None
    if token is None or token == tokenizer.unk_token_id:
        known = [lang for lang, name in LANGUAGE_CODES.items() if name in tokenizer.get_vocab()]
        raise ModelError(
            f"language {lang!r}: the model has no token {name or 'for it'}; it knows {', '.join(known)}"
        )
    return token


def token_ids(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], lang: str, max_tokens: int
) -> list[list[int]]:
    """Tokenise texts of one language: its code, the pieces, the end; what is too long is cut."""
    code, end = language_code(tokenizer, lang), tokenizer.eos_token_id
    pieces = tokenizer(list(texts), add_special_tokens=False)["input_ids"] if texts else []
    return [[code, *row[: max_tokens - 2], end] for row in pieces]


def load_nllb(name: str, folder: Path, device: str, dtype: Any) -> SentenceTransformer:
    """Load an NLLB model whole; as an encoder it gives the mean of its encoder's states.

    Raises ModelError if a file is broken or of another architecture.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Normalize
    from transformers import M2M100ForConditionalGeneration, NllbTokenizer

    from stages.lib.models.nllb_module import NllbEncoder

    try:
        tokenizer = NllbTokenizer.from_pretrained(folder, local_files_only=True)
        translator = M2M100ForConditionalGeneration.from_pretrained(
            folder, local_files_only=True, dtype=dtype
        )
    except Exception as error:  # every loader underneath has its own kinds, all with the same remedy
        raise ModelError(
            f"model {name}: {folder} cannot be loaded ({type(error).__name__}: {error}); get its files again"
        ) from error
    return SentenceTransformer(modules=[NllbEncoder(translator, tokenizer), Normalize()], device=device)
