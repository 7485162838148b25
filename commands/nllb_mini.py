"""Train nllb_mini from scratch: NLLB's architecture, small, on texts of package registries.

The corpus is every message that several languages have, in all directions between them, but Russian and
Turkmen are never put side by side: fine-tuning is there to show what that pair adds. Nothing of a document
of dev or test, in any language, and nothing near one of their texts or a benchmark is in it.
Run `dvc repro` first; kill it at will, it goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import pickle
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from stages.align.keys import pair_by_key
from stages.clean.filters import Filter, PairTexts, make_steps
from stages.collect.transports import collect
from stages.extract.messages.po import plural_categories, read_catalog
from stages.extract.segments import Segment, make_table
from stages.extract.sources import extract
from stages.finetune.translation import Example, plan_batches, sequence_loss
from stages.lib.core.archives import RawFile, open_raw
from stages.lib.core.cli import run
from stages.lib.core.errors import DataError
from stages.lib.core.files import atomic_path
from stages.lib.core.params import Params, SourceConfig, load_params
from stages.lib.core.tables import CORPUS_SCHEMA, SEGMENT_SCHEMA, content_sha256, read_table
from stages.lib.models.nllb import LANGUAGE_CODES, language_code
from stages.lib.models.translate import translate
from stages.lib.scores.translation import score
from stages.lib.text.fingerprints import Fingerprint, match_texts, read_fingerprints
from stages.lib.text.held_out import choose_split
from stages.lib.text.letters import fold
from stages.lib.text.markup import normalise
from stages.lib.text.near_duplicates import TextMatcher, fold_for_matching

if TYPE_CHECKING:
    import polars as pl
    from transformers import M2M100ForConditionalGeneration, NllbTokenizer

logger = logging.getLogger("nllb_mini")

# English first and Turkmen last: what equals the English text of its message is untranslated.
LANGS = ("en", "ru", "tr", "az", "uz", "kk", "ky", "tk")
# Turkmen stands beside these only.
BESIDE_TURKMEN = ("en", "tr")
# Sources that the default run does without, and Debian packages with gettext catalogues in Turkmen.
EXTRA_SOURCES = ("mediawiki", "goldendict")
# The filters of the clean stage that are applied, by their reason.
_FILTERS = ("markup", "placeholder", "too_short", "script", "length_ratio", "untranslated")
GETTEXT_PACKAGES = (
    *("atril-common", "caja-common", "engrampa-common", "eom-common", "libgtk-3-common"),
    *("libgtk2.0-common", "mate-panel-common", "pluma-common"),
)


FINGERPRINTS = Path("assets/fingerprints.json.gz")
DATA = Path("data")
# Debian's files, the tokeniser and the checkpoint.
CACHE = Path(".cache/kopri/nllb_mini")
# The model card, with fields for str.format.
CARD = Path(__file__).resolve().parents[1] / "assets/nllb_mini_card.md"
STEPS = 12_000
SCORE_STEPS = 2_000
CHECKPOINT_S = 300
# Examples drawn at once, so that batches are of like length.
ROUND = 20_000
LICENSE = "GPL-3.0-or-later"
PACKAGE_LICENSE = "GPL-2.0-or-later"
# What the repository gives room to.
MAX_BYTES = 16_000_000
_COLUMNS = ["src_lang", "src", "tgt_lang", "tgt", "source"]


@dataclass(frozen=True)
class Recipe:
    """All that decides what comes out, beside the texts."""

    vocab: int = 6000
    dim: int = 160
    ffn: int = 640
    heads: int = 4
    encoder_layers: int = 3
    decoder_layers: int = 2
    dropout: float = 0.1
    max_tokens: int = 48
    batch_tokens: int = 1500
    lr: float = 2e-3
    warmup_steps: int = 500
    # The rate is constant until this share of the steps is left, then falls in a straight line to zero.
    decay_share: float = 0.25
    label_smoothing: float = 0.1
    clip: float = 1.0
    # Share of the examples of each kind; within a kind all are alike.
    turkmen: float = 0.45
    russian: float = 0.3
    others: float = 0.17
    denoise: float = 0.08
    seed: int = 13


def read_package(name: str, raw: Path) -> pl.DataFrame:
    """Return the segments of a Debian package's gettext catalogues, the English of all languages last."""
    with open_raw(raw) as (origin, files):
        segments = list(_read_catalogs(name, files))
    prefix = f"pkg:deb/debian/{origin.package}@{origin.version}#"
    return make_table(segments, name, PACKAGE_LICENSE, prefix, raw)


