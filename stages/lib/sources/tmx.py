"""A translation memory in TMX, ours or anybody's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from stages.lib.core.params import SourceConfig
from stages.lib.core.raw import RawFiles
from stages.lib.formats.tmx import read_tmx
from stages.lib.sources.given import GivenPair, LocalSource


class Tmx(LocalSource):
    """One file, in every language it has; the document is the property ``x-doc``, where units have it."""

    kind = "tmx"
    options: ClassVar[tuple[str, ...]] = ("file", "max_pairs")

    def __init__(self, name: str, config: SourceConfig) -> None:
        super().__init__(name, config)
        self.file = self.option_path("file", config.options.get("file"))

    def local_files(self) -> dict[str, Path]:
        return {"memory.tmx": self.file}

    def pairs(self, files: RawFiles) -> Iterator[GivenPair | None]:
        with files.open("memory.tmx") as file:
            for number, unit in enumerate(read_tmx(file, self.file.name), start=1):
                yield GivenPair(number, unit.texts, self.file.name, unit.properties.get("x-doc") or None)
