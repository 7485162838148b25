"""Run the real command against a replica, and read what it wrote."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.crawler.replica import Replica

ROOT = Path(__file__).parents[2]


@dataclass
class Crawl:
    """One run: exit code, stderr, the closing numbers."""

    code: int
    stderr: str
    stats: dict[str, Any]


@dataclass
class Bench:
    """A folder to crawl into, with the repository's params and delays fit for a test."""

    folder: Path
    changes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        block = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["crawl"]
        block.update(
            contact="crawl@example.org", delay_s=0.01, retry_base_s=0.05, recheck_days=100_000, chunk_mb=0.06
        )
        block.update(self.changes)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.params = self.folder / "params.yaml"
        self.params.write_text(yaml.safe_dump({"crawl": block}), encoding="utf-8")
        (self.folder / "sources").mkdir(exist_ok=True)
        for site in ("turkmenportal", "orient", "uzedu"):
            shutil.copy(ROOT / f"sources/{site}.yaml", self.folder / "sources")
        self.out = self.folder / "crawl"
        self.state = self.folder / "state"

    def command(self, replica: Replica, *arguments: str) -> list[str]:
        return [
            *(sys.executable, "-m", "crawler", "--site", replica.name, "--base-url", replica.base),
            *("--out", str(self.out), "--state", str(self.state), "--params", str(self.params)),
            *("--stats", str(self.folder / "stats.json"), *arguments),
        ]

    def crawl(self, replica: Replica, *arguments: str, timeout_s: float = 600) -> Crawl:
        """Crawl to the end."""
        stats = self.folder / "stats.json"
        stats.unlink(missing_ok=True)
        done = subprocess.run(
            self.command(replica, *arguments),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        numbers = json.loads(stats.read_text(encoding="utf-8")) if stats.exists() else {}
        return Crawl(done.returncode, done.stderr, numbers)

    def start(self, replica: Replica, hits: int) -> subprocess.Popen[str]:
        """Start a crawl, and return it when the server has had so many requests."""
        process = subprocess.Popen(self.command(replica), cwd=ROOT, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 300
        while len(replica.hits) < hits:
            assert process.poll() is None, "the crawl ended too early"
            assert time.monotonic() < deadline, "the crawl does not get on"
            time.sleep(0.005)
        return process

    def records(self, site: str) -> list[dict[str, Any]]:
        path = self.out / f"{site}.jsonl.gz"
        if not path.exists():
            return []
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return [json.loads(line) for line in file]


def comparable(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records without what depends on when and in which order they were fetched."""
    kept = [
        {k: v for k, v in record.items() if k not in ("fetched", "lastmod", "aliases")} for record in records
    ]
    return sorted(kept, key=lambda record: record["key"])


def documents(
    replica: Replica, records: list[dict[str, Any]]
) -> tuple[set[frozenset[str]], set[frozenset[str]]]:
    """Group the records' paths by the gold's pair and by ours."""
    gold: dict[str | None, set[str]] = defaultdict(set)
    ours: dict[str, set[str]] = defaultdict(set)
    for record in records:
        path = record["url"].removeprefix(replica.base)
        gold[replica.pages[path].pair].add(path)
        ours[record["doc"]].add(path)
    return set(map(frozenset, gold.values())), set(map(frozenset, ours.values()))
