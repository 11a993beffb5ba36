"""`penstock mcp` through the official client: four tools that read, within limits, and nothing else (G6)."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from tests.cli.commands import Run, configure
from tests.query.asking import Asker
from tests.query.hives import FIRST_DAY, Hive, rows_of
from tests.query.test_statement import ATTEMPTS

from penstock import query
from penstock.cli._desk import Desk, Limits
from penstock.errors import QueryError


@pytest.fixture
def local(hive: Hive, run: Run, tmp_path: Path) -> Hive:
    """Three days, with a file beside the hive that must not be read."""
    hive.days(3)
    (tmp_path / "secret.csv").write_text("x\ntop secret\n")
    configure(tmp_path, default={"hive": hive.root, "ledger": f"sqlite:///{hive.ledger.path}"})
    return hive


def talk(home: Path, conversation: Callable[[Client], Awaitable[None]], *options: str) -> None:
    """A conversation with `penstock mcp` as a client has it, over its standard input and output."""
    command = ["-m", "penstock.cli", "mcp", *options]
    server = StdioServerParameters(command=sys.executable, args=command, env={"HOME": str(home)}, cwd=home)

    async def main() -> None:
        with anyio.fail_after(60):
            async with Client(stdio_client(server)) as client:
                await conversation(client)

    anyio.run(main)


def test_a_conversation(local: Hive, tmp_path: Path) -> None:
    """Look around, ask, be refused, see a commit that came meanwhile."""

    async def conversation(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"list_tables", "describe_table", "explain", "query"}
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools.values())

        async def ask(name: str, **arguments: Any) -> Any:
            answer = await client.call_tool(name, arguments)
            assert not answer.is_error, answer
            return answer.structured_content

        tables = {table["name"]: table for table in (await ask("list_tables"))["tables"]}
        assert tables["login"]["partitions"][0]["rows"] == 9
        columns = (await ask("describe_table", table="login"))["columns"]
        assert [column["name"] for column in columns][:3] == ["n", "what", "who"]
        assert (await ask("explain", sql="SELECT who FROM login WHERE n = 4"))["files"] == 1
        found = await ask("query", sql="SELECT n, what FROM login ORDER BY n", max_rows=2)
        assert found["rows"] == [{"n": 0, "what": {"ip": "10.0.0.0"}}, {"n": 1, "what": {"ip": "10.0.0.1"}}]
        assert found["truncated"]
        local.commit([local.put(FIRST_DAY, rows_of(FIRST_DAY, 1, 50))])
        found = await ask("query", sql="SELECT count(*) AS c FROM login")
        assert (found["rows"], found["truncated"]) == ([{"c": 10}], False)
        wrong = await client.call_tool("query", {"sql": f"SELECT * FROM '{tmp_path}/secret.csv'"})
        assert wrong.is_error
        assert "files cannot be read" in str(wrong.content)
        assert "top secret" not in str(wrong.content)

    talk(tmp_path / "home", conversation)


def test_filters_hold_for_the_whole_conversation(local: Hive, tmp_path: Path) -> None:
    """What the person left out is not seen."""

    async def conversation(client: Client) -> None:
        answer = await client.call_tool("query", {"sql": "SELECT count(*) AS c FROM login"})
        assert answer.structured_content["rows"] == [{"c": 3}]

    talk(tmp_path / "home", conversation, "--from", "2026-01-03")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """What stands behind the tools, with small limits."""
    hive = Hive(tmp_path_factory.mktemp("desk"))
    hive.days(3)
    (hive.folder / "secret.csv").write_text("x\ntop secret\n")
    asker = Asker(hive)
    place = query.Place(asker.path, hive.ledger, hive.root, "test", {}, lambda: None, hive.folder / "spill")
    made = Desk(place, Limits(rows=5, answer_bytes=2000, scan_bytes=2000, seconds=1), query.open_at(place))
    yield made
    made.close()


@pytest.mark.parametrize("tool", ["query", "explain"])
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_attempt_is_refused(desk: Desk, attempt: str, tool: str) -> None:
    """Everything that the command refuses, the tools refuse; nothing is written."""
    folder = Path(desk.place.hive).parent
    names = {"file": folder / "secret.csv", "hive": folder / "hive", "out": folder / "out", "folder": folder}
    sql = attempt
    for name, path in names.items():
        sql = sql.replace("{" + name + "}", str(path))
    with pytest.raises(QueryError) as caught:
        desk.answer(sql, 10) if tool == "query" else desk.explain(sql)
    assert "top secret" not in str(caught.value)
    assert not (folder / "out").exists()


def test_numbers_lose_no_digit(desk: Desk) -> None:
    """What a double does not hold is text, alone and within nested values; all else is a number."""
    sql = (
        "SELECT 12345678901234567890.123456789::DECIMAL(38, 9) AS d, 1.50::DECIMAL(5, 2) AS e,"
        " 0.1::DOUBLE AS f, 111122223333 AS n, 9007199254740993 AS i,"
        " -170141183460469231731687303715884105727::HUGEINT AS h, {'x': [0.1234567890123456789]} AS s,"
        ' \'{"y": 1e400, "z": -0.0}\'::JSON AS j, 1e300::DOUBLE AS g,'
        " 0.1::FLOAT AS r"
    )
    (row,) = desk.answer(sql, 1)["rows"]
    assert row == {
        "d": "12345678901234567890.123456789", "e": 1.5, "f": 0.1, "n": 111122223333, "i": "9007199254740993",
        "h": "-170141183460469231731687303715884105727", "s": {"x": ["0.1234567890123456789"]},
        "j": {"y": "1e400", "z": 0.0}, "g": 1e300, "r": row["r"],
    }  # fmt: skip
    assert (type(row["n"]), type(row["e"]), type(row["r"])) == (int, float, float)


def test_rows_and_bytes_are_limited(desk: Desk) -> None:
    """By the tighter of what is asked and what is allowed."""
    found = desk.answer("SELECT range AS x FROM range(100)", 1_000_000)
    assert (len(found["rows"]), found["truncated"]) == (5, True)
    assert len(desk.answer("SELECT range AS x FROM range(5)", 5)["rows"]) == 5
    found = desk.answer("SELECT repeat('x', 900) AS x FROM range(5)", 5)
    assert (len(found["rows"]), found["truncated"]) == (2, True)


def test_what_may_read_too_much_is_not_begun(desk: Desk) -> None:
    """The estimate decides, and says what helps."""
    with pytest.raises(QueryError, match=r"may read 3 files of .*narrow it by tp_timestamp"):
        desk.answer("SELECT who FROM login", 5)
    assert len(desk.answer("SELECT who FROM login WHERE tp_date = '2026-01-02'", 5)["rows"]) == 3


def test_what_takes_too_long_is_stopped(desk: Desk) -> None:
    """And the next question is answered."""
    with pytest.raises(QueryError, match="stopped after 1 s"):
        desk.answer("SELECT max(hash(range)) FROM range(100000000000)", 5)
    assert desk.answer("SELECT 1 AS x", 5)["rows"] == [{"x": 1}]


@pytest.mark.parametrize("sql", ["SELECT 1; SELECT 2", "", "-- nothing"])
def test_one_statement_is_expected(desk: Desk, sql: str) -> None:
    """Neither several nor none."""
    with pytest.raises(QueryError, match="statements, expected one"):
        desk.answer(sql, 5)


def test_an_unknown_table_is_named(desk: Desk) -> None:
    """With those there are."""
    with pytest.raises(QueryError, match="unknown table logout, expected one of login"):
        desk.describe_table("logout")
