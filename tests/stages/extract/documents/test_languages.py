from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from stages.extract.documents.languages import decide_language, split_name
from tests.crawler.prose import story


@pytest.mark.parametrize("lang", ["ru", "tk"])
def test_the_language_of_articles_is_decided_from_their_text(lang: str) -> None:
    for seed in range(40):
        text = "\n".join(story(seed, 5, 3, 2024).paragraphs[lang])
        decision = decide_language(text)
        assert decision.lang == lang
        assert decision.evidence > 2


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("Yeni kütüphane açıldı ve çok okuyucu geliyor, çünkü orada güzel kitaplar var.", "tr"),
        ("Yangi kutubxona ochildi va unga juda koʻp oʻquvchi kelmoqda, chunki kitoblar yaxshi.", "uz"),
        ("Жаңа кітапхана ашылды және оған көп оқырман келеді, өйткені онда жақсы кітаптар бар.", "kk"),
        (
            "Китобхонаи нав кушода шуд ва ба он хонандагони зиёд меоянд, зеро дар он ҷо китобҳои хуб ҳаст.",
            "tg",
        ),
        ("The new library has opened, and many readers come to it because there are good books.", "en"),
        ("12 34 56 78", None),
        ("Salam", None),
    ],
)
def test_the_siblings_are_told_apart(text: str, lang: str | None) -> None:
    assert decide_language(text).lang == lang


@pytest.mark.parametrize(
    ("text", "lang", "is_cyrillic"),
    [
        ("Янги кутубхона очилди ва унга кўп ўқувчилар келмоқда, чунки у ерда яхши китоблар бор.", "uz", True),
        (
            "Бу китап мекдеп окувчылары үчин язылды ве онда көп гызыклы эсерлер бар, шол дүнйә хем.",
            "tk",
            True,
        ),
        (
            "Новая библиотека открылась, и в неё приходит много читателей, потому что книги хорошие.",
            "ru",
            False,
        ),
    ],
)
def test_old_spelling_is_told_from_russian(text: str, lang: str, is_cyrillic: bool) -> None:
    decision = decide_language(text)
    assert (decision.lang, decision.is_cyrillic) == (lang, is_cyrillic)


@pytest.mark.parametrize(
    ("name", "stem", "lang"),
    [
        ("kitap.ru.txt", "kitap", "ru"),
        ("kitap_tk.pdf", "kitap", "tk"),
        ("kitap-TM.docx", "kitap", "tk"),
        ("ru/kitap.html", "kitap", "ru"),
        ("kitaplar/tk/bir.html", "kitaplar/bir", "tk"),
        ("kitap.txt", "kitap", None),
        ("kitap.1.txt", "kitap.1", None),
        ("kitap_xx.txt", "kitap_xx", None),
        ("ru.txt", "ru", None),
    ],
)
def test_the_name_tells_the_language_and_what_versions_share(name: str, stem: str, lang: str | None) -> None:
    assert split_name(PurePosixPath(name), ("ru", "tk")) == (stem, lang)
