"""Evaluation and report, from files to files, with an encoder that maps keywords to one-hot vectors."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from stages.evaluate.__main__ import main
from stages.evaluate.results import evaluate
from stages.lib.core.errors import DataError, ModelError, ParamsError
from stages.lib.core.files import read_json, sha256_file, write_json
from stages.lib.core.params import Pair, Params, load_params
from stages.lib.core.tables import (
    CORPUS_SCHEMA,
    POOL_SCHEMA,
    SPLIT_IDENTITY,
    content_sha256,
    read_table,
    table_from_rows,
    write_table,
)
from stages.lib.scores.comparison import RANKS_SCHEMA
from stages.lib.scores.sts import STS_SCHEMA
from stages.lib.scores.translation import TRANSLATIONS_SCHEMA, score
from stages.lib.text.annotations import TASK_FIELDS, judged
from stages.lib.text.held_out import choose_split
from stages.split.splits import split_corpus
from tests.hub_checkpoints import make_nllb
from tests.judgements import annotation, task_data, write_export
from tests.stages.keyword_encoder import KEYWORDS, encode, load_encoder
from tests.stages.small_corpus import corpus_row, write_splits

PAIR = Pair(src="ru", tgt="tk")
ROOT = Path(__file__).parents[3]
STS_RU, FINGERPRINTS = ROOT / "assets/sts_ru.tsv", ROOT / "assets/fingerprints.json.gz"
SETTINGS = load_params(ROOT / "params.yaml").evaluate.model_copy(
    update={"bootstrap": 200, "permutations": 500, "confidence": 0.95}
)


@pytest.fixture
def _keywords(monkeypatch):
    monkeypatch.setattr("stages.lib.models.load_encoder", load_encoder)
    monkeypatch.setattr("stages.lib.models.encode", encode)


@pytest.fixture
def run_evaluate(monkeypatch):
    """Return a function that runs the command, with options by name, and returns its metrics."""

    def run(out: Path, variant: str = "pretrained", model: str = "use", **options: object) -> dict:
        options = {"model": model, "variant": variant, "sts": STS_RU, "fingerprints": FINGERPRINTS} | options
        arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        monkeypatch.setattr(sys, "argv", ["evaluate", *arguments, "--out", str(out)])
        main()
        return read_json(out / "metrics.json")

    return run


@pytest.mark.usefixtures("_keywords")
def test_evaluation_from_files_to_files_gives_the_same_bytes_twice(tmp_path, run_evaluate):
    splits = write_splits(tmp_path / "splits")
    hashes = []
    for out in (tmp_path / "a", tmp_path / "b"):
        found = run_evaluate(out, splits=splits)
        files = sorted(out.iterdir())
        assert [file.name for file in files] == ["metrics.json", "ranks.parquet", "sts.parquet"]
        hashes.append([hashlib.sha256(file.read_bytes()).hexdigest() for file in files])
    assert hashes[0] == hashes[1]
    # The encoder knows every keyword but the last, in both languages.
    known = (len(KEYWORDS) - 1) / len(KEYWORDS)
    assert found["metrics"]["test_p1_ru_tk"]["value"] == pytest.approx(known, abs=1e-6)
    assert found["metrics"]["test_p1_ru_tk"]["n"] == len(KEYWORDS)
    assert found["metrics"]["test_p1_ru_tk"]["unit"] == "document"
    assert found["metrics"]["test_margin_p1_tk_ru"]["value"] == pytest.approx(known, abs=1e-6)
    # To this encoder a corrupted copy is the same as the right text, and ties count against it.
    assert found["metrics"]["hard_p1_ru_tk"]["value"] == 0.0
    assert found["metrics"]["hard_p1_ru_tk"]["n"] == len(KEYWORDS)
    signature = found["signature"]
    assert signature["candidates"]["test"]["tk"] == len(KEYWORDS) + 2
    assert signature["model"]["id"] == load_params().models_config["use"].id
    assert set(signature["versions"]) == {"numpy", "peft", "sentence-transformers", "torch", "transformers"}
    assert str(tmp_path) not in json.dumps(found)
    read_table(tmp_path / "a" / "ranks.parquet", RANKS_SCHEMA)
    # The repository's own graded pairs, of which this encoder knows some words.
    similarities = read_table(tmp_path / "a" / "sts.parquet", STS_SCHEMA)
    figure = found["metrics"]["sts_ru_smoke_pearson"]
    assert (figure["n"], figure["unit"]) == (len(similarities), "pair")
    assert figure["value"] == pytest.approx(
        pearsonr(similarities["similarity"], similarities["grade"]).statistic, abs=1e-6
    )
    assert signature["sts"]["ru_smoke"] == {"sts_ru.tsv": sha256_file(STS_RU)}


@pytest.mark.usefixtures("_keywords")
def test_what_people_judged_is_one_more_set(tmp_path, run_evaluate):
    """From planted judgements to figures: export, split, evaluation."""
    params = load_params(ROOT / "params.yaml")
    # The texts are alike but for their keywords, and shall not be taken for near-duplicates.
    rules = {"test_share": 0.6, "dev_share": 0.2, "min_test": 1, "min_dev": 1, "near_duplicate": 1.0}
    rules |= {"test_sources": [], "containment": 1.0}
    params = params.model_copy(update={"split": params.split.model_copy(update=rules)})
    rows = [
        corpus_row(f"Новое слово {ru}", f"Söz {tk.strip()} bar", f"django/{n:02d}")
        for n, (ru, tk) in enumerate(KEYWORDS)
    ]
    in_test = [row for row in rows if choose_split("django", row["doc"], params.split) == "test"]
    verdicts = {row["pair_id"]: "wrong" if n == 1 else "exact" for n, row in enumerate(in_test[:6])}
    tasks = [
        {"data": task_data(0, **{name: row[name] for name in TASK_FIELDS}), "annotations": [verdict]}
        for n, row in enumerate(rows)
        if row["pair_id"] in verdicts
        for verdict in [annotation(1, verdicts[row["pair_id"]], n)]
    ]
    write_export(tmp_path / "annotations" / "batch.json", tasks)
    found = judged(tmp_path / "annotations", PAIR)
    good = found.filter(found["decision"] == "keep")
    splits = split_corpus(table_from_rows(rows, CORPUS_SCHEMA), [], params, good)
    for name in ("train", "dev", "test", "gold"):
        write_table(getattr(splits, name), tmp_path / "splits" / f"{name}.parquet", CORPUS_SCHEMA)
    write_table(splits.pool, tmp_path / "splits" / "pool.parquet", POOL_SCHEMA)
    figures = run_evaluate(tmp_path / "out", splits=tmp_path / "splits")
    for way in ("ru_tk", "tk_ru", "mean"):
        assert figures["metrics"][f"gold_p1_{way}"]["n"] == 5
        assert figures["metrics"][f"gold_p1_{way}"]["value"] == 1.0
    assert figures["metrics"]["gold_hard_p1_ru_tk"]["n"] == 5
    assert figures["metrics"]["test_p1_mean"]["n"] == len(in_test)
    assert figures["signature"]["gold_sha256"] == content_sha256(splits.gold, SPLIT_IDENTITY)
    ranked = read_table(tmp_path / "out" / "ranks.parquet", RANKS_SCHEMA)
    judged_ids = {pair_id for pair_id, verdict in verdicts.items() if verdict == "exact"}
    assert set(ranked.filter(ranked["benchmark"] == "gold")["pair_id"]) == judged_ids


@pytest.mark.usefixtures("_keywords")
def test_a_single_judged_pair_is_no_set(tmp_path, run_evaluate):
    hashes = set()
    for gold in (0, 1):
        splits = write_splits(tmp_path / f"splits-{gold}", gold=gold)
        out = tmp_path / f"out-{gold}"
        run_evaluate(out, splits=splits)
        hashes.add(tuple(sha256_file(file) for file in sorted(out.iterdir())))
    assert len(hashes) == 1


@pytest.mark.usefixtures("_keywords")
def test_listed_benchmarks_are_evaluated_by_their_kind_and_those_without_fingerprints_are_named(
    tmp_path, monkeypatch, caplog
):
    mirror = tmp_path / "mirror"
    (mirror / "example.org").mkdir(parents=True)
    monkeypatch.setenv("KOPRI_MIRROR", str(mirror))
    monkeypatch.chdir(tmp_path)  # downloads are cached below it

    def pinned(kind, **texts):
        files = {}
        for lang, text in texts.items():
            path = mirror / f"example.org/{kind}.{lang}"
            path.write_text(text, encoding="utf-8")
            files[lang] = {"url": f"https://example.org/{path.name}", "sha256": sha256_file(path)}
        return {"kind": kind, "license": "CC0-1.0", "files": files}

    graded = "Мост старый.,Старый мост.,5.0\nДом.,Дорога.,0.5\nКнига.,Новая книга.,4.0\n"
    news = {"ru": "Мост открыт.\nДом построен.\n", "tk": "Köpri açyldy.\nJaý guruldy.\n"}
    raw = load_params(ROOT / "params.yaml").model_dump(exclude_unset=True)
    raw["benchmarks"] = ["news", "graded"]
    raw["benchmarks_config"] |= {
        "news": pinned("parallel_lines", **news),
        "graded": pinned("stsb", ru=graded),
    }
    raw["evaluate"] |= {"bootstrap": 50, "permutations": 50}
    params, splits = Params.model_validate(raw), write_splits(tmp_path / "splits")
    with caplog.at_level(logging.WARNING):
        evaluate(*("use", "pretrained", splits, STS_RU, FINGERPRINTS, None, tmp_path / "out", params))
    assert "news, graded: not in" in caplog.text
    found = read_json(tmp_path / "out" / "metrics.json")
    assert found["signature"]["not_fingerprinted"] == ["news", "graded"]
    assert found["metrics"]["news_p1_ru_tk"]["value"] == 1.0
    assert found["metrics"]["sts_graded_ru_pearson"]["n"] == 3
    assert found["metrics"]["sts_graded_ru_spearman"]["value"] == pytest.approx(
        spearmanr([1.0, 0.0, 1.0], [5.0, 0.5, 4.0]).statistic, abs=1e-6
    )


@pytest.mark.usefixtures("_keywords")
def test_each_seed_is_evaluated(tmp_path, run_evaluate):
    splits = write_splits(tmp_path / "splits")
    for seed in (1, 2):
        folder = tmp_path / "models" / "use" / f"seed-{seed}"
        folder.mkdir(parents=True)
        (folder / "adapter_model.safetensors").write_bytes(bytes([seed]))
    write_json(tmp_path / "models" / "use" / "training.json", {"seeds": []})
    found = run_evaluate(tmp_path / "out", "finetuned", splits=splits, adapter=tmp_path / "models" / "use")
    assert found["signature"]["seeds"]["training"] == [1, 2]
    assert len(set(found["signature"]["adapter_sha256"].values())) == 2
    assert found["metrics"]["test_p1_ru_tk"]["by_seed"] == {"1": 1.0, "2": 1.0}
    assert set(read_table(tmp_path / "out" / "ranks.parquet", RANKS_SCHEMA)["seed"]) == {1, 2}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"model": "labze"}, ParamsError, "unknown model 'labze'; did you mean 'labse'"),
        ({"variant": "finetuned"}, ParamsError, "add --adapter"),
        ({"adapter": "x"}, ParamsError, "drop --adapter"),
        ({}, DataError, "test.parquet: not found"),
        (
            {"variant": "finetuned", "adapter": "models/none"},
            *(ModelError, "models/none/training.json: not found; run dvc repro finetune@none"),
        ),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path, run_evaluate, options, error, message):
    with pytest.raises(error, match=message) as caught:
        run_evaluate(tmp_path / "out", splits=tmp_path / "none", **options)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("_keywords")
def test_a_model_without_vectors_is_refused_and_leaves_nothing(tmp_path, monkeypatch, run_evaluate):
    splits = write_splits(tmp_path / "splits")

    def nothing(model, texts, lang, batch_tokens):
        return np.full((len(texts), 4), np.nan, dtype=np.float32)

    monkeypatch.setattr("stages.lib.models.encode", nothing)
    with pytest.raises(DataError, match="not finite"):
        run_evaluate(tmp_path / "results" / "use-pretrained", splits=splits)
    assert list(tmp_path.glob("results/*")) == []


@pytest.mark.slow
def test_a_real_encoder_with_a_real_adapter_is_evaluated(tmp_path):
    import torch

    from stages.lib.models import add_lora, save_adapter
    from stages.lib.models import load_encoder as load

    params = load_params()
    splits = write_splits(tmp_path / "splits")
    torch.manual_seed(1)
    model = load("use", params.models_config["use"])
    add_lora(model, params.recipe("study", "use"), params.models_config["use"])
    save_adapter(model, tmp_path / "use" / "seed-1")
    write_json(tmp_path / "use" / "training.json", {"seeds": []})
    for variant, adapter, out in (("pretrained", None, "before"), ("finetuned", tmp_path / "use", "after")):
        evaluate("use", variant, splits, STS_RU, FINGERPRINTS, adapter, tmp_path / out, params)
    before, after = (read_json(tmp_path / name / "metrics.json") for name in ("before", "after"))
    # A fresh LoRA adapter adds nothing: its second matrix is zero.
    for name, figure in before["metrics"].items():
        assert after["metrics"][name]["value"] == pytest.approx(figure["value"], abs=1e-6)
    assert after["signature"]["adapter_sha256"].keys() == {"1"}
    # Chance is 1 of 26 (0.04); cut to stems, USE knows few of these words, through Turkish (measured: 0.17).
    assert before["metrics"]["test_p1_ru_tk"]["value"] > 0.1
    # Measured: 0.83. A model that reads Russian follows the grades; the exact figure is the pipeline's.
    assert before["metrics"]["sts_ru_smoke_pearson"]["value"] > 0.7


@pytest.fixture(scope="module")
def nllb_params(tmp_path_factory) -> Params:
    folder = tmp_path_factory.mktemp("nllb")
    make_nllb(folder, [f"Новое слово {ru} Söz {tk} bar" for ru, tk in KEYWORDS])
    raw = load_params(ROOT / "params.yaml").model_dump(exclude_unset=True) | {"benchmarks": []}
    raw["models_config"]["nllb"] |= {"id": str(folder), "revision": None}
    raw["evaluate"] |= {"bootstrap": 50, "permutations": 50, "beams": 2}
    return Params.model_validate(raw)


def test_a_model_that_translates_gets_its_translations_and_their_figures(tmp_path, nllb_params):
    splits = write_splits(tmp_path / "splits", 4, gold=2)
    shutil.copy(splits / "dev.parquet", splits / "train.parquet")
    out = tmp_path / "out"
    evaluate("nllb", "pretrained", splits, STS_RU, FINGERPRINTS, None, out, nllb_params)
    found = read_json(out / "metrics.json")
    table = read_table(out / "translations.parquet", TRANSLATIONS_SCHEMA)
    assert table.group_by("system", "direction").len().height == 6
    # What people judged is translated too, into a file of its own.
    gold = read_table(out / "translations_gold.parquet", TRANSLATIONS_SCHEMA)
    for texts, kind, way, n in (
        (table, "mt", "ru_tk", 4),
        (table, "mt", "tk_ru", 4),
        (gold, "mt_gold", "tk_ru", 2),
    ):
        rows = texts.filter((texts["system"] == "model") & (texts["direction"] == way))
        figure = found["metrics"][f"{kind}_{way}_chrfpp"]
        expected = score("chrfpp", rows["translation"].to_list(), rows["reference"].to_list())
        assert (figure["value"], figure["n"]) == (pytest.approx(expected, abs=1e-6), n)
    # The only training sentence is the nearest to all.
    nearest = table.filter((table["system"] == "nearest") & (table["direction"] == "ru_tk"))
    assert set(nearest["translation"]) == {"Hoş geldiňiz"}
    assert found["signature"]["settings"]["beams"] == 2
