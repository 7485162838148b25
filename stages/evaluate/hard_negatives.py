"""Hard negatives: copies of a sentence with one fact changed, in the manner of xSIM++.

Chen et al. (2023, xSIM++, arXiv 2306.12907) corrupt the English side only, by numbers, entities and
causality. Here both sides of the pair are corrupted by rules and lists written for Russian, Turkmen and
Uzbek: numbers, named entities, negation, and words of direction or degree. A model that only knows what a
sentence is about cannot tell such a copy from the right translation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

# Copies of one kind made from one text at most, so that a long list of numbers does not flood the pool.
MAX_PER_KIND = 2

_LETTER = r"[^\W\d_]"
_WORD_START = r"(?<![\w$%{])"
_WORD_END = r"(?![\w}])"


@dataclass(frozen=True)
class Corruption:
    """One changed copy; ``kind`` is number, entity, negation or direction."""

    kind: str
    text: str


def corrupt(text: str, lang: str) -> tuple[Corruption, ...]:
    """Return the changed copies of a text, always the same ones in the same order; maybe none.

    Every copy differs from the text and from the other copies. Placeholders (``$1``, ``{0}``, ``%s``,
    ``%(n)s``) are never touched. Numbers change in every language; the other kinds need lists, which
    Russian, Turkmen and Uzbek have.
    """
    makers: list[tuple[str, Callable[[str], Iterator[str]]]] = [("number", _change_digits)]
    makers += _MAKERS.get(lang, [])
    found: list[Corruption] = []
    seen = {text}
    counts: dict[str, int] = {}
    for kind, make in makers:
        for changed in make(text):
            if changed in seen or counts.get(kind, 0) >= MAX_PER_KIND:
                continue
            seen.add(changed)
            counts[kind] = counts.get(kind, 0) + 1
            found.append(Corruption(kind, changed))
    return tuple(found)


def _splice(text: str, start: int, stop: int, new: str) -> str:
    return text[:start] + new + text[stop:]


def _like(model: str, word: str) -> str:
    """Give ``word`` the capitals of ``model``: all, the first, or none."""
    if len(model) > 1 and model.isupper():
        return word.upper()
    if model[:1].isupper():
        return word[:1].upper() + word[1:]
    return word


# --- numbers ------------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"(?<![\w$%{(\\#&./:-])\d+(?![\w}$])")


def _change_digits(text: str) -> Iterator[str]:
    """Change the last digit, so that length, grammar class and any leading zero stay."""
    for match in _NUMBER.finditer(text):
        number = match.group()
        # +3 within 2..9 never gives 0 or 1, after which Russian and English nouns take another form.
        last = 2 + (int(number[-1]) + 3 - 2) % 8
        yield _splice(text, match.start(), match.end(), number[:-1] + str(last))


# --- swaps of one word for another --------------------------------------------------------------------------


def _word_swapper(
    pairs: dict[str, str], both_ways: bool = True, phrases: str = r"(?!)"
) -> Callable[[str], Iterator[str]]:
    """Swap whole words; with ``both_ways`` each pair also works from right to left.

    ``phrases`` is a regular expression of set phrases whose words stay.
    """
    table = dict(pairs)
    if both_ways:
        for left, right in pairs.items():
            table.setdefault(right, left)
    # Longest first: "не только" must win over "не".
    words = sorted(table, key=lambda word: (-len(word), word))
    pattern = re.compile(_WORD_START + "(" + "|".join(map(re.escape, words)) + ")" + _WORD_END, re.IGNORECASE)

    fixed = re.compile(phrases, re.IGNORECASE)

    def swap(text: str) -> Iterator[str]:
        spans = [match.span() for match in fixed.finditer(text)]
        for match in pattern.finditer(text):
            # IGNORECASE takes İ and ı for i, lower() does not: such a word is Turkish, and stays.
            new = table.get(match.group().lower())
            if new is None or any(start <= match.start() < stop for start, stop in spans):
                continue
            yield _splice(text, match.start(), match.end(), _like(match.group(), new))

    return swap


# Russian "в" is "во" before в or ф and another consonant: в среду, во вторник, во Франции.
_VO = re.compile(r"\b([Вв])о? (?=\w+$)")
_TAKES_VO = re.compile(r"[вф][^аеёиоуыэюя]", re.IGNORECASE)


def _swap_name(text: str, start: int, stop: int, new: str) -> str:
    """Put ``new`` in place, with the right form of a "в" before it."""
    head, old = text[:start], text[start:stop]
    if bool(_TAKES_VO.match(old)) != bool(_TAKES_VO.match(new)):
        head = _VO.sub(r"\1о " if _TAKES_VO.match(new) else r"\1 ", head + "x")[:-1]
    return head + new + text[stop:]


def _stem_swapper(classes: list[tuple[str, str]], cased: bool) -> Callable[[str], Iterator[str]]:
    """Swap a stem for the next of its class and leave the ending.

    ``classes`` lists (stems, endings): the stems of one class take the same endings, so grammar survives.
    ``endings`` is a regular expression. ``cased`` asks for a capital first letter, as names have.
    """
    rules = []
    for stems_text, endings in classes:
        stems = stems_text.split()
        table = dict(zip(stems, stems[1:] + stems[:1], strict=True))
        ordered = sorted(stems, key=lambda stem: (-len(stem), stem))
        pattern = _WORD_START + "(" + "|".join(map(re.escape, ordered)) + f")({endings})" + _WORD_END
        rules.append((re.compile(pattern, re.IGNORECASE), {stem.lower(): new for stem, new in table.items()}))

    def swap(text: str) -> Iterator[str]:
        found = []
        for pattern, table in rules:
            for match in pattern.finditer(text):
                stem = match.group(1)
                new = table.get(stem.lower())  # None: written with İ or ı, as above
                if new is None or (cased and not stem[0].isupper()):
                    continue
                found.append((match.start(1), match.end(1), _like(stem, new)))
        for start, stop, new in sorted(found):
            yield _swap_name(text, start, stop, new)

    return swap


# Product and format names, the same in both languages; endings follow a hyphen or an apostrophe, or are none.
_PRODUCTS = [
    ("Windows Linux Android macOS iOS", r""),
    ("Google Яндекс Microsoft Apple Facebook Twitter", r""),
    ("Firefox Chrome Safari Opera", r""),
    ("PDF HTML XML JSON CSV", r""),
    ("JPEG PNG GIF SVG", r""),
    ("Python Java PHP JavaScript", r""),
    ("PostgreSQL MySQL SQLite Oracle", r""),
    ("UTC GMT", r""),
]

# --- Russian ------------------------------------------------------------------------------------------------

_HARD = r"|а|у|ом|е"  # masculine nouns on a hard consonant, nominative first
_SKIY = r"ий|ая|ое|ие|ого|ому|им|ом|ой|ую|их|ими"
_RU_ENTITIES = [
    (
        "Туркменистан Казахстан Узбекистан Таджикистан Кыргызстан Афганистан Пакистан Иран Ирак "
        "Азербайджан Вьетнам Египет",
        _HARD,
    ),
    ("Росси Турци Германи Франци Инди Итали Япони Испани Англи Грузи Армени Бельги Швеци", r"я|и|ю|ей"),
    ("Америк Африк", r"а|и|е|у|ой"),
    ("Европ Канад", r"а|ы|е|у|ой"),
    ("Ашхабад Ташкент Стамбул Берлин Лондон Пекин Мадрид Дашогуз Самарканд Туркменабат", _HARD),
    ("Москв Анкар", r"а|ы|е|у|ой"),
    ("январ сентябр октябр феврал ноябр декабр", r"ь|я|ю|ём|е"),
    ("апрел июн июл", r"ь|я|ю|ем|е"),
    ("март август", _HARD),
    ("понедельник вторник четверг", _HARD + r"|и|ов|ам|ами|ах"),
    ("сред суббот", r"а|ы|е|у|ой"),
    ("туркменск русск английск немецк французск турецк китайск японск испанск арабск", _SKIY),
    ("российск американск европейск африканск", _SKIY),
]
_RU_ENTITIES_LOWER = [
    ("туркмен узбек казах", r"|а|у|ом|е|ы|ов|ам|ами|ах"),
    ("север юг восток запад", _HARD),
    ("северн южн восточн западн", r"ый|ая|ое|ые|ого|ому|ым|ом|ой|ую|ых|ыми"),
]

_RU_NUMBER_WORDS = {
    "два": "три",
    "две": "три",
    "три": "два",  # not back to the feminine: "две" needs the noun's gender
    "четыре": "три",
    "двух": "трёх",
    "трёх": "двух",
    "трех": "двух",
    "четырёх": "двух",
    "пять": "шесть",
    "шесть": "семь",
    "семь": "восемь",
    "восемь": "девять",
    "девять": "десять",
    "десять": "пять",
    "двадцать": "тридцать",
    "тридцать": "пятьдесят",
    "сто": "двести",
    "тысяч": "миллионов",
    "миллионов": "тысяч",
    "первый": "второй",
    "второй": "третий",
    "третий": "первый",
    "первая": "вторая",
    "вторая": "третья",
    "первое": "второе",
    "второе": "третье",
    "первого": "второго",
    "второго": "первого",
    "первую": "вторую",
    "вторую": "первую",
    "дважды": "трижды",
    "трижды": "дважды",
}

_RU_DIRECTION = {
    "до": "после",
    "больше": "меньше",
    "более": "менее",
    "вверх": "вниз",
    "вверху": "внизу",
    "выше": "ниже",
    "слева": "справа",
    "влево": "вправо",
    "левый": "правый",
    "левая": "правая",
    "левого": "правого",
    "левом": "правом",
    "левую": "правую",
    "левой": "правой",
    "внутри": "снаружи",
    "раньше": "позже",
    "старше": "младше",
    "сегодня": "завтра",
    "вчера": "сегодня",
    "открыть": "закрыть",
    "откройте": "закройте",
    "открыт": "закрыт",
    "открыта": "закрыта",
    "открыто": "закрыто",
    "открыты": "закрыты",
    "включить": "отключить",
    "включите": "отключите",
    "включён": "отключён",
    "включен": "отключен",
    "включена": "отключена",
    "включено": "отключено",
    "добавить": "удалить",
    "добавьте": "удалите",
    "добавлен": "удалён",
    "добавлена": "удалена",
    "добавлено": "удалено",
    "добавлены": "удалены",
    "добавление": "удаление",
    "показать": "скрыть",
    "разрешить": "запретить",
    "разрешено": "запрещено",
    "развернуть": "свернуть",
    "увеличить": "уменьшить",
    "начать": "закончить",
    "начало": "конец",
    "начала": "конца",
    "максимум": "минимум",
    "максимальный": "минимальный",
    "максимальная": "минимальная",
    "максимальное": "минимальное",
    "первый": "последний",
    "первая": "последняя",
    "предыдущий": "следующий",
    "предыдущая": "следующая",
    "предыдущую": "следующую",
    "предыдущее": "следующее",
    "новый": "старый",
    "новая": "старая",
    "новое": "старое",
    "новые": "старые",
    "новых": "старых",
    "новую": "старую",
    "большой": "маленький",
    "большая": "маленькая",
    "большое": "маленькое",
    "высокий": "низкий",
    "высокая": "низкая",
    "высокое": "низкое",
    "длинный": "короткий",
    "быстро": "медленно",
    "мужчина": "женщина",
    "мужчины": "женщины",
    "мальчик": "девочка",
    "мужской": "женский",
    "мужское": "женское",
    "верхний": "нижний",
    "верхняя": "нижняя",
    "верхнее": "нижнее",
    "правильно": "неправильно",
    "правильный": "неправильный",
    "верный": "неверный",
    "все": "некоторые",
    "всех": "некоторых",
    "только": "не только",
    "обязательно": "необязательно",
    "обязательный": "необязательный",
    "обязательное": "необязательное",
    "обязательные": "необязательные",
}

_RU_PHRASES = (
    r"\bтем не менее\b|\bдо (?:тех|сих) пор\b|\bдо(?:хо[дж]\w+|шл[аои]|ш[её]л) до\b|"
    r"\bвс[её] (?:более|менее)\b|"
    r"\bне (?:более|менее|только)\b|\bболее того\b"
)

_RU_MODAL = {
    "можно": "нельзя",
    "возможно": "невозможно",
    "доступен": "недоступен",
    "доступна": "недоступна",
    "доступно": "недоступно",
    "доступны": "недоступны",
}
_RU_MODALS = _word_swapper(_RU_MODAL)

# Before these words "не" may be put as it is.
_RU_NEGATABLE = re.compile(
    _WORD_START + r"(?:может|могут|можете|можешь|могу|можем|должен|должна|должно|должны|имеет|имеют|имеете|"
    r"является|являются|был|была|было|были|будет|будут|будете|следует|требуется|требуются|"
    r"хочет|хотите|хотят|знает|знают|знаете|содержит|содержат|существует|существуют|"
    r"удалось|получилось|стоит|подходит|работает|обеспечивает|"
    r"(?:найден|сохран[её]н|удал[её]н|загружен|создан|измен[её]н|добавлен|отправлен|заверш[её]н|выбран|указан|"
    r"отключ[её]н|включ[её]н|разреш[её]н|запрещ[её]н|заблокирован|установлен|зарегистрирован|подтвержд[её]н|"
    r"выполнен|прочитан|обновл[её]н|использован|опубликован|нужен|готов|связан)[аоы]?|"
    rf"{_LETTER}{{2,}}(?:ается|яется|уется|аются|яются|уются|ится|ятся|ывает|ивает|ывают|ивают|яет|яют|ует|уют)|"
    r"[а-яё]{2,}ла(?:сь)|[а-яё]{2,}лись)" + _WORD_END,
    re.IGNORECASE,
)
# With these, "не" is part of a double negation or of a set phrase, and taking it away breaks the sentence.
_RU_DOUBLE = re.compile(
    r"\b(?:никто|никого|никому|ничто|ничего|никогда|нигде|никуда|никак\w*|ни\w{0,3}|не\s+только|нельзя|"
    r"не\s+менее|не\s+более|не\s+позднее|а\s+не|если\s+не|пока\s+не|чтобы\s+не)\b",
    re.IGNORECASE,
)
_RU_NE = re.compile(r"\bне\s+(?=\w)", re.IGNORECASE)


def _negate_ru(text: str) -> Iterator[str]:
    """Take a "не" away where there is one; else swap a modal word or put "не" before a verb."""
    match = _RU_NE.search(text)
    if match:
        if not _RU_DOUBLE.search(text):
            rest = text[match.end() :]
            if match.group()[0].isupper():
                rest = rest[:1].upper() + rest[1:]
            yield text[: match.start()] + rest
        return
    if _RU_DOUBLE.search(text) and not re.search(r"\bнельзя\b", text, re.IGNORECASE):
        return
    yield from _RU_MODALS(text)
    match = _RU_NEGATABLE.search(text)
    if match:
        word = match.group()
        if word[0].isupper() and not word.isupper():
            word = word[0].lower() + word[1:]
        yield _splice(text, match.start(), match.end(), _like(match.group(), "не") + " " + word)


# --- Turkmen ------------------------------------------------------------------------------------------------

_TK_ENDING = r"[a-zäňöüýşçž]{0,8}"
# The names of one class have the same vowel harmony and the same kind of last letter, hence the same endings.
_TK_ENTITIES = [
    ("Türkmenistan Gazagystan Özbegistan Täjigistan Gyrgyzystan Owganystan Päkistan Eýran", _TK_ENDING),
    ("Russiýa Germaniýa Fransiýa Italiýa Ýaponiýa Ispaniýa Angliýa Gruziýa", _TK_ENDING),
    ("Amerika Afrika", _TK_ENDING),
    ("Aşgabat Türkmenabat Balkanabat", _TK_ENDING),
    ("Moskwa Ankara", _TK_ENDING),
    ("Stambul London Daşoguz Mary", r"|da|dan"),
    ("Pekin Berlin Taşkent", r"|de|den"),
    ("ýanwar sentýabr oktýabr noýabr dekabr", _TK_ENDING),
    ("fewral iýul aprel", r""),
    ("mart awgust", _TK_ENDING),
    ("duşenbe sişenbe çarşenbe penşenbe ýekşenbe şenbe", r"|de|den|ni|niň|lik"),
    ("türkmen iňlis nemes özbek", r"|ler|leriň|çe|iň|leri"),
    ("rus fransuz gazak arap", r"|lar|laryň|ça|yň|lary"),
]
_TK_ENTITIES_LOWER = [
    ("demirgazyk günorta", r"|da|dan|y"),
    ("gündogar günbatar", r"|da|dan|y"),
]

_TK_NUMBER_WORDS = {
    "iki": "üç",
    "üç": "dört",
    "dört": "bäş",
    "bäş": "alty",
    "alty": "ýedi",
    "ýedi": "sekiz",
    "sekiz": "dokuz",
    "dokuz": "iki",
    "ýigrimi": "otuz",
    "otuz": "kyrk",
    "müň": "million",
    "million": "müň",
    "birinji": "ikinji",
    "ikinji": "üçünji",
    "üçünji": "birinji",
}

_TK_DIRECTION = {
    "soň": "öň",
    "soňky": "öňki",
    "indiki": "öňki",
    "köp": "az",
    "köpräk": "azrak",
    "uly": "kiçi",
    "ýokary": "aşak",
    "ýokarda": "aşakda",
    "ýokardaky": "aşakdaky",
    "çepe": "saga",
    "çepde": "sagda",
    "çep": "sag",
    "çepden": "sagdan",
    "içinde": "daşynda",
    "içerki": "daşarky",
    "täze": "köne",
    "ir": "giç",
    "açmak": "ýapmak",
    "aç": "ýap",
    "açyň": "ýapyň",
    "açyk": "ýapyk",
    "goşmak": "aýyrmak",
    "goş": "aýyr",
    "goşuň": "aýyryň",
    "goşuldy": "aýryldy",
    "görkez": "gizle",
    "görkezmek": "gizlemek",
    "işjeňleşdirmek": "öçürmek",
    "giriş": "çykyş",
    "girmek": "çykmak",
    "girdi": "çykdy",
    "artdyrmak": "azaltmak",
    "ulaltmak": "kiçeltmek",
    "başlamak": "gutarmak",
    "başlangyç": "ahyrky",
    "başy": "soňy",
    "birinji": "soňky",
    "erkek": "aýal",
    "oglan": "gyz",
    "uzyn": "gysga",
    "çalt": "haýal",
    "düýn": "ertir",
    "bugün": "düýn",
    "şu gün": "düýn",
    "iň köp": "iň az",
    "ähli": "käbir",
    "hemme": "käbir",
    "dogry": "nädogry",
    "hökmany": "hökmany däl",
}

_TK_MODALS = _word_swapper(
    {
        "bar": "ýok",
        "bardyr": "ýokdur",
        "barmy": "ýokmy",
        "bolar": "bolmaz",
        "bolup biler": "bolup bilmez",
        "biler": "bilmez",
        "bilerler": "bilmezler",
        "bilersiňiz": "bilmersiňiz",
        "bilerdi": "bilmezdi",
        "eder": "etmez",
        "ederler": "etmezler",
        "berer": "bermez",
        "alar": "almaz",
        "edilýär": "edilmeýär",
        "elýeterli": "elýeterli däl",
    }
)
_TK_DAL = re.compile(r"\s+däl(?:dir)?(?!-)" + _WORD_END)
_TK_DAL_TAKERS = re.compile(
    _WORD_START
    + rf"(?:mümkin|gerek|zerur|hökman|{_LETTER}{{3,}}(?:maly|meli))(dyr|dir)?(?!\s+däl)"
    + _WORD_END,
    re.IGNORECASE,
)
_TK_BACK, _TK_FRONT = "aouy", "eäiöü"
_TK_VOWEL = _TK_BACK + _TK_FRONT
_TK_PERSON = r"(?:dy|di)?(?:lar|ler|m|ň|k|ňyz|ňiz|s(?:y|i)ň(?:y|i)z|myn|min)?"
# Negative verbs: -ma-/-me- before the tense; taking it away gives the affirmative.
_TK_NEGATIVE = re.compile(
    _WORD_START + rf"({_LETTER}{{2,}})(ma|me)(ýar|ýär|dy|di)({_TK_PERSON})" + _WORD_END, re.IGNORECASE
)
_TK_POSITIVE = re.compile(
    _WORD_START + rf"({_LETTER}{{2,}}?)(ýar|ýär|dy|di)({_TK_PERSON})" + _WORD_END, re.IGNORECASE
)
_TK_IMPERATIVE = re.compile(_WORD_START + rf"({_LETTER}{{2,}})([aäyiuü])ň([.!…:)]*)$", re.IGNORECASE)
# Words that only look like verbs of the third person past.
_TK_NOT_VERBS = {"indi", "şindi", "hindi", "kredi", "haýdi", "medi", "endi", "edi"}


def _harmony(stem: str) -> str | None:
    """Return ``a`` or ``e``-type harmony by the last vowel of a stem; None without a vowel."""
    for letter in reversed(stem.lower()):
        if letter in _TK_BACK:
            return "back"
        if letter in _TK_FRONT:
            return "front"
    return None


def _negate_tk(text: str) -> Iterator[str]:
    """Take a negation away where there is one; else negate a modal word, "-maly/-meli" or the last verb."""
    if re.search(_WORD_START + r"(?:hiç|hiçbir|hiçhaçan)" + _WORD_END, text, re.IGNORECASE):
        return  # "hiç" asks for the negation
    match = _TK_DAL.search(text)
    if match and match.start() > 0:
        yield _splice(text, match.start(), match.end(), "")
        return
    match = _last(_TK_NEGATIVE, text)
    if match and _harmony(match.group(1)):
        yield _splice(text, match.start(2), match.end(2), "")
        return
    yield from _TK_MODALS(text)
    match = _TK_DAL_TAKERS.search(text)
    if match:
        suffix = match.group(1)
        if suffix:
            yield _splice(text, match.start(1), match.end(1), " däldir")
        else:
            yield _splice(text, match.end(), match.end(), " däl")
    match = _last(_TK_POSITIVE, text)
    if match and match.group().lower() not in _TK_NOT_VERBS:
        stem, harmony = match.group(1), _harmony(match.group(1))
        ending = match.group(2).lower()
        # "-ýar" and "-ýär" follow harmony as "-dy" and "-di" do: a word that does not is no verb form.
        fits = harmony == ("back" if ending in ("ýar", "dy") else "front")
        is_long = sum(letter in _TK_VOWEL for letter in stem.lower()) >= (1 if ending[0] == "ý" else 2)
        # "oýnapdy" is negated as "oýnamandy"; that form is left alone.
        fits = fits and not re.search(rf"{_LETTER}{{2}}[aäyiuüe]p$", stem)
        if fits and (is_long or stem[-1].lower() not in _TK_VOWEL):
            # "edýär" -> "etmeýär": a stem's final d hardens before m.
            stem = stem[:-1] + "t" if stem.lower() in ("ed", "gid") and ending[0] == "ý" else stem
            negation = "ma" if harmony == "back" else "me"
            yield _splice(text, match.start(1), match.end(1), stem + negation)
    match = _TK_IMPERATIVE.search(text)
    if match:
        # "saýlaň" -> "saýlamaň", "işläň" -> "işlemäň", "giriziň" -> "girizmäň"; "-nyň" is a genitive.
        stem = match.group(1) + {"a": "a", "ä": "e"}.get(match.group(2).lower(), "")
        harmony = _harmony(stem)
        if harmony and not stem.lower().endswith(("m", "n")):
            ending = "maň" if harmony == "back" else "mäň"
            yield _splice(text, match.start(), match.end(), stem + ending + match.group(3))


# --- Uzbek --------------------------------------------------------------------------------------------------
# oʻ and gʻ are as the clean stage writes them.

_UZ_ENDING = r"[a-zʻ]{0,8}"
_UZ_ENTITIES = [
    ("Turkmaniston Qozogʻiston Oʻzbekiston Tojikiston Qirgʻiziston Afgʻoniston Pokiston", _UZ_ENDING),
    ("Rossiya Germaniya Fransiya Italiya Yaponiya Ispaniya Angliya Gruziya Turkiya", _UZ_ENDING),
    ("Amerika Afrika Yevropa", _UZ_ENDING),
    ("Toshkent Samarqand Buxoro Andijon Namangan", _UZ_ENDING),
    ("Moskva Anqara London Berlin Pekin", _UZ_ENDING),
]
_UZ_ENTITIES_LOWER = [
    ("yanvar fevral mart aprel may iyun iyul avgust sentabr oktabr noyabr dekabr", r"|da|dan|ning|gacha"),
    ("dushanba seshanba chorshanba payshanba yakshanba shanba", r"|da|dan|ning|gacha"),
    ("turkman oʻzbek rus ingliz nemis fransuz turk xitoy yapon ispan arab", r"|cha|lar|larning|lari"),
    ("shimol janub sharq gʻarb", r"|da|dan|ga|i|iy"),
]

_UZ_NUMBER_WORDS = {
    "ikki": "uch",
    "uch": "toʻrt",
    "toʻrt": "besh",
    "besh": "olti",
    "olti": "yetti",
    "yetti": "sakkiz",
    "sakkiz": "toʻqqiz",
    "toʻqqiz": "ikki",
    "yigirma": "oʻttiz",
    "oʻttiz": "qirq",
    "ming": "million",
    "million": "ming",
    "birinchi": "ikkinchi",
    "ikkinchi": "uchinchi",
    "uchinchi": "birinchi",
}

_UZ_DIRECTION = {
    "oldin": "keyin",
    "oldingi": "keyingi",
    "koʻp": "oz",
    "koʻproq": "kamroq",
    "katta": "kichik",
    "yuqoriga": "pastga",
    "yuqorida": "pastda",
    "yuqori": "past",
    "chapga": "oʻngga",
    "chap": "oʻng",
    "chapdan": "oʻngdan",
    "ichida": "tashqarida",
    "yangi": "eski",
    "ochish": "yopish",
    "oching": "yoping",
    "ochiq": "yopiq",
    "qoʻshish": "oʻchirish",
    "yoqish": "oʻchirish",
    "koʻrsatish": "yashirish",
    "kirish": "chiqish",
    "boshlash": "tugatish",
    "birinchi": "oxirgi",
    "maksimal": "minimal",
    "erkak": "ayol",
    "oʻgʻil": "qiz",
    "uzun": "qisqa",
    "tez": "sekin",
    "kecha": "bugun",
    "bugun": "ertaga",
    "barcha": "ayrim",
    "toʻgʻri": "notoʻgʻri",
}

_UZ_MODALS = _word_swapper(
    {
        "bor": "yoʻq",
        "bordir": "yoʻqdir",
        "boʻladi": "boʻlmaydi",
        "boʻlishi mumkin": "boʻlishi mumkin emas",
        "mumkin": "mumkin emas",
        "kerak": "kerak emas",
        "shart": "shart emas",
        "mavjud": "mavjud emas",
    },
    both_ways=False,
)
_UZ_EMAS = re.compile(r"\s+emas(?:dir)?" + _WORD_END)
_UZ_NEGATIVE = re.compile(
    _WORD_START + rf"({_LETTER}{{2,}})(may|ma)(di|gan)(lar|m|ng|k|man|siz|miz)?" + _WORD_END, re.IGNORECASE
)
_UZ_POSITIVE = re.compile(
    _WORD_START + rf"({_LETTER}{{3,}}?)(adi|ydi|di|gan)(lar|m|ng|k|man|siz|miz)?" + _WORD_END, re.IGNORECASE
)
_UZ_IMPERATIVE = re.compile(_WORD_START + rf"({_LETTER}{{2,}})(ing|ang)([.!…:)]*)$", re.IGNORECASE)
_UZ_VOWELS = "aeiouʻ"
# Words that only look like verbs.
_UZ_NOT_VERBS = {"endi", "edi", "qaysidi", "oʻzgan", "kredi"}


def _negate_uz(text: str) -> Iterator[str]:
    """Take a negation away where there is one; else negate a modal word, the last verb or a request."""
    if re.search(_WORD_START + r"(?:hech|hechqachon)" + _WORD_END, text, re.IGNORECASE):
        return  # "hech" asks for the negation
    match = _UZ_EMAS.search(text)
    if match and match.start() > 0:
        yield _splice(text, match.start(), match.end(), "")
        return
    match = _last(_UZ_NEGATIVE, text)
    if match:
        # "kelmaydi" -> "keladi", "ishlamaydi" -> "ishlaydi", "kelmadi" -> "keldi"
        stem, ends_in_vowel = match.group(1), match.group(1)[-1].lower() in _UZ_VOWELS
        between = "" if match.group(2).lower() == "ma" else "y" if ends_in_vowel else "a"
        yield _splice(text, match.start(1), match.end(2), stem + between)
        return
    yield from _UZ_MODALS(text)
    match = _last(_UZ_POSITIVE, text)
    if match and match.group().lower() not in _UZ_NOT_VERBS:
        stem, ending = match.group(1), match.group(2).lower()
        ends_in_vowel = stem[-1].lower() in _UZ_VOWELS
        # The present is -adi after a consonant and -ydi after a vowel; anything else is no such form.
        if ending == "gan" or ends_in_vowel == (ending == "ydi") or (ending == "di" and ends_in_vowel):
            new = "maydi" if ending in ("adi", "ydi") else "ma" + ending
            yield _splice(text, match.start(1), match.end(2), stem + new)
    match = _UZ_IMPERATIVE.search(text)
    if match and not match.group(1).lower().endswith("n"):  # "-ning" is a genitive
        stem, ending = match.group(1), match.group(2).lower()
        if ending == "ang" and stem[-1].lower() == "m":  # "kiritmang" -> "kiriting", "saqlamang" -> "saqlang"
            new = stem[:-1] + ("ng" if stem[-2].lower() in _UZ_VOWELS else "ing")
        else:
            new = stem + ("amang" if ending == "ang" else "mang")
        yield _splice(text, match.start(), match.end(), new + match.group(3))


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """Return the last match: the main verb of a Turkic sentence stands at its end."""
    match = None
    for match in pattern.finditer(text):  # noqa: B007 - the last one is wanted
        pass
    return match


_MAKERS: dict[str, list[tuple[str, Callable[[str], Iterator[str]]]]] = {
    "ru": [
        ("number", _word_swapper(_RU_NUMBER_WORDS, both_ways=False)),
        ("entity", _stem_swapper(_RU_ENTITIES[:6], cased=True)),
        ("entity", _stem_swapper(_RU_ENTITIES[6:] + _RU_ENTITIES_LOWER, cased=False)),
        ("entity", _stem_swapper(_PRODUCTS, cased=True)),
        ("negation", _negate_ru),
        ("direction", _word_swapper(_RU_DIRECTION, phrases=_RU_PHRASES)),
    ],
    "tk": [
        ("number", _word_swapper(_TK_NUMBER_WORDS, both_ways=False)),
        ("entity", _stem_swapper(_TK_ENTITIES[:7], cased=True)),
        ("entity", _stem_swapper(_TK_ENTITIES[7:] + _TK_ENTITIES_LOWER, cased=False)),
        ("entity", _stem_swapper(_PRODUCTS, cased=True)),
        ("negation", _negate_tk),
        ("direction", _word_swapper(_TK_DIRECTION)),
    ],
    "uz": [
        ("number", _word_swapper(_UZ_NUMBER_WORDS, both_ways=False)),
        ("entity", _stem_swapper(_UZ_ENTITIES, cased=True)),
        ("entity", _stem_swapper(_UZ_ENTITIES_LOWER, cased=False)),
        ("entity", _stem_swapper(_PRODUCTS, cased=True)),
        ("negation", _negate_uz),
        ("direction", _word_swapper(_UZ_DIRECTION)),
    ],
}
