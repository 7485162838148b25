"""Gettext catalogues, as text (.po) and compiled (.mo)."""

from __future__ import annotations

import gettext
import io
import re
import struct
from dataclasses import dataclass

from stages.lib.core.errors import SourceError


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


@dataclass(frozen=True)
class Catalog:
    """The messages of one language, in the catalogue's order, and how it counts."""

    messages: tuple[Message, ...]
    plural_count: int
    plural_rule: str


def read_catalog(content: bytes, suffix: str, where: str) -> Catalog:
    """Read a catalogue; fuzzy and obsolete messages of a .po file are left out.

    Raises SourceError, with ``where``, if it is not a catalogue in UTF-8.
    """
    try:
        return _read_po(content) if suffix == ".po" else _read_mo(content)
    except (struct.error, ValueError, LookupError) as error:
        raise SourceError(f"{where}: not a gettext catalogue ({error})") from None


def _read_po(content: bytes) -> Catalog:
    from babel.messages.pofile import PoFileError, read_po

    try:
        catalog = read_po(io.BytesIO(content), abort_invalid=True)
    except PoFileError as error:
        raise ValueError(error) from None
    messages = []
    for message in catalog:
        if message.id and not message.fuzzy:
            ids = (message.id,) if isinstance(message.id, str) else tuple(message.id)
            strings = (message.string,) if isinstance(message.string, str) else tuple(message.string)
            messages.append(Message(message.context or "", ids, strings))
    return Catalog(tuple(messages), catalog.num_plurals, catalog.plural_expr)


def _read_mo(content: bytes) -> Catalog:
    """Read the compiled form, whose layout the GNU gettext manual gives in "The Format of GNU MO Files"."""
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
