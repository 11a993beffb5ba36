"""Texts in conditions stay texts: what a statement or a log holds is never read as SQL by DuckLake.

DuckLake writes constants into a statement of its own, cut at a NUL, and replaces words in braces.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from tests.query.asking import Asker, rows
from tests.query.hives import FIRST_DAY, Hive

from penstock import query
from penstock.query import pushdown
from penstock.sql import literal

NUL = "'a' || chr(0)"
WORDS = ["{SNAPSHOT_ID}", "{METADATA_CATALOG}", "{DATA_PATH}", "{METADATA_SCHEMA_NAME_LITERAL}"]


@pytest.fixture(scope="module")
def hive(tmp_path_factory: pytest.TempPathFactory) -> Hive:
    """Two files of a day each: rows with a NUL before code, and with DuckLake's words."""
    hive = Hive(tmp_path_factory.mktemp("texts"))
    code = literal(_code(hive))
    for number, text in enumerate([NUL, *map(literal, WORDS), "'b'"]):
        day = FIRST_DAY + dt.timedelta(days=number)
        who = f"{text} AS who, {code} AS what, 'r{number}' AS tp_id"
        hive.commit([hive.put(day, f"SELECT {who}, TIMESTAMP '{day}' AS tp_timestamp", index=f"i{number}")])
    return hive


@pytest.fixture(scope="module")
def session(hive: Hive) -> Iterator[query.Session]:
    """A session over them."""
    asker = Asker(hive)
    yield asker.session()
    asker.opened[0].close()


@pytest.fixture(scope="module")
def plain(hive: Hive) -> duckdb.DuckDBPyConnection:
    """The same rows, with nothing between."""
    connection = duckdb.connect()
    files = f"read_parquet('{hive.root}/**/*.parquet', hive_partitioning = true)"
    connection.execute(f"CREATE TABLE login AS SELECT * FROM {files}")
    return connection


def _code(hive: Hive) -> str:
    return f")))); COPY (SELECT 42 AS x) TO $${_target(hive)}$$; --"


def _target(hive: Hive) -> Path:
    return Path(hive.root, "written.csv")


FROM_STATEMENT = [
    "tp_index >= {nul} AND what >= {code}",
    "who >= {nul} AND what >= {code}",
    "who IN ({nul}, 'c') AND what >= {code}",
    "who LIKE chr(0) || '%' OR what = {code}",
    "who >= decode('a\\x00'::BLOB) AND what = {code}",
    "who >= ('\"a\\u0000\"'::JSON->>'$') AND what = {code}",
    "who BETWEEN {nul} AND 'z' AND what >= {code}",
    "who IS NOT DISTINCT FROM {nul} AND what >= {code}",
]
FROM_ROWS = [
    "SELECT a.tp_id FROM login a JOIN login b ON a.who = b.who AND a.what = b.what",
    "SELECT tp_id FROM login WHERE who >= (SELECT min(who) FROM login WHERE tp_id LIKE 'r%') "
    "AND what >= (SELECT min(what) FROM login)",
    "SELECT tp_id FROM login WHERE who = (SELECT who FROM login WHERE tp_id = 'r0')",
    "SELECT tp_id FROM login WHERE (who, what) IN (SELECT who, what FROM login WHERE tp_id < 'r3')",
    "SELECT tp_id FROM login a WHERE EXISTS (FROM login b WHERE b.who = a.who AND b.what = a.what)",
    "SELECT tp_id FROM login ORDER BY who, what, tp_id LIMIT 2",
    "SELECT what, who, tp_index FROM login ORDER BY who LIMIT 1",
    "SELECT a.tp_id FROM (SELECT who AS filename, 1 AS file_row_number, tp_id FROM login) a "
    "SEMI JOIN (SELECT who AS filename, 1 AS file_row_number FROM login) b USING (filename, file_row_number)",
]


def _same(session: query.Session, plain: duckdb.DuckDBPyConnection, hive: Hive, sql: str) -> None:
    shown = plain.sql(sql)
    expected = shown.project(", ".join(f"#{n + 1}::VARCHAR" for n in range(len(shown.columns)))).fetchall()
    assert expected
    assert sorted(rows(session, sql), key=repr) == sorted(expected, key=repr)
    assert not _target(hive).exists()


