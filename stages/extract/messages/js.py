"""Messages of a JavaScript locale module, read from its syntax tree; nothing of it is run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from stages.extract.segments import PLURALS, Segment, plural_key
from stages.lib.core.archives import RawFile
from stages.lib.core.errors import SourceError
from stages.lib.core.params import SourceConfig

if TYPE_CHECKING:
    from tree_sitter import Node

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": ""}
_CODE_POINT = re.compile(r"u\{([0-9a-fA-F]+)\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})")
_FUNCTIONS = {"arrow_function", "function_expression", "function_declaration", "method_definition"}


def read(
    name: str, config: SourceConfig, files: Mapping[str, RawFile], langs: Sequence[str]
) -> Iterator[Segment]:
    """Yield the messages in their modules' order; a top-level name is a unit, unless the options name one."""
    options = config.options
    for lang in langs:
        root = config.path(options.root, lang)
        for file, pattern in config.files_by_lang(lang).items():
            if file not in files:
                continue
            for key, text in read_messages(files[file].read(), f"{name}: {file}").items():
                key = key.removeprefix(f"{root}.") if root else key
                key = f"{options.prefixes[pattern]}.{key}" if pattern in options.prefixes else key
                top = re.split(r"[.#]", key)[0]
                if top not in options.skip:
                    yield Segment(options.unit or top, lang, text, key, file)


def read_messages(code: bytes, where: str) -> dict[str, str]:
    """Return key -> text of every message in a locale module, in its order.

    Messages are strings and template literals that are values of objects and arrays, or that a function
    returns. The key is the path of property names, of ``case`` labels and of ``if`` conditions that leads
    there, so that it is the same in all languages of one package; an object that has plural categories as
    its names gives keys with a plural form. A substituted expression becomes a placeholder named after it
    (``${issue.maximum.toString()}`` -> ``{maximum}``); a choice between two endings becomes its first one.

    Raises SourceError, naming ``where``, if the module does not parse.
    """
    import tree_sitter_javascript
    from tree_sitter import Language, Parser

    root = Parser(Language(tree_sitter_javascript.language())).parse(code).root_node
    if root.has_error:
        raise SourceError(f"{where}: not valid JavaScript near line {_error_line(root)}")
    messages: dict[str, str] = {}
    for path, text in _Reader(root).walk(root, ()):
        key = _key(path)
        count = 2
        while key in messages:
            key = f"{_key(path)}~{count}"
            count += 1
        messages[key] = text
    return messages


def _key(path: tuple[str, ...]) -> str:
    if not path:
        return "default"
    if path[-1].startswith("#"):
        return plural_key(".".join(path[:-1]), path[-1][1:])
    return ".".join(path)


def _error_line(node: Node) -> int:
    while True:
        child = next((child for child in node.children if child.has_error or child.is_missing), None)
        if child is None:
            return node.start_point[0] + 1
        node = child


