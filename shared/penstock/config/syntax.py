"""Reads one file into blocks, arguments and values that know their lines.

The result is free of the parser behind it. Problems are gathered, not raised; a value that could
not be read is `BROKEN`, so that nothing more is said about it.
"""

from __future__ import annotations

import datetime as dt
import difflib
from typing import Any

from lark import Token, Tree, UnexpectedInput

from penstock.config import complaint
from penstock.config.functions import FUNCTIONS
from penstock.config.grammar import parser
from penstock.config.literals import Interpolation, Skeleton, Text, strip
from penstock.config.nodes import BROKEN, Block, Reference, Setting, Value
from penstock.errors import Problem

__all__ = ["read"]


def read(text: str, file: str, now: dt.datetime) -> tuple[Block | None, list[Problem]]:
    """A file's text as one Block, or None when its syntax is wrong, and every problem met."""
    skeleton = strip(text.removeprefix("\ufeff").replace("\r\n", "\n"), file)
    reader = _Reader(skeleton, file, now)
    tree = None if skeleton.problems else reader.parse()
    try:
        block = reader.body(tree.children[0], "", (), 1) if tree is not None else None
    except RecursionError:
        return None, [Problem(file, 0, "found values nested hundreds deep, expected a configuration")]
    return block, skeleton.problems


