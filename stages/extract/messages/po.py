"""Gettext catalogues, as text (.po) and compiled (.mo)."""

from __future__ import annotations

import gettext
import io
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from stages.extract.segments import Segment, plural_key
from stages.lib.core.archives import RawFile
from stages.lib.core.errors import SourceError
from stages.lib.core.params import LANGS, SourceConfig

_CHARSET = re.compile(rb'"Content-Type:[^"\n]*charset=([\w.:-]+)', re.IGNORECASE)


@dataclass(frozen=True)
class Message:
    """One translated message; ``ids`` and ``strings`` have several members where it has plural forms."""

    context: str
    ids: tuple[str, ...]
    strings: tuple[str, ...]

    @property
    def identity(self) -> str:
        """Context, if any, and the first id, as gettext joins them."""
        return f"{self.context}\x04{self.ids[0]}" if self.context else self.ids[0]

    def forms(self, texts: Sequence[str], categories: Sequence[str]) -> dict[str, str]:
        """Return key -> text: one of a plain message, the first of each plural category of another."""
        if len(self.ids) == 1:
            return {self.identity: texts[0]}
        forms: dict[str, str] = {}
        for category, text in zip(categories, texts, strict=False):
            forms.setdefault(plural_key(self.identity, category), text)
        return forms


@dataclass(frozen=True)
class Catalog:
    """The messages of one language, in the catalogue's order, and how it counts."""

    messages: tuple[Message, ...]
    plural_count: int
    plural_rule: str


def read(
    name: str, config: SourceConfig, files: Mapping[str, RawFile], langs: Sequence[str]
) -> Iterator[Segment]:
    """Yield the messages of ``**/<locale>/LC_MESSAGES/<domain>.(po|mo)``, and their ids as one more language.

    The unit is the folder above the locales (an application), or the domain where there is none. Message ids
    are English, or with ``native_ids`` in the language of the one catalogue without a translation.
    """
    for (above, domain), paths in sorted(_group(config, files).items()):
        unit = above or domain
        catalogs = {
            lang: read_catalog(files[file].read(), PurePosixPath(file).suffix, f"{name}: {file}")
            for lang, file in sorted(paths.items())
        }
        id_lang: str | None = "en"
        if config.options.native_ids:
            untranslated = [lang for lang, catalog in catalogs.items() if not catalog.messages]
            id_lang = untranslated[0] if len(untranslated) == 1 else None
        for lang in langs:
            if lang == id_lang:
                ids = {}
                for other in sorted(catalogs, key=lambda code: (code != lang, code)):
                    for message in catalogs[other].messages:
                        ids.setdefault(message.identity, (message, paths[other]))
                texts = [
                    (message.forms(message.ids, ("one", "other")), file) for message, file in ids.values()
                ]
            elif lang in catalogs:
                categories = plural_categories(catalogs[lang], lang, f"{name}: {paths[lang]}")
                messages = catalogs[lang].messages
                texts = [(message.forms(message.strings, categories), paths[lang]) for message in messages]
            else:
                continue
            for forms, file in texts:
                for key, text in forms.items():
                    yield Segment(unit, lang, text, f"{domain}:{key}", file)


def _group(config: SourceConfig, files: Mapping[str, RawFile]) -> dict[tuple[str, str], dict[str, str]]:
    """Return language -> file for each catalogue, by (folder above the locales, domain)."""
    groups: dict[tuple[str, str], dict[str, str]] = {}
    for file in files:
        path = PurePosixPath(file)
        if path.suffix in (".po", ".mo"):
            locale = path.parent.parent.name
            for lang in LANGS:
                if config.path("{locale}", lang) == locale:
                    above = ".".join(path.parts[:-4])  # above locale/<locale>/LC_MESSAGES/<file>
                    groups.setdefault((above, path.stem), {})[lang] = file
    return groups


