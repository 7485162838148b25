"""Measure what a long crawl costs in memory, against the limit of 100 MB of growth.

The real command crawls a replica of a site on loopback, without pauses; its resident set is read from the
system every quarter of a second. Growth is counted from the time when a tenth of the pages is stored, after
imports, queues and caches have their size.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from stages.lib.core.cli import run
from stages.lib.core.errors import DataError
from stages.lib.core.files import write_json

log = logging.getLogger(__name__)

LIMIT_MB = 100.0


def measure(pages: int, folder: Path) -> dict[str, Any]:
    """Crawl a replica of ``pages`` pages of text; return memory at a tenth of the way and at most.

    Raises DataError if the crawl fails or brings another number of pages.
    """
    import psutil
    import scrapy

    from tests.crawler.harness import Bench
    from tests.crawler.replica import Replica

    bench = Bench(folder, {"delay_s": 0.001, "max_section_pages": 10 * pages})
    samples: list[tuple[int, float]] = []
    with Replica("turkmenportal", pages // 2, slow_s=0.0) as replica:
        articles = frozenset(replica.articles())
        with (folder / "log").open("wb") as log_file:
            process = subprocess.Popen(
                bench.command(replica), stderr=log_file, cwd=Path(__file__).parents[1], stdout=log_file
            )
            try:
                watched = psutil.Process(process.pid)
                while process.poll() is None:
                    fetched = len(replica.hits)
                    try:
                        samples.append((fetched, watched.memory_info().rss / 1e6))
                    except psutil.NoSuchProcess:
                        break
                    time.sleep(0.25)
            finally:
                if process.poll() is None:
                    process.kill()
                process.wait()
        stored = len(bench.records("turkmenportal"))
        if process.returncode != 0 or stored != len(articles):
            tail = (folder / "log").read_text(encoding="utf-8")[-500:]
            raise DataError(f"the crawl stored {stored} of {len(articles)} pages: {tail}")
        requests = len(replica.hits)
    early = next(rss for fetched, rss in samples if fetched >= requests / 10)
    late = [rss for fetched, rss in samples if fetched >= requests / 10]
    return {
        "pages": stored,
        "requests": requests,
        "mb_at_a_tenth": round(early, 1),
        "mb_most": round(max(late), 1),
        "growth_mb": round(max(late) - early, 1),
        "limit_mb": LIMIT_MB,
        "growth_over_limit": round((max(late) - early) / LIMIT_MB, 3),
        "against": "growth of the resident set allowed over the crawl",
        "cores": os.cpu_count(),
        "versions": {"python": platform.python_version(), "scrapy": scrapy.__version__},
    }


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="JSON file for the figures")
    parser.add_argument("--pages", type=int, default=2000, help="pages to crawl (default: 2000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kopri-crawl-") as folder:
        figures = measure(options.pages, Path(folder))
    log.info("%s", figures)
    write_json(options.out, figures)


if __name__ == "__main__":
    run(main)
