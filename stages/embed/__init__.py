"""Embed the segments of the pair's languages and the pivots, each text once.

Reads ``data/segments``, writes ``data/vectors``: for each source an index and its vectors (float16), out of
the store of ``stages.lib.models.vectors``, which encodes what it does not yet hold.
"""
