"""Find texts that are nearly the same: overlaps of their character n-grams, hashes of their word n-grams."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

# Containment says something only of a text long enough to be a sentence of its own.
CONTAINED_WORDS = 5
MATCHED_CHARS = 5
# A prefix leaves out this part (0-1) of as many n-grams as near texts share at least, the commonest. With
# more there are more candidates, with less each costs more.
_LEFT_OUT = 0.85

# Apostrophes join (o‘zbek, don't), other marks separate words; invisible characters are removed.
_DROPPED = re.compile("['`´ʹ-ʽʾʿˈ‘’‛′\u00ad\u0307\u200b-\u200f\u2060\ufeff]")
_WORD = re.compile(r"[^\W\d_]+|\d+")


def fold_for_matching(text: str) -> str:
    """Return the form under which two texts of any language count as the same: words in small letters.

    Letters are compatibility-folded (NFKC) and casefolded, ё is е, punctuation is gone and every number,
    grouped or not, is ``0``. Empty if the text has neither letters nor digits.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    folded = _DROPPED.sub("", folded).replace("ё", "е")
    words: list[str] = []
    for word in _WORD.findall(folded):
        if word.isdecimal():
            if words and words[-1] == "0":
                continue
            word = "0"
        words.append(word)
    return " ".join(words)


def hash_text(text: str) -> int:
    """Return the 64-bit hash of a text."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def hash_ngrams(text: str, n_words: int, bits: int) -> list[int]:
    """Return the hashes of a folded text's word n-grams, in order; none if it has fewer words."""
    words = text.split(" ")
    return [
        hash_text(" ".join(words[start : start + n_words])) >> (64 - bits)
        for start in range(len(words) - n_words + 1)
    ]


class GramSets:
    """Texts as sets of character n-grams, which are numbered from the rarest to the commonest.

    ``matrix`` (texts, grams) is 0/1 in CSR form, its columns ascending in each row. Prefix filtering (Xiao et
    al., 2008, PPJoin, without its suffix filter): a set of size s that has at least a share t of its n-grams
    in another has one of its s - ceil(t s) + 1 rarest ones there.
    """

    def __init__(self, texts: Iterable[str], n: int) -> None:
        import numpy as np
        from scipy.sparse import csr_array

        numbers: dict[str, int] = defaultdict(lambda: len(numbers))
        sets = []
        for text in texts:
            grams = dict.fromkeys(text[start : start + n] for start in range(max(1, len(text) - n + 1)))
            sets.append(np.fromiter((numbers[gram] for gram in grams), dtype=np.int32, count=len(grams)))
        self.sizes = np.array([len(grams) for grams in sets], dtype=np.int64)  # (texts,)
        columns = np.concatenate([np.zeros(0, dtype=np.int32), *sets])
        # By frequency, then by first appearance.
        frequency = np.bincount(columns, minlength=len(numbers))
        rank = np.empty(len(numbers), dtype=np.int32)
        rank[np.argsort(frequency, kind="stable")] = np.arange(len(numbers), dtype=np.int32)
        ends = np.concatenate([[0], np.cumsum(self.sizes)])
        shape = (len(sets), len(numbers))
        self.matrix = csr_array((np.ones(len(columns), dtype=np.int32), rank[columns], ends), shape=shape)
        self.matrix.sort_indices()


class TextMatcher:
    """Tells which of a collection of folded texts match others of it, exactly or nearly.

    Two texts are *near* each other when the Jaccard overlap of their sets of character 5-grams (with a space
    at either end) is at least ``jaccard``, or when ``containment`` of the n-grams of the one with fewer
    n-grams are in the other and it has at least five words. The empty text matches nothing.

    Exact. Only texts that share as many of their rarest n-grams as near ones must are compared (Wang et al.,
    2012, Can We Beat the Prefix Filtering?): of what near sets share, no more lies outside the prefix of the
    smaller set than that set's prefix leaves out.
    """

    def __init__(self, texts: Iterable[str], jaccard: float, containment: float) -> None:
        import numpy as np

        self._jaccard, self._containment = jaccard, containment
        ordered = sorted({text for text in texts if text})
        self._rows = {text: row for row, text in enumerate(ordered)}
        self._sets = GramSets((f" {text} " for text in ordered), MATCHED_CHARS)
        self._is_long = np.array([text.count(" ") + 1 >= CONTAINED_WORDS for text in ordered], dtype=bool)

    def match(self, texts: Iterable[str], protected: Collection[str]) -> dict[str, str]:
        """Return ``exact`` or ``near`` for those of the texts that match a protected one."""
        import numpy as np

        matches = {text: "exact" for text in texts if text and text in protected}
        others = sorted({text for text in texts if text and text not in matches})
        rows = np.array([self._rows[text] for text in others], dtype=np.int64)
        references = np.array(sorted(self._rows[text] for text in protected if text), dtype=np.int64)
        matches.update((others[at], "near") for at in self._near(rows, references).tolist())
        return matches

    def _near(self, rows: np.ndarray, references: np.ndarray) -> np.ndarray:
        """Return the positions in ``rows`` of the texts that are near a reference."""
        import numpy as np

        from stages.lib.text.overlap_kernel import are_near

        matrix, sizes = self._sets.matrix, self._sets.sizes
        # Near texts share at least this part of the smaller set; of a prefix that lacks less, some.
        least = min(2 * self._jaccard / (1 + self._jaccard), self._containment)
        kept = sizes - np.floor(_LEFT_OUT * least * sizes).astype(np.int64)
        references = references[np.argsort(sizes[references], kind="stable")]
        near = are_near(
            matrix.indptr.astype(np.int64),
            matrix.indices,
            kept,
            self._is_long,
            rows,
            references,
            # Small, so that it stays in the processor's cache.
            np.zeros(len(references), np.int16 if sizes.max(initial=0) < 2**15 else np.int32),
            self._jaccard,
            self._containment,
        )
        return np.flatnonzero(near)


def find_near_duplicates(texts: Iterable[str], threshold: float, n: int = 4) -> list[int | None]:
    """Return for each text the position of an earlier kept text that it nearly repeats, else None.

    Two texts are near-duplicates if the Jaccard overlap of their sets of character ``n``-grams exceeds
    ``threshold``. Exact, by prefix filtering: only texts with a common rare n-gram are compared. Kept texts
    alone are indexed.
    """
    import numpy as np

    from stages.lib.text.overlap_kernel import first_repeated

    sets = GramSets(texts, n)
    kept = np.minimum(sets.sizes, sets.sizes - np.ceil(threshold * sets.sizes - 1e-9).astype(np.int64) + 1)
    first = first_repeated(sets.matrix.indptr.astype(np.int64), sets.matrix.indices, kept, threshold)
    return [position if position >= 0 else None for position in first.tolist()]
