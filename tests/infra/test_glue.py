"""The Glue tables are those of the registry, and other engines' types for them are what the files hold."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from cfnlint.api import lint
from tests.compact import yard as yards
from tests.compact.yard import LOGIN

from infra import glue
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
