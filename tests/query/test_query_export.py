"""Parquet, Arrow, TSV and Markdown, files, limits, estimates and figures of `penstock query`."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.query.asking import Asker
from tests.query.hives import Hive
from tests.query.test_query_cli import Run, configure, local, run

from penstock import query
from penstock.cli import _output
from penstock.errors import QueryError
from penstock.query.export import ExportForm, export

__all__ = ["local", "run"]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[query.Session]:
    """A session over three days."""
    hive = Hive(tmp_path_factory.mktemp("export"))
    hive.days(3)
    asker = Asker(hive)
    yield asker.session()
    asker.opened[0].close()


def exported(session: query.Session, sql: str, form: ExportForm) -> pa.Table:
    """What `sql` gives, written in the form and read again."""
    out = io.BytesIO()
    rows = export(query.run(session, sql), form, out)
    out.seek(0)
    table = pq.read_table(out) if form == "parquet" else pa.ipc.open_stream(out).read_all()
    assert rows == table.num_rows
    return table


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_export_keeps_rows_and_types(session: query.Session, form: ExportForm) -> None:
    """Structs, times and nulls come back as they were."""
    table = exported(session, "SELECT n, what, tp_timestamp, NULL::INT AS x FROM login ORDER BY n", form)
    assert table.num_rows == 9
    assert table.column("what")[1].as_py() == {"ip": "10.0.0.1"}
    assert pa.types.is_timestamp(table.schema.field("tp_timestamp").type)
    assert table.column("x").null_count == 9


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_an_empty_answer_is_a_whole_file(session: query.Session, form: ExportForm) -> None:
    """No rows, but all columns."""
    table = exported(session, "SELECT n, who FROM login WHERE n < 0", form)
    assert (table.num_rows, table.column_names) == (0, ["n", "who"])


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_columns_of_one_name_are_told_apart(session: query.Session, form: ExportForm) -> None:
    """A join of two tables has each of tp_id and tp_date twice; readers find columns by name."""
    table = exported(session, "SELECT a.n, b.n, 7 AS n_1 FROM login a JOIN login b ON a.n + 1 = b.n", form)
    assert table.column_names == ["n", "n_1", "n_1_1"]
    assert sorted(table.column("n_1").to_pylist()) == [*range(1, 9)]


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_what_arrow_has_nothing_for_comes_as_text(session: query.Session, form: ExportForm) -> None:
    """DuckDB would give it other values: a number below zero, the bytes it keeps of bits, no zone."""
    big = str(2**128 - 1)
    sql = f"SELECT 1 AS n, '{big}'::UHUGEINT AS n, '0101'::BIT AS b, '12:00:00+02'::TIMETZ AS t"
    (row,) = exported(session, sql + ', \'::1\'::INET AS "a""b"', form).to_pylist()
    assert row == {"n": 1, "n_1": big, "b": "0101", "t": "12:00:00+02", 'a"b': "::1"}


def test_parquet_is_written_a_row_group_at_a_time(session: query.Session) -> None:
    """Ten groups for 1.2 million rows: the answer is never held whole."""
    out = io.BytesIO()
    export(query.run(session, "SELECT range AS x FROM range(1200000)"), "parquet", out)
    found = pq.ParquetFile(out).metadata
    assert (found.num_rows, found.num_row_groups) == (1_200_000, 10)


def test_what_has_no_place_in_the_form_is_named(session: query.Session) -> None:
    """Parquet by Arrow has no intervals: the error says what helps."""
    with pytest.raises(QueryError, match=r"parquet: .*[Ii]nterval.*cast of that column to VARCHAR"):
        export(query.run(session, "SELECT INTERVAL 1 DAY AS i"), "parquet", io.BytesIO())


def test_a_statement_that_fails_on_the_way_is_a_query_error(session: query.Session) -> None:
    """DuckDB's words come through Arrow."""
    with pytest.raises(QueryError, match="Could not convert string 'user 0'"):
        export(query.run(session, "SELECT who::INT AS i FROM login"), "arrow", io.BytesIO())


def printed(
    session: query.Session, sql: str, form: _output.Form, limit: int = 0
) -> tuple[str, _output.Shown]:
    """What `sql` prints, and what is said of it."""
    out = io.StringIO()
    shown = _output.write(query.run(session, sql), form, out, limit=limit)
    return out.getvalue(), shown


def test_tsv_and_markdown(session: query.Session) -> None:
    """Tabs between, and a table that Markdown reads: bars and brackets escaped, numbers flush right."""
    sql = "SELECT 1 AS n, 'a|b' AS t, NULL AS x, '<i>' AS h"
    assert printed(session, sql, "tsv")[0] == "n\tt\tx\th\n1\ta|b\t\t<i>\n"
    assert printed(session, sql, "markdown")[0] == (
        "| n | t | x | h |\n| ---: | --- | ---: | --- |\n| 1 | a\\|b | &lt;null> | &lt;i> |\n"
    )


