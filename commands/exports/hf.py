"""A folder that the ``datasets`` library loads by its path, with the splits train, validation and test.

It holds a Parquet file a split, beside a README.md that the caller writes. ``translation`` has the two texts
by language, as translation sets on model hubs do; the other columns are the row's provenance.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

from commands.exports.rows import PROVENANCE, Row

# Splits in the library's order and by its names; "train" is that of a corpus that is not split.
SPLITS = ("train", "validation", "test")
# Rows of one Parquet row group: the most that is in memory at once.
_ROWS = 10_000


def split_file(split: str) -> str:
    """Return where the rows of a split lie, below the folder."""
    return f"data/{split}-00000-of-00001.parquet"


def write_hf(
    rows: Iterable[Row], folder: Path, src_lang: str, tgt_lang: str, splits: Mapping[str, str] | None = None
) -> None:
    """Write a Parquet file below ``folder`` for each split that has rows, and for train in any case.

    ``splits`` has the split of each pair, by its id; without it, all is train.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"n_src": pa.int32(), "n_tgt": pa.int32(), "score": pa.float32()}
    texts = pa.struct([(src_lang, pa.string()), (tgt_lang, pa.string())])
    schema = pa.schema(
        [("translation", texts), *((name, kinds.get(name, pa.string())) for name in PROVENANCE)]
    )
    (folder / "data").mkdir(parents=True)
    rows = iter(rows)
    with ExitStack() as stack:

        def create(split: str) -> pq.ParquetWriter:
            return stack.enter_context(
                pq.ParquetWriter(folder / split_file(split), schema, compression="zstd")
            )

        writers = {"train": create("train")}
        while batch := list(itertools.islice(rows, _ROWS)):
            for split in SPLITS:
                part = [row for row in batch if splits is None or splits[row["pair_id"]] == split]
                if (splits is None and split != "train") or not part:
                    continue
                columns = [
                    [{src_lang: row["src"], tgt_lang: row["tgt"]} for row in part],
                    *([row[name] for row in part] for name in PROVENANCE),
                ]
                arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
                writer = writers.get(split) or writers.setdefault(split, create(split))
                writer.write_batch(pa.record_batch(arrays, schema=schema))
