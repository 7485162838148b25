"""Reading order: words of a page to lines, columns by whitespace valleys, tables by rules and alignment."""

from __future__ import annotations

import bisect
import itertools
import operator
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from stages.extract.pdf.book import Line, Word

Box = tuple[float, float, float, float]
# A gutter is at least this wide, in body sizes, over all the lines that it separates.
MIN_GUTTER = 0.9
# A gap inside a line is a cell border from this many body sizes on.
CELL_GAP = 1.2
_RAISED = str.maketrans("0123456789()+-=n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾⁺⁻⁼ⁿ")


@dataclass(slots=True)
class _Row:
    y: float
    words: list[Word] = field(default_factory=list)


def lay_out(words: Sequence[Word], rules: Sequence[Box]) -> list[Line]:
    """Return the lines of a page in reading order.

    Horizontal runs of lines that share a whitespace valley are columns, read one after the other;
    what crosses the valley spans the columns and is read between the runs.
    """
    if not words:
        return []
    body = _body_size(words)
    words = _settle_small_words(words, body)
    tables, words = _ruled_tables(words, rules)
    rows = _rows(words, body)
    frames: list[list[Line]] = []
    for frame in _split_columns(rows, body, depth=0):
        frames.append(_lines(frame, body))
    _insert_tables(frames, tables)
    lines = []
    for number, frame in enumerate(frames):
        lines += [line._replace(region=number) for line in frame]
    return lines


def lay_out_turned(words: Sequence[Word]) -> list[Line]:
    """Return text that is not horizontal, in drawing order, as one line of kind "turned"."""
    if not words:
        return []
    return [
        Line(
            " ".join(word.text for word in words),
            0.0,
            1.0,
            0.0,
            words[0].size,
            False,
            999,
            "turned",
            _spans([words]),
        )
    ]


def _body_size(words: Sequence[Word]) -> float:
    weights: dict[float, int] = {}
    for word in words:
        size = round(word.size * 4) / 4
        weights[size] = weights.get(size, 0) + len(word.text)
    return max(weights, key=lambda size: (weights[size], size)) or 1.0


def _settle_small_words(words: Sequence[Word], body: float) -> list[Word]:
    """Bring raised and lowered marks to the baseline of the word they belong to.

    Raised digits become Unicode superscripts: the mark of a note stays tellable from a number.
    """
    big = sorted((word for word in words if word.size >= 0.62 * body), key=lambda word: word.y)
    small = [word for word in words if word.size < 0.85 * body and len(word.text) <= 4]
    if not small or not big:
        return list(words)
    baselines = [word.y for word in big]
    moved: dict[int, Word] = {}
    hosts: dict[int, list[Word]] = {}
    for mark in small:
        low = bisect.bisect_left(baselines, mark.y - 0.5 * body)
        high = bisect.bisect_right(baselines, mark.y + 0.8 * body)
        best, best_gap = None, 0.3 * body
        for host in big[low:high]:
            if host is mark or mark.size > 0.8 * host.size or abs(host.y - mark.y) < 0.08 * host.size:
                continue
            # A mark belongs to the word before it; only the one at the head of a note has none, and
            # stands further off from the word after it.
            gap = mark.x0 - host.x1 if mark.x0 >= host.x0 else 0.15 * body + 0.3 * abs(host.x0 - mark.x1)
            if -0.5 * host.size < gap < best_gap:
                best, best_gap = host, gap
        if best is None:
            continue
        text = mark.text.translate(_RAISED) if best.y > mark.y else mark.text
        mark_now = mark._replace(text=text, spans=())
        if mark.x0 >= best.x0:
            hosts.setdefault(id(best), []).append(mark_now)
            moved[id(mark)] = mark._replace(text="")
        else:
            moved[id(mark)] = mark_now._replace(y=best.y, size=best.size)
    settled = []
    for word in words:
        word_now = moved.get(id(word), word)
        if marks := hosts.get(id(word)):
            text = "".join(part.text for part in (word_now, *marks))
            spans = tuple(
                span for part in (word_now, *marks) for span in part.spans or ((part.font, part.text),)
            )
            word_now = word_now._replace(text=text, spans=spans)
        if word_now.text:
            settled.append(word_now)
    return settled


def _rows(words: Sequence[Word], body: float) -> list[_Row]:
    rows: list[_Row] = []
    for word in sorted(words, key=lambda word: (word.y, word.x0)):
        if rows and word.y - rows[-1].y <= 0.3 * min(word.size, body):
            rows[-1].words.append(word)
        else:
            rows.append(_Row(word.y, [word]))
    for row in rows:
        row.words.sort(key=lambda word: word.x0)
    return rows


# Tables with rules.


