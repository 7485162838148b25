"""Russian and Turkmen news prose, composed from templates: the same facts, said in both languages."""

from __future__ import annotations

import random
from dataclasses import dataclass

# Slots that are inflected in Russian or in Turkmen carry the form that their templates need.
CITIES = [
    ("в Ашхабаде", "Aşgabatda"),
    ("в Мары", "Maryda"),
    ("в Туркменабате", "Türkmenabatda"),
    ("в Дашогузе", "Daşoguzda"),
    ("в Балканабаде", "Balkanabatda"),
    ("в Туркменбаши", "Türkmenbaşyda"),
    ("в Теджене", "Tejende"),
    ("в Сердаре", "Serdarda"),
    ("в Аркадаге", "Arkadagda"),
    ("в Гумдаге", "Gumdagda"),
]
EVENTS = [
    ("международная выставка", "halkara sergi"),
    ("научная конференция", "ylmy maslahat"),
    ("книжная ярмарка", "kitap ýarmarkasy"),
    ("фестиваль искусств", "sungat festiwaly"),
    ("спортивный турнир", "sport ýaryşy"),
    ("музыкальный конкурс", "saz bäsleşigi"),
    ("встреча выпускников", "uçurymlaryň duşuşygy"),
    ("форум предпринимателей", "telekeçileriň forumy"),
    ("показ новых фильмов", "täze filmleriň görkezilişi"),
    ("день открытых дверей", "açyk gapylar güni"),
    ("семинар для учителей", "mugallymlar üçin okuw maslahaty"),
    ("концерт народной музыки", "halk sazlarynyň konserti"),
]
PRESS = [
    ("пресс-служба министерства", "ministrligiň metbugat gullugy"),
    ("государственное информационное агентство", "döwlet habarlar agentligi"),
    ("оргкомитет форума", "forumyň guramaçylyk komiteti"),
    ("городская газета", "şäher gazeti"),
    ("торгово-промышленная палата", "Söwda-senagat edarasy"),
]
SECTORS = [
    ("промышленности", "senagatyň"),
    ("сельского хозяйства", "oba hojalygynyň"),
    ("транспорта", "ulagyň"),
    ("строительства", "gurluşygyň"),
    ("туризма", "syýahatçylygyň"),
    ("связи", "aragatnaşygyň"),
]
TOPICS = [
    ("историей", "taryh"),
    ("наукой", "ylym"),
    ("музыкой", "saz"),
    ("спортом", "sport"),
    ("литературой", "edebiýat"),
    ("техникой", "tehnika"),
]
GOODS = [
    ("хлеб", "Çöregiň"),
    ("молоко", "Süýdüň"),
    ("рис", "Tüwiniň"),
    ("овощи", "Gök önümleriň"),
    ("фрукты", "Miweleriň"),
]
PLACES = [
    ("музеем ковра", "haly muzeýi"),
    ("древней крепостью", "gadymy gala"),
    ("ботаническим садом", "botanika bagy"),
    ("национальной библиотекой", "milli kitaphana"),
    ("природным заповедником", "tebigy goraghana"),
]
CROPS = [
    ("пшеницы", "bugdaýyň"),
    ("хлопка", "pagtanyň"),
    ("риса", "şalynyň"),
    ("винограда", "üzümiň"),
    ("дынь", "gawunyň"),
]
MONTHS_RU_GEN = [
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
]
MONTHS_RU = [
    "январь",
    "февраль",
    "март",
    "апрель",
    "май",
    "июнь",
    "июль",
    "август",
    "сентябрь",
    "октябрь",
    "ноябрь",
    "декабрь",
]
MONTHS_TK = [
    "ýanwar",
    "fewral",
    "mart",
    "aprel",
    "maý",
    "iýun",
    "iýul",
    "awgust",
    "sentýabr",
    "oktýabr",
    "noýabr",
    "dekabr",
]
MONTHS_TK_LOC = [
    "ýanwarda",
    "fewralda",
    "martda",
    "aprelde",
    "maýda",
    "iýunda",
    "iýulda",
    "awgustda",
    "sentýabrda",
    "oktýabrda",
    "noýabrda",
    "dekabrda",
]

# Counts that take the genitive plural in Russian, so that no template needs another form.
MANY = [n for n in range(5, 100) if n % 10 in (0, 5, 6, 7, 8, 9)]

