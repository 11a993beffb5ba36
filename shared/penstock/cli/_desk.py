"""What an assistant may ask of a hive, each thing a function from plain values to plain values.

One session stands behind it, locked as `penstock query`'s is; it is brought to the head before each
question. Every answer is bounded: in rows, in bytes, in what it may read, and in time.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from penstock import query
from penstock.catalogue.summary import holdings
from penstock.cli import _facts
from penstock.cli._answer import size
from penstock.cli._render import row_object, valid_json
from penstock.errors import QueryError
from penstock.tables import find, names

__all__ = ["Desk", "Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one question: rows and bytes of the answer, bytes of the files it may open, seconds."""

    rows: int = 1000
    answer_bytes: int = 262_144
    scan_bytes: int = 10_000_000_000
    seconds: float = 60


@dataclass(slots=True)
class Desk:
    """Questions on one place, one after the other; close it when done."""

    place: query.Place
    limits: Limits
    session: query.Session
    _one: threading.Lock = field(default_factory=threading.Lock)

    def close(self) -> None:
        """Give the session back."""
        self.session.close()

    def list_tables(self) -> list[dict[str, Any]]:
        """Every table with its partitions, rows, bytes and times."""
        with self._asking() as session:
            held = holdings(session.state)
        return [
            {
                "name": table,
                "description": find(table).description if table in names() else "",
                "partitions": [
                    {
                        "name": one.partition.name,
                        "rows": one.rows,
                        "bytes": one.bytes,
                        "first_day": one.first_day.isoformat(),
                        "last_day": one.last_day.isoformat(),
                    }
                    for one in held
                    if one.table == table
                ],
            }
            for table in session.tables
        ]

    def describe_table(self, table: str) -> dict[str, Any]:
        """The table's columns with types and descriptions, and example queries. QueryError: unknown."""
        with self._asking() as session:
            if table not in session.tables:
                raise QueryError(f"unknown table {table}, expected one of {', '.join(session.tables)}")
        declared = find(table) if table in names() else None
        return {
            "name": table,
            "description": declared.description if declared else "",
            "columns": _facts.columns(declared, session.state.shapes[table]),
            "examples": [asdict(example) for example in declared.examples] if declared else [],
        }

    def explain(self, sql: str) -> dict[str, Any]:
        """How many files and bytes the statement may read, table by table. QueryError: it is refused."""
        with self._asking() as session:
            found = query.estimate(session, self._checked(session, sql))
        return {"files": found.files, "bytes": found.bytes, "scans": [asdict(scan) for scan in found.scans]}

    def answer(self, sql: str, max_rows: int) -> dict[str, Any]:
        """The rows of one statement as objects, cut to the limits (`truncated` says so).

        Numbers that a double does not hold are texts.

        QueryError when it is refused or fails, may read more than the limit, or takes too long.
        """
        with self._asking() as session:
            one = self._checked(session, sql)
            self._affordable(session, one)
            timer = threading.Timer(self.limits.seconds, query.cancel, [session])
            timer.start()
            try:
                result = query.run(session, one)
                rows, truncated = self._rows(result, min(max_rows, self.limits.rows))
            except KeyboardInterrupt as error:
                raise QueryError(f"stopped after {self.limits.seconds:g} s; ask for less") from error
            finally:
                timer.cancel()
                timer.join()
        columns = [{"name": n, "type": t} for n, t in zip(result.columns, result.types, strict=True)]
        return {"columns": columns, "rows": rows, "truncated": truncated}

    @contextmanager
    def _asking(self) -> Iterator[query.Session]:
        """The session at the head, for one question at a time."""
        with self._one:
            self.session = query.refresh(self.place, self.session)
            yield self.session

    def _checked(self, session: query.Session, sql: str) -> str:
        found = query.prepare(session, sql)
        if len(found) != 1:
            raise QueryError(f"found {len(found)} statements, expected one")
        return found[0]

    def _affordable(self, session: query.Session, sql: str) -> None:
        if (found := query.estimate(session, sql)).bytes > self.limits.scan_bytes:
            most = size(self.limits.scan_bytes)
            raise QueryError(
                f"it may read {found.files:,} files of {size(found.bytes)}, and {most} is the limit;"
                " narrow it by tp_timestamp, tp_date, tp_partition or tp_index"
            )

    def _rows(self, result: query.Result, most: int) -> tuple[list[Any], bool]:
        rows: list[Any] = []
        left = self.limits.answer_bytes
        for batch in query.batches(result, [row_object(result.columns, result.relation.types)]):
            for (text,) in batch:
                left -= len(str(text).encode())
                if len(rows) >= most or left < 0:
                    return rows, True
                rows.append(json.loads(valid_json(str(text)), parse_float=_number, parse_int=_number))
        return rows, False


def _number(text: str) -> float | int | str:
    """A number as a double holds it: most clients read JSON so. One that would lose digits stays text."""
    found = float(text)
    if not math.isfinite(found) or Decimal(text) != Decimal(repr(found)):
        return text
    return int(text) if text.lstrip("-").isdigit() else found
