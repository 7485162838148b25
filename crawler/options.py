"""The ``crawl:`` block of params.yaml, read and checked by the crawler itself."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from crawler.errors import CrawlError
from crawler.urls import host_and_port

_LANG = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True)
class SiteOptions:
    """One site: where it is, and where its lists of pages are."""

    base_url: str
    langs: tuple[str, ...]
    sitemaps: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()


@dataclass(frozen=True)
class Options:
    """The block; params.yaml says what each key means."""

    contact: str
    delay_s: float
    max_delay_s: float
    timeout_s: float
    retries: int
    retry_base_s: float
    max_page_mb: float
    max_book_mb: float
    chunk_mb: float
    max_section_pages: int
    recheck_days: int
    http_cache: bool
    sites: dict[str, SiteOptions] = field(default_factory=dict)

    @property
    def user_agent(self) -> str:
        return f"kopri-crawler/0.1 (+{self.contact})"


def load_options(path: Path = Path("params.yaml")) -> Options:
    """Read the block.

    Raises CrawlError with every fault in one message: file, dotted key, value, nearest valid key.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CrawlError(f"{path}: not found; run the command from the repository's root") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CrawlError(f"{path}: not valid YAML: {error}") from None
    block = raw.get("crawl") if isinstance(raw, dict) else None
    if not isinstance(block, dict):
        raise CrawlError(f"{path}: crawl: expected a block of keys, found {type(block).__name__}")
    faults: list[str] = []
    values = _read(block, Options, "crawl", faults)
    sites: dict[str, SiteOptions] = {}
    for name, site in (values.get("sites") or {}).items():
        key = f"crawl.sites.{name}"
        if not isinstance(site, dict):
            faults.append(f"{key}: expected a block of keys, found {type(site).__name__}")
            continue
        read = _read(site, SiteOptions, key, faults)
        for lang in read.get("langs", ()):
            if not _LANG.fullmatch(lang):
                faults.append(f"{key}.langs: {lang!r} is not an ISO 639 code")
        try:
            host_and_port(read.get("base_url", ""))
        except ValueError as error:
            faults.append(f"{key}.base_url: {error}")
        if not {"base_url", "langs"} - read.keys():
            sites[name] = SiteOptions(**read)
    for name in ("delay_s", "timeout_s", "max_page_mb", "max_book_mb", "chunk_mb", "retry_base_s"):
        if name in values and not values[name] > 0:
            faults.append(f"crawl.{name}: expected a number above 0, found {values[name]!r}")
    for name in ("retries", "recheck_days", "max_section_pages"):
        if name in values and values[name] < 0:
            faults.append(f"crawl.{name}: expected 0 or more, found {values[name]!r}")
    if faults:
        raise CrawlError(f"{path}: " + "; ".join(faults))
    return Options(**{**values, "sites": sites})


def check_contact(options: Options) -> None:
    """Refuse to crawl namelessly: a site's owner must be able to reach the person who crawls."""
    if "@" not in options.contact and not re.match(r"https?://\S+\.\S+", options.contact):
        raise CrawlError(
            "params.yaml: crawl.contact: expected an e-mail address or a web page at which a site's owner "
            f"can reach you, found {options.contact!r}; set it there, or type "
            "`make crawl SITE=... CONTACT=you@example.org` (--contact for python -m crawler)"
        )


def _read(block: dict[str, Any], kind: type, prefix: str, faults: list[str]) -> dict[str, Any]:
    """Check keys and types of one block against a dataclass; faults are appended."""
    wanted = {item.name: item for item in fields(kind)}
    values: dict[str, Any] = {}
    for name, value in block.items():
        if name not in wanted:
            near = difflib.get_close_matches(str(name), list(wanted), n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(wanted))}"
            faults.append(f"{prefix}.{name}: unknown key; {hint}")
            continue
        try:
            values[name] = _cast(value, str(wanted[name].type))
        except (TypeError, ValueError):
            faults.append(f"{prefix}.{name}: expected {wanted[name].type}, found {value!r}")
    optional = {"sitemaps", "feeds", "sections"}
    faults += [
        f"{prefix}.{name}: missing; add it (see params.yaml in git)"
        for name in wanted
        if name not in block and name not in optional
    ]
    return values


def _cast(value: Any, kind: str) -> Any:
    if kind == "float":
        if isinstance(value, bool):
            raise TypeError
        return float(value)
    if kind == "int" and (isinstance(value, bool) or not isinstance(value, int)):
        raise TypeError
    if kind == "bool" and not isinstance(value, bool):
        raise TypeError
    if kind == "str" and not isinstance(value, str):
        raise TypeError
    if kind.startswith("tuple"):
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            raise TypeError
        return tuple(value)
    if kind.startswith("dict") and not isinstance(value, dict):
        raise TypeError
    return value