def _read_catalogs(name: str, files: Mapping[str, RawFile]) -> Iterator[Segment]:
    english: dict[tuple[str, str], Segment] = {}
    for file in files:
        path = PurePosixPath(file)
        # The English of a message is its id, which an English catalogue repeats.
        if path.suffix != ".mo" or (lang := path.parts[3]) not in LANGS or lang == "en":
            continue
        catalog = read_catalog(files[file].read(), path.suffix, f"{name}: {file}")
        categories = plural_categories(catalog, lang, f"{name}: {file}")
        for message in catalog.messages:
            for key, text in message.forms(message.strings, categories).items():
                yield Segment(path.stem, lang, text, key, file)
            for key, text in message.forms(message.ids, ("one", "other")).items():
                english[path.stem, key] = Segment(path.stem, "en", text, key, file)
    yield from english.values()


def read_segments(folder: Path, cache: Path, params: Params) -> pl.DataFrame:
    """Return the segments of the listed sources, then of the Debian ones, which are collected into ``cache``.

    Raises DataError if a listed source has no table yet.
    """
    import polars as pl

    tables = [read_table(folder / f"{name}.parquet", SEGMENT_SCHEMA) for name in params.sources]
    for name in EXTRA_SOURCES:
        if name not in params.sources:
            config = params.source(name)
            tables.append(extract(name, config, _collect_once(name, config, cache)))
    for package in GETTEXT_PACKAGES:
        name = package.replace("-", "_").replace(".", "_")
        config = SourceConfig(
            transport="debian",
            format="po",
            package=package,
            license=PACKAGE_LICENSE,
            domain="interface messages",
            files=["usr/share/locale/{locale}/LC_MESSAGES/*.mo"],
        )
        tables.append(read_package(name, _collect_once(name, config, cache)))
    segments = pl.concat(tables).filter(pl.col("lang").is_in(LANGS) & pl.col("key").is_not_null())
    return segments.with_row_index("row")


def _collect_once(name: str, config: SourceConfig, cache: Path) -> Path:
    raw = cache / f"{name}.tar"
    if not raw.is_file():
        collect(name, config, raw)
    return raw


def make_pairs(segments: pl.DataFrame, splits: Path, fingerprints: Path, params: Params) -> pl.DataFrame:
    """Return the training pairs: ``src_lang, src, tgt_lang, tgt, source``, each pair in one direction.

    Only documents of train (by the rule of the split stage), cleaned, without repeats, and less the pairs
    of which a text matches a text of dev or test, in any language, or a benchmark.
    """
    import polars as pl

    protected = _protected_texts(segments, splits)
    documents = segments.select("source", "doc").unique(maintain_order=True)
    kept = [
        document for document in documents.iter_rows() if choose_split(*document, params.split) == "train"
    ]
    names = pl.DataFrame(kept, schema={"source": pl.String, "doc": pl.String}, orient="row")
    train = segments.join(names, on=["source", "doc"], how="semi")
    rows = {}
    for pair in itertools.combinations(LANGS, 2):
        if "tk" in pair and not set(pair) & set(BESIDE_TURKMEN):
            continue
        src_lang, tgt_lang = pair
        for table in train.partition_by("source", maintain_order=True):
            for row in _clean(table, src_lang, tgt_lang, params):
                rows.setdefault(row[:4], row)
    texts = {text for row in rows for text in (row[1], row[3])}
    matches = _find_matches(texts, protected, read_fingerprints(fingerprints), params)
    left = [row for row in rows.values() if row[1] not in matches and row[3] not in matches]
    if not left:
        raise DataError("no training pair is left; run dvc repro, then make nllb-mini again")
    logger.info(
        "%s pairs, %s removed for their nearness to dev, test or a benchmark",
        *(f"{len(left):,}", f"{len(rows) - len(left):,}"),
    )
    return pl.DataFrame(left, schema=_COLUMNS, orient="row")


