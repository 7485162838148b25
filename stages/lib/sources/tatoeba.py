"""Training text of the Tatoeba Challenge (Tiedemann 2020, aclanthology.org/2020.wmt-1.139).

One tar for a pair of languages, gathered from OPUS: shuffled sentence pairs, much of it religious text, with
the OPUS corpus of each in a file of labels. It was aligned by machines, and shuffling lost its documents:
list it in ``split.train_sources``. Its dev and test files are not read; they are benchmarks.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import PurePosixPath
from typing import ClassVar

from stages.lib.core.archives import unpack_tar
from stages.lib.core.errors import ParamsError, SourceError
from stages.lib.core.fetch import fetch
from stages.lib.core.files import atomic_path
from stages.lib.core.params import SourceConfig
from stages.lib.core.raw import RawFiles, files_on_disk
from stages.lib.formats.moses import read_moses
from stages.lib.formats.text import read_lines
from stages.lib.sources.base import LANGS
from stages.lib.sources.given import GivenPair, GivenSource

MAX_BYTES = 20 * 2**30
_SRC, _TGT, _LABELS = "train.src.gz", "train.trg.gz", "train.id.gz"
# A label of language (and script) as the challenge writes it: rus, tuk_Latn, uzb_Cyrl.
_LANG_LABEL = re.compile(r"[a-z]{3}(_[A-Z][a-z]{3}.*)?")


class Tatoeba(GivenSource):
    """Sentence pairs of one tar; the unit is the OPUS corpus and a block of lines."""

    kind = "tatoeba"
    registry = "web"
    options: ClassVar[tuple[str, ...]] = ("url", "sha256", "langs", "max_pairs")

    def __init__(self, name: str, config: SourceConfig) -> None:
        super().__init__(name, config)
        self.url, self.sha256 = config.options.get("url"), config.options.get("sha256")
        langs = config.options.get("langs")
        if not isinstance(self.url, str):
            self._refuse("url", self.url, "the address of the tar")
        is_pinned = isinstance(self.sha256, str) and re.fullmatch(r"[0-9a-f]{64}", self.sha256)
        if self.sha256 is not None and not is_pinned:
            self._refuse("sha256", self.sha256, "64 hexadecimal digits, or null until they are known")
        if not isinstance(langs, list) or len(langs) != 2 or not set(map(str, langs)) <= set(LANGS):
            self._refuse("langs", langs, "the languages of the tar's src and trg files, as in [ru, tk]")
        self.langs: tuple[str, str] = (langs[0], langs[1])

    def gather(self) -> tuple[str, RawFiles]:
        """Download the tar, or take it from the mirror, and unpack its training files beside it.

        Raises ParamsError if no sha256 is pinned: what comes from the web is pinned or does not come.
        """
        if self.sha256 is None:
            raise ParamsError(
                f"sources/{self.name}.yaml: options.sha256: not pinned yet, and nothing unpinned is read; "
                f"run `curl -fsSL {self.url} | sha256sum`, look at what came, and write the sum there"
            )
        where = f"{self.name}: {self.url}"
        archive = fetch(self.url, self.sha256, MAX_BYTES)
        folder = archive.with_name(f"{archive.name}-unpacked")
        with atomic_path(folder) as temporary, archive.open("rb") as file:
            temporary.mkdir()
            unpacked = unpack_tar(
                file,
                where,
                lambda name: PurePosixPath(name).name in (_SRC, _TGT, _LABELS),
                temporary,
                max_total_bytes=MAX_BYTES,
            )
        paths = {PurePosixPath(member).name: folder / path.name for member, path in unpacked.items()}
        if len(paths) < len(unpacked) or not {_SRC, _TGT} <= set(paths):
            raise SourceError(
                f"{where}: expected one {_SRC} and one {_TGT}, found {', '.join(unpacked) or 'neither'}; "
                "check the address in params.yaml"
            )
        return self.config.version or self.sha256[:16], files_on_disk(paths)

    def pairs(self, files: RawFiles) -> Iterator[GivenPair | None]:
        """Yield the pairs with the OPUS corpus of each, "train" where the labels do not say it."""
        with ExitStack() as stack:
            src, tgt = (stack.enter_context(files.open(name)) for name in (_SRC, _TGT))
            labels: Iterator[tuple[int, str | None]] = iter(())
            if _LABELS in files:
                labels = read_lines(stack.enter_context(files.open(_LABELS)), _LABELS)
            labels = itertools.chain(labels, itertools.repeat((0, None)))
            for (number, texts), (_, label) in zip(read_moses(src, tgt, "train.*.gz"), labels, strict=False):
                if texts[0] is None or texts[1] is None:
                    yield None
                else:
                    by_lang = dict(zip(self.langs, texts, strict=True))
                    yield GivenPair(number, by_lang, _corpus(label))

    def address(self, origin: str) -> str:
        return f"{self.url}#{origin}"


def _corpus(label: str | None) -> str:
    """Return the one field of a line of labels that names no language."""
    fields = [field.strip() for field in (label or "").split("\t")]
    return next((field for field in fields if field and not _LANG_LABEL.fullmatch(field)), "train")
