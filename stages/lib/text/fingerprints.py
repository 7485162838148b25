"""Fingerprints of benchmarks: enough to keep them out of training, and no text.

For each benchmark the file holds the 64-bit hashes of its folded sentences and 32-bit hashes of
their word 5-grams. A text *matches exactly* when its folded form is a sentence of the benchmark, and
*nearly* when at least half of its 5-grams, or four 5-grams in a row (eight words), are the benchmark's;
texts of fewer than five words match exactly or not at all. Contiguous word n-grams are the usual means of
decontamination (Brown et al. 2020, "Language Models are Few-Shot Learners", appendix C, takes 13-grams
of long documents; sentences need shorter ones).

False positives: with N hashed n-grams a strange 5-gram hits by collision with probability N / 2**32: about
5e-5 for the 2e5 of NTREX-128, so 1 in 20,000 texts of five or six words, and practically no longer one, is
removed without cause; for an exact match, with 64 bits, it is below 1e-14. (40 bits would make the file
larger than 1 MiB.) Beyond that, a text of five to nine words that shares a common phrase with the news is
removed too.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stages.lib.core.errors import DataError
from stages.lib.core.files import atomic_path
from stages.lib.text.near_duplicates import fold_for_matching, hash_ngrams, hash_text

if TYPE_CHECKING:
    import numpy as np

FORMAT = 1
NGRAM_WORDS = 5
NGRAM_BITS = 32
NEAR_SHARE = 0.5
NEAR_RUN = 4


@dataclass(frozen=True)
class Fingerprint:
    """One benchmark: its name, the sha256 of its files, and its hashes."""

    name: str
    files: Mapping[str, str]
    sentences: frozenset[int]
    ngrams: frozenset[int]

    def match(self, folded: str) -> str | None:
        """Return ``exact``, ``near`` or None for a folded text (fold_for_matching)."""
        return self._match(*_hash(folded)) if folded else None

    def _match(self, sentence: int, ngrams: list[int]) -> str | None:
        if sentence in self.sentences:
            return "exact"
        return "near" if is_near([hashed in self.ngrams for hashed in ngrams]) else None


def _hash(folded: str) -> tuple[int, list[int]]:
    return hash_text(folded), hash_ngrams(folded, NGRAM_WORDS, NGRAM_BITS)


def match_texts(fingerprints: Sequence[Fingerprint], texts: Iterable[str]) -> list[dict[str, str]]:
    """Return for each fingerprint what Fingerprint.match says of the folded texts that match it."""
    matches: list[dict[str, str]] = [{} for _ in fingerprints]
    for text in filter(None, texts):
        hashes = _hash(text)
        for fingerprint, kinds in zip(fingerprints, matches, strict=True):
            if (kind := fingerprint._match(*hashes)) is not None:
                kinds[text] = kind
    return matches


def is_near(hits: list[bool]) -> bool:
    """Tell whether enough of a text's n-grams, in order, are known ones."""
    if not hits:
        return False
    if sum(hits) >= NEAR_SHARE * len(hits):
        return True
    run = 0
    for hit in hits:
        run = run + 1 if hit else 0
        if run == NEAR_RUN:
            return True
    return False


def make_fingerprint(name: str, files: Mapping[str, str], texts: Iterable[str]) -> Fingerprint:
    """Hash a benchmark's texts (any order, any languages)."""
    sentences: set[int] = set()
    ngrams: set[int] = set()
    for text in texts:
        if folded := fold_for_matching(text):
            sentence, of_text = _hash(folded)
            sentences.add(sentence)
            ngrams.update(of_text)
    return Fingerprint(name, dict(files), frozenset(sentences), frozenset(ngrams))


def write_fingerprints(path: Path, fingerprints: Iterable[Fingerprint], left_out: Iterable[str] = ()) -> None:
    """Write fingerprints as gzipped JSON; same fingerprints, same bytes."""
    value = {
        "format": FORMAT,
        "rule": {
            "ngram_words": NGRAM_WORDS,
            "ngram_bits": NGRAM_BITS,
            "near_share": NEAR_SHARE,
            "near_run": NEAR_RUN,
        },
        "left_out": sorted(left_out),
        "benchmarks": {
            item.name: {
                "files": dict(item.files),
                "sentences": len(item.sentences),
                "ngrams": len(item.ngrams),
                "sentence_hashes": _pack(item.sentences),
                "ngram_hashes": _pack(item.ngrams),
            }
            for item in fingerprints
        },
    }
    data = json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False).encode()
    with atomic_path(path) as temporary:
        temporary.write_bytes(gzip.compress(data, compresslevel=9, mtime=0))


def read_fingerprints(path: Path) -> list[Fingerprint]:
    """Read fingerprints, sorted by name.

    Raises DataError if the file is absent, broken, of another format, or made by another rule.
    """
    remedy = "restore it from git, or write it again with python -m commands.benchmarks fingerprints"
    if not path.is_file():
        raise DataError(f"{path}: not found; {remedy}")
    try:
        value = json.loads(gzip.decompress(path.read_bytes()))
        if value["format"] != FORMAT:
            raise DataError(f"{path}: expected format {FORMAT}, found {value['format']}; {remedy}")
        rule = (value["rule"]["ngram_words"], value["rule"]["ngram_bits"])
        if rule != (NGRAM_WORDS, NGRAM_BITS):
            raise DataError(
                f"{path}: expected {NGRAM_WORDS}-grams of {NGRAM_BITS} bits, "
                f"found {rule[0]}-grams of {rule[1]}; {remedy}"
            )
        fingerprints = []
        for name, item in sorted(value["benchmarks"].items()):
            sentences, ngrams = _unpack(item["sentence_hashes"]), _unpack(item["ngram_hashes"])
            if (len(sentences), len(ngrams)) != (item["sentences"], item["ngrams"]):
                raise DataError(
                    f"{path}: {name}: expected {item['sentences']:,} sentences and {item['ngrams']:,} "
                    f"n-grams, found {len(sentences):,} and {len(ngrams):,}; {remedy}"
                )
            fingerprints.append(Fingerprint(name, item["files"], sentences, ngrams))
        return fingerprints
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: not a fingerprint file ({type(error).__name__}: {error}); {remedy}"
        ) from None


def _pack(hashes: Iterable[int]) -> str:
    """Sorted differences, by byte plane: the high planes are mostly zero, and gzip takes them away."""
    import numpy as np

    ordered = np.array(sorted(hashes), dtype="<u8")
    differences = np.diff(ordered, prepend=np.zeros(1, dtype="<u8")).astype("<u8")
    planes = differences.view(np.uint8).reshape(-1, 8).T  # (8, n)
    return base64.b64encode(planes.tobytes()).decode("ascii")


def _unpack(packed: str) -> frozenset[int]:
    import numpy as np

    planes = np.frombuffer(base64.b64decode(packed, validate=True), dtype=np.uint8).reshape(8, -1)
    differences: np.ndarray = np.ascontiguousarray(planes.T).view("<u8").ravel()  # (n,)
    return frozenset(np.cumsum(differences, dtype=np.uint64).tolist())
