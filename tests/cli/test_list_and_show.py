"""`list` and `show` of everything that has a name, and `partition delete`."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest
from tests.cli.commands import Run, configure
from tests.query.hives import FIRST_DAY, LOGIN, Hive, rows_of

from penstock import formats, sources, tables
from penstock.model import PartitionId

MORE = """
connection "aws" "logs" {
  access_key = "AKIAEXAMPLE"
  secret_key = "verysecretkey"
  region     = "eu-west-1"
}
partition "aws_cloudtrail_log" "prod" {
  source "aws_s3_bucket" {
    connection = connection.aws.logs
    bucket     = "my-cloudtrail-logs"
  }
  filter = "event_source <> 'kms.amazonaws.com'"
}
"""


@pytest.fixture
def local(hive: Hive, run: Run, tmp_path: Any) -> Hive:
    """Three days of logins, two rejected rows, and a configured partition without rows."""
    hive.days(3)
    rejected = hive.put(
        FIRST_DAY,
        "SELECT 'raw' AS raw, 'why' AS reason, i AS row_number, 'login' AS table_name,"
        " TIMESTAMP '2026-01-01' AS tp_timestamp FROM range(2) t(i)",
        partition=PartitionId("tp_rejected", "prod"),
        index="login",
    )
    hive.commit([rejected])
    configure(tmp_path, MORE, default={"hive": hive.root, "ledger": f"sqlite:///{hive.ledger.path}"})
    return hive


Ask = Any


@pytest.fixture
def ask(local: Hive, run: Run, capsys: pytest.CaptureFixture[str]) -> Ask:
    """The JSON that a command prints."""

    def call(*arguments: str) -> Any:
        assert run(*arguments, "--output", "json") == 0
        return json.loads(capsys.readouterr().out)

    return call


def test_partitions(ask: Ask, local: Hive) -> None:
    """What each holds, from the catalogue and the ledger; configured ones without rows too."""
    empty, login = ask("partition", "list")
    assert empty["name"] == "aws_cloudtrail_log.prod"
    assert (empty["configured"], empty["files"], empty["first"]) == (True, 0, None)
    assert login == {
        "name": "login.prod",
        "configured": False,
        "sources": [],
        "filter": None,
        "tp_index": None,
        "files": 3,
        "rows": 9,
        "bytes": login["bytes"],
        "first": "2026-01-01T00:00:00Z",
        "last": "2026-01-03T02:00:00Z",
        "version": 2,
        "last_commit": "2026-07-01T12:00:00Z",
        "last_commit_kind": "collect",
        "rejected": 2,
    }
    assert login["bytes"] > 1000
    shown = ask("partition", "show", "AWS_cloudtrail_log.prod")
    assert shown["filter"] == "event_source <> 'kms.amazonaws.com'"
    assert shown["sources"][0].startswith("aws_s3_bucket s3://my-cloudtrail-logs")


def test_tables(ask: Ask) -> None:
    """All built-in ones and those that hold rows, with their columns in order."""
    found = {row["name"]: row for row in ask("table", "list")}
    assert {*tables.names(), "login"} == set(found)
    assert (found["login"]["rows"], found["login"]["partitions"], found["login"]["rejected"]) == (9, 1, 2)
    shown = ask("table", "show", "login")
    assert [column["name"] for column in shown["columns"]][:3] == ["n", "what", "who"]
    cloudtrail = {column["name"]: column for column in ask("table", "show", "aws_cloudtrail_log")["columns"]}
    assert cloudtrail["event_name"]["description"]
    assert cloudtrail["tp_timestamp"]["type"] == "TIMESTAMP"


def test_sources_formats_connections_workspaces(ask: Ask, local: Hive) -> None:
    """Declarations and configuration; a secret is never shown."""
    found = {row["name"]: row for row in ask("source", "list")}
    assert set(found) == set(sources.names())
    assert found["aws_s3_bucket"]["partitions"] == ["aws_cloudtrail_log.prod"]
    assert "bucket" in [argument["name"] for argument in ask("source", "show", "aws_s3_bucket")["arguments"]]
    listed = {row["name"]: row["kind"] for row in ask("format", "list")}
    assert [name for name, kind in listed.items() if kind == "type"] == list(formats.names())
    assert {name for name, kind in listed.items() if kind == "preset"} == set(formats.presets())
    for name in listed:
        shown = ask("format", "show", name)
        assert shown["description"]
        assert ("reader" in shown) == ("." in name)
    connections = {row["name"]: row for row in ask("connection", "list")}
    assert connections["aws.logs"]["region"] == "eu-west-1"
    assert connections["aws.logs"]["partitions"] == ["aws_cloudtrail_log.prod"]
    assert "verysecretkey" not in json.dumps(connections)
    assert ask("connection", "show", "aws.default")["credentials"] == "the AWS chain"
    [workspace] = ask("workspace", "list")
    assert (workspace["name"], workspace["used"], workspace["hive"]) == ("default", True, local.root)
    assert ask("workspace", "show")["rows"] == 9


NOUNS = ["partition", "table", "source", "format", "connection", "workspace"]


@pytest.mark.parametrize("noun", NOUNS)
def test_plain_has_a_line_each_and_pretty_a_heading(
    local: Hive, run: Run, noun: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Plain is for cut and awk: as many lines as there are things, always the same number of fields."""
    assert run(noun, "list", "--output", "json") == 0
    things = json.loads(capsys.readouterr().out)
    assert run(noun, "list", "--output", "plain") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[0] for line in lines] == [thing["name"] for thing in things]
    assert len({line.count("\t") for line in lines}) == 1
    assert run(noun, "list") == 0
    shown = capsys.readouterr().out
    assert shown.lstrip().startswith("name")
    assert "\x1b" not in shown
    for form in ("plain", "pretty"):
        assert run(noun, "show", things[0]["name"], "--output", form) == 0
        assert things[0]["name"] in capsys.readouterr().out


