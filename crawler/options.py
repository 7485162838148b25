"""Read the ``crawl:`` block of params.yaml, and that of a site in ``sources/<site>.yaml``."""

from __future__ import annotations

import datetime as dt
import difflib
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from crawler.errors import CrawlError
from crawler.urls import host_and_port

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]
Lang = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]


def _web_address(url: str) -> str:
    """Check an address; return it with its host in ASCII, as requests have it."""
    host, _ = host_and_port(url)
    parts = urlsplit(url)
    if not parts.netloc.isascii():
        parts = parts._replace(netloc=f"{host}:{parts.port}" if parts.port else host)
    return urlunsplit(parts)


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SiteOptions(_Block):
    """One site: where it is, the languages wanted, and the lists of pages to begin with (paths)."""

    base_url: Annotated[str, AfterValidator(_web_address)]
    langs: Annotated[list[Lang], Field(min_length=1)]
    sitemaps: list[str] = []
    feeds: list[str] = []
    sections: list[str] = []


class Options(_Block):
    """What holds for every site; params.yaml says what each key means."""

    contact: str
    delay_s: Positive
    max_delay_s: Positive
    timeout_s: Positive
    retries: Count
    retry_base_s: Positive
    max_page_mb: Positive
    max_book_mb: Positive
    chunk_mb: Positive
    max_section_pages: Count
    recheck_days: Count
    http_cache: bool

    @property
    def user_agent(self) -> str:
        return f"kopri-crawler/0.1 (+{self.contact})"


@dataclass(frozen=True)
class Job:
    """One crawl, as the user asked for it."""

    site: SiteOptions
    options: Options
    out: Path
    state_dir: Path
    langs: tuple[str, ...]
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    max_pages: int | None = None

    @property
    def signature(self) -> str:
        """Crawls of one signature look for the same pages; the second may continue the first's queue."""
        parts = (self.site, self.langs, self.since, self.until, self.max_pages)
        return hashlib.sha256(repr(parts).encode()).hexdigest()


Block = TypeVar("Block", bound=_Block)


def load_options(params: Path, site: str) -> tuple[Options, SiteOptions]:
    """Read both blocks; ``sources/`` lies beside params.yaml.

    Raises CrawlError with every fault of a file in one message: file, dotted key, value, nearest valid key.
    """
    source = params.parent / "sources" / f"{site}.yaml"
    return _read_block(params, Options), _read_block(source, SiteOptions)


def site_at(site: SiteOptions, base_url: str) -> SiteOptions:
    """Return a site's options for another address. Raises CrawlError if it is none."""
    try:
        return SiteOptions.model_validate({**site.model_dump(), "base_url": base_url})
    except ValidationError as error:
        raise CrawlError(f"--base-url: {error.errors()[0]['msg']}; expected http(s)://HOST[:PORT]") from None


def check_contact(options: Options) -> None:
    """Refuse to crawl namelessly: a site's owner must be able to reach the person who crawls."""
    if "@" not in options.contact and not re.match(r"https?://\S+\.\S+", options.contact):
        raise CrawlError(
            "params.yaml: crawl.contact: expected an e-mail address or a web page at which a site's owner "
            f"can reach you, found {options.contact!r}; set it there, or type "
            "`make crawl SITE=... CONTACT=you@example.org` (--contact for python -m crawler)"
        )


def _read_block(path: Path, kind: type[Block]) -> Block:
    try:
        # Safe, YAML 1.2 as DVC reads it; duplicate keys are refused.
        raw = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CrawlError(f"{path}: not found; run the command from the repository's root") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise CrawlError(f"{path}: not valid YAML: {error}") from None
    block = raw.get("crawl") if isinstance(raw, dict) else None
    if not isinstance(block, dict):
        raise CrawlError(f"{path}: crawl: expected a block of keys, found {type(block).__name__}")
    try:
        return kind.model_validate(block)
    except ValidationError as error:
        faults = [_fault(fault, list(kind.model_fields)) for fault in error.errors()]
        raise CrawlError(f"{path}: " + "; ".join(faults)) from None


def _fault(fault: Any, known: list[str]) -> str:
    key = ".".join(map(str, ("crawl", *fault["loc"])))
    if fault["type"] == "missing":
        return f"{key}: missing; add it (see the file in git)"
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
        return f"{key}: unknown key; {hint}"
    return f"{key}: {fault['msg']}, found {fault['input']!r}"
