"""How the text of an object is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Syntax"]


@dataclass(frozen=True, slots=True)
class Syntax:
    """A reader's name and the options it takes (each reader's module docstring lists them).

    `when` is a regular expression over the first bytes of a text: of a table that is written in
    several ways, the first one whose `when` is found there is taken, else the table's own; one that
    begins with a quote is looked for among the members of outermost objects. Parquet needs none: it
    is known by its magic.
    """

    reader: str
    options: Mapping[str, object] = field(default_factory=dict)
    when: bytes = b""
