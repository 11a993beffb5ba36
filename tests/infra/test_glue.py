"""The Glue tables are those of the registry, and other engines' types for them are what the files hold."""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from cfnlint.api import lint
from tests.compact import yard as yards
from tests.compact.yard import LOGIN

from infra import glue
from penstock.model import Schema
from penstock.tables import PATH_COLUMNS


def test_the_file_is_fresh() -> None:
    """`python -m infra.glue` was run after the last change of a table."""
    made = glue.template(glue.built_in().values())
    assert json.loads(glue.FILE.read_text()) == made, "run python -m infra.glue"


def test_lint_finds_nothing() -> None:
    """cfn-lint has no complaint, also for a few tables that a configuration defines."""
    assert lint(glue.text([LOGIN])) == []


def test_every_column_of_every_table() -> None:
    """Each table has all of its columns in their order, those of the path as partition keys."""
    made = glue.template(glue.built_in().values())["Resources"]
    assert len(made) == len(glue.built_in()) + 1
    for table in glue.built_in().values():
        (found,) = (
            one["Properties"]["TableInput"]
            for one in made.values()
            if one["Type"] == "AWS::Glue::Table" and one["Properties"]["TableInput"]["Name"] == table.name
        )
        names = [column["Name"] for column in found["StorageDescriptor"]["Columns"]]
        assert names == [name for name, _ in table.all_columns() if name not in PATH_COLUMNS]
        keys = [key["Name"] for key in found["PartitionKeys"]]
        assert sorted([*keys, "tp_table"]) == sorted(PATH_COLUMNS)


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        ("VARCHAR", "string"),
        ("VARCHAR[]", "array<string>"),
        ("STRUCT(a INTEGER, b STRUCT(c JSON)[])", "struct<a:int,b:array<struct<c:string>>>"),
        ("MAP(VARCHAR, DOUBLE)", "map<string,double>"),
        ("DECIMAL(18, 4)", "decimal(18,4)"),
        ("TIMESTAMPTZ", "timestamp"),
    ],
)
def test_types(type_: str, expected: str) -> None:
    """Nested ones too."""
    assert glue.hive_type(type_) == expected


def test_a_type_that_others_do_not_know() -> None:
    """It is refused by name and not written as something else."""
    with pytest.raises(ValueError, match="found the type HUGEINT"):
        glue.hive_type("HUGEINT")


OWN = """
format "delimited" "csv" { header = true }
table "app" {
  format = format.delimited.csv
  column "tp_timestamp" { source = "time" }
  column "user" { type = "struct(id bigint, tags varchar[])" }
  column "cost" { type = "decimal(10,2)" }
  column "odd" { type = "%s" }
}
table "aws_cloudtrail_log" {
  column "team" { source = "team" }
}
"""


def test_tables_of_a_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's own tables and added columns come with the built-in ones; lint finds nothing in them."""
    monkeypatch.setattr(glue, "FILE", tmp_path / "glue.json")
    (tmp_path / "own.tpc").write_text(OWN % "boolean")
    glue.main(["--config", str(tmp_path)])
    made = json.loads(glue.FILE.read_text())["Resources"]
    assert len(made) == len(glue.built_in()) + 2
    columns = made["App"]["Properties"]["TableInput"]["StorageDescriptor"]["Columns"]
    types = {column["Name"]: column["Type"] for column in columns}
    assert [types[name] for name in ("user", "cost", "odd", "unmapped")] == [
        "struct<id:bigint,tags:array<string>>", "decimal(10,2)", "boolean", "string"
    ]  # fmt: skip
    trail = made["AwsCloudtrailLog"]["Properties"]["TableInput"]["StorageDescriptor"]["Columns"]
    assert {"Name": "team", "Type": "string"} in trail
    assert lint(glue.FILE.read_text()) == []
    (tmp_path / "own.tpc").write_text(OWN % "interval")
    with pytest.raises(SystemExit, match=r"app\.odd: found the type INTERVAL, expected one that Hive knows"):
        glue.main(["--config", str(tmp_path)])


