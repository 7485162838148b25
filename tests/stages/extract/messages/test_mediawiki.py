from __future__ import annotations

import json

from tests.stages.raw_tars import extract_files, texts


def test_messages_are_told_apart_by_module(tmp_path):
    def messages(**values: str) -> bytes:
        return json.dumps({"@metadata": {"authors": ["x"]}, **values}).encode()

    base = "usr/share/mediawiki"
    files = {
        f"{base}/languages/i18n/tk.json": messages(save="Ýatda sakla"),
        f"{base}/languages/i18n/exif/tk.json": messages(save="Ini"),
        f"{base}/languages/i18n/kk-cyrl.json": messages(save="Сақтау"),
        f"{base}/extensions-core/Cite/i18n/tk.json": messages(note="Çykgyt"),
        f"{base}/extensions-core/Cite/modules/ve-cite/i18n/tk.json": messages(note="Bellik"),
        f"{base}/skins/Vector/i18n/tk.json": messages(menu="Menýu"),
        f"{base}/includes/installer/i18n/tk.json": messages(step="Ädim"),
        f"{base}/resources/lib/ooui/i18n/tk.json": messages(ok="Bolýar"),
        f"{base}/vendor/oojs/oojs-ui/i18n/tk.json": messages(ok="Bolýar"),
    }
    table = extract_files("mediawiki", files, tmp_path)
    assert texts(table, "tk") == {
        "mediawiki/core|save": "Ýatda sakla",
        "mediawiki/core|exif:save": "Ini",
        "mediawiki/Cite|note": "Çykgyt",
        "mediawiki/Cite|modules/ve-cite:note": "Bellik",
        "mediawiki/Vector|menu": "Menýu",
        "mediawiki/installer|step": "Ädim",
        "mediawiki/ooui|ok": "Bolýar",
    }
    assert texts(table, "kk") == {"mediawiki/core|save": "Сақтау"}
