"""`--engine athena`: the statement goes to Athena (moto's), its rows come back in every form."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests.query.hives import Hive
from tests.query.store import REGION, Store
from tests.query.test_query_cli import Run, configure, run

from penstock import aws, query
from penstock.errors import QueryError
from penstock.query.athena import DOLLARS_PER_TB, Billed, Where, ask

__all__ = ["run"]

COLUMNS = [("n", "bigint"), ("who", "varchar"), ("at", "timestamp"), ("price", "decimal"), ("tags", "array")]
ROWS: list[list[str | None]] = [
    ["n", "who", "at", "price", "tags"],
    ["1", "a,b", "2026-01-02 03:04:05.000", "1.50", "[x, y]"],
    ["2", None, None, None, None],
]


def results(store: Store, rows: list[list[str | None]], columns: list[tuple[str, str]] = COLUMNS) -> None:
    """What moto answers to the next statement."""
    told = {
        "rows": [{"Data": [{} if v is None else {"VarCharValue": v} for v in row]} for row in rows],
        "column_info": [
            {"Name": n, "Type": t, "CatalogName": "c", "SchemaName": "", "TableName": "", "Label": n,
             "Precision": 5, "Scale": 2, "Nullable": "UNKNOWN", "CaseSensitive": False}
            for n, t in columns
        ],
    }  # fmt: skip
    request = urllib.request.Request(  # noqa: S310 - the address of our own server
        f"{store.url}/moto-api/static/athena/query-results",
        data=json.dumps({"results": [told], "region": REGION}).encode(),
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request).close()  # noqa: S310


@pytest.fixture
def client(store: Store) -> Any:
    """A client of moto's Athena."""
    account = aws.Account(access_key="key", secret_key="secret", region=REGION, endpoint_url=store.url)
    return aws.client("athena", account)


WHERE = Where("logs", output="s3://results/")


def test_rows_come_with_their_types(store: Store, client: Any, tmp_path: Path) -> None:
    """The heading is no row; nulls are nulls; arrays are Athena's text."""
    results(store, ROWS)
    result, billed = ask(client, "SELECT * FROM login", WHERE, scratch=tmp_path)
    assert result.columns == ("n", "who", "at", "price", "tags")
    assert result.types == ("BIGINT", "VARCHAR", "TIMESTAMP", "DECIMAL(5,2)", "VARCHAR")
    rows = [row for batch in query.batches(result, ["#1", "#2", "#3::VARCHAR", "#4", "#5"]) for row in batch]
    assert rows[0][:3] == (1, "a,b", "2026-01-02 03:04:05")
    assert rows[1] == (2, None, None, None, None)
    assert billed == Billed(0, 0.0)
    result.session.close()