def _ruled_tables(words: Sequence[Word], rules: Sequence[Box]) -> tuple[list[list[Line]], list[Word]]:
    """Take the words inside grids of rules out, as rows of cells."""
    across = sorted(
        {(round(y0, 1), round(x0, 1), round(x1, 1)) for x0, y0, x1, y1 in rules if x1 - x0 > 20 > y1 - y0}
    )
    down = sorted(
        {(round(x0, 1), round(y0, 1), round(y1, 1)) for x0, y0, x1, y1 in rules if y1 - y0 > 6 > x1 - x0}
    )
    if len(across) < 2 or len(down) < 2:
        return [], list(words)
    tables: list[list[Line]] = []
    left_over = list(words)
    for x0, y0, x1, y1 in _grids(across, down):
        ys = _merge([y for y, a, b in across if y0 - 2 <= y <= y1 + 2 and a < x1 and b > x0])
        xs = _merge([x for x, a, b in down if x0 - 2 <= x <= x1 + 2 and a < y1 and b > y0])
        # A frame around a piece of text is no table.
        if len(xs) < 3 or len(ys) < 2:
            continue
        cells: dict[tuple[int, int], list[Word]] = {}
        rest = []
        for word in left_over:
            middle, height = (word.x0 + word.x1) / 2, word.y - 0.3 * word.size
            if xs[0] < middle < xs[-1] and ys[0] < height < ys[-1]:
                place = (bisect.bisect(ys, height) - 1, bisect.bisect(xs, middle) - 1)
                cells.setdefault(place, []).append(word)
            else:
                rest.append(word)
        if not cells:
            continue
        left_over = rest
        lines = []
        for i in range(len(ys) - 1):
            row = [cells.get((i, j), []) for j in range(len(xs) - 1)]
            if not any(row):
                continue
            ordered = [[word for part in _rows(cell, 100.0) for word in part.words] for cell in row]
            first = next(word for cell in row for word in cell)
            spans = _spans(ordered)
            lines.append(Line(_joined(spans), xs[0], xs[-1], first.y, first.size, False, 0, "table", spans))
        tables.append(lines)
    return tables, left_over


def _merge(values: list[float]) -> list[float]:
    merged: list[float] = []
    for value in sorted(values):
        if not merged or value - merged[-1] > 3.0:
            merged.append(value)
    return merged


def _grids(across: list[tuple[float, float, float]], down: list[tuple[float, float, float]]) -> list[Box]:
    """Return the boxes of rules that touch each other."""
    boxes = [(x0, y, x1, y) for y, x0, x1 in across] + [(x, y0, x, y1) for x, y0, y1 in down]
    if len(boxes) > 1500:
        return []
    groups: list[list[Box]] = []
    for box in boxes:
        touching = [
            group
            for group in groups
            if any(
                box[0] <= other[2] + 3
                and other[0] <= box[2] + 3
                and box[1] <= other[3] + 3
                and other[1] <= box[3] + 3
                for other in group
            )
        ]
        joined = [box]
        for group in touching:
            joined += group
            groups.remove(group)
        groups.append(joined)
    found = []
    for group in groups:
        if (
            sum(1 for box in group if box[1] == box[3]) >= 2
            and sum(1 for box in group if box[0] == box[2]) >= 2
        ):
            xs = [x for box in group for x in (box[0], box[2])]
            ys = [y for box in group for y in (box[1], box[3])]
            found.append((min(xs), min(ys), max(xs), max(ys)))
    return sorted(found, key=lambda box: (box[1], box[0]))


def _insert_tables(frames: list[list[Line]], tables: list[list[Line]]) -> None:
    """Put each ruled table into the frame whose lines surround it."""
    for table in tables:
        if not table:
            continue
        x0, x1, y = table[0].x0, table[0].x1, table[0].y
        best, distance = None, float("inf")
        for frame in frames:
            for i, line in enumerate(frame):
                if line.x0 < x1 and line.x1 > x0 and 0 <= line.y - y < distance:
                    best, distance = (frame, i), line.y - y
            for i, line in enumerate(frame):
                if line.x0 < x1 and line.x1 > x0 and 0 < y - line.y < distance:
                    best, distance = (frame, i + 1), y - line.y
        if best is None:
            frames.append(table)
        else:
            frame, place = best
            frame[place:place] = table


# Columns.


def _split_columns(rows: list[_Row], body: float, depth: int) -> list[list[_Row]]:
    if len(rows) < 8 or depth > 2:
        return [rows] if rows else []
    for x in _valleys(rows, body):
        runs = _runs(rows, x, body)
        if not runs:
            continue
        frames: list[list[_Row]] = []
        done = 0
        for start, stop in runs:
            if start > done:
                frames += _split_columns(rows[done:start], body, depth + 1)
            for is_left in (True, False):
                side = []
                for row in rows[start:stop]:
                    kept = [word for word in row.words if (word.x1 <= x + 1.0) is is_left]
                    if kept:
                        side.append(_Row(row.y, kept))
                frames += _split_columns(side, body, depth + 1)
            done = stop
        if done < len(rows):
            frames += _split_columns(rows[done:], body, depth + 1)
        return frames
    return [rows]


