from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np

from stages.align.candidates import (
    Candidate,
    Record,
    Side,
    Span,
    align_documents,
    align_sides,
    mine_remaining,
    read_sides,
)
from stages.lib.core.params import load_params
from stages.lib.core.tables import SEGMENT_SCHEMA, table_from_rows
from stages.lib.models.vectors import to_unit

PARAMS = load_params(Path(__file__).parents[3] / "params.yaml").align


def side(doc: str, lang: str, meanings: list[int], date: str | None = None) -> Side:
    vectors = np.eye(12, dtype=np.float32)[meanings]
    texts = [f"{lang} {meaning}" for meaning in meanings]
    return Side(doc, lang, texts, np.arange(len(meanings)), vectors, date, "MIT")


def kept(src: Side, tgt: Side) -> Candidate:
    """The first sentences of two documents as a pair."""
    spans = (Span(side.doc, side.texts[0], (0,), None) for side in (src, tgt))
    return Candidate("aligned", *spans, "MIT")


def test_only_what_is_in_no_kept_pair_is_mined_each_text_once():
    src = [side("f/a", "ru", [0, 1, 2]), side("f/b", "ru", [3, 2])]
    tgt = [side("f/a", "tk", [0, 5, 2]), side("f/c", "tk", [3])]
    params = PARAMS.model_copy(update={"retrieval": "intersection"})
    mined = mine_remaining(src, tgt, [kept(src[0], tgt[0])], params)
    found = {(pair.src.text, pair.tgt.text): pair for pair in mined}
    assert not any("ru 0" in pair or "tk 0" in pair for pair in found)
    assert found["ru 2", "tk 2"].src.doc == "f/a"  # its first place
    pair = found["ru 3", "tk 3"]
    assert (pair.src.doc, pair.tgt.doc) == ("f/b", "f/c")
    assert (pair.method, pair.src.n) == ("mined", (0,))
    assert np.array_equal(pair.src.vector, src[1].vectors[0])


def test_nothing_is_mined_where_a_side_is_used_up():
    src, tgt = side("f/a", "ru", [0]), side("f/a", "tk", [0])
    assert mine_remaining([src], [tgt], [kept(src, tgt)], PARAMS) == []


def test_memory_is_that_of_documents_not_of_the_source(tmp_path):
    documents, sentences, dim = 80, 50, 512
    rng = np.random.default_rng(0)
    meaning = rng.standard_normal((documents * sentences, dim), dtype=np.float32)
    path = tmp_path / "vectors.npy"
    stored = np.lib.format.open_memmap(path, "w+", np.float16, (2 * len(meaning), dim))
    rows = []
    for place, lang in enumerate(("ru", "tk")):
        start = place * len(meaning)
        stored[start : start + len(meaning)] = to_unit(
            meaning + rng.standard_normal(meaning.shape, dtype=np.float32)
        )
        for n in range(len(meaning)):
            # The versions of half of the documents are named differently.
            name = n // sentences if n < len(meaning) // 2 else f"{lang}-{n // sentences}"
            rows.append(("f", f"f/{name}", lang, n % sentences, f"{lang} {n}", None, None, None, "MIT", None))
    stored.flush()
    segments = table_from_rows(rows, SEGMENT_SCHEMA).with_row_index("row")
    vectors = np.load(path, mmap_mode="r")
    record = Record()

    def embed(texts, lang):
        offset = 0 if lang == "ru" else len(meaning)
        units = [[offset + int(word) for word in text.split() if word.isdigit()] for text in texts]
        return to_unit(np.stack([vectors[unit].astype(np.float32).sum(axis=0) for unit in units]))

    warm = {lang: side("f/0", lang, [0, 1, 2]) for lang in ("ru", "tk")}
    align_sides(warm["ru"], warm["tk"], lambda texts, _: np.eye(12, dtype=np.float32)[: len(texts)], PARAMS)
    tracemalloc.start()
    src, tgt = (read_sides(segments, vectors, lang) for lang in ("ru", "tk"))
    found = sum(1 for _ in align_documents("f", src, tgt, embed, PARAMS, record))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    counts, aligned = record.counts, record.documents
    assert counts["documents_by_name"] == documents // 2
    # A score of pairing where the names differ, one of alignment and the beads for all.
    assert [one.pairing is None for one in aligned] == [n < documents // 2 for n in range(documents)]
    assert all(0.5 < (one.pairing or 1) <= 1 and 0 < one.alignment <= 1 for one in aligned)
    assert sum(one.beads for one in aligned) >= found
    assert counts["documents_paired"] == documents // 2
    assert found > 0.95 * len(meaning)
    whole = 2 * meaning.nbytes  # 16 MB, what all vectors of both sides take in float32
    assert peak < whole / 3
