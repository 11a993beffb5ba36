"""Documents read strictly: the same rows as any other way, and no unknown field passes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from tests.convert.trial import NOW, Trial, event, log

from penstock import convert, tables
from penstock.readers import Piece
from penstock.readers._json_options import key_of, shape_of
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

    monkeypatch.setattr(convert.store, "look_closer", look)
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
    """One that goes on behind its end is not what it begins as; two documents in two lines are both read."""
    one = log(*RECORDS)
    out = trial(one, one + b"\n" + one, one + b',"x":1', one[:-9], one + b"\n{}", one)
    assert [record.state for record in out.records] == ["done", "done", "bad", "bad", "bad", "done"]
    assert [record.stored for record in out.records] == [3, 6, 0, 0, 0, 3]
    assert len(out.rows()) == 12


def objects(record: Any) -> Iterator[Any]:
    """A record and every object in it."""
    if isinstance(record, dict):
        yield record
        for inside in record.values():
            yield from objects(inside)


STRICT = [name for name in tables.names() if tables.find(name).syntax.reader == "json_text"]


@pytest.mark.parametrize("name", STRICT)
def test_nothing_unused_is_left_unread(trial: Trial, name: str) -> None:
    """Of fields that a statement does not use, DuckDB would not tell what is unknown: all are read."""
    recipe = Recipe(tables.find(name), "p")
    assert recipe.bundler
    example = recipe.bundler.example(recipe.table.record(), recipe.options)
    if not example:
        assert shape_of(recipe.options) == "document"
        return
    folder = trial.folder / f"unused-{name}"
    folder.mkdir()
    (folder / "example").write_text(example)
    text = folder / "text"
    piece = Piece(
        path=str(text),
        object=0,
        id_prefix="0" * 24,
        source_type="",
        source_name="",
        source_location="",
        rows=1,
        example=str(folder / "example"),
        bytes=99_999,
    )
    statement = f"SELECT count(tp_id) FROM ({recipe.rows([piece], NOW)})"
    text.write_text(example)
    trial.engine.execute(statement).fetchall()
    document = json.loads(example)
    record = (
        document
        if shape_of(recipe.options) == "lines"
        else next(iter(objects(document[key_of(recipe.options)][0])))
    )
    for place in list(objects(record)):
        place["x"] = 1
        text.write_text(json.dumps(document))
        with pytest.raises(duckdb.InvalidInputException, match='unknown key "x"'):
            trial.engine.execute(statement).fetchall()
        del place["x"]


WAF = tables.find("aws_waf_traffic_log")
LINES = [
    {"timestamp": 1769860800000 + number, "action": "ALLOW", "httpRequest": {"uri": f"/{number}"}}
    for number in range(3)
]


def lines(*records: Any) -> bytes:
    """A record a line; texts as they are."""
    return "".join(f"{r if isinstance(r, str) else json.dumps(r)}\n" for r in records).encode()


@pytest.mark.usefixtures("apart")
def test_lines_are_read_in_one_pass(trial: Trial, refused: list[Piece]) -> None:
    """Numbered in each text by itself; with other line ends, without the last one, and none at all (G5)."""
    texts = [lines(*LINES), lines(*LINES).rstrip(), lines(LINES[0]), lines(*LINES).replace(b"\n", b"\r\n")]
    strict = trial(*texts, table=WAF)
    assert not refused
    assert strict.counts == [("done", stored, 0, 0) for stored in (3, 3, 1, 3)]
    arrays = trial(
        *(json.dumps(list(map(json.loads, text.splitlines()))).encode() for text in texts), table=WAF
    )
    assert strict.sorted(WAF.name) == arrays.sorted(WAF.name)


@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize(
    "odd",
    [
        {"new": 1},
        {"new": None},
        {"Action": "x"},
        {"httpRequest": {"new": 1}},
        {"httpRequest": "x"},
    ],
)
def test_an_unknown_field_of_a_line_is_refused_and_kept(
    trial: Trial, refused: list[Piece], odd: dict[str, Any]
) -> None:
    """In the last line of the last text: all rows are there once, and what nobody names in `unmapped`."""
    record = LINES[0] | odd
    out = trial(lines(*LINES), lines(*LINES, record), table=WAF)
    assert refused
    assert out.counts == [("done", 3, 0, 0), ("done", 4, 0, 0)]
    kept = [row["unmapped"] for row in out.rows(WAF.name) if row["unmapped"]]
    assert kept == [json.dumps(odd, separators=(",", ":"))]


@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize(
    "odd",
    [
        "null",
        "5",
        '"text"',
        "[]",
        "{}",
        json.dumps([LINES[0]]),
        json.dumps(LINES[0]) * 2,
        json.dumps(LINES[0])[:-9],
        json.dumps(LINES[0]) + ",",
        '{"timestamp": "soon"}',
        '{"timestamp": 1769860800000, "timestamp": 5}',
        '{"timestamp": 1769860800000, "action": "\\ud800 \\u0000"}',
        "\x00",
        " \t",
        "",
    ],
)
@pytest.mark.parametrize("place", [0, 1, 3])
def test_an_odd_line_is_read_as_without(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, odd: str, place: int
) -> None:
    """Wherever it stands: the same rows, stored and rejected, as when nothing is read strictly (G2, G5)."""
    texts = [lines(*LINES), lines(*LINES[:place], odd, *LINES[place:]), lines(*LINES)]
    strict = trial(*texts, table=WAF)
    monkeypatch.setattr(convert.strict, "_example", lambda _: "")
    without = trial(*texts, table=WAF)
    assert strict.counts == without.counts
    assert strict.counts[0] == strict.counts[2] == ("done", 3, 0, 0)
    for table in (WAF.name, "tp_rejected"):
        assert strict.sorted(table) == without.sorted(table)
