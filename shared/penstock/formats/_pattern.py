"""What formats of lines share: arguments, and the Syntax of a pattern."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from penstock.arguments import Argument, ArgumentError
from penstock.readers import Syntax
from penstock.readers.pattern import groups

__all__ = ["ARGUMENTS", "syntax"]

ARGUMENTS = (
    Argument(
        "null_if", "string(s)", "Texts of a field that mean nothing is there; an empty one always does."
    ),
    Argument("comment", "string(s)", "How lines begin that are no rows."),
    Argument("description", "string", "What it is for."),
)


def syntax(pattern: str, values: Mapping[str, Any]) -> Syntax:
    """Lines by a pattern; ArgumentError when its named groups cannot be fields."""
    _, names = groups(pattern)
    if not names:
        raise ArgumentError("layout", "found no named group, expected at least one such as (?P<status>…)")
    for name, times in Counter(name.lower() for name in names).items():
        if times > 1:
            raise ArgumentError("layout", f'found the field "{name}" {times} times, expected it once')
    options: dict[str, object] = {"pattern": pattern, "shown": values.get("layout", pattern)}
    for ours, theirs in (("null_if", "nullstr"), ("comment", "comment")):
        if values.get(ours):
            options[theirs] = tuple(values[ours])
    return Syntax("pattern", options)
