"""Sends a statement to Amazon Athena and brings its answer here, to be shown as DuckDB's answers are.

Athena reads the hive by its Glue tables and charges for what it scans; it is for questions that are
too large for a laptop's line. The statement goes as it is, in Athena's SQL. Rows come page by page
and are kept by DuckDB, which spills what memory does not hold.
(https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html)
"""

from __future__ import annotations

import re
import time as clock
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from penstock import aws, catalogue, extensions
from penstock.errors import QueryError, Retry
from penstock.query.running import Result
from penstock.query.session import Session
from penstock.sql import identifier

__all__ = ["DOLLARS_PER_TB", "Billed", "Where", "ask"]

DOLLARS_PER_TB = 5.0
"""On demand, in most regions (https://aws.amazon.com/athena/pricing/); 10 MB a query at least."""

_LEAST_BYTES = 10_000_000
_LONGEST_WAIT = 2.0  # seconds between two looks
_READING = re.compile(r"\s*(\(\s*)*(select|with|values|show|describe|desc)\b", re.IGNORECASE)
_EXPLAIN = re.compile(r"\s*explain\s+(analyze\s+(verbose\s+)?)?(\([^()]*\)\s*)?", re.IGNORECASE)
_COMMENT = re.compile(r"\s*(--[^\n]*(\n|$)|/\*.*?\*/)", re.DOTALL)
_TYPES = {
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "real": "FLOAT",
    "double": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "json": "JSON",
}


@dataclass(frozen=True, slots=True)
class Where:
    """Athena's database and workgroup, and where it puts results (empty: where the workgroup says)."""

    database: str
    workgroup: str = "primary"
    output: str = ""


@dataclass(frozen=True, slots=True)
class Billed:
    """What Athena scanned, in bytes, how long it took, in seconds, and what that costs, in dollars."""

    bytes: int
    seconds: float

    @property
    def dollars(self) -> float:
        """At DOLLARS_PER_TB; nothing scanned costs nothing."""
        return DOLLARS_PER_TB * max(self.bytes, _LEAST_BYTES) / 1e12 if self.bytes else 0.0


def ask(
    client: Any, sql: str, where: Where, *, scratch: Path, sleep: Callable[[float], None] = clock.sleep
) -> tuple[Result, Billed]:
    """Run one statement and fetch its rows; close `result.session` when done.

    `client` is boto3's for Athena. QueryError: it is no query, or Athena's words why it failed.
    Retry: Athena cannot be reached. KeyboardInterrupt stops it there too.
    """
    _require_reading(sql)
    try:
        found = _run(client, sql, where, sleep)
        connection = extensions.connect(temp_directory=str(scratch))
        try:
            relation = _fetch(client, connection, found["QueryExecutionId"])
        except BaseException:
            connection.close()
            raise
    except aws.AwsError as error:
        if aws.code(error) in ("InvalidRequestException", "AccessDeniedException"):
            raise QueryError(f"Athena: {error}") from error
        raise Retry(f"Athena: {aws.code(error)}: {error}") from error
    told = found.get("Statistics", {})
    billed = Billed(int(told.get("DataScannedInBytes", 0)), told.get("TotalExecutionTimeInMillis", 0) / 1000)
    session = Session(connection, (), catalogue.State(scratch, "athena", {}, {}, {}))
    columns, types = tuple(relation.columns), tuple(map(str, relation.types))
    return Result(sql, columns, types, relation, session), billed


def _require_reading(sql: str) -> None:
    """Athena runs one statement a call; what is not a query is refused before it is sent (G6)."""
    text = sql
    while comment := _COMMENT.match(text):
        text = text[comment.end() :]
    if head := _EXPLAIN.match(text):
        text = text[head.end() :]
    if not _READING.match(text):
        first = (text.split() or ["nothing"])[0]
        raise QueryError(f"found {first}, expected a query: SELECT, WITH, VALUES, SHOW, DESCRIBE or EXPLAIN")


def _run(client: Any, sql: str, where: Where, sleep: Callable[[float], None]) -> Any:
    """Start it and wait for its end; its description."""
    options: dict[str, Any] = (
        {"ResultConfiguration": {"OutputLocation": where.output}} if where.output else {}
    )
    context = {"Database": where.database}
    started = client.start_query_execution(
        QueryString=sql, WorkGroup=where.workgroup, QueryExecutionContext=context, **options
    )
    name = started["QueryExecutionId"]
    wait = 0.1
    try:
        while True:
            found = client.get_query_execution(QueryExecutionId=name)["QueryExecution"]
            state = found["Status"]["State"]
            if state == "SUCCEEDED":
                return found
            if state in ("FAILED", "CANCELLED"):
                reason = found["Status"].get("StateChangeReason", "no reason was given")
                raise QueryError(f"Athena: {state.lower()}: {reason}")
            sleep(wait)
            wait = min(_LONGEST_WAIT, wait * 1.5)
    except KeyboardInterrupt:
        client.stop_query_execution(QueryExecutionId=name)
        raise


def _fetch(client: Any, connection: duckdb.DuckDBPyConnection, name: str) -> duckdb.DuckDBPyRelation:
    """The rows as a DuckDB table, with the types that Athena told."""
    columns: list[tuple[str, str]] = []
    for page, rows in enumerate(_pages(client, name)):
        if page == 0:
            columns = [(c["Name"], _type(c)) for c in rows["ResultSetMetadata"]["ColumnInfo"]]
            texts = ", ".join(f"c{n} VARCHAR" for n in range(len(columns))) or "c0 VARCHAR"
            connection.execute(f"CREATE TABLE answer ({texts})")
        values = [_values(row, len(columns)) for row in rows["Rows"]]
        if page == 0 and values and values[0] == [column for column, _ in columns]:
            values = values[1:]  # the first row of a SELECT is its heading
        if values:
            arrays = [pa.array(column, pa.string()) for column in zip(*values, strict=True)]
            connection.register("page", pa.table(arrays, names=[f"c{n}" for n in range(len(columns))]))
            connection.execute("INSERT INTO answer FROM page")
            connection.unregister("page")
    shown = (f"c{n}::{type_} AS {identifier(column)}" for n, (column, type_) in enumerate(columns))
    return connection.sql(f"SELECT {', '.join(shown) or '*'} FROM answer")


def _pages(client: Any, name: str) -> Iterator[Any]:
    token: dict[str, str] = {}
    while True:
        page = client.get_query_results(QueryExecutionId=name, **token)
        yield page["ResultSet"]
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}


def _values(row: Any, count: int) -> Sequence[str | None]:
    found = [cell.get("VarCharValue") for cell in row.get("Data", [])]
    return found + [None] * (count - len(found))


def _type(column: Any) -> str:
    name = str(column["Type"]).lower()
    if name == "decimal":
        return f"DECIMAL({column.get('Precision') or 38}, {column.get('Scale') or 0})"
    return _TYPES.get(name, "VARCHAR")
