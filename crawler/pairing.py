"""Find the language versions of one document among the pages of a site."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# Versions of one text appear within days of each other; equal numbers that are years apart are a coincidence.
MAX_DAYS_APART = 30
# Fewer equal ids than this say nothing about a site's way of counting.
MIN_COUPLES = 10
# Least share of title trigrams in common, once both are in plain Latin letters.
MIN_TITLE_SCORE = 0.1

_STRENGTH = ("id", "isbn", "hreflang", "alternate", "title", "date+title")
_LATIN = dict(zip("абвгдезийклмнопрстуфхцыэжчшщýwž", "abvgdeziyklmnoprstufhsyejcssyvj", strict=True))
_LATIN |= {"ю": "yu", "я": "ya", "ё": "yo", "ъ": "", "ь": ""}


@dataclass(frozen=True)
class Candidate:
    """A page or book to pair. ``links`` are keys of pages that it names as its versions, with how."""

    key: str
    lang: str | None
    id: str | None
    published: dt.datetime | None = None
    title: str | None = None
    links: tuple[tuple[str, str], ...] = ()
    isbn: str | None = None
    # Subject and grade, the same for every language.
    work: str | None = None


@dataclass(frozen=True)
class Paired:
    """The document that a page belongs to, and by what it is tied to its versions (None: it is alone)."""

    doc: str
    how: str | None


class _Groups:
    """Groups of pages, at most one of each language."""

    def __init__(self, pages: dict[str, Candidate]) -> None:
        self._pages = pages
        self._members: dict[str, set[str]] = {key: {key} for key in pages}
        self.how: dict[str, str] = {}

    def of(self, key: str) -> set[str]:
        return self._members[key]

    def join(self, first: str, second: str, how: str) -> bool:
        """Join two pages' groups unless a language would be there twice."""
        group, other = self._members[first], self._members[second]
        if group is other:
            return False
        langs = [self._pages[key].lang for key in (*group, *other)]
        if None in langs or len(set(langs)) < len(langs):
            return False
        group |= other
        for key in other:
            self._members[key] = group
        for key in (first, second):
            self.how.setdefault(key, how)
        return True


def pair_pages(site: str, pages: Iterable[Candidate], shared_ids: bool = True) -> dict[str, Paired]:
    """Group pages into documents; the result depends on the pages only, not on their order.

    Ties are tried from the strongest to the weakest: the same id (unless publication dates are over a month
    apart, or the site's dates show that languages count for themselves), the same ISBN, hreflang,
    rel=alternate, the same subject and grade, and last the same day and a similar title. A document is named
    after the lowest id among its pages.
    """
    table = {page.key: page for page in sorted(pages, key=lambda page: page.key)}
    groups = _Groups(table)
    by_id: dict[str, list[str]] = defaultdict(list)
    for key, page in table.items():
        if page.id and shared_ids:
            by_id[page.id].append(key)
    # Where a page itself names another version, that version is right, not one with the same number.
    named = {key: {other for other, _ in page.links if other in table} for key, page in table.items()}
    if not _ids_are_shared(by_id.values(), table):
        by_id.clear()
    for keys in by_id.values():
        for first, second in _couples(keys):
            contradicted = any(
                named[a] and b not in named[a] and any(table[c].lang == table[b].lang for c in named[a])
                for a, b in ((first, second), (second, first))
            )
            if not contradicted and _days_apart(table[first], table[second]) <= MAX_DAYS_APART:
                groups.join(first, second, "id")
    _join_equal(groups, table, "isbn", lambda page: page.isbn)
    for how in ("hreflang", "alternate"):
        for key, page in table.items():
            for other, by in page.links:
                if by == how and other in table:
                    groups.join(key, other, how)
    _join_equal(groups, table, "title", lambda page: page.work)
    _join_by_title(groups, table)
    out: dict[str, Paired] = {}
    taken: dict[str, set[str]] = {}
    for key in table:
        group = groups.of(key)
        name = min(_id_order(table[k].id or k) for k in group)[2]
        taken.setdefault(f"{site}/{name}", group)
        if taken[f"{site}/{name}"] is not group:
            # Two documents with one number: the later one carries its language too.
            name = f"{name}-{table[min(group)].lang or 'xx'}"
        out[key] = Paired(f"{site}/{name}", groups.how.get(key) if len(group) > 1 else None)
    return out


