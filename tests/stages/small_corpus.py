"""Rows of pairs for tests; splits and statistics with as many documents as keywords, a pool of two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stages.lib.core.files import write_json
from stages.lib.core.tables import (
    ALIGNMENT_SCHEMA,
    CORPUS_SCHEMA,
    POOL_SCHEMA,
    pair_id,
    table_from_rows,
    write_table,
)
from stages.lib.text.annotations import Decision, Merged
from stages.lib.text.letters import group_id
from tests.stages.keyword_encoder import KEYWORDS


def pair_row(src: str, tgt: str, doc: str, **values: Any) -> dict[str, Any]:
    """A row of PAIR_SCHEMA: Russian and Turkmen, paired by their source, but for ``values``."""
    row = {"src": src, "tgt": tgt, "src_lang": "ru", "tgt_lang": "tk", "doc": doc, "key": None}
    row |= {"source": doc.split("/")[0], "n_src": 1, "n_tgt": 1, "method": "given", "score": None}
    row |= {"license": "CC0-1.0", **values}
    return {"pair_id": pair_id(row["src_lang"], src, row["tgt_lang"], tgt), **row}


def corpus_row(src: str, tgt: str, doc: str, **values: Any) -> dict[str, Any]:
    """A row of CORPUS_SCHEMA, made as that of a pair is."""
    row = pair_row(src, tgt, doc, **values)
    groups = {f"{side}_group": group_id(row[side], row[f"{side}_lang"]) for side in ("src", "tgt")}
    return row | groups


def judgement(
    row: dict[str, Any],
    decision: Decision = "keep",
    verdict: str = "exact",
    texts: tuple[str, str] | None = None,
    **task: Any,
) -> Merged:
    """What people decided of a pair; ``texts`` are those that they put in the place of its own."""
    return Merged(row["pair_id"], decision, verdict, texts or (row["src"], row["tgt"]), 2, row | task)


def write_splits(folder: Path, keywords: int = len(KEYWORDS), gold: int = 0) -> Path:
    """Write test, gold, dev and pool; each test document holds one sentence with one keyword.

    The last ``gold`` rows of test are those that people judged.
    """
    rows = []
    for n, (ru, tk) in enumerate(KEYWORDS[:keywords]):
        source = "udhr" if n % 2 else "django"
        rows.append(corpus_row(f"Новое слово {ru}", f"Söz {tk.strip()} bar", f"{source}/{n:02d}"))
    dev = [corpus_row("Добро пожаловать", "Hoş geldiňiz", "django/dev")]
    pool = [("ru", "Спасибо"), ("ru", "Пожалуйста"), ("tk", "Sag boluň"), ("tk", "Baş üstüne")]
    write_table(table_from_rows(rows, CORPUS_SCHEMA), folder / "test.parquet", CORPUS_SCHEMA)
    judged = table_from_rows(rows[len(rows) - gold :], CORPUS_SCHEMA)
    write_table(judged, folder / "gold.parquet", CORPUS_SCHEMA)
    write_table(table_from_rows(dev, CORPUS_SCHEMA), folder / "dev.parquet", CORPUS_SCHEMA)
    write_table(table_from_rows(pool, POOL_SCHEMA), folder / "pool.parquet", POOL_SCHEMA)
    return folder


def write_stats(folder: Path) -> Path:
    """Write the other stages' counts in their own form, made up for two sources."""
    cleaned = {"in": 20, "kept": 18, "dropped": {"duplicate": 2}}
    by_source = {"django": {"ru": cleaned, "en": cleaned}, "udhr": {"ru": cleaned}}
    aligned = {
        source: {"segments": {"ru": 24, "tk": 20}, "pairs": {"ru": 20}, "without_key": 0}
        for source in by_source
    }
    write_json(folder / "align.json", {"by_source": aligned, "rows": 24, "share": 0.333333})
    write_json(folder / "clean.json", {"by_source": by_source, "share": 0.333333})
    splits = {"train": {"django": 12}, "dev": {"django": 1}, "test": {"django": 12, "udhr": 12}}
    own = {**splits, "gold_not_in_test": {}, "short_in_dev_and_test": {"udhr": 5}}
    own |= {"found_in_dev_and_test": {}, "removed": {"udhr": 1}}
    write_json(folder / "split.json", {"by_source": splits, "own_by_source": own})
    curve = [{"score": 1.5, "probability": 0.91234567, "precision": 0.9, "recall": 0.5}]
    quality = {"model": "use_tr", "gold_pairs": 24, "hidden_keys": {}, "curve": curve}
    write_json(folder / "alignment.json", quality)
    return folder


def write_alignments(path: Path) -> None:
    """Write the alignment of udhr's test documents with its keys hidden, without a fault."""
    rows = [
        ("udhr", "udhr", n, lang, f"{n:02d} 1-of-1", text.format(word.strip()), 0.9, "", 0.8)
        for n, words in enumerate(KEYWORDS[1::2])
        for lang, text, word in zip(("ru", "tk"), ("Новое слово {}", "Söz {} bar"), words, strict=True)
    ]
    write_table(table_from_rows(rows, ALIGNMENT_SCHEMA), path, ALIGNMENT_SCHEMA)
