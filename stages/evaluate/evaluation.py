"""From vectors to figures: what is retrieved among what, the table of ranks, and the metrics made of it.

The tables of ranks and of similarities are the evidence: every metric, interval and test can be made again
from them.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.evaluate.hard_negatives import corrupt
from stages.lib.core.errors import DataError, ModelError
from stages.lib.core.files import sha256_file
from stages.lib.scores.retrieval import densities, hits, ranks, reciprocals
from stages.lib.scores.significance import bootstrap_interval, holm, mcnemar_p, paired_test
from stages.lib.scores.sts import STS_SCHEMA, StsSet, table_of
from stages.lib.text.normalise import group_id

if TYPE_CHECKING:
    import polars as pl
    from sentence_transformers import SentenceTransformer

    from stages.evaluate.benchmarks import Benchmark
    from stages.lib.core.params import EvaluateParams, ModelConfig, Pair, Params

log = logging.getLogger(__name__)

TEST = "test"
# Pairs of test documents that people found good; a set of its own where there are at least so many.
GOLD = "gold"
MIN_GOLD = 2
HARD = "hard"
# Sets that are translated too: the file of their translations, and what their metrics begin with.
TRANSLATED = {TEST: ("translations.parquet", "mt"), GOLD: ("translations_gold.parquet", "mt_gold")}

# One row is one query in one direction under one scoring; seed is 0 for a pretrained model.
RANKS_SCHEMA = {
    "benchmark": "String",
    "direction": "String",
    "scoring": "String",
    "seed": "Int32",
    "pair_id": "String",
    "source": "String",
    "doc": "String",
    "rank": "Int32",
}

_FIGURES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "p1": lambda found: hits(found, 1),
    "p5": lambda found: hits(found, 5),
    "mrr": reciprocals,
}

NORMALISATION = (
    "vectors of unit length; texts that differ in capitals and punctuation only count as one translation; "
    "ties within 1e-6 count against the model"
)


@dataclass(frozen=True)
class RetrievalSet:
    """Pairs to retrieve, and the texts they are retrieved among.

    ``src_texts`` and ``tgt_texts`` are distinct: the candidates, then the hard negatives from
    ``n_src`` / ``n_tgt`` on. ``*_query`` numbers each row's own text, ``*_gold`` lists the candidates of that
    side which are right for the row, ``*_hard`` says whether the row's text of that side has a corruption.
    """

    name: str
    pair_ids: list[str]
    sources: list[str]
    docs: list[str]
    src_texts: list[str]
    tgt_texts: list[str]
    n_src: int
    n_tgt: int
    src_query: np.ndarray
    tgt_query: np.ndarray
    src_gold: list[list[int]]
    tgt_gold: list[list[int]]
    src_hard: np.ndarray
    tgt_hard: np.ndarray


def make_set(
    name: str,
    pair: Pair,
    *,
    src: Sequence[str],
    tgt: Sequence[str],
    pair_ids: Sequence[str],
    sources: Sequence[str],
    docs: Sequence[str],
    src_groups: Sequence[str],
    tgt_groups: Sequence[str],
    src_pool: Sequence[str] = (),
    tgt_pool: Sequence[str] = (),
) -> RetrievalSet:
    """Lay out candidates, right answers and hard negatives; the order of the rows is kept.

    Right for a row are the texts of all rows that share its group on either side, and every candidate that
    differs from one of those in capitals and punctuation only, wherever it comes from.
    """
    if not src:
        raise DataError(f"{name}: no pair to evaluate; lower split.min_words or add sources")
    src_side = _lay_out(src, src_groups, tgt_groups, src_pool, pair.src)
    tgt_side = _lay_out(tgt, tgt_groups, src_groups, tgt_pool, pair.tgt)
    return RetrievalSet(
        name=name,
        pair_ids=list(pair_ids),
        sources=list(sources),
        docs=list(docs),
        src_texts=src_side.texts,
        tgt_texts=tgt_side.texts,
        n_src=src_side.n_candidates,
        n_tgt=tgt_side.n_candidates,
        src_query=src_side.query,
        tgt_query=tgt_side.query,
        src_gold=src_side.gold,
        tgt_gold=tgt_side.gold,
        src_hard=src_side.has_hard,
        tgt_hard=tgt_side.has_hard,
    )


@dataclass(frozen=True)
class _Side:
    texts: list[str]
    n_candidates: int
    query: np.ndarray
    gold: list[list[int]]
    has_hard: np.ndarray


def _lay_out(
    texts: Sequence[str], groups: Sequence[str], other_groups: Sequence[str], pool: Sequence[str], lang: str
) -> _Side:
    candidates = list(dict.fromkeys([*texts, *pool]))
    number = {text: n for n, text in enumerate(candidates)}
    keys = [group_id(text, lang) for text in candidates]
    by_key: dict[str, list[int]] = {}
    for n, key in enumerate(keys):
        by_key.setdefault(key, []).append(n)

    # Rows of one group on either side -> the keys of their texts on this side.
    linked: dict[tuple[str, str], set[str]] = {}
    for text, own, other in zip(texts, groups, other_groups, strict=True):
        key = keys[number[text]]
        linked.setdefault(("own", own), set()).add(key)
        linked.setdefault(("other", other), set()).add(key)
    gold = [
        sorted(n for key in linked["own", own] | linked["other", other] for n in by_key[key])
        for own, other in zip(groups, other_groups, strict=True)
    ]

    hard: dict[str, None] = {}
    has_hard = np.zeros(len(texts), dtype=bool)
    for row, text in enumerate(texts):
        # A copy that is a real candidate's text is no corruption: it may be somebody's right answer.
        copies = [copy.text for copy in corrupt(text, lang) if group_id(copy.text, lang) not in by_key]
        has_hard[row] = bool(copies)
        hard.update(dict.fromkeys(copies))
    return _Side(
        texts=[*candidates, *hard],
        n_candidates=len(candidates),
        query=np.array([number[text] for text in texts], dtype=np.int64),
        gold=gold,
        has_hard=has_hard,
    )


def lay_out_split(name: str, split: pl.DataFrame, pool: pl.DataFrame, pair: Pair) -> RetrievalSet:
    """Lay out the pairs of a split that are of the pair's own languages among the pool."""
    import polars as pl

    rows = split.filter((pl.col("src_lang") == pair.src) & (pl.col("tgt_lang") == pair.tgt))
    return make_set(
        name,
        pair,
        src=rows["src"].to_list(),
        tgt=rows["tgt"].to_list(),
        pair_ids=rows["pair_id"].to_list(),
        sources=rows["source"].to_list(),
        docs=rows["doc"].to_list(),
        src_groups=rows["src_group"].to_list(),
        tgt_groups=rows["tgt_group"].to_list(),
        src_pool=pool.filter(pl.col("lang") == pair.src)["text"].to_list(),
        tgt_pool=pool.filter(pl.col("lang") == pair.tgt)["text"].to_list(),
    )


