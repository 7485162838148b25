"""Collect: pack the raw files of one source into data/raw/<source>.tar.

A transport (a module here) fetches the files listed in sources/<source>.yaml from a package registry, a
crawl, an archive on the web or a folder, and records their origin: transport, package, version. Parsing
happens in extract, so changing a reader does not rerun collect.
"""