def test_the_command_shows_them_like_its_own(
    store: Store, client: Any, hive: Hive, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """CSV and JSON; what was scanned and what it costs on standard error."""
    place = {"region": REGION, "endpoint_url": store.url}
    configure(tmp_path, default={"hive": hive.root, "ledger": f"sqlite:///{hive.ledger.path}", **place})
    options = ["--engine", "athena", "--athena-output", "s3://results/"]
    results(store, ROWS)
    assert run(*options, "--output", "csv", "--timing", "SELECT * FROM login") == 0
    out, err = capsys.readouterr()
    assert out == 'n,who,at,price,tags\n1,"a,b",2026-01-02T03:04:05,1.50,"[x, y]"\n2,,,,\n'
    assert err.startswith("2 rows in ")
    assert "0 B scanned, about $0.0000" in err
    results(store, ROWS)
    assert run(*options, "--output", "jsonl", "--limit", "1", "SELECT * FROM login") == 0
    assert json.loads(capsys.readouterr().out)["price"] == 1.5
    assert run(*options, "--from", "T-1d", "SELECT 1") == 254
    assert run(*options, "DROP TABLE login") == 41
    assert "found DROP, expected a query" in capsys.readouterr().err


class Recorded:
    """A client with Athena's answers as recorded: moto has neither states on the way nor pages."""

    def __init__(self, states: list[str], pages: list[list[list[str | None]]], scanned: int = 0) -> None:
        self.states, self.pages, self.scanned = states, pages, scanned
        self.stopped: list[str] = []

    def start_query_execution(self, **_: Any) -> dict[str, str]:
        return {"QueryExecutionId": "q"}

    def get_query_execution(self, QueryExecutionId: str) -> Any:  # noqa: N803 - AWS's own name
        status = {
            "State": self.states.pop(0),
            "StateChangeReason": "line 1:8: Column 'whoo' cannot be resolved",
        }
        statistics = {"DataScannedInBytes": self.scanned, "TotalExecutionTimeInMillis": 1500}
        return {
            "QueryExecution": {
                "QueryExecutionId": QueryExecutionId,
                "Status": status,
                "Statistics": statistics,
            }
        }

    def get_query_results(self, QueryExecutionId: str, NextToken: str = "0") -> Any:  # noqa: N803
        at = int(NextToken)
        info = [{"Name": "n", "Type": "integer"}]
        rows = [{"Data": [{"VarCharValue": v} for v in row]} for row in self.pages[at]]
        page: Any = {"ResultSet": {"Rows": rows, "ResultSetMetadata": {"ColumnInfo": info}}}
        return page | ({"NextToken": str(at + 1)} if at + 1 < len(self.pages) else {})

    def stop_query_execution(self, QueryExecutionId: str) -> None:  # noqa: N803
        self.stopped.append(QueryExecutionId)


def test_it_waits_and_reads_every_page(tmp_path: Path) -> None:
    """With longer and longer waits; bytes become dollars, 10 MB at least."""
    waits: list[float] = []
    recorded = Recorded(
        ["QUEUED", "RUNNING", "RUNNING", "SUCCEEDED"], [[["n"], ["1"]], [["2"]], [["3"]]], 2 * 10**12
    )
    result, billed = ask(recorded, "select n from t", WHERE, scratch=tmp_path, sleep=waits.append)
    assert [row for batch in query.batches(result, ["#1"]) for row in batch] == [(1,), (2,), (3,)]
    assert waits == sorted(waits)
    assert len(waits) == 3
    assert (billed.seconds, billed.dollars) == (1.5, 2 * DOLLARS_PER_TB)
    assert Billed(1, 0).dollars == Billed(10_000_000, 0).dollars > Billed(0, 0).dollars
    result.session.close()


def test_a_failure_is_told_in_athenas_words(tmp_path: Path) -> None:
    """The reason, and no traceback."""
    recorded = Recorded(["RUNNING", "FAILED"], [])
    with pytest.raises(QueryError, match="Column 'whoo' cannot be resolved"):
        ask(recorded, "SELECT whoo FROM login", WHERE, scratch=tmp_path, sleep=lambda _: None)


def test_ctrl_c_stops_it_there_too(tmp_path: Path) -> None:
    """Athena goes on charging otherwise."""

    def press(_: float) -> None:
        raise KeyboardInterrupt

    recorded = Recorded(["RUNNING"], [])
    with pytest.raises(KeyboardInterrupt):
        ask(recorded, "SELECT 1", WHERE, scratch=tmp_path, sleep=press)
    assert recorded.stopped == ["q"]


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE login",
        "INSERT INTO login SELECT 1",
        "CREATE TABLE x AS SELECT 1",
        "UNLOAD (SELECT 1) TO 's3://x/'",
        "-- SELECT\nDELETE FROM login",
        "/* SELECT */ ALTER TABLE login ADD PARTITION (a = 1)",
        "MSCK REPAIR TABLE login",
        "EXPLAIN ANALYZE INSERT INTO login SELECT 1",
        "EXPLAIN (TYPE IO) DROP TABLE login",
        "VACUUM login",
        "",
        "EXECUTE p",
        "PREPARE p FROM INSERT INTO login SELECT 1",
    ],
)
def test_what_is_no_query_is_not_sent(tmp_path: Path, sql: str) -> None:
    """Reading is all that this engine does as well."""
    with pytest.raises(QueryError, match="expected a query"):
        ask(Recorded([], []), sql, WHERE, scratch=tmp_path)


@pytest.mark.parametrize(
    "sql",
    [
        "(SELECT 1)",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "-- x\nselect 1",
        "EXPLAIN ANALYZE SELECT 1",
        "SHOW TABLES",
    ],
)
def test_queries_are_sent(tmp_path: Path, sql: str) -> None:
    """In each of their shapes."""
    result, _ = ask(Recorded(["SUCCEEDED"], [[["n"]]]), sql, WHERE, scratch=tmp_path)
    result.session.close()
