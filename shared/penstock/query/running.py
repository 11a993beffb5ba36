"""Runs one checked statement and gives its rows a batch at a time, so that memory does not grow (G4)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import duckdb

from penstock import pruning, statement
from penstock.catalogue.earlier import KEPT
from penstock.errors import QueryError
from penstock.query import interrupts, pushdown
from penstock.query.gateway import Spent
from penstock.query.session import Session, cancel
from penstock.sql import identifier, literal

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "Result",
    "Spent",
    "batches",
    "distinct",
    "faster",
    "limited",
    "placed",
    "prepare",
    "record_batches",
    "run",
    "spent",
]

_IMPOSSIBLE = re.compile(r"\n+(?:Please try (install)ing|Use \"SET ).*", re.DOTALL)
BATCH_ROWS = 2048
ARROW_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Result:
    """One statement's answer before its rows are fetched: column names, DuckDB types, the relation.

    Its rows can be taken once, by `batches` or `record_batches`.
    """

    sql: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    relation: duckdb.DuckDBPyRelation
    session: Session


def prepare(session: Session, sql: str) -> tuple[str, ...]:
    """The statements of `sql`, checked and fit to `run`; QueryError says which is refused and where."""
    return statement.check(session.connection, sql)


def run(session: Session, sql: str) -> Result:
    """Begin one statement that `prepare` gave. QueryError holds DuckDB's words, place and suggestions."""
    session.cancelled.clear()
    if session.gateway is not None:
        session.gateway.troubles()  # of statements before
    with _interruptible(session):
        try:
            text = faster(session, sql)
            pushdown.settle(session.connection, text)
            relation = session.connection.sql(text)
        except duckdb.Error as error:
            told = _trouble(session, error) or placed(session, sql, error) + _arrows(sql, str(error))
            raise QueryError(told) from error
    if relation is None:
        raise QueryError(f"the statement gave no rows to show: {sql.strip()}")
    return Result(sql, tuple(relation.columns), tuple(str(t) for t in relation.types), relation, session)


def distinct(names: Sequence[str]) -> list[str]:
    """The names of columns, with a number behind those that were there before: a, a_1."""
    seen: set[str] = set()
    found = []
    for name in names:
        candidates = itertools.chain([name], (f"{name}_{n}" for n in itertools.count(1)))
        free = next(candidate for candidate in candidates if candidate not in seen)
        seen.add(free)
        found.append(free)
    return found


def limited(result: Result, rows: int) -> Result:
    """The same answer with at most `rows` of its rows."""
    return replace(result, relation=result.relation.limit(rows))


def batches(result: Result, expressions: Sequence[str]) -> Iterator[list[tuple[object, ...]]]:
    """The rows, `BATCH_ROWS` at a time, as `expressions` render them (SQL; `#1` is the first column).

    Rendering happens in DuckDB: only texts and numbers come over. QueryError as with `run`;
    KeyboardInterrupt when it was cancelled, by `cancel` or by Ctrl-C; the session stays usable.
    """
    with _interruptible(result.session), _explained(result):
        rows = result.relation.project(", ".join(expressions))
    while True:
        with _interruptible(result.session), _explained(result):
            batch = rows.fetchmany(BATCH_ROWS)
        if not batch:
            return
        yield batch


def record_batches(result: Result) -> Iterator[pa.RecordBatch]:
    """The rows as Arrow record batches of up to ARROW_ROWS rows, at least one (maybe empty); they
    stream, and errors are those of `batches`. Every batch has the same schema. Types that Arrow has
    nothing for come as texts, where DuckDB would give other values under another type.
    """
    import pyarrow as pa

    with _interruptible(result.session), _explained(result, pa.ArrowException):
        reader = _fit(result).to_arrow_reader(ARROW_ROWS)
    yield pa.RecordBatch.from_pylist([], schema=reader.schema)
    while True:
        with _interruptible(result.session), _explained(result, pa.ArrowException):
            batch = next(reader, None)
        if batch is None:
            return
        yield batch


_NOT_IN_ARROW = frozenset({"BIT", "INET", "TIME WITH TIME ZONE", "UHUGEINT", "VARIANT"})


def _fit(result: Result) -> duckdb.DuckDBPyRelation:
    if _NOT_IN_ARROW.isdisjoint(result.types):
        return result.relation
    columns = (
        f"#{number}::VARCHAR AS {identifier(name)}" if type_ in _NOT_IN_ARROW else f"#{number}"
        for number, (name, type_) in enumerate(zip(result.columns, result.types, strict=True), start=1)
    )
    return result.relation.project(", ".join(columns))


def spent(session: Session) -> Spent:
    """What the statements since the last call asked of S3; call it when none runs."""
    return session.gateway.spent() if session.gateway is not None else Spent()


