"""Try the models in a browser: search the corpus in both directions and translate, by any model at hand.

One page on the loopback address, for this machine alone. A model is loaded when it is first asked.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import logging
import signal
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from commands.search import Hit, Side, choose_language, embed_side, find_nearest
from stages.lib.core import cli
from stages.lib.core.errors import DataError, KopriError, ParamsError
from stages.lib.core.params import Pair, Params, load_params
from stages.lib.core.tables import CORPUS_SCHEMA, read_table
from stages.lib.models.adapters import adapter_folders
from stages.report.page import STYLE

if TYPE_CHECKING:
    import polars as pl
    from flask import Flask, Response
    from sentence_transformers import SentenceTransformer
    from werkzeug.serving import BaseWSGIServer

log = logging.getLogger("demo")  # run with -m, __name__ says nothing

HOST = "127.0.0.1"
# A paragraph: longer texts are no sentences, and a beam search over them would hold the page for minutes.
MAX_CHARS = 1000
MAX_HITS = 50
VARIANTS = ("finetuned", "pretrained")


@dataclass(frozen=True)
class Choice:
    """A model that can be asked, as it came or with its first adapter."""

    model: str
    variant: str
    adapter: Path | None

    @property
    def key(self) -> str:
        return f"{self.model}-{self.variant}"


@dataclass(frozen=True)
class Query:
    """What the form says, as it was sent."""

    text: str = ""
    lang: str = ""
    model: str = ""
    k: str = "5"


@dataclass(frozen=True)
class Answer:
    """What was found for a text in ``lang``: sentences in ``other``, and a translation if the model can."""

    lang: str
    other: str
    hits: list[Hit]
    translation: str | None


@dataclass
class _Loaded:
    """A model in memory, with the sides of the corpus that it has been asked about, by language."""

    encoder: SentenceTransformer
    sides: dict[str, Side] = field(default_factory=dict)


def find_choices(params: Params, models: Path) -> dict[str, Choice]:
    """List the models of params.yaml by key: fine-tuned where adapters are there, and as they came."""
    found = {}
    for name in [*params.models, *params.baselines]:
        adapter = None
        if (models / name).is_dir():
            adapter = next(iter(adapter_folders(models / name).values()))
        for variant, folder in zip(VARIANTS, (adapter, None), strict=True):
            if folder or variant == "pretrained":
                choice = Choice(name, variant, folder)
                found[choice.key] = choice
    return found


class Demo:
    """The corpus and the models behind the page; one question at a time."""

    def __init__(self, params: Params, corpus: pl.DataFrame, models: Path) -> None:
        self.pair = params.pair
        self.choices = find_choices(params, models)
        keys = (f"{params.align.model}-{variant}" for variant in VARIANTS)
        self.default = next((key for key in keys if key in self.choices), next(iter(self.choices)))
        self._params, self._corpus = params, corpus
        self._loaded: dict[str, _Loaded] = {}
        # A model is loaded once; two beam searches side by side would end no sooner than one after the other.
        self._lock = threading.Lock()

    def ask(self, query: Query) -> Answer:
        """Answer a query. Raises KopriError where it, the corpus or the model does not allow that."""
        text, pair = " ".join(query.text.split()), self.pair
        if not text:
            raise DataError("no text; write a sentence in either language")
        if len(text) > MAX_CHARS:
            raise DataError(
                f"the text has {len(text):,} characters, expected at most {MAX_CHARS:,}; shorten it"
            )
        if query.model not in self.choices:
            raise ParamsError(f"unknown model {query.model!r}; known: {', '.join(self.choices)}")
        if not (query.k.isdecimal() and len(query.k) < 9 and 1 <= int(query.k) <= MAX_HITS):
            raise DataError(f"{query.k!r} sentences asked for, expected a number from 1 to {MAX_HITS}")
        lang = query.lang or choose_language(text, pair, "choose its language")
        if lang not in (pair.src, pair.tgt):
            raise DataError(f"language {lang!r}, expected {pair.src} or {pair.tgt}, the pair of params.yaml")
        other = pair.tgt if lang == pair.src else pair.src
        with self._lock:
            return self._answer(self.choices[query.model], text, lang, other, int(query.k))

    def _answer(self, choice: Choice, text: str, lang: str, other: str, k: int) -> Answer:
        from stages.lib.models import encode, load_encoder
        from stages.lib.models.translate import translate
        from stages.lib.models.vectors import Embedder

        config = self._params.models_config[choice.model]
        translates = config.kind == "nllb"
        if translates:
            config = config.model_copy(update={"int8": False})  # which cannot translate
        settings = self._params.evaluate
        if choice.key not in self._loaded:
            log.info("loading %s", choice.key)
            self._loaded[choice.key] = _Loaded(load_encoder(choice.model, config, choice.adapter))
        loaded = self._loaded[choice.key]
        if other not in loaded.sides:
            embed = Embedder(choice.model, config, settings.batch_tokens, choice.adapter)
            loaded.sides[other] = embed_side(other, self._corpus, self.pair, embed)
        model = loaded.encoder
        query = encode(model, [text], lang, batch_tokens=settings.batch_tokens)[0]
        hits = find_nearest(query, loaded.sides[other], k)
        translation = None
        if translates:
            [translation] = translate(
                *(model[0].translator, model.tokenizer, [text], lang, other),
                num_beams=settings.beams,
                batch_tokens=settings.batch_tokens,
            )
        return Answer(lang, other, hits, translation)


def language_names(pair: Pair) -> dict[str, str]:
    """Return the English names of the pair's languages, by code; a code without a name is its own."""
    from babel import Locale

    names = Locale("en").languages
    return {lang: names.get(lang, lang) for lang in (pair.src, pair.tgt)}


