"""Keep the figures of a run with another language pair, from the experiment into metrics/pairs/SRC-TGT.json.

What is kept is what the result table is made of (figures, n, intervals, tests, signature) and the corpus's
counts; the tables are printed as Markdown. docs/language-pair.md shows them, and a test compares the two.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stages.lib.core import cli
from stages.lib.core.errors import DataError
from stages.lib.core.files import write_json
from stages.lib.core.params import Pair, Params, load_params
from stages.report.result_table import VARIANTS, as_markdown, legend, table_rows, translation_rows

log = logging.getLogger("pair")  # run with -m, __name__ says nothing

# What the signatures of all results of a run share.
_SHARED = ("candidates", "settings", "test_sha256", "pool_sha256", "versions")
# The metrics that a row of the tables has.
_SHOWN = re.compile(r"(test_(p1|mrr)|hard_p1)_\w\w+_\w\w+|sts_ru_smoke_pearson|mt_.+_(chrfpp|bleu|ter)")


def read_revision(experiment: str) -> Callable[[str], str]:
    """Return a function that reads a file as it is in an experiment, branch or commit.

    It raises DataError where there is no such revision, or the revision has no such file.
    """
    import dvc.api
    from dvc.exceptions import DvcException
    from dvc.scm import SCMError

    def read(path: str) -> str:
        try:
            return dvc.api.read(path, rev=experiment)
        except SCMError:
            raise DataError(
                f"{experiment}: no experiment, branch, tag or commit here; dvc exp list names them"
            ) from None
        except (DvcException, OSError) as error:
            raise DataError(
                f"{experiment}: {path} cannot be read ({error}); run the experiment to its report"
            ) from None

    return read


def pair_record(params: Params, read: Callable[[str], str]) -> dict[str, Any]:
    """Return the figures of one run; ``read`` gives a file of the run by its path."""
    summary = json.loads(read("metrics/summary.json"))
    figures: dict[str, dict[str, Any]] = {}
    shared: dict[str, Any] = {}
    for model in [*params.models, *params.baselines]:
        for variant in (name for name in VARIANTS if name in summary[model]):
            detail = json.loads(read(f"metrics/detail/{model}-{variant}.json"))
            compared = detail.get("compared_with_pretrained", {})
            # The report has refused results that differ in these.
            shared = {key: detail["signature"][key] for key in _SHARED}
            figures.setdefault(model, {})[variant] = {
                "test_n": summary[model][variant]["test_n"],
                "metrics": {name: one for name, one in detail["metrics"].items() if _is_shown(name)},
                "compared_with_pretrained": {
                    name: one for name, one in compared.items() if name == "test_p1_mean" or _is_shown(name)
                },
                "signature": {key: detail["signature"][key] for key in ("model", "seeds")},
            }
    corpus = json.loads(read("metrics/corpus.json"))
    src = params.pair.src
    return {
        "pair": params.pair.model_dump(),
        "corpus": {
            "pairs_in": corpus["align"]["total"][src],
            "rows": corpus["split"]["rows"],
            "test_by_source": corpus["split"]["by_source"]["test"],
            "train_by_src_lang": corpus["split"]["train_by_src_lang"],
        },
        "models": list(figures),
        "signature": shared,
        "figures": figures,
    }


def _is_shown(name: str) -> bool:
    return _SHOWN.fullmatch(name) is not None and not name.endswith("_mean")


def pair_tables(record: dict[str, Any]) -> tuple[list[list[str]], list[str], list[list[str]]]:
    """Return the result table, its legend and the translation table of a record."""
    pair = Pair(**record["pair"])
    figures = {model: record["figures"][model] for model in record["models"]}
    details = {
        (model, variant): {
            **variants[variant],
            "signature": {**record["signature"], **variants[variant]["signature"]},
        }
        for model, variants in figures.items()
        for variant in VARIANTS
        if variant in variants
    }
    return table_rows(figures, details, pair), legend(details), translation_rows(details, pair)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m commands.pair", description=__doc__)
    parser.add_argument("experiment", help="an experiment (dvc exp list), branch or commit")
    parser.add_argument(
        "--out", type=Path, default=Path("metrics/pairs"), help="folder (default: metrics/pairs)"
    )
    args = parser.parse_args()
    read = read_revision(args.experiment)
    with tempfile.TemporaryDirectory(prefix="kopri-pair-") as folder:
        path = Path(folder) / "params.yaml"
        path.write_text(read("params.yaml"), encoding="utf-8")
        params = load_params(path)
    record = pair_record(params, read)
    path = args.out / f"{params.pair.src}-{params.pair.tgt}.json"
    write_json(path, record)
    table, lines, translation = pair_tables(record)
    parts = [as_markdown(table), *lines, *([as_markdown(translation)] if translation else [])]
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write("\n\n".join(parts) + "\n")
    log.info("%s: the figures of %s", path, args.experiment)


if __name__ == "__main__":
    cli.run(main)
