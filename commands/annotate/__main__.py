"""Have people judge pairs: export tasks, run a Label Studio server, push, pull, report."""

from __future__ import annotations

import logging
import time
from argparse import Namespace
from collections import Counter

from commands import cli as frame
from commands.annotate.agreement import agreement_figures, figures_as_text, tied_pairs
from commands.annotate.client import ACCESS_FILE, SERVER_FOLDER, LabelStudioError, Server, connect
from commands.annotate.export import choose_pairs, clean_below_threshold, make_tasks
from commands.annotate.pull import pull_judgements
from commands.annotate.push import push_tasks, read_tasks
from commands.annotate.server import end_by_signals, free_port, read_access, running_server, write_access
from stages.lib.core import cli
from stages.lib.core.errors import DataError
from stages.lib.core.files import atomic_path, read_json, write_json
from stages.lib.core.params import load_params
from stages.lib.core.tables import CORPUS_SCHEMA, PAIR_SCHEMA, read_table
from stages.lib.scores.comparison import rounded
from stages.lib.text.annotations import BLIND_PICKS, merge, read_judgements, task_groups

log = logging.getLogger("annotate")
commands = frame.Commands("commands.annotate", __doc__)

ANNOTATIONS = frame.path_argument("--annotations", "data/annotations", "folder of judgements")
TASKS = frame.path_argument("--tasks", "data/annotation-tasks.json", "tasks to push")
URL = frame.argument("--url", help="the server (default: the one that make label-studio runs)")


@commands.add(
    frame.path_argument("--corpus", "data/corpus.parquet", "the corpus to draw from"),
    frame.path_argument(
        "--below-threshold", "data/below_threshold.parquet", "pairs that align found but did not keep"
    ),
    frame.path_argument("--quality", "data/stats/alignment.json", "align's calibration, for the threshold"),
    frame.path_argument("--segments", "data/segments", "folder of segments, for context"),
    ANNOTATIONS,
    frame.path_argument("--out", "data/annotation-tasks.json", "tasks to write"),
)
def export(args: Namespace) -> None:
    """Choose pairs for people to judge and write them as Label Studio tasks."""
    params = load_params()
    corpus = read_table(args.corpus, CORPUS_SCHEMA)
    below_threshold = read_table(args.below_threshold, PAIR_SCHEMA)
    below_threshold = clean_below_threshold(below_threshold, params, str(args.below_threshold))
    quality = read_json(args.quality)
    if "threshold_score" not in quality:
        raise DataError(f"{args.quality}: has no threshold_score; run dvc repro align")
    judged = {row.pair_id: row.task for row in read_judgements(args.annotations, params.pair).rows}
    # Without a threshold no pair found by a model is in the corpus: the best ones are asked about first.
    threshold = 1.0 if quality["threshold_score"] is None else quality["threshold_score"]
    picked = choose_pairs(corpus, below_threshold, map(task_groups, judged.values()), threshold, params)
    if not picked:
        raise DataError(
            f"{args.corpus}: no pair remains to judge ({len(judged):,} are judged); "
            f"expected some of at least {params.split.min_words} words (split.min_words); add sources"
        )
    write_json(args.out, make_tasks(picked, args.segments))
    counts = Counter(pick for pick, _ in picked)
    log.info(
        "%d tasks in %s: %d drawn blindly, %d near the threshold; %d pairs were judged before",
        *(len(picked), args.out, sum(counts[name] for name in BLIND_PICKS), counts["uncertain"], len(judged)),
    )


@commands.add(URL, TASKS)
def push(args: Namespace) -> None:
    """Add the exported tasks to a project on a Label Studio server; tasks already there stay."""
    params = load_params()
    tasks = read_tasks(args.tasks, params)
    server = connect(args.url)
    pushed = push_tasks(server, tasks, params)
    log.info(
        "%d tasks added, %d were there: %s/projects/%d",
        *(pushed.added, pushed.known, server.url, pushed.project),
    )


@commands.add(URL, frame.path_argument("--out", "data/annotations", "folder of judgements, which is in git"))
def pull(args: Namespace) -> None:
    """Fetch the judgements of a Label Studio project into data/annotations/."""
    pulled = pull_judgements(connect(args.url), load_params().pair, args.out)
    if pulled.gone:
        log.warning(
            "%d judgements are gone from the server (tasks deleted?) and stay in %s",
            *(pulled.gone, pulled.path),
        )
    log.info("%d judgements in %s, %d of them new", pulled.judgements, pulled.path, pulled.new)


@commands.add(
    ANNOTATIONS,
    frame.path_argument("--out", "metrics/annotation.json", "figures to write"),
    frame.path_argument("--second-look", "data/second-look.tsv", "tied pairs to write: pair_id, src, tgt"),
)
def report(args: Namespace) -> None:
    """Report agreement and speed of the annotators; list the pairs on which they are tied."""
    params = load_params()
    judgements = read_judgements(args.annotations, params.pair)
    if not judgements.rows:
        raise DataError(
            f"{args.annotations}: no judgement of {params.pair.src}-{params.pair.tgt} pairs; pull some"
        )
    merged = merge(judgements.rows)
    settings = {"resamples": params.evaluate.bootstrap, "confidence": params.evaluate.confidence}
    figures = agreement_figures(judgements.rows, merged, **settings, seed=params.seed)
    write_json(args.out, rounded({**figures, "passed_over": judgements.skipped}))
    tied = tied_pairs(merged)
    with atomic_path(args.second_look) as temporary:
        text = "".join("\t".join(" ".join(cell.split()) for cell in row) + "\n" for row in tied)
        temporary.write_text(text, encoding="utf-8", newline="\n")
    frame.print_text(figures_as_text(figures))
    log.info("figures in %s; %d tied pairs in %s", args.out, len(tied), args.second_look)


@commands.add(
    frame.argument("--port", type=frame.port, help="port to listen on (default: a free one)"), TASKS
)
def server(args: Namespace) -> None:
    """Run a Label Studio server on this machine, for this machine, and push the exported tasks to it.

    It listens on the loopback address, keeps its database in data/label-studio/ and sends nothing out. With
    LABEL_STUDIO_POSTGRES=postgresql://USER[:PASSWORD]@HOST[:PORT]/NAME it uses that PostgreSQL database.
    """
    end_by_signals()
    params = load_params()
    tasks = read_tasks(args.tasks, params)
    access = read_access(ACCESS_FILE)
    port = args.port or free_port()
    access["url"] = f"http://127.0.0.1:{port}"
    write_access(ACCESS_FILE, access)
    log.info("starting Label Studio on port %d; the first start takes a minute or two", port)
    with running_server(SERVER_FOLDER, port, access) as process:
        pushed = push_tasks(Server(access["url"], access["token"]), tasks, params)
        log.info("%d tasks added, %d were there", pushed.added, pushed.known)
        log.info(
            "open %s/projects/%d as %s; the password is in %s; Ctrl-C stops the server",
            *(access["url"], pushed.project, access["username"], ACCESS_FILE),
        )
        # In short steps: a signal that arrives on another thread (tqdm has one) does not wake this one.
        while process.poll() is None:
            time.sleep(0.2)
        raise LabelStudioError(
            f"Label Studio ended with code {process.returncode}; see {SERVER_FOLDER}/server.log"
        )


if __name__ == "__main__":
    cli.run(commands.main)
