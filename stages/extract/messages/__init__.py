"""Readers of messages that have the same key in every language."""
