"""Registry of transports, by their name in sources/*.yaml."""

from __future__ import annotations

from pathlib import Path

from stages.collect import crawl, debian, download, folder, npm, pypi
from stages.lib.core.archives import Origin, pack_raw
from stages.lib.core.params import SourceConfig

TRANSPORTS = {
    "npm": npm.gather,
    "pypi": pypi.gather,
    "debian": debian.gather,
    "crawl": crawl.gather,
    "download": download.gather,
    "folder": folder.gather,
}


def collect(name: str, config: SourceConfig, out: Path) -> int:
    """Pack a source's raw files with their origin into one tar, and return how many there are.

    Raises SourceError, or ParamsError for a setting, if they cannot be had; nothing is written then.
    """
    version, files = TRANSPORTS[config.transport](name, config)
    pack_raw(out, Origin(config.transport, config.package or name, version), files)
    return len(files)
