"""Judges a table that changed: whether what its live files hold can be read as the columns it has today.

Columns that came read as null in older files, those that went are kept, a type that reads the older
one (`widening.reads`) is cast to. Anything else is refused, by `penstock config check` and by collect,
which leaves the objects in the queue. Readers and compaction keep the types that the files have, so
that whatever is configured nobody reads a wrong value.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from penstock import extensions
from penstock.catalogue.shape import Columns
from penstock.catalogue.widening import plain, reads
from penstock.model import Schema
from penstock.sql import literal

__all__ = ["Held", "Misfit", "held", "unreadable"]


@dataclass(frozen=True, slots=True)
class Held:
    """A schema with the live files that have it, None where nobody has counted, and their rows."""

    schema: Schema
    files: int | None = None
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Misfit:
    """A column that live files hold in a type which the declared one does not read."""

    column: str
    reason: str

    def __str__(self) -> str:
        return self.reason


def held(path: Path) -> tuple[Held, ...]:
    """What the live files of the catalogue at `path` hold, schema by schema."""
    with extensions.connect(threads=1) as db:
        db.execute(f"ATTACH {literal(str(path))} AS lake (READ_ONLY)")
        found = db.execute(_HELD).fetchall()
    return tuple(
        Held(Schema(table, mark, tuple(map(tuple, json.loads(columns)))), files, rows)
        for table, mark, columns, files, rows in found
    )


def unreadable(table: str, declared: Columns, found: Iterable[Held]) -> tuple[Misfit, ...]:
    """Why files cannot be read as the `declared` columns; empty: they can."""
    wanted = {name.lower(): (name, type_) for name, type_ in declared}
    misfits: dict[tuple[str, str, str], list[Held]] = defaultdict(list)
    for one in found:
        for name, type_ in one.schema.columns if one.schema.table == table else ():
            if name.lower() in wanted:
                column, new = wanted[name.lower()]
                for misfit in _misfits(column, plain(type_), plain(new)):
                    misfits[misfit].append(one)
    return tuple(
        Misfit(
            re.split(r"[.[]", place)[0],
            f"{table}.{place}: found the type {new}, but {_counted(several)} hold it as {old}, which does "
            f"not always read as {new}; expected {old}, or another name for the new column",
        )
        for (place, old, new), several in misfits.items()
    )


def _counted(several: Sequence[Held]) -> str:
    files = [one.files for one in several if one.files is not None]
    if not files:
        return "older files"
    count = sum(files)
    return f"{count} live {'file' if count == 1 else 'files'} ({sum(one.rows for one in several)} rows)"


def _misfits(at: str, old: str, new: str) -> Iterator[tuple[str, str, str]]:
    """The innermost places where `new` does not read `old`, with the two types there."""
    if reads(old, new):
        return
    a, b = duckdb.sqltype(old), duckdb.sqltype(new)
    if a.id == b.id == "struct":
        have = {name: str(type_) for name, type_ in a.children}
        for name, type_ in b.children:
            if name in have:
                yield from _misfits(f"{at}.{name}", have[name], str(type_))
    elif a.id == b.id == "list":
        yield from _misfits(f"{at}[]", str(a.children[0][1]), str(b.children[0][1]))
    else:
        yield at, old, new


_HELD = """
SELECT s.tp_table, s.fingerprint, s.columns, count(*), sum(d.record_count)::BIGINT
FROM lake.penstock.schema s
JOIN lake.main.ducklake_data_file d USING (mapping_id)
GROUP BY ALL ORDER BY 1, 2
"""
