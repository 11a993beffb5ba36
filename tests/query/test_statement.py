"""No statement reads or writes anything but the hive (G6)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from tests.query.asking import Asker, rows
from tests.query.hives import Hive

from penstock import extensions, query, statement
from penstock.errors import QueryError

ATTEMPTS = [
    "SELECT * FROM '{file}'",
    'SELECT * FROM "{file}"',
    "FROM '{file}'",
    "FROM 'secret.parquet'",
    "FROM 'https://example.com/data.csv'",
    "FROM 's3://another-bucket/data.parquet'",
    "FROM 'file:{file}'",
    "TABLE '{file}'",
    "SELECT * FROM read_csv('{file}')",
    "SELECT * FROM READ_CSV_AUTO('{file}')",
    "SELECT * FROM read_text('{file}')",
    "SELECT * FROM read_blob(['{file}'])",
    "SELECT * FROM main.read_text('{file}')",
    "SELECT * FROM \"read_text\"('{file}')",
    "SELECT * FROM read_json('{file}')",
    "SELECT * FROM read_parquet('{file}')",
    "SELECT * FROM read_parquet('{hive}/*/*/*/*/*.parquet')",
    "SELECT * FROM parquet_scan('{file}')",
    "SELECT * FROM parquet_metadata('{file}')",
    "SELECT * FROM read_duckdb('{file}')",
    "SELECT * FROM sniff_csv('{file}')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM glob('{hive}/**')",
    "WITH a AS (SELECT * FROM read_text('{file}')) SELECT count(*) FROM a",
    "SELECT (SELECT content FROM read_text('{file}'))",
    "SELECT * FROM login WHERE who IN (SELECT content FROM read_text('{file}'))",
    "SELECT * FROM login, LATERAL (SELECT * FROM read_text('{file}'))",
    "SELECT * FROM login UNION ALL SELECT * FROM '{file}'",
    "FROM (VALUES (1)) t(x) WHERE EXISTS (FROM glob('/*'))",
    "DESCRIBE SELECT * FROM read_csv('{file}')",
    "SUMMARIZE SELECT * FROM read_csv('{file}')",
    "SUMMARIZE '{file}'",
    "EXPLAIN ANALYZE SELECT * FROM read_text('{file}')",
    "EXPLAIN ANALYZE COPY login TO '{out}'",
    "EXPLAIN (ANALYZE) COPY login TO '{out}'",
    "PIVOT read_csv('{file}') ON x USING count(*)",
    "PIVOT '{file}' ON x USING count(*)",
    "PIVOT (SELECT * FROM read_text('{file}')) ON filename IN ('a') USING count(*)",
    "SELECT * FROM query('FROM read_text(''{file}'')')",
    "SELECT * FROM query_table('{file}')",
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    "COPY login TO '{out}'",
    "COPY login TO '{hive}/stolen.parquet'",
    "COPY (SELECT 1) TO 's3://another-bucket/x.csv'",
    "COPY login FROM '{file}'",
    "EXPORT DATABASE '{out}'",
    "IMPORT DATABASE '{folder}'",
    "ATTACH '{out}' AS other",
    "ATTACH 'ducklake:{out}' AS other",
    "DETACH lake",
    "USE lake",
    "INSTALL spatial",
    "LOAD spatial",
    "LOAD '{file}'",
    "FORCE INSTALL spatial FROM 'http://example.com'",
    "SET enable_external_access = true",
    "SET allowed_directories = ['/']",
    "SET memory_limit = '1TB'",
    "SET VARIABLE x = 1",
    "RESET threads",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "PRAGMA database_size",
    "CALL pragma_version()",
    "CALL ducklake_expire_snapshots('lake')",
    "CREATE SECRET stolen (TYPE s3, PROVIDER credential_chain)",
    "CREATE OR REPLACE SECRET hive (TYPE s3, KEY_ID 'x', SECRET 'y')",
    "DROP SECRET hive",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_secrets(redact => false)",
    "SELECT * FROM which_secret('s3://x/', 's3')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM pg_settings",
    "SELECT * FROM pg_catalog.pg_settings",
    "SELECT message FROM duckdb_logs",
    "FROM system.main.duckdb_logs",
    "SELECT * FROM duckdb_logs()",
    "SUMMARIZE duckdb_logs",
    "TABLE pg_settings",
    "WITH a AS (FROM duckdb_logs) FROM a",
    "SELECT * FROM duckdb_databases",
    "SELECT path FROM __ducklake_metadata_lake.ducklake_data_file",
    "SELECT * FROM __ducklake_metadata_lake.penstock.source",
    "PIVOT duckdb_logs ON type USING count(*)",
    "PIVOT __ducklake_metadata_lake.penstock.source ON identity USING count(*)",
    "PIVOT pg_settings ON name USING count(*)",
    "CALL truncate_duckdb_logs()",
    "CALL enable_logging()",
    "SELECT current_setting('home_directory')",
    "SELECT getenv('AWS_SECRET_ACCESS_KEY')",
    "SELECT GETENV('HOME') FROM login",
    "SELECT [getenv(x) FOR x IN ['HOME']]",
    "SELECT list_transform(['HOME'], lambda x: getenv(x))",
    "SELECT * FROM login ORDER BY getenv('HOME')",
    "SELECT count(*) FILTER (getenv('HOME') = 'x') FROM login",
    "SELECT write_log('x')",
    "CREATE TABLE t AS SELECT 1",
    "CREATE MACRO leak(f) AS TABLE SELECT * FROM read_text(f)",
    "CREATE TEMP VIEW v AS SELECT 1",
    "CREATE TYPE mood AS ENUM ('a')",
    "DROP VIEW login",
    "INSERT INTO login VALUES (1)",
    "UPDATE login SET n = 1",
    "DELETE FROM login",
    "MERGE INTO login USING login l ON true WHEN MATCHED THEN DELETE",
    "ALTER VIEW login RENAME TO x",
    "COMMENT ON VIEW login IS 'x'",
    "PREPARE p AS SELECT * FROM read_text('{file}')",
    "EXECUTE p",
    "BEGIN",
    "CHECKPOINT",
    "VACUUM",
    "SELECT 1; COPY login TO '{out}'",
    "SELECT 1; SELECT * FROM read_text('{file}')",
    "SELECT 1; PIVOT login ON who USING count(*); COPY login TO '{out}'",
    "/* SELECT */ COPY login TO '{out}'",
    "-- SELECT\nCOPY login TO '{out}'",
    "SELECT '{file}'.read_text()",
    "SELECT json_serialize_plan('SELECT current_setting(''home_directory'')', optimize := true)",
    'SELECT * FROM "{hive}/x".parquet',
    "FROM lake.login",
    "FROM lake.main.login AT (VERSION => 1)",
    'SUMMARIZE "LAKE".main.login',
    "PIVOT lake.login ON who USING count(*)",
    "PIVOT (SELECT 'éééé' AS x, current_setting('threads') AS y) ON x USING first(y)",
    "PIVOT (SELECT current_setting /* x */ ('threads') AS y) ON y USING count(*)",
    "PIVOT (SELECT * FROM login, read_blob--\n('{file}')) ON who USING count(*)",
    "PIVOT (SELECT * FROM arrow_scan(1, 2, 3)) ON who USING count(*)",
    'PIVOT (FROM "{file}") ON x USING count(*)',
    "PIVOT (FROM /**/ '{file}') ON x USING count(*)",
    "PIVOT (FROM login a JOIN login b USING (n), '{file}') ON x USING count(*)",
    "PIVOT (FROM ('{file}' CROSS JOIN login)) ON x USING count(*)",
    "PIVOT (FROM é: '{file}') ON x USING count(*)",
    "PIVOT (FROM $${file}$$) ON x USING count(*)",
    "PIVOT (FROM E'{file}') ON x USING count(*)",
    'PIVOT (FROM "{hive}/x".parquet) ON x USING count(*)',
    "PIVOT login ON who USING count(*); SELECT current_setting('threads')",
]

ANSWERS = [
    "SELECT count(*) FROM login",
    "FROM login SELECT who LIMIT 1",
    "WITH a AS (SELECT * FROM login) SELECT count(*) FROM a",
    "VALUES (1), (2)",
    "TABLE login",
    "DESCRIBE login",
    "DESC login",
    "SHOW TABLES",
    "SHOW login",
    "SUMMARIZE login",
    "PIVOT login ON who USING count(*)",
    "PIVOT login ON who IN ('user 1') USING count(*)",
    "UNPIVOT (SELECT n, n + 1 AS m FROM login) ON n, m",
    "EXPLAIN SELECT * FROM login",
    "EXPLAIN ANALYZE SELECT count(*) FROM login",
    "EXPLAIN (FORMAT json) SELECT 1",
    "-- EXPLAIN nothing\nSELECT 1",
    "SELECT 1 AS \"read_text('x')\", 'copy', 'getenv(1)'",
    "SELECT * FROM range(3), unnest([1, 2]), generate_series(1, 2)",
    "SELECT key, value FROM json_each('{\"a\": 1}')",
    "SELECT table_name FROM information_schema.tables",
    "SELECT * FROM duckdb_columns() LIMIT 1",
    "SELECT random(), uuid(), now(), version()",
    "SELECT * EXCLUDE (n) FROM login",
    "PIVOT (FROM login WHERE who NOT IN ('a.csv', 'é/b') AND what.ip <> 'x*') ON who USING count(*)",
    "PIVOT (SELECT {'é': 'a.b'} AS s, [1, 2][1:2] AS \"a/b\" FROM main.login) ON \"a/b\" USING max(s)",
    "SELECT what.ip, what['ip'] FROM login WHERE who LIKE '%.csv' OR who <> 'a/b'",
]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[query.Session]:
    """One locked session over a small hive, with a file beside it that must not be read."""
    hive = Hive(tmp_path_factory.mktemp("locked"))
    hive.days(1)
    (hive.folder / "secret.csv").write_text("x\ntop secret\n")
    asker = Asker(hive)
    yield asker.session()
    asker.opened[0].close()


def _place(session: query.Session) -> Path:
    found = session.connection.execute("SELECT path FROM duckdb_databases() WHERE path LIKE '%catalogue%'")
    return Path(str((found.fetchone() or ("",))[0])).parents[1]


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_attempt_is_refused(session: query.Session, attempt: str) -> None:
    """Refused before it runs, with a reason, and nothing was written."""
    folder = _place(session)
    out = folder / "out"
    names = {"file": folder / "secret.csv", "hive": folder / "hive", "out": out, "folder": folder}
    sql = attempt
    for name, path in names.items():
        sql = sql.replace("{" + name + "}", str(path))
    with pytest.raises(QueryError) as caught:
        query.prepare(session, sql)
    assert len(str(caught.value)) > 20
    assert "top secret" not in str(caught.value)
    assert not out.exists()
    assert not list(Path(folder, "hive").glob("*.parquet"))


LOCKED = [
    "SELECT * FROM read_text('{file}')",
    "FROM '{file}'",
    "FROM 'https://example.com/data.csv'",
    "COPY (SELECT 1) TO '{out}'",
    "ATTACH '{out}' AS other",
    "INSTALL spatial",
    "SET enable_external_access = true",
    "SET threads = 1",
]


@pytest.mark.parametrize("attempt", LOCKED)
def test_the_lock_holds_without_the_check(session: query.Session, attempt: str) -> None:
    """Should the check ever miss something, DuckDB itself still refuses what leaves the hive."""
    folder = _place(session)
    sql = attempt.replace("{file}", str(folder / "secret.csv")).replace("{out}", str(folder / "out"))
    with pytest.raises(duckdb.Error):
        session.connection.execute(sql)
    assert not (folder / "out").exists()


def test_python_variables_are_no_tables(session: query.Session) -> None:
    """A name that only Python knows is an unknown table."""
    hidden = duckdb.sql("SELECT 'top secret' AS x")
    assert hidden.fetchone() == ("top secret",)
    with pytest.raises(QueryError, match="hidden does not exist"):
        rows(session, "FROM hidden")


@pytest.mark.parametrize("sql", ANSWERS)
def test_query_is_let_through(session: query.Session, sql: str) -> None:
    """What reads the tables runs, though it mentions refused words."""
    assert rows(session, sql)


def test_statements_of_one_text_come_in_order(session: query.Session) -> None:
    """All are checked before the first runs."""
    assert rows(session, "SELECT 1; ; SELECT 2;") == [("1",), ("2",)]
    pivot = "PIVOT (SELECT 'é;' AS x, 1 AS y) ON x USING sum(y)"
    assert rows(session, f"SELECT 1 -- ;\n; {pivot} /* ; */; ;SELECT 2") == [("1",), ("1",), ("2",)]


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("SELECT 1,\n  getenv('HOME')", "LINE 2:   getenv('HOME')\n          ^"),
        ("SELECT 'é', getenv('HOME')", "LINE 1: SELECT 'é', getenv('HOME')\n                    ^"),
        ("SELECT whoo FROM login", 'Candidate bindings: "who"'),
        ("SELECT whoo FROM login", "LINE 1: SELECT whoo FROM login\n               ^"),
        ("SELECT * FROM logins", 'Did you mean "login"'),
        ("SELECT count(* FROM login", "LINE 1: SELECT count(* FROM login"),
        ("SELECT upperr(who) FROM login", "upper"),
    ],
)
def test_error_points_at_the_place(session: query.Session, sql: str, shown: str) -> None:
    """The person sees where, and what was probably meant."""
    with pytest.raises(QueryError) as caught:
        rows(session, sql)
    assert shown in str(caught.value)


def test_failure_on_the_way_names_the_value(session: query.Session) -> None:
    """A cast that fails in the middle says of what, without showing our own rendering."""
    with pytest.raises(QueryError, match="Could not convert string 'user 0'") as caught:
        rows(session, "SELECT who::INT FROM login ORDER BY n")
    assert "#1" not in str(caught.value)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (
            "SELECT st_point(1, 2)",
            "exists in the spatial extension.\n\nextensions that are here: icu, inet, json",
        ),
        ("SELECT (SELECT n FROM login)", "scalar subqueries can only return a single row."),
    ],
)
def test_advice_that_the_lock_refuses_is_not_given(session: query.Session, sql: str, said: str) -> None:
    """DuckDB's errors speak of INSTALL, LOAD and SET, which nobody may use here."""
    with pytest.raises(QueryError) as caught:
        rows(session, sql)
    assert str(caught.value).endswith(said)


