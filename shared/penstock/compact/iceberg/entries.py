"""Turns files of the ledger into entries of an Iceberg manifest, by what is known: no file is opened."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from pyiceberg.conversions import to_bytes
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.schema import Schema
from pyiceberg.typedef import Record
from pyiceberg.types import (
    DateType,
    IntegerType,
    LongType,
    PrimitiveType,
    StringType,
    TimestampType,
)

from penstock import model

__all__ = ["entry"]

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - Iceberg's timestamps have no zone


def entry(uri: str, file: model.DataFile, schema: Schema, types: Mapping[str, str], spec_id: int) -> DataFile:
    """The entry of a file at `uri`. `types` are the DuckDB types of those of its columns that have the
    table's own type: the bounds of others would be written otherwise.
    """
    nulls: dict[int, int] = {}
    values: dict[int, int] = {}
    lows: dict[int, bytes] = {}
    highs: dict[int, bytes] = {}
    for name, stats in file.stats.items():
        if name not in types:
            continue
        field = schema.find_field(name)
        nulls[field.field_id], values[field.field_id] = stats.nulls, file.rows
        for bounds, text in ((lows, stats.min), (highs, stats.max)):
            bound = None if text is None else _bound(field.field_type, text)
            if bound is not None:
                bounds[field.field_id] = bound
    made = DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=uri,
        file_format=FileFormat.PARQUET,
        # In the order of lake.PARTITION_KEYS; a date as days since 1970.
        partition=Record(file.table, file.partition, file.tp_index, (file.tp_date - _EPOCH.date()).days),
        record_count=file.rows,
        file_size_in_bytes=file.bytes,
        null_value_counts=nulls,
        value_counts=values,
        lower_bounds=lows,
        upper_bounds=highs,
    )
    made.spec_id = spec_id
    return made


def _bound(type_: Any, text: str) -> bytes | None:
    """A value as DuckDB writes it, as Iceberg does; None for types and years that are left without bounds."""
    value = _value(type_, text)
    return None if value is None else to_bytes(type_, value)


def _value(type_: PrimitiveType, text: str) -> Any:
    if isinstance(type_, StringType):
        return text
    if isinstance(type_, IntegerType | LongType):
        return int(text)
    try:
        if isinstance(type_, DateType):
            return (dt.date.fromisoformat(text) - _EPOCH.date()).days
        if isinstance(type_, TimestampType):
            return (dt.datetime.fromisoformat(text) - _EPOCH) // dt.timedelta(microseconds=1)
    except ValueError:  # a year that Python does not know
        return None
    return None
