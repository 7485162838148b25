"""Russian and Turkmen news prose, composed from templates: the same facts, said in both languages."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

WORDS = YAML(typ="safe").load(Path(__file__).with_suffix(".yaml"))
# Counts that take the genitive plural in Russian, so that no template needs another form.
MANY = [n for n in range(5, 100) if n % 10 in (0, 5, 6, 7, 8, 9)]

TEMPLATES = WORDS["templates"]
MONTHS = WORDS["months"]


@dataclass(frozen=True)
class Story:
    """One piece of news: title and paragraphs in both languages; the n-th sentences say the same."""

    title: dict[str, str]
    paragraphs: dict[str, list[str]]


def ordinal(number: int) -> str:
    """Write a Turkmen ordinal; the suffix follows the last vowel of the number's name."""
    narrow = number % 10 in (6, 9) or number % 100 in (10, 30, 40, 60, 90)
    return f"{number}-{'njy' if narrow else 'nji'}"


def story(number: int, day: int, month: int, year: int) -> Story:
    """Compose the story of a number; the same number gives the same story."""
    random_ = random.Random(f"story {number}")
    order = list(range(1, len(TEMPLATES)))
    random_.shuffle(order)
    first = _fill(TEMPLATES[0], random_, day, month, year)
    paragraphs: dict[str, list[str]] = {"ru": [], "tk": []}
    chosen = [None, *order[: random_.randint(9, 14)]]
    while chosen:
        size = min(len(chosen), random_.randint(2, 4))
        sentences = [
            first if index is None else _fill(TEMPLATES[index], random_, day, month, year)
            for index in chosen[:size]
        ]
        del chosen[:size]
        paragraphs["ru"].append(" ".join(ru for ru, _ in sentences))
        paragraphs["tk"].append(" ".join(tk for _, tk in sentences))
    return Story({"ru": first[0].rstrip("."), "tk": first[1].rstrip(".")}, paragraphs)


def _fill(template: list[str], random_: random.Random, day: int, month: int, year: int) -> tuple[str, str]:
    later = random_.randrange(12)
    k = random_.choice([n for n in MANY if n <= 20])
    slots: dict[str, object] = {
        "day": day,
        "day_tk": ordinal(day),
        "month_gen": MONTHS["ru_gen"][month - 1],
        "month_loc": MONTHS["tk_loc"][month - 1],
        "year": year + 1,
        "year_tk": ordinal(year + 1),
        "next_ru": MONTHS["ru"][later],
        "next_gen": MONTHS["ru_gen"][later],
        "next_tk": MONTHS["tk"][later],
        "n": random_.choice(MANY),
        "k": k,
        "k_tk": ordinal(k),
        "a": random_.randint(2, 5),
        "b": random_.randint(0, 1),
        "phone": f"+993 12 {random_.randint(10, 99)}-{random_.randint(10, 99)}-{random_.randint(10, 99)}",
    }
    for name, values in WORDS["slots"].items():
        slots[f"{name}_ru"], slots[f"{name}_tk"] = random_.choice(values)
    ru, tk = template[0].format(**slots), template[1].format(**slots)
    return ru[0].upper() + ru[1:], tk[0].upper() + tk[1:]
