"""Train, select and save the adapters of one model, one for each seed.

With finetune.processes above 1 in params.yaml it runs in that many processes, one for each GPU, started by
accelerate's launcher; inside an `accelerate launch` of your own it uses the processes of that launch.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stages.finetune.processes import by_first, count, is_first
from stages.lib.core.errors import DataError
from stages.lib.core.files import atomic_path, sha256_file, sha256_files, write_json
from stages.lib.core.params import TRANSLATION_SCORES, Params, Recipe
from stages.lib.core.tables import CORPUS_SCHEMA, read_table

if TYPE_CHECKING:
    import polars as pl
    from sentence_transformers import SentenceTransformer

    from stages.finetune.lower_layers import LowerLayers

log = logging.getLogger("finetune")

CHECKPOINTS = Path(".cache/kopri/finetune")
_LIBRARIES = ("numpy", "peft", "sentence-transformers", "torch", "transformers")


def dev_scorer(
    model: SentenceTransformer,
    dev: pl.DataFrame,
    train: pl.DataFrame,
    params: Params,
    select: str,
    lower: LowerLayers | None = None,
) -> Callable[[], dict[str, float]]:
    """Return a function that measures the model, as it then is, by retrieval on dev.

    Candidates are the distinct texts of dev and of the pair's own training rows, so that a small dev set
    is not an easy one. ``score`` is the mean over both directions of the figure ``select``.
    """
    import polars as pl

    from stages.lib.models import encode
    from stages.lib.scores.retrieval import hits, ranks, reciprocals

    src_lang, tgt_lang = params.pair.src, params.pair.tgt
    both = pl.concat([dev, train.filter(pl.col("src_lang") == src_lang)])
    sides = {}
    for query, answer, lang in (("src", "tgt", tgt_lang), ("tgt", "src", src_lang)):
        texts = both[answer].unique(maintain_order=True).to_list()
        number = {text: n for n, text in enumerate(texts)}
        right: dict[str, set[int]] = {}
        for group, text in zip(both[f"{query}_group"], both[answer], strict=True):
            right.setdefault(group, set()).add(number[text])
        gold = [sorted(right[group]) for group in dev[f"{query}_group"]]
        sides[f"{query}_{answer}"] = (texts, lang, gold)

    def embed(texts: list[str], lang: str) -> np.ndarray:
        if lower is not None:
            return lower.encode(model, texts, lang)
        return encode(model, texts, lang, batch_tokens=params.evaluate.batch_tokens)

    def score() -> dict[str, float]:
        queries = {
            "src": embed(dev["src"].to_list(), src_lang),
            "tgt": embed(dev["tgt"].to_list(), tgt_lang),
        }
        scores = {}
        for name, (texts, lang, gold) in sides.items():
            found = ranks(queries[name[:3]], embed(texts, lang), gold)
            scores[f"p1_{name}"] = float(hits(found, 1).mean())
            scores[f"mrr_{name}"] = float(reciprocals(found).mean())
        return {"score": (scores[f"{select}_src_tgt"] + scores[f"{select}_tgt_src"]) / 2, **scores}

    return score


def run_key(name: str, params: Params, recipe: Recipe, seed: int, inputs: list[Path]) -> str:
    """Return a name for a run's checkpoint: what the result depends on, and nothing else.

    The code and its libraries count too: a checkpoint of older code is never resumed.
    """
    root = Path(__file__).resolve().parents[2]
    rooms = ("stages/finetune", "stages/lib/models", "stages/lib/scores", "assets/respell")
    code = [path for room in rooms for path in (root / room).rglob("*.*") if path.suffix != ".pyc"]
    given = Path(params.models_config[name].id)
    weights = sorted(given.rglob("*.safetensors")) if given.is_dir() else []  # elsewhere pinned by revision
    parts = {
        "model": params.models_config[name].model_dump(),
        "pair": params.pair.model_dump(),
        "recipe": recipe.model_dump(),
        "seed": seed,
        "processes": count(),
        "train_share": params.finetune.train_share,
        "batch_tokens": params.evaluate.batch_tokens,
        "versions": {library: importlib.metadata.version(library) for library in _LIBRARIES},
        "files": [sha256_file(path) for path in [*inputs, *weights]],
        "code": sha256_files(code, root),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


def finetune_seed(
    name: str,
    params: Params,
    seed: int,
    train: pl.DataFrame,
    dev: pl.DataFrame,
    checkpoint: Path,
    out: Path | None,
) -> dict:
    """Train one adapter into ``out`` (adapter, dvclive log) and return its summary; write nothing without."""
    import torch

    from stages.finetune.contrastive import ContrastiveBatches, choose_rows, choose_scale, fit, take_share
    from stages.finetune.lower_layers import LowerLayers
    from stages.finetune.model_card import model_card
    from stages.finetune.translation import TranslationBatches, translation_scorer
    from stages.lib.models import add_lora, base_name, load_encoder, save_adapter, scale_adapter

    recipe = params.recipe(params.finetune.recipe, name)
    rows = take_share(choose_rows(train, recipe, params.pair.src), params.finetune.train_share)
    log.info("%s, seed %d: %s training pairs, %s dev pairs", name, seed, f"{len(rows):,}", f"{len(dev):,}")
    torch.manual_seed(seed)  # the adapter's first weights
    config = params.models_config[name].model_copy(update={"int8": False})  # which cannot be trained
    model = load_encoder(name, config)
    add_lora(model, recipe, config)
    make_batches: Callable
    if recipe.select in TRANSLATION_SCORES:
        make_batches, score = TranslationBatches.of, translation_scorer(model, dev, params, recipe.select)
    else:
        lower = LowerLayers(model, recipe.adapter_layers) if recipe.adapter_layers else None
        make_batches = functools.partial(ContrastiveBatches.of, lower=lower)
        score = dev_scorer(model, dev, train, params, recipe.select, lower)
    score = by_first(score)

    def score_as_shipped() -> dict[str, float]:
        """Measure the model at the strength that it would be saved with."""
        scale, tried = choose_scale(model, recipe.interpolate, score)
        return next(row for row in tried if row["scale"] == scale)

    progress = fit(model, rows, recipe, seed, score_as_shipped, checkpoint, make_batches)
    scale, tried = choose_scale(model, recipe.interpolate, score)
    summary = {
        "seed": seed,
        "train_pairs": len(rows),
        "dev_pairs": len(dev),
        "best_epoch": progress.best_epoch,
        "scale": scale,
        "dev": next(row for row in tried if row["scale"] == scale),
        "dev_pretrained": progress.history[0],
        "interpolation": tried,
        "history": progress.history,
    }
    if out is None:
        return summary
    scale_adapter(model, scale)
    save_adapter(model, out)
    _log_curves(progress.history, out / "live", params, f"{name}-seed-{seed}")
    about = (name, config, base_name(config), params.pair, params.finetune.recipe, recipe, rows, summary)
    (out / "README.md").write_text(model_card(*about), encoding="utf-8")
    return summary


def _log_curves(history: list[dict[str, float]], folder: Path, params: Params, run: str) -> None:
    """Write the learning curves as dvclive does; to Weights & Biases too where that is asked for."""
    from dvclive import Live

    with Live(str(folder), dvcyaml=None, save_dvc_exp=False, report=None, monitor_system=False) as live:
        for row in history:
            for key, value in row.items():
                if key != "epoch":
                    live.log_metric(key, value)
            live.next_step()
    if params.finetune.tracker == "wandb":
        import wandb

        with wandb.init(project="kopri", name=run, config=params.model_dump()) as tracked:
            for row in history:
                tracked.log(row, step=int(row["epoch"]))


def finetune(name: str, params: Params, splits: Path, out: Path) -> None:
    """Train the adapters of all seeds into the folder ``out``, which the first process alone writes."""
    inputs = [splits / "train.parquet", splits / "dev.parquet"]
    train, dev = (read_table(path, CORPUS_SCHEMA) for path in inputs)
    if dev.is_empty():
        raise DataError(f"{inputs[1]}: no dev pair; raise split.dev_share or add sources")
    recipe = params.recipe(params.finetune.recipe, name)
    unfinished = {
        seed: CHECKPOINTS / run_key(name, params, recipe, seed, inputs) for seed in params.finetune.seeds
    }
    with atomic_path(out) if is_first() else contextlib.nullcontext() as folder:
        summaries = []
        for seed, run in unfinished.items():
            one = folder / f"seed-{seed}" if folder else None
            summaries.append(finetune_seed(name, params, seed, train, dev, run / "last.pt", one))
        if folder:
            write_json(
                folder / "training.json",
                {"recipe": params.finetune.recipe, "settings": recipe.model_dump(), "seeds": summaries},
            )
    if not is_first():
        return
    # What is finished is trained anew when it is asked for again: a checkpoint is for killed runs alone.
    for run in unfinished.values():
        shutil.rmtree(run, ignore_errors=True)
    before = summaries[0]["dev_pretrained"]["score"]
    after = float(np.mean([summary["dev"]["score"] for summary in summaries]))
    log.info("%s: dev %s %.4f pretrained, %.4f fine-tuned", name, recipe.select, before, after)
