from __future__ import annotations

import pytest

from stages.collect.patterns import wanted_files
from tests.stages.raw_tars import CONFIGS


@pytest.mark.parametrize(
    ("name", "path", "is_wanted"),
    [
        ("mediawiki", "usr/share/mediawiki/languages/i18n/tk.json", True),
        ("mediawiki", "usr/share/mediawiki/extensions/Cite/i18n/api/kk-cyrl.json", True),
        ("mediawiki", "usr/share/mediawiki/languages/i18n/kk.json", False),
        ("goldendict", "usr/share/goldendict/locale/tk_TM/a.qm", False),
        ("django", "locale/tk/LC_MESSAGES/django.po", True),
        ("django", "conf/locale/tk/LC_MESSAGES/djangoxpo", False),  # a dot is a dot
    ],
)
def test_the_patterns_of_a_source_choose_its_files_in_every_language(name: str, path: str, is_wanted: bool):
    assert bool(wanted_files(CONFIGS[name]).fullmatch(path)) == is_wanted
