"""Large objects: read slice by slice they give exactly what they give when read at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.convert.trial import Outcome, Trial, event, log, pieces_of

from penstock import convert, envelopes, tables
from penstock.convert import bundles, look, store
from penstock.readers import Syntax, find

FAKE = '},{"eventVersion":"1.11","eventTime":"2026-01-31T12:00:00Z","eventName":"fake"'
NESTED = [{"eventVersion": "fake", "eventTime": "2026-01-31T12:00:00Z"}] * 5
HOSTILE = log(
    *(
        event(eventName=str(n), userAgent=FAKE, requestParameters={"list": NESTED, FAKE: [NESTED]})
        for n in range(4)
    )
)
DOCUMENTS = {
    "plain": log(*(event(eventName=str(n)) for n in range(24))),
    "hostile": HOSTILE,
    "indented": json.dumps(json.loads(HOSTILE), indent=1).encode(),
    "unicode": log(*(event(eventName="é😀" * n) for n in range(12))),
    "another array": log(
        *(event(eventName=str(n)) for n in range(12)), Other=NESTED * 2, Last={"Records": NESTED}
    ),
    "nested members before": (
        b'{"Versions":[{"Records":[{"a":"}]"}]},"\\"["],"Of":{"Records":[{}]},' + HOSTILE[1:]
    ),
    "half pairs": log(*(event(eventName="?") for n in range(12))).replace(b"?", b"\\ud800"),
    "no utf-8": log(*(event(eventName="?") for n in range(12))).replace(b"?", b"\xff"),
    "odd records": log(*([event(), {"eventVersion": "1"}, None, 17, "x", [event()], event(new=1)] * 2)),
    "nothing first": log(None, {}, None, *(event(eventName=str(n)) for n in range(24))),
    "one": log(event(eventName="x" * 3000)),
    "one after another": b"\n".join(log(*[event(eventName=str(n))] * n) for n in range(8)),
    "put together": HOSTILE * 3 + log() * 40 + log(event(new=1)),
    "a long member before": b'{"Versions":[1,"' + b"x" * 4_000 + b'"],' + HOSTILE[1:],
    "no objects": b'{"Records":[1,2,' + b"3," * 400 + b"4]}",
    "trailing space": log(*(event() for n in range(12))) + b"\n" * 500,
}


def sliced(trial: Trial, limit: int, *texts: bytes, blocks: int = 1_000) -> Outcome:
    """The texts streamed, with slices of about `limit` bytes."""
    with pieces_of(limit):
        return trial(*texts, blocks=blocks)


@pytest.mark.parametrize("limit", [500, 3_000])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_slices_give_what_the_whole_gives(trial: Trial, name: str, limit: int) -> None:
    """Rows, tp_ids, rejects and counts, wherever the cuts fall."""
    whole, pieces = trial(DOCUMENTS[name]), sliced(trial, limit, DOCUMENTS[name])
    assert pieces.records == whole.records
    assert pieces.sorted() == whole.sorted()
    assert pieces.sorted("tp_rejected") == whole.sorted("tp_rejected")
    if limit < 3_000 and name == "plain":
        assert len(sliced(trial, 200, DOCUMENTS[name]).made.files) > 2


@pytest.mark.parametrize("limit", [500, 1 << 20])
@pytest.mark.parametrize("space", [b"", b"\n", b" \r\n\t"])
def test_documents_one_after_another_are_one(trial: Trial, space: bytes, limit: int) -> None:
    """As gzip files that were put together hold them: the same rows under the same ids, in any slices."""
    records = [event(eventName=str(n), new=n, requestParameters={"text": FAKE}) for n in range(28)]
    parts = [records[:1], [], records[1:9], records[9:10], [], records[10:]]
    out = sliced(trial, limit, space.join(log(*part, Other=[{}]) for part in parts) + space)
    assert out.counts == [("done", 28, 0, 0)]
    one = trial(log(*records))
    assert out.sorted() == one.sorted()
    assert all(row["unmapped"] for row in out.rows())


def test_each_record_of_documents_one_after_another_stands_for_itself(trial: Trial) -> None:
    """Whatever stands in their arrays is stored or rejected as in one alone."""
    ((_, stored, _, rejected),) = trial(DOCUMENTS["odd records"]).counts
    assert stored
    assert rejected
    assert trial(DOCUMENTS["odd records"] * 2).counts == [("done", 2 * stored, 0, 2 * rejected)]


def test_a_document_of_many_megabytes_may_be_followed_by_another(trial: Trial) -> None:
    """What is read at once is never too long for that."""
    out = trial(log(event(userAgent="x" * (20 << 20))) + log(event()))
    assert out.counts == [("done", 2, 0, 0)]


def test_arrays_in_inner_objects_of_documents_one_after_another(trial: Trial) -> None:
    """The way to the array is kept."""
    syntax = Syntax("json_text", {"shape": "records", "path": "data.events"})
    texts = [json.dumps({"data": {"events": [event(eventName=name)] * 2}}).encode() for name in "ab"]
    assert trial(b"\n".join(texts), syntax=syntax).counts == [("done", 4, 0, 0)]
    assert trial(*texts, syntax=syntax).counts == [("done", 2, 0, 0)] * 2


@pytest.mark.parametrize("blocks", [70, 1 << 20])
def test_blocks_of_any_size(trial: Trial, blocks: int) -> None:
    """How the stream comes does not matter."""
    assert sliced(trial, 2_000, HOSTILE, blocks=blocks).sorted() == trial(HOSTILE).sorted()


@pytest.mark.parametrize(
    "text",
    [
        b'{"Versions":[1,"' + b"x" * 20_000 + b'"],' + DOCUMENTS["plain"][1:],
        b'{"Versions":{' + DOCUMENTS["plain"] * 2 + b"}",
        b'{"Versions":[{"Records":[' + b"1," * 2000 + b"4]}]}",
        json.dumps([{"other": 1}] * 60).encode(),
        b"not json at all " * 60,
        b'{"Records":{"0":' + b"1" * 2000 + b"}}",
        b'{"Records":[1,2,' + b"3," * 2000 + b"4]}",
    ],
)
def test_what_does_not_begin_with_records_cannot_be_cut(trial: Trial, text: bytes) -> None:
    """It is bad, with a reason, and nothing is kept."""
    with mock.patch.object(envelopes, "LONGEST", 1_000):
        out = sliced(trial, 300, text)
    assert out.counts == [("bad", 0, 0, 0)]
    assert "Records" in out.records[0].reason
    assert out.made.files == []


def test_a_long_member_before_the_records_does_not_stand_alone(trial: Trial) -> None:
    """It stands before each piece, so each has records of its length: pieces are longer for it."""
    text = b'{"Versions":"' + b"x" * 2_000 + b'",' + log(*[event()] * 200)[1:]
    cut: list[int] = []

    def counted(batch: Any, piece: Any) -> bool:
        cut.append(Path(piece.path).stat().st_size)
        return look.reads(batch, piece)

    with mock.patch.object(convert.large, "reads", counted):
        assert sliced(trial, 500, text, blocks=100).counts == [("done", 200, 0, 0)]
    assert len(cut) > 3
    assert min(cut) > 3_500


@pytest.mark.parametrize(
    "end",
    [
        b"",
        b"]",
        b"]}x",
        b',{"eventVersion":]}',
        b'],"Records":',
        b"]}" + DOCUMENTS["plain"][:-2],
        b"]}" + DOCUMENTS["plain"] + b'{"Records":{}}',
        b'{"Records":[]}' * 60,
        b"]}" + b'{"Other":[1]}' * 60,
    ],
)
def test_when_a_later_slice_is_bad_nothing_is_kept(trial: Trial, end: bytes) -> None:
    """Neither files nor rows, of the slices before; the object beside it stays whole."""
    spoilt = DOCUMENTS["plain"].removesuffix(b"]}") + end
    out = sliced(trial, 600, spoilt, DOCUMENTS["plain"])
    assert out.counts == [("bad", 0, 0, 0), ("done", 24, 0, 0)]
    assert {row["tp_source_location"] for row in out.rows()} == {"object-1"}
    assert len(out.rows()) == 24


def test_arrays_in_inner_objects_behind_nested_members(trial: Trial) -> None:
    """The way to the array passes by what is nested, at each level."""
    syntax = Syntax("json_text", {"shape": "records", "path": "data.events"})
    inner = {"page": {"events": [1]}, "events": [event(eventName=str(n)) for n in range(24)], "last": [{}]}
    text = json.dumps({"meta": {"data": {"events": [{}]}}, "data": inner}).encode()
    with pieces_of(300):
        out = trial(text, syntax=syntax, blocks=100)
    assert out.counts == [("done", 24, 0, 0)]
    assert len(out.made.files) > 2
    assert out.sorted() == trial(text, syntax=syntax).sorted()


def test_a_stream_that_fails_leaves_nothing(trial: Trial) -> None:
    """What was converted before the failure is taken back: BadObject is recorded with its reason."""
    from tests.convert.trial import NOW, TABLE

    from penstock.convert import Source
    from penstock.errors import BadObject
    from penstock.standardize import Recipe

    def broken() -> Iterator[bytes]:
        yield log(*[event()] * 200)
        raise BadObject("s3://logs/x", "its gzip stream is cut short")

    folder = trial.folder / "broken"
    folder.mkdir()
    source = Source("x", "s3://logs/x", "aws_s3_bucket", "logs", "x", broken())
    with (
        pieces_of(300),
        mock.patch.object(bundles, "_SMALL", 0),
        mock.patch.object(convert.large, "convert_pieces", side_effect=store.convert_pieces) as converted,
    ):
        made = convert.convert(
            trial.engine, Recipe(TABLE, "prod"), [source], commit="c", time=NOW, folder=folder
        )
    assert converted.call_count > 5
    assert [(r.state, r.reason) for r in made.records] == [("bad", "its gzip stream is cut short")]
    assert made.files == []
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("most", [1, 2])
def test_pieces_that_need_too_much_memory_are_read_in_halves(trial: Trial, most: int) -> None:
    """They give the same rows, once; what was written of them before is taken back."""
    convert_pieces, failed = store.convert_pieces, list[int]()

    def short(batch: Any, pieces: Any) -> Any:
        made = convert_pieces(batch, pieces)
        if len(pieces) > most:
            failed.append(len(pieces))
            raise convert.ShortOfMemory("made to order")
        return made

    text = log(*([event(), {"eventVersion": "1"}, None, 17, event(new=1)] * 20))
    whole = trial(text)
    with (
        mock.patch.object(convert.large, "convert_pieces", short),
        mock.patch.multiple(convert.large, PIECE=150, AT_ONCE=1_600),
    ):
        out = trial(text, blocks=100)
    assert failed == sorted(set(failed), reverse=True)  # and fewer at once from then on
    assert max(failed) > 2 * most
    assert out.records == whole.records
    assert out.sorted() == whole.sorted()
    assert out.sorted("tp_rejected") == whole.sorted("tp_rejected")


def test_one_piece_that_needs_too_much_memory_is_tried_again(trial: Trial) -> None:
    """By the queue: it is not recorded as bad."""
    with (
        mock.patch.object(
            convert.large, "convert_pieces", side_effect=convert.ShortOfMemory("made to order")
        ),
        pytest.raises(convert.ShortOfMemory),
    ):
        sliced(trial, 500, DOCUMENTS["plain"])


def test_a_long_record_is_read_alone(trial: Trial) -> None:
    """Whatever waits, no statement reads more than what fits; a longer record by itself."""
    read: list[list[int]] = []

    def seen(batch: Any, pieces: Any) -> Any:
        read.append([Path(piece.path).stat().st_size for piece in pieces])
        return store.convert_pieces(batch, pieces)

    small = [event(userAgent="x" * 100)] * 40
    with mock.patch.object(convert.large, "convert_pieces", seen):
        out = sliced(trial, 1_000, log(*small, event(userAgent="x" * 6_000), *small))
    assert out.counts == [("done", 81, 0, 0)]
    assert all(sum(sizes) <= 3_000 or len(sizes) == 1 for sizes in read)
    assert max(map(len, read)) > 1


@pytest.mark.parametrize("name", ["aws_cloudtrail_log", "aws_waf_traffic_log"])
def test_a_record_of_many_megabytes_in_a_stream(trial: Trial, name: str) -> None:
    """As in an object that is read at once."""
    table = tables.find(name)
    if name == "aws_waf_traffic_log":
        small = b'{"timestamp":1769860800000,"action":"ALLOW"}'
        text = b"\n".join([*[small] * 60_000, small[:-1] + b',"labels":"' + b"x" * (25 << 20) + b'"}', small])
    else:
        text = log(*[event()] * 30_000, event(userAgent="x" * (25 << 20)), *[event()] * 30_001)
    assert trial(text, table=table, blocks=1 << 18).counts == [("done", 60_002, 0, 0)]


@pytest.mark.parametrize("blocks", [70, 500, 5_000])
def test_lines_and_none_mixed(trial: Trial, blocks: int) -> None:
    """Files that were put together: records a line, spread over lines, and without line ends."""
    waf = tables.find("aws_waf_traffic_log")
    record = {"timestamp": 1769860800000, "action": "ALLOW", "httpRequest": {"args": "x" * 50, "headers": []}}
    line, spread = json.dumps(record), json.dumps(record, indent=1)
    for texts in ([line] * 60, ["\n" + line, *[line] * 59], [line + "\n"] * 30 + [spread + "\n"] * 30):
        text = "".join(texts).encode()
        with pieces_of(1_000):
            out = trial(text, table=waf, blocks=blocks)
        assert out.counts == [("done", 60, 0, 0)]
        assert out.sorted(waf.name) == trial(text, table=waf).sorted(waf.name)


def test_long_documents_are_looked_at_once() -> None:
    """Each byte, however small the blocks: looked for anew with each, 8 MB would be 500 MB."""
    document = b'{"a":[' + b",".join([b'{"x":1}'] * 20_000) + b"]}"
    looked: list[int] = []
    cut = envelopes.cut

    def counted(ends: Any, buffer: bytearray, limit: int, seen: int = 0) -> int:
        looked.append(len(buffer) - max(limit, seen) if seen else len(buffer))
        return cut(ends, buffer, limit, seen)

    text = document * 4
    with mock.patch.object(envelopes, "cut", counted):
        pieces = list(envelopes.slices((text[i : i + 100] for i in range(0, len(text), 100)), 10_000))
    assert pieces == [document] * 4
    assert sum(looked) < 8 * len(text)


def test_a_quote_that_nothing_closes() -> None:
    """Quotes are counted once: counted anew for each line, 3 MB took two minutes."""
    line = b'a,"b",c,2026-01-31T00:00:00Z\n'
    text = b"h1,h2,h3,h4\n" + line * 10 + b'a,"x,c,d\n' + line * ((3 << 20) // len(line))
    blocks = [text[i : i + (256 << 10)] for i in range(0, len(text), 256 << 10)]
    options = {"header": True, "multiline": True}
    pieces = list(find("delimited").slices(blocks, 2 << 20, lambda *_: True, {}, options))
    assert b"".join(piece.removeprefix(b"h1,h2,h3,h4\n") for piece in pieces if piece) == text[12:]


def test_the_first_block_may_be_short(trial: Trial) -> None:
    """How a text is written is told from as much of it as in one that is read at once."""
    cloudfront = tables.find("aws_cloudfront_access_log")
    line = "2026-01-31\t12:00:01\t" + "\t".join(["a"] * 31)
    text = json.dumps({"messageType": "DATA_MESSAGE", "logEvents": [{"message": line}] * 60}).encode()
    assert trial(text, table=cloudfront, blocks=30).counts == [("done", 60, 0, 0)]


@pytest.mark.parametrize("between", [b"", b"\n"])
def test_records_without_line_ends_between_them_are_cut(trial: Trial, between: bytes) -> None:
    """As a Firehose stream writes them whose records end with none."""
    waf = tables.find("aws_waf_traffic_log")
    record = b'{"timestamp":1769860800000,"action":"ALLOW","httpRequest":{"uri":"}{\\"timestamp\\":"}}'
    text = between.join([record] * 100)
    out = trial(text, table=waf)
    assert out.counts == [("done", 100, 0, 0)]
    with pieces_of(1_000):
        cut = trial(text, table=waf, blocks=500)
    assert cut.counts == out.counts
    assert len(cut.made.files) > 3
    assert cut.sorted(waf.name) == out.sorted(waf.name)


def test_a_record_without_end_is_bad(trial: Trial) -> None:
    """Memory stays bounded: a record that does not end within the bound is refused (G4)."""
    with mock.patch.object(envelopes, "LONGEST", 2_000):
        endless = DOCUMENTS["plain"].removesuffix(b"]}") + b',{"eventVersion":"' + b"x" * 10_000 + b'"}]}'
        out = sliced(trial, 600, endless)
    assert out.counts == [("bad", 0, 0, 0)]
    assert "no record ends" in out.records[0].reason


KEYS = st.sampled_from(["eventVersion", "eventTime", "eventName", "new", "Records", "", "é", '"', "},{"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53)
    | st.sampled_from(["2026-01-31T12:00:00Z", FAKE, "\\", '"', ""])
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
RECORDS = (
    st.dictionaries(KEYS, VALUES, max_size=4).map(lambda fields: {"eventVersion": "1.11"} | fields) | VALUES
)
DOCS = st.lists(RECORDS, max_size=5).map(lambda records: [event(), *records])


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    records=DOCS, beside=st.none() | VALUES, limit=st.integers(100, 600), indent=st.sampled_from([None, 1])
)
def test_any_document_any_limit(
    trial: Trial, records: list[Any], beside: Any, limit: int, indent: int | None
) -> None:
    """Random documents give the same, whole and sliced at random limits."""
    text = json.dumps(
        {"Records": records, "Other": beside}, indent=indent, ensure_ascii=indent is None
    ).encode()
    whole, pieces = trial(text), sliced(trial, limit, text, blocks=500)
    assert pieces.counts == whole.counts
    assert pieces.sorted() == whole.sorted()
    assert pieces.sorted("tp_rejected") == whole.sorted("tp_rejected")
