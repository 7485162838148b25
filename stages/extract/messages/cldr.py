"""Names of CLDR: languages, places, dates, units and signs, from its JSON packages and from Babel."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from stages.extract.segments import PLURALS, Segment, decode_json, plural_key
from stages.lib.core.archives import RawFile
from stages.lib.core.params import SourceConfig

_PLACEHOLDER = re.compile(r"\{\d+\}|%\(?\w*\)?s")
_WORD = re.compile(r"[^\W\d_]{2,}")
# Namespaces of patterns (d MMMM y), of abbreviations («в след. вт.», {0} кВт⋅ч), of technical values and of
# the file's own identity.
_SKIPPED = re.compile(
    r"identity|dateFormats|timeFormats|dateTimeFormats.*|.*Skeletons|availableFormats|intervalFormats"
    r"|hourFormat|gmt.*|compoundUnit|unitPrefixPattern|compoundUnitPattern.*"
    r"|gender|_.*"
    r"|(?:.*-)?(?:short|narrow|abbreviated)"
)


def read_names(
    name: str, config: SourceConfig, files: Mapping[str, RawFile], langs: Sequence[str]
) -> Iterator[Segment]:
    """Yield the names in the order of the files; each file and namespace in it is a unit.

    Date and number patterns, abbreviations, identities and values without a word are left out.
    """
    for lang in langs:
        for file in filter(files.__contains__, config.files_by_lang(lang)):
            stem = PurePosixPath(file).stem
            for path, text in _leaves(decode_json(files, file, name)["main"][lang]):
                if is_name(text) and not any(map(_SKIPPED.fullmatch, path)):
                    yield Segment(_namespace(stem, path), lang, text, _cldr_key(path), file)


def read_annotations(
    name: str, config: SourceConfig, files: Mapping[str, RawFile], langs: Sequence[str]
) -> Iterator[Segment]:
    """Yield the short names of characters (emoji, arrows, signs); a block of 256 code points is a unit.

    The search keywords beside a name are sorted by each language's own alphabet and are of different number,
    so that nothing tells which belongs to which.
    """
    for lang in langs:
        for file in filter(files.__contains__, config.files_by_lang(lang)):
            annotations = decode_json(files, file, name)["annotations"]["annotations"]
            for character in sorted(annotations):
                if names := annotations[character].get("tts", []):
                    code = "-".join(f"{ord(part):04X}" for part in character)
                    unit = f"U+{ord(character[0]) // 256 * 256:04X}"
                    yield Segment(unit, lang, names[0], f"{code}/tts", file)


def read_babel(
    name: str, config: SourceConfig, files: Mapping[str, RawFile], langs: Sequence[str]
) -> Iterator[Segment]:
    """Yield the names in Babel's copy of CLDR but patterns without a word; each section is a unit."""
    for lang in langs:
        file = f"locale-data/{lang}.json"
        for path, text in _leaves(decode_json(files, file, name)) if file in files else ():
            if is_name(text):
                key = plural_key(".".join(path[:-1]), path[-1]) if path[-1] in PLURALS else ".".join(path)
                yield Segment(path[0], lang, text, key, file)


def is_name(text: str) -> bool:
    """Tell whether a CLDR value is words: at least two letters in a row beside its placeholders."""
    return _WORD.search(_PLACEHOLDER.sub(" ", text)) is not None


def _leaves(value: Mapping, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield (path, text) of the texts in nested mappings."""
    for key, item in value.items():
        if isinstance(item, str):
            yield (*path, key), item
        elif isinstance(item, Mapping):
            yield from _leaves(item, (*path, key))


def _namespace(stem: str, path: tuple[str, ...]) -> str:
    """Return ``file/namespace``: a unit's category, a zone's continent, a calendar's part."""
    if stem == "units":
        name = path[2].split("-")[0] if len(path) > 2 else path[-1]
    elif stem.startswith("ca-"):
        name = path[3] if len(path) > 3 else path[-1]
    elif stem == "timeZoneNames" and path[2] == "zone":
        name = path[3]
    elif stem == "dateFields":
        name = path[2].split("-")[0]
    else:
        name = path[1]
    return f"{stem}/{name}"


def _cldr_key(path: tuple[str, ...]) -> str:
    """Return the dotted path; a ``-count-one`` at its end is the plural form."""
    match = re.fullmatch(rf"(.*)-count-({'|'.join(PLURALS)})", path[-1])
    if match:
        return plural_key(".".join((*path[:-1], match[1])), match[2])
    return ".".join(path)
