"""The segment: one text in one language; and the table of a source's segments."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.lib.core.archives import RawFile
from stages.lib.core.errors import SourceError
from stages.lib.core.params import LANGS
from stages.lib.core.tables import SEGMENT_SCHEMA, table_from_rows

if TYPE_CHECKING:
    import polars as pl

# Names of CLDR's plural categories; a key ends in "#" and one of them where a message has plural forms.
PLURALS = ("zero", "one", "two", "few", "many", "other")
_ROWS_PER_FRAME = 5_000


@dataclass(frozen=True)
class Segment:
    """One message, paragraph or sentence in one language.

    ``unit`` is what splitting keeps together inside the source; ``key`` is the same in all languages, None
    where the source gives no alignment; ``url`` is where the text comes from (of a package, the file in it);
    ``date`` is the day of publication, ISO 8601, where the source has it.
    """

    unit: str
    lang: str
    text: str
    key: str | None
    url: str | None
    page: int | None = None
    date: str | None = None


def make_table(
    segments: Iterable[Segment], name: str, license: str, url_prefix: str, raw: Path
) -> pl.DataFrame:
    """Return the segment table of a source: NFC, sorted by document, language and position.

    Positions count a document's segments in one language in the order in which they come; blank ones are left
    out. Rows are held as columns, a few thousand excepted. Raises SourceError for a key that comes twice.
    """
    import polars as pl

    positions: Counter[tuple[str, str]] = Counter()
    keys: set[tuple[str, str, str]] = set()
    frames: list[pl.DataFrame] = []
    rows: list[tuple] = []
    for segment in segments:
        if not segment.text.strip():
            continue
        place = (segment.unit, segment.lang)
        if segment.key is not None:
            if (*place, segment.key) in keys:
                raise SourceError(
                    f"{raw}: {segment.url}: key {segment.key!r} comes twice in {segment.unit} "
                    f"({segment.lang})"
                )
            keys.add((*place, segment.key))
        url = f"{url_prefix}{segment.url}" if segment.url else None
        text = unicodedata.normalize("NFC", segment.text)
        rows.append(
            (name, f"{name}/{segment.unit}", segment.lang, positions[place], text, segment.key, url,
             segment.page, license, segment.date)
        )  # fmt: skip
        positions[place] += 1
        if len(rows) >= _ROWS_PER_FRAME:
            frames.append(table_from_rows(rows, SEGMENT_SCHEMA))
            rows = []
    frames.append(table_from_rows(rows, SEGMENT_SCHEMA))
    ranks = {lang: rank for rank, lang in enumerate(LANGS)}
    rank = pl.col("lang").replace_strict(ranks, return_dtype=pl.Int32)
    return pl.concat(frames).sort(["doc", rank, "n"])


def plural_key(key: str, category: str) -> str:
    """Return the key of one plural form of a message."""
    return f"{key}#{category}"


def decode(files: Mapping[str, RawFile], name: str, where: str) -> str:
    """Return a raw file as text; raise SourceError, naming it, if it is not UTF-8."""
    try:
        return files[name].read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{where}: {name} is not UTF-8 ({error.reason} at byte {error.start})") from None


def decode_json(files: Mapping[str, RawFile], name: str, where: str) -> Any:
    """Return the content of a raw JSON file; raise SourceError, naming it, if it is not JSON."""
    try:
        return json.loads(decode(files, name, where))
    except (json.JSONDecodeError, RecursionError) as error:
        raise SourceError(f"{where}: {name} is not JSON ({error})") from None
