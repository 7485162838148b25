"""A folder that the ``datasets`` library loads by its path.

It holds Parquet, beside a README.md that the caller writes. ``translation`` has the two texts by
language, as translation sets on model hubs do; the other columns are the row's provenance.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path

from commands.exports.rows import PROVENANCE, Row

# Where the rows lie, below the folder.
DATA = "data/train-00000-of-00001.parquet"
# Rows of one Parquet row group: the most that is in memory at once.
_ROWS = 10_000


def write_hf(rows: Iterable[Row], folder: Path, src_lang: str, tgt_lang: str) -> None:
    """Write the Parquet file below ``folder``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"n_src": pa.int32(), "n_tgt": pa.int32(), "score": pa.float32()}
    texts = pa.struct([(src_lang, pa.string()), (tgt_lang, pa.string())])
    schema = pa.schema(
        [("translation", texts), *((name, kinds.get(name, pa.string())) for name in PROVENANCE)]
    )
    path = folder / DATA
    path.parent.mkdir(parents=True)
    rows = iter(rows)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while batch := list(itertools.islice(rows, _ROWS)):
            columns = [
                [{src_lang: row["src"], tgt_lang: row["tgt"]} for row in batch],
                *([row[name] for row in batch] for name in PROVENANCE),
            ]
            arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
