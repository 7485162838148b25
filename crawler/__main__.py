"""Crawl one site into ``<out>/<site>.jsonl.gz``; the same command again continues, or updates it."""

from __future__ import annotations

import argparse
import datetime as dt
import difflib
import json
import logging
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any, NoReturn

from crawler.errors import CrawlError, file_message, is_file_error, print_error
from crawler.options import Job, check_contact, load_options, site_at
from crawler.pages import LOCAL

logger = logging.getLogger("crawler")

# One module a site, named like it.
SITES = sorted(
    path.stem
    for path in (Path(__file__).parent / "spiders").glob("*.py")
    if path.stem not in ("__init__", "base")
)


def _day(text: str) -> dt.datetime:
    try:
        return dt.datetime.combine(dt.date.fromisoformat(text), dt.time(), LOCAL)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a day such as 2024-01-31, found {text!r}") from None


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number above 0, found {text!r}")
    return int(text)


def _site(text: str) -> str:
    if text not in SITES:
        near = difflib.get_close_matches(text.lower(), SITES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(SITES)}"
        raise argparse.ArgumentTypeError(f"unknown site {text!r}; {hint}")
    return text


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}; see {self.prog} --help\n")


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = _Parser(prog="python -m crawler", description=__doc__)
    parser.add_argument("--site", required=True, type=_site, help=f"site to crawl: {', '.join(SITES)}")
    parser.add_argument("--since", type=_day, help="first day of publication wanted")
    parser.add_argument("--until", type=_day, help="day of publication to stop before")
    parser.add_argument("--max-pages", type=_count, help="stop after storing this many pages")
    parser.add_argument("--langs", nargs="+", help="languages wanted (default: those in sources/<site>.yaml)")
    parser.add_argument("--out", type=Path, default=Path("data/crawl"), help="folder of the packed files")
    parser.add_argument(
        "--state", type=Path, default=Path(".cache/kopri/crawl"), help="folder of what may be lost"
    )
    parser.add_argument("--params", type=Path, default=Path("params.yaml"), help="file with the crawl: block")
    parser.add_argument("--base-url", help="another address of the site, such as a replica's")
    parser.add_argument("--contact", help="where the site's owner can reach you (default: crawl.contact)")
    parser.add_argument("--stats", type=Path, help="write the closing numbers to this JSON file")
    return parser.parse_args(arguments)


def settings_for(job: Job) -> dict[str, Any]:
    """Return the Scrapy settings that depend on params.yaml and on the site."""
    options = job.options
    return {
        "CRAWL_BASE_URL": job.site.base_url,
        "CRAWL_RETRY_BASE_S": options.retry_base_s,
        "USER_AGENT": options.user_agent,
        "DOWNLOAD_DELAY": options.delay_s,
        "AUTOTHROTTLE_START_DELAY": options.delay_s,
        "AUTOTHROTTLE_MAX_DELAY": options.max_delay_s,
        "DOWNLOAD_TIMEOUT": options.timeout_s,
        "DOWNLOAD_MAXSIZE": int(options.max_page_mb * 1e6),
        "DOWNLOAD_WARNSIZE": 0,
        "RETRY_TIMES": options.retries,
        "HTTPCACHE_ENABLED": options.http_cache,
        "HTTPCACHE_DIR": str((job.state_dir / "http").resolve()),
    }


def make_job(arguments: argparse.Namespace) -> Job:
    """Return the crawl that the arguments and the settings describe.

    Raises CrawlError for faulty settings, for no contact, and for days in the wrong order.
    """
    options, site = load_options(arguments.params, arguments.site)
    if arguments.contact:
        options = options.model_copy(update={"contact": arguments.contact})
    check_contact(options)
    if arguments.base_url:
        site = site_at(site, arguments.base_url)
    if arguments.since and arguments.until and arguments.since >= arguments.until:
        raise CrawlError("--since must be before --until")
    return Job(
        site=site,
        options=options,
        out=arguments.out,
        state_dir=arguments.state / arguments.site,
        langs=tuple(arguments.langs or site.langs),
        since=arguments.since,
        until=arguments.until,
        max_pages=arguments.max_pages,
    )


