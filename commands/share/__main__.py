"""Share data and models: name a DVC remote, push and tag, export the corpus, save a merged model."""

from __future__ import annotations

import logging
from argparse import Namespace
from pathlib import Path

from commands import cli as frame
from commands.share.export import (
    CORPUS,
    FORMATS,
    JUDGED,
    OUT,
    SPLITS_FOLDER,
    Selection,
    export_corpus,
    read_judged,
    read_splits,
)
from commands.share.push import check_state, corpus_hash, push_data, tag_version
from commands.share.remote import credentials_hint, set_remote
from commands.share.save_model import save_merged
from stages.lib.core import cli
from stages.lib.core.params import load_params

log = logging.getLogger("share")
commands = frame.Commands("commands.share", __doc__)


@commands.add(
    frame.argument(
        "--url", required=True, help="folder, s3://bucket/path, ssh://user@host/path or https://host/path"
    ),
    frame.argument("--endpoint", help="address of an S3 service other than Amazon's"),
)
def remote(args: Namespace) -> None:
    """Set the DVC remote of this clone: a folder, S3, SSH or HTTP.

    It is written to .dvc/config.local, which git ignores: no place, no credential gets into the repository.
    """
    set_remote(args.url, args.endpoint)
    if hint := credentials_hint(args.url):
        log.info("credentials, if it asks for any: %s", hint)
    log.info("%s is the remote of this clone; `make share` pushes to it, `dvc pull` gets from it", args.url)


@commands.add()
def push(args: Namespace) -> None:
    """Push data and run cache to the DVC remote, and tag this version of the corpus in git.

    The tag is corpus-DATE-HASH: the date of the commit and the first digits of the corpus's content hash, so
    the same corpus never gets two. It is set last: a tag means that all its data was pushed.
    """
    url = check_state()
    digest = corpus_hash()
    push_data(url)
    name, is_new = tag_version(digest)
    if is_new:
        log.info("pushed to %s and tagged %s; `git push origin %s` shows it to others", url, name, name)
    else:
        log.info("pushed to %s; this corpus is already tagged %s", url, name)


@commands.add(
    frame.argument("--format", required=True, choices=FORMATS, help="what to write"),
    frame.path_argument("--corpus", CORPUS, "table to export"),
    frame.path_argument("--judged", JUDGED, "its judged pairs, for the data card"),
    frame.path_argument("--splits", SPLITS_FOLDER, "its splits, for a format that has them (hf)"),
    frame.argument("--out", type=Path, help=f"folder to write (default: {OUT}/FORMAT)"),
    frame.argument("--min-score", type=float, help="least score of aligned and mined pairs (0-1)"),
    frame.argument("--sources", type=frame.words, default=[], help="only these sources: 'a b'"),
    frame.argument(
        "--licenses",
        type=frame.words,
        default=[],
        help="only these, as sources/*.yaml has them: \"MIT 'A AND B'\"",
    ),
    frame.argument("--with-restricted", action="store_true", help="text that may not be passed on, too"),
)
def export(args: Namespace) -> None:
    """Write the corpus in a format that others read, with a data card.

    Text whose licence grants nobody a right to pass it on (LicenseRef-...) is left out unless asked for.
    """
    out = args.out or Path(OUT, args.format)
    selection = Selection(args.min_score, tuple(args.sources), tuple(args.licenses), args.with_restricted)
    params, judged = load_params(), read_judged(args.judged)
    splits = read_splits(args.splits) if FORMATS[args.format].has_splits else None
    counts = export_corpus(args.corpus, out, args.format, selection, params, judged, splits)
    for reason, n in sorted(counts.left_out.items()):
        log.info("left out: %s pairs %s", f"{n:,}", reason)
    log.info("%s: %s pairs of %d sources", out, f"{counts.total('pairs'):,}", len(counts.by_source))


@commands.add(
    frame.argument("--model", required=True, help="a fine-tuned model of params.yaml"),
    frame.path_argument("--models", "models", "folder of adapters"),
    frame.argument("--out", type=Path, help="the folder to write (default: MODELS/merged/MODEL)"),
)
def save_model(args: Namespace) -> None:
    """Save a model, its first adapter merged into the weights, as an ordinary folder for others to load.

    sentence-transformers alone reads the folder (transformers, if the model is an NLLB); its README says how.
    """
    out = args.out or args.models / "merged" / args.model
    adapter = save_merged(args.model, args.models, out, load_params())
    log.info("%s with %s saved in %s", args.model, adapter, out)


if __name__ == "__main__":
    cli.run(commands.main)