class _Reader:
    """Turns the parser's tree of one skeleton into values; adds to the skeleton's problems."""

    def __init__(self, skeleton: Skeleton, file: str, now: dt.datetime) -> None:
        self.skeleton, self.file, self.now = skeleton, file, now

    def problem(self, line: int, message: str, hint: str = "") -> Value:
        self.skeleton.problems.append(Problem(self.file, line, message, hint))
        return Value(BROKEN, line)

    def parse(self) -> Tree[Token] | None:
        try:
            return parser().parse(self.skeleton.source + "\n")  # the grammar ends in a line end
        except UnexpectedInput as error:
            message = f"found {complaint.found(error)}, expected {complaint.expected(error)}"
            self.problem(self.skeleton.line(complaint.position(error)), message, complaint.hint(error))
            return None

    def line(self, node: Tree[Token] | Token) -> int:
        """The file's line on which a node of the tree begins."""
        first = node if isinstance(node, Token) else next(node.scan_values(lambda _: True), None)
        return self.skeleton.line(first.start_pos or 0) if first is not None else 0

    def body(self, tree: Any, type_: str, labels: tuple[str, ...], line: int) -> Block:
        settings: dict[str, Setting] = {}
        blocks: list[Block] = []
        for node in _trees(tree):
            if node.data == "block":
                blocks.append(self.block(node))
            elif node.data == "attribute":
                setting = self.setting(node)
                if first := settings.get(setting.name):
                    found = f'found "{setting.name}" again, expected it once'
                    self.problem(setting.line, found, f"it first stands on line {first.line}")
                settings.setdefault(setting.name, setting)
        return Block(type_, labels, tuple(settings.values()), tuple(blocks), self.file, line)

    def setting(self, node: Tree[Token]) -> Setting:
        name, expression = _trees(node)
        return Setting(str(name.children[0]), self.value(expression), self.line(node))

    def block(self, node: Tree[Token]) -> Block:
        type_, *labels, body = (t for t in _trees(node) if t.data != "new_line_or_comment")
        texts = []
        for label in labels:
            value = self.value(label) if label.data == "string" else Value(str(label.children[0]), 0)
            if not isinstance(value.data, str) and value.data is not BROKEN:
                self.problem(self.line(label), "found a label that is no text, expected a string")
            texts.append(value.data if isinstance(value.data, str) else "")
        return self.body(body, str(type_.children[0]), tuple(texts), self.line(node))

    def value(self, node: Tree[Token]) -> Value:
        """An expression's value; forms that configurations do not have are problems."""
        line = self.line(node)
        kind = node.data
        inner = [t for t in _trees(node) if t.data != "new_line_or_comment"]
        if kind == "expr_term":
            return self.value(inner[0])
        if kind == "string":
            part = inner[0].children[0]
            return self.text(self.skeleton.texts[int(str(part))])
        if kind in ("int_lit", "float_lit"):
            return Value(_number(str(node.children[0])), line)
        if kind == "unary_op" and node.children[0] == "-":
            value = self.value(inner[0])
            if isinstance(value.data, int | float) and not isinstance(value.data, bool):
                return Value(-value.data, line)
        if kind == "literal_value":
            return Value({"true": True, "false": False, "null": None}[str(node.children[0])], line)
        if kind == "tuple":
            return Value(tuple(self.value(item) for item in inner), line)
        if kind == "object":
            return self.object(inner, line)
        if kind == "function_call":
            return self.call(inner, line)
        if path := _path(node):
            return Value(Reference(path), line)
        return self.problem(
            line,
            "found an expression, expected a string, number, bool, list, map, reference or function call",
        )

    def object(self, elements: list[Tree[Token]], line: int) -> Value:
        entries: dict[str, Value] = {}
        for element in elements:
            key_node, value_node = _trees(element)
            key = self.key(key_node)
            if key in entries:
                self.problem(self.line(element), f'found "{key}" again in one map, expected it once')
            if key is not None:
                entries[key] = self.value(value_node)
        return Value(entries, line)

    def key(self, node: Tree[Token]) -> str | None:
        inner = _trees(node)[0]
        if inner.data == "keyword":
            return str(inner.children[0])
        value = self.value(inner)
        if isinstance(value.data, Reference) and len(value.data.path) == 1:
            return value.data.path[0]
        if isinstance(value.data, str):
            return value.data
        if value.data is not BROKEN:
            self.problem(value.line, "found a map key that is neither a name nor a string")
        return None

    def text(self, text: Text) -> Value:
        parts = [part if isinstance(part, str) else self.interpolated(part) for part in text.parts]
        if len(parts) == 1 and not isinstance(parts[0], str):
            return Value(parts[0].data, text.line)
        out = []
        for part in parts:
            data = part if isinstance(part, str) else part.data
            if data is BROKEN:
                return Value(BROKEN, text.line)
            if isinstance(data, bool):
                data = str(data).lower()
            if not isinstance(data, str | int | float):
                return self.problem(
                    text.line,
                    "found a reference, list, map or null among text",
                    "it stands alone, outside of quotes; no variables are known, ~ is the home directory",
                )
            out.append(str(data))
        return Value("".join(out), text.line)

    def interpolated(self, part: Interpolation) -> Value:
        skeleton = strip(f"x = {part.expression}", self.file, part.line)
        reader = _Reader(skeleton, self.file, self.now)
        tree = None if skeleton.problems else reader.parse()
        self.skeleton.problems += skeleton.problems
        if tree is None:
            return Value(BROKEN, part.line)
        before = len(skeleton.problems)
        value = reader.body(tree.children[0], "", (), part.line).settings[0].value
        self.skeleton.problems += skeleton.problems[before:]
        return value

    def call(self, inner: list[Tree[Token]], line: int) -> Value:
        name = str(inner[0].children[0])
        values = [
            self.value(a) for tree in inner[1:] for a in _trees(tree) if a.data != "new_line_or_comment"
        ]
        if any(value.data is BROKEN for value in values):
            return Value(BROKEN, line)
        if name not in FUNCTIONS:
            near = difflib.get_close_matches(name, FUNCTIONS, 1)
            hint = f"did you mean {near[0]}?" if near else ""
            return self.problem(
                line, f"unknown function {name}, expected one of {', '.join(FUNCTIONS)}", hint
            )
        function, count = FUNCTIONS[name]
        texts = [value.data for value in values]
        if len(texts) != count or not all(isinstance(text, str) for text in texts):
            return self.problem(line, f"{name}: found {len(texts)} arguments, expected {count} strings")
        try:
            return Value(function(self.now, *texts), line)
        except ValueError as error:
            return self.problem(line, f"{name}: {error}")


def _trees(node: Any) -> list[Tree[Token]]:
    return [child for child in node.children if isinstance(child, Tree)]


def _number(text: str) -> int | float:
    return int(text) if text.lstrip("-").isdigit() and len(text) < 20 else float(text)


def _path(node: Tree[Token]) -> tuple[str, ...]:
    """`a.b.c` as its parts; () for anything else."""
    if node.data == "expr_term" and len(node.children) == 1:
        return _path(_trees(node)[0])
    if node.data == "identifier":
        return (str(node.children[0]),)
    if node.data == "get_attr_expr_term":
        term, attribute = _trees(node)
        before = _path(term)
        name = _trees(attribute)[0].children[0]
        return (*before, str(name)) if before else ()
    if node.data == "index_expr_term":  # a name of digits alone, such as an account
        term, index = _trees(node)
        before = _path(term) if index.data == "short_index" else ()
        return (*before, str(index.children[-1])) if before else ()
    return ()
