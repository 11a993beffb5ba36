"""Generates the Glue tables: every built-in table, with partition projection, as a nested stack template.

    python -m infra.glue                 writes infra/glue.json
    python -m infra.glue --config DIR    the same with the tables and partitions of a configuration

Athena, Trino and Spark then read the hive without a crawler: partition projection computes the
folders, so nothing has to be registered as days go by
(https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html). A test keeps the file in
step with the tables.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from penstock import config, tables
from penstock.config import Partition
from penstock.errors import ConfigError
from penstock.tables import PATH_COLUMNS, Table

__all__ = ["FILE", "built_in", "configured", "hive_type", "main", "template", "text"]

FILE = Path(__file__).with_name("glue.json")

_PLAIN = {
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "VARCHAR": "string",
    "JSON": "string",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
    "BLOB": "binary",
}
_FIRST_DAY = "2010-01-01"


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the template."""
    parser = argparse.ArgumentParser(description="Generate the Glue tables.")
    parser.add_argument("--config", type=Path, action="append", help="directory with *.tpc or *.hcl files")
    given = parser.parse_args(arguments)
    found, read = built_in(), config.Config({}, {}, {})
    try:
        if given.config:
            read = config.load(given.config)
            found |= configured(read)
        made = text(found.values(), read.partitions.values())
    except (ConfigError, ValueError) as error:
        raise SystemExit(str(error)) from None
    FILE.write_text(made, encoding="utf-8")
    print(f"{len(found)} tables in {FILE.name}")


def built_in() -> dict[str, Table]:
    """Every built-in table by name."""
    return {name: tables.find(name) for name in tables.names()}


def configured(read: config.Config) -> dict[str, Table]:
    """The tables of a configuration, people's own and built-in ones with further columns, by name."""
    return {**read.tables, **{p.table.name: p.table for p in read.partitions.values()}}


def text(found: Iterable[Table], partitions: Collection[Partition] = ()) -> str:
    """The template of these tables as JSON, which is YAML too."""
    return json.dumps(template(found, partitions), indent=1) + "\n"


def template(found: Iterable[Table], partitions: Collection[Partition] = ()) -> dict[str, Any]:
    """A CloudFormation template; `Hive` is the root of the hive without `s3://`.

    Names of `partitions` are listed, and their one index where none has a tp_index: who lists less than
    there is hides rows, so of what is not known a query has to say it.
    """
    plain = bool(partitions) and all(partition.tp_index is None for partition in partitions)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Penstock - Glue tables over the hive, made by `python -m infra.glue`.",
        "Parameters": {
            "Hive": {"Type": "String", "Description": "Root of the hive: bucket, or bucket/prefix."},
            "Database": {"Type": "String", "Description": "Name of the Glue database that is made."},
            "Partitions": {
                "Type": "CommaDelimitedList",
                "Default": ",".join(sorted({partition.id.name for partition in partitions})),
                "Description": "Names of all partitions; empty: a query has to say tp_partition = '...'.",
            },
            "Indexes": {
                "Type": "CommaDelimitedList",
                "Default": "default" if plain else "",
                "Description": "Values of tp_index; empty: a query has to say tp_index = '...'.",
            },
        },
        "Conditions": {
            "NamesPartitions": {"Fn::Not": [{"Fn::Equals": [{"Fn::Join": ["", {"Ref": "Partitions"}]}, ""]}]},
            "NamesIndexes": {"Fn::Not": [{"Fn::Equals": [{"Fn::Join": ["", {"Ref": "Indexes"}]}, ""]}]},
        },
        "Resources": {
            "Tables": {
                "Type": "AWS::Glue::Database",
                "Properties": {
                    "CatalogId": {"Ref": "AWS::AccountId"},
                    "DatabaseInput": {"Name": {"Ref": "Database"}, "Description": "Penstock's hive."},
                },
            },
            **{_logical_name(table.name): _table(table) for table in found},
        },
    }


def _logical_name(table: str) -> str:
    return "".join(part.capitalize() for part in table.split("_"))


def _table(table: Table) -> dict[str, Any]:
    root = f"s3://${{Hive}}/tp_table={table.name}"
    keys = ("tp_partition", "tp_index", "tp_date")
    folders = "/".join(f"{key}=${{!{key}}}" for key in keys)
    serde = "org.apache.hadoop.hive.ql.io.parquet"
    columns = [
        {"Name": name, "Type": _column_type(table.name, name, type_)}
        for name, type_ in table.all_columns()
        if name not in PATH_COLUMNS
    ]
    return {
        "Type": "AWS::Glue::Table",
        "Properties": {
            "CatalogId": {"Ref": "AWS::AccountId"},
            "DatabaseName": {"Ref": "Tables"},
            "TableInput": {
                "Name": table.name,
                "Description": table.description[:2048],
                "TableType": "EXTERNAL_TABLE",
                "PartitionKeys": [
                    {"Name": key, "Type": "date" if key == "tp_date" else "string"} for key in keys
                ],
                "Parameters": {
                    "classification": "parquet",
                    "projection.enabled": "true",
                    "projection.tp_date.type": "date",
                    "projection.tp_date.format": "yyyy-MM-dd",
                    "projection.tp_date.range": f"{_FIRST_DAY},NOW+1DAY",
                    **_projection("tp_partition", "NamesPartitions", "Partitions"),
                    **_projection("tp_index", "NamesIndexes", "Indexes"),
                    "storage.location.template": {"Fn::Sub": f"{root}/{folders}"},
                },
                "StorageDescriptor": {
                    "Location": {"Fn::Sub": f"{root}/"},
                    "InputFormat": f"{serde}.MapredParquetInputFormat",
                    "OutputFormat": f"{serde}.MapredParquetOutputFormat",
                    "SerdeInfo": {"SerializationLibrary": f"{serde}.serde.ParquetHiveSerDe"},
                    "Columns": columns,
                },
            },
        },
    }


def _projection(key: str, condition: str, parameter: str) -> dict[str, Any]:
    """Known values are listed; of unknown ones a query names one (`injected`)."""
    values = {"Fn::Join": [",", {"Ref": parameter}]}
    return {
        f"projection.{key}.type": {"Fn::If": [condition, "enum", "injected"]},
        f"projection.{key}.values": {"Fn::If": [condition, values, {"Ref": "AWS::NoValue"}]},
    }


def _column_type(table: str, name: str, type_: str) -> str:
    try:
        return hive_type(type_)
    except ValueError as error:
        raise ValueError(f"{table}.{name}: {error}") from error


def hive_type(type_: str) -> str:
    """A DuckDB type as Hive writes it; ValueError for one that other engines do not know."""
    shape = duckdb.sqltype(type_)
    if shape.id == "list":
        return f"array<{hive_type(str(shape.children[0][1]))}>"
    if shape.id == "struct":
        members = ",".join(f"{name}:{hive_type(str(member))}" for name, member in shape.children)
        return f"struct<{members}>"
    if shape.id == "map":
        key, value = (hive_type(str(member)) for _, member in shape.children)
        return f"map<{key},{value}>"
    if shape.id == "decimal":
        precision, scale = (value for _, value in shape.children)
        return f"decimal({precision},{scale})"
    if str(shape) not in _PLAIN:
        raise ValueError(f"found the type {type_}, expected one that Hive knows: {', '.join(_PLAIN)}")
    return _PLAIN[str(shape)]


if __name__ == "__main__":
    main()
