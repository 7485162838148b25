"""Writers of exported corpora, one module for each format, and the data card."""
