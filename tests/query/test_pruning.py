"""Choosing files never changes an answer: random questions, asked with and without statistics.

The same rows stand in a hive whose catalogue prunes and in one table in memory, which has nothing to
prune by. The hive's statistics are those that collect and compaction keep.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.query.asking import Asker, rows
from tests.query.hives import FIRST_DAY, LOGIN, Hive, without_stats

from penstock import parquet, query
from penstock.model import DataFile, PartitionId

LONG = "x" * 127
TIMES = [
    "2026-01-01", "2026-01-01 00:00:00.000001", "2026-01-01 23:59:59.999999", "2026-01-02",
    "2026-01-02 12:00:00", "2026-01-03 23:59:59.999999", "2026-01-04", "1969-12-31 23:59:59.5", "2026-06-30",
]  # fmt: skip
TEXTS = [
    "", "a", "A", "b", "ab", "aB", "é", "e\u0301", "\U0001f600", "\uffff", "z", "10", "9", "a%b_c", "'q'",
    LONG, LONG + "x", LONG + "xx", LONG + "y", LONG * 9, LONG * 9 + "z", "\x01", " a", "a ",
]  # fmt: skip
WHOLE = [-(2**63), -1, 0, 1, 9, 10, 2**53, 2**53 + 1, 2**63 - 1]
FLOATS = ["'nan'", "'inf'", "'-inf'", "-0.0", "0.0", "1e-300", "1.5", "9.0", "10.0", "-1e300"]
DECIMALS = ["-1.005", "0", "0.001", "9.999", "10", "123456789012345.678"]
STATISTICS = ("tp_timestamp", "day", "flag", "n", "price", "seen", "text", "weight")
NAMED = {
    "tp_timestamp": [f"'{t}'" for t in TIMES],
    "seen": [f"'{t}'" for t in TIMES],
    "day": [f"'{t[:10]}'" for t in TIMES],
    "tp_date": ["'2026-01-01'", "'2026-01-02'", "'2026-01-04'", "'2025-12-31'"],
    "tp_index": ["'default'", "'a b'", "'ü%'", "'10'", "'9'", "''"],
    "tp_partition": ["'prod'", "'dev'"],
    "text": ["'" + text.replace("'", "''") + "'" for text in TEXTS],
    "loose": ["'" + text.replace("'", "''") + "'" for text in TEXTS],
    "n": [str(n) for n in WHOLE],
    "weight": [f"{w}::DOUBLE" for w in FLOATS],
    "price": DECIMALS,
    "flag": ["true", "false"],
}


def _value(name: str, number: int) -> str:
    """One of a column's values, or null; the same for the same number."""
    if number % 7 == 3:
        return "NULL"
    values = NAMED[name]
    return values[(number * 5 + len(name)) % len(values)]


def _select(day: dt.date, file: int) -> str:
    """The rows of a file; some have columns of nulls alone, or of one value."""
    types = {"seen": "TIMESTAMP", "day": "DATE", "flag": "BOOLEAN", "n": "BIGINT", "price": "DECIMAL(18,3)",
             "text": "VARCHAR", "weight": "DOUBLE", "loose": "VARCHAR"}  # fmt: skip
    made = []
    for row in range(4):
        columns = []
        for place, (name, type_) in enumerate(types.items()):
            same = (file + place) % 3 == 0
            number = file * 11 + place if same else file * 11 + place + row * 3
            sql = "NULL" if (file + place) % 10 == 9 else _value(name, number)
            columns.append(f"({sql})::{type_} AS {name}")
        clock = ["00:00:00", "23:59:59.999999", "12:00:00", "00:00:00.000001"][(row + file) % 4]
        made.append(
            f"SELECT {', '.join(columns)}, 'r{file}-{row}' AS tp_id, "
            f"TIMESTAMP '{day} {clock}' AS tp_timestamp, {{'ip': '10.0.0.{row}', 'n': {file}}} AS what"
        )
    return " UNION ALL ".join(made)


_FAILS = (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.NotImplementedException)


