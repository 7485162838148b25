from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stages.embed.__main__ import embed
from stages.lib.core.errors import DataError
from stages.lib.core.params import Params, load_params
from stages.lib.core.tables import SEGMENT_SCHEMA, read_table, table_from_rows, write_table
from stages.lib.models.vectors import EXTRACT_SCHEMA, Embedder

ROOT = Path(__file__).parents[3]


def row(source: str, lang: str, text: str, n: int) -> tuple:
    return (source, f"{source}/a", lang, n, text, None, None, None, "MIT", None)


TEXTS = [("ru", "Снег идёт"), ("tk", "Gar ýagýar"), ("tr", "Kar yağıyor"), ("kk", "Қар жауып тұр")]


def write(folder: Path, sources: tuple[str, ...]) -> None:
    for source in sources:
        rows = [row(source, lang, text, 0) for lang, text in TEXTS] + [row(source, "tk", "Gar ýagýar", 1)]
        write_table(table_from_rows(rows, SEGMENT_SCHEMA), folder / f"{source}.parquet", SEGMENT_SCHEMA)


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(ROOT / "params.yaml").model_copy(update={"sources": ["django", "zod"]})


@pytest.fixture(scope="module")
def embedder(tmp_path_factory, params) -> Embedder:
    root = tmp_path_factory.mktemp("store")
    return Embedder("use_tr", params.models_config["use_tr"], 8192, root=root)


def test_exactly_the_listed_sources_and_the_languages_that_are_paired_are_embedded(
    tmp_path, params, embedder
):
    write(tmp_path, ("django", "zod", "antd"))
    assert embed(tmp_path, tmp_path / "out", params, embedder) == 6
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "django.npy", "django.parquet", "zod.npy", "zod.parquet",
    ]  # fmt: skip
    index = read_table(tmp_path / "out/zod.parquet", EXTRACT_SCHEMA)
    assert index.select("lang", "n", "row").rows() == [("ru", 0, 0), ("tk", 0, 1), ("tr", 0, 2), ("tk", 1, 1)]
    vectors = np.load(tmp_path / "out/zod.npy")
    assert vectors.dtype == np.float16
    assert np.array_equal(vectors[1], embedder(["Gar ýagýar"], "tk")[0])
    assert (
        float(vectors[1].astype(np.float32) @ vectors[2].astype(np.float32)) > 0.9
    )  # nearly the same language


def test_another_run_gives_the_same_bytes_and_embeds_nothing(tmp_path, params, embedder):
    write(tmp_path, ("django", "zod"))
    embed(tmp_path, tmp_path / "a", params, embedder)
    before = embedder.encoded
    embed(tmp_path, tmp_path / "b", params, embedder)
    assert embedder.encoded == before
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_a_missing_source_leaves_no_output(tmp_path, params, embedder):
    write(tmp_path, ("django",))
    with pytest.raises(DataError, match=r"zod\.parquet: not found"):
        embed(tmp_path, tmp_path / "out", params, embedder)
    assert [path.name for path in tmp_path.iterdir()] == ["django.parquet"]
