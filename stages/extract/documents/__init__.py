"""Readers of documents, which are cut into sentences without a key."""
