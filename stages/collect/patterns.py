"""Patterns of the files to pack."""

from __future__ import annotations

import re

from stages.lib.core.params import LANGS, SourceConfig


def wanted_files(config: SourceConfig) -> re.Pattern[str]:
    """Return what matches the paths of ``files`` in all languages: ``**/`` is any folders, ``*`` any name."""
    paths = {config.path(pattern, lang) for pattern in config.files for lang in LANGS}
    escaped = (
        re.escape(path).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*") for path in sorted(paths)
    )
    return re.compile("|".join(escaped))
