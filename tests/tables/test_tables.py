"""The catalogue of tables: every declaration is complete, and its cases come out as expected."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from infra import golden
from penstock import readers, sources, tables
from penstock.convert import Converted
from penstock.model import REJECTED_TABLE
from penstock.tables import COMMON_COLUMNS, PATH_COLUMNS

REFERENCE = Path(__file__).parents[2].parent / "shared" / "reference"
CASES = list(golden.cases())


@pytest.mark.parametrize(("table", "case"), CASES, ids=lambda value: getattr(value, "stem", value))
def test_golden(table: str, case: Path, tmp_path: Path) -> None:
    """The case gives exactly the rows beside it (`make golden` writes them anew)."""
    expected = golden.expected_path(case).read_text(encoding="utf-8").splitlines()
    found = golden.rows(golden.converted(table, case, tmp_path))
    assert found == [json.loads(line) for line in expected]


def test_every_expected_file_has_its_case() -> None:
    """None is left behind."""
    wanted = {golden.expected_path(case) for _, case in CASES}
    assert set(golden.CASES.rglob("*.expected.jsonl")) == wanted


@pytest.mark.parametrize("name", tables.names())
def test_declarations_are_complete(name: str) -> None:
    """Docs for table and columns, a reference, known format and layouts, statistics over own columns."""
    table = tables.find(name)
    assert table.name == name
    assert table.description.endswith(".")
    assert table.reference.startswith("https://")
    assert "tp_timestamp" in table.enrichment
    assert set(table.enrichment) <= {column.name for column in COMMON_COLUMNS}
    assert len({column.name for column in table.columns}) == len(table.columns)
    assert not {column.name for column in table.columns} & {column.name for column in COMMON_COLUMNS}
    for column in (*table.columns, *COMMON_COLUMNS):
        assert re.fullmatch(r"[a-z][a-z0-9_]*", column.name)
        assert re.fullmatch(r"[A-Z].*\.", column.description), column.name
    assert set(table.statistics) <= {column.name for column in table.columns}
    assert set(table.layouts) <= set(sources.names())
    for syntax in (table.syntax, *table.syntaxes):
        assert syntax.reader in readers.names() or name == REJECTED_TABLE
    for pattern in table.not_logs:
        re.compile(pattern)
    assert len(table.examples) >= 2


def _shown(made: list[Converted], name: str) -> duckdb.DuckDBPyConnection:
    """A connection with views of what was converted."""
    connection = duckdb.connect()
    for table in (name, REJECTED_TABLE):
        columns = ", ".join(
            f'NULL::{kind} AS "{column}"' for column, kind in tables.find(table).all_columns()
        )
        selects = [f"(SELECT {columns} LIMIT 0)"]
        for written in (w for one in made for w in one.files if w.file.table == table):
            file = written.file
            selects.append(
                f"SELECT *, '{file.table}' AS tp_table, '{file.partition}' AS tp_partition, "
                f"'{file.tp_index}' AS tp_index, "
                f"DATE '{file.tp_date}' AS tp_date FROM read_parquet('{written.local}')"
            )
        connection.execute(f"CREATE VIEW {table} AS {' UNION ALL BY NAME '.join(selects)}")
    return connection


@pytest.mark.parametrize("name", [name for name in tables.names() if name != REJECTED_TABLE])
def test_examples_run_on_the_cases(name: str, tmp_path: Path) -> None:
    """Samples are there, one of them refused, and each example query runs over them; most find something."""
    cases = [case for table, case in CASES if table == name]
    assert {"typical", "every_field", "odd", "refused"} <= {case.stem for case in cases}
    made = []
    for case in cases:
        folder = tmp_path / case.stem
        folder.mkdir()
        made.append(golden.converted(name, case, folder))
    assert any(record.rejected or record.state == "bad" for one in made for record in one.records)
    connection = _shown(made, name)
    for example in (*tables.find(name).examples, *tables.find(REJECTED_TABLE).examples):
        assert connection.execute(example.sql).fetchall(), example.title


@pytest.mark.parametrize("name", [name for name in tables.names() if name != REJECTED_TABLE])
def test_every_field_fills_every_column(name: str) -> None:
    """The case `every_field` leaves no own column and no member of one null."""
    (row,) = [
        json.loads(line)
        for line in (golden.CASES / name / "every_field.expected.jsonl").read_text().splitlines()
    ]

    def nulls(value: Any, path: str) -> list[str]:
        if isinstance(value, dict):
            return [found for key, inner in value.items() for found in nulls(inner, f"{path}.{key}")]
        return [path] if value is None else []

    table = tables.find(name)
    assert [
        path
        for column in table.columns
        if column.type != "JSON"
        for path in nulls(row[column.name], column.name)
    ] == []
    assert [column.name for column in table.columns if row[column.name] is None] == []


def _members(type_: str) -> Any:
    """A DuckDB type as nested dicts of its members."""
    with duckdb.connect() as connection:
        (kind,) = connection.sql(f"SELECT NULL::{type_} AS c").types

    def nested(kind: Any) -> Any:
        if kind.id == "struct":
            return {name: nested(inner) for name, inner in kind.children}
        return str(kind).lower()

    return nested(kind)


# A wider number is no other type to a query, and 32 bits do not hold the bytes of a large answer.
_WIDER = {"integer": "bigint", "float": "double"}


def _holds(ours: Any, theirs: Any) -> bool:
    """Whether every member of a type is in ours with its type."""
    if isinstance(theirs, dict):
        return isinstance(ours, dict) and all(
            name in ours and _holds(ours[name], t) for name, t in theirs.items()
        )
    return bool(ours == theirs) or ours == _WIDER.get(theirs)


@pytest.mark.parametrize("name", [name for name in tables.names() if name != REJECTED_TABLE])
def test_reference_columns_are_all_there(name: str) -> None:
    """Every column of the reference has its type here; structs may have more members."""
    yaml = pytest.importorskip("yaml")
    path = REFERENCE / "tables" / f"{name}.yaml"
    if not path.exists():
        pytest.skip("no reference beside this repository")
    reference = yaml.safe_load(path.read_text(encoding="utf-8"))
    table = tables.find(name)
    ours = dict(table.all_columns())
    wrong = [
        f"{column['name']}: {ours.get(column['name'])}, expected {column['type']}"
        for column in reference["columns"]
        if column["name"] not in ours or not _holds(_members(ours[column["name"]]), _members(column["type"]))
    ]
    assert wrong == []
    # Names are compared in one case: the reference has webAclId where the log has webaclId.
    given = {column["name"]: column["source_field"].lower() for column in reference["columns"]}
    assert {column.name: column.source.lower() for column in table.columns if column.name in given} == given
    filled = {
        key for key, rule in reference["enrichment"].items() if key.startswith("tp_") and rule != "null"
    }
    assert filled <= set(table.enrichment)
    for source in reference["sources"]:
        if source["source"] in sources.names() and source["file_layout"]:
            # Deliveries that the reference does not know stand behind what it does.
            first, *_ = f"{table.layouts[source['source']]}|AWSLogs/".partition("|AWSLogs/")
            assert first == source["file_layout"]


def test_reference_common_columns_are_all_there() -> None:
    """Names and types."""
    yaml = pytest.importorskip("yaml")
    path = REFERENCE / "common_columns.yaml"
    if not path.exists():
        pytest.skip("no reference beside this repository")
    theirs = {c["name"]: c["type"] for c in yaml.safe_load(path.read_text(encoding="utf-8"))["columns"]}
    assert {column.name: column.type.lower() for column in COMMON_COLUMNS} == theirs
    assert set(PATH_COLUMNS) < set(theirs)


def test_unknown_tables_and_formats_are_key_errors() -> None:
    """As documented."""
    for find in (tables.find, readers.find):
        with pytest.raises(KeyError, match="no_such"):
            find("no_such")