def benchmark_set(benchmark: Benchmark, pair: Pair) -> RetrievalSet:
    """Lay out a benchmark's sentences among themselves.

    Where it does not tell its documents, all is one, so that sentences are resampled, and named so.
    """
    from stages.lib.core.tables import pair_id

    src, tgt = list(benchmark.src), list(benchmark.tgt)
    docs = benchmark.docs or ["all"] * len(src)
    return make_set(
        benchmark.name,
        pair,
        src=src,
        tgt=tgt,
        pair_ids=[pair_id(pair.src, a, pair.tgt, b) for a, b in zip(src, tgt, strict=True)],
        sources=[benchmark.name] * len(src),
        docs=[f"{benchmark.name}/{doc}" for doc in docs],
        src_groups=[group_id(text, pair.src) for text in src],
        tgt_groups=[group_id(text, pair.tgt) for text in tgt],
    )


def rank_set(
    retrieval: RetrievalSet,
    src_vectors: np.ndarray,
    tgt_vectors: np.ndarray,
    pair: Pair,
    *,
    margin_k: int,
    seed: int,
) -> pl.DataFrame:
    """Rank every pair in both directions: by cosine, by margin, and by cosine among the hard negatives.

    ``src_vectors`` (len(src_texts), dim) and ``tgt_vectors`` follow the set's texts. The neighbours of the
    margin are searched among all candidates of the other side, queries included.
    """
    import polars as pl

    from stages.lib.core.tables import table_from_rows

    src, tgt = src_vectors[: retrieval.n_src], tgt_vectors[: retrieval.n_tgt]
    src_density, tgt_density = densities(src, tgt, margin_k)
    sides = {
        f"{pair.src}_{pair.tgt}": (
            (src, retrieval.src_query, src_density),
            (tgt_vectors, retrieval.n_tgt, tgt_density, retrieval.tgt_gold, retrieval.tgt_hard),
        ),
        f"{pair.tgt}_{pair.src}": (
            (tgt, retrieval.tgt_query, tgt_density),
            (src_vectors, retrieval.n_src, src_density, retrieval.src_gold, retrieval.src_hard),
        ),
    }
    frames = []

    def add(benchmark: str, direction: str, scoring: str, rows: np.ndarray, found: np.ndarray) -> None:
        frames.append(
            pl.DataFrame(
                {
                    "benchmark": [benchmark] * len(rows),
                    "direction": [direction] * len(rows),
                    "scoring": [scoring] * len(rows),
                    "seed": np.full(len(rows), seed, dtype=np.int32),
                    "pair_id": [retrieval.pair_ids[row] for row in rows],
                    "source": [retrieval.sources[row] for row in rows],
                    "doc": [retrieval.docs[row] for row in rows],
                    "rank": found.astype(np.int32),
                }
            )
        )

    for direction, (
        (own, query, own_density),
        (other, n_other, other_density, gold, is_hard),
    ) in sides.items():
        queries, every = own[query], np.arange(len(query))
        add(retrieval.name, direction, "cosine", every, ranks(queries, other[:n_other], gold))
        margin = ranks(
            queries,
            other[:n_other],
            gold,
            scoring="margin",
            query_density=own_density[query],
            candidate_density=other_density,
        )
        add(retrieval.name, direction, "margin", every, margin)
        rows = np.flatnonzero(is_hard)
        if len(rows):
            found = ranks(queries[rows], other, [gold[row] for row in rows])
            add(hard_name(retrieval.name), direction, "cosine", rows, found)
    return pl.concat([table_from_rows([], RANKS_SCHEMA), *frames])


