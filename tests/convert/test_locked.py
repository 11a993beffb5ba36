"""The engine is locked: nothing but its work folder can be reached (G6)."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from tests.convert.trial import Trial, event, log

from penstock.errors import Retry

OUTSIDE = "/etc/hostname"

STATEMENTS = [
    f"SELECT * FROM read_text('{OUTSIDE}')",
    f"SELECT * FROM read_blob('{OUTSIDE}')",
    f"SELECT * FROM read_csv('{OUTSIDE}')",
    f"SELECT * FROM read_json('{OUTSIDE}')",
    f"SELECT * FROM '{OUTSIDE}'",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM read_text('{folder}/../../../../../../../../etc/hostname')",
    "SELECT * FROM read_parquet('http://127.0.0.1:9/x.parquet')",
    "SELECT * FROM read_parquet('s3://bucket/x.parquet')",
    "COPY (SELECT 1) TO '{folder}-beside.csv'",
    "COPY (SELECT 1) TO 's3://bucket/x.csv'",
    f"CREATE TABLE t AS FROM read_csv('{OUTSIDE}')",
    "EXPORT DATABASE '{folder}-beside'",
    f"IMPORT DATABASE '{OUTSIDE}'",
    "ATTACH '{folder}-beside.duckdb' AS other",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{folder}/../x.duckdb_extension'",
    "SET enable_external_access = true",
    "SET allowed_directories = ['/']",
    "SET lock_configuration = false",
    "SET memory_limit = '1TB'",
    "RESET allowed_directories",
    "SET threads = 64",
    "CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')",
    "CREATE PERSISTENT SECRET s (TYPE s3)",
    "SELECT * FROM frame",
    "SELECT getenv('HOME')",
]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_statements_reach_nothing_outside(trial: Trial, statement: str) -> None:
    """Files, network, extensions, settings, secrets and Python's variables are refused."""
    frame = duckdb.sql("SELECT 1 AS a").arrow()
    before = set(trial.folder.parent.iterdir())
    with pytest.raises(duckdb.Error):
        trial.engine.execute(statement.format(folder=trial.folder)).fetchall()
    assert set(trial.folder.parent.iterdir()) == before
    del frame


@pytest.mark.parametrize(
    "condition",
    [
        f"(SELECT count(*) FROM read_text('{OUTSIDE}')) > 0",
        "EXISTS (SELECT * FROM glob('/etc/*') )",
        "(SELECT count(*) FROM 'http://127.0.0.1:9/x.csv') > 0",
        "(SELECT count(*) FROM duckdb_secrets() WHERE getenv('HOME') > '') > 0",
    ],
)
def test_filters_reach_nothing_outside_even_unchecked(trial: Trial, condition: str) -> None:
    """A filter that nobody checked fails; it stores nothing and reads nothing."""
    with pytest.raises((duckdb.Error, Retry)):
        trial(log(event()), filter=condition)


def test_log_content_is_no_statement(trial: Trial) -> None:
    """A table named in hostile log texts and object names is still there."""
    trial.engine.execute("CREATE OR REPLACE TABLE precious AS SELECT 1")
    hostile = "'); DROP TABLE precious; --"
    out = trial(log(event(eventName=hostile, userAgent=hostile)), names=[hostile], tp_index="event_name")
    assert out.counts == [("done", 1, 0, 0)]
    assert trial.engine.execute("FROM precious").fetchall() == [(1,)]


def test_its_own_folder_is_within_reach(trial: Trial) -> None:
    """The lock is no wall around nothing: a file of the work folder is read."""
    Path(trial.folder, "inside.txt").write_text("seen")
    found = trial.engine.execute(f"SELECT content FROM read_text('{trial.folder}/inside.txt')").fetchall()
    assert found == [("seen",)]