@pytest.mark.parametrize(("tp_index", "expected"), [("", "default"), ('tp_index = "user_agent"', "")])
def test_folders_that_are_known_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tp_index: str, expected: str
) -> None:
    """Listing one index where there are more would hide rows: then a query has to say which."""
    monkeypatch.setattr(glue, "FILE", tmp_path / "glue.json")
    source = 'source "aws_s3_bucket" { bucket = "trail" }'
    (tmp_path / "a.tpc").write_text(
        f'partition "aws_cloudtrail_log" "a" {{\n{source}\n{tp_index}\n}}\n'
        f'partition "aws_cloudtrail_log" "b" {{\n{source}\n}}\n'
    )
    glue.main(["--config", str(tmp_path)])
    parameters = json.loads(glue.FILE.read_text())["Parameters"]
    assert (parameters["Partitions"]["Default"], parameters["Indexes"]["Default"]) == ("a,b", expected)
    bare = glue.template([LOGIN])["Parameters"]
    assert (bare["Partitions"]["Default"], bare["Indexes"]["Default"]) == ("", "")


def arrow_type(type_: str) -> pa.DataType:
    """A type as Hive writes it, for pyarrow."""
    if type_.startswith("array<"):
        return pa.list_(arrow_type(type_[6:-1]))
    if type_.startswith("struct<"):
        members = re.findall(r"(\w+):((?:\w+)(?:<[^>]*>)?)", type_[7:-1])
        return pa.struct([(name, arrow_type(member)) for name, member in members])
    names = {"bigint": pa.int64(), "int": pa.int32(), "timestamp": pa.timestamp("us"), "date": pa.date32()}
    return names.get(type_, pa.string())


def test_an_independent_reader_reads_the_hive_by_the_tables(tmp_path: Path) -> None:
    """pyarrow, by the Glue table's columns and keys, sees each live row once, old files and merged ones."""
    yard = yards.make(tmp_path)
    old = Schema.of("login", (("n", "INTEGER"), ("tp_id", "VARCHAR"), ("tp_timestamp", "TIMESTAMP")))
    yard.collect(2, 5, schema=old)
    yard.collect(9, 5, index="o'd/d %=é")
    made = glue.template([LOGIN])["Resources"]["Login"]["Properties"]["TableInput"]
    columns = [(one["Name"], arrow_type(one["Type"])) for one in made["StorageDescriptor"]["Columns"]]
    keys = [(one["Name"], arrow_type(one["Type"])) for one in made["PartitionKeys"]]
    for _ in range(4):
        folder = f"{yard.hive.root}/tp_table=login"
        dataset = ds.dataset(
            folder,
            schema=pa.schema([*columns, *keys]),
            partitioning=ds.partitioning(pa.schema(keys), flavor="hive"),
            format="parquet",
        )
        found = dataset.to_table().sort_by("tp_id")
        assert found.column("tp_id").to_pylist() == [row[0] for row in yard.rows(columns="tp_id")]
        assert found.column("n").null_count == 0
        assert found.column("what").null_count == 10
        assert set(found.column("tp_index").to_pylist()) == {"default", "o'd/d %=é"}
        assert set(found.column("tp_date").to_pylist()) == {yards.DAY}
        assert yard.compactor().run().failed == {}
        yard.turn(hours=2)


def test_the_files_hold_what_the_tables_say(tmp_path: Path) -> None:
    """Names and types of the Glue columns are those that an independent reader finds in collected files."""
    yard = yards.make(tmp_path)
    file = yard.collect()[0]
    described = glue.template([LOGIN])["Resources"]["Login"]["Properties"]["TableInput"]
    with duckdb.connect() as db:
        found = db.execute(
            f"DESCRIBE FROM read_parquet('{yard.hive.root}/{file.path}', hive_partitioning = false)"
        ).fetchall()
    assert [(name, glue.hive_type(type_)) for name, type_, *_ in found] == [
        (column["Name"], column["Type"]) for column in described["StorageDescriptor"]["Columns"]
    ]
    location = described["Parameters"]["storage.location.template"]["Fn::Sub"]
    values = {"Hive": "h", "!tp_partition": "prod", "!tp_index": "default", "!tp_date": f"{file.tp_date}"}
    for name, value in ((f"${{{key}}}", value) for key, value in values.items()):
        location = location.replace(name, value)
    assert location == f"s3://h/{file.path.rpartition('/')[0]}"
