"""The page of ``make demo``: search the corpus in both directions and translate, with any available model.

gradio, an optional requirement, draws the page, which is served on the loopback address. A model is loaded
when it is first asked.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from commands.explore.search import Hit, Side, choose_language, embed_side, find_nearest, other_language
from stages.lib.core.cli import forget_interrupts
from stages.lib.core.errors import DataError, KopriError, ParamsError
from stages.lib.core.params import Params, unknown
from stages.lib.models.adapters import adapter_folders

if TYPE_CHECKING:
    import gradio
    import polars as pl
    from fastapi import FastAPI, Request, Response
    from sentence_transformers import SentenceTransformer

log = logging.getLogger("demo")

HOST = "127.0.0.1"
# A paragraph: longer texts are no sentences, and a beam search over them would occupy the page for minutes.
MAX_CHARS = 1000
MAX_HITS = 50
AUTO = "detect"
HEADERS = {
    # gradio's page names fonts and scripts of other sites: the browser must not ask for them.
    "Content-Security-Policy": "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "form-action 'self'; base-uri 'self'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Choice:
    """A model that can be asked: as it was published, or with its first adapter."""

    model: str
    adapter: Path | None

    @property
    def name(self) -> str:
        return f"{self.model}, {'fine-tuned' if self.adapter else 'pretrained'}"


@dataclass(frozen=True)
class Answer:
    """The nearest sentences in language ``other``, and a translation if the model can translate."""

    other: str
    hits: list[Hit]
    translation: str | None


@dataclass
class _Loaded:
    """A model in memory, with the sides of the corpus that it has been asked about, by language."""

    encoder: SentenceTransformer
    sides: dict[str, Side] = field(default_factory=dict)


def find_choices(params: Params, models: Path) -> dict[str, Choice]:
    """List the models of params.yaml by name: fine-tuned where adapters exist, and as they were published."""
    choices = []
    for model in [*params.models, *params.baselines]:
        if (models / model).is_dir():
            choices.append(Choice(model, next(iter(adapter_folders(models / model).values()))))
        choices.append(Choice(model, None))
    return {choice.name: choice for choice in choices}


class Demo:
    """The corpus and the models behind the page; one question at a time."""

    def __init__(self, params: Params, corpus: pl.DataFrame, models: Path) -> None:
        self.pair = params.pair
        self.choices = find_choices(params, models)
        # The fine-tuned one comes first.
        aligner = (name for name, choice in self.choices.items() if choice.model == params.align.model)
        self.default = next(aligner, next(iter(self.choices)))
        self._params, self._corpus = params, corpus
        self._loaded: dict[str, _Loaded] = {}
        # A model is loaded once; two beam searches side by side would end no sooner than one after the other.
        self._lock = threading.Lock()

    def ask(self, text: str, lang: str, model: str, k: int) -> Answer:
        """Answer a query. Raises KopriError where it, the corpus or the model does not allow that."""
        text = " ".join(text.split())
        if not text:
            raise DataError("no text; write a sentence in either language")
        if len(text) > MAX_CHARS:
            raise DataError(f"the text has {len(text):,} characters, expected at most {MAX_CHARS:,}")
        if model not in self.choices:
            raise ParamsError(unknown("model", model, self.choices))
        if not 1 <= k <= MAX_HITS:
            raise DataError(f"expected a number of sentences from 1 to {MAX_HITS}, found {k}")
        if lang == AUTO:
            lang = choose_language(text, self.pair, "choose its language")
        other = other_language(lang, self.pair)
        with self._lock:
            return self._answer(self.choices[model], text, lang, other, int(k))

    def _answer(self, choice: Choice, text: str, lang: str, other: str, k: int) -> Answer:
        from stages.lib.models import encode, load_encoder
        from stages.lib.models.translate import translate
        from stages.lib.models.vectors import Embedder

        config = self._params.models_config[choice.model]
        is_translator = config.kind == "nllb"
        if is_translator:
            config = config.model_copy(update={"int8": False})  # int8 layers cannot translate
        batch_tokens = self._params.evaluate.batch_tokens
        if choice.name not in self._loaded:
            log.info("loading %s", choice.name)
            self._loaded[choice.name] = _Loaded(load_encoder(choice.model, config, choice.adapter))
        loaded = self._loaded[choice.name]
        if other not in loaded.sides:
            embed = Embedder(choice.model, config, batch_tokens, choice.adapter)
            loaded.sides[other] = embed_side(other, self._corpus, self.pair, embed)
        model = loaded.encoder
        query = encode(model, [text], lang, batch_tokens=batch_tokens)[0]
        hits = find_nearest(query, loaded.sides[other], k)
        translation = None
        if is_translator:
            [translation] = translate(
                *(model[0].translator, model.tokenizer, [text], lang, other),
                num_beams=self._params.evaluate.beams,
                batch_tokens=batch_tokens,
            )
        return Answer(other, hits, translation)

    def examples(self, n: int = 2) -> list[str]:
        """Return short sentences of the corpus to try, ``n`` of each language."""
        import polars as pl

        rows = self._corpus.filter(pl.col("src_lang") == self.pair.src, pl.col("tgt_lang") == self.pair.tgt)
        rows = rows.filter(pl.col("src").str.len_chars().is_between(15, 60)).head(2 * n)
        return [*rows["src"][:n], *rows["tgt"][n:]]


def make_page(demo: Demo) -> gradio.Blocks:
    """Return the page. Its one function is ``/ask`` of gradio's API."""
    # Read when gradio is imported: no analytics, no question for a newer version.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import gradio
    from babel import Locale

    names = {lang: Locale("en").languages.get(lang, lang) for lang in (demo.pair.src, demo.pair.tgt)}
    languages = [("detect by its letters", AUTO), *((name, lang) for lang, name in names.items())]
    title = " and ".join(names.values())

    def ask(text: str, lang: str, model: str, k: float) -> tuple[list[list[str]], dict]:
        try:
            answer = demo.ask(text, lang, model, int(k))
        except KopriError as error:
            # Without a traceback: the log must not hold what was asked.
            raise gradio.Error(" ".join(str(error).split()), print_exception=False) from None
        table = [[f"{hit.score:.3f}", hit.text, hit.pair, hit.source] for hit in answer.hits]
        is_translated = answer.translation is not None
        return table, gradio.update(value=answer.translation or "–", visible=is_translated)

    with gradio.Blocks(title=f"Köpri: {title}", analytics_enabled=False) as page:
        gradio.Markdown(
            f"# {title}\nThe sentences of the corpus nearest in meaning to yours, in the other language. "
            "The first question to a model waits until the model has read the corpus."
        )
        text = gradio.Textbox(label="Text (Enter searches)", max_length=MAX_CHARS, autofocus=True)
        with gradio.Row():
            lang = gradio.Radio(languages, value=AUTO, label="Its language")
            model = gradio.Dropdown(list(demo.choices), value=demo.default, label="Model")
            k = gradio.Slider(1, MAX_HITS, value=5, step=1, label="Sentences")
        button = gradio.Button("Search", variant="primary")
        gradio.Examples(demo.examples(), text)
        translation = gradio.Textbox(
            label="Translation by the model, right or wrong (docs/results.md says how good it is)",
            visible=False,
        )
        hits = gradio.Dataframe(
            label="Nearest sentences of the corpus, by cosine",
            headers=["score", "sentence", "what it is paired with", "source"],
            wrap=True,
        )
        gradio.on(
            [text.submit, button.click], ask, [text, lang, model, k], [hits, translation], api_name="ask"
        )
    return page