class _Reader:
    """Walks one module; knows the module's own constant texts."""

    def __init__(self, root: Node) -> None:
        self.constants: dict[str, str] = {}
        for statement in root.named_children:
            for declarator in statement.named_children:
                if declarator.type == "variable_declarator":
                    name, value = (declarator.child_by_field_name(field) for field in ("name", "value"))
                    text = self.text_of(value) if value is not None else None
                    if name is not None and text is not None:
                        self.constants[_source(name)] = text

    def walk(self, node: Node, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield (path, text) of the messages below a node."""
        if node.type == "object":
            yield from self._object(node, path)
        elif node.type == "shorthand_property_identifier" and _source(node) in self.constants:
            yield (*path, _source(node)), self.constants[_source(node)]
        elif node.type == "array":
            for index, item in enumerate(node.named_children):
                yield from self._value(item, (*path, str(index)))
        elif node.type == "variable_declarator":
            value = node.child_by_field_name("value")
            # The module's own names differ between languages (tk_default, ru_default): no part of the key.
            inner = path if _is_module_level(node) else (*path, _source(node.child_by_field_name("name")))
            if value is not None and self.text_of(value) is None:
                yield from self.walk(value, inner)
        elif node.type in ("switch_case", "switch_default"):
            label = node.child_by_field_name("value")
            text = self.text_of(label) if label is not None else "default"
            for child in node.named_children:
                if label is None or child.id != label.id:
                    yield from self.walk(child, (*path, text or _source(label)))
        elif node.type == "if_statement":
            condition = " ".join(_source(node.child_by_field_name("condition")).split())
            yield from self.walk(node.child_by_field_name("consequence"), (*path, f"if {condition}"))
            alternative = node.child_by_field_name("alternative")
            if alternative is not None:
                yield from self.walk(alternative, (*path, f"unless {condition}"))
        elif node.type == "return_statement":
            for child in node.named_children:
                yield from self._value(child, path)
        else:
            for child in node.named_children:
                yield from self.walk(child, path)

    def _value(self, node: Node, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
        if node.type in _FUNCTIONS:
            body = node.child_by_field_name("body")
            if body is not None:
                yield from self._value(body, path)
            return
        text = self.text_of(node)
        if text is None:
            yield from self.walk(node, path)
        else:
            yield path, text

    def _object(self, node: Node, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
        members = node.named_children
        names = [
            self._property_name(item.child_by_field_name("key")) if item.type == "pair" else None
            for item in members
        ]
        # An object that lists nothing but plural forms is one message.
        mark = "#" if "one" in names and set(names) <= set(PLURALS) else ""
        for item, name in zip(members, names, strict=True):
            if item.type != "pair":
                yield from self.walk(item, path)
            elif name is not None:
                yield from self._value(item.child_by_field_name("value"), (*path, f"{mark}{name}"))

    def _property_name(self, node: Node | None) -> str | None:
        if node is None or node.type == "computed_property_name":
            return None
        return self.text_of(node) if node.type == "string" else _source(node)

    def text_of(self, node: Node) -> str | None:
        """Return what a text expression says, with named placeholders; None if it is no text."""
        if node.type in ("string", "template_string"):
            return _join_surrogates(
                "".join(
                    self._substitution(child.named_children[0])
                    if child.type == "template_substitution"
                    else _piece(child)
                    for child in node.named_children
                )
            )
        if node.type == "parenthesized_expression":
            return self.text_of(node.named_children[0])
        if node.type == "identifier":
            return self.constants.get(_source(node))
        if node.type == "binary_expression" and _source(node.child_by_field_name("operator")) == "+":
            sides = [node.child_by_field_name(field) for field in ("left", "right")]
            if any(self.text_of(side) is not None for side in sides):
                return "".join(self._substitution(side) for side in sides)
        return None

    def _substitution(self, node: Node) -> str:
        text = self.text_of(node)
        if text is not None:
            return text
        if node.type == "ternary_expression":
            branches = [
                self.text_of(node.child_by_field_name(name)) for name in ("consequence", "alternative")
            ]
            if None not in branches:
                return str(branches[0])
        return f"{{{_name(node)}}}"


def _name(node: Node) -> str:
    """Return the name that says best what an expression stands for."""
    if node.type == "member_expression":
        name = _source(node.child_by_field_name("property"))
        return _name(node.child_by_field_name("object")) if name in ("length", "toString") else name
    if node.type == "subscript_expression":
        table = node.child_by_field_name("object")
        # A look-up in a dictionary (FormatDictionary[issue.format]) is named after what is looked up.
        is_dictionary = table.type == "identifier" and _source(table)[:1].isupper()
        return _name(node.child_by_field_name("index") if is_dictionary else table)
    if node.type == "call_expression":
        function = node.child_by_field_name("function")
        arguments = node.child_by_field_name("arguments").named_children
        return _name(arguments[0]) if arguments else _name(function)
    if node.type == "binary_expression":
        return _name(node.child_by_field_name("left"))
    if node.type == "parenthesized_expression":
        return _name(node.named_children[0])
    if node.type == "identifier":
        return _source(node)
    return "value"


def _source(node: Node) -> str:
    return node.text.decode("utf-8")


def _piece(node: Node) -> str:
    """Return the text of a fragment or an escape sequence of a string."""
    text = _source(node)
    if node.type != "escape_sequence":
        return text
    code = _CODE_POINT.fullmatch(text[1:])
    if code:
        return chr(int(next(group for group in code.groups() if group), 16))
    return _ESCAPES.get(text[1:], text[1:])


def _join_surrogates(text: str) -> str:
    r"""Return a text with ``\ud83d\ude00`` as the one character it means, and without lone halves of one."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")


def _is_module_level(declarator: Node) -> bool:
    statement = declarator.parent
    above = statement.parent if statement is not None else None
    return above is None or above.type in ("program", "export_statement")
