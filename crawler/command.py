"""Crawl one site into ``<out>/<site>.jsonl.gz``; the same command again goes on, or brings it up to date."""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import json
import logging
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

from crawler.errors import CrawlError, disk_message, is_of_disk, print_error
from crawler.options import Options, check_contact, load_options
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


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m crawler", description=__doc__)
    parser.add_argument("--site", required=True, choices=SITES, help="site to crawl")
    parser.add_argument("--since", type=_day, help="first day of publication wanted")
    parser.add_argument("--until", type=_day, help="day of publication to stop before")
    parser.add_argument("--max-pages", type=_count, help="stop after storing this many pages")
    parser.add_argument("--langs", nargs="+", help="languages wanted (default: the site's in params.yaml)")
    parser.add_argument("--out", type=Path, default=Path("data/crawl"), help="folder of the packed files")
    parser.add_argument(
        "--state", type=Path, default=Path(".cache/kopri/crawl"), help="folder of what may be lost"
    )
    parser.add_argument("--params", type=Path, default=Path("params.yaml"), help="file with the crawl: block")
    parser.add_argument("--base-url", help="another address of the site, such as a replica's")
    parser.add_argument("--contact", help="where the site's owner can reach you (default: crawl.contact)")
    parser.add_argument("--stats", type=Path, help="write the closing numbers to this JSON file")
    return parser.parse_args(arguments)


def settings_for(options: Options, base_url: str, state_dir: Path) -> dict[str, Any]:
    """Return the settings that depend on params.yaml and on the site."""
    return {
        "CRAWL_BASE_URL": base_url,
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
        "HTTPCACHE_DIR": str((state_dir / "http").resolve()),
    }


def crawl(arguments: argparse.Namespace) -> dict[str, int]:
    """Run one crawl to its end; return its numbers.

    Raises CrawlError if the site could not be crawled at all.
    """
    options = load_options(arguments.params)
    if arguments.contact:
        options = dataclasses.replace(options, contact=arguments.contact)
    check_contact(options)
    site = options.sites.get(arguments.site)
    if site is None:
        raise CrawlError(f"{arguments.params}: crawl.sites.{arguments.site}: missing; see params.yaml in git")
    if arguments.base_url:
        site = dataclasses.replace(site, base_url=arguments.base_url)
    if arguments.since and arguments.until and arguments.since >= arguments.until:
        raise CrawlError("--since must be before --until")
    state_dir = arguments.state / arguments.site
    state_dir.mkdir(parents=True, exist_ok=True)

    # Scrapy and Twisted load slowly; `--help` and a faulty params.yaml do not wait for them.
    os.environ.setdefault("SCRAPY_SETTINGS_MODULE", "crawler.settings")
    from scrapy.crawler import CrawlerProcess
    from scrapy.utils.project import get_project_settings

    from crawler.spiders.base import Job

    job = Job(
        site=site,
        options=options,
        out=arguments.out,
        state_dir=state_dir,
        langs=tuple(arguments.langs or site.langs),
        since=arguments.since,
        until=arguments.until,
        max_pages=arguments.max_pages,
    )
    settings = get_project_settings()
    settings.update(settings_for(options, site.base_url, state_dir), priority="cmdline")
    process = CrawlerProcess(settings)
    crawler = process.create_crawler(arguments.site)
    fault: list[BaseException] = []
    process.crawl(crawler, job=job).addErrback(lambda failure: fault.append(failure.value))
    process.start()
    if fault:
        raise fault[0]
    spider: Any = crawler.spider
    reason = crawler.stats.get_value("finish_reason") or "interrupted"
    waiting = spider.state_file.waiting()
    numbers = spider.numbers()
    numbers["pages"] = spider.state_file.page_count()
    numbers["pairs"] = spider.finish(reason)
    looked_at = sum(numbers.get(name, 0) for name in ("new", "changed", "unchanged", "skipped", "gone"))
    numbers["unlisted"] = max(0, numbers["pages"] - looked_at)
    numbers["waiting"] = 0 if reason in ("finished", "max_pages") else waiting
    report(arguments.site, numbers, spider, reason)
    if arguments.stats:
        arguments.stats.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({**numbers, "reason": reason, "resumed": spider.resumed}, indent=2, sort_keys=True)
        arguments.stats.write_text(text + "\n", encoding="utf-8")
    if reason == "unreachable":
        raise CrawlError(f"{site.base_url}: no answer any more; the same command goes on, try again later")
    if spider.robots_unreadable:
        raise CrawlError(f"{site.base_url}/robots.txt cannot be read: nothing was crawled; try again later")
    if not spider.reached and not numbers.get("bytes"):
        kinds = (
            ", ".join(sorted(name[6:] for name in numbers if name.startswith("error:"))) or "nothing listed"
        )
        raise CrawlError(f"{site.base_url}: no list of pages could be read ({kinds}); is the address right?")
    return numbers


def report(site: str, numbers: dict[str, int], spider: Any, reason: str) -> None:
    """Log the closing table."""
    rows = [
        ("pages in the file", numbers["pages"]),
        ("documents in two languages or more", numbers["pairs"]),
        ("new", numbers.get("new", 0)),
        ("changed", numbers.get("changed", 0)),
        ("unchanged, by answer or content", numbers.get("unchanged", 0)),
        ("unchanged, not asked for", numbers.get("skipped", 0)),
        ("known, not listed this time", numbers["unlisted"]),
        ("outside the dates", numbers.get("outside", 0)),
        ("gone", numbers.get("gone", 0)),
        ("disallowed by robots.txt", numbers.get("disallowed", 0)),
        ("on other sites, not followed", numbers.get("offsite", 0)),
        ("bytes received", numbers.get("bytes", 0)),
    ]
    rows += [(f"error: {name[6:]}", n) for name, n in sorted(numbers.items()) if name.startswith("error:")]
    width = max(len(name) for name, _ in rows)
    lines = [f"{site}: {reason}, {spider.store.path}"]
    lines += [f"  {name:<{width}}  {value:>13,}" for name, value in rows]
    if numbers["waiting"]:
        lines.append(f"  interrupted with {numbers['waiting']:,} pages waiting; the same command goes on")
    logger.info("%s", "\n".join(lines))


def _is_for_user(record: logging.LogRecord) -> bool:
    """Scrapy's lines for every page and setting are not; its warnings are, but for what we say ourselves."""
    if record.name == "scrapy.downloadermiddlewares.robotstxt":
        return False  # crawler.middlewares says in a line what could not be read
    if record.name == "scrapy.core.scraper" and record.exc_info and is_of_disk(record.exc_info[1]):
        return False  # crawler.errors.stop says it in a line
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] in ("crawler", "root")


def main() -> None:
    """Run the command; a CrawlError, or a disk that refuses, is one line on stderr and exit code 1."""
    arguments = parse_arguments()
    logging.basicConfig(
        level=os.environ.get("KOPRI_LOG", "INFO").upper(), format="%(message)s", stream=sys.stderr
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_for_user)
    try:
        numbers = crawl(arguments)
    except CrawlError as error:
        print_error(str(error))
        sys.exit(1)
    except (OSError, sqlite3.Error) as error:
        if not is_of_disk(error):
            raise
        print_error(disk_message(error, arguments.out))
        sys.exit(1)
    if numbers["waiting"]:
        sys.exit(130)