def make_app(demo: Demo) -> Flask:
    """Return the page: the form at ``/``, with the answer below it where a text is given."""
    import flask
    from werkzeug.exceptions import HTTPException

    app = flask.Flask(__name__, static_folder=None)
    # A name that is made to point here (DNS rebinding) is not ours.
    app.config["TRUSTED_HOSTS"] = [HOST, "localhost"]
    names = language_names(demo.pair)
    # The browser is to take no style but ours, and to run and fetch nothing.
    digest = base64.b64encode(hashlib.sha256((STYLE + _FORM_STYLE).encode()).digest()).decode()
    headers = {
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        "Cache-Control": "no-store",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }

    def page(query: Query, answer: Answer | None, error: str | None, status: int) -> tuple[str, int]:
        shown = {"query": query, "answer": answer, "error": error and " ".join(error.split())}
        fixed = {"style": STYLE + _FORM_STYLE, "max_chars": MAX_CHARS, "max_hits": MAX_HITS}
        text = flask.render_template_string(
            _TEMPLATE, **shown, **fixed, choices=demo.choices, names=names, pair=demo.pair
        )
        return text, status

    @app.before_request
    def refuse_other_pages() -> None:
        """Let no page of another site ask for work here; a browser says who asks, other programs need not."""
        if flask.request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            flask.abort(403, "another page asked; open this address by hand")

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.update(headers)
        return response

    @app.get("/")
    def index() -> tuple[str, int]:
        given: Mapping[str, str] = flask.request.args
        query = Query(
            **{
                "model": demo.default,
                **{one.name: given[one.name] for one in fields(Query) if one.name in given},
            }
        )
        if "text" not in given:
            return page(query, None, None, 200)
        try:
            return page(query, demo.ask(query), None, 200)
        except KopriError as error:
            return page(query, None, str(error), 400)

    @app.errorhandler(HTTPException)
    def tell(error: HTTPException) -> tuple[str, int]:
        return page(
            Query(model=demo.default), None, f"{error.name}: {error.description or ''}", error.code or 500
        )

    return app


def make_server(app: Flask, port: int) -> BaseWSGIServer:
    """Listen on the loopback address; port 0 is a free one. Raises ParamsError where that fails."""
    from werkzeug import serving

    with socket.socket() as ours:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            ours.bind((HOST, port))
            ours.listen()
        except (OSError, OverflowError) as error:
            raise ParamsError(
                f"--port {port}: cannot listen there ({error}); give another, or none for a free one"
            ) from None
        # The server's own binding would print and exit; it takes a copy of the socket.
        return serving.make_server(HOST, port, app, threaded=True, fd=ours.fileno())


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m commands.demo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument("--corpus", type=Path, default=Path("data/corpus.parquet"), help="the cleaned corpus")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder of adapters")
    args = parser.parse_args()
    # However it is ended, the server closes its port first.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # its log of requests would hold the texts
    params = load_params()
    demo = Demo(params, read_table(args.corpus, CORPUS_SCHEMA), args.models)
    server = make_server(make_app(demo), args.port)
    log.info("open http://%s:%d in a browser; Ctrl-C stops it", HOST, server.port)
    server.serve_forever()  # until Ctrl-C, which it takes for the end
    log.info("stopped")


