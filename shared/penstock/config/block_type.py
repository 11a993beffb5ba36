"""What the declaration of a block is made of."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.arguments import Argument

__all__ = ["BlockType"]


@dataclass(frozen=True, slots=True)
class BlockType:
    """`<name> "<label>" … { <arguments>, <blocks> }`; `blocks` names the blocks it may hold."""

    name: str
    labels: tuple[str, ...]
    description: str
    arguments: tuple[Argument, ...]
    blocks: tuple[str, ...] = ()
    example: str = ""