@dataclass(repr=False)
class Twins:
    """The same rows where files are chosen by statistics, and where there is nothing to choose."""

    session: query.Session
    plain: duckdb.DuckDBPyConnection

    def asked(self, sql: str) -> tuple[list[Any], list[Any]]:
        """The rows of both, sorted; what fails without statistics too is passed over."""
        try:
            expected = self.plain.execute(f"SELECT COLUMNS(*)::VARCHAR FROM ({sql})").fetchall()
        except _FAILS:
            return [], []
        return sorted(rows(self.session, sql), key=repr), sorted(expected, key=repr)


class _Kept(Hive):
    """Files as collect writes them, known by what it keeps of DuckDB's statistics."""

    def put(self, day: dt.date, select: str, **more: Any) -> DataFile:
        """As Hive does; the statistics are those of Penstock's own COPY."""
        file = super().put(day, select, **more)
        target = f"{self.root}/{file.path}"
        options = parquet.copy_options(file.table, file.schema)
        row = self.engine.execute(f"COPY ({select}) TO '{target}' ({options})").fetchone()
        assert row is not None
        copied = parquet.Copied.of(row)
        return dataclasses.replace(
            file,
            bytes=copied.bytes,
            footer_bytes=copied.footer_bytes,
            stats=parquet.statistics(STATISTICS, copied.told),
        )


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    """Some days of files: of several indexes and partitions, with and without statistics, older and newer."""
    hive = _Kept(tmp_path_factory.mktemp("twins"))
    others = PartitionId("login", "dev")
    files = []
    for number in range(15):
        day = FIRST_DAY + dt.timedelta(days=number % 4)
        index = ["default", "a b", "ü%", "10", "9"][number % 5]
        select = _select(day, number)
        if number % 6 == 5:  # an older schema
            select = f"SELECT * EXCLUDE (weight, day) FROM ({select})"
        file = hive.put(day, select, index=index, partition=others if number % 4 == 1 else LOGIN)
        files.append(without_stats(file) if number % 7 == 6 else file)
    for partition in (LOGIN, others):
        hive.commit([file for file in files if file.partition == partition.name], partition=partition)
    asker = Asker(hive)
    plain = duckdb.connect()
    plain.execute("SET TimeZone = 'UTC'")
    paths = [f"{hive.root}/{file.path}" for file in files]
    plain.execute(
        f"CREATE TABLE login AS SELECT * FROM read_parquet({paths}, union_by_name = true,"
        " hive_partitioning = true, hive_types = {'tp_index': VARCHAR, 'tp_date': DATE})"
    )
    yield Twins(asker.session(), plain)
    asker.opened[0].close()


_SIGNS = st.sampled_from(["=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"])


@st.composite
def _simple(draw: st.DrawFn, of: str = "") -> str:
    name = draw(st.sampled_from(sorted(NAMED)))
    values = st.sampled_from(NAMED[name])
    column = f"{of}{name}"
    form = draw(st.integers(0, 12))
    if form < 5:
        left, right = column, draw(values)
        if draw(st.booleans()):
            left, right = right, left
        return f"{left} {draw(_SIGNS)} {right}"
    if form == 5:
        return f"{column} {draw(st.sampled_from(['', 'NOT ']))}BETWEEN {draw(values)} AND {draw(values)}"
    if form == 6:
        several = draw(st.lists(st.one_of(values, st.just("NULL")), min_size=1, max_size=4))
        return f"{column} {draw(st.sampled_from(['', 'NOT ']))}IN ({', '.join(several)})"
    if form == 7:
        return f"{column} IS {draw(st.sampled_from(['', 'NOT ']))}NULL"
    if form == 8:
        return f"coalesce({column}, {draw(values)}) {draw(_SIGNS)} {draw(values)}"
    return draw(st.sampled_from(SPECIAL)).replace("@", of)


