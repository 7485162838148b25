"""Composes varied Russian and Turkmen prose for the PDFs that the tests typeset."""

from __future__ import annotations

import random
from pathlib import Path

import yaml

PHRASES = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))


class Prose:
    """An endless supply of sentences in one language; the same seed gives the same text."""

    def __init__(self, lang: str, seed: int) -> None:
        self.lang = lang
        self.random = random.Random(f"{lang}-{seed}")
        self._parts = PHRASES[lang]

    def _pick(self, name: str) -> str:
        return self.random.choice(self._parts[name.lower()])

    def _clause(self) -> str:
        subject, verb, thing = self._pick("SUBJECTS"), self._pick("VERBS"), self._pick("OBJECTS")
        if self.lang == "ru":
            return f"{subject} {verb} {thing}"
        when = self._pick("ADVERBIALS") + " " if self.random.random() < 0.4 else ""
        return f"{subject} {when}{thing} {verb}"

    def sentence(self) -> str:
        """Return one sentence of one or two clauses."""
        if self.random.random() < 0.08:
            return self.forms()
        clause = self._clause()
        draw = self.random.random()
        if draw < 0.35:
            clause = f"{self._pick('OPENERS')} {clause}"
        elif draw < 0.6:
            clause = f"{self._pick('ADVERBIALS')} {clause}"
        if self.random.random() < 0.45:
            clause += f", {self._pick('LINKS')} {self._clause()}"
        if self.lang == "ru" and self.random.random() < 0.3:
            clause += f" {self._pick('ADVERBIALS')}"
        if self.random.random() < 0.15:
            number = self.random.randint(2, 980)
            clause += f" ({number} км)" if self.lang == "ru" else f" ({number} km)"
        return clause[0].upper() + clause[1:] + self.random.choice("......?!")

    def paragraph(self, sentences: int) -> str:
        """Return this many sentences."""
        return " ".join(self.sentence() for _ in range(sentences))

    def forms(self) -> str:
        """Return a sentence that lists rare forms of words, most of which a book has once."""
        chosen = []
        for _ in range(self.random.randint(3, 6)):
            if self.lang == "ru":
                stems, endings = self.random.choice(self._parts["stems"]).values()
                chosen.append(self.random.choice(stems.split()) + self.random.choice(endings.split()))
            else:
                stems, suffixes = self.random.choice(self._parts["stems"]).values()
                tail = "".join(self.random.choice(group.split("|")) for group in suffixes.split())
                chosen.append(self.random.choice(stems.split()) + tail)
        start = "Сравните формы слов:" if self.lang == "ru" else "Sözleri deňeşdiriň:"
        return f"{start} {', '.join(chosen)}."

    def words(self, n: int) -> str:
        """Return a phrase of about n words, for a table cell or a caption."""
        return " ".join(self._pick("OBJECTS").split()[:n])
