"""Tables that change: old files are read as the columns of today, before and after they are merged."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import duckdb
import pyarrow.dataset as ds
from tests.compact.yard import DAY, LOGIN, Yard
from tests.query.asking import rows

from penstock import query
from penstock.catalogue import change, widening
from penstock.model import Schema
from penstock.tables import Column, Table

COMMON = (("tp_id", "VARCHAR"), ("tp_timestamp", "TIMESTAMP"))


def table(**types: str) -> Table:
    """A table of these columns."""
    columns = tuple(Column(name, type_, name, "A column.", name) for name, type_ in types.items())
    return replace(LOGIN, columns=columns, statistics=tuple(types))


def collect(yard: Yard, number: int, **columns: tuple[str, str]) -> None:
    """One file of one row, with the columns' (type, value as SQL)."""
    stored = (*((name, type_) for name, (type_, _) in columns.items()), *COMMON)
    values = ", ".join(f"({value})::{type_} AS {name}" for name, (type_, value) in columns.items())
    time = dt.datetime.combine(DAY, dt.time(number))
    select = f"SELECT {values}, 'id{number}' AS tp_id, TIMESTAMP '{time}' AS tp_timestamp"
    yard.collect(schema=Schema.of("login", tuple(stored)), select=select)


def asked(yard: Yard, sql: str) -> list[tuple[Any, ...]]:
    """Through the catalogue, as `penstock query` does."""
    state = yard.compactor().look(yard.config())
    session = query.open_session(
        state, yard.hive.root, client=None, filters=query.Filters(), scratch=yard.folder / "spill"
    )
    try:
        return rows(session, sql)
    finally:
        session.close()


def globbed(yard: Yard, sql: str) -> list[tuple[Any, ...]]:
    """By plain DuckDB, without the ledger."""
    files = f"read_parquet('{yard.hive.root}/**/[!_]*.parquet', union_by_name = true)"
    with duckdb.connect() as db:
        return db.execute(sql.replace("login", files)).fetchall()


def merge(yard: Yard) -> None:
    """Merge, and let the grace pass until the files have their public names."""
    for _ in range(3):
        assert yard.compactor().run().failed == {}
        yard.turn(hours=2)
    (file,) = yard.live().values()
    assert yard.shown() == {file.path}


WIDENED = (
    ("TINYINT", "SMALLINT", "7"),
    ("SMALLINT", "INTEGER", "-7"),
    ("INTEGER", "BIGINT", "2147483647"),
    ("UINTEGER", "BIGINT", "4294967295"),
    ("BIGINT", "DECIMAL(38,4)", "9223372036854775807"),
    ("INTEGER", "DOUBLE", "-2147483648"),
    ("FLOAT", "DOUBLE", "0.5"),
    ("DECIMAL(10,2)", "DECIMAL(14,4)", "12345678.91"),
    ("DATE", "TIMESTAMP", "'2026-01-31'"),
    ("BIGINT", "VARCHAR", "9223372036854775807"),
    ("BOOLEAN", "VARCHAR", "true"),
    ("TIMESTAMP", "VARCHAR", "'2026-01-31 23:59:59.123456'"),
    ("JSON", "VARCHAR", "'{\"a\": 1}'"),
    ("INTEGER[]", "BIGINT[]", "[1, NULL, 3]"),
    ("STRUCT(a INTEGER)", "STRUCT(a BIGINT, b VARCHAR)", "{'a': 1}"),
    ("STRUCT(a INTEGER, b DATE)", "STRUCT(b DATE)", "{'a': 1, 'b': DATE '2026-01-31'}"),
    ("STRUCT(a INTEGER)[]", "STRUCT(a BIGINT, b VARCHAR)[]", "[{'a': 1}]"),
    ("MAP(VARCHAR, INTEGER)", "MAP(VARCHAR, BIGINT)", "MAP {'a': 1}"),
)


def test_widened_types(yard: Yard) -> None:
    """What older files hold is cast, for every reader, and what is written as the new type is as it was."""
    names = [f"c{number:02}" for number in range(len(WIDENED))]
    old = {name: (was, value) for name, (was, _, value) in zip(names, WIDENED, strict=True)}
    new = {name: (now, f"({value})::{was}") for name, (was, now, value) in zip(names, WIDENED, strict=True)}
    yard.table = table(**{name: type_ for name, (type_, _) in new.items()})
    collect(yard, 1, **old)
    collect(yard, 2, **{name: (type_, "NULL") for name, (type_, _) in old.items()})
    collect(yard, 3, **new)
    listed = ", ".join(names)
    expected = [[], [None] * len(names), []]
    types = []
    with duckdb.connect() as db:
        for was, now, value in WIDENED:
            assert widening.reads(was, now), (was, now)
            types.append(widening.together([was], now))
            for place, through in ((0, was), (2, f"{was}::{now}")):
                found = db.execute(f"SELECT ({value})::{through}::{types[-1]}::VARCHAR").fetchone()
                expected[place] += found or ()
    sql = f"SELECT {listed} FROM login ORDER BY tp_id"
    assert asked(yard, f"SELECT {', '.join(f'typeof({n})' for n in names)} FROM login LIMIT 1") == [
        tuple(types)
    ]
    assert [list(row) for row in asked(yard, sql)] == expected
    assert len(globbed(yard, sql)) == 3
    merge(yard)
    assert [list(row) for row in asked(yard, sql)] == expected
    texts = ", ".join(f"{name}::VARCHAR" for name in names)
    assert [list(row) for row in globbed(yard, sql.replace(listed, texts))] == expected
    dataset = ds.dataset(yard.hive.root, partitioning="hive", format="parquet").to_table(columns=names)
    assert [dataset.column(name).null_count for name in names] == [1] * len(names)


