"""Collect: pack the raw files of one source into data/raw/<source>.tar.

A transport (a module here) brings the files that sources/<source>.yaml asks for, out of a package registry, a
crawl, an archive on the web or a folder, and the origin: transport, package, version. What the files mean is
not known here, so a change of how they are read collects nothing again.
"""
