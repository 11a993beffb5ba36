"""Real lines of load balancers, S3 and VPC flow logs, where they are at hand."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.convert.trial import Outcome, Trial

from penstock import tables
from penstock.model import REJECTED_TABLE
from penstock.readers import Piece, Pieces, delimited
from penstock.tables import Table

REAL = Path(__file__).parents[2].parent / "shared" / "data"
FOLDERS = {
    "alb_access": "aws_alb_access_log",
    "clb_access": "aws_clb_access_log",
    "nlb_access": "aws_nlb_access_log",
    "s3_access": "aws_s3_server_access_log",
    "vpc_flow": "aws_vpc_flow_log",
}
FILES = [(folder, path) for folder in FOLDERS for path in sorted((REAL / folder).rglob("*.log*"))]

# Lines of other tables that one of these files mixes in; each is rejected for its time.
MIXED = {"log2timeline+plaso/raw/aws_elb_access.log": 6}

pytestmark = pytest.mark.skipif(not FILES, reason="no real logs beside this repository")


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """An engine."""
    made = Trial(tmp_path_factory.mktemp("real"))
    yield made
    made.close()


def text_of(path: Path) -> bytes:
    """What a file holds, inflated."""
    data = path.read_bytes()
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def convert(trial: Trial, folder: str, path: Path) -> Outcome:
    """The file as the only object of a commit."""
    return trial(text_of(path), names=[path.name], table=tables.find(FOLDERS[folder]))


def mixed(path: Path) -> int:
    """How many lines of another kind it has."""
    return next((count for end, count in MIXED.items() if path.as_posix().endswith(end)), 0)


@pytest.mark.parametrize(("folder", "path"), FILES, ids=lambda value: getattr(value, "name", value))
def test_every_line_is_stored(trial: Trial, folder: str, path: Path) -> None:
    """None is rejected but those of other tables, and those say why."""
    out = convert(trial, folder, path)
    lines = [line for line in text_of(path).decode().splitlines() if line and not line.startswith("version ")]
    others = mixed(path)
    assert out.counts == [("done", len(lines) - others, 0, others)]
    assert all("expected a time" in row["reason"] for row in out.rows(REJECTED_TABLE))


def fields(table: Table, text: str) -> list[dict[str, str]]:
    """Each line by the names of its fields, taken apart by an oracle of few words."""
    first = text.splitlines()[0]
    names: list[str] = list(table.syntax.options["columns"])  # type: ignore[call-overload]
    if first.startswith("version "):
        names = first.split()
    found = []
    for line in text.splitlines():
        values = [
            quoted if token.startswith('"') and token.count('"') == 2 else token
            for token, quoted in re.findall(r'("([^"]*)"(?=\s|$)|\S+)', line)
        ]
        found.append(dict(zip(names, values, strict=False)))
    return [line for line in found if line.get("version") != "version"]


def expected(kind: str, value: str | None) -> Any:
    """What a field must have become, of the kinds that stand in the log as they are."""
    if value in (None, "-", ""):
        return None
    assert value is not None
    if kind in ("INTEGER", "BIGINT"):
        return int(value)
    if kind == "DOUBLE":
        return None if value == "-1" else float(value)
    return value


@pytest.mark.parametrize(("folder", "path"), FILES, ids=lambda value: getattr(value, "name", value))
def test_values_are_those_of_the_line(trial: Trial, folder: str, path: Path) -> None:
    """Every text and number of every line is in the column of its name."""
    table = tables.find(FOLDERS[folder])
    rows = sorted(convert(trial, folder, path).rows(table.name), key=lambda row: str(row["tp_id"]))
    lines = fields(table, text_of(path).decode())[: len(rows)]
    whole = [
        column
        for column in table.columns
        if column.type in ("VARCHAR", "INTEGER", "BIGINT", "DOUBLE")
        and ":port" not in column.source
        and column.source not in ("request", "actions_executed")
    ]
    for row, line in zip(rows, lines, strict=True):
        for column in whole:
            assert row[column.name] == expected(column.type, line.get(column.source)), column.name


@pytest.mark.parametrize(("folder", "path"), FILES, ids=lambda value: getattr(value, "name", value))
def test_requests_and_addresses_come_apart(trial: Trial, folder: str, path: Path) -> None:
    """Method, URL and version put together are the request line, address and port the field."""
    table = tables.find(FOLDERS[folder])
    if not any(column.source == "client:port" for column in table.columns):
        pytest.skip("this log has no such fields")
    rows = sorted(convert(trial, folder, path).rows(table.name), key=lambda row: str(row["tp_id"]))
    for row, line in zip(rows, fields(table, text_of(path).decode())[: len(rows)], strict=True):
        assert f"{row['client_ip']}:{row['client_port']}" == line["client:port"]
        if "request" in line:
            parts = [row[f"request_{part}"] or "-" for part in ("http_method", "url", "http_version")]
            assert " ".join(parts) == line["request"].strip()


@pytest.mark.parametrize(("folder", "path"), FILES, ids=lambda value: getattr(value, "name", value))
def test_what_aws_writes_is_read_the_fast_way(folder: str, path: Path, tmp_path: Path) -> None:
    """Nothing in these files is odd: two blanks in a user agent, for one, are not."""
    table = tables.find(FOLDERS[folder])
    file = tmp_path / "text"
    file.write_bytes(text_of(path).replace(b"\r\n", b"\n").strip(b"\n"))
    piece = Piece(str(file), 0, "0" * 24, "file", "here", path.name)
    probe = delimited.probe(Pieces((piece,)), table.record(), table.syntax.options)
    with duckdb.connect() as connection:
        ((_, _, _, _, exact, _),) = connection.execute(probe).fetchall()
    assert not exact
