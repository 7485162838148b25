"""Sources read from the installed, pinned Python packages."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import ClassVar

from stages.lib.core.errors import SourceError
from stages.lib.sources.base import LANGS, PLURALS, Segment, Source, plural_key
from stages.lib.sources.catalogs import Catalog, Message, plural_categories, read_catalog
from stages.lib.sources.cldr import is_name


class PypiSource(Source):
    """A source whose files lie in an installed package; subclasses choose which."""

    registry = "pypi"

    def gather(self) -> tuple[str, Mapping[str, bytes]]:
        """Return the chosen files of the package and its licence files."""
        folder = self._package_folder()
        files = {path: (folder / path).read_bytes() for path in sorted(self.choose(folder))}
        if not files:
            raise SourceError(
                f"{self.name}: package {self.config.package} holds no translation in {folder.name}"
            )
        return self.config.version or "", {**files, **self._licenses()}

    def choose(self, folder: Path) -> Iterable[str]:
        """Yield the paths, inside the package's folder, of the files to pack."""
        raise NotImplementedError

    def _package_folder(self) -> Path:
        """Return the folder of the installed package, after comparing its version with the pinned one."""
        package, version = self.config.package, self.config.version
        command = f"run: pip install {package}=={version}"
        try:
            found = importlib.metadata.version(package or "")
        except importlib.metadata.PackageNotFoundError:
            raise SourceError(
                f"{self.name}: package {package} is not installed; expected version {version}; {command}"
            ) from None
        if found != version:
            raise SourceError(
                f"{self.name}: package {package} has version {found}; expected {version} "
                f"(version in sources/{self.name}.yaml); {command}"
            )
        spec = importlib.util.find_spec(package or "")
        if spec is None or not spec.submodule_search_locations:
            raise SourceError(f"{self.name}: package {package} {found} cannot be imported; {command}")
        return Path(next(iter(spec.submodule_search_locations)))

    def _licenses(self) -> dict[str, bytes]:
        """Return the licence files that the package's metadata lists."""
        files = importlib.metadata.files(self.config.package or "") or []
        return {
            f"licenses/{file.name}": Path(str(file.locate())).read_bytes()
            for file in sorted(files)
            if ".dist-info" in file.parts[0]
            and file.name.upper().startswith(("LICENSE", "LICENCE", "COPYING"))
        }


class GettextSource(PypiSource):
    """Catalogues in ``**/<locale>/LC_MESSAGES/<domain>.(po|mo)``: the key is the message id.

    The message ids themselves are the text in ``id_lang``, English unless a subclass says otherwise.
    """

    suffix: ClassVar[str] = ".mo"
    # Names of the locale folders to read a language from, the first that exists; default: the code itself.
    locales: ClassVar[dict[str, tuple[str, ...]]] = {}

    def choose(self, folder: Path) -> Iterator[str]:
        """Yield the catalogues of every language looked for."""
        names = {name for lang in LANGS for name in self._locale_names(lang)}
        for path in folder.rglob(f"*/LC_MESSAGES/*{self.suffix}"):
            if path.parent.parent.name in names:
                yield path.relative_to(folder).as_posix()

    def read(self, files: Mapping[str, bytes], langs: Sequence[str]) -> Iterator[Segment]:
        """Yield the messages of every catalogue, and the message ids as a language of their own."""
        for base, catalogs in sorted(self._group(files).items()):
            parsed = {
                lang: read_catalog(files[file], self.suffix, f"{self.name}: {file}")
                for lang, file in sorted(catalogs.items())
            }
            yield from self._read_group(base, catalogs, parsed, langs)

    def _locale_names(self, lang: str) -> tuple[str, ...]:
        return self.locales.get(lang, (lang,))

    def _group(self, files: Mapping[str, bytes]) -> dict[str, dict[str, str]]:
        """Return language -> file for each catalogue, keyed by ``folder|domain``."""
        groups: dict[str, dict[str, str]] = {}
        for lang in LANGS:
            for locale in self._locale_names(lang):
                for file in files:
                    path = PurePosixPath(file)
                    if path.suffix == self.suffix and path.parent.parent.name == locale:
                        above = ".".join(path.parts[:-4])  # the part above locale/<lang>/LC_MESSAGES/<file>
                        groups.setdefault(f"{above}|{path.stem}", {}).setdefault(lang, file)
        return groups

    def _read_group(
        self, base: str, files: dict[str, str], catalogs: dict[str, Catalog], langs: Sequence[str]
    ) -> Iterator[Segment]:
        above, domain = base.split("|")
        unit = self.unit(above, domain)
        id_lang = self.id_lang(catalogs)
        for lang in langs:
            if lang == id_lang:
                yield from self._ids(unit, domain, lang, files, catalogs)
            elif lang in catalogs:
                categories = plural_categories(catalogs[lang], lang, f"{self.name}: {files[lang]}")
                for message in catalogs[lang].messages:
                    yield from _forms(message.strings, message, unit, domain, lang, files[lang], categories)

    def _ids(
        self, unit: str, domain: str, lang: str, files: dict[str, str], catalogs: dict[str, Catalog]
    ) -> Iterator[Segment]:
        seen = set()
        for other in sorted(catalogs, key=lambda code: (code != lang, code)):
            for message in catalogs[other].messages:
                if message.identity not in seen:
                    seen.add(message.identity)
                    yield from _forms(
                        message.ids, message, unit, domain, lang, files[other], ("one", "other")
                    )

    def unit(self, above: str, domain: str) -> str:
        """Return the unit that a catalogue belongs to."""
        return domain

    def id_lang(self, catalogs: Mapping[str, Catalog]) -> str | None:
        """Return the language that the message ids are written in, None if it is not one of ``LANGS``."""
        return "en"


