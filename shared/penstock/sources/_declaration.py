"""What the declaration of a source is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from penstock.arguments import Argument, ArgumentError, ArgumentType
from penstock.tables import Table

__all__ = ["Argument", "ArgumentError", "ArgumentType", "Configured", "Source"]


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


class Configured(Protocol):
    """What a source of any kind tells once its block is read: `Source.build` makes one.

    `type` is the kind's name, `place` where its logs are, for a person to read, `format` a format
    as `<type>.<name>`, None for the table's own.
    """

    @property
    def type(self) -> str: ...

    @property
    def place(self) -> str: ...

    @property
    def format(self) -> str | None: ...
