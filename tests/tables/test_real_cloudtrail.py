"""Real CloudTrail logs, where they are at hand: compared with an oracle that reads the raw JSON."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.convert.trial import TABLE, Outcome, Trial

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "cloudtrail" / "invictus-ir+aws_dataset"
OBJECTS = sorted(REAL.rglob("*.json.gz"))
TEXTS = [gzip.decompress(path.read_bytes()) for path in OBJECTS]

pytestmark = pytest.mark.skipif(not OBJECTS, reason="no real logs beside this repository")


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """An engine."""
    made = Trial(tmp_path_factory.mktemp("real"))
    yield made
    made.close()


def convert(trial: Trial) -> Outcome:
    """All of them in one commit."""
    return trial(*TEXTS, names=[path.name for path in OBJECTS])


@pytest.fixture(scope="module")
def out(trial: Trial) -> Outcome:
    """Converted once."""
    return convert(trial)


RECORDS: list[dict[str, Any]] = [record for text in TEXTS for record in json.loads(text)["Records"]]


def test_all_events_are_stored(out: Outcome) -> None:
    """55 objects, 2,900 events, none rejected, each with an id of its own."""
    assert len(out.records) == 55
    assert {(r.state, r.filtered, r.rejected) for r in out.records} == {("done", 0, 0)}
    assert [r.stored for r in out.records] == [len(json.loads(text)["Records"]) for text in TEXTS]
    rows = out.rows()
    assert len(rows) == len(RECORDS) == 2900
    assert len({row["tp_id"] for row in rows}) == 2900


def test_nulls_are_those_of_the_raw_json(out: Outcome) -> None:
    """For each column: null exactly as often as the field is missing or null."""
    rows = out.rows()
    wrong = {}
    for column in TABLE.columns:
        found = sum(row[column.name] is None for row in rows)
        expected = sum(record.get(column.source) is None for record in RECORDS)
        if found != expected:
            wrong[column.name] = (found, expected)
    assert wrong == {}


def camel(name: str) -> str:
    """`session_issuer` as the log has it."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def same(found: Any, raw: Any, name: str) -> bool:
    """Whether a value is what the raw JSON says."""
    if isinstance(found, dict):
        inside = raw if isinstance(raw, dict) else {}
        return all(same(value, inside.get(camel(key)), key) for key, value in found.items())
    if found is None or raw is None:
        return found is None and raw is None
    if name == "creation_date":
        return bool(found == dt.datetime.fromisoformat(raw).timestamp() * 1000)
    if isinstance(found, dt.datetime):
        return bool(found.replace(tzinfo=dt.UTC) == dt.datetime.fromisoformat(raw))
    if isinstance(found, str) and not isinstance(raw, str):
        return bool(json.loads(found) == raw)
    return bool(found == raw) or (isinstance(found, str) and found == json.dumps(raw))


def test_values_are_those_of_the_raw_json(out: Outcome) -> None:
    """Every column of every row, found by its event id; members of structs by their names."""
    by_id = {record["eventID"]: record for record in RECORDS}
    assert len(by_id) == len(RECORDS)
    wrong = [
        (row["event_id"], column.name)
        for row in out.rows()
        for column in TABLE.columns
        if not same(row[column.name], by_id[row["event_id"]].get(column.source), column.name)
    ]
    assert wrong == []


def test_unmapped_is_what_no_column_names(out: Outcome) -> None:
    """Nothing of the top level is lost."""
    known = {column.source for column in TABLE.columns}
    by_id = {record["eventID"]: record for record in RECORDS}
    for row in out.rows():
        lost = set(by_id[row["event_id"]]) - known
        assert lost == {key for key in json.loads(row["unmapped"] or "{}") if key not in known}


def test_the_same_again_is_the_same(trial: Trial, out: Outcome) -> None:
    """A second conversion gives the same rows (G5)."""
    assert convert(trial).sorted() == out.sorted()
