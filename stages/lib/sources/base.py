"""What every text source has in common: collect packs raw files, extract reads segments out of them."""

from __future__ import annotations

import json
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from stages.lib.core.archives import read_own_tar, write_tar
from stages.lib.core.engine import LOCAL, Engine
from stages.lib.core.errors import ParamsError, SourceError
from stages.lib.core.params import SourceConfig

if TYPE_CHECKING:
    import polars as pl

# Every language that a source is searched for, whatever the pair; in this order wherever order matters.
LANGS = ("ru", "tk", "en", "tr", "az", "uz", "kk", "ky", "tg")

# Names of CLDR's plural categories; a key ends in "#" and one of them where a message has plural forms.
PLURALS = ("zero", "one", "two", "few", "many", "other")

# The file that says, inside a raw tar, what was packed.
ORIGIN = "kopri.json"


@dataclass(frozen=True)
class Segment:
    """One message, paragraph or sentence in one language.

    ``unit`` is what splitting keeps together inside the source; ``key`` is the same in all languages, None
    where the source gives no alignment; ``file`` is where the text stands in the raw tar; ``date`` is the day
    of publication, ISO 8601, where the source says it.
    """

    unit: str
    lang: str
    text: str
    key: str | None
    file: str
    page: int | None = None
    date: str | None = None


@dataclass(frozen=True)
class Origin:
    """Where the raw files were taken from, kept inside the raw tar."""

    kind: str
    registry: str
    package: str
    version: str

    def url(self, file: str) -> str:
        """Return the package URL of one file of the package."""
        return f"pkg:{self.registry}/{self.package}@{self.version}#{file}"


class Source(ABC):
    """One source of text, as params.yaml configures it.

    A new kind implements :meth:`gather` (which raw files, with a licence) and :meth:`read` (which segments
    they hold), and is added to ``KINDS``. A kind that is not a package overrides :meth:`url` too.
    """

    kind: ClassVar[str]
    registry: ClassVar[str]
    required: ClassVar[tuple[str, ...]] = ("package", "version")
    # The keys that ``options`` of the source may have.
    options: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str, config: SourceConfig) -> None:
        missing = [key for key in self.required if not getattr(config, key)]
        if missing:
            raise ParamsError(f"sources/{name}.yaml: kind {self.kind!r} needs {', '.join(missing)}; add it")
        if unknown := sorted(set(config.options) - set(self.options)):
            known = ", ".join(self.options) or f"none for kind {self.kind!r}"
            raise ParamsError(f"sources/{name}.yaml: options: unknown {', '.join(unknown)}; known: {known}")
        self.name = name
        self.config = config

    @abstractmethod
    def gather(self) -> tuple[str, Mapping[str, bytes]]:
        """Return the version found and the raw files by name, in all of ``LANGS``, licence included."""

    @abstractmethod
    def read(self, files: Mapping[str, bytes], langs: Sequence[str]) -> Iterable[Segment]:
        """Yield the segments in ``langs``, in document order within a unit and a language."""

    def collect(self, out: Path) -> int:
        """Write the raw files to one tar, with their origin, and return how many there are."""
        version, files = self.gather()
        packed = {**files, ORIGIN: self._say_origin(version)}
        write_tar(out, packed)
        return len(files)

    def extract(self, raw: Path, langs: Sequence[str] = LANGS, engine: Engine = LOCAL) -> pl.DataFrame:
        """Return the segment table of a raw tar: NFC, sorted by document, language and position.

        The files of a package are one shard, which is read here whatever the engine.
        Raises SourceError if the tar was collected for other settings, holds no text, or gives one key twice.
        """
        from stages.lib.core.tables import SEGMENT_SCHEMA, table_from_rows

        files = read_own_tar(raw)
        origin = self._origin(files, raw)
        return table_from_rows(list(self._rows(files, origin, langs, raw)), SEGMENT_SCHEMA)

    def _say_origin(self, version: str) -> bytes:
        """Return the content of the raw tar's ``ORIGIN`` file."""
        origin = {
            "kind": self.kind,
            "registry": self.registry,
            "package": self.config.package or self.name,
            "version": version,
        }
        return (json.dumps(origin, indent=2, sort_keys=True) + "\n").encode()

    def _origin(self, files: dict[str, bytes], raw: Path) -> Origin:
        try:
            origin = Origin(**json.loads(files.pop(ORIGIN)))
        except (KeyError, TypeError, ValueError):
            raise SourceError(
                f"{raw}: has no readable {ORIGIN}; delete it and run the collect stage"
            ) from None
        expected = (self.kind, self.config.package or self.name, self.config.version or origin.version)
        found = (origin.kind, origin.package, origin.version)
        if found != expected:
            raise SourceError(
                f"{raw}: collected from {' '.join(found)}, but sources/{self.name}.yaml asks for "
                f"{' '.join(expected)}; run the collect stage again (dvc repro)"
            )
        return origin

    def _rows(
        self, files: Mapping[str, bytes], origin: Origin, langs: Sequence[str], raw: Path
    ) -> Iterator[tuple]:
        groups: dict[tuple[str, str], list[Segment]] = {}
        seen: set[tuple[str, str, str]] = set()
        for segment in self.read(files, langs):
            if not segment.text.strip():
                continue
            if segment.key is not None:
                identity = (segment.unit, segment.lang, segment.key)
                if identity in seen:
                    raise SourceError(
                        f"{raw}: {segment.file}: key {segment.key!r} comes twice in {segment.unit} "
                        f"({segment.lang})"
                    )
                seen.add(identity)
            groups.setdefault((segment.unit, segment.lang), []).append(segment)
        if not groups:
            raise SourceError(
                f"{raw}: no text in any of {', '.join(langs)}; collect it again or drop the source"
            )
        order = {lang: index for index, lang in enumerate(langs)}
        for unit, lang in sorted(groups, key=lambda group: (group[0], order[group[1]])):
            for n, segment in enumerate(groups[unit, lang]):
                yield (
                    self.name,
                    f"{self.name}/{unit}",
                    lang,
                    n,
                    unicodedata.normalize("NFC", segment.text),
                    segment.key,
                    origin.url(segment.file),
                    segment.page,
                    self.config.license,
                    segment.date,
                )


def plural_key(key: str, category: str) -> str:
    """Return the key of one plural form of a message."""
    return f"{key}#{category}"


def decode(files: Mapping[str, bytes], name: str, where: str) -> str:
    """Return a raw file as text; raise SourceError, naming it, if it is not UTF-8."""
    try:
        return files[name].decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{where}: {name} is not UTF-8 ({error.reason} at byte {error.start})") from None
