from __future__ import annotations

from pathlib import Path

import pytest

from stages.align.pairs import Aligned, align
from stages.embed.__main__ import embed
from stages.lib.core.errors import DataError
from stages.lib.core.params import Params, load_params
from stages.lib.core.tables import SEGMENT_SCHEMA, pair_id, table_from_rows, write_table
from stages.lib.models.vectors import Embedder
from stages.lib.text.annotations import judged_table
from stages.lib.text.sentences import split_sentences
from tests.stages.small_corpus import judgement, pair_row

PARAMS = Path(__file__).parents[3] / "params.yaml"


def row(
    lang: str, text: str, key: str | None, n: int = 0, doc: str = "conf", source: str = "django"
) -> tuple:
    return (source, f"{source}/{doc}", lang, n, text, key, None, None, "MIT", None)


def table(*rows: tuple):
    return table_from_rows(list(rows), SEGMENT_SCHEMA)


def write(folder: Path, name: str, *rows: tuple) -> None:
    write_table(table(*rows), folder / f"{name}.parquet", SEGMENT_SCHEMA)


@pytest.fixture
def params() -> Params:
    return load_params(PARAMS).model_copy(update={"sources": ["django", "udhr"]})


@pytest.fixture(scope="module")
def embedder(tmp_path_factory) -> Embedder:
    params = load_params(PARAMS)
    return Embedder("use_tr", params.models_config["use_tr"], 8192, root=tmp_path_factory.mktemp("store"))


@pytest.fixture
def run_align(tmp_path, embedder):
    """Embed what lies in tmp_path, and align it."""

    def run(params: Params) -> Aligned:
        embed(tmp_path, tmp_path / "vectors", params, embedder)
        return align(tmp_path, tmp_path / "vectors", params, embedder.unit)

    return run


MESSAGES = [
    row("ru", "Да", "yes"),
    row("ru", "Сегодня", "today", 1),
    row("ru", "Нет", "no", 0, doc="contrib.admin"),
    row("tk", "Şu gün", "today", 0),
    row("tk", "Hawa", "yes", 1),
    row("tk", "Ýok", "no", 0, doc="contrib.admin"),
    row("tk", "Diňe türkmençe", "lonely", 2),
    row("en", "Yes", "yes"),
    row("tr", "Evet", "yes"),
    row("kk", "Иә", "yes"),
]


def test_pivot_rows_carry_their_own_language_and_id(tmp_path, params, run_align):
    write(tmp_path, "django", *MESSAGES)
    write(tmp_path, "udhr", row("ru", "Статья", "1", source="udhr"), row("tk", "Madda", "1", source="udhr"))
    aligned = run_align(params)
    assert aligned.pairs.select("src_lang", "src", "tgt").rows() == [
        ("ru", "Сегодня", "Şu gün"),
        ("ru", "Да", "Hawa"),
        ("ru", "Нет", "Ýok"),
        ("en", "Yes", "Hawa"),
        ("tr", "Evet", "Hawa"),
        ("ru", "Статья", "Madda"),
    ]
    assert aligned.pairs["pair_id"][3] == pair_id("en", "Yes", "tk", "Hawa")
    assert set(aligned.pairs["method"]) == {"given"}
    assert aligned.pairs["score"].is_between(0, 1).all()
    assert aligned.stats == {
        "by_source": {
            "django": {
                "segments": {"en": 1, "kk": 1, "ru": 3, "tk": 4, "tr": 1},
                "pairs": {"ru": 3, "en": 1, "tr": 1},
                "without_key": 0,
            },
            "udhr": {"segments": {"ru": 1, "tk": 1}, "pairs": {"ru": 1, "en": 0, "tr": 0}, "without_key": 0},
        },
        "by_method": {"given": 6},
        "total": {"ru": 4, "en": 1, "tr": 1},
    }
    assert aligned.quality["gold_pairs"] == 0  # of at least three words
    assert set(aligned.quality["hidden_keys"]) == {"udhr"}


def keyed_library(source: str) -> list[tuple]:
    return [
        (source, f"{source}/conf", lang, n, text, str(n), None, None, "MIT", None)
        for _, _, lang, n, text, *_ in sentences(LIBRARY, ("a", "a"))
    ]


def test_scores_are_fitted_to_pairs_joined_by_key_but_to_none_of_a_source_that_is_test(
    tmp_path, params, run_align
):
    for source in ("django", "udhr"):
        write(tmp_path, source, *keyed_library(source))
    aligned = run_align(params)
    assert aligned.quality["gold_pairs"] == 4
    assert aligned.quality["wrong_pairs"] >= 6  # at least three neighbours and three merges
    curve = aligned.quality["curve"]
    assert curve[0]["precision"] == 1.0
    assert [point["recall"] for point in curve] == sorted(point["recall"] for point in curve)
    # The same texts, gold in the one and held out in the other, have the same background and score.
    scores = aligned.pairs.group_by("source", maintain_order=True).agg("score")["score"].to_list()
    assert list(scores[0]) == list(scores[1])
    check = aligned.quality["hidden_keys"]["udhr"]["paragraphs"]
    assert check["f1"]["value"] == 1.0
    assert check["f1"]["n"] == 8