def test_a_narrow_terminal_takes_nothing_from_names_and_figures(
    local: Hive, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the width, every name, count and size is there whole."""
    monkeypatch.setenv("COLUMNS", "40")
    for noun in ("table", "partition"):
        assert run(noun, "list", "--output", "json") == 0
        things = json.loads(capsys.readouterr().out)
        assert run(noun, "list") == 0
        lines = capsys.readouterr().out.splitlines()
        for thing in things:
            cells = next(line for line in lines if line.split(" ")[0] == thing["name"]).split()
            assert {f"{thing[name]:,}" for name in ("files", "rows", "rejected")} <= set(cells)


@pytest.mark.parametrize("noun", NOUNS)
def test_an_unknown_name_gets_the_nearest(
    local: Hive, run: Run, noun: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback: what was found, what there is."""
    assert run(noun, "list", "--output", "plain") == 0
    name = capsys.readouterr().out.split("\t")[0]
    assert run(noun, "show", f"{name}x") == 254
    error = capsys.readouterr().err
    assert f"unknown {noun} {name}x, expected one of " in error
    assert f"did you mean {name}?" in error


@pytest.mark.parametrize("noun", [*NOUNS, "query", "connect"])
def test_help_has_examples(run: Run, noun: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command and every one below it."""
    below = [[]] if noun in ("query", "connect") else [["list"], ["show"]]
    for arguments in [*below, *([["delete"]] if noun == "partition" else [])]:
        assert run(noun, *arguments, "--help") == 0
        assert f"penstock {' '.join([noun, *arguments])}" in capsys.readouterr().out.partition("\n")[2]


def count(run: Run, capsys: pytest.CaptureFixture[str]) -> int:
    """Rows of login."""
    assert run("query", "--output", "csv", "--no-header", "SELECT count(*) FROM login") == 0
    return int(capsys.readouterr().out)


def test_delete_asks_and_says(
    local: Hive, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No answer or no is no; yes deletes by time, both ends included."""
    arguments = ["partition", "delete", "login.prod", "--from", "2026-01-02T01:00:00Z", "--to", "2026-01-03"]
    for answer, status in (("", 91), ("\n", 91), ("n\n", 91), ("y\n", 0)):
        monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
        assert count(run, capsys) == 9
        assert run(*arguments) == status
        said = capsys.readouterr()
        assert "Delete 0 rows in 0 files and some of 6 rows in 2 of login.prod?" in said.err
    assert (
        said.out == "3 rows in 2 files of login.prod are deleted, 2 of them written anew without the rows\n"
    )
    assert count(run, capsys) == 6


def test_delete_by_force_takes_rejected_rows_too(
    local: Hive, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everything of the partition; another partition of the same name keeps its own; twice is harmless."""
    other = PartitionId("logout", "prod")
    local.commit([local.put(FIRST_DAY, rows_of(FIRST_DAY, 1), partition=other)], partition=other)
    assert run("partition", "delete", "login.prod", "--force") == 0
    assert capsys.readouterr().out == "11 rows in 4 files of login.prod are deleted\n"
    assert run("query", "--output", "csv", "--no-header", "SELECT count(*) FROM logout") == 0
    assert capsys.readouterr().out == "1\n"
    assert run("partition", "delete", "login.prod", "--force") == 0
    assert "nothing is deleted" in capsys.readouterr().err
    assert local.ledger.head(LOGIN).version == 3


@pytest.mark.parametrize("name", ["login.*", "login", "log.prod", "*"])
def test_delete_takes_one_name(local: Hive, run: Run, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """No wildcard, no table: deleting too much by a slip is not possible."""
    assert run("partition", "delete", name, "--force") == 254
    assert f"unknown partition {name}" in capsys.readouterr().err
    assert count(run, capsys) == 9
