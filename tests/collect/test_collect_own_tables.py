"""Tables and formats of people's own, all the way: objects in, rows out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.collect.rig import Rig

from penstock.cli import main
from penstock.model import PartitionId

APP = PartitionId("my_app", "p")

TABLE = """
format "grok" "app" {
  layout = `%{TIMESTAMP_ISO8601:time} %{LOGLEVEL:level} %{IP:client} %{GREEDYDATA:message}`
}
table "my_app" {
  format = format.grok.app
  column "tp_timestamp" { source = "time" }
  column "tp_source_ip" { source = "client" }
  column "level" {
    transform = "lower(level)"
    required  = true
  }
  column "user_name" { transform = "regexp_extract(message, 'user=(\\\\w+)', 1)" }
}
"""
LINES = (
    b"2026-02-01T00:00:00Z INFO 10.0.0.1 user=bob hello\n"
    b"2026-02-01T00:00:01Z DEBUG 10.0.0.1 user=bob x\n"
    b"no such line\n"
    b"2026-02-02T00:00:02Z WARN 10.0.0.2 user=al x\n"
)
CSV = b'time,level,client,message,extra\n2026-02-01T01:00:00Z,ERROR,10.1.1.1,"user=eve, hi",7\n'


def test_objects_of_two_formats_in_one_commit(rig: Rig) -> None:
    """Each source's objects are read by its own format; filter and index are those of the partition."""
    source = 'source "aws_s3_bucket" {{\n  bucket = "{}"\n  prefix = "{}"\n{} }}\n'
    rig.configure(
        TABLE
        + 'partition "my_app" "p" {\n'
        + source.format(rig.bucket, "log/", "")
        + source.format(rig.bucket, "csv/", "  format = format.delimited.default\n")
        + 'filter = "level <> \'debug\'"\n  tp_index = "user_name"\n}\n'
    )
    refs = [rig.put("log/a.log", LINES), rig.put("csv/a.csv", CSV), rig.put("log/b.log", LINES)]
    report = rig.worker().handle([rig.message(*refs)])
    assert not report.again
    rig.check(refs, APP)
    records = rig.records(refs, APP)
    assert {key: (one.stored, one.filtered, one.rejected) for key, one in records.items()} == {
        "log/a.log": (2, 1, 1), "csv/a.csv": (1, 0, 0), "log/b.log": (2, 1, 1)
    }  # fmt: skip
    rows = rig.rows("my_app", APP).to_pylist()
    assert sorted(
        (r["tp_index"], r["level"], r["client"], r["tp_source_ip"], r["unmapped"]) for r in rows
    ) == [
        ("al", "warn", "10.0.0.2", "10.0.0.2", None),
        ("al", "warn", "10.0.0.2", "10.0.0.2", None),
        ("bob", "info", "10.0.0.1", "10.0.0.1", None),
        ("bob", "info", "10.0.0.1", "10.0.0.1", None),
        ("eve", "error", "10.1.1.1", "10.1.1.1", '{"extra":"7"}'),
    ]


def test_collect_and_query_on_one_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a person does: the columns are those of the block, and the rejected row can be asked for."""
    (tmp_path / "app.log").write_bytes(LINES)
    files = f'source "file" {{\n  paths = ["{tmp_path}/app.log"]\n}}\n'
    workspace = f'workspace "default" {{\n  hive = "{tmp_path}/hive"\n}}\n'
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "main.tpc").write_text(
        f'{TABLE}partition "my_app" "p" {{\nreplaces = "nothing"\n{files}}}\n{workspace}'
    )
    monkeypatch.setenv("PENSTOCK_CONFIG_PATH", str(tmp_path / "config"))

    def run(*arguments: str) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        told = capsys.readouterr()
        assert not ended.value.code, told.err
        return told.out

    def ask(sql: str) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = json.loads(run("query", sql, "--output", "json"))
        return rows

    run("collect", "my_app")
    assert ask("select level, user_name, tp_source_ip from my_app order by tp_timestamp") == [
        {"level": "info", "user_name": "bob", "tp_source_ip": "10.0.0.1"},
        {"level": "debug", "user_name": "bob", "tp_source_ip": "10.0.0.1"},
        {"level": "warn", "user_name": "al", "tp_source_ip": "10.0.0.2"},
    ]
    assert ask("select raw from tp_rejected where table_name = 'my_app'") == [{"raw": "no such line"}]
    assert "user_name" in run("table", "show", "my_app")
    # Another column: the files that lack it give null, new ones fill it.
    path = tmp_path / "config" / "main.tpc"
    path.write_text(
        path.read_text().replace(
            'column "level" {', 'column "size" { transform = "length(message)" }\n  column "level" {', 1
        )
    )
    (tmp_path / "app.log").write_bytes(b"2026-02-03T00:00:00Z INFO 10.0.0.1 user=new\n")
    run("collect", "my_app")
    assert ask("select size, count(*) as n from my_app group by all order by n") == [
        {"size": 8, "n": 1},
        {"size": None, "n": 3},
    ]
