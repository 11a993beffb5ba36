"""Puts texts through the real conversion and reads back what was written."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb

from penstock import convert, tables
from penstock.convert import Converted, Source
from penstock.model import ObjectRecord
from penstock.standardize import Recipe
from penstock.tables import Table

NOW = dt.datetime(2026, 2, 1, 12, 0, tzinfo=dt.UTC)
TABLE = tables.find("aws_cloudtrail_log")

Row = dict[str, Any]


def event(**fields: Any) -> Row:
    """A small record with a time."""
    return {"eventVersion": "1.11", "eventTime": "2026-01-31T12:00:00Z", "eventName": "X"} | fields


def log(*records: Any, **beside: Any) -> bytes:
    """A document of records."""
    return json.dumps(
        {"Records": list(records), **beside}, separators=(",", ":"), ensure_ascii=False
    ).encode()


@contextmanager
def pieces_of(limit: int) -> Iterator[None]:
    """Meanwhile streams are cut into pieces of about `limit` bytes, and two or three are read at once."""
    with mock.patch.multiple(convert.large, PIECE=limit, AT_ONCE=3 * limit):
        yield


@dataclass
class Outcome:
    """What a conversion came to."""

    made: Converted

    @property
    def records(self) -> list[ObjectRecord]:
        """One for each object."""
        return self.made.records

    @property
    def counts(self) -> list[tuple[str, int, int, int]]:
        """(state, stored, filtered, rejected) of each object."""
        return [(r.state, r.stored, r.filtered, r.rejected) for r in self.records]

    def rows(self, table: str = TABLE.name) -> list[Row]:
        """Rows of a table in the order of files, JSON as text, with their tp_index and tp_date."""
        found = []
        with duckdb.connect() as connection:
            for written in self.made.files:
                if written.file.table == table:
                    answer = connection.execute("SELECT * FROM read_parquet(?)", [str(written.local)])
                    names = [column[0] for column in answer.description or ()]
                    place = {"tp_index": written.file.tp_index, "tp_date": written.file.tp_date}
                    found += [dict(zip(names, row)) | place for row in answer.fetchall()]
        return found

    def sorted(self, table: str = TABLE.name) -> list[Row]:
        """The rows by tp_id."""
        return sorted(self.rows(table), key=lambda row: str(row["tp_id"]))


@dataclass
class Trial:
    """An engine in a folder."""

    folder: Path
    numbers: Iterable[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.folder = self.folder.resolve()
        self.engine = convert.open_engine(self.folder, memory_mb=1024, threads=1)

    def __call__(
        self,
        *texts: bytes,
        blocks: int | None = None,
        names: Sequence[str] | None = None,
        table: Table = TABLE,
        **recipe: Any,
    ) -> Outcome:
        """Convert texts as the objects of one commit; `blocks` streams them in blocks of that size."""
        folder = self.folder / f"commit-{next(iter(self.numbers))}"
        folder.mkdir()
        sources = []
        for number, text in enumerate(texts):
            name = names[number] if names else f"object-{number}"
            given: Path | list[bytes] = folder / f"text-{number}"
            if blocks is None and isinstance(given, Path):
                given.write_bytes(text)
            elif blocks is not None:
                given = [text[start : start + blocks] for start in range(0, len(text), blocks)]
            sources.append(
                Source(
                    identity=f"s3://logs/{name}?etag=e",
                    name=f"s3://logs/{name}",
                    type="aws_s3_bucket",
                    source_name="logs",
                    location=name,
                    text=given,
                    inflated=len(text),
                    bytes=len(text),
                    modified=NOW,
                )
            )
        made = convert.convert(
            self.engine, Recipe(table, "prod", **recipe), sources, commit="commit", time=NOW, folder=folder
        )
        return Outcome(made)

    def close(self) -> None:
        """Close the engine."""
        self.engine.close()
