"""PDF to text: reading order, running headers, hyphens, broken fonts, scans, and a row for every page."""

from typing import TYPE_CHECKING, Any

from stages.extract.pdf.book import Block, Book, Limits, ReportRow

if TYPE_CHECKING:
    from stages.extract.pdf.reader import read_pdf

__all__ = ["Block", "Book", "Limits", "ReportRow", "read_pdf"]


def __getattr__(name: str) -> Any:
    # Worker processes import this package too, and start faster without the reader's half of it.
    if name == "read_pdf":
        from stages.extract.pdf.reader import read_pdf

        return read_pdf
    raise AttributeError(name)