def _valleys(rows: list[_Row], body: float) -> list[float]:
    """Return places (x) where fewest rows have ink, best first."""
    x0 = min(row.words[0].x0 for row in rows)
    x1 = max(word.x1 for row in rows for word in row.words[-1:])
    n = int(x1 - x0) + 2
    change = [0] * (n + 1)
    limit = MIN_GUTTER * body
    # Ink is widened by half a gutter, so that what is left blank is wide enough for one.
    half = limit / 2

    def add(start: float, end: float) -> None:
        change[max(int(start - half - x0) + 1, 0)] += 1
        change[min(max(int(end + half - x0), 0), n)] -= 1

    for row in rows:
        start, end = row.words[0].x0, row.words[0].x1
        for word in row.words[1:]:
            if word.x0 - end >= limit:
                add(start, end)
                start = word.x0
            end = max(end, word.x1)
        add(start, end)
    ink, level = [], 0
    for step in change[:n]:
        level += step
        ink.append(level)
    candidates: list[tuple[int, float]] = []
    low, high = int(0.15 * n), int(0.85 * n)
    i = low
    while i < high:
        j = i
        while j < high and ink[j] == ink[i]:
            j += 1
        # Only a local minimum with clearly more ink on both sides can be a gutter.
        if max(ink[:i], default=0) >= ink[i] + 4 and max(ink[j:], default=0) >= ink[i] + 4:
            is_low = (i == 0 or ink[i - 1] > ink[i]) and (j >= n or ink[j] > ink[i])
            if is_low:
                candidates.append((ink[i], x0 + (i + j) / 2))
        i = j
    candidates.sort()
    return [x for _, x in candidates[:6]]


def _runs(rows: list[_Row], x: float, body: float) -> list[tuple[int, int]]:
    """Return the runs of rows, as (start, stop), that x separates into two columns of prose."""
    limit = MIN_GUTTER * body
    separated = []
    for row in rows:
        is_free = True
        left = right = None
        for word in row.words:
            if word.x1 <= x:
                left = word.x1
            elif word.x0 >= x:
                right = word.x0
                break
            else:
                is_free = False
                break
        if is_free and (
            (left is not None and x - left < 0.4 * limit) or (right is not None and right - x < 0.4 * limit)
        ):
            is_free = False
        separated.append(is_free)
    runs = []
    i = 0
    while i < len(rows):
        if not separated[i]:
            i += 1
            continue
        j = i
        while j < len(rows) and separated[j]:
            j += 1
        run = _trim(rows, i, j, x, body)
        if run:
            runs.append(run)
        i = j
    return runs


def _trim(rows: list[_Row], start: int, stop: int, x: float, body: float) -> tuple[int, int] | None:
    """Cut a run to the rows where both columns stand; None if it is not two columns of prose."""

    def has_right(row: _Row) -> bool:
        return row.words[-1].x1 > x

    def has_left(row: _Row) -> bool:
        return row.words[0].x1 <= x

    # Columns start level: what stands on one side only, above that, belongs to what spans the columns.
    first_right = next((i for i in range(start, stop) if has_right(rows[i])), None)
    first_left = next((i for i in range(start, stop) if has_left(rows[i])), None)
    if first_right is None or first_left is None:
        return None
    level = max(rows[first_right].y, rows[first_left].y) - 1.3 * body
    while start < stop and rows[start].y < level:
        start += 1
    left_ends, right_starts, left_words, right_words = [], [], [], []
    sides = cells = 0
    left_start, right_end = float("inf"), 0.0
    for row in rows[start:stop]:
        left = [word for word in row.words if word.x1 <= x]
        right = [word for word in row.words if word.x1 > x]
        if left:
            left_ends.append(left[-1].x1)
            left_words.append(len(left))
            left_start = min(left_start, left[0].x0)
        if right:
            right_starts.append(right[0].x0)
            right_words.append(len(right))
            right_end = max(right_end, right[-1].x1)
        for side in (left, right):
            if len(side) > 1:
                sides += 1
                gaps = sum(b.x0 - a.x1 >= CELL_GAP * body for a, b in itertools.pairwise(side))
                cells += gaps > 0 and len(side) < 2.5 * (gaps + 1)
    if cells > 0.4 * sides:
        return None
    if len(left_ends) < 4 or len(right_starts) < 3:
        return None
    gutter = min(right_starts) - max(left_ends)
    if gutter < MIN_GUTTER * body:
        return None
    # Prose has several words in a line and fills its column; cells of a table do not.
    if statistics.mean(left_words) < 2.2 or statistics.mean(right_words) < 2.2:
        return None
    left_width = max(left_ends) - left_start
    fill = statistics.median(end - left_start for end in left_ends) / max(left_width, 1.0)
    if fill < 0.6 or right_end - min(right_starts) < 6 * body or left_width < 6 * body:
        return None
    return start, stop


