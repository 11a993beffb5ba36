"""Bad input: what each odd object becomes, and that nothing beside it suffers (G2)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.convert.trial import TABLE, Trial, event, log, pieces_of

from infra import samples
from penstock import inflate, tables
from penstock.readers import _lines

MOST = 1 << 30
OBJECTS = [o for o in samples.bad_objects(11) if o.expect != "ignored" and o.kind != "duplicate"]


def text_of(body: bytes) -> bytes | None:
    """What inflates of an object; None when it does not."""
    try:
        return b"".join(inflate.blocks([body], MOST))
    except ValueError:
        return None


READABLE = [o for o in OBJECTS if text_of(o.body) is not None]


@pytest.mark.parametrize("obj", READABLE, ids=lambda o: o.kind)
def test_each_odd_object_between_sound_ones(trial: Trial, obj: samples.SampleObject) -> None:
    """Its record has the promised state, counts and reason; the neighbours are stored whole."""
    sound = log(event(), event())
    out = trial(sound, text_of(obj.body) or b"", sound)
    before, record, after = out.records
    assert (before.state, before.stored, after.state, after.stored) == ("done", 2, "done", 2)
    assert (record.state, record.stored, record.rejected) == (obj.expect, obj.stored, obj.rejected)
    assert record.rows_read == record.stored + record.filtered + record.rejected
    assert len(out.rows()) == 4 + obj.stored
    rejected = out.rows("tp_rejected")
    assert len(rejected) == obj.rejected
    said = record.reason or " ".join(row["reason"] for row in rejected)
    assert obj.reason.lower() in said.lower()


def test_all_odd_objects_in_one_commit(trial: Trial) -> None:
    """Together they come to what each comes to alone."""
    out = trial(*(text_of(obj.body) or b"" for obj in READABLE))
    assert out.counts == [(obj.expect, obj.stored, 0, obj.rejected) for obj in READABLE]
    assert len(out.rows()) == sum(obj.stored for obj in READABLE)


@pytest.mark.parametrize("obj", [o for o in OBJECTS if text_of(o.body) is None], ids=lambda o: o.kind)
def test_what_does_not_inflate_says_why(obj: samples.SampleObject) -> None:
    """The reason names the kind of compression."""
    with pytest.raises(ValueError, match=obj.reason):
        list(inflate.blocks([obj.body], MOST))


def test_rejected_rows_keep_text_place_and_reason(trial: Trial) -> None:
    """A rejected row can be found again: raw text, row number from 1, object, table, and why."""
    lost = {"eventName": "no time", "deep": [1, {"é": "\u0000"}]}
    out = trial(log(event(), lost, event()), names=["a/b c.json.gz"], tp_index="event_name")
    (row,) = out.rows("tp_rejected")
    assert json.loads(row["raw"]) == lost
    assert (row["row_number"], row["table_name"], row["tp_source_location"]) == (
        2,
        TABLE.name,
        "a/b c.json.gz",
    )
    assert row["reason"] == "eventTime is missing"
    ids = [stored["tp_id"] for stored in out.sorted()]
    assert [int(ids[0][24:], 16), int(row["tp_id"][24:], 16), int(ids[1][24:], 16)] == [0, 1, 2]


@pytest.mark.parametrize("text", samples.HOSTILE, ids=lambda t: repr(t[:20]))
def test_hostile_texts_are_stored_as_they_are(trial: Trial, text: str) -> None:
    """In text columns, structs, JSON, and in the name of the object: quotes, NULs, megabytes."""
    record = event(
        eventName=text,
        userIdentity={"arn": text},
        requestParameters={text[:100] or "empty": text},
        resources=[{"ARN": text}],
    )
    out = trial(log(record), names=[text[:200].replace("\0", "") or "empty"])
    (row,) = out.rows()
    assert (row["event_name"], row["user_identity"]["arn"]) == (text, text)
    assert json.loads(row["request_parameters"]) == record["requestParameters"]
    assert json.loads(row["resources"]) == record["resources"]


def test_bytes_that_are_no_utf8_become_the_replacement_character(trial: Trial) -> None:
    """Only they do, and only in their own object; the rows are stored."""
    spoilt = log(event(eventName="a?b")).replace(b"?", b"\xff\xc3")
    out = trial(log(event(eventName="é")), spoilt)
    assert [row["event_name"] for row in out.sorted()] in (["é", "a\ufffd\ufffdb"], ["a\ufffd\ufffdb", "é"])


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"a\ud800b", "a\ufffdb"),
        (r"\udc00", "\ufffd"),
        (r"\ud83d\ude00", "😀"),
        (r"\uD83D\uDE00\uDE00", "😀\ufffd"),
        (r"\\ud800", "\\ud800"),
        (r"\\\ud800", "\\\ufffd"),
        (r"\u0000\ud800\"", '\0\ufffd"'),
    ],
)
def test_half_surrogate_pairs_become_the_replacement_character(trial: Trial, written: str, read: str) -> None:
    """JSON allows them in escapes; whole pairs and escaped backslashes before them stay."""
    out = trial(log(event(eventName="?")).replace(b"?", written.encode()))
    assert [row["event_name"] for row in out.rows()] == [read]


UNMAPPED: list[tuple[dict[str, Any], Any]] = [
    ({"new": {"deep": [1, None]}}, {"new": {"deep": [1, None]}}),
    (
        {"": 1, "a.b": 2, 'q"x': 3, "EventName": 4, "tp_id": "mine"},
        {"": 1, "a.b": 2, 'q"x': 3, "EventName": 4, "tp_id": "mine"},
    ),
    ({"userIdentity": {"type": "Root", "new": 1}}, {"userIdentity": {"new": 1}}),
    ({"tlsDetails": {"tlsVersion": "TLSv1.3", "new": [1]}}, {"tlsDetails": {"new": [1]}}),
    ({"userIdentity": {"sessionContext": {"new": 1}}}, {"userIdentity": {"sessionContext": {"new": 1}}}),
    ({"userIdentity": {"onBehalfOf": {"new": 2}}}, {"userIdentity": {"onBehalfOf": {"new": 2}}}),
    (
        {"userIdentity": {"sessionContext": {"attributes": {"new": 1}, "sessionIssuer": {"new": 2}}}},
        {"userIdentity": {"sessionContext": {"attributes": {"new": 1}, "sessionIssuer": {"new": 2}}}},
    ),
    ({"userIdentity": "root"}, {"userIdentity": "root"}),
    ({"userIdentity": 17}, {"userIdentity": 17}),
    ({"userIdentity": [1, {"a": 2}]}, {"userIdentity": [1, {"a": 2}]}),
    ({"userIdentity": {"sessionContext": [1, 2]}}, {"userIdentity": {"sessionContext": [1, 2]}}),
    ({"tlsDetails": "TLSv1.3"}, {"tlsDetails": "TLSv1.3"}),
    ({"readOnly": "perhaps"}, {"readOnly": "perhaps"}),
    ({"managementEvent": [True]}, {"managementEvent": "[true]"}),
    (
        {"userIdentity": {"sessionContext": {"attributes": {"creationDate": "yesterday"}}}},
        {"userIdentity": {"sessionContext": {"attributes": {"creationDate": "yesterday"}}}},
    ),
    (
        {
            "new": 1,
            "readOnly": "x",
            "userIdentity": {"a": 1, "sessionContext": {"attributes": {"creationDate": 5}}},
        },
        {
            "new": 1,
            "readOnly": "x",
            "userIdentity": {"a": 1, "sessionContext": {"attributes": {"creationDate": "5"}}},
        },
    ),
    ({"userIdentity": None, "tlsDetails": {}, "readOnly": None, "resources": []}, None),
]


@pytest.mark.parametrize(("fields", "kept"), UNMAPPED, ids=lambda value: json.dumps(value)[:40])
def test_what_no_column_holds_is_kept(trial: Trial, fields: dict[str, Any], kept: Any) -> None:
    """Unknown fields, however deep, and values of a wrong type stand in `unmapped`."""
    out = trial(log(event(), event(**fields)))
    plain, row = out.sorted()
    assert plain["unmapped"] is None
    assert (None if row["unmapped"] is None else json.loads(row["unmapped"])) == kept


@pytest.mark.parametrize("beside", [log(event()), log(event(other=1))])
def test_unmapped_does_not_depend_on_the_neighbours(trial: Trial, beside: bytes) -> None:
    """The same object gives the same rows whatever is collected with it (G5)."""
    deeper = {"sessionContext": {"attributes": {"new": 1}, "sessionIssuer": {"new": 1}}}
    for text in (log(*(event(**fields) for fields, _ in UNMAPPED)), log(event(userIdentity=deeper))):
        with_others = [row for row in trial(text, beside).sorted() if row["tp_source_location"] == "object-0"]
        assert with_others == trial(text).sorted()


@pytest.mark.parametrize(
    ("value", "read"),
    [(17, "17"), (1.5, "1.5"), (True, "true"), ([1, "a"], '[1,"a"]'), ({"a": 1}, '{"a":1}'), (None, None)],
)
def test_other_json_where_a_text_is_expected_is_kept_as_its_text(trial: Trial, value: Any, read: Any) -> None:
    """Nothing is lost of a number, a list or an object in a text column or a text member."""
    (row,) = trial(log(event(userAgent=value, userIdentity={"arn": value}))).rows()
    assert (row["user_agent"], row["user_identity"]["arn"], row["unmapped"]) == (read, read, None)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deep_nesting_is_data(trial: Trial, opening: str) -> None:
    """Brackets 20,000 deep, in a known and in an unknown field, end neither process nor batch."""
    deep = opening * 20_000 + "1" + {"[": "]", '{"a":': "}"}[opening] * 20_000
    record = f'{{"eventTime":"2026-01-31T12:00:00Z","resources":{deep},"new":{deep}}}'
    out = trial(f'{{"Records":[{record}]}}'.encode(), log(event()))
    assert out.counts == [("done", 1, 0, 0), ("done", 1, 0, 0)]


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize(
    "place", ['"userIdentity":?', '"userIdentity":{"sessionContext":?}', '"tlsDetails":?']
)
def test_deep_nesting_in_a_struct_is_data(trial: Trial, opening: str, place: str) -> None:
    """Brackets 100,000 deep where a struct is expected are kept, as text, and end nothing."""
    deep = opening * 100_000 + "1" + {"[": "]", '{"a":': "}"}[opening] * 100_000
    record = f'{{"eventTime":"2026-01-31T12:00:00Z",{place.replace("?", deep)}}}'
    out = trial(f'{{"Records":[{record}]}}'.encode(), log(event()))
    assert out.counts == [("done", 1, 0, 0), ("done", 1, 0, 0)]
    (kept,) = [row["unmapped"] for row in out.rows() if row["unmapped"] is not None]
    assert kept.count("[") + kept.count("{") >= 100_000


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize(
    ("table", "record"),
    [
        ("aws_eks_audit_log", '{"kind":"Event","stageTimestamp":"2026-01-31T12:00:00Z","sourceIPs":?}'),
        ("aws_eks_audit_log", '{"kind":"Event","stageTimestamp":"2026-01-31T12:00:00Z","user":{"groups":?}}'),
        ("aws_waf_traffic_log", '{"timestamp":1769860800000,"oversizeFields":?}'),
        ("aws_config_item", '{"configurationItemCaptureTime":"2026-01-31T12:00:00Z","relatedEvents":?}'),
        ("aws_securityhub_finding", '{"UpdatedAt":"2026-01-31T12:00:00Z","Types":?}'),
    ],
)
def test_deep_nesting_in_a_list_of_texts_is_data(trial: Trial, table: str, record: str, opening: str) -> None:
    """Brackets 100,000 deep where texts are expected are kept, and end nothing."""
    deep = opening * 100_000 + "1" + {"[": "]", '{"a":': "}"}[opening] * 100_000
    text = record.replace("?", deep)
    if table == "aws_config_item":
        text = f'{{"configurationItems":[{text}]}}'
    out = trial(text.encode(), table=tables.find(table))
    assert out.counts == [("done", 1, 0, 0)]
    assert str(out.rows(table)).count(opening[0]) >= 100_000


TAGS = {"tags": {"messageType": "DATA_MESSAGE", "detail-type": "x", "configurationItem": "y"}}


@pytest.mark.parametrize("limit", [300, 3_000, 1 << 20])
@pytest.mark.parametrize(
    ("table", "array", "field", "record"),
    [
        ("aws_cloudtrail_log", "Records", "requestParameters", event()),
        ("aws_cloudtrail_insight", "Records", "insightDetails", event(eventType="AwsCloudTrailInsight")),
        (
            "aws_config_item",
            "configurationItems",
            "tags",
            {"configurationItemCaptureTime": "2026-01-31T12:00:00Z"},
        ),
    ],
)
def test_what_a_record_holds_is_no_envelope(
    trial: Trial, table: str, array: str, field: str, record: dict[str, str], limit: int
) -> None:
    """Anybody may name a tag as CloudWatch Logs and EventBridge name their members."""
    held = TAGS if field != "tags" else TAGS["tags"]
    text = json.dumps({array: [record | {field: held}, *[record | {field: {}}] * 30]}).encode()
    with pieces_of(limit):
        for blocks in (None, 700):
            out = trial(text, table=tables.find(table), blocks=blocks)
            assert out.counts == [("done", 31, 0, 0)]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_text_torn_by_a_line_end_is_rejected(trial: Trial, end: str) -> None:
    """Both halves are, and no value is made of them: alone, beside others and in pieces."""
    waf = tables.find("aws_waf_traffic_log")
    good = '{"timestamp":1769860800000,"action":"ALLOW","unknown":1}'
    torn = f'{{"timestamp":1769860800000,"action":"X{end}Y"}}'
    text = end.join([good, torn, good]).encode()
    for out in (trial(text, table=waf), trial(text, *[good.encode()] * 5, table=waf)):
        assert out.counts[0] == ("done", 2, 0, 2)
        assert {row["action"] for row in out.rows(waf.name)} == {"ALLOW"}
        raws = [row["raw"].strip() for row in out.rows("tp_rejected")]
        assert sorted(raws) == sorted(torn.split(end))
    with pieces_of(60):
        assert trial(text, table=waf, blocks=20).counts == [("done", 2, 0, 2)]


@pytest.mark.parametrize("limit", [10, 300])
def test_a_head_longer_than_a_piece(limit: int) -> None:
    """It stands before each piece, and the pieces come to an end."""
    head, lines = b"x" * 3_000 + b"\n", [b"%d\n" % n for n in range(200)]
    pieces = list(_lines.cut([head, *lines], limit, heads=1))
    assert all(piece.startswith(head) for piece in pieces)
    assert b"".join(piece.removeprefix(head) for piece in pieces) == b"".join(lines)


def test_a_byte_order_mark_is_no_text(trial: Trial) -> None:
    """It is taken off where an object is inflated."""
    text = b"".join(inflate.blocks([b"\xef\xbb\xbf" + log(event())], 1 << 20))
    assert trial(text).counts == [("done", 1, 0, 0)]


@pytest.mark.parametrize(
    "text",
    [
        b'{"Records":[{"eventTime":"2026-01-31T12:00:00Z"}],"Records":[{},{},{}]}',
        b'{"Records":[{},{"eventTime":"2026-01-31T12:00:00Z"}],"Records":null}',
        b'{"Records":[{"eventTime":"2026-01-31T12:00:00Z","eventTime":"x","new":1,"new":2}]}',
    ],
)
def test_a_key_that_stands_twice_is_read_once(trial: Trial, text: bytes) -> None:
    """The first of them counts, everywhere alike: the counts agree."""
    out = trial(text, log(event()))
    assert [r.state for r in out.records] == ["done", "done"]
    assert out.records[0].stored == 1


def test_a_digest_under_a_log_s_key_is_called_by_its_name(trial: Trial) -> None:
    """Where the key does not tell, the content does."""
    digest = json.dumps({"awsAccountId": "111122223333", "digestStartTime": "2026-01-31T11:00:00Z"}).encode()
    out = trial(digest, log(event()))
    assert [found.state for found in out.records] == ["bad", "done"]
    assert "digest file" in out.records[0].reason
