"""Running headers, footers and page numbers, told by their repetition over pages."""

from __future__ import annotations

import bisect
import difflib
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from stages.extract.blocks import fold_numbers
from stages.extract.pdf.book import Line, PageText

# Lines looked at from each end of a page.
DEPTH = 3
# Baselines this close (points) are the same place.
SAME_PLACE = 4.0
# A running text repeats within this many pages; a chapter title stands on every second page.
NEAR = 12
_PAGE_NUMBER = re.compile(r"^\W*(\d{1,4}|[ivxlc]{1,7})\W*$", re.IGNORECASE)


class _Candidate:
    __slots__ = ("folded", "gap", "is_top", "line", "numbers", "page", "place")

    def __init__(self, page: int, place: int, line: Line, is_top: bool, gap: float) -> None:
        self.page, self.place, self.line, self.is_top, self.gap = page, place, line, is_top, gap
        self.folded = fold_numbers(line.text)
        self.numbers = [int(text) for text in re.findall(r"\d{1,4}", line.text)]


def find_running_lines(pages: Sequence[PageText]) -> set[tuple[int, int]]:
    """Return (index of the page, index of the line) of all running headers, footers and page numbers.

    A line at the top or bottom of a page is running text when a similar one stands at the same height
    within NEAR pages, twice or more, or when it carries the page's own number in a sequence. Where that
    holds for most lines of a place, the place's other lines (a chapter of one page, a header that OCR
    spoilt) are taken as well if size and distance to the text agree.
    """
    candidates = [candidate for index, page in enumerate(pages) for candidate in _candidates(index, page)]
    if len(pages) < 3:
        return {
            (c.page, c.place) for c in candidates if _PAGE_NUMBER.match(c.line.text) and _is_outer(c, pages)
        }
    offsets = Counter(
        number - candidate.page for candidate in candidates for number in set(candidate.numbers)
    )
    found: set[tuple[int, int]] = set()
    by_place: dict[tuple[bool, int], list[_Candidate]] = defaultdict(list)
    for candidate in candidates:
        by_place[candidate.is_top, round(candidate.line.y / SAME_PLACE)].append(candidate)
    # Many books restart or shift their numbering once; few do it every ten pages.
    real_offsets = {offset for offset, n in offsets.items() if n >= max(3, min(len(pages) // 10, 30))}
    for (is_top, slot), members in sorted(by_place.items()):
        # A neighbouring slot holds the same place when the height falls between two.
        around = [c for d in (-1, 0, 1) for c in by_place.get((is_top, slot + d), [])]
        running = _repeated(members, around, real_offsets)
        running |= {
            (c.page, c.place)
            for c in members
            if (_PAGE_NUMBER.match(c.line.text) or len(c.folded) <= 80)
            and any(number - c.page in real_offsets for number in c.numbers)
            and (_PAGE_NUMBER.match(c.line.text) or _has_number_at_an_end(c, real_offsets))
        }
        running = _frequent(running, len(pages))
        if len(running) >= max(3, 0.5 * len({c.page for c in members})):
            running |= _same_style(members, running)
        found |= running
    return _only_outermost(found, candidates)


def _candidates(index: int, page: PageText) -> list[_Candidate]:
    order = sorted(
        (i for i, line in enumerate(page.lines) if line.kind == "" and line.text),
        key=lambda i: page.lines[i].y,
    )
    lines = [page.lines[i] for i in order]
    found = []
    for rank, place in enumerate(order[:DEPTH]):
        line = lines[rank]
        if line.y > 0.25 * page.height:
            break
        below = next((other.y - line.y for other in lines[rank + 1 :] if other.y - line.y > 2.0), 1000.0)
        found.append(_Candidate(index, place, line, True, below))
    for rank, place in enumerate(reversed(order[-DEPTH:])):
        line = page.lines[place]
        if line.y < 0.75 * page.height:
            break
        above = next(
            (
                line.y - other.y
                for other in reversed(lines[: len(lines) - 1 - rank])
                if line.y - other.y > 2.0
            ),
            1000.0,
        )
        found.append(_Candidate(index, place, line, False, above))
    return found


def _frequent(running: set[tuple[int, int]], n_pages: int) -> set[tuple[int, int]]:
    """Keep what stands in a place where a third of the pages around have running text.

    A heading or a formula that happens to repeat at the top of some pages does not.
    """
    on = sorted({page for page, _ in running})
    kept = set()
    for page, place in running:
        first, last = max(0, page - NEAR), min(n_pages - 1, page + NEAR)
        n = bisect.bisect_right(on, last) - bisect.bisect_left(on, first)
        if n >= 0.3 * (last - first + 1):
            kept.add((page, place))
    return kept


def _repeated(members: list[_Candidate], around: list[_Candidate], offsets: set[int]) -> set[tuple[int, int]]:
    """Return the members of a place whose text stands there on two more pages nearby.

    Numbers are folded only in a text that carries the page number: "Exercise 5" is no header.
    """
    for candidate in around:
        if candidate.numbers and not any(number - candidate.page in offsets for number in candidate.numbers):
            candidate.folded = " ".join(candidate.line.text.lower().split())
    pages_of: dict[str, list[int]] = defaultdict(list)
    texts_with: dict[str, set[str]] = defaultdict(set)
    for candidate in around:
        if candidate.folded:
            pages_of[candidate.folded].append(candidate.page)
            for word in candidate.folded.split():
                if len(word) >= 4:
                    texts_with[word].add(candidate.folded)
    running = set()
    others = []
    for candidate in members:
        if not candidate.folded or candidate.folded == "0":
            continue
        near = _near(pages_of[candidate.folded], candidate.page)
        if len(near) >= 2:
            running.add((candidate.page, candidate.place))
        elif len(candidate.folded) <= 90:
            others.append((candidate, near))
    # Fuzzy, for recognised text and for a header cut short: a place of running text has some that agree.
    for candidate, near in others if running else ():
        for text in _similar(candidate.folded, texts_with):
            near |= _near(pages_of[text], candidate.page)
        if len(near) >= 2:
            running.add((candidate.page, candidate.place))
    return running


def _near(pages: list[int], page: int) -> set[int]:
    return {other for other in pages if 0 < abs(other - page) <= NEAR}


def _similar(folded: str, texts_with: dict[str, set[str]]) -> list[str]:
    """Return the other texts that share half of the words and 85 % of the letters."""
    words = set(folded.split())
    shared: Counter[str] = Counter()
    for word in words:
        # A word of very many lines says nothing, and would make this quadratic.
        if len(texts_with.get(word, ())) <= 50:
            shared.update(texts_with.get(word, ()))
    similar = []
    for text, n in sorted(shared.items()):
        if text == folded or n < 0.4 * len(words):
            continue
        if difflib.SequenceMatcher(None, folded, text, autojunk=False).ratio() >= 0.85:
            similar.append(text)
    return similar


def _has_number_at_an_end(candidate: _Candidate, offsets: set[int]) -> bool:
    text = candidate.line.text.strip()
    ends = [m.group() for m in (re.match(r"\d{1,4}(?=\s)", text), re.search(r"(?<=\s)\d{1,4}$", text)) if m]
    is_small_or_apart = candidate.gap > 1.6 * candidate.line.size
    return is_small_or_apart and any(int(end) - candidate.page in offsets for end in ends)


def _same_style(members: list[_Candidate], running: set[tuple[int, int]]) -> set[tuple[int, int]]:
    known = [c for c in members if (c.page, c.place) in running]
    size = Counter(round(c.line.size, 1) for c in known).most_common(1)[0][0]
    gaps = sorted(c.gap for c in known)
    usual = gaps[len(gaps) // 4]
    return {
        (c.page, c.place)
        for c in members
        if abs(c.line.size - size) < 0.3
        and c.gap >= 0.8 * usual
        and c.gap > 1.6 * size
        and len(c.folded) <= 90
    }


def _is_outer(candidate: _Candidate, pages: Sequence[PageText]) -> bool:
    ys = [line.y for line in pages[candidate.page].lines if line.kind == ""]
    return candidate.line.y in (min(ys), max(ys)) and candidate.gap > 1.6 * candidate.line.size


def _only_outermost(found: set[tuple[int, int]], candidates: list[_Candidate]) -> set[tuple[int, int]]:
    """Drop a find that has ordinary text between it and the edge of the page."""
    kept = set()
    ends: dict[tuple[int, bool], list[_Candidate]] = defaultdict(list)
    for candidate in candidates:
        ends[candidate.page, candidate.is_top].append(candidate)
    for members in ends.values():
        for candidate in members:
            if (candidate.page, candidate.place) not in found:
                level = candidate.line.y
                # Lines of one height are one header in two pieces.
                if not any(
                    abs(other.line.y - level) < 2.0 and (other.page, other.place) in found
                    for other in members
                ):
                    break
            kept.add((candidate.page, candidate.place))
    return kept