def _forms(
    texts: Sequence[str],
    message: Message,
    unit: str,
    domain: str,
    lang: str,
    file: str,
    categories: Sequence[str],
) -> Iterator[Segment]:
    """Yield the one text of a plain message, or one text for each plural category that has one."""
    key = f"{domain}:{message.identity}"
    if len(message.ids) == 1:
        yield Segment(unit, lang, texts[0], key, file)
        return
    by_category: dict[str, str] = {}
    for category, text in zip(categories, texts, strict=False):
        by_category.setdefault(category, text)
    for category, text in by_category.items():
        yield Segment(unit, lang, text, plural_key(key, category), file)


class DjangoPo(GettextSource):
    """Django's own catalogues (``.po``); one unit for each application."""

    kind = "django_po"
    suffix = ".po"

    def unit(self, above: str, domain: str) -> str:
        """Return the application: ``conf``, ``contrib.admin``."""
        return above


class PycountryMo(GettextSource):
    """ISO country, subdivision, currency, language and script names; one unit for each standard."""

    kind = "pycountry_mo"


class HolidaysMo(GettextSource):
    """Names of public holidays; one unit for each country, whose message ids are in its own language.

    The catalogue of that language is the one without a single translation.
    """

    kind = "holidays_mo"
    locales: ClassVar[dict[str, tuple[str, ...]]] = {"en": ("en_US",)}

    def id_lang(self, catalogs: Mapping[str, Catalog]) -> str | None:
        """Return the language whose catalogue has nothing to translate."""
        empty = [lang for lang, catalog in catalogs.items() if not catalog.messages]
        return empty[0] if len(empty) == 1 else None


class BabelCldr(PypiSource):
    """Names in Babel's copy of CLDR; one unit for each section.

    Units and time zones are left to the packages that carry nothing else (kind ``cldr_names``).
    """

    kind = "babel_cldr"
    SECTIONS: ClassVar[tuple[str, ...]] = (
        "currency_names",
        "currency_names_plural",
        "day_periods",
        "days",
        "eras",
        "languages",
        "list_patterns",
        "measurement_systems",
        "months",
        "quarters",
        "scripts",
        "territories",
        "variants",
    )

    def gather(self) -> tuple[str, Mapping[str, bytes]]:
        """Return one JSON file of names for each language, since Babel keeps its data pickled."""
        from babel import localedata

        self._package_folder()
        files = {}
        for lang in LANGS:
            if localedata.exists(lang):
                data = localedata.LocaleDataDict(localedata.load(lang))
                sections = {name: _plain(data[name]) for name in self.SECTIONS if name in data}
                text = json.dumps(sections, ensure_ascii=False, indent=1, sort_keys=True)
                files[f"locale-data/{lang}.json"] = (text + "\n").encode()
        return self.config.version or "", {**files, **self._licenses()}

    def read(self, files: Mapping[str, bytes], langs: Sequence[str]) -> Iterator[Segment]:
        """Yield every name; patterns without a word are left out."""
        for lang in langs:
            file = f"locale-data/{lang}.json"
            for section, names in json.loads(files.get(file, b"{}")).items():
                for path, text in _leaves(names):
                    if not is_name(text):
                        continue
                    key = ".".join((section, *path))
                    if path[-1] in PLURALS:
                        key = plural_key(".".join((section, *path[:-1])), path[-1])
                    yield Segment(section, lang, text, key, file)


def _plain(value: object) -> object:
    """Return nested mappings as dicts with string keys, lists for tuples, and only texts as leaves."""
    if isinstance(value, Mapping):
        plain = {str(key): _plain(value[key]) for key in value}
        return {key: item for key, item in plain.items() if item not in (None, {})}
    return value if isinstance(value, str) else None


def _leaves(value: Mapping, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    for key, item in value.items():
        if isinstance(item, str):
            yield (*path, key), item
        else:
            yield from _leaves(item, (*path, key))