def _id_order(name: str) -> tuple[int, int, str]:
    return (0, int(name), name) if name.isdigit() else (1, 0, name)


def _couples(keys: list[str]) -> Iterator[tuple[str, str]]:
    for index, first in enumerate(keys):
        for second in keys[index + 1 :]:
            yield first, second


def _ids_are_shared(groups: Iterable[list[str]], table: dict[str, Candidate]) -> bool:
    """Return whether equal ids mean equal articles: most of them would then appear within two days.

    Where each language counts for itself, numbers agree by chance and dates do not.
    """
    gaps = [
        _days_apart(table[first], table[second])
        for keys in groups
        for first, second in _couples(keys)
        if table[first].published and table[second].published
    ]
    return len(gaps) < MIN_COUPLES or sum(gap <= 2 for gap in gaps) * 2 >= len(gaps)


def _days_apart(first: Candidate, second: Candidate) -> float:
    if not first.published or not second.published:
        return 0.0
    return abs((first.published - second.published).total_seconds()) / 86400


def _join_equal(groups: _Groups, table: dict[str, Candidate], how: str, value: object) -> None:
    """Join pages with an equal value, if it is the value of one page of each language."""
    equal: dict[str, list[str]] = defaultdict(list)
    for key, page in table.items():
        if shared := value(page):  # type: ignore[operator]
            equal[shared].append(key)
    for keys in equal.values():
        langs = [table[key].lang for key in keys]
        if len(set(langs)) == len(langs):
            for key in keys[1:]:
                groups.join(keys[0], key, how)


def _join_by_title(groups: _Groups, table: dict[str, Candidate]) -> None:
    """Join lone pages of one day whose titles are each other's best match."""
    by_day: dict[dt.date, list[Candidate]] = defaultdict(list)
    for key, page in table.items():
        if len(groups.of(key)) == 1 and page.published and page.title:
            by_day[page.published.astimezone(dt.UTC).date()].append(page)
    for pages in by_day.values():
        scores: dict[tuple[str, str], float] = {}
        for index, first in enumerate(pages):
            for second in pages[index + 1 :]:
                if first.lang != second.lang:
                    score = title_score(first.title or "", second.title or "")
                    if score >= MIN_TITLE_SCORE:
                        scores[first.key, second.key] = scores[second.key, first.key] = score
        best: dict[tuple[str, str | None], tuple[float, str]] = {}
        for (first, second), score in sorted(scores.items()):
            place = (first, table[second].lang)
            best[place] = max(best.get(place, (0.0, "")), (score, second))
        for (first, _), (_, second) in sorted(best.items()):
            if best.get((second, table[first].lang), (0.0, ""))[1] == first:
                groups.join(first, second, "date+title")


def title_score(first: str, second: str) -> float:
    """Compare titles across scripts, 0 to 1: equal numbers, and letter trigrams after romanisation.

    Names and numbers are what two languages share; titles whose numbers differ score 0.
    """
    numbers = [sorted(re.findall(r"\d+", text)) for text in (first, second)]
    if numbers[0] != numbers[1]:
        return 0.0
    grams = [_trigrams(text) for text in (first, second)]
    if not grams[0] or not grams[1]:
        return 0.0
    overlap = len(grams[0] & grams[1]) / min(len(grams[0]), len(grams[1]))
    return min(1.0, overlap + (0.3 if numbers[0] else 0.0))


def _trigrams(text: str) -> set[str]:
    plain = unicodedata.normalize("NFKD", text.lower().translate(str.maketrans(_LATIN)))
    letters = "".join(c for c in plain if not unicodedata.combining(c))
    words = re.findall(r"[a-z]{2,}", letters)
    return {f" {word} "[i : i + 3] for word in words for i in range(len(word))}
