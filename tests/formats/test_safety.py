"""Expressions from the configuration: what tries to leave its row is refused before any log is read."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from tests.formats.reading import configured

from penstock import convert
from penstock.condition import check_expression, check_pattern, read_transform, read_type
from penstock.errors import ConfigError
from penstock.tables import find

ATTEMPTS = (
    # files
    "(SELECT content FROM read_text('/etc/passwd')) <> message",
    "read_text('/etc/passwd') IS NOT NULL",
    "message IN (SELECT content FROM read_blob('/etc/hostname'))",
    "EXISTS (FROM glob('/*'))",
    "message = (FROM read_csv('/etc/passwd') LIMIT 1)",
    "message IN (FROM '/etc/passwd')",
    "(SELECT count(*) FROM read_parquet('s3://other/x.parquet')) > 0",
    "message) OR (SELECT 1 FROM read_json('/tmp/x')) = (1",
    "write_log(message) IS NULL",
    "message = ''); COPY (SELECT 1) TO '/tmp/owned.csv'; SELECT (1",
    "message = ''); ATTACH '/tmp/owned.db' AS owned; SELECT (true",
    # network
    "(SELECT 1 FROM read_csv('http://169.254.169.254/latest/meta-data')) = 1",
    "(SELECT 1 FROM 'https://example.com/x.parquet') = 1",
    # settings and extensions
    "current_setting('home_directory') = ''",
    "getvariable('x') = message",
    "getenv('AWS_SECRET_ACCESS_KEY') = message",
    "message = ''); SET enable_external_access = true; SELECT (true",
    "message = ''); INSTALL httpfs; SELECT (true",
    "message = ''); LOAD httpfs; SELECT (true",
    "message = ''); PRAGMA threads = 64; SELECT (true",
    "(SELECT value FROM duckdb_settings() LIMIT 1) = message",
    "(SELECT secret_string FROM duckdb_secrets() LIMIT 1) = message",
    "(SELECT 1 FROM which_secret('s3://x', 's3')) = 1",
    "message = ''); CREATE SECRET (TYPE s3); SELECT (true",
    # other tables and queries
    "(SELECT 1) = 1",
    "message IN (SELECT message FROM other)",
    "EXISTS (SELECT 1)",
    "message = ANY (SELECT 'x')",
    "other.message = message",
    "message = '') UNION SELECT (1",
    "message = '') GROUP BY (message",
    "message = '' AND count(*) > 1",
    "row_number() OVER () = 1",
    "unnest([message]) = ''",
    "format_type(1, 2) = message",
    "pg_get_viewdef(1) = message",
    "query('SELECT 1') IS NULL",
    "#1 = message",
    "$1 = message",
    "? = message",
    "COLUMNS(*) = message",
    # what differs from run to run
    "now() > TIMESTAMP '2026-01-01'",
    "current_timestamp > TIMESTAMP '2026-01-01'",
    "current_date > DATE '2026-01-01'",
    "today() > DATE '2026-01-01'",
    "random() > 0.5",
    "gen_random_uuid()::VARCHAR = message",
    "uuidv7()::VARCHAR = message",
    "setseed(0.5) IS NULL",
    "nextval('s') = 1",
    "txid_current() = 1",
    "current_database() = message",
    "current_user = message",
    "version() = message",
    "current_query() = message",
    "ago(INTERVAL 1 DAY) > TIMESTAMP '2026-01-01'",
    "sleep_ms(1000) IS NULL",
    "CASE WHEN NOW() > TIMESTAMP '2026-01-01' THEN true END",
    "list_filter([message], lambda x: random() > 0.5) <> []",
)

TABLE = """
format "regex" "app" {
  layout = `^(?P<time>\\S+) (?P<message>.*)$`
}
table "my_app" {
  format = format.regex.app
  column "tp_timestamp" { source = "time" }
}
"""
MY_APP = configured(TABLE).tables["my_app"]


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_filters_that_leave_their_row(attempt: str) -> None:
    """Refused as the filter of a partition."""
    assert check_expression(MY_APP, attempt) is not None


@pytest.mark.parametrize(
    "attempt", [*ATTEMPTS, "1) AS x, (2", "message); (SELECT 1", "message FROM t WHERE (1=1"]
)
def test_transforms_that_leave_their_row(attempt: str) -> None:
    """Refused as the transform of a column, for a format whose fields are known."""
    with pytest.raises(ValueError, match=r".+"):
        read_transform(attempt, known=("time", "message"))


def test_a_refused_transform_has_its_place() -> None:
    """The configuration says where it stands."""
    with pytest.raises(ConfigError, match=r"main\.tpc:8: column \"x\": transform: found random") as caught:
        configured(TABLE.rstrip("}\n") + ' }\n  column "x" { transform = "random()" }\n}')
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    "type_",
    [
        "INTEGER) , (SELECT 1",
        "VARCHAR; DROP TABLE x",
        "inet'",
        "ENUM('a')",
        "STRUCT(a HUGEINT)",
        "INTEGER DEFAULT now()",
    ],
)
def test_types_are_nothing_but_types(type_: str) -> None:
    """What a type's name carries beside it is refused."""
    with pytest.raises(ValueError, match="expected"):
        read_type(type_)


@pytest.mark.parametrize("pattern", [r"(?P<a>x'\); SELECT 1; --)", "(?P<a>')", "(?P<a'b>x)", '(?P<a"b>x)'])
def test_quotes_in_patterns_are_text(pattern: str) -> None:
    """A pattern and the names of its groups cannot end the literal that holds them."""
    assert check_pattern(pattern) is None


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "COPY (SELECT 1) TO '/tmp/owned.csv'",
        "ATTACH '/tmp/owned.db' AS owned",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SELECT * FROM 'https://example.com/x.parquet'",
    ],
)
def test_the_engine_is_locked_all_the_same(tmp_path: Path, statement: str) -> None:
    """Where an expression runs, no statement could touch anything outside the work folder."""
    engine = convert.open_engine(tmp_path / "work", memory_mb=256, threads=1)
    try:
        with pytest.raises(duckdb.Error):
            engine.execute(statement)
    finally:
        engine.close()


def test_built_in_tables_take_the_same_filters_as_ever() -> None:
    """What is over the row alone is no attempt: functions, lambdas, members, dates."""
    table = find("aws_cloudtrail_log")
    for fine in (
        "event_name LIKE 'Get%' AND user_identity.type = 'Root'",
        "list_filter(tp_ips, lambda ip: starts_with(ip, '10.')) <> []",
        "tp_timestamp > TIMESTAMP '2026-01-01' AND regexp_matches(event_name, '^A')",
    ):
        assert check_expression(table, fine) is None
