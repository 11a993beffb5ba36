"""A configuration's values: who wants a key, workspaces, settings, reading files."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from penstock import sources
from penstock.config import (
    BLOCKS,
    SETTINGS,
    Config,
    load,
    loads,
    search_path,
    settings_from_env,
    workspace_name,
)
from penstock.config.grammar import parser, write_tables
from penstock.errors import ConfigError
from penstock.model import PartitionId
from penstock.tables import Column, Syntax, Table, find

SMALL = Table(
    name="small",
    description="",
    reference="",
    syntax=Syntax("json_text"),
    columns=(Column("who", "VARCHAR", "r.who", ""), Column("what", "STRUCT(a INTEGER)", "r.what", "")),
    enrichment={},
    not_logs={"/digest/": "a digest", r"README(\.md)?$": "not a log"},
)
DAY = "AWSLogs/123456789012/CloudTrail/us-east-1/2024/01/31"


def small(text: str) -> Config:
    """A configuration of the table `small`, whose partitions want every key of their buckets."""
    return loads({"main.tpc": text}, find_table={"small": SMALL}.__getitem__)


def partition(name: str, *arguments: str) -> str:
    """A partition of `small` with a source for each of the arguments."""
    blocks = "".join(f'source "aws_s3_bucket" {{ {text} }}\n' for text in arguments)
    return f'partition "small" "{name}" {{\n{blocks}}}\n'


def test_partitions_for_a_key() -> None:
    """Every partition that wants a key is named once, by its first matching source, with its parts."""
    text = partition("a", 'bucket = "one"', 'bucket = "one"') + partition(
        "b",
        'bucket = "one"  prefix = "x/"  file_layout = `^%{WORD:app}/%{YEAR:year}`',
        'bucket = "two"',
        'bucket = "one"  file_layout = `spare$`',
    )
    config = small(text)

    def wanted(bucket: str, key: str) -> list[tuple[str, int, dict[str, str]]]:
        return [
            (found.id.name, found.sources.index(source), dict(captures))
            for found, source, captures in config.partitions_for(bucket, key)
        ]

    assert wanted("one", "x/web/2024/f") == [("a", 0, {}), ("b", 0, {"app": "web", "year": "2024"})]
    assert wanted("one", "x/web/2024/spare") == [("a", 0, {}), ("b", 0, {"app": "web", "year": "2024"})]
    assert wanted("one", "y/spare") == [("a", 0, {}), ("b", 2, {})]
    assert wanted("one", "y") == [("a", 0, {})]
    assert wanted("two", "x/web/2024/f") == [("b", 1, {})]
    assert wanted("three", "x/web/2024/f") == []
    assert config.buckets == ("one", "two")


def test_what_the_table_knows_as_no_log_is_nobodys() -> None:
    """Keys under a table's `not_logs` are passed over, also where the layout would take them."""
    config = small(partition("a", 'bucket = "one"'))
    assert config.partitions_for("one", "a/log.gz")
    assert not config.partitions_for("one", "a/digest/log.gz")
    assert not config.partitions_for("one", "a/README.md")


@pytest.mark.parametrize(
    ("key", "count"),
    [
        (f"{DAY}/x.json.gz", 1),
        (f"audit/ü =%+../{DAY}/x.json.gz", 1),
        (f"{DAY}/x.json.gz".replace("CloudTrail", "CloudTrail-Digest"), 0),
        (f"CloudTrail/{DAY}/x.json.gz".replace("2/CloudTrail", "2/CloudTrail-Insight"), 0),
        ("AWSLogs/123456789012/CloudTrail/README.md", 0),
    ],
)
def test_cloudtrail_by_default(key: str, count: int) -> None:
    """A partition without a layout takes the table's: logs are wanted, their neighbours are not."""
    text = 'partition "aws_cloudtrail_log" "all" { source "aws_s3_bucket" { bucket = "trail" } }'
    assert len(loads({"main.tpc": text}).partitions_for("trail", key)) == count


