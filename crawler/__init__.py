"""Crawl the study's web sites into packed, resumable files; independent of the pipeline's stages."""
