"""Tables of people's own: what their columns hold, what is kept beside them, what is rejected."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import pytest
from tests.convert.trial import Trial
from tests.formats.reading import configured, read

from penstock import tables
from penstock.errors import ConfigError


def day(month: int, number: int, hour: int = 0) -> dt.datetime:
    """A time as DuckDB gives it: UTC, without saying so."""
    return dt.datetime(2026, month, number, hour, tzinfo=dt.UTC).replace(tzinfo=None)


APP = r"""
format "regex" "app" {
  layout = `^(?P<time>\S+) (?P<level>[A-Z]+) (?P<client-ip>\S+) (?P<tags>\S+) (?P<message>.*)$`
}
table "my_app" {
  format      = format.regex.app
  description = "What the app says."
  null_if     = "-"
  column "tp_timestamp" { source = "time" }
  column "tp_ips" { source = "client-ip" }
  column "tp_index" { source = "level" }
  column "client" {
    source = "client-ip"
    type   = "ip"
  }
  column "number" {
    transform = "regexp_extract(message, 'n=([0-9a-z]+)', 1)"
    type      = "smallint"
    required  = true
  }
  column "tags" {
    transform   = "list_transform(string_split(tags, ','), lambda t: upper(t))"
    description = "In capitals."
  }
}
"""


def test_lines_by_a_regular_expression(trial: Trial) -> None:
    """Renamed, typed, transformed and common columns; the other fields are columns; bad rows go alone."""
    out = read(
        trial, APP,
        "2026-02-01T00:00:00Z INFO 10.0.0.1 a,b n=5\n"
        "2026-02-01T00:00:01Z WARN 999.0.0.1 - n=7\n"
        "no such line\n"
        "2026-02-01T00:00:02Z WARN - x n=q\n"
        "whenever INFO ::1 a n=1\n"
        "1769904003 DEBUG 2001:db8::1 c n=99999\n"
        "1769904003 DEBUG 2001:db8::1 c n=9\n",
        more="filter = \"level <> 'DEBUG' or tags[1] = 'X'\"",
    )  # fmt: skip
    first = day(2, 1)
    assert out.rows == [
        {"client": "10.0.0.1", "level": "INFO", "message": "n=5", "number": 5, "tags": ["A", "B"],
         "time": "2026-02-01T00:00:00Z", "tp_ips": ["10.0.0.1"], "tp_timestamp": first},
        {"level": "WARN", "message": "n=7", "number": 7, "time": "2026-02-01T00:00:01Z",
         "unmapped": '{"client-ip":"999.0.0.1"}',
         "tp_ips": ["999.0.0.1"], "tp_timestamp": first + dt.timedelta(seconds=1)},
    ]  # fmt: skip
    assert out.tally == [(2, 1, 4)]
    assert [reason[:60] for reason in out.reasons] == [
        "the line does not match the format: expected ^(?P<time>\\S+) ",
        "the required column number is empty",
        'time: found "whenever", expected a time such as 2026-01-31T2',
        "the required column number is empty",
    ]
    assert [notice.line for notice in configured(APP).notices] == [11]


def test_field_map_the_wrong_way_round() -> None:
    """The column's name stands first; where it is a field's, the message says so."""
    text = """
format "regex" "app" { layout = `^(?P<time>\\S+) (?P<message>.*)$` }
table "my_app" {
  format     = format.regex.app
  null_value = "-"
  field_map  = { time = "tp_timestamp" }
}
"""
    with pytest.raises(ConfigError) as raised:
        configured(text)
    lacks, wrong = raised.value.problems
    assert 'lacks the column "tp_timestamp"' in lacks.message
    assert (wrong.line, wrong.hint) == (6, 'field_map has the column first: tp_timestamp = "time"')


def test_json_with_types(trial: Trial) -> None:
    """Each type, what does not fit it, what map_fields keeps and drops, members by dots."""
    text = """
