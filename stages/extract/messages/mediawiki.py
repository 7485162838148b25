"""Interface messages of MediaWiki, from the JSON files of its Debian package."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from stages.extract.segments import Segment, decode_json
from stages.lib.core.archives import RawFile
from stages.lib.core.params import SourceConfig

_FOLDER = "usr/share/mediawiki/"
# The library's messages lie in the package three times.
_COPIES = re.compile(r"vendor/oojs/|.*/lib/oojs-ui/i18n/")


def read(
    name: str, config: SourceConfig, files: Mapping[str, RawFile], langs: Sequence[str]
) -> Iterator[Segment]:
    """Yield the messages in the order of their files; the core, each extension and each skin is a unit."""
    for lang in langs:
        for file in files:
            path = PurePosixPath(file.removeprefix(_FOLDER))
            if path.name != config.path("{locale}.json", lang) or _COPIES.match(str(path)):
                continue
            unit, prefix = _module(path)
            for key, text in decode_json(files, file, name).items():
                if isinstance(text, str) and not key.startswith("@"):
                    yield Segment(unit, lang, text, f"{prefix}{key}", file)


def _module(path: PurePosixPath) -> tuple[str, str]:
    """Return the unit of a message file and the prefix that keeps its keys apart from its sister files'."""
    folder = path.parent.parts
    if folder[0].startswith(("extensions", "skins")):
        unit, rest = folder[1], folder[2:]
    elif folder[:2] == ("languages", "i18n"):
        unit, rest = "core", folder[2:]
    else:  # includes/api/i18n, includes/installer/i18n, resources/lib/ooui/i18n
        unit, rest = folder[folder.index("i18n") - 1], folder[folder.index("i18n") + 1 :]
    prefix = "/".join(part for part in rest if part != "i18n")
    return unit, f"{prefix}:" if prefix else ""
