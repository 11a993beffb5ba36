"""What the declaration of a format is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock.arguments import Argument
from penstock.readers import Syntax

__all__ = ["Format", "Preset"]


@dataclass(frozen=True, slots=True)
class Preset:
    """A format that exists without being written: `format.<type>.<name>`, with these arguments."""

    name: str
    description: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Format:
    """The declaration of one type of format: `format "<name>" "<label>" { <arguments> }`.

    `build` makes the Syntax from checked arguments (absent ones are absent); it may raise
    ArgumentError. `reference` tells where the way of writing is described. `vocabulary` are names
    that an argument may use, with what they stand for.
    """

    name: str
    description: str
    arguments: tuple[Argument, ...]
    build: Callable[[Mapping[str, Any]], Syntax]
    reference: str
    presets: tuple[Preset, ...] = ()
    example: str = ""
    vocabulary: Mapping[str, str] = field(default_factory=dict)
