"""Corpora that come as pairs: read as a stream, capped by hash, joined as given.

A pair's key is its place in the file, so align joins it and nothing else. Where the corpus names no
documents, each run of ``BLOCK`` pairs of one origin is one: neighbours often belong together, and splitting
must not part them. What was dropped, and the share of religious text, is counted and said.
"""

from __future__ import annotations

import hashlib
import heapq
import logging
import unicodedata
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tqdm import tqdm

from stages.extract.transliterate import IS_CYRILLIC, to_latin
from stages.lib.core.engine import LOCAL, Engine
from stages.lib.core.errors import DataError, ParamsError, SourceError
from stages.lib.core.files import sha256_file
from stages.lib.core.params import SourceConfig
from stages.lib.core.raw import RawFiles, files_on_disk, open_raw, pack_raw
from stages.lib.sources.base import LANGS, ORIGIN, Segment, Source
from stages.lib.text.letters import script_share
from stages.lib.text.topics import is_religious

if TYPE_CHECKING:
    import polars as pl

log = logging.getLogger(__name__)

# Pairs of one document, where the corpus does not tell its documents.
BLOCK = 100


@dataclass(frozen=True)
class GivenPair:
    """Texts by language; ``place`` is unique in its corpus, ``unit`` the document, if the corpus knows it."""

    place: int
    texts: Mapping[str, str]
    origin: str
    unit: str | None = None


class GivenSource(Source):
    """A corpus of pairs; a kind implements :meth:`gather`, :meth:`pairs` and :meth:`address`."""

    required: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str, config: SourceConfig) -> None:
        super().__init__(name, config)
        # How many of what was read and dropped, by reason; extract logs it.
        self.report: Counter[str] = Counter()
        most = config.options.get("max_pairs")
        if type(most) is not int or most < 1:
            self._refuse("max_pairs", most, "the most pairs to take, a whole number from 1")
        self.max_pairs: int = most

    def _refuse(self, key: str, found: Any, expected: str) -> None:
        raise ParamsError(f"sources/{self.name}.yaml: options.{key}: expected {expected}, found {found!r}")

    @abstractmethod
    def gather(self) -> tuple[str, RawFiles]:
        """Return the version found and the raw files on disk, by their names in the raw tar."""

    @abstractmethod
    def pairs(self, files: RawFiles) -> Iterator[GivenPair | None]:
        """Yield the pairs in the corpus's order; None for a place that cannot be read."""

    @abstractmethod
    def address(self, origin: str) -> str:
        """Return where the pairs of one origin come from."""

    def collect(self, out: Path) -> int:
        """Stream the raw files into one tar, with their origin, and return how many there are."""
        version, files = self.gather()
        pack_raw(out, (ORIGIN, self._say_origin(version)), files)
        return len(files)

    def extract(self, raw: Path, langs: Sequence[str] = LANGS, engine: Engine = LOCAL) -> pl.DataFrame:
        """Return the segment table of a raw tar, by document, language and position.

        A corpus is one shard, which is read here whatever the engine. Memory grows with ``max_pairs``, not
        with the corpus. Raises SourceError if the tar was collected for other settings, is damaged, or holds
        no pair.
        """
        import polars as pl

        from stages.lib.core.tables import SEGMENT_SCHEMA, table_from_rows

        positions: Counter[tuple[str, str]] = Counter()
        rows: list[tuple] = []
        with open_raw(raw) as files:
            said = {ORIGIN: files[ORIGIN]} if ORIGIN in files else {}
            self._origin(said, raw)
            try:
                for segment in self.read(files, langs):
                    place = (segment.unit, segment.lang)
                    rows.append(
                        (self.name, f"{self.name}/{segment.unit}", segment.lang, positions[place],
                         segment.text, segment.key, segment.file, segment.page, self.config.license,
                         segment.date)
                    )  # fmt: skip
                    positions[place] += 1
            except DataError as error:
                raise SourceError(f"{self.name}: {error}") from None
        if not rows:
            raise SourceError(
                f"{raw}: no pair with text in two of {', '.join(langs)}; check the options of "
                f"sources/{self.name}.yaml, or drop the source"
            )
        order = {lang: place for place, lang in enumerate(LANGS)}
        rank = pl.col("lang").replace_strict(order, return_dtype=pl.Int32)
        return table_from_rows(rows, SEGMENT_SCHEMA).sort(["doc", rank, "n"])

    def read(self, files: RawFiles, langs: Sequence[str]) -> Iterator[Segment]:
        """Yield the texts of the pairs taken, in the corpus's order; ``file`` is where they come from."""
        self.report.clear()
        chosen = self._choose(self._wanted(files, langs))
        self._say(len(chosen))
        for pair in chosen:
            unit = pair.unit if pair.unit is not None else f"{pair.origin}/{pair.place // BLOCK}"
            for lang, text in pair.texts.items():
                yield Segment(unit, lang, text, str(pair.place), self.address(pair.origin))

    def _wanted(self, files: RawFiles, langs: Sequence[str]) -> Iterator[GivenPair]:
        """Yield the pairs that have text in two of the wanted languages, Turkmen and Uzbek in Latin."""
        for pair in tqdm(self.pairs(files), self.name, unit=" pairs", disable=None):
            self.report["pairs read"] += 1
            if pair is None:
                self.report["dropped: not readable"] += 1
                continue
            texts = {lang: pair.texts[lang] for lang in LANGS if lang in langs and lang in pair.texts}
            texts = {lang: self._to_latin(text, lang) for lang, text in texts.items() if text.strip()}
            if len(texts) < 2:
                self.report["dropped: text in one language only"] += 1
                continue
            self.report["pairs with text"] += 1
            self.report["religious"] += is_religious(texts)
            texts = {lang: unicodedata.normalize("NFC", text) for lang, text in texts.items()}
            yield GivenPair(pair.place, texts, pair.origin, pair.unit)

    def _to_latin(self, text: str, lang: str) -> str:
        if lang not in IS_CYRILLIC or script_share(text, "Cyrl") <= 0.5 or not IS_CYRILLIC[lang](text):
            return text
        self.report[f"{lang} texts converted from Cyrillic"] += 1
        return to_latin(text, lang)

    def _choose(self, pairs: Iterator[GivenPair]) -> list[GivenPair]:
        """Return the ``max_pairs`` pairs of the smallest hashes, in the corpus's order, each text pair once.

        By hash, so that a corpus that grows or is shuffled keeps most of what it had.
        """
        heap: list[tuple[int, int, GivenPair]] = []
        kept: set[int] = set()
        for pair in pairs:
            joined = "\0".join(part for item in pair.texts.items() for part in item)
            digest = int.from_bytes(hashlib.blake2b(joined.encode(), digest_size=8).digest())
            if digest in kept:
                self.report["dropped: same as one before"] += 1
            elif len(heap) < self.max_pairs:
                kept.add(digest)
                heapq.heappush(heap, (-digest, pair.place, pair))
            else:
                self.report["left out: over max_pairs"] += 1
                if digest < -heap[0][0]:
                    kept.add(digest)
                    largest, _, _ = heapq.heapreplace(heap, (-digest, pair.place, pair))
                    kept.remove(-largest)
        return sorted((pair for _, _, pair in heap), key=lambda pair: pair.place)

    def _say(self, kept: int) -> None:
        dropped = ", ".join(
            f"{name}: {count:,}"
            for name, count in sorted(self.report.items())
            if count and name not in ("pairs read", "pairs with text", "religious")
        )
        share = self.report["religious"] / max(1, self.report["pairs with text"])
        log.info(
            "%s: %s of %s pairs taken; %.1f %% religious by their words%s",
            self.name, f"{kept:,}", f"{self.report['pairs read']:,}", 100 * share,
            f"; {dropped}" if dropped else "",
        )  # fmt: skip


