from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.lib.core.errors import DataError
from stages.lib.core.files import sha256_file
from stages.lib.core.params import load_params
from stages.lib.text.fingerprints import (
    Fingerprint,
    is_near,
    make_fingerprint,
    read_fingerprints,
    write_fingerprints,
)
from stages.lib.text.near_duplicates import fold_for_matching
from tests.cases import read_cases

CASES = read_cases(__file__)

ROOT = Path(__file__).parents[4]
SHIPPED = ROOT / "assets/fingerprints.json.gz"

NEWS = CASES["news"]


@pytest.mark.parametrize(("text", "expected"), CASES["matches_of_a_fingerprint"])
def test_a_text_matches_by_sentence_or_by_enough_ngrams(text: str, expected: str | None) -> None:
    assert make_fingerprint("news", {}, NEWS).match(fold_for_matching(text)) == expected


@pytest.mark.parametrize(
    ("hits", "expected"),
    [
        ([], False),
        ([True], True),
        ([True, False], True),  # half
        ([True, False, False], False),
        ([False] * 10 + [True] * 4 + [False] * 10, True),
        ([False] * 10 + [True, True, True, False, True, True] + [False] * 10, False),
    ],
)
def test_is_near_asks_for_half_or_for_a_run(hits: list[bool], expected: bool) -> None:
    assert is_near(hits) is expected


_HASHES = st.frozensets(st.integers(0, 2**64 - 1), max_size=50)


@given(_HASHES, _HASHES)
@settings(deadline=None)
def test_written_fingerprints_are_read_back(
    tmp_path_factory: pytest.TempPathFactory, sentences: frozenset[int], ngrams: frozenset[int]
) -> None:
    path = tmp_path_factory.mktemp("fingerprints") / "f.json.gz"
    fingerprint = Fingerprint("news", {"tk": "0" * 64}, sentences, ngrams)
    write_fingerprints(path, [fingerprint])
    assert read_fingerprints(path) == [fingerprint]
    first = sha256_file(path)
    write_fingerprints(path, [fingerprint])
    assert sha256_file(path) == first


def test_a_fingerprint_file_holds_no_text(tmp_path: Path) -> None:
    path = tmp_path / "f.json.gz"
    write_fingerprints(path, [make_fingerprint("news", {"tk": "0" * 64}, NEWS)], left_out=["other"])
    text = gzip.decompress(path.read_bytes()).decode("ascii")  # base64 and names only
    assert not any(word in text.lower() for word in ("prezident", "howa", "gyzar"))
    header = json.loads(text)
    assert header["left_out"] == ["other"]
    assert header["benchmarks"]["news"]["sentences"] == 3


def _header(**changes: object) -> bytes:
    value = {"format": 1, "rule": {"ngram_words": 5, "ngram_bits": 32}, "benchmarks": {}, **changes}
    return gzip.compress(json.dumps(value).encode())


_SHORT = {"news": {"files": {}, "sentences": 2, "ngrams": 0, "sentence_hashes": "", "ngram_hashes": ""}}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"not gzip", "not a fingerprint file"),
        (gzip.compress(b"{"), "not a fingerprint file"),
        (gzip.compress(b"[]"), "not a fingerprint file"),
        (_header()[:-12], "not a fingerprint file"),  # truncated
        (_header(format=9), "expected format 1, found 9"),
        (_header(rule={"ngram_words": 3, "ngram_bits": 32}), "expected 5-grams of 32 bits, found 3-grams"),
        (_header(benchmarks=_SHORT), "news: expected 2 sentences and 0 n-grams, found 0 and 0"),
    ],
    ids=["no gzip", "no json", "a list", "truncated", "format", "rule", "counts"],
)
def test_a_broken_fingerprint_file_is_named_with_its_remedy(
    tmp_path: Path, data: bytes, message: str
) -> None:
    path = tmp_path / "f.json.gz"
    path.write_bytes(data)
    with pytest.raises(DataError, match=message) as error:
        read_fingerprints(path)
    assert str(error.value).startswith(str(path))
    assert "python -m commands.benchmarks fingerprints" in str(error.value)


def test_the_shipped_fingerprints_are_of_the_pinned_benchmarks() -> None:
    pinned = {
        name: {key: file.sha256 for key, file in config.files.items()}
        for name, config in load_params(ROOT / "params.yaml").benchmarks_config.items()
    }
    shipped = read_fingerprints(SHIPPED)
    left_out = json.loads(gzip.decompress(SHIPPED.read_bytes()))["left_out"]
    assert {item.name: dict(item.files) for item in shipped} == {
        name: files for name, files in pinned.items() if name not in left_out
    }
    counts = {item.name: len(item.sentences) for item in shipped}
    assert 13_000 < counts["ntrex"] < 7 * 1_997  # seven languages; a few sentences come twice
    assert SHIPPED.stat().st_size < 1 << 20
