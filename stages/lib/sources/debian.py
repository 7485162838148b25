"""Sources read from Debian packages; Debian keeps only its newest version, so none of them is pinned."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import ClassVar

from stages.lib.core.archives import read_tar
from stages.lib.core.errors import SourceError
from stages.lib.sources.base import LANGS, Segment, Source, decode, plural_key
from stages.lib.sources.qt import read_qm

TIMEOUT_S = 600


class DebianSource(Source):
    """A source whose files lie in a Debian package; subclasses choose which by a pattern."""

    registry = "deb/debian"
    required = ("package",)
    # Paths of the wanted files inside the package.
    wanted: ClassVar[re.Pattern[str]]

    def gather(self) -> tuple[str, Mapping[str, bytes]]:
        """Download the package with apt-get and return the wanted files and its copyright file.

        apt-get checks the package's signature, so its links are passed over rather than refused.
        """
        package = self.config.package
        with tempfile.TemporaryDirectory(prefix="kopri-deb-") as folder:
            self._run(["apt-get", "download", str(package)], Path(folder))
            archives = sorted(Path(folder).glob("*.deb"))
            if len(archives) != 1:
                raise SourceError(
                    f"{self.name}: apt-get download {package} left {len(archives)} packages, not 1"
                )
            version = self._run(["dpkg-deb", "--field", str(archives[0]), "Version"], Path(folder)).strip()
            self._check_version(version)
            tar = Path(folder) / "package.tar"
            with tar.open("wb") as out:
                self._run(["dpkg-deb", "--fsys-tarfile", str(archives[0])], Path(folder), stdout=out)
            about = f"usr/share/doc/{package}/copyright"
            with tar.open("rb") as file:
                files = read_tar(
                    file,
                    f"{self.name}: {archives[0].name}",
                    lambda name: name == about or self.wanted.fullmatch(name) is not None,
                    links="skip",
                )
        if not set(files) - {about}:
            raise SourceError(
                f"{self.name}: package {package} {version} has no file like {self.wanted.pattern}"
            )
        return version, files

    def _check_version(self, found: str) -> None:
        if self.config.version not in (None, found):
            raise SourceError(
                f"{self.name}: Debian has {self.config.package} {found}, expected {self.config.version} "
                f"(version in sources/{self.name}.yaml); change or drop the version"
            )

    def _run(self, command: list[str], folder: Path, stdout: object = subprocess.PIPE) -> str:
        if shutil.which(command[0]) is None:
            raise SourceError(
                f"{self.name}: {command[0]} is not on this machine, and this source is a Debian package; "
                f"drop {self.name!r} from sources in params.yaml"
            )
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                stdout=stdout,  # type: ignore[arg-type]
                stderr=subprocess.PIPE,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise SourceError(f"{self.name}: {command[0]} gave no answer within {TIMEOUT_S} s") from None
        if done.returncode != 0:
            errors = [
                line for line in done.stderr.decode("utf-8", "replace").splitlines() if line[:2] != "W:"
            ]
            raise SourceError(
                f"{self.name}: {' '.join(command[:2])} failed: {'; '.join(errors)[:300]}; "
                f"run apt-get update, or drop {self.name!r} from sources in params.yaml"
            )
        return done.stdout.decode("utf-8", "replace") if done.stdout else ""


class Mediawiki(DebianSource):
    """Interface messages of MediaWiki; one unit for the core, each extension and each skin."""

    kind = "mediawiki"
    FOLDER = "usr/share/mediawiki/"
    # The library's messages lie in the package three times.
    COPIES = re.compile(r"vendor/oojs/|.*/lib/oojs-ui/i18n/")
    wanted = re.compile(r"usr/share/mediawiki/(.*/)?i18n/(.*/)?(ru|tk|en|tr|az|uz|kk-cyrl|ky|tg-cyrl)\.json")
    locales: ClassVar[dict[str, str]] = {"kk": "kk-cyrl", "tg": "tg-cyrl"}

    def read(self, files: Mapping[str, bytes], langs: Sequence[str]) -> Iterator[Segment]:
        """Yield the messages of each module in the order of its files."""
        for lang in langs:
            locale = self.locales.get(lang, lang)
            for file in files:
                path = PurePosixPath(file.removeprefix(self.FOLDER))
                if path.stem != locale or path.suffix != ".json" or self.COPIES.match(str(path)):
                    continue
                unit, prefix = _module(path)
                try:
                    messages = json.loads(decode(files, file, self.name))
                except json.JSONDecodeError as error:
                    raise SourceError(f"{self.name}: {file} is not JSON ({error})") from None
                for key, text in messages.items():
                    if isinstance(text, str) and not key.startswith("@"):
                        yield Segment(unit, lang, text, f"{prefix}{key}", file)


def _module(path: PurePosixPath) -> tuple[str, str]:
    """Return the unit of a message file and the prefix that keeps its keys apart from its sister files'."""
    folder = path.parent.parts
    if folder[0].startswith(("extensions", "skins")):
        unit, rest = folder[1], folder[2:]
    elif folder[:2] == ("languages", "i18n"):
        unit, rest = "core", folder[2:]
    else:  # includes/api/i18n, includes/installer/i18n, resources/lib/ooui/i18n
        unit, rest = folder[folder.index("i18n") - 1], folder[folder.index("i18n") + 1 :]
    prefix = "/".join(part for part in rest if part != "i18n")
    return unit, f"{prefix}:" if prefix else ""


class Goldendict(DebianSource):
    """Interface messages of a dictionary program, in Qt's compiled form; one unit for each window."""

    kind = "goldendict"
    wanted = re.compile(rf"usr/share/goldendict/locale/({'|'.join(LANGS)})_[A-Z]+\.qm")

    def read(self, files: Mapping[str, bytes], langs: Sequence[str]) -> Iterator[Segment]:
        """Yield the translations, and as English the texts that they translate."""
        english: dict[tuple[str, str], Segment] = {}
        for file in files:
            lang = PurePosixPath(file).name.split("_")[0]
            if not self.wanted.fullmatch(file):
                continue
            for message in read_qm(files[file], f"{self.name}: {file}"):
                unit = message.context or "main"
                key = f"{message.comment}\x04{message.source}" if message.comment else message.source
                english.setdefault((unit, key), Segment(unit, "en", message.source, key, file))
                if lang not in langs:
                    continue
                forms = message.translations
                categories = {2: ("one", "other"), 3: ("one", "few", "many")}.get(len(forms))
                if categories is None:
                    yield Segment(unit, lang, forms[0] if forms else "", key, file)
                else:
                    for category, text in zip(categories, forms, strict=True):
                        yield Segment(unit, lang, text, plural_key(key, category), file)
        if "en" in langs:
            yield from english.values()