def test_what_people_judged_feeds_the_calibration(tmp_path, params, embedder):
    ru, tk = (split_sentences(text, lang) for text, lang in zip(LIBRARY, ("ru", "tk"), strict=True))
    for source in ("django", "udhr"):
        write(tmp_path, source, *keyed_library(source))
    embed(tmp_path, tmp_path / "vectors", params, embedder)

    def quality(*judged, pick="control"):
        table = judged_table(
            judgement(
                pair_row(src, tgt, f"{source}/conf"),
                "keep" if verdict == "exact" else "reject",
                verdict,
                pick=pick,
            )
            for source, src, tgt, verdict in judged
        )
        return align(tmp_path, tmp_path / "vectors", params, embedder.unit, table).quality

    plain = quality()
    assert plain["judged_pairs"] == 0
    # Punctuation and capitals are cleaned between the two stages.
    rejected = quality(("django", ru[0].rstrip("."), tk[0].upper(), "wrong"))
    assert rejected["judged_pairs"] == 1
    assert rejected["gold_pairs"] == plain["gold_pairs"] - 1
    good = quality(("django", "Библиотека закрыта в воскресенье.", "Kitaphana ýekşenbe güni ýapyk.", "exact"))
    assert good["gold_pairs"] == plain["gold_pairs"] + 1
    assert good["wrong_pairs"] == plain["wrong_pairs"]
    # What was picked for its score, or nobody knows how, says nothing of the others.
    for pick in ("uncertain", None):
        assert quality(("django", ru[0], tk[0], "wrong"), pick=pick) == plain
    # Of a source that is wholly test nothing is learnt, and of ties neither.
    assert quality(("udhr", ru[0], tk[0], "wrong")) == plain


def test_a_missing_source_is_an_error_and_an_unlisted_one_is_not_read(tmp_path, params, run_align):
    write(tmp_path, "django", *MESSAGES)
    (tmp_path / "extra.parquet").write_bytes(b"not a table")
    with pytest.raises(DataError, match=r"udhr\.parquet: not found"):
        run_align(params)
    assert set(run_align(params.model_copy(update={"sources": ["django"]})).pairs["source"]) == {"django"}


def test_a_table_of_another_source_is_refused(tmp_path, params, run_align):
    write(tmp_path, "django", *MESSAGES)
    write(tmp_path, "udhr", *MESSAGES)
    with pytest.raises(DataError, match=r"udhr\.parquet: holds rows of source 'django'; expected 'udhr'"):
        run_align(params)


def test_no_pair_at_all_is_an_error(tmp_path, params, run_align):
    write(tmp_path, "django", row("ru", "Да", "yes"))
    with pytest.raises(DataError, match="no ru-tk pair in django"):
        run_align(params.model_copy(update={"sources": ["django"]}))


# Sentences of two documents, translated by hand, that a source would give without keys. Of the second one the
# Turkmen side joins two sentences and lacks one.
LIBRARY = (
    "Городская библиотека открывается в девять часов утра. По субботам она работает до обеда. "
    "Каждый читатель может взять домой три книги. Книги нужно вернуть через две недели.",
    "Şäher kitaphanasy irden sagat dokuzda açylýar. Şenbe günleri ol günortana çenli işleýär. "
    "Her okyjy öýüne üç kitap alyp biler. Kitaplary iki hepdeden yzyna tabşyrmaly.",
)
BREAD = (
    "Моя бабушка пекла хлеб в глиняной печи. Она вставала рано и месила тесто. "
    "Соседи приходили на запах горячего хлеба. Вечером мы пили чай с мёдом.",
    "Enem toýun tamdyrda çörek bişirerdi. Ol ir turup, hamyr ýugrardy. Agşamyna biz bal bilen çaý içerdik.",
)


def sentences(texts: tuple[str, str], docs: tuple[str, str]) -> list[tuple]:
    return [
        row(lang, sentence, None, n, doc=doc, source="files")
        for lang, text, doc in zip(("ru", "tk"), texts, docs, strict=True)
        for n, sentence in enumerate(split_sentences(text, lang))
    ]


@pytest.fixture
def unkeyed(params) -> Params:
    """A source of documents alone; without gold the default curve decides, of which a half is asked."""
    asked = params.align.model_copy(update={"precision": 0.5})
    return params.model_copy(update={"sources": ["files"], "align": asked})


