"""Assign a document to train, dev or test; split and align share this rule."""

from __future__ import annotations

import hashlib

from stages.lib.core.params import SplitParams


def choose_split(source: str, doc: str, params: SplitParams) -> str:
    """Return ``test``, ``dev`` or ``train`` for a document, from its own name and the parameters alone."""
    if source in params.test_sources:
        return "test"
    if source in params.train_sources:
        return "train"
    place = int.from_bytes(hashlib.sha256(doc.encode()).digest()[:8], "big") / 2**64
    if source in params.held_out:
        return "test" if place < params.held_out[source] else "train"
    if place < params.test_share:
        return "test"
    return "dev" if place < params.test_share + params.dev_share else "train"
