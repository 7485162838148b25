"""PDF to text: reading order, running headers, hyphens, broken fonts, scans, and a row for every page."""

from stages.lib.pdf.book import Block, Book, Limits, ReportRow
from stages.lib.pdf.reader import read_pdf

__all__ = ["Block", "Book", "Limits", "ReportRow", "read_pdf"]