# Lines and tables without rules.


def _lines(rows: list[_Row], body: float) -> list[Line]:
    # The margin of most lines: a running header may stand out of the column.
    ends = sorted(row.words[-1].x1 for row in rows)
    right = ends[int(0.6 * len(ends))]
    gaps = [[] if _is_stretched(row, right, body) else _cell_gaps(row, body) for row in rows]
    lines: list[Line] = []
    i = 0
    while i < len(rows):
        j = _table_end(rows, gaps, i)
        if j - i >= 3:
            lines += [_table_line(row, gap) for row, gap in zip(rows[i:j], gaps[i:j], strict=True)]
            i = j
            continue
        lines.append(_line(rows[i]))
        i += 1
    return lines


def _is_stretched(row: _Row, right: float, body: float) -> bool:
    """Tell whether a row is a justified line with few words: its gaps are wide, but all alike."""
    gaps = [after.x0 - before.x1 for before, after in itertools.pairwise(row.words)]
    if not gaps or row.words[-1].x1 < right - 3.0 or row.words[-1].text.isdigit():
        return False
    return max(gaps) < 1.3 * min(gaps) + 1.0 and max(gaps) < 10 * body


def _cell_gaps(row: _Row, body: float) -> list[tuple[float, float]]:
    return [
        (before.x1, after.x0)
        for before, after in zip(row.words, row.words[1:], strict=False)
        if after.x0 - before.x1 >= CELL_GAP * body
    ]


def _table_end(rows: list[_Row], gaps: list[list[tuple[float, float]]], start: int) -> int:
    """Return where the run of rows with aligned cells that starts here ends."""
    if not gaps[start] or len(rows[start].words) > 5 * (len(gaps[start]) + 1):
        return start
    common = list(gaps[start])
    stop = start + 1
    while stop < len(rows):
        if not gaps[stop] or len(rows[stop].words) > 5 * (len(gaps[stop]) + 1):
            break
        if rows[stop].y - rows[stop - 1].y > 3.0 * rows[stop].words[0].size:
            break
        shared = [
            (max(a0, b0), min(a1, b1))
            for a0, a1 in common
            for b0, b1 in gaps[stop]
            if min(a1, b1) - max(a0, b0) > 0.5 * rows[stop].words[0].size
        ]
        if not shared:
            break
        common = shared
        stop += 1
    return stop


def _table_line(row: _Row, gaps: list[tuple[float, float]]) -> Line:
    starts = [after for _, after in gaps]
    cells: list[list[Word]] = [[]]
    for word in row.words:
        if len(cells) <= len(starts) and word.x0 >= starts[len(cells) - 1] - 0.01:
            cells.append([])
        cells[-1].append(word)
    spans = _spans(cells)
    return _line(row)._replace(text=_joined(spans), kind="table", spans=spans)


def _line(row: _Row) -> Line:
    words = row.words
    sizes: dict[float, int] = {}
    bold = total = 0
    for word in words:
        n = len(word.text)
        sizes[word.size] = sizes.get(word.size, 0) + n
        total += n
        bold += n if word.bold else 0
    size = max(sizes, key=lambda size: (sizes[size], size))
    return Line(
        " ".join(word.text for word in words),
        words[0].x0,
        words[-1].x1,
        row.y,
        size,
        bold > 0.8 * total,
        0,
        "",
        _spans([words]),
    )


def _spans(cells: Sequence[Sequence[Word]]) -> tuple[tuple[str, str], ...]:
    """Return the runs of one font in a row of cells, spaces between words and tabs between cells included."""
    pieces: list[tuple[str, str]] = []
    gap = ""
    for cell in cells:
        for word in cell:
            for font, text in word.spans or ((word.font, word.text),):
                pieces.append((font, gap + text))
                gap = ""
            gap = " "
        gap = gap.strip(" ") + "\t"
    pieces.append((pieces[-1][0], gap[:-1]))
    runs = itertools.groupby(pieces, key=operator.itemgetter(0))
    return tuple((font, "".join(text for _, text in run)) for font, run in runs)


def _joined(spans: Sequence[tuple[str, str]]) -> str:
    return "".join(text for _, text in spans)
