"""What blocks of a configuration take: arguments as data, with their docs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from penstock.errors import PenstockError

__all__ = ["Argument", "ArgumentError", "ArgumentType"]

ArgumentType = Literal["string", "number", "bool", "strings", "string(s)", "map", "connection", "format"]
"""`strings` is a list of strings, `string(s)` that or one of them by itself, `map` maps strings to
strings; the last two are references."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a block.

    `default` is what its absence means, in words for the docs where it depends on something.
    `check` says what is wrong with a value of the right type, as "expected …", or None.
    `ignored` says why an argument is accepted without effect.
    """

    name: str
    type: ArgumentType
    description: str
    required: bool = False
    default: object = None
    check: Callable[[Any], str | None] | None = None
    ignored: str = ""
    unit: str = ""


class ArgumentError(PenstockError):
    """A value is wrong in a way that only its source can tell; names the argument."""

    def __init__(self, argument: str, message: str, hint: str = "") -> None:
        self.argument, self.message, self.hint = argument, message, hint
        super().__init__(f"{argument}: {message}" + (f" ({hint})" if hint else ""))
