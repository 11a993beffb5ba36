"""What a file says before anybody knows what it means: blocks, settings and values with their lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["BROKEN", "Block", "Reference", "Setting", "Value"]


@dataclass(frozen=True, slots=True)
class Reference:
    """`connection.aws.logs`, not yet followed."""

    path: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.path)


class _Broken:
    """The value of what could not be read."""


BROKEN = _Broken()


@dataclass(frozen=True, slots=True)
class Value:
    """A value and its line: str, int, float, bool, None, Reference, BROKEN, tuple or dict of Value."""

    data: Any
    line: int


@dataclass(frozen=True, slots=True)
class Setting:
    """`name = value`."""

    name: str
    value: Value
    line: int


@dataclass(frozen=True, slots=True)
class Block:
    """`type "label" … { settings, blocks }`; the file itself is a block without type or labels."""

    type: str
    labels: tuple[str, ...]
    settings: tuple[Setting, ...]
    blocks: tuple[Block, ...]
    file: str
    line: int
