"""Extract: read data/raw/<source>.tar into the segment table data/segments/<source>.parquet.

The source's format names the reader: ``messages`` (gettext, Qt, JavaScript, CLDR, the UDHR, MediaWiki) have a
key that is the same in all languages, ``pairs`` (TMX, TSV, Moses) come paired, and ``documents`` (crawled
pages, textbooks, files of one's own: HTML, PDF, DOCX, text) are cut into sentences without a key.
"""
