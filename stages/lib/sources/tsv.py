"""A table of pairs in a tab-separated file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from stages.lib.core.params import SourceConfig
from stages.lib.core.raw import RawFiles
from stages.lib.formats.tsv import read_tsv
from stages.lib.sources.given import GivenPair, LocalSource, is_language_map


class Tsv(LocalSource):
    """One file, plain or gzipped; ``columns`` says where each language and the document are.

    Columns are names, if the first line is a header, or numbers from 1. ``escapes`` says that the
    file is our export, with its escapes.
    """

    kind = "tsv"
    options: ClassVar[tuple[str, ...]] = ("file", "columns", "escapes", "max_pairs")

    def __init__(self, name: str, config: SourceConfig) -> None:
        super().__init__(name, config)
        self.file = self.option_path("file", config.options.get("file"))
        columns = config.options.get("columns")
        expected = "languages (and doc) with the name, or the number from 1, of a column each"
        if not isinstance(columns, dict):
            self._refuse("columns", columns, expected)
        langs = {name: column for name, column in columns.items() if name != "doc"}
        are_places = all(
            (isinstance(place, str) and place) or (type(place) is int and place >= 1)
            for place in columns.values()
        )
        if not is_language_map(langs) or not are_places or len({type(p) for p in columns.values()}) != 1:
            self._refuse("columns", columns, f"{expected}, all names or all numbers")
        self.columns: dict[str, str | int] = columns
        self.is_escaped = self.option_flag("escapes")

    def local_files(self) -> dict[str, Path]:
        return {"table.tsv": self.file}

    def pairs(self, files: RawFiles) -> Iterator[GivenPair | None]:
        with files.open("table.tsv") as file:
            lines = read_tsv(file, self.columns, self.file.name, is_escaped=self.is_escaped)
            for number, values in lines:
                if values is None:
                    yield None
                else:
                    doc = values.pop("doc", "")
                    yield GivenPair(number, values, self.file.name, doc or None)
