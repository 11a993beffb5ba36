"""Small objects read as one text: the same as each by itself, whatever stands in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.convert.trial import Trial

from penstock import convert


def record(name: str, **fields: Any) -> dict[str, Any]:
    return {"eventTime": "2026-01-31T12:00:00Z", "eventName": name, **fields}


def document(*names: str) -> bytes:
    return json.dumps({"Records": [record(name) for name in names]}).encode()


GOOD = [document("a", "b"), document("c"), b" \n" + document("d") + b"\n "]


def test_bundled_or_alone_the_rows_are_the_same(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Rows, ids and records do not depend on the way of reading (G5)."""
    together = trial(*GOOD)
    monkeypatch.setattr(convert.bundles, "_SMALL", -1)
    alone = Trial(tmp_path / "alone")(*GOOD)
    assert together.sorted() == alone.sorted()
    assert together.records == alone.records
    assert len(together.sorted()) == 4


@pytest.mark.parametrize(
    "odd",
    [
        document("x") + b"," + document("y"),
        b'{"Records":[' + json.dumps(record("x")).encode() + b'},{"Records":[]}',
        document("x") + b',"x":1',
        document("x") + b',"x":{"Records":[]}',
        b'{"Records":[{"eventName":"}',
        b'{"Records":{"a":1}}',
        b'{"Other":[]}',
        b"{}",
        b"[{}]",
        b"",
        b"\xff{}",
    ],
)
def test_an_odd_object_is_told_from_its_neighbours(trial: Trial, odd: bytes) -> None:
    """It is bad with a reason; the rows of the others are theirs."""
    out = trial(GOOD[0], odd, GOOD[1])
    assert [found.state for found in out.records] == ["done", "bad", "done"]
    assert sorted((row["tp_source_location"], row["event_name"]) for row in out.rows()) == [
        ("object-0", "a"),
        ("object-0", "b"),
        ("object-2", "c"),
    ]


def test_objects_cannot_merge(trial: Trial) -> None:
    """Two halves around a sound object, three documents in one: all bad but the sound one."""
    first = b'{"Records":[{"eventTime":"2026-01-31T12:00:00Z","requestParameters":[{}'
    three = b",".join([document("x")] * 3)
    out = trial(first, GOOD[0], b"{}]}]}", three)
    assert [found.state for found in out.records] == ["bad", "done", "bad", "bad"]
    assert sorted(row["event_name"] for row in out.rows()) == ["a", "b"]


def test_what_is_read_again_is_written_once(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files written before a step that failed are taken back when the objects are read in halves (G1)."""
    count = convert.store._count
    failed: list[bool] = []

    def once(*given: Any) -> None:
        if not failed:
            failed.append(True)
            raise convert.ShortOfMemory("made to order")
        count(*given)

    monkeypatch.setattr(convert.store, "_count", once)
    out = trial(*GOOD, filter="event_name <> 'b'")
    assert failed
    assert sorted(row["event_name"] for row in out.rows()) == ["a", "c", "d"]


def test_empty_and_unknown_beside_others(trial: Trial) -> None:
    """An empty list is done; a field nobody knows is kept for its row alone."""
    out = trial(GOOD[0], b'{"Records":[]}', json.dumps({"Records": [record("n", new=1)]}).encode())
    assert [(found.state, found.stored) for found in out.records] == [("done", 2), ("done", 0), ("done", 1)]
    assert {row["event_name"]: row["unmapped"] for row in out.rows()} == {
        "a": None,
        "b": None,
        "n": '{"new":1}',
    }