def read_catalog(content: bytes, suffix: str, where: str) -> Catalog:
    """Read a catalogue; fuzzy and obsolete messages of a .po file are left out.

    Raises SourceError, with ``where``, if it is not a catalogue in the charset that it declares (UTF-8).
    """
    try:
        return _read_po(content) if suffix == ".po" else _read_mo(content)
    except (struct.error, ValueError, LookupError) as error:
        raise SourceError(f"{where}: not a gettext catalogue ({error})") from None


def _read_po(content: bytes) -> Catalog:
    """Read the text form with translate-toolkit, which reads every catalogue that msgfmt does.

    Babel's reader refuses ``#~|`` lines, unknown flags, and dates of another form in the header.
    """
    from translate.storage.base import ParseError
    from translate.storage.pypo import pofile

    # Decoded here: what is in no charset is an error, not a text of other letters. Some catalogues were
    # converted to UTF-8 and still declare what they were in.
    declared = _CHARSET.search(content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode(declared[1].decode("ascii") if declared else "utf-8")
    text = text.replace("\r\n", "\n")
    if declared:
        text = text.replace(f"charset={declared[1].decode('ascii')}", "charset=UTF-8", 1)
    try:
        store = pofile(io.BytesIO(text.encode("utf-8")))
    except ParseError as error:
        raise ValueError(" ".join(str(error).split())) from None
    messages = []
    for unit in store.units:
        if not (unit.isheader() or unit.isobsolete() or unit.isfuzzy()):
            sides = (unit.source, unit.target)
            ids, strings = (
                tuple(map(str, side.strings)) if unit.hasplural() else (str(side),) for side in sides
            )
            messages.append(Message(unit.getcontext(), ids, strings))
    plural_count, plural_rule = store.getheaderplural()
    return Catalog(tuple(messages), int(plural_count or 2), plural_rule or "(n != 1)")


def _read_mo(content: bytes) -> Catalog:
    """Read the compiled form, whose layout the GNU gettext manual gives in "The Format of GNU MO Files".

    Babel's own reader refuses a catalogue whose header has a date of another form, as pycountry's have.
    """
    order = {b"\xde\x12\x04\x95": "<", b"\x95\x04\x12\xde": ">"}.get(content[:4])
    if order is None:
        raise ValueError("wrong first four bytes")
    _, count, ids_at, strings_at = struct.unpack_from(f"{order}4I", content, 4)
    messages = []
    plural_count, plural_rule = 2, "(n != 1)"
    for index in range(count):
        texts = []
        for table in (ids_at, strings_at):
            size, start = struct.unpack_from(f"{order}2I", content, table + 8 * index)
            if start + size > len(content):
                raise ValueError("truncated")
            texts.append(content[start : start + size].decode("utf-8"))
        message_id, string = texts
        if not message_id:
            forms = re.search(r"nplurals\s*=\s*(\d+)\s*;\s*plural\s*=\s*([^;\n]+)", string)
            if forms:
                plural_count, plural_rule = int(forms[1]), forms[2]
            continue
        context, _, rest = message_id.rpartition("\x04")
        messages.append(Message(context, tuple(rest.split("\0")), tuple(string.split("\0"))))
    return Catalog(tuple(messages), plural_count, plural_rule)


def plural_categories(catalog: Catalog, lang: str, where: str) -> list[str]:
    """Return the CLDR category of each plural form of a catalogue.

    That of the smallest number from 1 that takes the form; forms that no whole number up to 200 takes, and a
    single form, are "other".
    """
    from babel import Locale

    if catalog.plural_count < 2:
        return ["other"]
    try:
        index_of = gettext.c2py(catalog.plural_rule)
    except ValueError as error:
        raise SourceError(f"{where}: plural rule {catalog.plural_rule!r} cannot be read ({error})") from None
    category_of = Locale(lang).plural_form
    first: dict[int, str] = {}
    for number in range(1, 201):
        first.setdefault(index_of(number), category_of(number))
    return [first.get(index, "other") for index in range(catalog.plural_count)]
