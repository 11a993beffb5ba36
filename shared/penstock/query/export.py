"""Writes an answer of any size as one Parquet file or Arrow stream, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from penstock.errors import QueryError
from penstock.query.running import Result, distinct, record_batches

__all__ = ["ExportForm", "export"]

ExportForm = Literal["parquet", "arrow"]

_GROUP_ROWS = 122_880
"""Rows of a Parquet row group: DuckDB's own size, so that it reads them side by side."""


def export(
    result: Result,
    form: ExportForm,
    out: BinaryIO,
    *,
    watch: Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]] = iter,
) -> int:
    """Write all rows to `out`, which need not seek (a pipe); how many there were.

    Arrow is the IPC stream format. A row group is held at a time. Columns of one name are told apart.
    `watch` goes around the batches.
    QueryError when a type has no place in the format or the statement fails; what was written by
    then is no whole file. KeyboardInterrupt when it was cancelled.
    """
    batches = watch(record_batches(result))
    schema = _told_apart(next(batches).schema)
    try:
        writer = pq.ParquetWriter(out, schema, compression="zstd") if form == "parquet" else None
        with writer or pa.ipc.new_stream(out, schema) as sink:
            return sum(_write(sink, group) for group in _groups(batches, schema))
    except pa.ArrowException as error:
        raise QueryError(f"{form}: {error}; a cast of that column to VARCHAR can be written") from error


def _write(sink: pq.ParquetWriter | pa.RecordBatchStreamWriter, group: pa.Table) -> int:
    sink.write_table(group)
    return int(group.num_rows)


def _told_apart(schema: pa.Schema) -> pa.Schema:
    """The same with a name of its own for each column: readers find columns by name."""
    names = distinct(schema.names)
    return pa.schema(
        [field.with_name(name) for field, name in zip(schema, names, strict=True)], schema.metadata
    )


def _groups(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
        if sum(map(len, held)) >= _GROUP_ROWS:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)