def _protected_texts(segments: pl.DataFrame, splits: Path) -> set[str]:
    """The folded texts of dev and test, and of the same messages in every other language."""
    import polars as pl

    held = pl.concat([read_table(splits / f"{name}.parquet", CORPUS_SCHEMA) for name in ("dev", "test")])
    message = pl.col("key").str.replace("#[a-z]+$", "").alias("message")
    same = segments.with_columns(message).join(
        held.select("doc", message).unique(), on=["doc", "message"], how="semi"
    )
    texts = {*held["src"], *held["tgt"], *map(normalise, same["text"])}
    return {*map(fold_for_matching, texts)}


def _find_matches(
    texts: Iterable[str], protected: set[str], fingerprints: Sequence[Fingerprint], params: Params
) -> set[str]:
    folded = defaultdict(list)
    for text in sorted(texts):
        folded[fold_for_matching(text)].append(text)
    matcher = TextMatcher({*folded, *protected}, params.split.near_duplicate, params.split.containment)
    matches = [matcher.match(list(folded), protected), *match_texts(fingerprints, folded)]
    return {text for match in {*itertools.chain.from_iterable(matches)} for text in folded[match]}


def _clean(table: pl.DataFrame, src_lang: str, tgt_lang: str, params: Params) -> Iterator[tuple[str, ...]]:
    """Yield the rows of one source and two languages that the filters of the clean stage let through."""
    import polars as pl

    if not {src_lang, tgt_lang} <= set(table["lang"]):
        return
    english = {
        (doc, key): frozenset([fold(normalise(text), "en")])
        for doc, key, text in table.filter(pl.col("lang") == "en").select("doc", "key", "text").iter_rows()
    }
    filters = [
        step
        for step in make_steps(params.clean, src_lang, tgt_lang)
        if isinstance(step, Filter) and step.reason in _FILTERS
    ]
    for row in pair_by_key(table, src_lang, tgt_lang).iter_rows(named=True):
        own = english.get((row["doc"], row["key"]), frozenset()) if src_lang != "en" else frozenset()
        pair = PairTexts(src_lang, tgt_lang, normalise(row["src"]), normalise(row["tgt"]), own)
        if all(step.accepts(pair) for step in filters):
            yield src_lang, pair.src, tgt_lang, pair.tgt, row["source"]


def train_tokenizer(pairs: pl.DataFrame, vocab: int) -> NllbTokenizer:
    """Train an NllbTokenizer with the codes of our languages on the distinct texts, Turkmen three times."""
    from transformers import NllbTokenizer

    texts = {lang: set() for lang in LANGS}
    for side in ("src", "tgt"):
        for lang, text in pairs.select(f"{side}_lang", side).iter_rows():
            texts[lang].add(text)
    codes = sorted(LANGUAGE_CODES[lang] for lang in LANGS)
    blank = NllbTokenizer(extra_special_tokens=codes, src_lang=LANGUAGE_CODES["ru"])
    # The rarest language would get hardly a piece of its own.
    corpus = [text for lang in LANGS for text in sorted(texts[lang]) * (3 if lang == "tk" else 1)]
    return blank.train_new_from_iterator(corpus, vocab_size=vocab)


