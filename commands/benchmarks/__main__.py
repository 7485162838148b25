"""Work with public benchmarks: evaluate on them, measure adapters at several strengths, fingerprint them."""

from __future__ import annotations

from argparse import Namespace

from commands import cli as frame
from commands.benchmarks.evaluate import DEFAULT, evaluate_all, load_available
from commands.benchmarks.fingerprints import fingerprint_benchmarks
from commands.benchmarks.strengths import measure_strengths
from stages.lib.core import cli
from stages.lib.core.fetch import CACHE_DIR
from stages.lib.core.files import write_json
from stages.lib.core.params import load_params
from stages.report.gather import write_csv

commands = frame.Commands("commands.benchmarks", __doc__)

MODELS = frame.path_argument("--models", "models", "folder of adapters")
FINGERPRINTS = "assets/fingerprints.json.gz"


@commands.add(
    frame.argument(
        "--benchmarks", nargs="+", default=DEFAULT, metavar="NAME", help=f"default: {' '.join(DEFAULT)}"
    ),
    MODELS,
    frame.path_argument("--fingerprints", FINGERPRINTS, "hashes of the benchmarks that training lacks"),
    frame.path_argument("--out", "metrics/benchmarks.json", "figures to write"),
)
def evaluate(args: Namespace) -> None:
    """Evaluate the default adapters, and what they started from, on public benchmarks."""
    params = load_params()
    available = load_available(args.benchmarks, params)
    write_json(args.out, evaluate_all(available, args.models, params, args.fingerprints))


@commands.add(
    MODELS,
    frame.path_argument("--splits", "data/splits", "folder with test, dev and pool (.parquet)"),
    frame.path_argument("--sts", "assets/sts_ru.tsv", "the repository's own graded pairs"),
    frame.path_argument("--out", "metrics/interpolation", "name of the .csv and .json files"),
)
def strengths(args: Namespace) -> None:
    """Evaluate the default adapters at several strengths: what retrieval gains, what graded pairs lose.

    Strength 0 is the pretrained model, 1 the adapter as it was trained, whatever part of it was saved.
    """
    figures, rows = measure_strengths(args.models, args.splits, args.sts, load_params())
    write_csv(args.out.with_suffix(".csv"), rows)
    write_json(args.out.with_suffix(".json"), figures)


@commands.add(
    frame.path_argument("--out", FINGERPRINTS, "the file to write"),
    frame.argument(
        "--without",
        action="append",
        default=[],
        metavar="NAME",
        help="leave out this benchmark (repeat for several); the file names it",
    ),
)
def fingerprints(args: Namespace) -> None:
    """Rewrite the fingerprints of the pinned benchmarks, by which split keeps them out of training."""
    fingerprint_benchmarks(load_params(), args.without, CACHE_DIR, args.out)


if __name__ == "__main__":
    cli.run(commands.main)