_FORM_STYLE = """
form { display: grid; gap: .9rem; max-width: 46rem; }
fieldset { margin: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem;
  border: 1px solid var(--grid); border-radius: .3rem; }
label { font-weight: 600; } fieldset label { font-weight: 400; }
.row { display: flex; flex-wrap: wrap; gap: .9rem; } .row div { display: grid; gap: .2rem; }
textarea, select, input[type=number] { font: inherit; color: inherit; background: var(--band); width: 100%;
  padding: .4rem .6rem; border: 1px solid var(--soft); border-radius: .3rem; }
button { font: inherit; font-weight: 600; justify-self: start; padding: .45rem 1.4rem; cursor: pointer;
  border: 0; border-radius: .3rem; background: var(--link); color: var(--paper); }
.error { border-left: 4px solid var(--c2); padding-left: .8rem; overflow-wrap: anywhere; }
.found { font-size: 1.15rem; overflow-wrap: anywhere; }
"""

_TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Köpri: {{ names[pair.src] }} and {{ names[pair.tgt] }}</title>
<link rel="icon" href="data:,">
<style>{{ style | safe }}</style>
</head>
<body>
<a class="skip" href="#answer">Skip to the answer</a>
<header>
<h1>{{ names[pair.src] }} and {{ names[pair.tgt] }}</h1>
<p>The sentences of the corpus that are nearest in meaning to yours, in the other language.</p>
</header>
<main>
<form method="get" action="/">
<div>
<label for="text">Text, at most {{ "{:,}".format(max_chars) }} characters</label>
<textarea id="text" name="text" rows="3" maxlength="{{ max_chars }}" required
{%- if answer %} lang="{{ answer.lang }}"{% endif %}>
{{ query.text }}</textarea>
</div>
<fieldset>
<legend>Its language</legend>
<label><input type="radio" name="lang" value=""{% if query.lang not in names %} checked{% endif %}>
told by its letters</label>
{% for lang, name in names.items() %}
<label><input type="radio" name="lang" value="{{ lang }}"{% if query.lang == lang %} checked{% endif %}>
{{ name }}</label>
{% endfor %}
</fieldset>
<div class="row">
<div>
<label for="model">Model</label>
<select id="model" name="model">
{% for key, choice in choices.items() %}
<option value="{{ key }}"{% if query.model == key %} selected{% endif %}>
{{- choice.model }}, {{ "fine-tuned" if choice.adapter else "as it came" }}</option>
{% endfor %}
</select>
</div>
<div>
<label for="k">Sentences</label>
<input id="k" name="k" type="number" min="1" max="{{ max_hits }}" value="{{ query.k }}" required>
</div>
</div>
<button>Find</button>
<p class="note">The first question to a model waits until the model has read the corpus.</p>
</form>
<div id="answer">
{% if error %}
<p class="error" role="alert">{{ error }}</p>
{% endif %}
{% if answer and answer.translation is not none %}
<h2 id="translation">Translation</h2>
<p class="found" lang="{{ answer.other }}">{{ answer.translation or "–" }}</p>
<p>What the model says, right or wrong: how good it is on the test set stands in docs/results.md.</p>
<p class="note">By {{ choices[query.model].model }}, from {{ names[answer.lang] }}.</p>
{% endif %}
{% if answer %}
<h2 id="nearest">Nearest sentences</h2>
<div class="scroll" role="region" tabindex="0" aria-labelledby="nearest">
<table>
<caption>{{ names[answer.other] }} sentences of the corpus, by cosine</caption>
<thead><tr>
<th scope="col">score</th>
<th scope="col" class="words">{{ names[answer.other] }}</th>
<th scope="col" class="words">what it is paired with</th>
<th scope="col" class="words">source</th>
</tr></thead>
<tbody>
{% for hit in answer.hits %}
<tr><td>{{ "%.3f" | format(hit.score) }}</td>
<td class="words" lang="{{ answer.other }}">{{ hit.text }}</td>
<td class="words" lang="{{ answer.lang }}">{{ hit.pair }}</td>
<td class="words">{{ hit.source }}</td></tr>
{% endfor %}
</tbody>
</table>
</div>
{% endif %}
</div>
</main>
</body>
</html>
"""


if __name__ == "__main__":
    cli.run(main)