def build_model(recipe: Recipe, tokenizer: NllbTokenizer) -> M2M100ForConditionalGeneration:
    """Return the untrained model, its weights drawn from torch's generator."""
    from transformers import M2M100Config, M2M100ForConditionalGeneration

    same = {"attention_heads": recipe.heads, "ffn_dim": recipe.ffn, "layerdrop": 0.0}
    config = M2M100Config(
        vocab_size=len(tokenizer),
        max_position_embeddings=256,
        d_model=recipe.dim,
        encoder_layers=recipe.encoder_layers,
        decoder_layers=recipe.decoder_layers,
        **{f"{half}_{name}": value for half in ("encoder", "decoder") for name, value in same.items()},
        dropout=recipe.dropout,
        attention_dropout=0.0,
        activation_dropout=0.0,
        init_std=recipe.dim**-0.5,
        scale_embedding=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.eos_token_id,
    )
    return M2M100ForConditionalGeneration(config)


class Mixture:
    """The examples by kind, and the random draws from them."""

    def __init__(self, pairs: pl.DataFrame, tokenizer: NllbTokenizer, recipe: Recipe) -> None:
        code = {lang: language_code(tokenizer, lang) for lang in LANGS}
        ids: dict[str, list[int]] = {}
        for side in ("src", "tgt"):
            texts = pairs[side].unique(maintain_order=True).to_list()
            ids |= dict(zip(texts, tokenizer(texts, add_special_tokens=False)["input_ids"], strict=True))
        self._recipe, self._mask = recipe, tokenizer.mask_token_id
        self.examples: list[Example] = []
        kinds: dict[str, list[int]] = {"turkmen": [], "russian": [], "others": [], "denoise": []}
        turkmen = set()
        for src_lang, src, tgt_lang, tgt in pairs.select(_COLUMNS[:4]).iter_rows():
            if max(len(ids[src]), len(ids[tgt])) + 2 > recipe.max_tokens:
                continue
            one, other = (
                (code[lang], *ids[text], tokenizer.eos_token_id)
                for lang, text in ((src_lang, src), (tgt_lang, tgt))
            )
            langs = {src_lang, tgt_lang}
            kind = "turkmen" if "tk" in langs else "russian" if "ru" in langs else "others"
            kinds[kind] += [len(self.examples), len(self.examples) + 1]
            self.examples += [Example(one, other), Example(other, one)]
            turkmen |= {side for lang, side in ((src_lang, one), (tgt_lang, other)) if lang == "tk"}
        self._first_denoised = len(self.examples)
        for text in sorted(turkmen):
            kinds["denoise"].append(len(self.examples))
            self.examples.append(Example(text, text))
        self._kinds = {name: np.array(rows) for name, rows in kinds.items()}
        if empty := [name for name, rows in kinds.items() if not rows]:
            raise DataError(f"no training example of kind {', '.join(empty)}; add sources, run dvc repro")
        self.counts = {name: len(rows) for name, rows in kinds.items()}

    def stream(self, round_number: int, done: int) -> Iterator[tuple[int, int, list[Example]]]:
        """Yield batches without end, from behind the first ``done`` ones of a round; with each its place."""
        for number in itertools.count(round_number):
            for place, batch in enumerate(self.batches(number), start=1):
                if number > round_number or place > done:
                    yield number, place, batch

    def batches(self, round_number: int) -> list[list[Example]]:
        """Return the batches of one round of ``ROUND`` examples; the same for the same number."""
        rng = np.random.default_rng([self._recipe.seed, round_number])
        drawn = [
            rng.choice(rows, size=round(getattr(self._recipe, name) * ROUND))
            for name, rows in self._kinds.items()
        ]
        plan = plan_batches(self.examples, np.concatenate(drawn), self._recipe.batch_tokens, rng)
        return [[self._example(row, rng) for row in batch] for batch in plan]

    def _example(self, row: int, rng: np.random.Generator) -> Example:
        example = self.examples[row]
        return example if row < self._first_denoised else Example(self._noise(example.src, rng), example.tgt)

    def _noise(self, ids: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
        """Mask and drop 15 % of the tokens each, and swap neighbours (Lample et al. 2018, section 2.3)."""
        inner = np.array(ids[1:-1])
        chance = rng.random(len(inner))
        inner = np.where(chance < 0.15, self._mask, inner)[(chance < 0.15) | (chance >= 0.3)]
        order = np.argsort(np.arange(len(inner)) + rng.uniform(0, 2, len(inner)), kind="stable")
        return (ids[0], *inner[order].tolist(), ids[-1])


def rate(step: int, steps: int, recipe: Recipe) -> float:
    """Return the learning rate: warm-up, constant, straight down to zero (Hu et al. 2024, MiniCPM)."""
    left = (steps - step) / max(1, recipe.decay_share * steps)
    return recipe.lr * min(1.0, (step + 1) / recipe.warmup_steps, left)


@dataclass
class Progress:
    """Where a run is: steps made, the place in the stream of batches, and the scores on the way.

    ``losses`` is the sum of the batches' losses since the last score.
    """

    step: int = 0
    round_number: int = 0
    done: int = 0
    losses: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)


