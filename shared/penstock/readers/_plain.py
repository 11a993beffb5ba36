"""What readers answer that have nothing to say: every text reads, is spelt right, and is read one way."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["exacts", "readable", "respelt"]


def readable(options: Mapping[str, object]) -> str:
    """Any text has the shape."""
    del options
    return "true"


def respelt(path: str, beginning: bytes, options: Mapping[str, object], *, odd: bool) -> str | None:
    """Every text is as it should be."""
    del path, beginning, options, odd
    return None


def exacts(options: Mapping[str, object]) -> bool:
    """There is one way only."""
    del options
    return False
