"""Short Russian-Turkmen pairs written for the tests, and tables made of them."""

from __future__ import annotations

import polars as pl

from stages.lib.core.tables import CORPUS_SCHEMA, table_from_rows
from tests.stages.small_corpus import corpus_row

PHRASES = [
    ("Сегодня хорошая погода.", "Bu gün howa gowy."),
    ("Откройте дверь, пожалуйста.", "Gapyny açyň, haýyş edýärin."),
    ("Мы живём в большом городе.", "Biz uly şäherde ýaşaýarys."),
    ("Эта книга очень интересная.", "Bu kitap örän gyzykly."),
    ("Дети играют во дворе.", "Çagalar howluda oýnaýarlar."),
    ("Вода в реке холодная.", "Derýadaky suw sowuk."),
    ("Он работает в школе учителем.", "Ol mekdepde mugallym bolup işleýär."),
    ("Завтра будет праздник.", "Ertir baýram bolar."),
    ("Сохраните файл перед выходом.", "Çykmazdan öň faýly ýatda saklaň."),
    ("Введите правильный пароль.", "Dogry açar sözüni giriziň."),
    ("Моя сестра любит чай.", "Meniň uýam çaýy gowy görýär."),
    ("Поезд приходит в восемь часов.", "Otly sagat sekizde gelýär."),
    ("На столе лежат два яблока.", "Stoluň üstünde iki sany alma bar."),
    ("Я не понимаю этот вопрос.", "Men bu soraga düşünmeýärin."),
    ("Каждый имеет право на образование.", "Her kimiň bilim almaga hukugy bar."),
    ("Врач осматривает больного.", "Lukman näsagy barlaýar."),
    ("Летом в пустыне очень жарко.", "Tomsuna çölde örän yssy."),
    ("Расскажите нам о своей работе.", "Öz işiňiz barada bize gürrüň beriň."),
    ("Страница не найдена.", "Sahypa tapylmady."),
    ("Мой брат купил новую машину.", "Meniň doganym täze maşyn satyn aldy."),
    ("Выберите язык из списка.", "Sanawdan dili saýlaň."),
    ("Птицы улетают на юг осенью.", "Guşlar güýzde günorta uçup gidýärler."),
    ("Хлеб стоит недорого.", "Çöregiň bahasy gymmat däl."),
    ("Старый мост через реку закрыт.", "Derýanyň üstündäki köne köpri ýapyk."),
]


def corpus(phrases: list[tuple[str, str]], source: str = "phrases", docs: int = 8) -> pl.DataFrame:
    """A corpus table of phrases, spread over ``docs`` documents."""
    rows = [
        corpus_row(*pair, f"{source}/{n % docs}", key=str(n), n_src=n, n_tgt=n, license="Apache-2.0")
        for n, pair in enumerate(phrases)
    ]
    return table_from_rows(rows, CORPUS_SCHEMA)
