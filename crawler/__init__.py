"""Crawl the study's web sites into packed, resumable files; independent of the pipeline's stages.

``__main__`` reads the options (``options``: params.yaml and sources/<site>.yaml) and starts Scrapy with
``settings``. A site's spider (``spiders``) finds pages by sitemap, feed and listing (``discovery``), reads
what they say about themselves (``pages``) and yields records (``items``), which
``extensions.StorePipeline`` appends to the site's packed file (``store``). ``state`` indexes that file and
holds the queue that ``scheduler`` gives to Scrapy, so that a crawl killed at any moment continues where it
was. ``middlewares`` obeys robots.txt, retries, asks conditionally and, with ``urls``, refuses addresses that
are not public. At the end ``pairing`` finds the language versions of each document. ``errors`` ends a
crawl in one line where a file cannot be written.
"""
