"""The installed, pinned Python packages."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from stages.collect.patterns import wanted_files
from stages.lib.core.archives import RawFile, in_memory, on_disk
from stages.lib.core.errors import SourceError
from stages.lib.core.params import LANGS, SourceConfig


def gather(name: str, config: SourceConfig) -> tuple[str, dict[str, RawFile]]:
    """Return the version, the wanted files of the package and its licence files."""
    folder = _package_folder(name, config)
    if config.options.sections:
        files = _babel_names(config.options.sections)
    else:
        wanted = wanted_files(config)
        paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        files = {file: on_disk(path) for file, path in paths.items() if wanted.fullmatch(file)}
    if not files:
        raise SourceError(f"{name}: package {config.package} holds no translation in {folder.name}")
    for file in importlib.metadata.files(config.package or "") or []:
        is_license = file.name.upper().startswith(("LICENSE", "LICENCE", "COPYING"))
        if is_license and ".dist-info" in file.parts[0]:
            files[f"licenses/{file.name}"] = on_disk(Path(str(file.locate())))
    return config.version or "", files


def _package_folder(name: str, config: SourceConfig) -> Path:
    """Return the folder of the installed package, after comparing its version with the pinned one."""
    package, version = config.package or "", config.version
    command = f"run: pip install {package}=={version}"
    try:
        installed = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        raise SourceError(
            f"{name}: package {package} is not installed; expected version {version}; {command}"
        ) from None
    if installed != version:
        raise SourceError(
            f"{name}: package {package} has version {installed}; expected {version} "
            f"(version in sources/{name}.yaml); {command}"
        )
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SourceError(f"{name}: package {package} {installed} cannot be imported; {command}")
    return Path(next(iter(spec.submodule_search_locations)))


def _babel_names(sections: Sequence[str]) -> dict[str, RawFile]:
    """Return sections of Babel's locale data, which it keeps pickled, as one JSON file for each language."""
    from babel import localedata

    files = {}
    for lang in filter(localedata.exists, LANGS):
        data = localedata.LocaleDataDict(localedata.load(lang))
        names = {section: _plain(data[section]) for section in sections if section in data}
        text = json.dumps(names, ensure_ascii=False, indent=1, sort_keys=True)
        files[f"locale-data/{lang}.json"] = in_memory((text + "\n").encode())
    return files


def _plain(value: object) -> object:
    """Return nested mappings as dicts with string keys, lists for tuples, and only texts as leaves."""
    if isinstance(value, Mapping):
        plain = {str(key): _plain(value[key]) for key in value}
        return {key: item for key, item in plain.items() if item not in (None, {})}
    return value if isinstance(value, str) else None