def test_documents_of_one_name_are_aligned_and_each_pair_says_where_from(tmp_path, unkeyed, run_align):
    write(tmp_path, "files", *sentences(LIBRARY, ("a", "a")), *sentences(BREAD, ("b", "b")))
    aligned = run_align(unkeyed)
    pairs = aligned.pairs
    assert set(pairs["method"]) == {"aligned"}
    assert set(pairs["doc"]) == {"files/a", "files/b"}
    assert pairs["key"].null_count() == len(pairs)
    assert pairs["score"].is_between(0.5, 1).all()
    assert set(pairs.select("doc", "n_src", "n_tgt").rows()) == {
        *(("files/a", n, n) for n in range(4)),
        *(("files/b", n, n) for n in range(2)),
        ("files/b", 3, 2),
    }
    counts = aligned.stats["by_source"]["files"]["found"]
    assert counts["documents_by_name"] == 2
    assert counts["beads_1-1"] == 7
    assert counts["beads_1-0"] == 1
    assert counts["aligned_kept"] == len(pairs) == aligned.stats["by_method"]["aligned"]


def test_what_is_not_sure_enough_is_left_for_people_and_kept_if_they_find_it_good(
    tmp_path, unkeyed, embedder, monkeypatch
):
    write(tmp_path, "files", *sentences(LIBRARY, ("a", "a")), *sentences(BREAD, ("b", "b")))
    embed(tmp_path, tmp_path / "vectors", unkeyed, embedder)

    def run_at(precision: float, said=None):
        changed = {"align": unkeyed.align.model_copy(update={"precision": precision})}
        changed["split"] = unkeyed.split.model_copy(update={"test_sources": []})
        asked = unkeyed.model_copy(update=changed)
        return align(tmp_path, tmp_path / "vectors", asked, embedder.unit, said)

    low = run_at(0.5)
    asked = round(low.pairs["score"].min() + 0.001, 4)
    high = run_at(asked)
    assert 0 < len(high.pairs) < len(low.pairs)
    assert high.quality["threshold_score"] == pytest.approx(asked, abs=1e-4)
    assert high.below_threshold["score"].is_sorted(descending=True)
    assert high.below_threshold["score"].max() < asked
    everything = {*low.pairs["pair_id"], *low.below_threshold["pair_id"]}
    assert {*high.pairs["pair_id"], *high.below_threshold["pair_id"]} == everything
    assert set(high.pairs["pair_id"]).isdisjoint(high.below_threshold["pair_id"])

    good = high.below_threshold.row(0, named=True)
    judged = run_at(asked, judged_table([judgement(good, pick="uncertain")]))
    assert {*judged.pairs["pair_id"]} == {*high.pairs["pair_id"], good["pair_id"]}
    assert good["pair_id"] not in judged.below_threshold["pair_id"]
    assert judged.quality == high.quality

    higher = run_at(0.999)
    monkeypatch.setattr("stages.align.pairs.MAX_BELOW_THRESHOLD", len(higher.below_threshold) - 1)
    assert run_at(0.999).below_threshold.equals(higher.below_threshold[:-1])  # the nearest stay


def test_documents_of_different_names_are_paired_first(tmp_path, unkeyed, run_align):
    texts = [*sentences(LIBRARY, ("kitaphana", "library")), *sentences(BREAD, ("hleb", "corek"))]
    write(tmp_path, "files", *texts)
    aligned = run_align(unkeyed)
    assert set(aligned.pairs["doc"]) == {"files/kitaphana|files/library", "files/hleb|files/corek"}
    assert aligned.stats["by_source"]["files"]["found"]["documents_paired"] == 2
    # How sure each is can be looked up, and is summed up.
    found = aligned.documents.to_dicts()
    assert [(one["source"], one["src_doc"], one["tgt_doc"]) for one in found] == [
        ("files", "files/hleb", "files/corek"),
        ("files", "files/kitaphana", "files/library"),
    ]
    assert all(0.5 < one["pairing"] <= 1 and 0.2 < one["alignment"] <= 1 for one in found)
    scores = aligned.stats["by_source"]["files"]["documents"]
    assert set(scores) == {f"{a}_{b}" for a in ("pairing", "alignment") for b in ("median", "lowest_tenth")}


def test_what_alignment_leaves_is_mined_where_that_is_asked_for(tmp_path, unkeyed, run_align):
    # One sentence of each text has moved to the other end, where no alignment can reach it.
    rows = sentences(LIBRARY, ("a", "a"))
    moved = [r if r[2] == "ru" else (*r[:3], (r[3] - 1) % 4, *r[4:]) for r in rows]
    write(tmp_path, "files", *moved)
    params = unkeyed.model_copy(update={"align": unkeyed.align.model_copy(update={"mine": True})})
    without, mined = run_align(unkeyed).pairs, run_align(params).pairs
    first = ("Городская библиотека открывается в девять часов утра.", 0, 3)
    assert first not in without.select("src", "n_src", "n_tgt").rows()
    assert first in mined.filter(method="mined").select("src", "n_src", "n_tgt").rows()
    assert mined.filter(method="aligned").equals(without)
