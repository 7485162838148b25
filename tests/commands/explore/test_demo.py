"""The page of ``make demo``, on a small corpus with a real encoder and a real, tiny translator."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from commands.explore.demo import MAX_CHARS, Demo, find_choices, serve
from stages.lib.core.errors import KopriError, ParamsError
from stages.lib.core.params import Params, load_params
from stages.lib.core.tables import CORPUS_SCHEMA, table_from_rows, write_table
from stages.lib.models import load as loading
from tests.browser import needs_chromium, open_browser, overflow
from tests.commands.explore.test_search import TEXTS
from tests.hub_checkpoints import make_nllb
from tests.stages.small_corpus import corpus_row

ROOT = Path(__file__).parents[3]
MARKUP = "<img src=x onerror=alert(1)> köpri"


def small_corpus():
    rows = [corpus_row(src, tgt, f"django/{n}") for n, (src, tgt) in enumerate(TEXTS)]
    rows.append(corpus_row("Злой <b>текст</b>", MARKUP, "django/markup"))
    return table_from_rows(rows, CORPUS_SCHEMA)


@pytest.fixture(scope="module")
def params(tmp_path_factory) -> Params:
    folder = tmp_path_factory.mktemp("nllb")
    make_nllb(folder, [f"{src} {tgt}" for src, tgt in TEXTS])
    raw = load_params(ROOT / "params.yaml").model_dump(exclude_unset=True)
    raw |= {"models": ["use_tr", "nllb"], "baselines": ["minilm_en"], "benchmarks": []}
    raw["models_config"]["nllb"] |= {"id": str(folder), "revision": None, "int8": True}
    raw["align"] |= {"model": "use_tr"}
    raw["evaluate"] |= {"beams": 2}
    return Params.model_validate(raw)


@pytest.fixture(scope="module")
def demo(params, tmp_path_factory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # the vector store is below it
        yield Demo(params, small_corpus(), folder / "models")


def test_models_are_offered_as_published_and_fine_tuned_where_adapters_exist(params, demo, tmp_path):
    assert list(demo.choices) == ["use_tr, pretrained", "nllb, pretrained", "minilm_en, pretrained"]
    (tmp_path / "use_tr" / "seed-3").mkdir(parents=True)
    choices = find_choices(params, tmp_path)
    assert list(choices)[:2] == ["use_tr, fine-tuned", "use_tr, pretrained"]
    assert choices["use_tr, fine-tuned"].adapter == tmp_path / "use_tr" / "seed-3"
    assert Demo(params, small_corpus(), tmp_path).default == "use_tr, fine-tuned"
    assert demo.default == "use_tr, pretrained"


@pytest.mark.parametrize(
    ("text", "nearest", "pair", "other"),
    [
        ("Выбрать\r\n язык", "Dili saýlaň", "Выберите язык", "tk"),
        ("Dil saýla", "Выберите язык", "Dili saýlaň", "ru"),
    ],
)
def test_the_nearest_sentence_comes_first_in_both_directions(demo, text, nearest, pair, other):
    answer = demo.ask(text, "detect", "use_tr, pretrained", 2)
    assert (answer.other, len(answer.hits), answer.translation) == (other, 2, None)
    best = answer.hits[0]
    assert (best.text, best.pair, best.source) == (nearest, pair, "django")
    assert 0.5 < best.score <= 1.0


def test_a_chosen_language_goes_before_the_letters(demo):
    assert demo.ask("Faýl", "ru", "use_tr, pretrained", 1).other == "tk"


def test_a_translator_translates_also_where_it_is_configured_as_int8(demo):
    answer = demo.ask("Добро пожаловать", "ru", "nllb, pretrained", 5)
    # Random weights give some text, the same each time.
    assert answer.translation is not None
    assert answer == demo.ask("Добро пожаловать", "ru", "nllb, pretrained", 5)
    assert len(answer.hits) == 5


def test_a_model_is_loaded_once_however_many_ask_at_once(params, demo, monkeypatch):
    query = ("Выбрать язык", "ru", "nllb, pretrained", 5)
    demo.ask(*query)  # the corpus's vectors are in the store from here on
    loads, load = [], loading.load_encoder

    def counted(name, *args, **kwargs):
        loads.append(name)
        return load(name, *args, **kwargs)

    monkeypatch.setattr("stages.lib.models.load_encoder", counted)
    again = Demo(params, small_corpus(), Path("models"))
    with ThreadPoolExecutor(4) as threads:
        answers = [*threads.map(lambda _: again.ask(*query), range(4))]
    assert loads == ["nllb"]
    assert answers == [answers[0]] * 4


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"text": " \n"}, "no text; write a sentence in either language"),
        ({"text": "я" * (MAX_CHARS + 1)}, "the text has 1,001 characters, expected at most 1,000"),
        ({"model": "use_rt, pretrained"}, "unknown model 'use_rt, pretrained'; did you mean 'use_tr, pret"),
        ({"k": 0}, "expected a number of sentences from 1 to 50, found 0"),
        ({"lang": "en"}, "language 'en': expected ru or tk"),
        ({"text": "2026"}, "its letters do not tell ru from tk; choose its language"),
    ],
)
def test_what_cannot_be_asked_is_an_error(demo, query, message):
    asked = {"text": "Привет", "lang": "detect", "model": "use_tr, pretrained", "k": 5, **query}
    with pytest.raises(KopriError, match=re.escape(message)):
        demo.ask(**asked)


def test_without_gradio_one_line_says_what_installs_it(demo, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(ParamsError, match="not installed; run `make demo`"):
        serve(demo, 0)


@pytest.fixture(scope="module")
def running(tmp_path_factory) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the command as a process; yield it and its address, and kill it if it still runs."""
    pytest.importorskip("gradio", reason="gradio is not installed: make demo installs it")
    folder = tmp_path_factory.mktemp("demo")
    write_table(small_corpus(), folder / "corpus.parquet", CORPUS_SCHEMA)
    command = [sys.executable, "-m", "commands.explore", "demo", "--corpus", str(folder / "corpus.parquet")]
    process = subprocess.Popen(
        [*command, "--models", str(folder)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    try:
        for line in process.stderr:
            if address := re.search(r"http://127\.0\.0\.1:\d+", line):
                yield process, address[0]
                break
        else:
            pytest.fail("it ended without an address")
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.slow
def test_the_api_answers_in_both_directions_and_errors_are_one_line(running):
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    client = Client(running[1], verbose=False)
    table, translation = client.predict("Выбрать язык", "detect", "use_tr, pretrained", 1, api_name="/ask")
    assert table["headers"] == ["score", "sentence", "what it is paired with", "source"]
    ((score, *row),) = table["data"]
    assert row == ["Dili saýlaň", "Выберите язык", "django"]
    assert 0.5 < float(score) <= 1.0
    assert translation["visible"] is False
    with pytest.raises(AppError, match="'2026': its letters do not tell ru from tk"):
        client.predict("2026", "detect", "use_tr, pretrained", 1, api_name="/ask")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "example.org"}, 400),
        ({"Host": "127.0.0.1.example.org:80"}, 400),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),  # another port of this machine
        ({"Host": "localhost:8080", "Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
def test_only_this_address_is_answered_and_only_to_its_own_page(running, headers, status):
    session = requests.Session()
    session.trust_env = False  # no proxy between this machine and itself
    answer = session.get(running[1], headers=headers, timeout=300)
    assert answer.status_code == status
    if status == 200:
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


@pytest.mark.slow
@needs_chromium
def test_in_a_browser_enter_and_examples_search_and_nothing_leaves_this_machine(running):
    from playwright.sync_api import expect

    with open_browser() as browser:
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        asked, complaints = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        page.goto(running[1])
        text = page.get_by_label("Text (Enter searches)")
        text.fill("Злой текст")
        text.press("Enter")
        # As text, not as markup.
        page.locator(f"text={MARKUP} >> visible=true").first.wait_for(timeout=300_000)
        page.get_by_role("button", name="Сегодня хорошая погода").click()  # an example
        expect(text).to_have_value("Сегодня хорошая погода", timeout=60_000)
        page.set_viewport_size({"width": 390, "height": 844})
        assert overflow(page) <= 0
    assert complaints == []
    assert asked
    assert not [url for url in asked if not url.startswith((running[1], "data:", "blob:"))]


@pytest.mark.slow
def test_ctrl_c_ends_it_and_the_log_holds_no_text(running):
    process, address = running
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == 0
    log = process.stderr.read()
    assert log.splitlines()[-1] == "demo: stopped"
    for word in ("Traceback", "%D0", "Выбрать", "Злой", "2026"):
        assert word not in log
    with pytest.raises(requests.ConnectionError):
        requests.get(address, timeout=10)


def test_a_port_that_is_taken_is_one_line(demo, monkeypatch):
    monkeypatch.setattr("commands.explore.demo.make_app", lambda demo: None)
    pytest.importorskip("uvicorn")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ParamsError, match=f"--port {port}: cannot listen there"):
            serve(demo, port)
    with pytest.raises(ParamsError, match="--port 70000: cannot listen there"):
        serve(demo, 70_000)