SPECIAL = [
    "@tp_timestamp::DATE = @tp_date", "@tp_timestamp::DATE <> DATE '2026-01-02'", "@tp_date > @day",
    "@tp_timestamp >= DATE '2026-01-02'", "@tp_date >= TIMESTAMP '2026-01-02 00:00:00.000001'",
    "@tp_date <= TIMESTAMP '2026-01-02 23:00:00'", "@tp_date < '2026-01-02 12:00:00'::TIMESTAMP",
    "@tp_date >= DATE '2026-01-03' - INTERVAL 12 HOUR", "@tp_date < DATE '2026-01-03' - INTERVAL 1 HOUR",
    "@tp_date BETWEEN DATE '2026-01-01' + INTERVAL 12 HOUR AND DATE '2026-01-03' + INTERVAL 12 HOUR",
    "@tp_date = DATE '2026-01-01' + INTERVAL 24 HOUR", "@tp_date <= now() - INTERVAL 1 DAY",
    "@tp_date = TIMESTAMP '2026-01-02 12:00:00'", "@day < TIMESTAMP '2026-01-02 00:00:00.000001'",
    "@tp_timestamp < TIMESTAMPTZ '2026-01-02 02:00:00+02'", "@tp_timestamp > '2026-01-02 02:00:00+02'",
    "@tp_timestamp >= TIMESTAMPTZ '2026-01-01 23:00:00-01' - INTERVAL 1 DAY",
    "@tp_timestamp - INTERVAL '-1 day' > TIMESTAMP '2026-01-03'", "@seen + INTERVAL 1 MONTH > @tp_timestamp",
    "date_trunc('day', @tp_timestamp) = '2026-01-02'", "date_trunc('month', @seen) <= '2026-01-01'",
    "date_trunc('day', @tp_timestamp) <> '2026-01-02'", "date_trunc('week', @tp_timestamp) < '2026-01-02'",
    "date_part('hour', @tp_timestamp) = 12", "extract('day' FROM @tp_date) = 2", "year(@seen) < 2000",
    "strftime(@tp_timestamp, '%H') = '23'", "epoch(@tp_timestamp) > 1767312000",
    "@tp_date::VARCHAR > '2026-01-02'", "@tp_timestamp::VARCHAR < '2026-01-02'",
    "@tp_timestamp::TIME > '12:00:00'", "@tp_date + 1 = '2026-01-03'",
    "@tp_timestamp < now() - INTERVAL '-400 years'", "@tp_timestamp < now() - INTERVAL 40 YEAR",
    "@tp_date < current_date", "@tp_timestamp > now()", "NOT (@tp_timestamp < now())",
    "@seen > current_timestamp",
    "@tp_timestamp > (SELECT min(l.tp_timestamp) FROM login l WHERE l.tp_index = '10')", "@n::VARCHAR < '10'",
    "@n::DOUBLE = 9007199254740992", "@n > 9.5", "@n = 9.0::DOUBLE", "@n::INT > 5", "@n > 1e18", "-@n > 5",
    "@n % 2 = 1", "abs(@n) < 10", "@n + 1 > 10", "TRY_CAST(@n AS INT) IS NULL", "@n <= 9223372036854775807",
    "@n < 9223372036854775808", "@n > -9223372036854775809::HUGEINT", "@weight > 5", "@weight < 5",
    "@weight >= 'inf'::DOUBLE", "@weight = 'nan'", "@weight <> 'nan'", "isnan(@weight)", "isinf(@weight)",
    "NOT isfinite(@weight)", "@weight > @n", "@weight = 0", "@weight <= -0.0", "@weight::FLOAT = 1.5",
    "@weight BETWEEN -1 AND 'nan'", "@weight IN (1.5, 'nan')", "@price = 10", "@price > 9.9985",
    "@price < 1e9", "@price::BIGINT = 10", "@price = 0.0010", "@price <> 0", "@text LIKE 'a%'",
    "@text NOT LIKE 'a%'", "@text LIKE '%b'", "@text ILIKE 'A%'", "@text LIKE 'x%y'",
    "@text LIKE 'a\\%b%' ESCAPE '\\'", "@text LIKE ''", "@text LIKE 'é%'", "@text LIKE '😀%'",
    "@text LIKE '_b'", "prefix(@text, 'a')", "starts_with(@text, 'xxxx')", "regexp_matches(@text, '^a')",
    "@text SIMILAR TO 'a.*'", "@text COLLATE NOCASE = 'A'", "@text COLLATE NOCASE IN ('A', 'AB')",
    "@text COLLATE NOCASE > 'a'", "@text COLLATE NOACCENT = 'e'", "@text COLLATE de < 'b'",
    "lower(@text) = 'ab'", "length(@text) > 200", "@text || 'b' = 'ab'", "@text > @loose",
    "@text = @tp_index", "trim(@text) = 'a'", "@text >= repeat('x', 127) || 'xx'",
    "@text > repeat('x', 1000)", "@text = repeat('x', 1143)", "@text::VARCHAR = '10'",
    "TRY_CAST(@text AS INT) = 10", "@text > 'a' AND @text < 'b'", "@tp_index LIKE 'a %'",
    "@tp_index::INT > 5", "TRY_CAST(@tp_index AS INT) = 10", "@tp_index > '9'", "@tp_index < 'a'",
    "(@tp_index, @tp_date) = ('10', DATE '2026-01-04')", "(@tp_index, @n) IN (('10', 9), ('9', 10))",
    "(@tp_date, @n) >= (DATE '2026-01-02', 9)", "ROW(@tp_date, @tp_index) < ROW(DATE '2026-01-03', 'a')",
    "@flag", "NOT @flag", "@flag IS TRUE", "@flag IS NOT FALSE", "@flag::INT = 1", "@flag > false",
    "CASE WHEN @n > 5 THEN @tp_date > '2026-01-02' ELSE @flag END", "nullif(@tp_index, '10') IS NULL",
    "greatest(@tp_timestamp, @seen) > '2026-01-03'", "if(@flag, @tp_date, @day) = '2026-01-02'",
    "@what.n = 3", "@what.ip > '10.0.0.2'", "@what = {'ip': '10.0.0.1', 'n': 4}", "@what IS NULL",
    "[@n] = [9]", "list_contains(['10', '9'], @tp_index)", "@tp_index = ANY(['10', 'a b'])", "@n = ALL([9])",
    "@tp_timestamp = ANY(SELECT l.tp_timestamp FROM login l WHERE l.tp_index = '9')", "@n >= ALL(SELECT 10)",
    "random() >= 0 AND @tp_date = '2026-01-01'", "@tp_date = '2026-01-01' OR random() < 0",
]  # fmt: skip