def test_filters_are_checked_by_the_caller() -> None:
    """`check_expression` sees each filter with its table; what it says is a problem on the filter's line."""
    seen = []

    def check(table: Table, text: str) -> str | None:
        seen.append((table.name, text))
        return "found no such column, expected one of the table" if "nope" in text else None

    source = 'source "aws_s3_bucket" { bucket = "trail" }'
    text = 'partition "aws_cloudtrail_log" "a" {\n' + source + '\nfilter = "%s"\n}\n'
    loads({"main.tpc": text % "true"}, check_expression=check)
    with pytest.raises(ConfigError) as caught:
        loads({"main.tpc": text % "nope = 1"}, check_expression=check)
    assert [str(p) for p in caught.value.problems] == [
        "main.tpc:3: filter: found no such column, expected one of the table"
    ]
    assert seen == [("aws_cloudtrail_log", "true"), ("aws_cloudtrail_log", "nope = 1")]


def test_documented_examples_load() -> None:
    """Every block's and every source's example is a configuration that is accepted as it stands."""
    text = "".join(block.example for block in BLOCKS.values())
    assert len(loads({"main.tpc": text}).partitions) == 1
    for name in sources.names():
        inner = sources.find(name).example
        written = f'partition "aws_cloudtrail_log" "x" {{\n{inner}}}\n'
        assert (
            len(loads({"main.tpc": written}).partitions[PartitionId("aws_cloudtrail_log", "x")].sources) == 1
        )


def test_declarations_are_complete() -> None:
    """Each block, argument and setting says what it is; each argument's default has its type."""
    arguments = [a for block in BLOCKS.values() for a in block.arguments]
    arguments += [a for name in sources.names() for a in sources.find(name).arguments]
    assert [a.name for a in arguments if not a.description.endswith(".")] == []
    assert [a.name for a in arguments if a.required and a.default is not None] == []
    assert [
        s.variable for s in SETTINGS if not s.description or (isinstance(s.default, int) and not s.unit)
    ] == []


def test_the_default_connection_exists_and_can_be_written() -> None:
    """`connection.aws.default` is there without being written, and what is written replaces it."""
    assert small("").connections["aws.default"].profile is None
    written = 'connection "aws" "default" { profile = "p" }\n'
    assert small(written).connections["aws.default"].profile == "p"


def test_secrets_do_not_show() -> None:
    """A connection's repr, which may end in a log, holds none of its secrets."""
    written = 'connection "aws" "k" { access_key = "AKIA"\nsecret_key = "s3cret"\nsession_token = "t0ken" }'
    shown = repr(small(written))
    assert "AKIA" in shown
    assert "s3cret" not in shown
    assert "t0ken" not in shown


def test_workspaces() -> None:
    """`default` always exists, a hive on disk brings its ledger, an unknown name lists the valid ones."""
    config = small(
        'workspace "w" { hive = "s3://hive/x/"\nledger = "dynamodb://led" }\nworkspace "l" { hive = "~/h" }'
    )
    assert (config.workspace("w").hive, config.workspace("w").ledger) == ("s3://hive/x", "dynamodb://led")
    home = Path("~").expanduser()
    assert config.workspace("l").hive == f"{home}/h"
    assert config.workspace().hive == f"{home}/.penstock/default/hive"
    assert config.workspace().ledger == f"sqlite:///{home}/.penstock/default/hive/_ledger.sqlite"
    with pytest.raises(ConfigError, match='workspace "x" is not configured, expected one of default, l, w'):
        config.workspace("x")


