"""Reads the text of a `file_layout` into nodes, saying where it is wrong.

A layout is a regular expression of the RE2 kind with grok's `%{PATTERN:name}` in it. What Python
and RE2 read differently is refused or put the way RE2 means it, so a layout means one thing.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from penstock.errors import PenstockError
from penstock.layout.grok import PATTERNS

__all__ = ["Alternation", "LayoutError", "Node", "Raw", "Token", "parse"]


class LayoutError(PenstockError):
    """A layout cannot be read: `position` is the column from 1, `hint` the nearest valid name."""

    def __init__(self, layout: str, position: int, message: str, hint: str = "") -> None:
        self.layout, self.position, self.message, self.hint = layout, position, message, hint
        place = f"file_layout `{layout}`, column {position}: {message}"
        super().__init__(place + (f" ({hint})" if hint else ""))


@dataclass(frozen=True, slots=True)
class Raw:
    """One character or class, ready for `re`; `char` when it can only be that character."""

    regex: str
    char: str | None = None
    quantifier: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """`%{pattern:name}`; `body` holds the nodes of a pattern that the configuration defined."""

    pattern: str
    name: str | None
    body: tuple[Node, ...] | None = None
    quantifier: str = ""


@dataclass(frozen=True, slots=True)
class Alternation:
    """`( a | b )`, named or not."""

    branches: tuple[tuple[Node, ...], ...]
    name: str | None = None
    quantifier: str = ""


Node = Raw | Token | Alternation

_TOKEN = re.compile(r"%\{(\w+)(?::([A-Za-z_@][\w.@-]*))?(?::\w+)?\}")
_OPENER = re.compile(r"\((?:\?:|\?P?<([A-Za-z_]\w*)>)?")
_QUANTIFIER = re.compile(r"(?:[?*+]|\{\d+(?:,\d*)?\})\??")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]")
_ESCAPES = {"A": r"\A", "z": r"\Z", **{c: "\\" + c for c in "dDwWsSbBntrfv"}}
_ANY = frozenset({"DATA", "GREEDYDATA", "NOTSPACE"})


def parse(text: str, patterns: Mapping[str, str]) -> tuple[Node, ...]:
    """The nodes of a layout, which may use `patterns` beside grok's own; LayoutError when it is wrong."""
    reader = _Reader(text, patterns, ())
    branches = reader.branches()
    if reader.at < len(text):
        raise reader.error('found ")" without its "("')
    return branches[0] if len(branches) == 1 else (Alternation(branches),)


def _unbounded(node: Node) -> bool:
    if node.quantifier[:1] in ("*", "+") or re.match(r"\{\d+,\}", node.quantifier):
        return True
    return isinstance(node, Token) and node.pattern in _ANY


def _anything(node: Node) -> bool:
    if isinstance(node, Token):
        return node.pattern in _ANY or any(map(_anything, node.body or ()))
    if isinstance(node, Alternation):
        return any(_anything(inner) for branch in node.branches for inner in branch)
    return node.regex == "." and _unbounded(node)


def _explodes(node: Node) -> bool:
    """Whether repeating this without bound could take exponential time on a hostile key."""
    if isinstance(node, Token):
        return _unbounded(node) or any(map(_explodes, node.body or ()))
    if isinstance(node, Alternation):
        ends = any(branch and _unbounded(branch[-1]) for branch in node.branches)
        return ends or _anything(node) or any(_explodes(n) for branch in node.branches for n in branch)
    return False


