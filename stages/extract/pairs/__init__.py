"""Readers of corpora that come as pairs."""
