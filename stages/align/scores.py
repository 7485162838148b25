"""The score of a pair, whatever method found it: the probability that it is right.

1. The margin: the pair's cosine over the mean cosine of either text to its nearest neighbours in a background
   of the other language (`background_margins`). The background holds texts of the pair's own source beside
   common ones: among the common ones alone, every pair of news stands out from interface messages, the wrong
   ones too.
2. The probability: the margin through a sigmoid (`Calibration`), fitted to pairs that a source joined by key
   and to wrong pairs planted beside them, both weighing one half. So 0.5 means: as likely a right pair as one
   of those.
3. A candidate is kept if its margin reaches the threshold for `align.precision`, or annotators accepted it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.align.calibration import Calibration, Threshold
from stages.align.keys import pair_by_key
from stages.align.mining import check_vectors, margins, nearest, paired_cosines
from stages.align.samples import Background, EmbedTexts, GoldSample, plant
from stages.lib.core.errors import DataError
from stages.lib.models.vectors import to_unit
from stages.lib.text.annotations import BLIND_PICKS, GOOD_VERDICTS
from stages.lib.text.held_out import choose_split
from stages.lib.text.letters import group_id

if TYPE_CHECKING:
    import polars as pl

    from stages.lib.core.params import Params

log = logging.getLogger("align")

# A source's name to its segments, with ``row``, and the vectors that row points into.
ReadSource = Callable[[str], tuple["pl.DataFrame", np.ndarray]]
# Pairs scored at once.
_BLOCK = 20_000


def background_margins(
    src: np.ndarray,
    tgt: np.ndarray,
    *,
    src_background: np.ndarray,
    tgt_background: np.ndarray,
    k: int,
    memory_mb: int,
) -> np.ndarray:
    """Return float32 (n,): the margin ratio of each pair (src[i], tgt[i]) among a fixed background.

    Cosine over the mean cosine of either side to its ``k`` nearest rows of the other language's background.
    A background row equal to the pair's own partner is left out, so a pair scores the same whether its texts
    are in the background or not; the background should hold no text twice. ``src`` and ``tgt`` (n, dim) are
    of any float type and length. Raises DataError on vectors that are not finite or whose dimensions differ,
    and if a background is empty.
    """
    for side, background, name in ((src, tgt_background, "target"), (tgt, src_background, "source")):
        check_vectors(side, background, f"{name} background")
        if len(background) == 0:
            raise DataError(f"pair scores: the {name} background is empty; expected vectors of any sentences")
    blocks = []
    for start in range(0, len(src), _BLOCK):
        src_block, tgt_block = (to_unit(side[start : start + _BLOCK]) for side in (src, tgt))
        src_density = _density_without(src_block, tgt_block, tgt_background, k, memory_mb)
        tgt_density = _density_without(tgt_block, src_block, src_background, k, memory_mb)
        blocks.append(margins(paired_cosines(src_block, tgt_block), src_density, tgt_density, "ratio"))
    return np.concatenate(blocks) if blocks else np.empty(0, dtype=np.float32)


def _density_without(
    queries: np.ndarray, partners: np.ndarray, background: np.ndarray, k: int, memory_mb: int
) -> np.ndarray:
    """Return each query's mean cosine to its k nearest of the background other than its partner; (n,)."""
    near = nearest(queries, background, k + 1, memory_mb)
    for column in range(near.rows.shape[1]):
        is_partner = paired_cosines(background[near.rows[:, column]], partners) > 1 - 1e-4
        near.rows[is_partner, column] = -1
    # Of each row stay the first k that are not its partner, or none in a background of its partner alone.
    near.rows[np.cumsum(near.rows >= 0, axis=1) > k] = -1
    return near.densities()


