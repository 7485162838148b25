"""Errors that a user can act on; each message is one line."""

from __future__ import annotations

import re

# A user's name with a password, any name for the web, and the values that sign or open an address.
_USER = re.compile(r"(?<=://)[^\s/?#]*:[^\s/?#]*@|(?<=http://)[^\s/?#]+@|(?<=https://)[^\s/?#]+@")
_SECRET_FIELD = re.compile(
    r"([?&;#][\w.-]*(?:sig|signature|token|secret|passw|pwd|key|credential|auth)[\w.-]*=)[^\s&;#'\"]*[^\s&;#'\":,.]",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """Replace passwords and signatures in the addresses of a message by ``…``."""
    return _SECRET_FIELD.sub(r"\1…", _USER.sub("…@", text))


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