def test_a_dropped_and_a_renamed_column(yard: Yard) -> None:
    """Both names are there: each row has the one that it was written with, also once all are merged."""
    yard.table = table(gone="VARCHAR", old="BIGINT")
    collect(yard, 1, gone=("VARCHAR", "'g'"), old=("BIGINT", "1"))
    yard.table = table(new="BIGINT")
    collect(yard, 2, new=("BIGINT", "2"))
    sql = "SELECT tp_id, gone, old, new FROM login ORDER BY tp_id"
    for found in (asked(yard, sql), globbed(yard, "SELECT * FROM (" + sql + ")")):
        assert [tuple(map(str, row)) for row in found] == [
            ("id1", "g", "1", "None"),
            ("id2", "None", "None", "2"),
        ]
    before = asked(yard, sql)
    merge(yard)
    assert asked(yard, sql) == before
    assert asked(yard, "SELECT coalesce(new, old) FROM login ORDER BY 1") == [("1",), ("2",)]
    (file,) = yard.live().values()
    assert {"gone", "old", "new"} < dict(yard.ledger.schemas("login")[file.schema].columns).keys()


UNREADABLE = (
    ("VARCHAR", "INTEGER", "'x'"),
    ("BIGINT", "INTEGER", "9223372036854775807"),
    ("BIGINT", "DOUBLE", "9223372036854775807"),
    ("DOUBLE", "BIGINT", "0.5"),
    ("TIMESTAMP", "DATE", "'2026-01-31 01:00:00'"),
    ("VARCHAR", "JSON", "'x'"),
    ("STRUCT(a INTEGER)", "VARCHAR", "{'a': 1}"),
    ("VARCHAR", "STRUCT(a INTEGER)", "'x'"),
    ("VARCHAR", "VARCHAR[]", "'x'"),
    ("STRUCT(a BIGINT)", "STRUCT(a INTEGER)", "{'a': 9223372036854775807}"),
)


def test_what_cannot_be_read(yard: Yard) -> None:
    """Each is refused with its reason; readers and merges keep the files' types, and no value is lost."""
    names = [f"c{number:02}" for number in range(len(UNREADABLE))]
    yard.table = table(**{name: now for name, (_, now, _) in zip(names, UNREADABLE, strict=True)})
    old = {name: (was, value) for name, (was, _, value) in zip(names, UNREADABLE, strict=True)}
    collect(yard, 1, **old)
    collect(yard, 2, **old)
    expected: list[Any] = []
    with duckdb.connect() as db:
        for was, now, value in UNREADABLE:
            assert not widening.reads(was, now), (was, now)
            expected += db.execute(f"SELECT ({value})::{was}::VARCHAR").fetchone() or ()
    sql = f"SELECT {', '.join(names)} FROM login ORDER BY tp_id"
    assert asked(yard, sql) == [tuple(expected)] * 2
    for _ in range(3):
        report = yard.compactor().run()
        assert list(report.failed) == ["table login"]
        yard.turn(hours=2)
    assert len(yard.live()) == 1
    assert asked(yard, sql) == [tuple(expected)] * 2
    reasons = report.failed["table login"].split("; ")[::2]
    assert len(reasons) == len(UNREADABLE)
    for name, reason, (was, now, _) in zip(names, reasons, UNREADABLE, strict=True):
        inside = was.startswith("STRUCT") and now.startswith("STRUCT")
        at, found, wanted = (f"{name}.a", "BIGINT", "INTEGER") if inside else (name, was, now)
        assert reason.startswith(
            f"login.{at}: found the type {wanted}, but 1 live file (2 rows) hold it as {found}"
        )


def test_a_type_is_free_again_once_no_live_file_has_the_old_one(yard: Yard) -> None:
    """Deleting what stands in the way is a way out, though the ledger still knows the old schema."""
    collect(yard, 1, c=("VARCHAR", "'x'"))
    yard.table = table(c="BIGINT")
    assert asked(yard, "SELECT c FROM login") == [("x",)]
    (old,) = yard.live()
    collect(yard, 2, c=("BIGINT", "7"))
    assert asked(yard, "SELECT c FROM login ORDER BY 1") == [("7",), ("x",)]
    yard.remove([old])
    compactor = yard.compactor()
    for _ in range(2):  # also for a reader that knew both
        state = compactor.look(yard.config())
        assert dict(state.shapes["login"])["c"] == "BIGINT"
        assert change.unreadable("login", yard.table.all_columns(), change.held(state.path)) == ()
    assert asked(yard, "SELECT c + 1 FROM login") == [("8",)]


def test_a_reader_of_both_types_narrows_by_itself(yard: Yard) -> None:
    """A catalogue that is kept follows the files: to texts when one comes, and back when it has gone."""
    compactor = yard.compactor()
    yard.table = table(c="BIGINT")
    seen = []
    collect(yard, 1, c=("BIGINT", "7"))
    for step in ("", "text", "gone"):
        if step == "text":
            collect(yard, 2, c=("VARCHAR", "'x'"))
        if step == "gone":
            yard.remove([path for path, file in yard.live().items() if (file.stats["c"].max or "") == "x"])
        seen.append(dict(compactor.look(yard.config()).shapes["login"])["c"])
    assert seen == ["BIGINT", "VARCHAR", "BIGINT"]
    inode = compactor.look(yard.config()).path.stat().st_ino
    assert compactor.look(yard.config()).path.stat().st_ino == inode