def _joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    word = st.sampled_from([" AND ", " OR "])
    pair = st.tuples(parts, word, parts).map(lambda p: f"({p[0]}{p[1]}{p[2]})")
    return st.one_of(pair, parts.map(lambda p: f"NOT ({p})"), parts.map(lambda p: f"(({p}) IS NOT TRUE)"))


def _condition(of: str = "") -> st.SearchStrategy[str]:
    return st.recursive(_simple(of), _joined, max_leaves=4)


SHAPES = [
    "SELECT tp_id FROM login WHERE {0}",
    "SELECT count(*) FROM login WHERE {0}",
    "SELECT min(tp_timestamp), max(tp_timestamp), max(n), min(text), max(tp_date), count(weight) FROM "
    "login WHERE {0}",
    "WITH a AS (SELECT * FROM login WHERE {1}) SELECT tp_id FROM a WHERE {0}",
    "WITH a AS MATERIALIZED (FROM login) SELECT tp_id FROM a WHERE {0} UNION ALL SELECT tp_id FROM a "
    "WHERE {1}",
    "SELECT tp_id FROM (SELECT *, row_number() OVER (PARTITION BY tp_index ORDER BY tp_id) r FROM "
    "login) WHERE r < 3 AND {0}",
    "SELECT tp_id FROM login WHERE {1} QUALIFY row_number() OVER (PARTITION BY tp_date ORDER BY tp_id) "
    "= 1",
    "SELECT tp_date, count(*) FROM login WHERE {0} GROUP BY ALL HAVING max(n) > 0 OR count(*) > 2",
    "SELECT a.tp_id, b.tp_id FROM login a LEFT JOIN login b ON a.n = b.n AND {b} WHERE {a}",
    "SELECT a.tp_id, b.tp_id FROM login a LEFT JOIN login b ON a.tp_index = b.tp_index AND a.tp_date = "
    "b.tp_date WHERE {b}",
    "SELECT a.tp_id, b.tp_id FROM login a FULL JOIN login b ON a.text = b.text AND {a} WHERE {b}",
    "SELECT a.tp_id FROM login a RIGHT JOIN (FROM login WHERE {1}) b ON a.tp_timestamp = b.tp_timestamp "
    "WHERE {a}",
    "SELECT a.tp_id FROM login a SEMI JOIN login b ON a.n = b.n AND {b} WHERE {a}",
    "SELECT a.tp_id FROM login a ANTI JOIN login b ON a.text = b.text AND {b} AND {a}",
    "SELECT tp_id FROM login WHERE n NOT IN (SELECT n FROM login WHERE {0} AND n IS NOT NULL) OR {1}",
    "SELECT tp_id FROM login a WHERE EXISTS (FROM login b WHERE b.n = a.n AND b.tp_date <> a.tp_date "
    "AND {b})",
    "SELECT a.tp_id, x.c FROM login a, LATERAL (SELECT count(*) c FROM login b WHERE b.tp_date = "
    "a.tp_date AND {b}) x WHERE {a}",
    "SELECT tp_id FROM login WHERE {0} EXCEPT SELECT tp_id FROM login WHERE {1}",
    "SELECT tp_id FROM login WHERE {0} ORDER BY tp_timestamp DESC, tp_id LIMIT 3",
    "SELECT tp_id FROM login WHERE {0} ORDER BY n NULLS FIRST, tp_id LIMIT 2 OFFSET 1",
    "SELECT a.tp_id, b.tp_id FROM login a ASOF JOIN (SELECT DISTINCT ON (tp_timestamp) * FROM login "
    "WHERE {1} ORDER BY tp_id) b ON a.tp_timestamp >= b.tp_timestamp WHERE {a}",
]  # fmt: skip


