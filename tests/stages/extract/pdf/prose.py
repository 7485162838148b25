"""Composes varied Russian and Turkmen prose for the PDFs that the tests typeset."""

from __future__ import annotations

import random
import re

RU_SUBJECTS = """
молодой учитель|старый мастер|наш сосед|опытный агроном|известный путешественник
ученик пятого класса|его младшая сестра|городская библиотека|научно-техническое общество
каждый внимательный читатель|новый музей|водитель автобуса|северо-восточный ветер|весенний дождь
большая река|маленькая деревня|дежурный врач|наша лаборатория|социально-экономическое развитие
государственное учреждение|сельскохозяйственное предприятие|художник-оформитель
преподаватель математики|любознательный школьник|главный инженер|железнодорожная станция
редакция журнала|бабушка из соседнего дома|капитан корабля|переводчик старинной рукописи
совет старейшин|профессор университета|лётчик-испытатель|учёный-естествоиспытатель|хозяин чайной
районная больница|кто-нибудь из гостей
"""
RU_VERBS = """
внимательно изучает|ежегодно описывает|постепенно изменяет|охотно показывает|подробно объясняет
тщательно проверяет|неоднократно упоминает|терпеливо ожидает|бережно сохраняет|впервые открывает
по-прежнему поддерживает|с интересом наблюдает|быстро заканчивает|незаметно исправляет
радостно встречает|хорошо понимает|по-своему рассматривает|значительно улучшает
последовательно сравнивает|осторожно переносит|всё-таки покупает|решительно защищает
редко вспоминает|честно признаёт|умело использует|старательно переписывает|торжественно вручает
постоянно обновляет
"""
RU_OBJECTS = """
старинную рукопись|результаты наблюдений|устройство ткацкого станка|правила дорожного движения
виноградники у подножия гор|историю древнего города|таблицу умножения|распределение температуры
географическую карту|собрание стихотворений|экономическое обоснование проекта
строительство оросительного канала|технологическое оборудование|подготовку специалистов
природоохранительные мероприятия|народные сказки и пословицы|электрическое освещение улиц
расписание занятий|промышленное производство хлопка|взаимоотношения соседних народов
содержание учебника|коллекцию минералов|свойства прямоугольного треугольника
международное сотрудничество|караванный путь через пустыню|образование облаков|значение нового слова
устройство телескопа|жизнь пустынных животных|шёлковые ковры ручной работы
русско-туркменский словарь|административно-территориальное деление
вопросы общественного здравоохранения|происхождение географических названий
самостоятельную работу учащихся|последовательность чисел|материально-техническое снабжение
"""
RU_ADVERBIALS = """
в начале лета|на берегу моря|после долгого путешествия|в предгорьях Копетдага|каждую пятницу
в прошлом столетии|по решению комиссии|в центральной части города|за несколько дней до праздника
при благоприятных условиях|в присутствии родителей|на страницах газеты|во время перемены
с помощью простых приборов|по-русски и по-туркменски|в северо-западном районе|без посторонней помощи
в соответствии с расписанием|накануне экзамена|вопреки ожиданиям|около полуночи|в просторном зале
в течение двадцати пяти лет|на торгово-промышленной выставке|в тени тутовых деревьев
"""
RU_OPENERS = """
Кроме того,|В то же время|Вот почему|Как правило,|Во-первых,|Во-вторых,|По словам очевидцев,
Как известно,|Однако|Тем не менее|Следовательно,|Например,|В самом деле,|Нередко|Сегодня
"""
RU_LINKS = ["потому что", "хотя", "а", "и поэтому", "в то время как", "так как", "причём"]
TK_SUBJECTS = """
ýaş mugallym|garry ussa|biziň goňşymyz|tejribeli daýhan|meşhur syýahatçy|bäşinji synp okuwçysy
onuň kiçi uýasy|şäher kitaphanasy|ylmy-tehniki jemgyýet|her bir üns berýän okyjy|täze muzeý
awtobusyň sürüjisi|demirgazyk-gündogar ýeli|ýaz ýagşy|uly derýa|kiçijik oba|nobatçy lukman
biziň tejribehanamyz|durmuş-ykdysady ösüş|döwlet edarasy|oba hojalyk kärhanasy|matematika mugallymy
bilesigeliji çaga|baş inžener|demir ýol menzili|žurnalyň redaksiýasy|goňşy jaýdaky ene
gäminiň kapitany|gadymy golýazmanyň terjimeçisi|ýaşulular geňeşi|uniwersitetiň professory
atşynas alym|çaýhananyň eýesi|etrap hassahanasy|myhmanlaryň biri
"""
TK_ADVERBIALS = """
tomsuň başynda|deňziň kenarynda|uzak syýahatdan soň|Köpetdagyň eteginde|her anna güni|geçen asyrda
toparyň kararyna görä|şäheriň merkezi böleginde|baýramdan birnäçe gün öň|amatly şertlerde
ata-eneleriň gatnaşmagynda|gazetiň sahypalarynda|arakesme wagtynda|ýönekeý gurallaryň kömegi bilen
rusça hem-de türkmençe|demirgazyk-günbatar etrapda|kömeksiz|meýilnama laýyklykda
synagyň öňüsyrasynda|garaşylmadyk ýagdaýda|ýary gije töweregi|giň zalda|ýigrimi bäş ýylyň dowamynda
söwda-senagat sergisinde|tut agaçlarynyň saýasynda|1995-nji ýylda|2-nji synpda
"""
TK_OBJECTS = """
gadymy golýazmany|synlamalaryň netijelerini|dokma stanogynyň gurluşyny|ýol hereketiniň düzgünlerini
dag etegindäki üzümçilikleri|gadymy şäheriň taryhyny|köpeltmek hasabyny|howanyň temperaturasyny
geografik kartany|goşgular ýygyndysyny|taslamanyň ykdysady esaslandyrmasyny
suwaryş kanalynyň gurluşygyny|tehnologik enjamlary|hünärmenleriň taýýarlanylyşyny
tebigaty goramak çärelerini|halk ertekilerini we nakyllaryny|köçeleriň yşyklandyrylyşyny
sapaklaryň tertibini|pagtanyň senagat önümçiligini|goňşy halklaryň gatnaşyklaryny
okuw kitabynyň mazmunyny|minerallar toplumyny|gönüburçly üçburçlugyň häsiýetlerini
halkara hyzmatdaşlygyny|çölden geçýän kerwen ýoluny|bulutlaryň emele gelşini|täze sözüň manysyny
teleskopyň gurluşyny|çöl haýwanlarynyň ýaşaýşyny|elde dokalan halylary|rusça-türkmençe sözlügi
jemgyýetçilik saglygyny goraýyş meselelerini|okuwçylaryň özbaşdak işini|sanlaryň yzygiderliligini
maddy-tehniki üpjünçiligi|ylym-bilim ulgamyny|aň-düşünje işlerini
"""
TK_VERBS = """
üns bilen öwrenýär|her ýyl beýan edýär|kem-kemden üýtgedýär|höwes bilen görkezýär
jikme-jik düşündirýär|seresaplylyk bilen barlaýar|birnäçe gezek agzaýar|gysgaça ýazýar
aýawly saklaýar|ilkinji gezek açýar|öňküsi ýaly goldaýar|gyzyklanma bilen synlaýar|çalt tamamlaýar
bildirmän düzedýär|şatlyk bilen garşylaýar|gowy düşünýär|özüçe seljerýär|ep-esli gowulandyrýar
yzygiderli deňeşdirýär|seresap geçirýär|soňunda görkezýär|çürt-kesik goraýar|seýrek ýatlaýar
dogruçyl boýun alýar|başarjaňlyk bilen ulanýar|yhlas bilen göçürýär|dabaraly gowşurýar
hemişe täzeleýär
"""
TK_OPENERS = """
Mundan başga-da|Şol bir wagtda|Ine, şonuň üçin|Köplenç|Birinjiden,|Ikinjiden,
Şaýatlaryň aýtmagyna görä|Belli bolşy ýaly|Emma|Muňa garamazdan|Diýmek,|Mysal üçin|Hakykatdan-da
Käwagt|Bu gün
"""
TK_LINKS = ["sebäbi", "emma", "şonuň üçin hem", "şol bir wagtda", "üstesine-de", "hem-de"]
RU_TITLES = [
    "Земля и её движение",
    "Числа вокруг нас",
    "Вода в природе",
    "Путешествие через пустыню",
    "Свет и цвет",
    "Строение растений",
    "Старинные ремёсла",
    "Как измеряют время",
    "Горы и равнины",
    "Звук и музыка",
]
TK_TITLES = [
    "Tebigatda suwuň aýlanyşy",
    "Biziň töweregimizdäki sanlar",
    "Ösümlikleriň gurluşy",
    "Gadymy şäherler we ýollar",
    "Ýagtylyk hem reňk",
    "Halk senetleri",
    "Wagtyň ölçenilişi",
    "Daglar we düzlükler",
    "Ses we saz",
    "Ýeriň hereketi",
]
RU_SECTIONS = [
    "Первые наблюдения",
    "Опыт с магнитом",
    "Что говорят цифры",
    "Из истории вопроса",
    "Задачи для повторения",
]
TK_SECTIONS = [
    "Ilkinji synlamalar",
    "Magnit bilen tejribe",
    "Sanlar näme diýýär",
    "Meseläniň taryhyndan",
    "Gaýtalamak üçin",
]
# Stems and what they take, for forms that are rare enough to stand in a book once.
RU_STEMS = [
    (
        "трактор садовод цветовод машинист телеграф монумент инструмент документ аппарат барабан караван"
        " океан экскаватор генератор трансформатор термометр барометр микроскоп аэродром геолог археолог"
        " биолог фотограф пароход теплоход самолёт вертолёт небоскрёб метеорит вулкан лабиринт календарь-"
        " справочник",
        "а у ом е ов ам ами ах",
    ),
    (
        "антилоп планет комет орбит аптек библиотек черепах пирамид эстакад колоннад баллад газет ракет"
        " монет палитр гитар квартир команд программ диаграмм эстафет каракатиц гусениц рукавиц метелиц"
        " пшениц",
        "у е ам ами ах",
    ),
]
TK_STEMS = [
    (
        "kitaphana daýhan mugallym oturgyç halyçy balykçy çopan ýazyjy bagban towşan aždarha ýolagçy"
        " sungat hojalyk garaguş alma-arpa maldarçylyk balykçylyk bagbançylyk ussaçylyk zähmetsöýerlik"
        " okuwçy",
        "lar ymyz|yňyz|y|ym dan|a|da|dyr|nyň",
    ),
    (
        "depder köpri çeper-eser mekdep gözel dükençi ýelken öýjük gülzar-güllük senetçi kärhana-edara"
        " demirçi tilki keýik jeren peşew-ses injir zeýtun-derek serçe bilbil leglek düýe düýeçi",
        "ler imiz|iňiz|i|im den|e|de|dir|niň",
    ),
]


