"""Of which days the rows of a text are, told from a look at it: a guess, and a wrong one costs only time."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from penstock.readers import Piece
from penstock.tables import Table

__all__ = ["days_of", "several_days"]

_END = 4 << 10


def several_days(table: Table, pieces: Sequence[Piece], texts: Mapping[str, bytes]) -> bool:
    """Whether the times of pieces are of more than one day. `texts` are those that stand in no file yet."""
    days: set[bytes] = set()
    for piece in pieces:
        days.update(days_of(table, texts.get(piece.path) or Path(piece.path)))
        if len(days) > 1:
            return True
    return False


def days_of(table: Table, text: Path | bytes) -> tuple[bytes, ...]:
    """The days of a text's times, in their order; none for a table whose time is no field of a text.

    Its beginning and its end are read. Where they have a time of the hour before or after midnight,
    the day beyond it is looked for in all of the text: AWS does not sort what it delivers.
    """
    time = table.enrichment["tp_timestamp"]
    key = next((column.key for column in table.columns if column.name == time), "")
    if not key:
        return ()
    stamp = re.compile(rb'("' + re.escape(key.encode()) + rb'"\s*:\s*")(\d{4}-\d\d-\d\d)T(\d\d)')
    seen = {found for end in _ends(text) for found in stamp.findall(end)}
    days = {day for _, day, _ in seen}
    beyond = {spelt + day + b"T": day for spelt, day in _beyond_midnight(seen) if day not in days}
    if beyond:
        whole = text if isinstance(text, bytes) else text.read_bytes()
        days |= {day for spelling, day in beyond.items() if spelling in whole}
    return tuple(sorted(days))


def _beyond_midnight(seen: Iterable[tuple[bytes, bytes, bytes]]) -> Iterable[tuple[bytes, bytes]]:
    """For times (what stands before it, day, hour) beside midnight: the same of the neighbouring day."""
    for spelt, day, hour in seen:
        step = {b"00": -1, b"23": 1}.get(hour)
        if step:
            try:
                other = dt.date.fromisoformat(day.decode()) + dt.timedelta(days=step)
            except (ValueError, OverflowError):
                continue  # it is no date, and rejected when it is read
            yield spelt, other.isoformat().encode()


def _ends(text: Path | bytes) -> tuple[bytes, bytes]:
    """How a text begins and how it ends."""
    if isinstance(text, bytes):
        return text[:_END], text[-_END:]
    with text.open("rb") as file:
        first = file.read(_END)
        file.seek(-min(_END, file.seek(0, os.SEEK_END)), os.SEEK_END)
        return first, file.read()