def _hold(twins: Twins, data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from(SHAPES))
    parts = [data.draw(_condition(of)) for of in ("", "", "a.", "b.")]
    sql = shape.format(*parts[:2], a=parts[2], b=parts[3])
    found, expected = twins.asked(sql)
    assert found == expected, sql


@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_choosing_files_changes_no_answer(twins: Twins, data: st.DataObject) -> None:
    """Any condition in any place of a statement gives the rows that it gives without statistics."""
    _hold(twins, data)


@pytest.mark.parametrize("type_", ["DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"])
@pytest.mark.parametrize("sign", ["<", "<=", "=", ">=", ">"])
def test_days_follow_whatever_tp_date_is(twins: Twins, type_: str, sign: str) -> None:
    """Any relation may have a column of that name; what is put before the condition follows from it."""
    half = "TIMESTAMP '2026-01-02 12:00:00' + INTERVAL 0 DAY"
    for time in (half, f"date_trunc('day', {half})"):
        found, expected = twins.asked(
            f"WITH a AS (SELECT tp_id, tp_timestamp::{type_} AS tp_date FROM login) "
            f"SELECT tp_id FROM a WHERE tp_id = '' OR a.tp_date {sign} {time} AND tp_id <> ''"
        )
        assert found == expected


@pytest.mark.parametrize("sign", ["<", "<=", "=", "<>", ">=", ">"])
@pytest.mark.parametrize(
    "said",
    [
        "NOT ({})",
        "NOT {}",
        "not\n({})",
        "NOT (NOT ({}))",
        "NOT (NOT {})",
        "NOT NOT {}",
        "NOT (n > 0 AND NOT {})",
        "n > 0 OR NOT {}",
        "({}) IS NOT TRUE",
        "NOT ((({})))",
    ],
)
def test_days_do_not_turn_with_a_negation(twins: Twins, said: str, sign: str) -> None:
    """DuckDB's tree has a negated comparison as the one of the other sign; the text has not."""
    for time in ("2026-01-02 00:00:00.000001", "2026-01-03 00:00:00", "2026-01-01 12:00:00"):
        condition = said.format(f"tp_date {sign} TIMESTAMP '{time}'")
        found, expected = twins.asked(f"SELECT tp_id FROM login WHERE {condition}")
        assert found == expected, condition


