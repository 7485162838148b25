"""Look at the corpus and try the models: search, a demo page, the view of an alignment."""

from __future__ import annotations

import logging
import re
from argparse import Namespace

from commands import cli as frame
from commands.explore.align_view import document_page
from commands.explore.demo import Demo, serve
from commands.explore.search import hits_as_text, search_corpus
from stages.lib.core import cli
from stages.lib.core.files import atomic_path
from stages.lib.core.params import load_params
from stages.lib.core.tables import CORPUS_SCHEMA, read_table

log = logging.getLogger("explore")
commands = frame.Commands("commands.explore", __doc__)

CORPUS = frame.path_argument("--corpus", "data/corpus.parquet", "the cleaned corpus")
MODELS = frame.path_argument("--models", "models", "folder of adapters")


@commands.add(
    frame.argument("text", help="what to look for, in either language of the pair"),
    frame.argument("--lang", help="its language (default: detected by its letters)"),
    frame.argument("--model", help="a model of params.yaml (default: align.model)"),
    frame.argument("--k", type=int, default=5, help="how many sentences (default: 5)"),
    CORPUS,
    MODELS,
)
def search(args: Namespace) -> None:
    """Find the sentences of the corpus that are nearest in meaning to a text, in the other language.

    Vectors of the corpus are computed once and kept (.cache/kopri): a model's second search takes seconds.
    """
    params = load_params()
    corpus = read_table(args.corpus, CORPUS_SCHEMA)
    hits = search_corpus(args.text, args.lang, args.model, args.k, corpus, args.models, params)
    frame.print_text(hits_as_text(hits))


@commands.add(
    frame.argument("--port", type=frame.port, default=0, help="port to listen on (default: a free one)"),
    CORPUS,
    MODELS,
)
def demo(args: Namespace) -> None:
    """Search the corpus and translate on a page in the browser, by any model at hand.

    The page is served on the loopback address, for this machine alone.
    """
    params = load_params()
    serve(Demo(params, read_table(args.corpus, CORPUS_SCHEMA), args.models), args.port)


@commands.add(
    frame.argument("doc", help="a document, as pairs name it, or a source"),
    frame.path_argument("--alignments", "data/alignments.parquet", "what align wrote"),
    frame.path_argument("--segments", "data/segments", "folder of segments"),
    frame.path_argument("--vectors", "data/vectors", "folder of their vectors"),
    frame.path_argument("--out", "data/align-view", "folder of the page"),
)
def align_view(args: Namespace) -> None:
    """Show how a document was aligned, as an HTML page with both texts side by side."""
    page = document_page(args.doc, args.alignments, args.segments, args.vectors, load_params())
    path = args.out / f"{re.sub(r'[^-.0-9A-Za-z_]+', '_', args.doc)}.html"
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")
    log.info("%s", path)


if __name__ == "__main__":
    cli.run(commands.main)
