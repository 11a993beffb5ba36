"""Says in words what the parser stumbled over: what it found, what it expected, and where."""

from __future__ import annotations

from lark import UnexpectedInput
from lark.exceptions import UnexpectedToken

__all__ = ["expected", "found", "hint", "position"]

_HINTS = {
    "'": "strings take double quotes or backticks",
    ",": "arguments stand on lines of their own, without commas",
    ":": 'arguments are written name = "value"',
    ";": "arguments stand on lines of their own, without semicolons",
}


def position(error: UnexpectedInput) -> int:
    """The offset in the parsed text to name; a head without its body is named by its own."""
    at = error.pos_in_stream or 0
    if isinstance(error, UnexpectedToken) and _expects(error) == {"LBRACE"}:
        stack = error.interactive_parser.parser_state.value_stack
        starts = [getattr(getattr(item, "meta", item), "start_pos", None) for item in stack]
        return max((n for n in starts if n is not None), default=at)
    return at


def found(error: UnexpectedInput) -> str:
    """What stands where the parser stopped."""
    token = getattr(error, "token", None)
    text = str(token) if token is not None else str(getattr(error, "char", ""))
    if token is not None and token.type == "$END":
        return "the end of the file"
    if text.startswith("\n"):
        return "the end of the line"
    if text.startswith('"'):
        return "a string"
    return f'"{(text.split() or [""])[0][:40]}"'


def hint(error: UnexpectedInput) -> str:
    """What people who write that usually want, if it is known."""
    return _HINTS.get(found(error)[1:2], "")


def expected(error: UnexpectedInput) -> str:
    """What could have stood there, in the words of the language."""
    tokens = _expects(error)
    if tokens == {"LBRACE"}:
        return '"{" after a block\'s labels (an argument is written name = value)'
    for closer, char in (("RSQB", "]"), ("RPAR", ")")):
        if {"COMMA", closer} <= tokens:
            return f'"," or "{char}"'
    if {"INT_LITERAL", "LSQB"} <= tokens:
        return "a value: a string, number, bool, list, map or reference"
    if {"INT_LITERAL", "NAME"} <= tokens:
        return "a name after the dot"
    if "EQ" in tokens:
        return '"=" and a value, or labels and "{"' if "LBRACE" in tokens else '"=" and a value'
    if "LBRACE" in tokens:
        return 'labels and "{"'
    return 'an argument, a block or "}"' if "RBRACE" in tokens else "a block"


def _expects(error: UnexpectedInput) -> set[str]:
    names = getattr(error, "accepts", None) or getattr(error, "allowed", None) or ()
    return {str(name) for name in names}
