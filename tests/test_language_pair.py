"""The pair is a parameter: the documented commands, every sibling in the code, Russian-Uzbek run for real."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stages.clean.corpus import clean_pairs
from stages.evaluate.hard_negatives import corrupt
from stages.finetune.contrastive import choose_rows
from stages.lib.core.errors import ModelError
from stages.lib.core.params import LANGS, Pair, Params, load_params
from stages.lib.core.tables import PAIR_SCHEMA, pair_id, table_from_rows
from stages.lib.models.nllb import LANGUAGE_CODES
from stages.lib.text.language import LanguageCheck
from stages.lib.text.letters import SCRIPTS
from stages.lib.text.sentences import split_sentences
from tests.settings import write_settings
from tests.small_run import ROOT, dvc, make_repository, make_workspace, run, small_params

GUIDE = ROOT / "docs/language-pair.md"
# The same three sentences in every language that Turkmen's place can be given to.
SIBLINGS = {
    "tk": ("Täze kitaphana açyldy we oňa köp okyjy gelýär.", "2 faýl tapylmady.", "Sahypany ýapyň we açyň."),
    "uz": (
        "Yangi kutubxona ochildi va unga koʻp oʻquvchi keladi.",
        "2 ta fayl topilmadi.",
        "Sahifani yoping.",
    ),
    "kk": ("Жаңа кітапхана ашылды және оған көп оқырман келеді.", "2 файл табылмады.", "Бетті жабыңыз."),
    "ky": ("Жаңы китепкана ачылды жана ага көп окурман келет.", "2 файл табылган жок.", "Баракты жабыңыз."),
    "az": (
        "Yeni kitabxana açıldı və ora çox oxucu gəlir.",
        "2 fayl tapılmadı.",
        "Səhifəni bağlayın və açın.",
    ),
    "tg": ("Китобхонаи нав кушода шуд ва хонандагони зиёд меоянд.", "2 файл ёфт нашуд.", "Саҳифаро пӯшед."),
    "tr": (
        "Yeni kütüphane açıldı ve oraya çok okur geliyor.",
        "2 dosya bulunamadı.",
        "Sayfayı kapatın ve açın.",
    ),
    "ru": (
        "Новая библиотека открылась, и в неё ходит много людей.",
        "2 файла не найдено.",
        "Закройте страницу.",
    ),
}


def pairs_of(src: str, tgt: str) -> list[dict]:
    return [
        {
            "pair_id": pair_id(src, one, tgt, other),
            "src": one,
            "tgt": other,
            "src_lang": src,
            "tgt_lang": tgt,
            "source": "django",
            "doc": f"django/{n}",
            "key": f"k{n}",
            "n_src": n,
            "n_tgt": n,
            "method": "given",
            "score": 0.5,
            "license": "BSD-3-Clause",
        }
        for n, (one, other) in enumerate(zip(SIBLINGS[src], SIBLINGS[tgt], strict=True))
    ]


@pytest.mark.parametrize(
    ("src", "tgt"),
    [("ru", tgt) for tgt in SIBLINGS if tgt != "ru"] + [("uz", "ru"), ("tk", "ru"), ("uz", "tk")],
)
def test_every_sibling_is_a_language_to_all_of_the_code(src: str, tgt: str) -> None:
    params = load_params(ROOT / "params.yaml")
    params = params.model_copy(update={"pair": Pair(src=src, tgt=tgt)})
    cleaned = clean_pairs(table_from_rows(pairs_of(src, tgt), PAIR_SCHEMA), params)
    # A good sentence of the language is none of another, and is in its script.
    assert cleaned.dropped["reason"].to_list() == []
    assert cleaned.corpus["tgt"].to_list() == list(SIBLINGS[tgt])
    for lang in (src, tgt):
        assert lang in LANGS
        assert lang in SCRIPTS
        assert lang in LANGUAGE_CODES
        assert LanguageCheck(lang).score(SIBLINGS[lang][0]).evidence < 0
        assert len(split_sentences(" ".join(SIBLINGS[lang]), lang)) == 3
        assert [copy.kind for copy in corrupt(SIBLINGS[lang][1], lang)][:1] == ["number"]
    # The default recipe's pivots are en and tr: the pair's own language among them is no fault.
    pivots = [row for lang in ("en", "tr") if lang != tgt for row in pairs_of("ru", tgt) if lang != src]
    for row, lang in zip(pivots, ["en"] * 3 + ["tr"] * 3, strict=False):
        row["src_lang"] = lang
    recipe = params.recipe("default", "use")
    rows = choose_rows(table_from_rows([*pairs_of(src, tgt), *pivots], PAIR_SCHEMA), recipe, src)
    assert src in rows["src_lang"].to_list()


def test_a_language_that_nllb_mini_lacks_is_named() -> None:
    from transformers import NllbTokenizer

    from stages.lib.models.nllb import language_code

    tokenizer = NllbTokenizer.from_pretrained(ROOT / "assets/nllb_mini")
    assert all(language_code(tokenizer, lang) for lang in SIBLINGS if lang != "tg")
    with pytest.raises(ModelError, match="language 'tg': the model has no token tgk_Cyrl; it knows ru, tk"):
        language_code(tokenizer, "tg")


def apply(overrides: list[str], folder: Path) -> Params:
    """Let DVC's own code change a copy of params.yaml, as `dvc exp run -S` does, and read it."""
    from dvc.utils.hydra import apply_overrides

    write_settings(folder)
    apply_overrides(folder / "params.yaml", overrides)
    return load_params(folder / "params.yaml")


