"""A source's raw tar into its segment table, by the reader that its format names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stages.extract.documents.books import Books
from stages.extract.documents.crawl import Crawl
from stages.extract.documents.files import Files
from stages.extract.messages import cldr, js, mediawiki, po, qt, udhr
from stages.extract.pairs import moses, tmx, tsv
from stages.extract.pairs.corpus import choose_pairs
from stages.extract.segments import make_table
from stages.lib.core.archives import Origin, open_raw
from stages.lib.core.engine import LOCAL, Engine
from stages.lib.core.errors import SourceError
from stages.lib.core.params import LANGS, PdfParams, SourceConfig

if TYPE_CHECKING:
    import polars as pl

# Messages with keys: (name, config, files, langs) -> segments.
MESSAGES = {
    "po": po.read,
    "qt": qt.read,
    "js": js.read,
    "cldr": cldr.read_names,
    "cldr_annotations": cldr.read_annotations,
    "babel": cldr.read_babel,
    "udhr": udhr.read,
    "mediawiki": mediawiki.read,
}
# Corpora that come as pairs: (config, files) -> pairs.
PAIRS = {"tmx": tmx.read, "tsv": tsv.read, "moses": moses.read}
# Documents without keys, to be aligned by what they mean.
DOCUMENTS = {"html": Crawl, "books": Books, "documents": Files}

# Transports whose files have a package URL (github.com/package-url/purl-spec), and its type there.
_PACKAGE_TYPES = {"npm": "npm", "pypi": "pypi", "debian": "deb/debian"}


def extract(
    name: str,
    config: SourceConfig,
    raw: Path,
    langs: Sequence[str] = LANGS,
    *,
    engine: Engine = LOCAL,
    pdf: PdfParams | None = None,
    report: Counter[str] | None = None,
) -> pl.DataFrame:
    """Return the segment table of a raw tar.

    Documents are read by shards on ``engine``; the files of a package, and corpora that come as pairs, are
    one shard, which is read here in seconds. ``report`` counts what was read and what was dropped, by reason.

    Raises SourceError if the tar was collected for other settings, is damaged or holds no text.
    """
    report = Counter() if report is None else report
    with open_raw(raw) as (origin, files):
        expected = Origin(config.transport, config.package or name, config.version or origin.version)
        if origin != expected:
            raise SourceError(
                f"{raw}: collected from {origin}, but sources/{name}.yaml asks for {expected}; "
                "run the collect stage again (dvc repro)"
            )
        if config.format in MESSAGES:
            segments = MESSAGES[config.format](name, config, files, langs)
        elif config.format in PAIRS:
            segments = choose_pairs(name, config, PAIRS[config.format](config, files), langs, report)
        else:
            wanted = [lang for lang in langs if lang in config.options.langs]
            segments = DOCUMENTS[config.format](name, config, wanted, report, engine, pdf).read(files)
        package_type = _PACKAGE_TYPES.get(config.transport)
        prefix = f"pkg:{package_type}/{origin.package}@{origin.version}#" if package_type else ""
        table = make_table(segments, name, config.license, prefix, raw)
    if table.is_empty():
        raise SourceError(
            f"{raw}: no text in any of {', '.join(langs)}; check sources/{name}.yaml and collect it again, "
            "or drop the source"
        )
    return table