def crawl(name: str, job: Job, stats: Path | None = None) -> dict[str, int]:
    """Run one crawl to its end; return its numbers, written to ``stats`` too.

    Raises CrawlError if the site could not be crawled at all.
    """
    job.state_dir.mkdir(parents=True, exist_ok=True)
    # Scrapy and Twisted load slowly; `--help` and a faulty params.yaml do not wait for them.
    os.environ.setdefault("SCRAPY_SETTINGS_MODULE", "crawler.settings")
    from scrapy.crawler import CrawlerProcess
    from scrapy.utils.project import get_project_settings

    settings = get_project_settings()
    settings.update(settings_for(job), priority="cmdline")
    process = CrawlerProcess(settings)
    crawler = process.create_crawler(name)
    errors: list[BaseException] = []
    process.crawl(crawler, job=job).addErrback(lambda failure: errors.append(failure.value))
    process.start()
    if errors:
        raise errors[0]
    spider: Any = crawler.spider
    reason = crawler.stats.get_value("finish_reason") or "interrupted"
    numbers = closing_numbers(spider, reason)
    report(name, numbers, spider, reason)
    if stats:
        stats.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({**numbers, "reason": reason, "resumed": spider.resumed}, indent=2, sort_keys=True)
        stats.write_text(text + "\n", encoding="utf-8")
    check_reached(spider, numbers, reason)
    return numbers


def closing_numbers(spider: Any, reason: str) -> dict[str, int]:
    """Pair and pack the site's file, and return the crawl's numbers."""
    waiting = spider.state_file.waiting()
    numbers = spider.numbers()
    numbers["pages"] = spider.state_file.page_count()
    numbers["pairs"] = spider.finish(reason)
    looked_at = sum(numbers.get(name, 0) for name in ("new", "changed", "unchanged", "skipped", "gone"))
    numbers["unlisted"] = max(0, numbers["pages"] - looked_at)
    numbers["waiting"] = 0 if reason in ("finished", "max_pages") else waiting
    return numbers


def check_reached(spider: Any, numbers: dict[str, int], reason: str) -> None:
    """Raise CrawlError if the site did not answer, closed itself to robots, or listed nothing."""
    url = spider.job.site.base_url
    if reason == "unreachable":
        raise CrawlError(f"{url}: no answer any more; the same command goes on, try again later")
    if spider.robots_unreadable:
        raise CrawlError(f"{url}/robots.txt cannot be read: nothing was crawled; try again later")
    if not spider.reached and not numbers.get("bytes"):
        kinds = sorted(name[6:] for name in numbers if name.startswith("error:")) or ["nothing listed"]
        raise CrawlError(
            f"{url}: no list of pages could be read ({', '.join(kinds)}); check the site's address"
        )


_REPORT = {
    "pages": "pages in the file",
    "pairs": "documents in two languages or more",
    "new": "new",
    "changed": "changed",
    "unchanged": "unchanged, by answer or content",
    "skipped": "unchanged, not asked for",
    "unlisted": "known, not listed this time",
    "outside": "outside the dates",
    "gone": "gone",
    "disallowed": "disallowed by robots.txt",
    "offsite": "on other sites, not followed",
    "bytes": "bytes received",
}


def report(site: str, numbers: dict[str, int], spider: Any, reason: str) -> None:
    """Log the closing table."""
    rows = [(label, numbers.get(name, 0)) for name, label in _REPORT.items()]
    rows += [(name.replace(":", ": "), n) for name, n in sorted(numbers.items()) if name.startswith("error:")]
    width = max(len(label) for label, _ in rows)
    lines = [f"{site}: {reason}, {spider.store.path}"]
    lines += [f"  {label:<{width}}  {value:>13,}" for label, value in rows]
    if numbers["waiting"]:
        lines.append(f"  interrupted with {numbers['waiting']:,} pages waiting; the same command continues")
    logger.info("%s", "\n".join(lines))


def _is_for_user(record: logging.LogRecord) -> bool:
    """Keep our lines and Scrapy's warnings, but for those that we say ourselves in one line."""
    if record.name == "scrapy.downloadermiddlewares.robotstxt":
        return False
    if record.name == "scrapy.core.scraper" and record.exc_info and is_file_error(record.exc_info[1]):
        return False
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] in ("crawler", "root")


def main() -> None:
    """Run the command; a CrawlError or an error of a file is one line on stderr and exit code 1."""
    arguments = parse_arguments()
    logging.basicConfig(
        level=os.environ.get("KOPRI_LOG", "INFO").upper(), format="%(message)s", stream=sys.stderr
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_for_user)
    try:
        numbers = crawl(arguments.site, make_job(arguments), arguments.stats)
    except CrawlError as error:
        print_error(str(error))
        sys.exit(1)
    except (OSError, sqlite3.Error) as error:
        if not is_file_error(error):
            raise
        print_error(file_message(error, arguments.out))
        sys.exit(1)
    if numbers["waiting"]:
        sys.exit(130)


if __name__ == "__main__":
    main()