@contextmanager
def _interruptible(session: Session) -> Iterator[None]:
    """A cancelled statement ends in KeyboardInterrupt, whichever way DuckDB tells it."""
    try:
        with interrupts.heeded(lambda: cancel(session)):
            yield
    except RuntimeError as error:  # what the Python package makes of Ctrl-C; duckdb.Error is none
        if "interrupted" in str(error):
            session.connection.interrupt()  # it has let go of the statement, whose threads still run
            raise KeyboardInterrupt from error
        raise
    except QueryError as error:
        if session.cancelled.is_set():
            raise KeyboardInterrupt from error
        raise


@contextmanager
def _explained(result: Result, *more: type[Exception]) -> Iterator[None]:
    told: tuple[type[Exception], ...] = (duckdb.Error, *more)
    try:
        yield
    except told as error:
        if result.session.cancelled.is_set():
            raise KeyboardInterrupt from error
        # The line it shows is our rendering, not what the person wrote.
        cause = _cause(result.relation, error)
        message = re.sub(r"\n\nLINE \d+:.*", "", str(cause), flags=re.DOTALL)
        raise QueryError(
            _trouble(result.session, cause)
            or _advised(result.session, _possible(message)) + _arrows(result.sql, message)
        ) from error


_CASTS = re.compile("Malformed JSON|Failed to cast|type for cast|Could not convert")


def _arrows(sql: str, message: str) -> str:
    """What may be wrong with -> and ->> where a value could not be cast."""
    if "->" not in sql or not _CASTS.search(message):
        return ""
    if re.search(r"\b(?:and|or|not)\b", sql, re.IGNORECASE):
        return "\n\nbeside AND, OR and NOT, -> and ->> need parentheses: (x->>'name') = 'y'"
    return "\n\n-> gives JSON, in which a text has double quotes; ->> gives the text: (x->>'name') = 'y'"


def _trouble(session: Session, error: Exception) -> str:
    """Why S3 refused what the statement first wanted, if it failed of that: DuckDB knows the status alone."""
    gateway = session.gateway
    if gateway is None or not (isinstance(error, duckdb.IOException) or gateway.host in str(error)):
        return ""
    return next(iter(gateway.troubles()), "")


def _advised(session: Session, message: str) -> str:
    """A local copy that went or is damaged has a remedy, a file of an earlier state a reason."""
    if session.is_earlier and re.search(r"No files found|Could not open|No such file|404", message):
        return f"{message}\n\nit belongs to an earlier state: {KEPT}"
    if not any(str(folder) in message for folder in session.pulled):
        return message
    return f"{message}\n\nit is a local copy: penstock pull --drop removes it, penstock pull brings it anew"


def _cause(relation: duckdb.DuckDBPyRelation, error: Exception) -> Exception:
    """Why it failed: a thread that fails interrupts the others, and theirs may be what is told.

    Then it is asked again, where it fails in one piece.
    """
    if isinstance(error, duckdb.InterruptException):
        try:
            relation.execute()
        except duckdb.Error as again:
            return again
    return error


def faster(session: Session, sql: str) -> str:
    """The statement as it prunes best; PIVOT without IN has no tree to see how and stays as it is."""
    try:
        return pruning.by_day(session.connection, pruning.in_utc(session.connection, sql))
    except QueryError:
        return sql


def placed(session: Session, sql: str, error: duckdb.Error) -> str:
    """DuckDB's message with its place in `sql`: names that do not bind lose it on the way to a relation."""
    if isinstance(error, duckdb.BinderException | duckdb.CatalogException):
        try:
            session.connection.execute(sql)
        except duckdb.Error as again:
            return _possible(str(again)) + _perhaps_meant(str(again))
    return _possible(str(error))


def _possible(message: str) -> str:
    """DuckDB's message without its advice to load an extension or change a setting, which are locked."""
    wanted = _IMPOSSIBLE.search(message)
    if wanted is None:
        return message
    there = "\n\nextensions that are here: icu, inet, json" if wanted[1] else ""
    return message[: wanted.start()] + there


def _perhaps_meant(message: str) -> str:
    """What a name may be that no column has.

    A text in double quotes, or a field: people bring queries from where each field had a column.
    """
    missing = re.search(r'Referenced column "((?:[^"]|"")+)" not found', message)
    if missing is None:
        return ""
    name = missing[1]
    bindings = message.partition("Candidate bindings:")[2].partition("\n")[0]
    candidates = re.findall(r'"((?:[^"]|"")+)"', bindings)
    alike = [one for one in candidates if _letters(one) == _letters(name)]
    if alike:
        return f"\nDid you mean {alike[0]}?"
    held = f"What a log holds and no column names is in the column unmapped: unmapped->>{literal(name)}"
    if re.search(r"\n *\^", message) and _is_quoted(message):
        return f"\nDouble quotes stand around names; a text has single ones: {literal(name)}\n{held}"
    return f"\n{held}"


def _letters(name: str) -> str:
    """A name without capitals and underscores: fields of a log are called so, or so."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _is_quoted(message: str) -> bool:
    """Whether DuckDB's caret points at a double quote."""
    *_, line, caret = message[: message.rindex("^")].split("\n")
    return line[len(caret) : len(caret) + 1] == '"'