table "my_app" {
  format     = format.jsonl.default
  map_fields = ["http_*", "user"]
  field_map  = { tp_timestamp = "time", code = "status" }
  column "tp_usernames" { transform = "user.name" }
  column "status" { type = "int" }
  column "payload" { type = "json" }
  column "tags" { type = "varchar[]" }
  column "geo" { type = "struct(lat double, lon double)" }
  column "net" { type = "cidr" }
  column "cost" { type = "decimal(10,2)" }
  column "on" { type = "bool" }
  column "raw" { type = "blob" }
  column "day" {
    type   = "date"
    source = "time"
  }
  column "hour" {
    transform = "date_part('hour', to_timestamp(time::bigint))"
  }
}
"""
    out = read(
        trial, text,
        '{"time":1769904000,"status":200,"user":{"name":"bob","id":1},"payload":{"a":[1]},"tags":["a","b"],'
        '"geo":{"lat":1.5,"lon":2},"http_x":1,"other":2,"net":"10.0.0.0/8","cost":1.5,"on":true,"raw":"x"}\n'
        '{"time":"2026-02-01 03:00:00 MST","status":"abc","user":"x","payload":"text","tags":"one","geo":5,'
        '"http_y":{"z":1},"net":"10.0.0.0/99","cost":"dear","on":"perhaps"}\n'
        "no json\n"
        '{"status":1}\n'
        '{"time":"","status":1}\n'
        '{"time":1769904000123,"geo":{"lat":0.5}}\n',
        more='filter = "geo.lat > 1 or geo is null"',
    )  # fmt: skip
    first, second = out.rows
    left = json.loads(second.pop("unmapped"))
    assert left == {
        "http_y": {"z": 1}, "status": "abc", "geo": "5", "net": "10.0.0.0/99", "cost": "dear", "on": "perhaps"
    }  # fmt: skip
    assert first == {
        "status": 200, "code": "200", "payload": '{"a":[1]}', "tags": ["a", "b"],
        "geo": {"lat": 1.5, "lon": 2.0},
        "net": "10.0.0.0/8", "cost": Decimal("1.50"), "on": True, "raw": b"x", "day": dt.date(2026, 2, 1),
        "hour": 0, "user": '{"name":"bob","id":1}', "unmapped": '{"http_x":1}', "tp_usernames": ["bob"],
        "tp_timestamp": day(2, 1),
    }  # fmt: skip
    assert second == {
        "code": "abc", "payload": '"text"', "tags": ["one"], "day": dt.date(2026, 2, 1), "user": "x",
        "tp_timestamp": day(2, 1, 10),
    }  # fmt: skip
    assert out.tally == [(2, 1, 3)]
    assert out.reasons[1:] == [
        "time is missing",
        'time: found "", expected a time such as 2026-01-31T23:59:59Z',
    ]


@pytest.mark.parametrize(
    ("format_", "lines"),
    [
        ("format.regex.pair", "2026-02-01 {0}\n2026-02-01 nope\n2026-02-01 {{\n2026-02-01 -\n"),
        ("format.delimited.pair", "2026-02-01|{0}\n2026-02-01|nope\n2026-02-01|{{\n2026-02-01|-\n"),
    ],
)
def test_json_in_a_field_of_a_line(trial: Trial, format_: str, lines: str) -> None:
    """A text that is no JSON is a string; one such line costs neither the others nor itself."""
    text = f"""
format "regex" "pair" {{ layout = `^(?P<time>\\S+) (?P<payload>.*)$` }}
format "delimited" "pair" {{
  delimiter = "|"
  quote     = ""
  columns   = ["time", "payload"]
}}
table "my_app" {{
  format  = {format_}
  null_if = "-"
  column "tp_timestamp" {{ source = "time" }}
  column "payload" {{ type = "json" }}
}}
"""
    out = read(trial, text, lines.format('{"a":[1]}'))
    assert [row.get("payload") for row in out.rows] == ['{"a":[1]}', '"nope"', '"{"', None]


def test_a_text_that_means_nothing(trial: Trial) -> None:
    """null_if of the table and of the column; a default that is an empty text."""
    text = """
table "my_app" {
  format  = format.jsonl.default
  null_if = "N/A"
  column "tp_timestamp" { source = "time" }
  column "a" { type = "int" }
  column "b" {
    null_if = "none"
  }
  column "c" { transform = "coalesce(c, 'nothing')" }
}
"""
    out = read(
        trial,
        text,
        '{"time":"2026-02-01","a":"N/A","b":"none","c":"N/A"}\n{"time":"2026-02-02","b":"N/A","c":""}',
    )
    assert [{k: v for k, v in row.items() if k in ("a", "b", "c", "unmapped")} for row in out.rows] == [
        {"c": "nothing"},
        {"b": "N/A", "c": ""},
    ]
    empty = read(trial, text.replace('null_if = "N/A"', ""), '{"time":"2026-02-01","a":"","b":"x","c":""}')
    assert {k: v for k, v in empty.rows[0].items() if k in ("a", "b", "c", "unmapped")} == {
        "b": "x",
        "c": "nothing",
    }


def test_a_built_in_table_with_a_column_more(trial: Trial) -> None:
    """Its own columns are as ever, what new ones read is not unmapped, and they may be filtered by."""
    text = """
table "aws_cloudtrail_log" {
  column "is_root" {
    transform = "userIdentity.type = 'Root'"
  }
  column "new_thing" { source = "newThing" }
}
"""
    record = (
        '{"eventTime":"2026-02-01T00:00:00Z","eventID":"%s","newThing":"%s",'
        '"userIdentity":{"type":"%s","x":1}}'
    )
    log = '{"Records":[' + record % ("1", "n", "Root") + "," + record % ("2", "m", "IAMUser") + "]}"
    out = read(trial, text, log, table="aws_cloudtrail_log", more='filter = "is_root"')
    (row,) = out.rows
    assert (row["event_id"], row["new_thing"], row["is_root"]) == ("1", "n", True)
    assert row["unmapped"] == '{"userIdentity":{"x":1}}'
    assert out.tally == [(1, 1, 0)]
    built_in = tables.find("aws_cloudtrail_log")
    assert (
        configured(text, "aws_cloudtrail_log").tables["aws_cloudtrail_log"].columns[:-2] == built_in.columns
    )


def test_a_sources_own_format_goes_first(trial: Trial) -> None:
    """Before that of the table; fields that it lacks are null, further ones are kept."""
    text = (
        APP
        + """