def test_files_and_directories(tmp_path: Path) -> None:
    """Directories give their *.tpc and *.hcl files, not deeper ones or hidden ones; each file once."""
    for name in ("b.tpc", "a.hcl", "c.txt", ".hidden.hcl", "deep/d.tpc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f'workspace "{Path(name).stem.strip(".")}" {{}}')
    assert list(load([tmp_path]).workspaces) == ["a", "b"]
    assert list(load([tmp_path / "b.tpc", tmp_path, tmp_path / "c.txt"]).workspaces) == ["b", "a", "c"]
    assert load([]).partitions == {}


def test_unreadable_files_are_problems(tmp_path: Path) -> None:
    """A missing path and bytes that are not UTF-8 are named beside the problems of other files."""
    (tmp_path / "a.tpc").write_bytes(b'# one\nworkspace "w\xff" {}\n')
    (tmp_path / "b.tpc").write_text("x = 1\n")
    with pytest.raises(ConfigError) as caught:
        load([tmp_path, tmp_path / "none"])
    assert [str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems] == [
        "a.tpc:2: found bytes that are not UTF-8, expected UTF-8 text",
        'b.tpc:1: found argument "x" outside of any block, expected connection, partition, workspace, '
        "format, table, schema",
        "none: does not exist, expected a file or a directory",
    ]


def test_search_path_and_workspace_name(tmp_path: Path) -> None:
    """The option wins over the environment, which wins over the places of old."""
    assert search_path("a:/b", {}) == (Path("a"), Path("/b"))
    assert search_path(None, {"PENSTOCK_CONFIG_PATH": "/c:"}) == (Path("/c"),)
    assert search_path(None, {})[0] == Path()
    assert workspace_name("w", {"PENSTOCK_WORKSPACE": "v"}) == "w"
    assert workspace_name(None, {"PENSTOCK_WORKSPACE": "v"}) == "v"
    assert workspace_name(None, {}) == "default"


NEEDED = {"PENSTOCK_HIVE": "s3://hive/logs/", "PENSTOCK_LEDGER": "dynamodb://ledger"}


def test_settings() -> None:
    """What is not set has its default; the configuration is kept in the hive."""
    found = settings_from_env({**NEEDED, "PENSTOCK_THREADS": "2", "UNRELATED": "x"})
    assert (found.hive, found.config, found.threads) == ("s3://hive/logs", "s3://hive/logs/_config/", 2)
    assert found.commit_objects == 95
    assert settings_from_env({**NEEDED, "PENSTOCK_CONFIG": "/etc/p"}).config == "/etc/p"
    assert {s.field for s in SETTINGS} == {f.name for f in dataclasses.fields(found)}


def test_wrong_settings_are_all_named() -> None:
    """Every variable that is missing or wrong is named, with what was found and expected."""
    environ = {"PENSTOCK_HIVE": "gs://x", "PENSTOCK_THREADS": "two", "PENSTOCK_COMMIT_OBJECTS": "96"}
    with pytest.raises(ConfigError) as caught:
        settings_from_env(environ)
    assert [str(problem) for problem in caught.value.problems] == [
        'PENSTOCK_COMMIT_OBJECTS: found "96", expected a whole number of objects from 1 to 95',
        'PENSTOCK_HIVE: found "gs://x", expected a directory or s3://bucket/prefix',
        "PENSTOCK_LEDGER: is not set, expected: dynamodb://<table> or sqlite:///<file>.",
        'PENSTOCK_THREADS: found "two", expected a whole number of threads from 1 to 64',
    ]


def test_ready_tables_parse_like_the_grammar(tmp_path: Path) -> None:
    """Tables written by the build give the same tree; tables of another grammar are not used."""
    path = tmp_path / "grammar.bin"
    write_tables(path)
    text = 'a "b" {\n  c = [1, { d = e.f }]\n}\n'
    assert parser(path).parse(text) == parser(tmp_path / "none").parse(text)
    stale = tmp_path / "stale.bin"
    stale.write_bytes(b"\0" * 32 + b"not tables")
    assert parser(stale).parse(text) == parser(path).parse(text)


def test_importing_is_cheap() -> None:
    """The configuration brings neither the parser (before a file is read) nor any engine or client."""
    code = "import sys, penstock.config; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"hcl2", "lark", "boto3", "botocore", "duckdb", "pyarrow", "click", "rich"}
    assert heavy & set(done.stdout.split()) == set()


def test_the_real_table_is_found() -> None:
    """Partitions hold the built-in table itself."""
    text = 'partition "aws_cloudtrail_log" "all" { source "aws_s3_bucket" { bucket = "trail" } }'
    (found,) = loads({"main.tpc": text}).partitions.values()
    assert found.table is find("aws_cloudtrail_log")