def hard_name(name: str) -> str:
    """Name the hard-negative figures of a set: ``hard`` for the test set, ``<benchmark>_hard`` for others."""
    return HARD if name == TEST else f"{name}_{HARD}"


@dataclass(frozen=True)
class Evidence:
    """What was measured of one variant of a model, from which every figure is made.

    ``ranks`` has RANKS_SCHEMA, ``similarities`` STS_SCHEMA; ``adapters`` is the sha256 of each by its seed.
    """

    ranks: pl.DataFrame
    similarities: pl.DataFrame
    adapters: dict[str, str]


def measure_model(
    model: SentenceTransformer, sets: Sequence[RetrievalSet], sts: Sequence[StsSet], params: Params, seed: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rank all retrieval sets with a model as it is, and take the similarities of all graded pairs.

    The retrieval sets' texts of a language are encoded together, so that sets with one pool pay for it once.
    Graded pairs in a language that the model does not know are left out, with a line that says so.
    """
    import polars as pl

    from stages.lib.core.tables import table_from_rows
    from stages.lib.models import encode

    def vectors(texts: Sequence[str], lang: str) -> np.ndarray:
        return encode(model, texts, lang, batch_tokens=params.evaluate.batch_tokens)

    def together(groups: Sequence[Sequence[str]], lang: str) -> list[np.ndarray]:
        if not groups:
            return []
        ends = np.cumsum([len(texts) for texts in groups])[:-1]
        return np.split(vectors([text for texts in groups for text in texts], lang), ends)

    pair = params.pair
    src = together([retrieval.src_texts for retrieval in sets], pair.src)
    tgt = together([retrieval.tgt_texts for retrieval in sets], pair.tgt)
    ranked = [
        rank_set(retrieval, src_vectors, tgt_vectors, pair, margin_k=params.evaluate.margin_k, seed=seed)
        for retrieval, src_vectors, tgt_vectors in zip(sets, src, tgt, strict=True)
    ]
    graded = []
    for one in sts:
        try:
            left, right = vectors(one.left, one.left_lang), vectors(one.right, one.right_lang)
        except (
            ModelError
        ) as error:  # NLLB has to be told the language, and knows only those it was trained on
            log.warning("STS set %s is left out: %s", one.name, error)
        else:
            graded.append(table_of(one, left, right, seed))
    return (
        pl.concat([table_from_rows([], RANKS_SCHEMA), *ranked]),
        pl.concat([table_from_rows([], STS_SCHEMA), *graded]),
    )


def collect_evidence(
    name: str, sets: Sequence[RetrievalSet], sts: Sequence[StsSet], params: Params, adapters: Path | None
) -> Evidence:
    """Measure a model as it is, or with each of its adapters in turn (``adapters`` holds seed-<n>/)."""
    import polars as pl

    from stages.lib.models import load_encoder

    folders = adapter_folders(adapters) if adapters else {0: None}
    config = params.models_config[name]
    found = [
        measure_model(load_encoder(name, config, adapter=folder), sets, sts, params, seed)
        for seed, folder in folders.items()
    ]
    return Evidence(
        ranks=pl.concat([ranks for ranks, _ in found]),
        similarities=pl.concat([similarities for _, similarities in found]),
        adapters={str(seed): adapter_sha256(folder) for seed, folder in folders.items() if folder},
    )


def adapter_folders(path: Path) -> dict[int, Path]:
    """Find a model's adapters, ``seed-<n>`` each, by seed. Raises ModelError if there is none."""
    found = {}
    for folder in path.glob("seed-*"):
        number = folder.name.removeprefix("seed-")
        if folder.is_dir() and number.isdigit():
            found[int(number)] = folder
    if not found:
        raise ModelError(f"{path}: no seed-<n> folder with an adapter; run dvc repro finetune@{path.name}")
    return dict(sorted(found.items()))


def adapter_sha256(folder: Path) -> str:
    """Hash an adapter's weights and settings, not its logs."""
    digest = hashlib.sha256()
    for file in sorted([*folder.glob("*.safetensors"), *folder.glob("adapter_config.json")]):
        digest.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of the libraries that figures depend on."""
    from importlib.metadata import version

    names = ("numpy", "peft", "sentence-transformers", "torch", "transformers")
    return {name: version(name) for name in names}


def model_signature(name: str, config: ModelConfig) -> dict[str, Any]:
    """Return what pins a model: its id, revision and kind; of a folder, the sha256 of its weights."""
    folder = Path(config.id)
    weights = sorted(folder.rglob("*.safetensors")) if folder.is_dir() else []
    pinned = {"weights_sha256": [sha256_file(file) for file in weights]} if weights else {}
    return {
        **pinned,
        "name": name,
        "id": config.id,
        "revision": config.revision,
        "kind": config.kind,
        "respell": config.respell,
    }


# --- figures from ranks -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Values:
    """One figure's value for each query (mean over the seeds), and its mean for each seed."""

    values: np.ndarray
    by_seed: dict[int, np.ndarray]
    pair_ids: list[str]
    sources: np.ndarray
    docs: list[str]


def _values(frame: pl.DataFrame, benchmark: str, direction: str, scoring: str, figure: str) -> _Values | None:
    import polars as pl

    rows = frame.filter(
        (pl.col("benchmark") == benchmark)
        & (pl.col("direction") == direction)
        & (pl.col("scoring") == scoring)
    )
    if rows.is_empty():
        return None
    by_seed, first = {}, None
    for seed in sorted(rows["seed"].unique()):
        part = rows.filter(pl.col("seed") == seed)
        first = part if first is None else first
        if part["pair_id"].to_list() != first["pair_id"].to_list():
            raise DataError(f"ranks of {benchmark}: seed {seed} has other queries; run evaluate again")
        by_seed[seed] = _FIGURES[figure](part["rank"].to_numpy())
    return _Values(
        values=np.mean(list(by_seed.values()), axis=0),
        by_seed=by_seed,
        pair_ids=first["pair_id"].to_list(),
        sources=first["source"].to_numpy(),
        docs=first["doc"].to_list(),
    )


def _figures(frame: pl.DataFrame, pair: Pair) -> dict[str, _Values]:
    """Return the values of every metric by its name, ``<benchmark>_[margin_]<figure>_<direction>``."""
    found: dict[str, _Values] = {}
    directions = (f"{pair.src}_{pair.tgt}", f"{pair.tgt}_{pair.src}")
    for benchmark in frame["benchmark"].unique(maintain_order=True):
        for scoring, prefix in (("cosine", ""), ("margin", "margin_")):
            for figure in _FIGURES:
                both = []
                for direction in directions:
                    values = _values(frame, benchmark, direction, scoring, figure)
                    if values is not None:
                        found[f"{benchmark}_{prefix}{figure}_{direction}"] = values
                        both.append(values)
                # Hard negatives have their own queries in each direction; elsewhere a row is one in both.
                if len(both) == 2 and both[0].pair_ids == both[1].pair_ids:
                    found[f"{benchmark}_{prefix}{figure}_mean"] = _Values(
                        values=(both[0].values + both[1].values) / 2,
                        by_seed={s: (both[0].by_seed[s] + both[1].by_seed[s]) / 2 for s in both[0].by_seed},
                        pair_ids=both[0].pair_ids,
                        sources=both[0].sources,
                        docs=both[0].docs,
                    )
    return found


def measure(frame: pl.DataFrame, pair: Pair, settings: EvaluateParams, seed: int) -> dict[str, Any]:
    """Turn ranks into metrics: ``{"metrics": {name: figure}, "by_source": {source: {name: figure}}}``.

    A figure has value, low, high, n, unit, units and method; with several training seeds the value is their
    mean, the interval is of that mean, and by_seed, spread (standard deviation) are added. The metric
    ``..._mean`` is the mean of both directions.
    """

    def interval(values: np.ndarray, docs: Sequence[str]) -> dict[str, Any]:
        found = bootstrap_interval(
            values, docs, resamples=settings.bootstrap, confidence=settings.confidence, seed=seed
        )
        return asdict(found)

    metrics: dict[str, Any] = {}
    by_source: dict[str, dict[str, Any]] = {}
    for name, figure in _figures(frame, pair).items():
        metrics[name] = interval(figure.values, figure.docs)
        if len(figure.by_seed) > 1:
            means = {str(number): float(values.mean()) for number, values in figure.by_seed.items()}
            spread = float(np.std(list(means.values()), ddof=1))
            metrics[name] |= {"by_seed": means, "spread": spread}
        sources = sorted(set(figure.sources))
        if len(sources) > 1:
            docs = np.array(figure.docs)
            for source in sources:
                rows = figure.sources == source
                by_source.setdefault(source, {})[name] = interval(figure.values[rows], docs[rows].tolist())
    return {"metrics": metrics, "by_source": by_source}


COMPARED = ("p1", "mrr")


def compare(
    before: pl.DataFrame, after: pl.DataFrame, pair: Pair, settings: EvaluateParams, seed: int
) -> dict[str, dict[str, Any]]:
    """Test after against before, query by query, for P@1 and MRR by cosine; returns figures by metric.

    ``p`` is the paired permutation test over documents, the primary one; ``p_mcnemar`` (P@1 of one
    direction) takes queries as independent; with several seeds it is that of the first seed. Correct p
    for the number of comparisons with :func:`correct`.
    """
    found: dict[str, dict[str, Any]] = {}
    was, now = _figures(before, pair), _figures(after, pair)
    for name in now:
        figure = next((figure for figure in COMPARED if f"_{figure}_" in name), None)
        if figure is None or "_margin_" in name or name not in was:
            continue
        if was[name].pair_ids != now[name].pair_ids:
            raise DataError(f"{name}: the two results have other queries; run evaluate again for both")
        test = paired_test(
            was[name].values,
            now[name].values,
            now[name].docs,
            permutations=settings.permutations,
            resamples=settings.bootstrap,
            confidence=settings.confidence,
            seed=seed,
        )
        found[name] = asdict(test)
        if figure == "p1" and not name.endswith("_mean"):
            first = next(iter(now[name].by_seed.values()))
            found[name]["p_mcnemar"] = mcnemar_p(next(iter(was[name].by_seed.values())), first)
    return found


def correct(comparisons: Mapping[str, Mapping[str, dict[str, Any]]]) -> None:
    """Add ``p_holm`` and ``family`` (its size) to every comparison, in place.

    A run is judged by P@1 by cosine, the mean of both directions: one comparison for each model (and each
    benchmark), corrected among themselves. The other figures of retrieval are a second family, those of
    graded pairs (``sts_``) a third. Translation is judged by chrF++, the primary figure where words carry
    many suffixes: one comparison for each direction; its other figures (``mt_``) are a family of their own.
    What people judged (gold) has families like these for itself, so that judging pairs changes no p of test.
    """
    families: dict[str, list[dict[str, Any]]] = {}
    for model in sorted(comparisons):
        for metric in sorted(comparisons[model]):
            families.setdefault(_family(metric), []).append(comparisons[model][metric])
    for tests in families.values():
        for test, p in zip(tests, holm([test["p"] for test in tests]), strict=True):
            test["p_holm"] = p
            test["family"] = len(tests)


def _family(metric: str) -> str:
    parts = metric.split("_")
    if parts[0] in ("sts", "mt"):
        family = "chrfpp" if parts[-1] == "chrfpp" else parts[0]
    else:
        is_primary = metric.endswith("_p1_mean") and not {"hard", "margin"} & set(parts)
        family = "primary" if is_primary else "retrieval"
    return f"gold {family}" if GOLD in parts[:2] else family


def rounded(value: Any, digits: int = 4) -> Any:
    """Round every float in nested JSON; a value that is not finite is refused."""
    if isinstance(value, dict):
        return {key: rounded(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item, digits) for item in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise DataError(f"metrics: expected a finite number, found {value}")
        return round(value, digits) + 0.0
    return value