@pytest.mark.parametrize("form", ["csv", "table", "line", "json", "jsonl", "markdown"])
def test_limit_cuts_and_says_so(session: query.Session, form: _output.Form) -> None:
    """Exactly so many rows; `more` is true only when there were more."""
    sql = "SELECT range AS x FROM range(5000)"
    assert printed(session, sql, form, 3000)[1] == _output.Shown(3000, True)
    assert printed(session, sql, form, 2048)[1] == _output.Shown(2048, True)
    assert printed(session, sql, form, 5000)[1] == _output.Shown(5000, False)


def test_limited_json_is_whole(session: query.Session) -> None:
    """Cut between batches, it is still an array."""
    text, _ = printed(session, "SELECT range AS x FROM range(5000)", "json", 2048)
    assert len(json.loads(text)) == 2048


def test_to_file_is_put_in_place_whole(
    local: Hive, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows go to the file; when the statement fails, what stood there before stays."""
    target = tmp_path / "out.parquet"
    assert run("--output", "parquet", "-o", str(target), "SELECT n FROM login ORDER BY n") == 0
    assert pq.read_table(target).column("n").to_pylist() == list(range(9))
    assert run("--output", "parquet", "-o", str(target), "SELECT who::INT FROM login") == 41
    assert pq.read_table(target).num_rows == 9
    assert [path.name for path in tmp_path.glob("*out*")] == ["out.parquet"]
    assert run("--output", "csv", "--limit", "2", "-o", str(target), "SELECT n FROM login ORDER BY n") == 0
    assert target.read_text() == "n\n0\n1\n"
    assert "only the first 2 rows" in capsys.readouterr().err


def test_a_file_takes_one_answer(
    local: Hive, run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Two statements would overwrite each other or make no file: refused before the first runs."""
    target = tmp_path / "x.csv"
    assert run("-o", str(target), "SELECT 1; SELECT 2") == 254
    assert run("-o", str(target), "SELECT 1", "SELECT 2") == 254
    assert run("--output", "arrow", "SELECT 1; SELECT 2") == 254
    assert run("-o", str(tmp_path / "no" / "x.csv"), "SELECT 1") == 254
    assert not target.exists()
    assert capsys.readouterr().err.count("takes the answer of one statement, found 2") == 3


def test_parquet_through_a_pipe(local: Hive, run: Run, tmp_path: Path) -> None:
    """Standard output need not seek."""
    command = [sys.executable, "-m", "penstock.cli", "query", "--output", "parquet", "SELECT n FROM login"]
    done = subprocess.run(command, capture_output=True, check=True, cwd=tmp_path / "home")
    assert pq.read_table(io.BytesIO(done.stdout)).num_rows == 9
    assert done.stderr == b""


def test_explain_estimates_and_reads_nothing(
    local: Hive, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files and bytes from the catalogue, for people and for programs."""
    assert (
        run("--explain", "SELECT who FROM login WHERE tp_date = '2026-01-02'", "SELECT count(*) FROM login")
        == 0
    )
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("login: at most 1 of 3 files, ")
    assert first.endswith(", 3 rows")
    assert second == "no file is opened: the catalogue answers it"
    assert run("--explain", "--output", "json", "SELECT who FROM login WHERE n IN (1, 2)") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["files"] == 1
    assert 0 < found["bytes"] < found["scans"][0]["of_bytes"]
    assert run("--explain", "PIVOT login ON who USING count(*)") == 41


@pytest.mark.parametrize(
    ("condition", "files"),
    [
        ("n = 4", 1),
        ("n >= 3", 2),
        ("n > 5", 1),
        ("n < 3 AND who = 'user 1'", 1),
        ("n <= 3", 2),
        ("tp_timestamp BETWEEN '2026-01-02' AND '2026-01-02 23:00:00'", 1),
        ("tp_timestamp::DATE = '2026-01-03'", 1),
        ("tp_timestamp > now() + INTERVAL 9000 DAY", 0),
        ("tp_partition = 'prod'", 3),
        ("tp_partition = 'it''s other'", 0),
        ("tp_index IN ('x', 'y')", 0),
        ("who = 'user 1'", 3),
        ("n IN (1, 8)", 2),
        ("n = 1 OR n = 8", 2),
        ("n = 1 OR n IS NULL", 3),
        ("n = 1 OR who = 'x'", 3),
        ("n IN (SELECT n FROM login WHERE n = 4)", 4),
    ],
)
def test_estimate_counts_what_may_match(session: query.Session, condition: str, files: int) -> None:
    """By the files' extremes; what they cannot tell counts in full. A table read twice counts twice."""
    [one] = query.prepare(session, f"SELECT who FROM login WHERE {condition}")
    assert query.estimate(session, one).files == files


def test_timing_says_rows_and_time(local: Hive, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, when asked for."""
    assert run("--output", "csv", "--timing", "SELECT 1 AS x") == 0
    out, err = capsys.readouterr()
    assert out == "x\n1\n"
    assert err.startswith("1 row in 0.")


def test_several_workspaces_are_told_apart(
    local: Hive, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown one is named, with those there are."""
    configure(tmp_path, other={"hive": local.root, "ledger": f"sqlite:///{local.ledger.path}"})
    assert run("--workspace", "othr", "SELECT 1") == 250
    assert 'workspace "othr" is not configured, expected one of default, other' in capsys.readouterr().err
