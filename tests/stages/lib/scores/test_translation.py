from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
import torch

from stages.evaluate.translations import nearest_translations, translate_trivially
from stages.lib.core.errors import DataError
from stages.lib.core.params import ModelConfig, load_params
from stages.lib.models import load_encoder
from stages.lib.models.nllb import language_code
from stages.lib.models.translate import translate
from stages.lib.scores.translation import (
    METRICS,
    CorpusScores,
    compare_translation,
    measure_translation,
    score,
)
from tests.hub_checkpoints import make_nllb
from tests.phrases import PHRASES, corpus

PARAMS = load_params()
SETTINGS = PARAMS.evaluate.model_copy(update={"bootstrap": 200, "permutations": 1000})

REFERENCES = [tgt for _, tgt in PHRASES]
# Some right, some half right, some wrong.
HYPOTHESES = [
    text if n % 3 == 0 else " ".join(text.split()[:-1]) if n % 3 == 1 else REFERENCES[n - 1]
    for n, text in enumerate(REFERENCES)
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nllb")
    make_nllb(folder, [text for pair in PHRASES for text in pair])
    return load_encoder("nllb", ModelConfig(kind="nllb", id=str(folder)))


def run_translate(model, texts, num_beams=1, batch_tokens=4096):
    given = (model[0].translator, model.tokenizer, texts, "ru", "tk")
    return translate(*given, num_beams=num_beams, batch_tokens=batch_tokens)


# --- translating --------------------------------------------------------------------------------------------


def test_greedy_translation_takes_the_likeliest_token_after_the_target_languages_code(model):
    text = "Вода в реке холодная."
    translator, tokenizer = model[0].translator, model.tokenizer
    src = torch.tensor(model[0].token_ids([text], "ru"))
    out = [translator.config.decoder_start_token_id, language_code(tokenizer, "tk")]
    longest = 2 * (-(-src.shape[1] // 8) * 8) + 10
    with torch.inference_mode():
        while len(out) < longest + 1 and out[-1] != tokenizer.eos_token_id:
            out.append(int(translator(src, decoder_input_ids=torch.tensor([out])).logits[0, -1].argmax()))
    expected = tokenizer.decode(out, skip_special_tokens=True).strip()
    assert expected
    assert run_translate(model, [text]) == [expected]


@pytest.mark.parametrize("num_beams", [1, 3])
def test_a_translation_depends_neither_on_its_batch_nor_on_the_order(model, num_beams):
    texts = [src for src, _ in PHRASES[:6]] + [PHRASES[0][0]]
    together = run_translate(model, texts, num_beams)
    assert together[0] == together[-1]
    assert run_translate(model, texts[::-1], num_beams, batch_tokens=1) == together[::-1]


def test_the_nearest_sentence_is_the_one_with_the_most_trigrams_in_common():
    src = ["Откройте дверь", "Закройте окно", "Откройте окно", "Закройте окно"]
    tgt = ["Gapyny açyň", "Äpişgäni ýapyň", "Äpişgäni açyň", "Penjiräni ýapyň"]
    asked = ["закройте окно!", "Откройте дверь, пожалуйста", "Qq"]
    # The first of two equals, and the first of all where nothing is alike.
    assert nearest_translations(asked, src, tgt) == [tgt[1], tgt[0], tgt[0]]


# --- figures ------------------------------------------------------------------------------------------------


def test_scores_are_those_of_sacrebleus_command_line(tmp_path):
    for name, lines in (("hyp", HYPOTHESES), ("ref", REFERENCES)):
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "sacrebleu", tmp_path / "ref", "-i", tmp_path / "hyp", "-w", "6"]
    for metrics, options in ((("bleu", "chrf", "ter"), []), (("chrfpp",), ["--chrf-word-order", "2"])):
        names = ["chrf" if name == "chrfpp" else name for name in metrics]
        done = subprocess.run([*command, "-m", *names, *options], capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
        for metric, row in zip(metrics, found if isinstance(found, list) else [found], strict=True):
            assert score(metric, HYPOTHESES, REFERENCES) == pytest.approx(row["score"], abs=1e-6)
            scores = CorpusScores(metric, HYPOTHESES, REFERENCES, ["d"] * len(REFERENCES))
            assert row["signature"].startswith(scores.signature.split("|version")[0])


@pytest.mark.parametrize("metric", METRICS)
def test_scores_from_sums_are_those_of_the_corpus_and_of_the_drawn_sentences(metric):
    docs = [f"doc/{n % 21}" for n in range(len(REFERENCES))]
    scores = CorpusScores(metric, HYPOTHESES, REFERENCES, docs)
    assert (scores.unit, scores.units) == ("document", 21)
    assert scores.value == pytest.approx(score(metric, HYPOTHESES, REFERENCES), abs=1e-9)
    docs = ["one"] * len(REFERENCES)  # a single document: sentences are drawn
    scores = CorpusScores(metric, HYPOTHESES, REFERENCES, docs)
    assert scores.unit == "sentence"
    drawn = np.random.default_rng(5).integers(0, len(REFERENCES), size=(3, len(REFERENCES)), dtype=np.int32)
    expected = [score(metric, [HYPOTHESES[n] for n in row], [REFERENCES[n] for n in row]) for row in drawn]
    np.testing.assert_allclose(scores.resampled(3, seed=5), expected, atol=1e-9)


def table(translations: list[str], seed: int = 0) -> pl.DataFrame:
    """The table of a model that says this in the one direction and the right thing in the other."""
    pairs = corpus(PHRASES)
    trivial = translate_trivially(pairs, corpus(PHRASES[:8]), PARAMS.pair)
    there = trivial.filter((pl.col("system") == "copy") & (pl.col("direction") == "ru_tk"))
    back = trivial.filter((pl.col("system") == "copy") & (pl.col("direction") == "tk_ru"))
    there = there.with_columns(translation=pl.Series(translations))
    model = pl.concat([there, back.with_columns(translation=pl.col("reference"))])
    model = model.with_columns(system=pl.lit("model"), seed=pl.lit(seed, dtype=pl.Int32))
    return pl.concat([trivial, model])


def test_figures_name_direction_and_metric_and_stand_beside_copying_and_the_nearest_sentence():
    figures = measure_translation(table(HYPOTHESES), SETTINGS, seed=1)
    assert set(figures) == {f"mt_{way}_{metric}" for way in ("ru_tk", "tk_ru") for metric in METRICS}
    found = figures["mt_ru_tk_chrfpp"]
    assert found["value"] == pytest.approx(score("chrfpp", HYPOTHESES, REFERENCES), abs=1e-9)
    assert found["low"] < found["value"] < found["high"]
    assert (found["n"], found["unit"]) == (len(PHRASES), "sentence")  # 8 documents are too few to draw from
    assert "nw:2" in found["signature"]
    copied = score("chrfpp", [src for src, _ in PHRASES], REFERENCES)
    assert found["beside"]["copy"]["value"] == pytest.approx(copied, abs=1e-9)
    assert found["beside"]["copy"]["difference"] == pytest.approx(found["value"] - copied, abs=1e-9)
    assert found["beside"]["copy"]["p"] < 0.05
    assert figures["mt_tk_ru_bleu"]["value"] == pytest.approx(100.0)


def test_the_bootstrap_p_of_a_difference_is_sacrebleus():
    from sacrebleu.significance import _compute_p_value

    better = [*REFERENCES[:12], *HYPOTHESES[12:]]
    found = compare_translation(table(HYPOTHESES), table(better), SETTINGS, seed=2)["mt_ru_tk_chrfpp"]
    docs = ["one"] * len(REFERENCES)
    moved = CorpusScores("chrfpp", better, REFERENCES, docs).resampled(200, 2)
    moved -= CorpusScores("chrfpp", HYPOTHESES, REFERENCES, docs).resampled(200, 2)
    expected = _compute_p_value(np.abs(moved - moved.mean()), abs(found["difference"]))
    assert found["p_bootstrap"] == pytest.approx(expected, abs=2 / 201)
    assert found["difference"] > 0
    assert found["low"] < found["difference"] < found["high"]


@pytest.mark.parametrize("worse", [2, 3])  # the first four are better, of the rest every worse-th is worse
def test_the_p_of_a_difference_is_that_of_sacrebleus_approximate_randomisation(worse: int):
    from sacrebleu.metrics import CHRF
    from sacrebleu.significance import PairedTest

    other = [
        REFERENCES[n] if n < 4 else HYPOTHESES[n - 1] if n % worse == 0 else own
        for n, own in enumerate(HYPOTHESES)
    ]
    found = compare_translation(table(HYPOTHESES), table(other), SETTINGS, seed=2)["mt_ru_tk_chrfpp"]
    _, results = PairedTest(
        [("before", HYPOTHESES), ("after", other)],
        {"chrf": CHRF(word_order=2)},
        [REFERENCES],
        test_type="ar",
        n_samples=5000,
    )()
    _, (_, after) = results.values()  # the names, then the figures of both
    assert found["p"] == pytest.approx(after.p_value, abs=0.05)
    assert 0.05 < found["p"] < 1


def test_a_model_does_not_differ_from_itself():
    found = compare_translation(table(HYPOTHESES), table(HYPOTHESES), SETTINGS, seed=2)
    assert {(row["difference"], row["p"], row["p_bootstrap"]) for row in found.values()} == {(0.0, 1.0, 1.0)}


def test_several_seeds_are_reported_as_mean_and_spread():
    first, second = table(HYPOTHESES, seed=1), table(REFERENCES, seed=2)
    both = pl.concat([first, second.filter(pl.col("system") == "model")])
    found = measure_translation(both, SETTINGS, seed=1)["mt_ru_tk_chrf"]
    one = score("chrf", HYPOTHESES, REFERENCES)
    assert found["by_seed"] == {"1": pytest.approx(one), "2": pytest.approx(100.0)}
    assert found["value"] == pytest.approx((one + 100) / 2)
    assert found["spread"] == pytest.approx((100 - one) / np.sqrt(2))


def test_results_of_other_sentences_are_not_compared():
    other = table(HYPOTHESES).filter(pl.col("pair_id") != corpus(PHRASES)["pair_id"][0])
    with pytest.raises(DataError, match="other sentences"):
        compare_translation(table(HYPOTHESES), other, SETTINGS, seed=2)
