"""Topics that a corpus leans to, told by words.

Web corpora of small languages are full of religious text, which nobody's news or textbooks sound like; a
reader of a corpus should know its share. The words are strong ones, so the share is a lower bound: of the
1,997 sentences of NTREX-128 (news) 2 of the Russian and 2 of the Turkmen ones have any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from stages.lib.core.assets import read_asset


@lru_cache
def _religious_stems() -> dict[str, re.Pattern[str]]:
    stems = read_asset("text/topics")["religious"]
    return {lang: re.compile(rf"(?<!\w)(?:{'|'.join(parts)})") for lang, parts in stems.items()}


def is_religious(texts: Mapping[str, str]) -> bool:
    """Tell whether any of one sentence's versions, by language, has a word of religious text.

    A language without a word list (any but Russian and Turkmen) says nothing.
    """
    patterns = _religious_stems()
    return any(
        lang in patterns and patterns[lang].search(text.casefold()) is not None
        for lang, text in texts.items()
    )