class Trainer:
    """The model in training, with all that a checkpoint holds; ``folder`` keeps tokenizer and checkpoint."""

    def __init__(self, pairs: pl.DataFrame, recipe: Recipe, folder: Path) -> None:
        import torch
        from transformers import NllbTokenizer

        self.recipe, self.progress = recipe, Progress()
        self._checkpoint = folder / "checkpoint.pt"
        self._identity = {**asdict(recipe), "pairs": content_sha256(pairs, pairs.columns)}
        try:
            saved = torch.load(self._checkpoint, weights_only=True) if self._checkpoint.is_file() else None
        except (RuntimeError, ValueError, EOFError, OSError, pickle.UnpicklingError) as error:
            raise DataError(
                f"{self._checkpoint}: no checkpoint ({type(error).__name__}); delete {folder} to start anew"
            ) from None
        if saved and saved["identity"] != self._identity:
            raise DataError(
                f"{self._checkpoint}: of other texts or another recipe; delete {folder} to start anew"
            )
        if saved is None:
            with atomic_path(folder / "tokenizer") as temporary:
                train_tokenizer(pairs, recipe.vocab).save_pretrained(temporary)
        self.tokenizer = NllbTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
        torch.manual_seed(recipe.seed)
        self.model = build_model(recipe, self.tokenizer).train()
        self._optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=recipe.lr, betas=(0.9, 0.98), weight_decay=0.01
        )
        if saved:
            self.model.load_state_dict(saved["model"])
            self._optimizer.load_state_dict(saved["optimizer"])
            self.progress = Progress(**saved["progress"])
            logger.info("going on from step %s", f"{self.progress.step:,}")

    def take_step(self, batch: Sequence[Example], steps: int) -> float:
        """Make one step of ``steps`` and return the batch's loss."""
        import torch

        # By the step, so that a resumed run drops the same units.
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.progress.step)
        for group in self._optimizer.param_groups:
            group["lr"] = rate(self.progress.step, steps, self.recipe)
        loss = sequence_loss(self.model, batch, self.recipe.label_smoothing)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        self._optimizer.step()
        self.progress.step += 1
        return loss.item()

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        import torch

        state = {
            "identity": self._identity,
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "progress": asdict(self.progress),
        }
        with atomic_path(self._checkpoint) as temporary:
            torch.save(state, temporary)


def pretrain(pairs: pl.DataFrame, dev: pl.DataFrame, recipe: Recipe, steps: int, folder: Path) -> Trainer:
    """Train the model up to ``steps`` steps; a run that finds a checkpoint in ``folder`` goes on from it.

    A checkpoint is written every five minutes and at the end. ``steps`` may change between runs, as long as
    the rate is still constant: what comes out is what one run of the last ``steps`` gives.
    """
    from tqdm import tqdm

    trainer = Trainer(pairs, recipe, folder)
    progress, mixture = trainer.progress, Mixture(pairs, trainer.tokenizer, recipe)
    logger.info("examples: %s", ", ".join(f"{name} {n:,}" for name, n in mixture.counts.items()))
    saved_at = time.monotonic()
    with tqdm(total=steps, initial=progress.step, unit="step", disable=None) as bar:
        for number, place, batch in mixture.stream(progress.round_number, progress.done):
            if progress.step >= steps:
                break
            progress.losses += trainer.take_step(batch, steps)
            progress.round_number, progress.done = number, place
            bar.update()
            if progress.step % SCORE_STEPS == 0 or progress.step == steps:
                scores = score_dev(trainer.model, trainer.tokenizer, dev)
                since = progress.history[-1]["step"] if progress.history else 0
                loss = round(progress.losses / (progress.step - since), 4)
                progress.history.append({"step": progress.step, "loss": loss, **scores})
                progress.losses = 0.0
                logger.info("%s", progress.history[-1])
            if time.monotonic() - saved_at > CHECKPOINT_S:
                trainer.save()
                saved_at = time.monotonic()
    trainer.save()
    return trainer