def test_deep_nesting_is_refused_not_crashed(session: query.Session) -> None:
    """Neither our walk nor Python's stack gives out. Since 3.13 Python reads JSON as deep as DuckDB nests."""
    with pytest.raises(QueryError):
        query.prepare(session, "SELECT " + "abs(" * 5000 + "1" + ")" * 5000)
    nested = "SELECT " + "abs(" * 600 + "1" + ")" * 600
    if sys.version_info >= (3, 13):
        assert rows(session, nested) == [("1",)]
        return
    with pytest.raises(QueryError, match="nested too deeply"):
        query.prepare(session, nested)


def test_every_function_with_side_effects_was_thought_about() -> None:
    """When DuckDB's pin moves, a new function that does more than compute fails here until judged."""
    harmless = {
        "current_connection_id", "current_query", "current_query_id", "current_transaction_id", "error",
        "gen_random_uuid", "random", "setseed", "uuid", "uuidv4", "uuidv7",
    }  # fmt: skip
    with extensions.connect() as connection:
        found = connection.execute(
            "SELECT DISTINCT function_name FROM duckdb_functions()"
            " WHERE has_side_effects AND function_type NOT IN ('table', 'table_macro', 'pragma')"
        ).fetchall()
        tables = connection.execute(
            "SELECT DISTINCT function_name FROM duckdb_functions()"
            " WHERE function_type IN ('table', 'table_macro')"
        ).fetchall()
    assert {name for (name,) in found} <= harmless | statement.REFUSED_FUNCTIONS
    assert {name for (name,) in tables} >= statement.ALLOWED_TABLE_FUNCTIONS, "an allowed name is stale"