class Prose:
    """An endless supply of sentences in one language; the same seed gives the same text."""

    def __init__(self, lang: str, seed: int) -> None:
        self.lang = lang
        self.random = random.Random(f"{lang}-{seed}")
        names = ("SUBJECTS", "VERBS", "OBJECTS", "ADVERBIALS", "OPENERS")
        self._parts = {
            name: re.split(r"[|\n]", globals()[f"{lang.upper()}_{name}"].strip()) for name in names
        }
        self._links = RU_LINKS if lang == "ru" else TK_LINKS

    def _pick(self, name: str) -> str:
        return self.random.choice(self._parts[name])

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
            clause += f", {self.random.choice(self._links)} {self._clause()}"
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
                stems, endings = self.random.choice(RU_STEMS)
                chosen.append(self.random.choice(stems.split()) + self.random.choice(endings.split()))
            else:
                stems, suffixes = self.random.choice(TK_STEMS)
                tail = "".join(self.random.choice(group.split("|")) for group in suffixes.split())
                chosen.append(self.random.choice(stems.split()) + tail)
        start = "Сравните формы слов:" if self.lang == "ru" else "Sözleri deňeşdiriň:"
        return f"{start} {', '.join(chosen)}."

    def words(self, n: int) -> str:
        """Return a phrase of about n words, for a table cell or a caption."""
        return " ".join(self._pick("OBJECTS").split()[:n])
