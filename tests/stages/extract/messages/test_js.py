from __future__ import annotations

from pathlib import Path

import pytest

from stages.extract.messages.js import read_messages
from stages.lib.core.errors import SourceError
from tests.stages.raw_tars import extract_files, texts


def read(code: str) -> dict[str, str]:
    return read_messages(code.encode(), "tk.js")


def test_strings_of_objects_and_arrays_are_keyed_by_their_path():
    code = """
    import Pagination from 'other/tk';
    const type = '${label} ${type} däl';
    const tk_default = {
      Pagination, 'quoted-name': "a\\u00fd\\n\\"b\\"",
      Form: { types: { string: type, number: type }, titles: ['Bir', ''], count: 3, ...Pagination, [x]: 'y' },
    };
    export default tk_default;
    """
    assert read(code) == {
        "quoted-name": 'aý\n"b"',
        "Form.types.string": "${label} ${type} däl",
        "Form.types.number": "${label} ${type} däl",
        "Form.titles.0": "Bir",
        "Form.titles.1": "",
    }


def test_the_module_s_own_names_are_no_part_of_a_key():
    assert read("var tk = { a: 'bir' }; export { tk as default };") == read("export default { a: 'bir' };")


def test_plural_forms_of_an_object_become_forms_of_one_key():
    code = "const o = { unit: { one: 'символ', few: 'символа', many: 'символов' }, other: 'прочее' };"
    assert read(code) == {
        "unit#one": "символ",
        "unit#few": "символа",
        "unit#many": "символов",
        "other": "прочее",
    }


def test_template_functions_give_the_same_keys_and_placeholders_in_both_languages():
    folder = Path(__file__).parent
    russian, turkmen = (read((folder / f"zod_{lang}.mjs").read_text("utf-8")) for lang in ("ru", "tk"))
    assert list(russian) == list(turkmen)
    assert russian == {
        "Names.url": "адрес",
        "Names.iso": "дата",
        "too_big.if (sizing)": "Много: {origin} {adj}{maximum} {unit}",
        "too_big": "Много: {adj}{maximum}",
        "keys": "Лишние: {keys}",
        "one": "Всего {values}",
        "format": "Неверный {format}",
        "default": "Ошибка",
    }
    assert turkmen["too_big.if (sizing)"] == "Köp: {origin} {adj} {maximum} {unit}"
    assert turkmen["keys"] == "{keys}: artykmaç açarlar"


def test_two_messages_in_one_place_keep_different_keys():
    code = "const f = (n) => { switch (n) { case 'a': { return `Bir`; return `Iki`; } } };"
    assert read(code) == {"a": "Bir", "a~2": "Iki"}


@pytest.mark.parametrize("code", ["export default { a: 'b' ", "const x = = 1;", "Not Found: tk.js"])
def test_what_is_no_javascript_is_named_with_its_line(code):
    with pytest.raises(SourceError, match=r"tk\.js: not valid JavaScript near line 2"):
        read("\n" + code)


def test_code_is_never_run(tmp_path):
    target = tmp_path / "written"
    code = f"require('fs').writeFileSync({str(target)!r}, 'x'); export default {{ a: 'bir' }};"
    assert read(code) == {"a": "bir"}
    assert not target.exists()


def test_escapes_beyond_the_basic_plane_become_one_character():
    code = rb'export default {a: "\ud83d\ude00 bar", b: `\u{1F600} ${n}`, c: "\ud83d \u00fd"};'
    assert read_messages(code, "tk.js") == {"a": "😀 bar", "b": "😀 {n}", "c": " ý"}


def test_units_are_first_names_and_root_and_skipped_names_are_dropped(tmp_path):
    files = {
        "lang/tk.mjs": 'var x = { name: "tk", el: { table: { empty: "Maglumat ýok" } } }; export { x as y };',
        "lang/uz-uz.mjs": 'export default { el: { table: { empty: "Maʼlumot yoʻq" } } };',
        "picker/tk.js": 'export default { hint: "Wagt saýlaň" };',
    }
    patterns = ["lang/{locale}.mjs", "picker/{locale}.js"]
    options = {"prefixes": {"picker/{locale}.js": "DatePicker"}}
    table = extract_files("element_plus", files, tmp_path, files=patterns, options=options)
    assert texts(table, "tk") == {
        "element_plus/DatePicker|DatePicker.hint": "Wagt saýlaň",
        "element_plus/table|table.empty": "Maglumat ýok",
    }
    assert texts(table, "uz") == {"element_plus/table|table.empty": "Maʼlumot yoʻq"}
    assert table["url"][0].startswith("pkg:npm/element-plus@")
    assert table["url"][0].endswith("#picker/tk.js")


def test_a_module_whose_names_are_the_messages_is_one_unit(tmp_path):
    code = 'export default {"tk":{"dictionary":{"Undo":"Yza gaýtar","Words: %0":"Sözler: %0"}}}'
    table = extract_files("ckeditor", {"dist/translations/tk.js": code}, tmp_path)
    assert texts(table, "tk") == {
        "ckeditor/editor|Undo": "Yza gaýtar",
        "ckeditor/editor|Words: %0": "Sözler: %0",
    }
