"""Any pair of plain files whose lines are translations of each other, as OPUS gives them out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from stages.lib.core.params import SourceConfig
from stages.lib.core.raw import RawFiles
from stages.lib.formats.moses import read_moses
from stages.lib.formats.rows import unescape_line
from stages.lib.sources.given import GivenPair, LocalSource, is_language_map


class Moses(LocalSource):
    """Two files, plain or gzipped; ``escapes`` says that they are our export, with its escapes."""

    kind = "moses"
    options: ClassVar[tuple[str, ...]] = ("files", "escapes", "max_pairs")

    def __init__(self, name: str, config: SourceConfig) -> None:
        super().__init__(name, config)
        files = config.options.get("files")
        if not is_language_map(files) or len(files) != 2:
            self._refuse("files", files, "two languages with the path of a file each")
        self.files = {lang: self.option_path(f"files.{lang}", path) for lang, path in files.items()}
        self.is_escaped = self.option_flag("escapes")

    def local_files(self) -> dict[str, Path]:
        return {f"text.{lang}": path for lang, path in self.files.items()}

    def pairs(self, files: RawFiles) -> Iterator[GivenPair | None]:
        src, tgt = self.files
        names = " and ".join(path.name for path in self.files.values())
        restore = unescape_line if self.is_escaped else str
        with files.open(f"text.{src}") as src_file, files.open(f"text.{tgt}") as tgt_file:
            for number, texts in read_moses(src_file, tgt_file, names):
                if texts[0] is None or texts[1] is None:
                    yield None
                else:
                    by_lang = {src: restore(texts[0]), tgt: restore(texts[1])}
                    yield GivenPair(number, by_lang, self.files[src].name)