@pytest.mark.parametrize("condition", FROM_STATEMENT)
@pytest.mark.parametrize(
    "shape", ["SELECT tp_id FROM login WHERE {}", "WITH a AS (FROM login) SELECT tp_id FROM a WHERE {}"]
)
def test_g6_no_text_of_a_statement_is_run(
    session: query.Session, plain: duckdb.DuckDBPyConnection, hive: Hive, condition: str, shape: str
) -> None:
    """A NUL before code in the next text: the rows that it asks for, and nothing is written."""
    told = shape.format(condition.format(nul=NUL, code=literal(_code(hive))))
    _same(session, plain, hive, told)


@pytest.mark.parametrize("sql", FROM_ROWS)
def test_g6_no_text_of_a_log_is_run(
    session: query.Session, plain: duckdb.DuckDBPyConnection, hive: Hive, sql: str
) -> None:
    """Rows that choose other rows hold the code."""
    _same(session, plain, hive, sql)


def test_g6_nor_by_pivot(session: query.Session, hive: Hive) -> None:
    """PIVOT without IN has no plan beforehand: what could make such a text is not pushed down."""
    within = f"FROM login WHERE who >= {NUL} AND what >= {literal(_code(hive))}"
    assert len(rows(session, f"PIVOT ({within}) ON tp_index USING count(*) GROUP BY tp_table")) == 1
    assert not _target(hive).exists()


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("sign", ["=", "<>", "<=", ">="])
def test_words_of_ducklake_are_texts(
    session: query.Session, plain: duckdb.DuckDBPyConnection, hive: Hive, word: str, sign: str
) -> None:
    """In a condition, and in rows that a join compares."""
    _same(session, plain, hive, f"SELECT tp_id FROM login WHERE who {sign} '{word}'")
    _same(
        session,
        plain,
        hive,
        f"SELECT a.tp_id FROM login a JOIN login b USING (who) WHERE b.who {sign} '{word}'",
    )


def test_what_is_safe_is_pushed_down(session: query.Session) -> None:
    """Files are still chosen by all other conditions, those of a statement before leave no trace."""
    asked = {
        "SELECT tp_id FROM login WHERE who = 'b'": "",
        "SELECT * FROM login ORDER BY tp_timestamp DESC LIMIT 3": "",
        f"SELECT tp_id FROM login WHERE who = {NUL}": "filter_pushdown,join_filter_pushdown",
        "EXPLAIN ANALYZE SELECT tp_id FROM login WHERE who = '{SNAPSHOT_ID}'": (
            "filter_pushdown,join_filter_pushdown"
        ),
        "SELECT tp_id FROM login WHERE who = chr((epoch_ms(now()) % 2)::INTEGER)": (
            "filter_pushdown,join_filter_pushdown"
        ),
        "SELECT tp_id FROM login WHERE tp_timestamp > now() AND what::JSON->>'$.a' = 'b'": "",
        "SELECT a.tp_id FROM login a JOIN login b USING (who)": "join_filter_pushdown",
        "PIVOT login ON tp_index USING count(*)": "join_filter_pushdown",
        "SELECT count(*) FROM login": "",
    }
    for sql, off in asked.items():
        pushdown.settle(session.connection, sql)
        found = session.connection.execute(
            f"SELECT value FROM duckdb_settings() WHERE name = '{pushdown.SETTING}'"
        ).fetchall()
        assert found == [(off,)], sql


def test_an_estimate_is_of_what_will_run(session: query.Session) -> None:
    """All files where nothing is pushed down; the next statement is told as if it were the first."""
    for _ in range(2):
        assert query.estimate(session, f"SELECT tp_id FROM login WHERE who = {NUL}").files == 6
        assert query.estimate(session, "SELECT tp_id FROM login WHERE tp_index = 'i1'").files == 1


def test_ducklake_still_has_the_fault(hive: Hive) -> None:
    """When this fails, DuckLake writes texts as texts: `pushdown` can go."""
    session = Asker(hive).session()
    asked = f"SELECT tp_id FROM login WHERE who >= {NUL} AND what >= 'x'"
    with pytest.raises(duckdb.Error):
        session.connection.execute(asked).fetchall()
    assert len(rows(session, asked)) == 0
    session.close()