partition "my_app" "p" {
  source "file" {
    paths  = ["logs"]
    format = format.delimited.default
  }
}
"""
    )
    out = read(trial, text, "time,message,size\n2026-02-01,n=17,5\n")
    assert out.rows == [
        {"message": "n=17", "number": 17, "time": "2026-02-01", "unmapped": '{"size":"5"}',
         "tp_timestamp": day(2, 1)}
    ]  # fmt: skip


def test_a_table_whose_format_is_the_sources(trial: Trial) -> None:
    """The fields of the sources' formats become its columns."""
    text = """
format "grok" "g" {
  layout   = `%{TIMESTAMP_ISO8601:tp_timestamp} %{LOGLEVEL:[log][level]} %{REQ:request:string} %{DATA:text}$`
  patterns = { REQ = `req-%{INT:number:int}` }
}
table "my_app" {}
partition "my_app" "p" {
  source "file" {
    paths  = ["logs"]
    format = format.grok.g
  }
}
"""
    with_column = text.replace('table "my_app" {}', 'table "my_app" {\n  column "number" { type = "int" }\n}')
    out = read(trial, with_column, "2026-02-01T00:00:00Z INFO req-5 hello\nwhat\n")
    assert out.rows == [
        {"log_level": "INFO", "request": "req-5", "number": 5, "text": "hello",
         "tp_timestamp": day(2, 1)}
    ]  # fmt: skip
    assert out.tally == [(1, 0, 1)]


def test_a_failing_transform_gives_null_and_the_row_stays(trial: Trial) -> None:
    """An error in one row's value is that value's alone."""
    text = """
table "my_app" {
  format = format.jsonl.default
  column "tp_timestamp" { source = "time" }
  column "year" { transform = "strptime(day, '%Y-%m-%d')" }
  column "part" { transform = "1 / (size::int)" }
}
"""
    out = read(
        trial,
        text,
        '{"time":"2026-02-01","day":"x","size":"y"}\n{"time":"2026-02-02","day":"2026-01-01","size":"2"}',
    )
    assert [(row.get("year"), row.get("part"), row["day"]) for row in out.rows] == [
        (None, None, "x"),
        (day(1, 1), 0.5, "2026-01-01"),
    ]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1769904000", "2026-02-01T00:00:00"),
        ("999999999", "2001-09-09T01:46:39"),
        ("1769904000123", "2026-02-01T00:00:00.123000"),
        ("1769904000123456789", "2026-02-01T00:00:00.123456"),
        ("2026-02-01T01:00:00+01:00", "2026-02-01T00:00:00"),
        ("2026-02-01T00:00:00.5Z", "2026-02-01T00:00:00.500000"),
        ("Sun, 01 Feb 2026 00:00:00 GMT", "2026-02-01T00:00:00"),
        ("Sun, 01 Feb 2026 01:00:00 +0100", "2026-02-01T00:00:00"),
        ("Sunday, 01-Feb-26 00:00:00 UTC", "2026-02-01T00:00:00"),
        ("01 Feb 26 00:00 -0100", "2026-02-01T01:00:00"),
        ("Sun Feb  1 00:00:00 UTC 2026", "2026-02-01T00:00:00"),
        ("Sun Feb 01 01:00:00 +0100 2026", "2026-02-01T00:00:00"),
        ("Sun Feb  1 00:00:00 2026", "2026-02-01T00:00:00"),
        ("01/Feb/2026:01:00:00 +0100", "2026-02-01T00:00:00"),
        ("01/Feb/2026:00:00:00 MST", "2026-02-01T07:00:00"),
        ("2026-02-01 00:00:00", "2026-02-01T00:00:00"),
        ("2026-02-01 01:00:00 +0100", "2026-02-01T00:00:00"),
        ("2026/02/01 00:00:00 MST", "2026-02-01T07:00:00"),
        ("2026-02-01", "2026-02-01T00:00:00"),
        ("2026-02-01T00:00:00.123", "2026-02-01T00:00:00.123000"),
        ("1/2/2026", None),
        ("17699040001", None),
        ("20260201000000", None),
    ],
)
def test_times_however_they_are_written(trial: Trial, written: str, expected: str | None) -> None:
    """The forms that the peer's time parser takes, and those it does not."""
    text = """
table "my_app" {
  format = format.jsonl.default
  column "tp_timestamp" { source = "time" }
}
"""
    out = read(trial, text, f'{{"time":"{written}"}}')
    assert [row["tp_timestamp"].isoformat() for row in out.rows] == ([expected] if expected else [])
