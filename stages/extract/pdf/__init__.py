"""PDF to text: reading order, running headers, hyphens, broken fonts, scans, and a row for every page.

``reader.read_pdf`` reads a file into a ``book.Book``; ``worker`` runs in the processes that open it.
"""