@pytest.mark.parametrize(
    "overrides",
    [
        ["pair.tgt=uz"],
        ["pair.src=uz", "pair.tgt=ru"],
        *([f"pair.tgt={lang}", "models=[use,nllb_mini]"] for lang in ("kk", "az", "ky", "tr")),
        ["pair.tgt=tg", "models=[use]"],
    ],
    ids=" ".join,
)
def test_a_pair_is_a_change_of_settings(overrides: list[str], tmp_path: Path) -> None:
    changed = apply(overrides, tmp_path)
    assert changed.pair != load_params(ROOT / "params.yaml").pair
    assert {changed.pair.src, changed.pair.tgt} <= set(SIBLINGS)


def test_the_guide_shows_the_figures_that_were_kept() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    record = json.loads((ROOT / "metrics/pairs/ru-uz.json").read_text(encoding="utf-8"))
    for model in ("use", "use_tr", "nllb_mini"):
        variants = record["figures"][model]
        means = [
            sum(variants[name]["metrics"][f"test_p1_{way}"]["value"] for way in ("ru_uz", "uz_ru")) / 2
            for name in ("pretrained", "finetuned")
        ]
        test = variants["finetuned"]["compared_with_pretrained"]["test_p1_mean"]
        cells = (model, *(f"{mean:.3f}" for mean in means), f"{100 * test['difference']:+.1f}")
        assert f"| {' | '.join(cells)} | {test['p_holm']:.4f} |" in guide
    rows = record["corpus"]["rows"]
    assert f"Train {rows['train']:,} pairs" in guide
    assert f"dev {rows['dev']:,}, test {rows['test']:,}" in guide


def test_turkmen_has_the_dev_and_test_pairs_that_were_asked_for() -> None:
    """split.min_test and min_dev are low enough for its siblings; this is what the default has to have."""
    corpus = json.loads((ROOT / "metrics/corpus.json").read_text(encoding="utf-8"))
    by_source = corpus["split"]["by_source"]
    assert sum(n for source, n in by_source["test"].items() if source != "udhr") >= 300
    assert sum(by_source["dev"].values()) >= 100


@pytest.mark.slow
def test_russian_uzbek_runs_from_corpus_to_table_by_one_parameter(tmp_path: Path) -> None:
    """Few sources and a quick recipe, set before; what the experiment changes is the pair alone."""
    raw = small_params(("django", "udhr", "cldr_units"))
    raw["split"] |= {"test_sources": ["udhr"], "train_sources": []}
    raw["recipes"]["default"]["all"] |= {"min_words": 2}
    folder = make_workspace(tmp_path / "a", raw)
    make_repository(folder)
    dvc(folder, "exp", "run", "--temp", "-n", "ru-uz", "-S", "pair.tgt=uz")
    table = run(folder, "-m", "commands.results", "pair", "ru-uz")
    assert "P@1 ru→uz" in table
    record = json.loads((folder / "metrics/pairs/ru-uz.json").read_text(encoding="utf-8"))
    assert record["pair"] == {"src": "ru", "tgt": "uz"}
    assert record["corpus"]["test_by_source"]["udhr"] >= 50
    tuned = record["figures"]["use"]["finetuned"]
    assert tuned["metrics"]["test_p1_ru_uz"]["n"] == record["corpus"]["rows"]["test"]
    assert 0 < tuned["metrics"]["test_p1_ru_uz"]["value"] < 1
    assert "test_p1_mean" in tuned["compared_with_pretrained"]
