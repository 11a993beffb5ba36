"""Documents read strictly: the same rows as any other way, and no unknown field passes."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pytest
from tests.convert.trial import NOW, TABLE, Trial, event, log

from penstock import convert
from penstock.readers import Piece
from penstock.standardize import Recipe

RECORDS = [event(eventName=name, requestID=name, userIdentity={"arn": name}) for name in "abc"]


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small objects are not joined, so that they go the way of larger ones."""
    monkeypatch.setattr(convert.bundles, "_SMALL", -1)


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> list[Piece]:
    """The pieces that a strict reading refused."""
    found: list[Piece] = []
    look_closer = convert.look.look_closer

    def look(batch: Any, pieces: Any) -> Any:
        found.extend(pieces)
        return look_closer(batch, pieces)

    monkeypatch.setattr(convert.objects, "look_closer", look)
    return found


@pytest.mark.usefixtures("apart")
def test_what_is_known_is_read_in_one_pass(trial: Trial, refused: list[Piece]) -> None:
    """The example is gone afterwards, and the rows are as they are otherwise (G5)."""
    texts = [log(*RECORDS), log(), b" " + log(RECORDS[0], None) + b"\r\n"]
    strict = trial(*texts)
    assert not refused
    assert not list(trial.folder.glob("*/example"))
    assert strict.counts == [("done", 3, 0, 0), ("done", 0, 0, 0), ("done", 1, 0, 1)]
    spread = trial(*(json.dumps(json.loads(text), indent=1).encode() for text in texts))
    assert strict.sorted() == spread.sorted()
    assert not refused


UNKNOWN: dict[str, tuple[Any, Any]] = {
    "a field": ({"new": 1}, {"new": 1}),
    "a null": ({"new": None}, {"new": None}),
    "other capitals": ({"EventName": "x"}, {"EventName": "x"}),
    "in a struct": ({"userIdentity": {"new": 1}}, {"userIdentity": {"new": 1}}),
    "deep": (
        {"userIdentity": {"sessionContext": {"attributes": {"new": 1}}}},
        {"userIdentity": {"sessionContext": {"attributes": {"new": 1}}}},
    ),
    "no object": ({"tlsDetails": "x"}, {"tlsDetails": "x"}),
}


@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize(("fields", "kept"), UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_field_is_refused_and_kept(
    trial: Trial, refused: list[Piece], fields: Any, kept: Any
) -> None:
    """Wherever it stands, in the last record of the last object: all rows are there once (G1, G2)."""
    out = trial(log(*RECORDS), log(*RECORDS, event(eventName="new", **fields)))
    assert refused
    assert out.counts == [("done", 3, 0, 0), ("done", 4, 0, 0)]
    assert {row["event_name"]: row["unmapped"] for row in out.rows() if row["unmapped"]} == {
        "new": json.dumps(kept, separators=(",", ":"))
    }


@pytest.mark.usefixtures("apart")
def test_what_is_no_document_is_bad_alone(trial: Trial) -> None:
    """Two documents in two lines, or one that goes on behind its end, are not what they begin as."""
    one = log(*RECORDS)
    out = trial(one, one + b"\n" + one, one + b',"x":1', one[:-9], one)
    assert [record.state for record in out.records] == ["done", "bad", "bad", "bad", "done"]
    assert len(out.rows()) == 6


@pytest.mark.parametrize("place", ["", "userIdentity", "tlsDetails"])
def test_nothing_unused_is_left_unread(trial: Trial, place: str) -> None:
    """Of fields that a statement does not use, DuckDB would not tell what is unknown: all are read."""
    recipe = Recipe(TABLE, "p")
    assert recipe.bundler
    example = recipe.bundler.example(TABLE.record(), recipe.options)
    record = json.loads(example)["Records"][0]
    odd = record | ({place: record[place] | {"x": 1}} if place else {"x": 1})
    folder = trial.folder / f"unused-{place}"
    folder.mkdir()
    (folder / "example").write_text(example)
    (folder / "text").write_bytes(log(record, odd))
    piece = Piece(
        path=str(folder / "text"),
        object=0,
        id_prefix="0" * 24,
        source_type="",
        source_name="",
        source_location="",
        rows=2,
        example=str(folder / "example"),
        bytes=9_999,
    )
    with pytest.raises(duckdb.InvalidInputException, match='unknown key "x"'):
        trial.engine.execute(f"SELECT count(tp_id) FROM ({recipe.rows([piece], NOW)})").fetchall()