def score_dev(
    model: M2M100ForConditionalGeneration, tokenizer: NllbTokenizer, dev: pl.DataFrame
) -> dict[str, float]:
    """Return chrF++ of the dev pairs in both directions, by greedy search; the model never saw such pairs."""
    scores = {}
    for src, tgt in (("src", "tgt"), ("tgt", "src")):
        langs = dev[f"{src}_lang"][0], dev[f"{tgt}_lang"][0]
        found = translate(model, tokenizer, dev[src].to_list(), *langs, num_beams=1, batch_tokens=4096)
        scores["chrfpp_" + "_".join(langs)] = round(score("chrfpp", found, dev[tgt].to_list()), 2)
    return scores


def export(trainer: Trainer, pairs: pl.DataFrame, out: Path) -> None:
    """Write the model in half precision, its tokenizer and its card.

    Raises DataError if it is larger than the repository may hold.
    """
    import torch
    from transformers import M2M100ForConditionalGeneration

    with atomic_path(out) as folder:
        copy = M2M100ForConditionalGeneration(trainer.model.config)
        copy.load_state_dict(trainer.model.state_dict())
        copy.to(torch.float16).save_pretrained(folder)
        trainer.tokenizer.save_pretrained(folder)
        size = (folder / "model.safetensors").stat().st_size
        if size > MAX_BYTES:
            raise DataError(f"{out}: expected at most {MAX_BYTES:,} bytes of weights, found {size:,}")
        (folder / "README.md").write_text(write_card(trainer, pairs), encoding="utf-8", newline="\n")
    logger.info("%s: %s parameters, %s bytes", out, f"{trainer.model.num_parameters():,}", f"{size:,}")


def write_card(trainer: Trainer, pairs: pl.DataFrame) -> str:
    """Return the model card: what it is, how to use it, data, recipe, figures on the way, licence."""
    import polars as pl

    by_source = pairs.group_by("source").len().sort(["len", "source"], descending=[True, False]).rows()
    return CARD.read_text(encoding="utf-8").format(
        license=LICENSE,
        parameters=trainer.model.num_parameters(),
        languages=", ".join(LANGUAGE_CODES[lang] for lang in LANGS),
        pairs=len(pairs),
        turkmen=len(pairs.filter(pl.col("tgt_lang") == "tk")),
        sources=", ".join(f"{name} {count:,}" for name, count in by_source),
        steps=trainer.progress.step,
        settings=", ".join(f"{key} {value}" for key, value in asdict(trainer.recipe).items()),
        scores="\n".join(
            f"| {row['step']:,} | {row['loss']:.2f} | {row['chrfpp_ru_tk']:.1f} | {row['chrfpp_tk_ru']:.1f} |"
            for row in trainer.progress.history
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m commands.nllb_mini", description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=STEPS, help="steps in all (%(default)s)")
    args = parser.parse_args()
    params, splits = load_params(), DATA / "splits"
    pairs = make_pairs(read_segments(DATA / "segments", CACHE, params), splits, FINGERPRINTS, params)
    dev = read_table(splits / "dev.parquet", CORPUS_SCHEMA)
    export(pretrain(pairs, dev, Recipe(), args.steps, CACHE), pairs, Path("assets/nllb_mini"))


if __name__ == "__main__":
    run(main)
