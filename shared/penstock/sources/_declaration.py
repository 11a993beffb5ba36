"""What a block's declaration is made of: arguments as data, with their docs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from penstock.errors import PenstockError
from penstock.tables import Table

__all__ = ["Argument", "ArgumentError", "ArgumentType", "Source"]

ArgumentType = Literal["string", "number", "bool", "strings", "map", "connection", "format"]
"""`strings` is a list of strings, `map` maps strings to strings; the last two are references."""


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


@dataclass(frozen=True, slots=True)
class Source:
    """The declaration of one kind of source: `source "<name>" { <arguments> }`.

    `build` makes the source's value from its checked arguments (absent ones are absent, references
    are texts such as `aws.default`) for a partition of the table; it may raise ArgumentError.
    """

    name: str
    description: str
    arguments: tuple[Argument, ...]
    build: Callable[[Mapping[str, Any], Table], Any]
    example: str = ""
