"""Errors that a user can act on; each message is one line."""

from __future__ import annotations


class KopriError(Exception):
    """Base of every error raised on purpose: what, where, expected, found, what to do."""


class ParamsError(KopriError):
    """A value in params.yaml is missing, unknown or of the wrong type."""


class DataError(KopriError):
    """A table or file does not have the content that a stage needs."""


class SourceError(KopriError):
    """A text source cannot be collected or read."""


class ModelError(KopriError):
    """A model or an adapter cannot be found, loaded or used."""


class DownloadError(KopriError):
    """A download failed, or brought something else than what was pinned."""


class EngineError(KopriError):
    """Shards cannot be run: no Ray, no cluster, or workers that die again and again."""
