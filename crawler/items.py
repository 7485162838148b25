"""What a crawl stores: one record for each page or book."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass
class Record:
    """One page or book as it was fetched; an absent field is None.

    ``doc`` is shared by the language versions of one document. ``paired`` says by what: ``id``, ``isbn``,
    ``hreflang``, ``alternate``, ``title`` (books: subject and grade), or ``date+title``: a candidate only.
    ``sha256`` is of the bytes as they came; ``content`` of the visible text, which decides whether a page has
    changed. Times are ISO 8601.
    """

    url: str
    canonical: str | None = None
    lang: str | None = None
    id: str | None = None
    title: str | None = None
    published: str | None = None
    fetched: str | None = None
    sha256: str | None = None
    doc: str | None = None
    paired: str | None = None
    # What identifies the page on its site, whatever its address: `tk:blog/91234`.
    key: str | None = None
    content: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    lastmod: str | None = None
    # Other versions that the page itself names: `lang address` strings, in order.
    alternates: tuple[str, ...] = ()
    # Addresses that led here through a redirect.
    aliases: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields in order, tuples as lists."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()
        }


@dataclass
class Article(Record):
    """A page of text, with its markup."""

    html: str | None = None


@dataclass
class Book(Record):
    """An edition of a book; ``file`` is relative to the folder of the site's packed file."""

    file: str | None = None
    bytes: int | None = None
    isbn: str | None = None
    subject: str | None = None
    grade: int | None = None
    # The page that offers the book.
    page: str | None = None


def record_from(values: dict[str, Any]) -> Article | Book:
    """Rebuild a record from a line of a packed file; unknown keys are left out."""
    kind = Book if "file" in values else Article
    known = {field.name for field in fields(kind)}
    kept = {name: value for name, value in values.items() if name in known}
    for name in ("alternates", "aliases"):
        kept[name] = tuple(kept.get(name) or ())
    return kind(**kept)