class Scores:
    """What the scores of all listed sources have in common: background, calibration and threshold.

    The threshold comes from the pair's own languages; it is None where no margin reaches the precision asked
    for, and no candidate is kept then. Documents of test give no gold, sources that are wholly test no
    background either, so that what is measured on them was not fitted to them.

    ``judged`` (JUDGED_SCHEMA) is what people judged. Only blindly drawn pairs calibrate: those picked for
    their nearness to the threshold, which are of both kinds just there, would move it with every batch.
    """

    def __init__(
        self, read: ReadSource, params: Params, embed: EmbedTexts, judged: pl.DataFrame | None = None
    ) -> None:
        self.params, self.embed = params, embed
        self._judged: dict[str, pl.DataFrame] = {}
        self._good: set[tuple[str, str]] = set()
        if judged is not None:
            is_good = judged["decision"].is_in(["keep", "edit"])
            self._good = set(judged.filter(is_good).select("src_group", "tgt_group").iter_rows())
            is_blind = judged["pick"].is_in(BLIND_PICKS).fill_null(False)
            decided = self._without_test(judged.filter((judged["decision"] != "second_look") & is_blind))
            by_source = decided.partition_by("source", as_dict=True)
            self._judged = {name: rows for (name,), rows in by_source.items()}
        self._common = Background(params.align.background)
        gold = GoldSample(params.align.background, params.align.min_words)
        names = [name for name in params.sources if name not in params.split.test_sources]
        for name in names:
            segments, rows = read(name)
            self._common.offer(segments, rows)
            keyed = self._without_test(pair_by_key(segments, params.pair.src, params.pair.tgt))
            gold.offer(name, self._without_judged(name, keyed), rows)
        self.calibration = self._calibrate(names, gold, read)
        self.threshold: Threshold | None = None
        try:
            self.threshold = self.calibration.threshold(params.align.precision)
        except DataError as error:
            log.warning("%s; until then no pair that the model finds is kept", error)

    def _without_test(self, pairs: pl.DataFrame) -> pl.DataFrame:
        places = pairs.select("source", "doc").iter_rows()
        return pairs.filter([choose_split(*place, self.params.split) != "test" for place in places])

    def _without_judged(self, name: str, pairs: pl.DataFrame) -> pl.DataFrame:
        """Leave out what people judged: in the calibration their verdict stands for it."""
        if name not in self._judged:
            return pairs
        judged = set(self._judged[name].select("src_group", "tgt_group").iter_rows())
        texts = pairs.select("src", "tgt").iter_rows()
        return pairs.filter([self._groups(*pair) not in judged for pair in texts])

    def _groups(self, src: str, tgt: str) -> tuple[str, str]:
        return group_id(src, self.params.pair.src), group_id(tgt, self.params.pair.tgt)

    def is_good(self, src: str, tgt: str) -> bool:
        """Tell whether people want to keep a pair, whatever its score."""
        return bool(self._good) and self._groups(src, tgt) in self._good

    def of_source(self, segments: pl.DataFrame, rows: np.ndarray) -> SourceScores:
        """Return the scores among a source's own texts and the common background."""
        background = Background(self.params.align.background)
        background.offer(segments, rows)
        return SourceScores(self, background.beside(self._common))

    def _calibrate(self, names: list[str], sample: GoldSample, read: ReadSource) -> Calibration:
        """Fit the map from margins to probabilities; without gold it is the default one, with a warning.

        Right are pairs joined by key, and blindly drawn ones that people found good; wrong are planted ones,
        and blindly drawn ones that people found bad.
        """
        pair = self.params.pair
        right: list[tuple[np.ndarray, list[str]]] = []  # margins and the document of each
        wrong: list[tuple[np.ndarray, list[str]]] = []
        for name in names:
            gold, judged = sample.of(name), self._judged.get(name)
            if gold is None and judged is None:
                continue
            source = self.of_source(*read(name))
            if judged is not None:
                sides = (("src", pair.src), ("tgt", pair.tgt))
                found = source.margins(*(self.embed(judged[side].to_list(), lang) for side, lang in sides))
                is_good = judged["verdict"].is_in(GOOD_VERDICTS)
                for kind, chosen in ((right, is_good), (wrong, ~is_good)):
                    kind.append((found[chosen.to_numpy()], judged.filter(chosen)["doc"].to_list()))
            if gold is not None:
                right.append((source.margins(gold.src_vectors, gold.tgt_vectors), gold.docs))
                src, tgt, docs = plant(gold, self.embed, pair.src, pair.tgt, self.params.align.memory_mb)
                wrong.append((source.margins(src, tgt), docs))
        right_docs, wrong_docs = ([doc for _, docs in kind for doc in docs] for kind in (right, wrong))
        self._counts = {
            "gold_pairs": len(right_docs),
            "wrong_pairs": len(wrong_docs),
            "judged_pairs": sum(len(self._judged[name]) for name in names if name in self._judged),
        }
        if not right_docs or not wrong_docs:
            return Calibration.default()
        return Calibration.from_scores(
            *(np.concatenate([found for found, _ in kind]) for kind in (right, wrong)),
            positive_units=right_docs,
            negative_units=wrong_docs,
            seed=self.params.seed,
        )

    def quality(self) -> dict[str, Any]:
        """Return what the calibration was made from and what came of it."""
        return {
            "model": self.params.align.model,
            **self._counts,
            "threshold": self.threshold and vars(self.threshold),
            "threshold_score": self.threshold
            and round(float(self.calibration.probability(self.threshold.value)), 4),
            "slope": self.calibration.slope,
            "centre": self.calibration.centre,
            "curve": self.calibration.curve(),
        }


@dataclass(frozen=True)
class SourceScores:
    """The score of one source's pairs; ``src`` and ``tgt`` are vectors (n, dim) of pairs."""

    common: Scores
    background: Background

    def margins(self, src: np.ndarray, tgt: np.ndarray, src_lang: str | None = None) -> np.ndarray:
        """Return float32 (n,); ``src_lang`` is the pair's own by default."""
        params = self.common.params
        if len(src) == 0:
            return np.empty(0, dtype=np.float32)
        return background_margins(
            src,
            tgt,
            src_background=self.background.unit(src_lang or params.pair.src),
            tgt_background=self.background.unit(params.pair.tgt),
            k=params.align.k,
            memory_mb=params.align.memory_mb,
        )

    def rate(
        self, src: np.ndarray, tgt: np.ndarray, src_lang: str | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return each pair's score, float32 (n,), and whether it reaches the threshold, bool (n,)."""
        found = self.margins(src, tgt, src_lang)
        least = np.inf if self.common.threshold is None else self.common.threshold.value
        # To four digits: the last bits of a matrix product change with the number of cores.
        return np.round(self.common.calibration.probability(found), 4), found >= least
