"""Files that parallel corpora travel in, one module for a format: rows in, files out, and back."""
