from __future__ import annotations

from stages.clean.repeats import find_templates


def test_templates_are_texts_that_differ_in_a_number_or_a_name() -> None:
    names = ["Aman", "Bahar", "Maral", "Jeren", "Serdar", "Oguz"]
    texts = [f"{name} sahypany üýtgetdi" for name in names] + [f"{n} gün galdy" for n in range(6)]
    texts += ["Täze sahypa döret", "Şu ýere basyň", "Ýapmak"]
    templates = find_templates(texts, min_count=5)
    assert len(set(templates[:6])) == 1
    assert templates[0] is not None
    assert len(set(templates[6:12])) == 1
    assert templates[6] is not None
    assert templates[6] != templates[0]
    assert templates[12:] == [None, None, None]


def test_few_texts_are_no_template() -> None:
    assert find_templates([f"{n} gün galdy" for n in range(5)], min_count=5) == [None] * 5
