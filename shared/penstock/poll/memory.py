"""A source's position: how far it was read, and what was seen near there, so that it is not read twice."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["MOST_IDS", "Memory"]

MOST_IDS = 7_000
"""Ids that a position remembers: 27 bytes each at most, and the item of a commit, which ends at 400 KB, has
the position before and the one after."""


@dataclass(frozen=True, slots=True)
class Memory:
    """`until`: everything before it was read. `seen`: what was read at `floor` or later: (time, mark).

    Times are milliseconds since 1970 for logs, else whatever orders a source. What lies before
    `floor` is not looked at again.
    """

    until: int
    floor: int
    seen: tuple[tuple[int, str], ...] = ()

    @staticmethod
    def mark(identity: str) -> str:
        """A short mark of an id: 72 bits, so that two of some thousands never share one."""
        return base64.urlsafe_b64encode(hashlib.sha256(identity.encode()).digest()[:9]).decode()

    @classmethod
    def read(cls, text: str) -> Memory:
        """From the ledger's text."""
        told = json.loads(text)
        return cls(
            told["until"], told["floor"], tuple((at + told["floor"], mark) for at, mark in told["seen"])
        )

    def text(self) -> str:
        """For the ledger."""
        seen = [[at - self.floor, mark] for at, mark in self.seen]
        return json.dumps({"until": self.until, "floor": self.floor, "seen": seen}, separators=(",", ":"))

    def after(self, until: int, overlap: int, more: Iterable[tuple[int, str]]) -> Memory:
        """What it is when everything before `until` was read, `more` being new.

        With more ids than it can remember the overlap is shorter: nothing is read twice.
        """
        floor = max(self.floor, until - overlap)
        kept = sorted({one for one in (*self.seen, *more) if one[0] >= floor})
        if len(kept) > MOST_IDS:
            # Of one time all or none are remembered.
            floor = kept[-MOST_IDS - 1][0] + 1
            kept = [one for one in kept if one[0] >= floor]
        return Memory(until, floor, tuple(kept))
