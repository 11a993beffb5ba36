"""`schema` blocks are DuckDB schemas of narrowed views, wherever a hive is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.commands import Run, configure
from tests.cli.test_connect import plain
from tests.query.hives import FIRST_DAY, Hive, rows_of

from penstock.config import View, loads
from penstock.errors import ConfigError
from penstock.model import PartitionId

SCHEMAS = """
schema "second_day" {
  tables = ["log*"]
  from   = "2026-01-02"
  to     = "2026-01-02T23:59:59Z"
}
schema "others" {
  partitions = ["login.oth*", "nobody"]
  indexes    = ["default"]
}
schema "soon" {
  tables     = ["login"]
  partitions = ["not-yet"]
}
schema "recent" {
  from = "T-1d"
}
"""


@pytest.fixture
def local(hive: Hive, run: Run, tmp_path: Path) -> Hive:
    """Three days of one partition, one of another."""
    hive.days(3)
    other = PartitionId("login", "other")
    hive.commit([hive.put(FIRST_DAY, rows_of(FIRST_DAY, 2, 100), partition=other)], partition=other)
    configure(tmp_path, SCHEMAS, default={"hive": hive.root, "ledger": f"sqlite:///{hive.ledger.path}"})
    return hive


def numbers(run: Run, capsys: pytest.CaptureFixture[str], sql: str, *options: str) -> list[int]:
    """The first column of an answer."""
    assert run("query", "--output", "csv", "--no-header", *options, sql) == 0
    return [int(line.split(",")[0]) for line in capsys.readouterr().out.split()]


def test_views_are_narrowed(local: Hive, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """By time, partition and index; what does not exist yet has no rows and is no mistake."""
    assert numbers(run, capsys, "SELECT n FROM second_day.login ORDER BY n") == [3, 4, 5]
    assert numbers(run, capsys, "SELECT n FROM others.login ORDER BY n") == [100, 101]
    assert numbers(run, capsys, "SELECT count(*) FROM soon.login") == [0]
    assert numbers(run, capsys, "SELECT count(*) FROM recent.login") == [0]
    assert numbers(run, capsys, "SELECT count(*) FROM login") == [11]


def test_filters_of_the_command_narrow_them_too(
    local: Hive, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both hold."""
    options = ["--from", "2026-01-02T01:00:00Z"]
    assert numbers(run, capsys, "SELECT n FROM second_day.login ORDER BY n", *options) == [4, 5]


def test_only_the_chosen_tables_are_there(local: Hive, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """And the others are named as missing."""
    assert run("query", "SELECT * FROM second_day.tp_rejected") == 41
    assert "tp_rejected does not exist" in capsys.readouterr().err


def test_few_files_are_opened(local: Hive, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """A narrowed view prunes as a condition does."""
    assert run("query", "--explain", "--output", "json", "SELECT who FROM second_day.login") == 0
    assert json.loads(capsys.readouterr().out)["files"] == 1


def test_the_script_for_plain_duckdb_has_them(
    local: Hive, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`penstock connect` shows the same."""
    assert run("connect") == 0
    script = Path(capsys.readouterr().out.strip())
    with plain(tmp_path / "extensions", "ducklake", "inet") as connection:
        connection.execute(script.read_text())
        assert connection.execute("SELECT count(*) FROM others.login").fetchall() == [(2,)]


def test_list_and_show(local: Hive, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """As written, and as it is now."""
    assert run("schema", "list", "--output", "plain") == 0
    assert (
        capsys.readouterr().out.splitlines()[0] == "second_day\tlog*\t-\t-\t2026-01-02\t2026-01-02T23:59:59Z"
    )
    assert run("schema", "show", "recent", "--output", "json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert "recent.login" in shown["views"]
    assert shown["from_time"].endswith("Z")
    assert run("schema", "show", "recnt") == 254
    assert "did you mean recent?" in capsys.readouterr().err
    assert run("schema", "list", "--help") == 0
    assert "penstock schema list" in capsys.readouterr().out


def test_the_block_is_read() -> None:
    """Every argument, and what its absence means."""
    found = loads({"a.tpc": SCHEMAS}).views
    assert found["others"] == View("others", partitions=("login.oth*", "nobody"), indexes=("default",))
    assert found["recent"] == View("recent", from_="T-1d")


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ('schema "main" {\n}', "name is DuckDB's own"),
        ('schema "x" {\n from = "T-7"\n}', "from: found"),
        ('schema "x" {\n table = ["a"]\n}', 'unknown argument "table"'),
        ('schema "x" {\n tables = "a"\n}', "expected a list of strings"),
        ('schema "x" {\n tables = ["a"]\n}\nschema "x" {\n}', "is defined again"),
    ],
)
def test_what_is_wrong_is_said(block: str, message: str) -> None:
    """With its place."""
    with pytest.raises(ConfigError, match=r"a\.tpc:\d") as caught:
        loads({"a.tpc": block})
    assert message in str(caught.value)


def test_times_the_wrong_way_round_are_said(
    hive: Hive, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are known only when a query starts."""
    wrong = 'schema "x" {\n from = "T-1d"\n to = "T-2d"\n}\n'
    configure(tmp_path, wrong, default={"hive": hive.root, "ledger": f"sqlite:///{hive.ledger.path}"})
    assert run("query", "SELECT 1") == 254
    assert 'schema "x": from T-1d is after to T-2d' in capsys.readouterr().err
