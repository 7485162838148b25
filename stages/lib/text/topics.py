"""Topics that a corpus leans to, told by words.

Web corpora of small languages are full of religious text, which nobody's news or textbooks sound like; a
reader of a corpus should know its share. The words are strong ones, so the share is a lower bound: of the
1,997 sentences of NTREX-128 (news) 2 of the Russian and 2 of the Turkmen ones have any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# Stems of words that religious text uses and other text hardly does, one pattern for a language. Words of
# everyday idiom are left out (ради бога, алла, hudaý saklasyn): one such sentence is no scripture.
_STEMS = {
    "ru": (
        r"иисус(?!ик)|иегов|христ(?:ос|а\b|у\b|ом\b|е\b|иан)|господ(?:ь|а\b|у\b|ом\b|ень|н[яеи])|апостол"
        r"|евангел|библи(?!от|огр|оф)|ветхого завета|нового завета|псал(?:ом|м)|пророк|мессия|мессии"
        r"|святого духа|святым духом|святой дух|проповед|воскресени[еия] из м[её]ртвых|армагеддон|сатан"
        r"|аллах|коран(?!д)|мухаммед|сур[аеуы] \d|молитв|грехопаден|царств\w+ (?:бога|небесн)"
        r"|сын\w* божи|божи(?:й|я|е|ю|ей|его|им)\b|бог(?:а|у|ом)? (?:иегов|наш|отец|сказал)|священн\w+ писани"
    ),
    "tk": (
        r"isa (?:mesih|pygamber)|isanyň|mesih|ýehowa|iýehowa|resul(?:lar|yň|y\b)|pygamber|injil|töwrat|zebur"
        r"|gurhan|kuran|allatag|biribar|alla(?:h|ta|nyň sözi)|hudaý(?:yň|a|y|dan)\b|taňry(?:nyň|ň|dan|da)"
        r"|mukaddes (?:kitap|ýazgy|ruh)|keramatly ruh|şeýtan|ybadat (?:et|ed)|wagyz|doga (?:et|ed|oka)"
        r"|doga-dileg|harmagedon|armagedon|mesihçi|hristian"
    ),
}
_PATTERNS = {lang: re.compile(rf"(?<!\w)(?:{stems})") for lang, stems in _STEMS.items()}


def is_religious(texts: Mapping[str, str]) -> bool:
    """Tell whether any of one sentence's versions, by language, has a word of religious text.

    A language without a word list (any but Russian and Turkmen) says nothing.
    """
    return any(
        lang in _PATTERNS and _PATTERNS[lang].search(text.casefold()) is not None
        for lang, text in texts.items()
    )