@pytest.mark.parametrize(
    "condition",
    [
        "(tp_date) {}",
        "((tp_date){})",
        "tp_date /* or so */ {}",
        "login . tp_date {}",
        '"tp_date"{}',
        "NOT (tp_date) {}",
    ],
)
@pytest.mark.parametrize(
    "sign", [">= TIMESTAMP '2026-01-02 12:00:00'", "BETWEEN {0} AND {0} + INTERVAL 1 DAY"]
)
def test_days_stand_beside_whatever_is_written(twins: Twins, condition: str, sign: str) -> None:
    """In brackets, with a remark: it is asked as before, never an error of its own."""
    told = condition.format(" " + sign.format("TIMESTAMP '2026-01-01 12:00:00'"))
    found, expected = twins.asked(f"SELECT tp_id FROM login WHERE {told}")
    assert found == expected
    assert expected


@pytest.mark.parametrize("column", ["n", "text", "flag", "seen", "loose"])
@pytest.mark.parametrize("sign", ["IS DISTINCT FROM", "IS NOT DISTINCT FROM"])
def test_nulls_that_a_condition_asks_for(twins: Twins, column: str, sign: str) -> None:
    """DuckDB alone passes over files where the column is null, if such a condition has an OR."""
    one, *_, other = NAMED[column]
    for condition in (
        f"{column} = {one} OR {column} {sign} {other}",
        f"{column} {sign} {other} OR {column} > {one}",
        f"{column} = {one} OR {column} {sign} NULL",
        f"seen = '2026-01-01' OR seen {sign} now()",
        f"tp_index = '10' AND ({column} = {one} OR NOT ({column} {sign} {other}))",
    ):
        found, expected = twins.asked(f"SELECT tp_id FROM login WHERE {condition}")
        assert found == expected, condition


@pytest.mark.parametrize("column", sorted(NAMED))
def test_every_comparison_of_a_column(twins: Twins, column: str) -> None:
    """Each value with each sign, each in a scan of its own."""
    signs = ("=", "<>", "<", "<=", ">", ">=", "IN", "IS DISTINCT FROM")
    conditions = [f"{column} {sign} ({value})" for value in NAMED[column] for sign in signs]
    counts = [f"SELECT {n} AS n, count(tp_id) FROM login WHERE {one}" for n, one in enumerate(conditions)]
    found, expected = twins.asked(" UNION ALL ".join(counts))
    assert len(expected) == len(conditions)
    differ = {int(n) for n, _ in set(found) ^ set(expected)}
    assert [conditions[n] for n in differ] == []


@pytest.mark.parametrize("sign", ["=", "<>", "<", ">=", "IN"])
@pytest.mark.parametrize("value", NAMED["weight"])
def test_the_estimate_is_of_no_fewer_files(twins: Twins, value: str, sign: str) -> None:
    """Infinity and what is no number included."""
    condition = f"weight {sign} ({value})"
    sql = f"SELECT count(DISTINCT split_part(tp_id, '-', 1)) FROM login WHERE {condition}"
    needed = twins.plain.execute(sql).fetchone()
    estimate = query.estimate(twins.session, f"SELECT tp_id FROM login WHERE {condition}")
    assert needed is not None
    assert needed[0] <= estimate.files <= 15


@pytest.mark.soak
@given(data=st.data())
@settings(max_examples=2000, deadline=None)
def test_choosing_files_soak(twins: Twins, data: st.DataObject) -> None:
    """The same, longer."""
    _hold(twins, data)
