"""Says from the words before the cursor what is expected there: a table, an operand, a member, a value."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.cli._shell.words import Word, name_of

__all__ = ["ELEMENT", "compared_with", "operand_follows", "path_before", "wants_relation"]

_RELATIONS_FOLLOW = frozenset({
    "from", "join", "describe", "desc", "summarize", "pivot", "unpivot", "show",
})  # fmt: skip
_OPERAND_FOLLOWS = frozenset({
    "select", "distinct", "all", "where", "and", "or", "not", "on", "by", "having", "case", "when",
    "then", "else", "between", "in", "like", "ilike", "qualify", "using", "is", "as", "limit", "offset",
})  # fmt: skip
_CLAUSES = frozenset({
    "select", "where", "group", "order", "having", "by", "on", "limit", "qualify", "set", "values",
    "using",
})  # fmt: skip
_EQUAL = ("=", "==", "!=", "<>")

ELEMENT = "[]"
"""A step of a path into a list or a map: `a[1].b` is a, ELEMENT, b."""


def path_before(ahead: Sequence[Word]) -> list[str]:
    """`a.b[1].` as a, b and a step into an element; empty when something else stands before the dot."""
    path: list[str] = []
    at = len(ahead) - 1  # a dot
    while at > 0 and ahead[at].text == ".":
        at -= 1
        while at > 0 and ahead[at].text == "]":
            while at > 0 and ahead[at].text != "[":
                at -= 1
            at -= 1
            path.append(ELEMENT)
        if ahead[at].kind not in ("name", "quoted"):
            return []
        path.append(name_of(ahead[at]))
        at -= 1
    return path[::-1]


def compared_with(ahead: Sequence[Word]) -> list[str]:
    """The column in `column =`, `column like`, `column in ('a',`; empty when it is nothing like it."""
    at = len(ahead) - 1
    if at < 1:
        return []
    if ahead[at].text in ("(", ","):
        while at > 0 and (ahead[at].kind == "text" or ahead[at].text == ","):
            at -= 1
        if at < 2 or ahead[at].text != "(" or ahead[at - 1].lower != "in":
            return []
        at -= 1
    elif ahead[at].text not in _EQUAL and ahead[at].lower not in ("like", "ilike"):
        return []
    at -= 1
    if ahead[at].lower == "not":
        at -= 1
    if at < 0 or ahead[at].kind not in ("name", "quoted"):
        return []
    owner = path_before(ahead[:at]) if at and ahead[at - 1].text == "." else []
    return [*owner, name_of(ahead[at])]


def wants_relation(ahead: Sequence[Word]) -> bool:
    """Whether a table's name comes next: behind FROM, JOIN and the like, and the commas of a FROM."""
    last = ahead[-1]
    if last.kind == "name" and last.lower in _RELATIONS_FOLLOW:
        # Behind ORDER BY x DESC comes no table.
        return last.lower != "desc" or len(ahead) == 1
    if last.text != ",":
        return False
    depth = 0
    for word in reversed(ahead):
        depth += (word.text == ")") - (word.text == "(")
        if depth < 0:
            return False
        if depth == 0 and word.kind == "name" and word.lower in _CLAUSES | {"from"}:
            return word.lower == "from"
    return False


def operand_follows(previous: Word | None) -> bool:
    """Whether a column, value or call comes next, rather than what can follow one."""
    if previous is None or previous.kind in ("text", "number", "quoted"):
        return False
    if previous.kind == "name":
        return previous.lower in _OPERAND_FOLLOWS
    return previous.text not in (")", "]", "}", "*", ".")
