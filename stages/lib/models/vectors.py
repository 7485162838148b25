"""Vectors of texts, embedded once: a store by content behind every model, outside DVC.

What is in the store never changes a result. A vector is float16 of what the model gives a text, and the model
gives it the same to the last bit in any company: flat encoders by the form of their products
(``stages.lib.models.use.MIN_ROWS``), others because their batches here are of one length and a fixed number
of texts (``encode(is_exact=True)``).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.metadata
import json
import logging
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.lib.core.engine import LOCAL, Engine
from stages.lib.core.errors import DataError, ModelError
from stages.lib.core.files import read_json, sha256_files, write_json
from stages.lib.core.tables import read_table, write_table

if TYPE_CHECKING:
    import polars as pl
    from sentence_transformers import SentenceTransformer

    from stages.lib.core.params import ModelConfig, Params

log = logging.getLogger(__name__)

STORE = Path(".cache/kopri/vectors")
# Part of every identity: raise it when a file's form or the way to a vector changes here.
FORMAT = 1
# Texts of one shard, written to the store as soon as they come back.
SHARD_TEXTS = 2048
# Row n of the index is about row n of the vectors: sha256 of language and text, crc32 of the vector's bytes.
_RECORD = np.dtype([("key", "<u8", (4,)), ("crc", "<u4")])
_LIBRARIES = ("numpy", "sentence-transformers", "sentencepiece", "tokenizers", "torch", "transformers")


def encoder_identity(config: ModelConfig, adapter: Path | None = None) -> dict[str, Any]:
    """Return everything that a text's vector depends on: model, adapter, code, library versions, device."""
    import torch

    here = Path(__file__).resolve()
    root = here.parents[3]
    code = [path for path in here.parent.rglob("*.py") if path.name != here.name]
    code += (root / "assets/respell").glob("*.tsv")
    return {
        "format": FORMAT,
        "model": config.model_dump(mode="json"),
        # A wheel or a hub revision is pinned in the configuration, a folder's content is not.
        "weights": _folder_sha256(Path(config.id)) if Path(config.id).is_dir() else None,
        "adapter": _folder_sha256(adapter) if adapter else None,
        "code": sha256_files(code, root),
        "versions": {name: importlib.metadata.version(name) for name in _LIBRARIES},
        "device": "cuda" if torch.cuda.is_available() else torch.backends.cpu.get_cpu_capability(),
    }


def _folder_sha256(folder: Path) -> str:
    return sha256_files((path for path in folder.rglob("*") if path.is_file()), folder)


def text_keys(texts: Sequence[str], lang: str) -> np.ndarray:
    """Return the sha256 of each text with its language, uint64 (n, 4)."""
    joined = b"".join(hashlib.sha256(f"{lang}\0{text}".encode()).digest() for text in texts)
    return np.frombuffer(joined, dtype="<u8").reshape(-1, 4)


