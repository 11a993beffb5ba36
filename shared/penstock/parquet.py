"""How Penstock writes Parquet: the options of every COPY, and what it keeps of the statistics it is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from penstock import __version__
from penstock.model import ColumnStats, DataFile, Schema
from penstock.sql import literal

__all__ = ["Copied", "Written", "copy_options", "lasting_options", "statistics"]

_LONGEST_STATISTIC = 128


@dataclass(frozen=True, slots=True)
class Written:
    """A Parquet file on this machine and what the ledger will know of it."""

    local: Path
    file: DataFile


@dataclass(frozen=True, slots=True)
class Copied:
    """What a COPY with RETURN_STATS tells of one file it wrote; sizes are in bytes.

    `told` has the statistics of each column by its quoted name, `keys` the values of PARTITION_BY.
    """

    path: Path
    rows: int
    bytes: int
    footer_bytes: int
    told: Mapping[str, Mapping[str, str]]
    keys: Mapping[str, str]

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> Self:
        """Read one row of the answer; see https://duckdb.org/docs/stable/sql/statements/copy."""
        name, count, size, footer, told, keys = row
        return cls(Path(name), count, size, footer, told or {}, keys or {})


def copy_options(table: str, fingerprint: str, *, made: Literal["fast", "small"] = "fast") -> str:
    """What stands in the parentheses of `COPY … TO … (…)` for a file of `table` and this schema.

    `made` is `fast` for what will be merged again soon, `small` for what stays.
    """
    level = {"fast": 1, "small": 6}[made]
    return (
        f"FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {level}, RETURN_STATS, KV_METADATA {{"
        f"'penstock.table': {literal(table)}, "
        f"'penstock.schema': {literal(fingerprint)}, "
        f"'penstock.version': {literal(__version__)}}}"
    )


def lasting_options(schema: Schema, row_group: int) -> str:
    """The options of a file that stays, with row groups of so many rows.

    DuckDB writes a bloom filter for a column with a dictionary. Ids (`event_id`, ARNs, addresses) get
    one by raising the limits of dictionaries to a row group's rows, of 64 bytes each: 10 % more bytes,
    and a needle reads one row group of seven (docs/decisions/parquet-that-stays.md). Numbers that
    hardly repeat would grow by it: only where texts prevail.
    """
    options = f"{copy_options(schema.table, schema.fingerprint, made='small')}, ROW_GROUP_SIZE {row_group}"
    texts = sum(type_ in ("VARCHAR", "JSON") for _, type_ in schema.columns)
    numbers = sum(type_.endswith(_NUMBERS) for _, type_ in schema.columns)
    if texts < 4 * numbers:
        return options
    most = row_group + VECTOR  # a row group ends with the vector that fills it
    return f"{options}, DICTIONARY_SIZE_LIMIT {most}, STRING_DICTIONARY_PAGE_SIZE_LIMIT {most * 64}"


VECTOR = 2048
"""Rows that DuckDB handles at once (STANDARD_VECTOR_SIZE)."""

_NUMBERS = ("INTEGER", "BIGINT", "SMALLINT", "DOUBLE", "FLOAT")


def statistics(columns: Iterable[str], told: Mapping[str, Mapping[str, str]]) -> dict[str, ColumnStats]:
    """Of `columns`, what the ledger keeps; a value that may be shortened is none."""
    kept: dict[str, ColumnStats] = {}
    for name in columns:
        found = told.get(f'"{name}"')
        if found is None:
            continue
        low, high = found.get("min"), found.get("max")
        if any(text is None or len(text) > _LONGEST_STATISTIC or "\0" in text for text in (low, high)):
            low = high = None
        kept[name] = ColumnStats(low, high, int(found.get("null_count", 0)))
    return kept