class LocalSource(GivenSource):
    """A corpus in files of one's own, named by path in params.yaml."""

    registry = "folder"

    def gather(self) -> tuple[str, RawFiles]:
        paths = self.local_files()
        digest = hashlib.sha256()
        for name, path in sorted(paths.items()):
            if not path.is_file():
                raise SourceError(
                    f"{path}: not found; put the corpus there, correct options in sources/{self.name}.yaml, "
                    f"or take {self.name} off sources in params.yaml"
                )
            digest.update(f"{name}\0{sha256_file(path)}\n".encode())
        return digest.hexdigest()[:16], files_on_disk(paths)

    @abstractmethod
    def local_files(self) -> dict[str, Path]:
        """Return the files that params.yaml names, by their names in the raw tar."""

    def option_path(self, key: str, value: Any) -> Path:
        """Return the path in one option; raise ParamsError if it is none."""
        if not isinstance(value, str) or not value:
            self._refuse(key, value, "the path of a file")
        return Path(value)

    def option_flag(self, key: str) -> bool:
        """Return an option that is true or false, false where it is not given."""
        value = self.config.options.get(key, False)
        if not isinstance(value, bool):
            self._refuse(key, value, "true or false")
        return value

    def address(self, origin: str) -> str:
        return f"file:{origin}"


def is_language_map(value: Any) -> bool:
    """Tell whether an option's value maps two or more of the languages that sources have to something."""
    return isinstance(value, dict) and len(value) >= 2 and set(value) <= set(LANGS)
