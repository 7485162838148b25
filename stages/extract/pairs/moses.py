"""The Moses form: plain files whose lines are translations of each other, as OPUS gives them out."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import PurePosixPath
from typing import IO

from stages.extract.pairs.corpus import GivenPair, listed_file
from stages.extract.pairs.lines import read_lines, unescape_line
from stages.lib.core.archives import RawFile
from stages.lib.core.errors import DataError
from stages.lib.core.params import SourceConfig

# A label of language (and script) in the Tatoeba Challenge: rus, tuk_Latn, uzb_Cyrl.
_LANG_LABEL = re.compile(r"[a-z]{3}(_[A-Z][a-z]{3}.*)?")


def read(config: SourceConfig, files: Mapping[str, RawFile]) -> Iterator[GivenPair | None]:
    """Yield the pairs of two files, plain or gzipped; None where one of the texts is unreadable.

    A third file, where the source lists one, has the OPUS corpus of each pair, which is then its origin; the
    origin of others is the name of the first file.
    """
    (src_name, src_file), (tgt_name, tgt_file) = (listed_file(config, files, place) for place in (0, 1))
    has_labels = len(config.files) == 3
    origin = src_name.split(".")[0] if has_labels else src_name
    restore = unescape_line if config.options.escapes else str
    with ExitStack() as stack:
        src_stream, tgt_stream = (stack.enter_context(file.open()) for file in (src_file, tgt_file))
        labels: Iterator[tuple[int, str | None]] = iter(())
        if (
            has_labels
            and (labels_name := PurePosixPath(config.files[2]).name)
            and f"files/{labels_name}" in files
        ):
            labels = read_lines(stack.enter_context(files[f"files/{labels_name}"].open()), labels_name)
        labels = itertools.chain(labels, itertools.repeat((0, None)))
        pairs = read_moses(src_stream, tgt_stream, f"{src_name} and {tgt_name}")
        for (number, (src, tgt)), (_, label) in zip(pairs, labels, strict=False):
            if src is None or tgt is None:
                yield None
            else:
                texts = dict(zip(config.options.langs, (restore(src), restore(tgt)), strict=True))
                yield GivenPair(number, texts, _opus_corpus(label) or origin)


def _opus_corpus(label: str | None) -> str | None:
    """Return the first field of a line of labels that names no language."""
    fields = [field.strip() for field in (label or "").split("\t")]
    return next((field for field in fields if field and not _LANG_LABEL.fullmatch(field)), None)


def read_moses(
    src: IO[bytes], tgt: IO[bytes], where: str
) -> Iterator[tuple[int, tuple[str | None, str | None]]]:
    """Yield line number (from 1) and the two texts as they stand; None for one that is no readable text.

    Raises DataError if one file has more lines than the other: from some line on, they are out of step.
    """
    src_lines, tgt_lines = read_lines(src, where), read_lines(tgt, where)
    for number, (src_line, tgt_line) in enumerate(itertools.zip_longest(src_lines, tgt_lines), start=1):
        if src_line is None or tgt_line is None:
            longer = number + sum(1 for _ in (src_lines if tgt_line is None else tgt_lines))
            counts = (longer, number - 1) if tgt_line is None else (number - 1, longer)
            raise DataError(
                f"{where}: {counts[0]:,} lines on the first side, {counts[1]:,} on the second; "
                "the files are not translations line by line, get them again"
            )
        yield number, (src_line[1], tgt_line[1])
