"""Words broken at line ends, with a vocabulary of a few lines."""

from __future__ import annotations

import pytest

from stages.extract.hyphens import Vocabulary


@pytest.fixture
def vocabulary() -> Vocabulary:
    vocabulary = Vocabulary()
    vocabulary.add_lines(
        [
            "социально-экономическое развитие страны и научно-",
            "технический журнал о книгах, о школе и о работе",
            "школа для детей, интернат для студентов, вагон и ресторан",
            "ylym-bilim işleri hem-de okuwçylaryň gatnaşygy",
            "каждый рабочий день он говорил по-русски",
        ]
    )
    return vocabulary


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        # The whole word is in the book.
        ("жур-", "нал", "журнал"),
        # Another form of it is.
        ("кни-", "гами.", "книгами."),
        ("gatna-", "şykdan", "gatnaşykdan"),
        # The compound is in the book, itself or in another form.
        ("ylym-", "bilim", "ylym-bilim"),
        ("социально-", "экономических", "социально-экономических"),
        ("hem-", "de", "hem-de"),
        # Both parts are words of the book, and no word starts like the two together.
        ("вагон-", "ресторан", "вагон-ресторан"),
        # Neither: a typesetter's hyphen.
        ("необык-", "новенный", "необыкновенный"),
        ("öwrenmek-", "lige", "öwrenmeklige"),
        # Particles, prefixes, doubled words.
        ("кто-", "нибудь", "кто-нибудь"),
        ("во-", "первых,", "во-первых,"),
        ("по-", "туркменски", "по-туркменски"),
        ("köp-", "köp", "köp-köp"),
        # Numbers and names keep theirs; headings in capitals do not.
        ("1995-", "nji", "1995-nji"),
        ("Санкт-", "Петербург", "Санкт-Петербург"),
        ("ГЕОГРА-", "ФИЯ", "ГЕОГРАФИЯ"),
        # A soft hyphen is never written.
        ("мате\xad", "матика", "математика"),
        # A dash is no hyphen of a word.
        ("5 -", "6", "5 - 6"),
    ],
)
def test_a_broken_word_is_joined_as_it_is_written(
    vocabulary: Vocabulary, first: str, second: str, joined: str
) -> None:
    assert vocabulary.join(first, second) == joined


def test_broken_words_do_not_enter_the_vocabulary(vocabulary: Vocabulary) -> None:
    assert vocabulary.count("научно") == 0
    assert vocabulary.count("технический") == 0
    assert vocabulary.count("журнал") == 1