TEMPLATES = [
    (
        "{day} {month_gen} {city_ru} состоится {event_ru}.",
        "{day_tk} {month_loc} {city_tk} {event_tk} geçiriler.",
    ),
    ("Об этом сообщает {press_ru}.", "Bu barada {press_tk} habar berýär."),
    (
        "В мероприятии примут участие {n} специалистов из {k} стран.",
        "Çärä {k} ýurtdan {n} hünärmen gatnaşar.",
    ),
    (
        "Доля {sector_ru} в экономике региона за год выросла на {k} процентов.",
        "Sebitiň ykdysadyýetinde {sector_tk} paýy bir ýylda {k} göterim artdy.",
    ),
    (
        "Строители завершили работы на участке дороги длиной {n} километров.",
        "Gurluşykçylar uzynlygy {n} kilometr bolan ýol böleginde işleri tamamladylar.",
    ),
    ("Новая школа рассчитана на {n}0 учеников.", "Täze mekdep {n}0 okuwça niýetlenendir."),
    (
        "По словам директора музея, коллекция пополнилась {n} экспонатами.",
        "Muzeýiň müdiriniň aýtmagyna görä, kolleksiýanyň üsti {n} eksponat bilen ýetirildi.",
    ),
    (
        "«Мы гордимся тем, что молодёжь интересуется {topic_ru}», — отметил он.",
        "«Ýaşlaryň {topic_tk} bilen gyzyklanýandygyna buýsanýarys» diýip, ol belledi.",
    ),
    (
        "Температура воздуха днём поднимется до {k} градусов, ветер будет северо-западным.",
        "Gündizine howanyň temperaturasy {k} gradusa çenli ýokarlanar, demirgazyk-günbatardan şemal öwser.",
    ),
    ("Цены на {good_ru} остались прежними.", "{good_tk} bahasy öňküligine galdy."),
    (
        "Во второй половине дня гости познакомились с {place_ru}.",
        "Günüň ikinji ýarymynda myhmanlar {place_tk} bilen tanyşdylar.",
    ),
    (
        "Победители получили дипломы и ценные подарки.",
        "Ýeňijilere diplomlar we gymmat bahaly sowgatlar gowşuryldy.",
    ),
    (
        "Следующая встреча запланирована на {next_ru} {year} года.",
        "Indiki duşuşyk {year_tk} ýylyň {next_tk} aýynda geçiriler.",
    ),
    (
        "Автобус номер {n} теперь ходит каждые {k} минут.",
        "{n} belgili awtobus indi her {k} minutdan gatnaýar.",
    ),
    (
        "Подробности можно узнать по телефону {phone}.",
        "Jikme-jik maglumaty {phone} telefon belgisi boýunça alyp bilersiňiz.",
    ),
    (
        "Жители города смогут посетить выставку бесплатно до конца {next_gen}.",
        "Şäheriň ýaşaýjylary sergä {next_tk} aýynyň ahyryna çenli mugt baryp bilerler.",
    ),
    (
        "Учёные изучили {n} образцов почвы и опубликовали результаты.",
        "Alymlar topragyň {n} nusgasyny öwrenip, netijelerini çap etdiler.",
    ),
    (
        "Урожай {crop_ru} в этом году оказался выше прошлогоднего.",
        "Bu ýyl {crop_tk} hasyly geçen ýylkydan ýokary boldy.",
    ),
    (
        "Команда выиграла матч со счётом {a}:{b}.",
        "Topar duşuşykda {a}:{b} hasabynda ýeňiş gazandy.",
    ),
    (
        "Сегодня сеть насчитывает {n} магазинов и {k} складов.",
        "Häzir ulgamda {n} dükan we {k} ammar bar.",
    ),
    ("Проект поддержали {k} международных организаций.", "Taslamany {k} halkara gurama goldady."),
    (
        "Старейший житель села помнит, как здесь посадили первые деревья.",
        "Obanyň iň garry ýaşaýjysy bu ýerde ilkinji agaçlaryň ekilişini ýadynda saklaýar.",
    ),
    (
        "Врачи советуют пить больше воды и избегать полуденного солнца.",
        "Lukmanlar köpräk suw içmegi we günortanky günden goranmagy maslahat berýärler.",
    ),
    ("В библиотеке открылся зал на {n} мест.", "Kitaphanada {n} orunlyk zal açyldy."),
    (
        "Заявки принимаются до {k} {next_gen} включительно.",
        "Ýüztutmalar {next_tk} aýynyň {k_tk} gününe çenli kabul edilýär.",
    ),
    (
        "Первый поезд отправится со станции ровно в {k}:00.",
        "Ilkinji otly duralgadan takyk sagat {k}:00-da ugrar.",
    ),
]


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


def _fill(
    template: tuple[str, str], random_: random.Random, day: int, month: int, year: int
) -> tuple[str, str]:
    later = random_.randrange(12)
    k = random_.choice([n for n in MANY if n <= 20])
    slots: dict[str, object] = {
        "day": day,
        "day_tk": ordinal(day),
        "month_gen": MONTHS_RU_GEN[month - 1],
        "month_loc": MONTHS_TK_LOC[month - 1],
        "year": year + 1,
        "year_tk": ordinal(year + 1),
        "next_ru": MONTHS_RU[later],
        "next_gen": MONTHS_RU_GEN[later],
        "next_tk": MONTHS_TK[later],
        "n": random_.choice(MANY),
        "k": k,
        "k_tk": ordinal(k),
        "a": random_.randint(2, 5),
        "b": random_.randint(0, 1),
        "phone": f"+993 12 {random_.randint(10, 99)}-{random_.randint(10, 99)}-{random_.randint(10, 99)}",
    }
    for name, values in (
        ("city", CITIES),
        ("event", EVENTS),
        ("press", PRESS),
        ("sector", SECTORS),
        ("topic", TOPICS),
        ("good", GOODS),
        ("place", PLACES),
        ("crop", CROPS),
    ):
        slots[f"{name}_ru"], slots[f"{name}_tk"] = random_.choice(values)
    ru, tk = template[0].format(**slots), template[1].format(**slots)
    return ru[0].upper() + ru[1:], tk[0].upper() + tk[1:]