def make_app(demo: Demo) -> FastAPI:
    """Return the page as an application that answers to this machine's names and to its own page alone."""
    page = make_page(demo)
    import fastapi
    import gradio
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = fastapi.FastAPI(openapi_url=None)

    @app.middleware("http")
    async def guard(request: Request, call_next) -> Response:
        # A browser says who asks; other programs need not.
        if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            return fastapi.responses.PlainTextResponse("another page asked; open this address by hand", 403)
        response = await call_next(request)
        response.headers.update(HEADERS)
        return response

    # A name that is made to point here (DNS rebinding) is not ours.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    fonts = {"font": ["system-ui", "sans-serif"], "font_mono": ["monospace"]}
    theme = gradio.themes.Default(**fonts)
    return gradio.mount_gradio_app(app, page, path="/", theme=theme, footer_links=[], run_history=False)


def serve(demo: Demo, port: int) -> None:
    """Serve the page on the loopback address until Ctrl-C; port 0 is a free one.

    Raises ParamsError if gradio is not installed, ParamsError if the port cannot be listened on.
    """
    try:
        import uvicorn

        app = make_app(demo)
    except ModuleNotFoundError as error:
        raise ParamsError(
            f"demo needs {error.name}, not installed; run `make demo`, which installs it"
        ) from None
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise ParamsError(
                f"--port {port}: cannot listen there ({error}); give another, or none for a free one"
            ) from None
        log.info("open http://%s:%d in a browser; Ctrl-C stops it", HOST, listener.getsockname()[1])
        # No access log: it would hold addresses of questions.
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
        forget_interrupts()
    log.info("stopped")