class VectorStore:
    """Float16 vectors of one model by key, in a folder that several processes may use at once.

    ``vectors.f16`` holds the rows, ``index`` a record for each. Both only grow. A row is written before its
    record, under a lock, so a reader never sees half a row; what a killed writer left over after the last
    whole row is cut off by the next one. A row whose checksum does not fit counts as absent and is added
    anew.
    """

    def __init__(self, folder: Path, dim: int) -> None:
        self.folder, self.dim = folder, dim
        self._vectors, self._index = folder / "vectors.f16", folder / "index"
        folder.mkdir(parents=True, exist_ok=True)
        self._records = np.empty(0, dtype=_RECORD)
        self._order = np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        """Count the whole rows on disk, damaged and repeated ones included."""
        return min(_size(self._index) // _RECORD.itemsize, _size(self._vectors) // self._row_bytes)

    def get(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the vectors of ``keys`` (n, dim), and which were found, bool (n,); the others are zeros."""
        self._refresh()
        found = np.zeros((len(keys), self.dim), dtype=np.float16)
        rows = self._rows(keys)
        known = np.flatnonzero(rows >= 0)
        if len(known):
            stored = np.memmap(self._vectors, np.float16, "r", shape=(len(self._records), self.dim))
            found[known] = stored[rows[known]]
            for place in known:
                if zlib.crc32(found[place].tobytes()) != self._records["crc"][rows[place]]:
                    found[place], rows[place] = 0, -1
        return found, rows >= 0

    def add(self, keys: np.ndarray, vectors: np.ndarray) -> None:
        """Append the vectors (n, dim) of keys that are not here yet; the keys are distinct.

        Raises DataError if a vector is not finite.
        """
        if not np.isfinite(vectors).all():
            raise DataError(f"{self.folder}: the model gave a vector that is not finite; nothing was stored")
        with self._lock():
            new = ~self.get(keys)[1]  # another process may have been quicker
            rows = np.ascontiguousarray(vectors[new], dtype=np.float16)
            records = np.empty(len(rows), dtype=_RECORD)
            records["key"] = keys[new]
            records["crc"] = [zlib.crc32(row.tobytes()) for row in rows]
            whole = len(self)
            _append(self._vectors, whole * self._row_bytes, rows.tobytes())
            _append(self._index, whole * _RECORD.itemsize, records.tobytes())

    @property
    def _row_bytes(self) -> int:
        return 2 * self.dim

    def _refresh(self) -> None:
        whole = len(self)
        if whole != len(self._records):
            self._records = np.fromfile(self._index, dtype=_RECORD, count=whole)
            self._order = np.argsort(self._records["key"][:, 0], kind="stable")

    def _rows(self, keys: np.ndarray) -> np.ndarray:
        """Return the last row of each key, int64, -1 where there is none."""
        if not len(self._records):
            return np.full(len(keys), -1, dtype=np.int64)
        places = np.searchsorted(self._records["key"][:, 0], keys[:, 0], side="right", sorter=self._order) - 1
        rows = self._order[np.maximum(places, 0)]
        return np.where((self._records["key"][rows] == keys).all(axis=1), rows, -1)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Keep other writers out; the lock goes with the process if that is killed."""
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


class _Encoder:
    """A model that is loaded when the first texts come; sent to another process, it is loaded there anew."""

    def __init__(self, name: str, config: ModelConfig, batch_tokens: int, adapter: Path | None) -> None:
        self.name, self.config, self.batch_tokens, self.adapter = name, config, batch_tokens, adapter
        self.identity = encoder_identity(config, adapter)
        self.model: SentenceTransformer | None = None
        self.was_sent = False

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "model": None, "was_sent": True}

    def load(self) -> SentenceTransformer:
        from stages.lib.models import load_encoder

        if self.model is None:
            found = encoder_identity(self.config, self.adapter) if self.was_sent else self.identity
            if differing := [key for key, value in found.items() if value != self.identity[key]]:
                raise ModelError(
                    f"model {self.name}: a worker's {' and '.join(differing)} differ from those of the "
                    "process that asks, so its vectors could; set all machines up alike (docs/engine.md)"
                )
            self.model = load_encoder(self.name, self.config, self.adapter)
        return self.model

    def __call__(self, shard: tuple[list[str], str]) -> np.ndarray:
        """Return the vectors of texts in one language, float16 (n, dim)."""
        from stages.lib.models import encode

        return encode(self.load(), *shard, self.batch_tokens, is_exact=True).astype(np.float16)


class Embedder:
    """One model behind its store; the model is loaded when the first unknown text comes.

    The store is read and written here alone; only texts that it lacks go to the engine, and their vectors
    come back.
    """

    def __init__(
        self,
        name: str,
        config: ModelConfig,
        batch_tokens: int,
        adapter: Path | None = None,
        root: Path = STORE,
        engine: Engine = LOCAL,
    ) -> None:
        self.name, self.config, self.adapter, self.engine = name, config, adapter, engine
        # Texts that the model itself had to encode, and texts that were in the store.
        self.encoded = self.read = 0
        self._encoder = _Encoder(name, config, batch_tokens, adapter)
        identity = self._encoder.identity
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
        about = root / digest[:16] / "store.json"
        if not about.is_file():
            dim = self._encoder.load().get_embedding_dimension()
            write_json(about, {"identity": identity, "dim": dim})
        try:
            dim = int(read_json(about)["dim"])
        except (KeyError, TypeError, ValueError):
            raise DataError(f"{about}: states no dimension; delete the folder {about.parent}") from None
        self.store = VectorStore(about.parent, dim)

    @classmethod
    def of(cls, name: str, params: Params, adapter: Path | None = None, engine: Engine = LOCAL) -> Embedder:
        """Return a model of params.yaml behind its store."""
        return cls(name, params.models_config[name], params.evaluate.batch_tokens, adapter, engine=engine)

    def __call__(self, texts: Sequence[str], lang: str) -> np.ndarray:
        """Return float16 vectors of about unit length, (n, dim), in the order of ``texts``."""
        from tqdm import tqdm

        unique = list(dict.fromkeys(texts))
        place = {text: row for row, text in enumerate(unique)}
        keys = text_keys(unique, lang)
        vectors, is_known = self.store.get(keys)
        missing = np.flatnonzero(~is_known)
        self.read += len(unique) - len(missing)
        self.encoded += len(missing)
        # Longest first, here and in encode: what may not fit in memory fails at once.
        missing = missing[np.argsort([-len(unique[row]) for row in missing], kind="stable")]
        shards = [missing[start : start + SHARD_TEXTS] for start in range(0, len(missing), SHARD_TEXTS)]
        found = self.engine.run(
            self._encoder, (([unique[row] for row in rows], lang) for rows in shards), on_gpu=True
        )
        # encode has a bar of its own; this one is for what takes many of its calls.
        is_quiet = None if len(shards) > 1 else True
        progress = tqdm(shards, unit="shard", desc="embed", disable=is_quiet, leave=False)
        for rows, part in zip(progress, found, strict=True):
            vectors[rows] = part
            self.store.add(keys[rows], vectors[rows])
        return vectors[[place[text] for text in texts]]

    def unit(self, texts: Sequence[str], lang: str) -> np.ndarray:
        """Return float32 vectors of unit length, (n, dim), in the order of ``texts``."""
        return to_unit(self(texts, lang))


def to_unit(vectors: np.ndarray) -> np.ndarray:
    """Return float32 rows of unit length; float16 on disk is off by some 1e-4. A row of zeros stays one."""
    rows = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.maximum(lengths, np.finfo(np.float32).tiny)


class UnitRows:
    """Rows of stored vectors, read anew as float32 of unit length whenever some are asked for by ``[...]``.

    So a source of any size takes no more memory than the part of it that is looked at.
    """

    def __init__(self, stored: np.ndarray, rows: np.ndarray) -> None:
        self._stored, self._rows = stored, rows
        self.shape = (len(rows), stored.shape[1])

    def __getitem__(self, part: slice | np.ndarray) -> np.ndarray:
        return to_unit(self._stored[self._rows[part]])


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _append(path: Path, start: int, content: bytes) -> None:
    """Write ``content`` at ``start``, after cutting off what a killed writer left there."""
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.truncate(start)
        file.seek(start)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


# ---------------------------------------------------------------------------------------------------------
# The extract that the embed stage writes
# ---------------------------------------------------------------------------------------------------------

# One row is one segment, in the segments' order; `row` is the row of its vector. Equal texts share one.
EXTRACT_SCHEMA = {"lang": "String", "doc": "String", "n": "Int32", "row": "Int32"}
# Texts in memory at once, with their vectors.
_BLOCK = 50_000


def write_extract(segments: pl.DataFrame, embed: Embedder, folder: Path, source: str) -> int:
    """Write ``<source>.npy`` (float16) and ``<source>.parquet`` (EXTRACT_SCHEMA); count the vectors.

    Vectors are in the order in which their language and text come first, whatever order they were made in.
    """
    import polars as pl

    texts = segments.select("lang", "text").unique(maintain_order=True).with_row_index("row")
    index = segments.join(texts, on=["lang", "text"], how="left", maintain_order="left").select(
        "lang", "doc", "n", pl.col("row").cast(pl.Int32)
    )
    path = folder / f"{source}.npy"
    vectors = np.lib.format.open_memmap(path, "w+", dtype=np.float16, shape=(len(texts), embed.store.dim))
    _allocate(path)
    for (lang,), rows in texts.group_by("lang", maintain_order=True):
        for part in rows.iter_slices(_BLOCK):
            vectors[part["row"].to_numpy()] = embed(part["text"].to_list(), lang)
    vectors.flush()
    write_table(index, folder / f"{source}.parquet", EXTRACT_SCHEMA)
    return len(texts)


def _allocate(path: Path) -> None:
    """Give a file its room on the disk: a mapped write to a full one would end the process by SIGBUS."""
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with path.open("r+b") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
            except OSError as error:
                error.filename = str(path)
                raise


def read_extract(segments: pl.DataFrame, folder: Path, source: str) -> tuple[pl.DataFrame, np.ndarray]:
    """Return the segments with the column ``row``, and the vectors (memory-mapped float16) it points into.

    Raises DataError where a segment has no vector.
    """
    import polars as pl

    index = read_table(folder / f"{source}.parquet", EXTRACT_SCHEMA)
    path = folder / f"{source}.npy"
    try:
        vectors = np.load(path, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: no readable vectors ({error}); run embed again (dvc repro)") from None
    joined = segments.join(index, on=["lang", "doc", "n"], how="left", maintain_order="left")
    lacking = joined.filter(pl.col("row").is_null())
    if len(lacking) or (index["row"].max() or 0) >= max(len(vectors), 1):
        first = f"{lacking['doc'][0]} ({lacking['lang'][0]})" if len(lacking) else "the last row"
        raise DataError(
            f"{path}: {len(vectors):,} vectors are not those of the segments of {source}, the first that "
            f"lacks one is in {first}; run embed again (dvc repro)"
        )
    return joined, vectors
