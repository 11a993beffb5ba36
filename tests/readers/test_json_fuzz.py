"""JSON of every shape and spelling, whole and spoilt: no crash, no hang, every row accounted for."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.convert.trial import Outcome, Row, Trial, pieces_of

from infra import golden
from penstock import tables
from penstock.readers import Piece
from penstock.standardize import Recipe
from penstock.tables import Syntax, Table, number, text, time
from penstock.tables._members import struct

COLUMNS = (
    time("time", "time", "When."),
    text("name", "name", "What."),
    number("n", "n", "How many."),
    struct("inner", "inner", "More.", {"flag": "BOOLEAN", "list": "VARCHAR[]", "deep": {"x": "INTEGER"}}),
)
KNOWN = {column.source for column in COLUMNS}
EVENTS = {"unwrap": "$.detail", "unwrap_when": r'"detail-type"\s*:'}
MESSAGES = Syntax("json_text", {"shape": "lines"} | EVENTS, when=rb'"messageType"')


def table(shape: str) -> Table:
    """A small table of that shape."""
    return Table(
        name="fuzzed",
        description="Fuzzed.",
        reference="https://example.com",
        syntax=Syntax("json_text", {"shape": shape, "path": "Records"} | EVENTS),
        syntaxes=(MESSAGES,) if shape == "records" else (),
        columns=COLUMNS,
        enrichment={"tp_timestamp": "time"},
    )


TABLES = {shape: table(shape) for shape in ("lines", "document", "records")}
FILTER = "n IS NULL OR n < 5"


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """An engine."""
    made = Trial(tmp_path_factory.mktemp("fuzz"))
    yield made
    made.close()


def sliced(trial: Trial, limit: int, given: bytes, **recipe: Any) -> Outcome:
    """The text streamed, in slices of about `limit` bytes."""
    with pieces_of(limit):
        return trial(given, blocks=97, **recipe)


CHARACTERS = st.characters(exclude_categories=["Cs"])
ODD_TEXTS = st.sampled_from(
    ['"', "\\", "},{", '"detail":{', "\n", "\r", "\x00", "\u2028", "'", "😀", "$.x", "]"]
)
KEYS = st.sampled_from([*KNOWN, "detail", "Records", "new", "", "a.b", "é"]) | ODD_TEXTS
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | ODD_TEXTS | st.text(CHARACTERS, max_size=6),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(KEYS, inside, max_size=3),
    max_leaves=6,
)
GOOD_TIME = "2026-01-31T12:00:00Z"
RECORDS = st.builds(
    lambda first, rest: first | rest,
    st.fixed_dictionaries(
        {"time": st.sampled_from([GOOD_TIME] * 4 + ["soon", None])},
        optional={"name": ODD_TEXTS, "n": st.integers(0, 9), "inner": VALUES},
    ),
    st.dictionaries(KEYS.filter(lambda key: key not in KNOWN), VALUES, max_size=3),
)


def dumped(value: Any, *, ascii: bool = True) -> str:
    return json.dumps(value, ensure_ascii=ascii, separators=(",", ":"))


def event(record: Row) -> Row:
    """As EventBridge wraps it."""
    return {"version": "0", "detail-type": "Something", "account": "111122223333", "detail": record}


def messages(records: list[Row]) -> str:
    """As CloudWatch Logs wraps them: two documents, and one that says that the subscription is alive."""
    control = {"messageType": "CONTROL_MESSAGE", "logEvents": [{"id": "", "message": "alive"}]}
    halves = records[: len(records) // 2], records[len(records) // 2 :]
    return dumped(control) + "".join(
        dumped(
            {"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "message": dumped(r)} for r in half]}
        )
        for half in halves
    )


SPELLINGS: dict[str, Callable[[list[Row]], str]] = {
    "lines": lambda records: "\n".join(map(dumped, records)),
    "lines, CRLF and blanks": lambda records: " \r\n\r\n".join(map(dumped, records)) + "\r\n",
    "lines, not ASCII": lambda records: "\n".join(dumped(record, ascii=False) for record in records),
    "concatenated": lambda records: "".join(map(dumped, records)),
    "pretty-printed": lambda records: "\n".join(json.dumps(record, indent=2) for record in records),
    "array": dumped,
    "array over lines": lambda records: json.dumps(records, indent=1),
    "events": lambda records: "\n".join(dumped(event(record)) for record in records),
    "events, concatenated": lambda records: "".join(dumped(event(record)) for record in records),
    "events, pretty-printed": lambda records: json.dumps([event(r) for r in records], indent=1),
    "messages": messages,
    "messages of events": lambda records: messages([event(record) for record in records]),
}
IN_RECORDS: dict[str, Callable[[list[Row]], str]] = {
    "records": lambda records: dumped({"Records": records}),
    "records, pretty-printed": lambda records: json.dumps({"Version": 1, "Records": records}, indent=1),
    "events": lambda records: "\n".join(dumped(event(record)) for record in records),
    "messages": messages,
    "messages of events": lambda records: messages([event(record) for record in records]),
}
CASES = [
    *(("lines", name) for name in SPELLINGS),
    *(("document", name) for name in SPELLINGS),
    *(("records", name) for name in IN_RECORDS),
]


def expected(records: list[Row]) -> tuple[int, int, int]:
    """(stored, filtered, rejected) of these records, by their time and FILTER."""
    timely = [record for record in records if record["time"] == GOOD_TIME]
    kept = [record for record in timely if record.get("n", 0) < 5]
    return len(kept), len(timely) - len(kept), len(records) - len(timely)


@pytest.mark.parametrize(("shape", "spelling"), CASES)
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(RECORDS, min_size=1, max_size=6), limit=st.integers(60, 600))
def test_every_record_is_accounted_for(
    trial: Trial, shape: str, spelling: str, records: list[Row], limit: int
) -> None:
    """However it is spelt: counts, values, what no column names, and the same in slices and beside others."""
    spell = IN_RECORDS[spelling] if shape == "records" else SPELLINGS[spelling]
    given = spell(records).encode()
    recipe: dict[str, Any] = {"table": TABLES[shape], "filter": FILTER}
    whole = trial(given, **recipe)
    assert whole.counts == [("done", *expected(records))], whole.records
    rows = whole.sorted("fuzzed")
    stored = [
        (number, record)
        for number, record in enumerate(records)
        if record["time"] == GOOD_TIME and record.get("n", 0) < 5
    ]
    assert [int(row["tp_id"][24:], 16) for row in rows] == [number for number, _ in stored]
    for row, (_, record) in zip(rows, stored, strict=True):
        assert row["name"] == record.get("name")
        unmapped = json.loads(row["unmapped"] or "{}")
        unknown = {key: value for key, value in record.items() if key not in KNOWN}
        assert {key: unmapped[key] for key in unknown} == unknown
    beside = trial(given, given, given, names=["object-0", "b", "c"], **recipe)
    assert beside.counts == whole.counts * 3
    assert [row for row in beside.sorted("fuzzed") if row["tp_source_location"] == "object-0"] == rows
    pieces = sliced(trial, limit, given, **recipe)
    assert pieces.counts == whole.counts
    assert pieces.sorted("fuzzed") == rows
    assert pieces.sorted("tp_rejected") == whole.sorted("tp_rejected")


DEEP = Table(
    name="deep",
    description="Structs in structs.",
    reference="https://example.com",
    syntax=Syntax("json_text", {"shape": "records"}),
    columns=(
        time("time", "time", "When."),
        struct(
            "a", "a", "A.", {"x": "VARCHAR", "b": {"x": "JSON", "c": {"x": "VARCHAR"}}, "d": {"y": "VARCHAR"}}
        ),
    ),
    enrichment={"tp_timestamp": "time"},
)
NAMES = st.sampled_from("abcdxy")
TREES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.just("v") | st.just({}),
    lambda below: st.dictionaries(NAMES, below, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.lists(st.dictionaries(NAMES, TREES, max_size=4), max_size=3), min_size=1, max_size=4)
)
def test_a_glance_misses_nothing_unknown(trial: Trial, texts: list[list[Row]]) -> None:
    """What it calls known leaves nothing for `unmapped`; what has names alone is no doubt.

    The probe finds something unknown in an empty object as well, of which no row keeps anything.
    """
    recipe = Recipe(DEEP, "p")
    pieces = []
    texts = [[{"time": GOOD_TIME} | record for record in records] for records in texts]
    for place, records in enumerate(texts):
        path = trial.folder / f"glanced-{place}"
        path.write_text(json.dumps({"Records": records}))
        pieces.append(Piece(str(path), place, "0" * 24, "file", "", path.name))
    glanced = {row[0]: row[1:] for row in trial.engine.execute(recipe.glance(pieces) or "").fetchall()}
    for path, readable, rows, unknown, _, _ in trial.engine.execute(recipe.probe(pieces)).fetchall():
        found, doubtful = glanced.get(path, (rows, True))
        assert readable
        assert found == rows
        if unknown and not doubtful:
            (piece,) = (piece for piece in pieces if piece.path == path)
            kept = recipe.rows([replace(piece, rows=rows, unknown=True)], dt.datetime.now(dt.UTC))
            assert trial.engine.execute(f"SELECT count(unmapped) FROM ({kept})").fetchone() == (0,)
    for piece, records in zip(pieces, texts, strict=True):
        if records and all(_known(record, DEEP.record()) for record in records):
            assert glanced[piece.path] == (len(records), False)


def _known(value: Any, kind: object) -> bool:
    """Whether all of it is named, and objects stand where they should."""
    if not isinstance(kind, dict):
        return True
    return isinstance(value, dict) and all(
        name in kind and _known(inner, kind[name]) for name, inner in value.items()
    )


SPOILT = (
    "aws_cloudtrail_digest",
    "aws_cloudtrail_insight",
    "aws_cloudtrail_log",
    "aws_config_item",
    "aws_guardduty_finding",
    "aws_securityhub_finding",
    "aws_waf_traffic_log",
)
SAMPLES = [(name, path) for name, path in golden.cases() if name in SPOILT and path.stem == "odd"]
TOKENS = [
    b"",
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b"\\",
    b",",
    b":",
    b"\n",
    b"\xff",
    b"\\ud800",
    b"null",
    b"[" * 2000,
]
SPOILS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 40), st.sampled_from(TOKENS)), min_size=1, max_size=3
)


def spoilt(sample: bytes, spoils: list[tuple[float, int, bytes]]) -> bytes:
    """The text with some bytes replaced by others at these places."""
    for place, length, token in spoils:
        start = int(place * len(sample))
        sample = sample[:start] + token + sample[start + length :]
    return sample


@pytest.mark.parametrize(("name", "path"), SAMPLES, ids=lambda value: getattr(value, "stem", value))
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spoils=SPOILS, limit=st.integers(200, 3_000))
def test_spoilt_samples_are_stored_or_rejected_or_bad(
    trial: Trial, name: str, path: Path, spoils: list[tuple[float, int, bytes]], limit: int
) -> None:
    """Whatever is broken: rows read = stored + rejected, the same beside a good object, which stays whole."""
    good = path.read_bytes()
    bad, table = spoilt(good, spoils), tables.find(name)
    alone, best = trial(bad, table=table), trial(good, names=["good"], table=table)
    both = trial(bad, good, names=["object-0", "good"], table=table)
    assert both.records == [*alone.records, *best.records]
    for kind in (name, "tp_rejected"):
        together = sorted([*alone.rows(kind), *best.rows(kind)], key=lambda row: str(row["tp_id"]))
        assert both.sorted(kind) == together
    for out in (alone, sliced(trial, limit, bad, table=table)):
        (record,) = out.records
        assert record.rows_read == record.stored + record.rejected
        assert (record.state == "bad") == bool(record.reason)
        assert len(out.rows(name)) == record.stored
        assert len(out.rows("tp_rejected")) == record.rejected
