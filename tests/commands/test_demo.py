"""The page of ``make demo``, on a small corpus with a real encoder and a real, tiny translator."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlencode

import lxml.html
import pytest
import requests

from commands.demo import MAX_CHARS, Demo, Query, find_choices, make_app, make_server
from stages.lib.core.errors import KopriError, ParamsError
from stages.lib.core.params import Params, load_params
from stages.lib.core.tables import CORPUS_SCHEMA, table_from_rows, write_table
from stages.lib.models import load as loading
from tests.commands.test_search import TEXTS
from tests.hub_checkpoints import make_nllb
from tests.stages.small_corpus import corpus_row

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
EVIL = "<script>alert('köpri')</script> & \"dil\""


def small_corpus():
    rows = [corpus_row(src, tgt, f"django/{n}") for n, (src, tgt) in enumerate(TEXTS)]
    rows.append(corpus_row('Злой <b>текст</b> & "кавычки"', EVIL, "django/evil"))
    return table_from_rows(rows, CORPUS_SCHEMA)


@pytest.fixture(scope="module")
def params(tmp_path_factory) -> Params:
    folder = tmp_path_factory.mktemp("nllb")
    make_nllb(folder, [f"{src} {tgt}" for src, tgt in TEXTS])
    raw = load_params(ROOT / "params.yaml").model_dump()
    raw |= {"models": ["use_tr", "nllb"], "baselines": ["minilm_en"], "benchmarks": []}
    raw["models_config"]["nllb"] |= {"id": str(folder), "revision": None, "int8": True}
    raw["evaluate"] |= {"beams": 2}
    return Params.model_validate(raw)


@pytest.fixture(scope="module")
def demo(params, tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # the vector store is below it
        yield Demo(params, small_corpus(), folder / "models")


@pytest.fixture(scope="module")
def client(demo):
    return make_app(demo).test_client()


def ask(client, **query: str) -> lxml.html.HtmlElement:
    answer = client.get("/", query_string=query)
    assert answer.status_code == 200, answer.text
    return lxml.html.document_fromstring(answer.text)


def cells(page: lxml.html.HtmlElement, row: int) -> list[tuple[str, str | None]]:
    return [(cell.text_content(), cell.get("lang")) for cell in page.xpath(f"//tbody/tr[{row}]/td")]


def test_the_form_offers_the_models_of_params_and_the_aligner_first(client):
    page = ask(client)
    options = {option.get("value"): option.text_content() for option in page.xpath("//select/option")}
    assert options == {
        f"{name}-pretrained": f"{name}, as it came" for name in ("use_tr", "nllb", "minilm_en")
    }
    assert page.xpath("//option[@selected]/@value") == ["use_tr-pretrained"]
    assert not page.xpath("//table | //*[@role='alert']")


def test_adapters_are_offered_where_they_are(params, tmp_path):
    (tmp_path / "use_tr" / "seed-3").mkdir(parents=True)
    found = find_choices(params, tmp_path)
    assert list(found) == ["use_tr-finetuned", "use_tr-pretrained", "nllb-pretrained", "minilm_en-pretrained"]
    assert found["use_tr-finetuned"].adapter == tmp_path / "use_tr" / "seed-3"
    assert Demo(params, small_corpus(), tmp_path).default == "use_tr-finetuned"


@pytest.mark.parametrize(
    ("text", "nearest", "pair", "langs"),
    [
        ("Выбрать\r\n язык", "Dili saýlaň", "Выберите язык", ("tk", "ru")),
        ("Dil saýla", "Выберите язык", "Dili saýlaň", ("ru", "tk")),
    ],
)
def test_the_nearest_sentence_comes_first_in_both_directions(client, text, nearest, pair, langs):
    page = ask(client, text=text, k="2")
    assert len(page.xpath("//tbody/tr")) == 2
    score, *words = cells(page, 1)
    assert 0.5 < float(score[0]) <= 1.0
    assert words == [(nearest, langs[0]), (pair, langs[1]), ("django", None)]
    # What was asked stays in the form, with its language; this model does not translate.
    assert page.xpath("//textarea")[0].get("lang") == langs[1]
    assert page.xpath("//textarea")[0].text_content().split() == text.split()
    assert not page.xpath("//h2[@id='translation']")


def test_a_language_that_is_chosen_goes_before_the_letters(client):
    page = ask(client, text="Faýl", lang="ru")
    assert cells(page, 1)[1][1] == "tk"
    assert page.xpath("//input[@name='lang'][@checked]/@value") == ["ru"]


def test_a_model_that_translates_does_and_int8_is_no_hindrance(client, demo):
    page = ask(client, text="Добро пожаловать", model="nllb-pretrained")
    [translation] = page.xpath("//p[@class='found']")
    assert translation.get("lang") == "tk"
    # Random weights say something, not something right; the same each time.
    found = demo.ask(Query("Добро пожаловать", "ru", "nllb-pretrained")).translation
    assert translation.text_content() == (found or "–")
    assert len(page.xpath("//tbody/tr")) == 5


def test_a_model_is_loaded_once_however_many_ask_at_once(params, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    loads, load = [], loading.load_encoder

    def counted(name, *args, **kwargs):
        loads.append(name)
        return load(name, *args, **kwargs)

    monkeypatch.setattr("stages.lib.models.load_encoder", counted)
    own = Demo(params, small_corpus(), tmp_path / "models")
    query = Query("Выбрать язык", "ru", "nllb-pretrained")
    own.ask(query)  # the corpus's vectors are in the store from here on
    loads.clear()
    again = Demo(params, small_corpus(), tmp_path / "models")
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(again.ask(query))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == ["nllb"]
    assert len(answers) == 4
    assert all(answer == answers[0] for answer in answers)


def test_texts_are_never_markup(client):
    page = ask(client, text=EVIL, lang="ru", k="50")
    assert not page.xpath("//script | //b")
    assert page.xpath("//textarea")[0].text_content().strip() == EVIL
    assert EVIL in [cell.text_content() for cell in page.xpath("//td[@lang='tk']")]
    refused = client.get("/", query_string={"text": "Привет", "model": EVIL})
    assert "<script>alert(" in lxml.html.document_fromstring(refused.text).xpath("string(//*[@role='alert'])")
    assert "<script" not in refused.text


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"text": " \n"}, "no text; write a sentence in either language"),
        (
            {"text": "я" * (MAX_CHARS + 1)},
            "the text has 1,001 characters, expected at most 1,000; shorten it",
        ),
        ({"text": "Привет", "model": "labse"}, "unknown model 'labse'; known: use_tr-pretrained, nllb"),
        ({"text": "Привет", "k": "0"}, "'0' sentences asked for, expected a number from 1 to 50"),
        ({"text": "Привет", "k": "51"}, "expected a number from 1 to 50"),
        ({"text": "Привет", "k": "9" * 5000}, "expected a number from 1 to 50"),
        ({"text": "Привет", "k": "пять"}, "expected a number from 1 to 50"),
        ({"text": "Привет", "lang": "en"}, "language 'en', expected ru or tk"),
        ({"text": "2026"}, "its letters do not tell ru from tk; choose its language"),
    ],
)
def test_what_cannot_be_asked_is_one_line_on_the_page(client, query, message):
    answer = client.get("/", query_string=query)
    assert answer.status_code == 400
    page = lxml.html.document_fromstring(answer.text)
    [alert] = page.xpath("//*[@role='alert']")
    assert message in alert.text_content()
    assert "\n" not in alert.text_content()
    assert not page.xpath("//table")


def test_a_model_that_is_not_there_is_one_line_too(params, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    raw = params.model_dump()
    raw["models_config"]["nllb"]["id"] = str(tmp_path / "none")
    page = make_app(Demo(Params.model_validate(raw), small_corpus(), tmp_path)).test_client()
    answer = page.get("/", query_string={"text": "Привет", "model": "nllb-pretrained"})
    assert answer.status_code == 400
    assert "none" in lxml.html.document_fromstring(answer.text).xpath("string(//*[@role='alert'])")


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"headers": {"Host": "köpri.example.org"}}, 400),
        ({"headers": {"Host": "127.0.0.1.example.org:80"}}, 400),
        ({"headers": {"Sec-Fetch-Site": "cross-site"}}, 403),
        ({"headers": {"Sec-Fetch-Site": "same-site"}}, 403),  # another port of this machine
        ({"method": "POST"}, 405),
        ({"path": "/etc/passwd"}, 404),
        ({"headers": {"Host": "127.0.0.1:8080", "Sec-Fetch-Site": "same-origin"}}, 200),
        ({"headers": {"Host": "localhost:8080", "Sec-Fetch-Site": "none"}}, 200),
    ],
)
def test_only_this_address_is_answered_and_only_to_its_own_page(client, how, status):
    answer = client.open(**{"path": "/", "query_string": {"text": "Выбрать язык"}, **how})
    assert answer.status_code == status
    assert ("<table>" in answer.text) == (status == 200)
    assert (len(lxml.html.document_fromstring(answer.text).xpath("//*[@role='alert']")) == 1) == (
        status != 200
    )


def test_the_page_asks_for_nothing_and_takes_its_own_style_alone(client):
    answer = client.get("/", query_string={"text": "Выбрать язык"})
    page = lxml.html.document_fromstring(answer.text)
    assert not page.xpath("//script | //img | //iframe | //*[@src] | //*[@style]")
    assert page.xpath("//link/@href") == ["data:,"]
    [style] = page.xpath("//style")
    digest = base64.b64encode(hashlib.sha256(style.text.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "url(" not in style.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_every_field_has_a_label_and_every_language_is_told(client):
    page = ask(client, text="Выбрать язык")
    for field in page.xpath("//textarea | //select | //input"):
        assert page.xpath(f"//label[@for='{field.get('id')}']") or field.getparent().tag == "label"
    assert page.get("lang") == "en"
    assert page.xpath("//fieldset/legend")
    assert page.xpath("//table/caption")
    # Whatever has Cyrillic letters says in which language it is.
    for element in page.iter("p", "td", "textarea"):
        if re.search("[а-я]", element.text or ""):
            assert element.get("lang") == "ru"
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))


def test_a_port_that_is_taken_is_one_line(client):
    server = make_server(client.application, 0)
    try:
        assert server.server_address[0] == "127.0.0.1"
        with pytest.raises(ParamsError, match=f"--port {server.port}: cannot listen there") as caught:
            make_server(client.application, server.port)
        assert "\n" not in str(caught.value)
    finally:
        server.server_close()
    with pytest.raises(KopriError, match="--port 70000"):
        make_server(client.application, 70_000)


@pytest.fixture
def running(tmp_path):
    """Start the command as a process; yield it and its address, and kill it if it still runs."""
    write_table(small_corpus(), tmp_path / "corpus.parquet", CORPUS_SCHEMA)
    command = [sys.executable, "-m", "commands.demo", "--corpus", str(tmp_path / "corpus.parquet")]
    process = subprocess.Popen(
        [*command, "--models", str(tmp_path)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    try:
        for line in process.stderr:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                yield process, found[0]
                break
        else:
            pytest.fail("it ended without an address")
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def look(address: str, picture: Path) -> str:
    """Open a page in headless Chromium, keep a picture of it, and return what Chromium said."""
    done = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"),
            *("--disable-background-networking", f"--user-data-dir={picture.parent / 'profile'}"),
            *("--window-size=1280,1100", f"--screenshot={picture}", address),
        ],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stderr


@pytest.mark.slow
def test_the_server_answers_on_loopback_and_ctrl_c_ends_it(running, tmp_path):
    process, address = running
    asked = f"{address}/?{urlencode({'text': 'Выбрать язык', 'model': 'use_tr-pretrained', 'k': '1'})}"
    session = requests.Session()
    session.trust_env = False  # no proxy between this machine and itself
    answer = session.get(asked, timeout=600)
    assert answer.status_code == 200
    assert "Dili saýlaň" in answer.text
    assert session.get(asked, headers={"Host": "example.org"}, timeout=300).status_code == 400
    if CHROMIUM:
        shown = look(asked, tmp_path / "page.png")
        assert (tmp_path / "page.png").stat().st_size > 10_000
        # Chromium says there what its own page lacks, and what the policy kept out.
        assert not [line for line in shown.splitlines() if "CONSOLE" in line]
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == 0
    rest = process.stderr.read()
    assert rest.splitlines()[-1] == "demo: stopped"
    assert "Traceback" not in rest
    assert "%D0" not in rest  # no text that was asked is in the log
    with pytest.raises(requests.ConnectionError):
        session.get(address, timeout=10)