class _Reader:
    """A position in the text; each method reads one thing and moves on."""

    def __init__(self, text: str, patterns: Mapping[str, str], within: tuple[str, ...]) -> None:
        self.text, self.patterns, self.within, self.at = text, patterns, within, 0

    def error(self, message: str, hint: str = "", at: int | None = None) -> LayoutError:
        return LayoutError(self.text, (self.at if at is None else at) + 1, message, hint)

    def branches(self) -> tuple[tuple[Node, ...], ...]:
        found: list[tuple[Node, ...]] = []
        nodes: list[Node] = []
        while self.at < len(self.text) and self.text[self.at] != ")":
            if self.text[self.at] == "|":
                self.at += 1
                found.append(tuple(nodes))
                nodes = []
            else:
                nodes.append(self.repeated())
        return (*found, tuple(nodes))

    def repeated(self) -> Node:
        start = self.at
        node = self.one()
        match = _QUANTIFIER.match(self.text, self.at)
        if match is None:
            return node
        if isinstance(node, Raw) and node.regex in (r"\A", r"\Z"):
            raise self.error(f"found {match[0]!r}, which has nothing to repeat")
        self.at = match.end()
        if again := _QUANTIFIER.match(self.text, self.at):
            raise self.error(f"found {again[0]!r} after {match[0]!r}, expected one repetition")
        numbers = [int(n) for n in re.findall(r"\d+", match[0])]
        if any(n > 1000 for n in numbers) or numbers != sorted(numbers):
            raise self.error(f"found {match[0]!r}, expected rising numbers up to 1000", at=match.start())
        repeated = replace(node, quantifier=match[0])
        if _unbounded(repeated) and match[0][0] != "?" and _explodes(node):
            raise self.error("a repetition of a repetition could take for ever; write it without", at=start)
        return repeated

    def one(self) -> Node:
        char = self.text[self.at]
        if self.text.startswith("%{", self.at):
            return self.token()
        if char == "(":
            return self.group()
        if char == "[":
            return self.char_class()
        if char == "\\":
            return self.escape()
        if char in "?*+":
            raise self.error(f"found {char!r}, which has nothing to repeat")
        self.at += 1
        special = {".": Raw("."), "^": Raw(r"\A"), "$": Raw(r"\Z")}
        return special.get(char) or Raw(re.escape(char), char)

    def token(self) -> Node:
        match = _TOKEN.match(self.text, self.at)
        if match is None:
            found = self.text[self.at : self.at + 20]
            raise self.error(f"found {found!r}, expected %{{PATTERN}} or %{{PATTERN:name}}")
        pattern, name = match[1], match[2]
        body = None
        if pattern in self.patterns:
            body = self.custom(pattern)
        elif pattern not in PATTERNS:
            near = difflib.get_close_matches(pattern.upper(), [*PATTERNS, *self.patterns], 1)
            raise self.error(f"unknown pattern {pattern!r}", f"did you mean {near[0]}?" if near else "")
        self.at = match.end()
        return Token(pattern, name, body)

    def custom(self, pattern: str) -> tuple[Node, ...]:
        if pattern in self.within:
            raise self.error(f"pattern {pattern} contains itself")
        inner = _Reader(self.patterns[pattern], self.patterns, (*self.within, pattern))
        try:
            branches = inner.branches()
            if inner.at < len(inner.text):
                raise inner.error('found ")" without its "("')
        except LayoutError as error:
            where = f"in pattern {pattern} = {error.layout!r}, column {error.position}: {error.message}"
            raise self.error(where, error.hint) from None
        return (Alternation(branches),)

    def group(self) -> Node:
        start = self.at
        match = _OPENER.match(self.text, self.at)
        assert match is not None  # noqa: S101 - the caller saw the parenthesis
        self.at = match.end()
        if self.text.startswith("?", self.at):
            found = self.text[start : start + 4]
            raise self.error(f"found {found!r}, expected a group: ( … ), (?: … ) or (?P<name> … )", at=start)
        branches = self.branches()
        if self.at >= len(self.text):
            raise self.error('found "(" without its ")"', at=start)
        self.at += 1
        return Alternation(branches, match[1])

    def char_class(self) -> Node:
        match = _CLASS.match(self.text, self.at)
        if match is None:
            raise self.error('found "[" without its "]"')
        # Python warns of these as set operations to come; in RE2 they are plain characters.
        regex = "[" + re.sub(r"(?<!\\)([\[&~|])", r"\\\1", match[0][1:])
        try:
            re.compile(regex)
        except re.error as error:
            raise self.error(f"found {match[0]!r}: {error.msg}") from None
        if "[:" in match[0]:
            raise self.error(f"found {match[0]!r}, expected plain ranges such as [a-z0-9]")
        self.at = match.end()
        return Raw(regex)

    def escape(self) -> Node:
        char = self.text[self.at + 1 : self.at + 2]
        if char not in _ESCAPES and (not char or char.isalnum()):
            raise self.error(f"found {chr(92) + char!r}, expected an escape such as \\. or \\d")
        self.at += 2
        return Raw(_ESCAPES[char]) if char in _ESCAPES else Raw(re.escape(char), char)
