"""The catalogue of formats: declarations are complete, examples load, each reads what it should."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.convert.trial import Trial
from tests.formats.reading import configured, read

from penstock import formats, readers
from penstock.config import loads
from penstock.formats._grok_lines import LINES
from penstock.layout.grok import PATTERNS
from penstock.readers.pattern import groups, matched

REFERENCE = Path(__file__).parents[2].parent / "shared" / "reference" / "formats.yaml"
TABLE = """
table "my_app" {
  format = format.%s
  column "tp_timestamp" { source = "time" }
}
"""


@pytest.mark.parametrize("name", formats.names())
def test_declarations_are_complete(name: str) -> None:
    """Docs for the format and each argument, a reference, a known reader, an example that loads."""
    declared = formats.find(name)
    assert declared.name == name
    assert declared.description.endswith(".")
    assert declared.reference.startswith("https://")
    assert len({argument.name for argument in declared.arguments}) == len(declared.arguments)
    for argument in declared.arguments:
        assert re.fullmatch(r"[A-Z].*\.", argument.description, re.DOTALL), argument.name
    for preset in declared.presets:
        assert preset.description.endswith(".")
        assert formats.presets()[f"{name}.{preset.name}"].reader in readers.names()
    found = loads({"main.tpc": declared.example})
    assert found.formats or found.tables


def test_unknown_formats_are_key_errors() -> None:
    """As documented."""
    with pytest.raises(KeyError, match="no_such"):
        formats.find("no_such")


def test_the_peers_formats_are_all_there() -> None:
    """Every type, argument and preset of the reference is accepted."""
    yaml = pytest.importorskip("yaml")
    if not REFERENCE.exists():
        pytest.skip("no reference beside this repository")
    reference = yaml.safe_load(REFERENCE.read_text(encoding="utf-8"))
    for theirs in reference["types"]:
        ours = {argument.name: argument for argument in formats.find(theirs["type"]).arguments}
        for argument in theirs["arguments"]:
            assert ours[argument["name"]].required == argument["required"]
        assert set(theirs.get("undocumented_arguments", ())) <= set(ours)
        assert "description" in ours
        for preset in theirs["presets"]:
            name = preset if isinstance(preset, str) else preset["name"]
            assert name in formats.presets()
            values = [
                p.values for p in formats.find(name.split(".")[0]).presets if p.name == name.split(".")[1]
            ]
            if isinstance(preset, dict) and "layout" in preset:
                assert values == [{"layout": preset["layout"]}]
    table = reference["custom_table_block"]
    from penstock.config import BLOCKS
    from penstock.config.blocks import COLUMN

    ours = {argument.name: argument for argument in BLOCKS["table"].arguments}
    assert {one["name"] for one in table["arguments"]} - {"column"} <= set(ours)
    assert {one["name"] for one in table["column_block"]} <= {argument.name for argument in COLUMN.arguments}


def test_the_peers_types_are_all_there() -> None:
    """Every type of the reference, and those people write, makes a column."""
    written = [
        "boolean", "tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint",
        "float", "double", "varchar", "blob", "date", "timestamp", "time", "interval", "decimal", "uuid",
        "json",
        "datetime", "int", "cidr", "ip", "varchar[]", "struct(a int)", "decimal(10,2)", "TIMESTAMPTZ",
    ]  # fmt: skip
    columns = "".join(f'  column "c{n}" {{ type = "{type_}" }}\n' for n, type_ in enumerate(written))
    table = (TABLE % "jsonl.default").rstrip("}\n") + "}\n" + columns + "}"
    assert len(configured(table).tables["my_app"].columns) == len(written) + 1


@pytest.mark.parametrize("name", sorted({**PATTERNS, **LINES}))
def test_grok_patterns_compile(name: str) -> None:
    """Each pattern of the standard set runs in RE2."""
    built = formats.find("grok").build({"layout": f"%{{{name}:found}}"})
    match, _ = matched(str(built.options["pattern"]), "'x'")
    duckdb.execute(f"SELECT {match}")


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        ("BASE16FLOAT", ["0x1f.8", "-.5"], ["g"]),
        ("COMMONMAC", ["00:1b:2c:3d:4e:5f"], ["00-1b-2c-3d-4e-5f"]),
        ("DATESTAMP_RFC2822", ["Mon, 2 Feb 2026 10:00:00 +0100"], ["2 Feb 2026"]),
        ("DATESTAMP_RFC822", ["Mon Feb 2 2026 10:00:00 CET"], ["Mon Feb"]),
        ("HOSTPORT", ["example.com:443", "10.0.0.1:80"], ["example.com"]),
        ("HTTPDERROR_DATE", ["Sun Feb 01 00:00:00.123456 2026"], ["2026-02-01"]),
        ("SYSLOGTIMESTAMP", ["Feb  1 00:00:00"], ["2026"]),
        ("TIMESTAMP_ISO8601", ["2026-02-01T00:00:00.123Z", "2026-02-01 00:00:00+01:00"], ["Feb 1"]),
        ("URIHOST", ["example.com", "example.com:8080"], ["/x"]),
        ("URN", ["urn:isbn:0451450523"], ["isbn:1"]),
        ("WINPATH", [r"C:\temp\x.log"], ["/tmp"]),
        ("TTY", ["/dev/pts/1"], ["pts/1"]),
        ("IPV6", ["2001:db8::1", "::ffff:10.0.0.1"], ["10.0.0.1"]),
        ("UUID", ["123e4567-e89b-12d3-a456-426614174000"], ["123e4567"]),
        ("QS", ['"a \\" b"', "'x'"], ["x"]),
        ("LOGLEVEL", ["ERROR", "warn", "Fatal"], ["loud"]),
        ("BOOLEAN", ["TRUE", "false"], ["yes"]),
    ],
)
def test_grok_patterns_match(pattern: str, good: list[str], bad: list[str]) -> None:
    """A few of the standard set against what they are for."""
    built = str(formats.find("grok").build({"layout": f"^%{{{pattern}:x}}$"}).options["pattern"])
    bare, _ = groups(built)
    for text, expected in (*((text, True) for text in good), *((text, False) for text in bad)):
        assert duckdb.execute("SELECT regexp_matches(?, ?)", [text, bare]).fetchone() == (expected,), text


LINES_OF: dict[str, tuple[str, str, dict[str, str]]] = {
    "combined": (
        "%{COMBINEDAPACHELOG}",
        '10.0.0.1 - bob [01/Feb/2026:00:00:00 +0000] "GET /x HTTP/1.1" 200 17 "http://e.com/" "curl/8"',
        {
            "clientip": "10.0.0.1",
            "auth": "bob",
            "verb": "GET",
            "request": "/x",
            "response": "200",
            "agent": '"curl/8"',
        },
    ),
    "syslog": (
        "%{SYSLOGLINE}",
        "Feb  1 00:00:00 host sshd[17]: session opened",
        {
            "timestamp": "Feb  1 00:00:00",
            "logsource": "host",
            "program": "sshd",
            "pid": "17",
            "message": "session opened",
        },
    ),
    "syslog5424": (
        "%{SYSLOG5424LINE}",
        '<34>1 2026-02-01T00:00:00Z host app 17 ID47 [x@1 a="b"] hello',
        {
            "syslog5424_pri": "34",
            "syslog5424_host": "host",
            "syslog5424_app": "app",
            "syslog5424_msg": "hello",
        },
    ),
    "apache_error": (
        "%{HTTPD24_ERRORLOG}",
        "[Sun Feb 01 00:00:00.000000 2026] [core:error] [pid 17:tid 18] [client 10.0.0.1:51] AH7: no",
        {
            "module": "core",
            "loglevel": "error",
            "pid": "17",
            "clientip": "10.0.0.1",
            "message": "no",
        },
    ),
}


@pytest.mark.parametrize("name", LINES_OF)
def test_grok_lines(name: str) -> None:
    """The larger patterns take whole lines apart."""
    layout, line, expected = LINES_OF[name]
    built = formats.find("grok").build({"layout": layout})
    match, fields = matched(str(built.options["pattern"]), "?")
    sql = ", ".join(fields[key] for key in expected)
    found = duckdb.execute(f"SELECT {sql} FROM (SELECT {match} AS m)", [line]).fetchone()
    assert found == tuple(expected.values())


Case = tuple[str, str, list[dict[str, Any]], list[str]]
DELIMITED: dict[str, Case] = {
    "csv": (
        'format "delimited" "x" {}',
        'time,who,text\n2026-02-01,bob,"a, ""b""\nc"\n2026-02-02,al\n',
        [{"who": "bob", "text": 'a, "b"\nc'}, {"who": "al"}],
        [],
    ),
    "tabs, backslashes, lines to skip, comments, nulls": (
        r"""format "delimited" "x" {
  delim   = "\t"
  escape  = "\\"
  names   = ["time", "who", "text"]
  skip    = 2
  comment = "#"
  nullstr = "NULL"
}""",
        'title\nmore\n#c\n2026-02-01\tbob\t"say \\"hi\\" \\\\ x"\n2026-02-02\tNULL\ty\n',
        [{"who": "bob", "text": 'say "hi" \\ x'}, {"text": "y"}],
        [],
    ),
    "the first line of W3C logs that names the fields": (
        'format "delimited" "x" {\n  delimiter = " "\n  header_prefix = "#Fields: "\n  comment = "#"\n}',
        "#Version: 1.0\n#Fields: time who text\n2026-02-01T00:00:00 bob x\n",
        [{"who": "bob", "text": "x"}],
        [],
    ),
    "a row of another number of fields is refused alone": (
        'format "delimited" "x" {\n  delimiter = ";"\n}',
        "time;who\n2026-02-01;bob\n2026-02-02;al;x;y\n2026-02-03;eve\n",
        [{"who": "bob"}, {"who": "eve"}],
        ["found 4 fields, expected 1 to 2"],
    ),
}


@pytest.mark.parametrize("name", DELIMITED)
def test_delimited(trial: Trial, name: str) -> None:
    """DuckDB's options under their own names, and those of the peer."""
    block, text, rows, reasons = DELIMITED[name]
    table = TABLE % "delimited.x"
    columns = '  column "who" {}\n  column "text" {}\n'
    out = read(trial, block + table.rstrip("}\n") + "}\n" + columns + "}", text)
    assert [{k: v for k, v in row.items() if k in ("who", "text")} for row in out.rows] == rows
    assert out.reasons == reasons


@pytest.mark.parametrize(
    ("format_", "log"),
    [
        ("", "time,n\r2026-02-01T00:00:00Z,1\r2026-02-01T00:00:00Z,2\r"),
        ('  columns   = ["time", "n"]\n', "2026-02-01T00:00:00Z,1\r2026-02-01T00:00:00Z,2\r"),
        (
            '  delimiter = " "\n  columns   = ["time", "n"]\n',
            "2026-02-01T00:00:00Z 1\r2026-02-01T00:00:00Z 2\r",
        ),
    ],
)
def test_lines_that_end_otherwise(trial: Trial, format_: str, log: str) -> None:
    """Many lines are not taken for one, and the other objects are read: it is a bad object alone."""
    text = f"""
format "delimited" "d" {{
{format_}}}
table "my_app" {{
  format = format.delimited.d
  column "tp_timestamp" {{ source = "time" }}
}}
"""
    bad, good = read(trial, text, log, log.replace("\r", "\r\n")).outcome.records
    assert bad.state == "bad"
    assert "a carriage return stands in its first line" in (bad.reason or "")
    assert (good.state, good.stored) == ("done", 2)


@pytest.mark.parametrize("header", ["", '  columns   = ["time", "n"]\n'])
@pytest.mark.parametrize("blank", ["\n", "\t\n", "\r\n \n", "\u2028\n", "\u2028", "\x0b\n", "\xa0\n"])
def test_a_blank_first_line(trial: Trial, header: str, blank: str) -> None:
    """It is passed over, rejected or makes a bad object, and costs no other object its rows."""
    text = f"""
format "delimited" "d" {{
{header}}}
table "my_app" {{
  format = format.delimited.d
  column "tp_timestamp" {{ source = "time" }}
}}
"""
    log = ("" if header else "time,n\n") + "2026-02-01T00:00:00Z,1\n2026-02-01T00:00:00Z,2\n"
    odd, good = read(trial, text, blank + log, log).outcome.records
    assert (good.state, good.stored) == ("done", 2)
    if not blank.strip(" \t\r\n"):
        assert (odd.state, odd.stored, odd.rejected) == ("done", 2, 0)
    elif not header and blank.endswith("\n"):
        assert "expected a line that names the fields" in (odd.reason or "")
    else:
        assert (odd.state, odd.stored + odd.rejected) == ("done", 3 if blank.endswith("\n") else 2)


def test_a_header_that_is_cut_within_a_quote(trial: Trial) -> None:
    """DuckDB's CSV reader finds other rows than there are: they are counted, and read one by one."""
    text = TABLE % "delimited.default"
    cut = '"time","n","e\n"2026-02-01","1","60"x","rest"\n"2026-02-01","2","60"\n'
    odd, good = read(trial, text, cut, "time,n\n2026-02-01,1\n").outcome.records
    assert (odd.state, odd.stored, odd.rejected) == ("done", 1, 0)
    assert (good.state, good.stored) == ("done", 1)


@pytest.mark.parametrize(
    ("format_", "log"),
    [
        ("json.default", '[{"time":"2026-02-01","a":1},{"time":"2026-02-02","a":2}]'),
        ("json.default", '{"time":"2026-02-01","a":1}{"time":"2026-02-02","a":2}'),
        ("json.default", '{\n "time":"2026-02-01",\n "a":1}\n{"time":"2026-02-02","a":2}'),
        ("jsonl.default", '{"time":"2026-02-01","a":1}\n{"time":"2026-02-02","a":2}\n'),
        ("json_records.default", '{"Records":[{"time":"2026-02-01","a":1},{"time":"2026-02-02","a":2}]}'),
        (
            "json_records.x",
            '{"n":1,"data":{"m":2,"items":[{"time":"2026-02-01","a":1},{"time":"2026-02-02","a":2}]}}',
        ),
    ],
)
def test_json(trial: Trial, format_: str, log: str) -> None:
    """One document, an array, several after each other, a line each, an array inside."""
    text = 'format "json_records" "x" { path = "data.items" }\n' + TABLE % format_
    out = read(trial, text, log, log)
    assert [row["unmapped"] for row in out.rows] == ['{"a":1}', '{"a":1}', '{"a":2}', '{"a":2}']
    assert out.tally == [(2, 0, 0)] * 2


def test_parquet_and_lines(trial: Trial, tmp_path: Path) -> None:
    """Parquet is read whatever the format; lines are one field each."""
    path = tmp_path / "x.parquet"
    duckdb.execute(f"COPY (SELECT TIMESTAMP '2026-02-01' AS time, [1, 2] AS list) TO '{path}'")
    for format_ in ("parquet.default", "jsonl.default"):
        (row,) = read(trial, TABLE % format_, path.read_bytes()).rows
        assert row["tp_timestamp"].isoformat() == "2026-02-01T00:00:00"
    lines = TABLE.replace('source = "time"', 'transform = "left(line, 10)"') % "lines.default"
    (row,) = read(trial, lines, "2026-02-01 x\n\n").rows
    assert (row["line"], row["tp_timestamp"].isoformat()) == ("2026-02-01 x", "2026-02-01T00:00:00")


def test_vpc_layouts_in_both_spellings() -> None:
    """`${version} …` and `version …` are the same."""
    build = formats.find("aws_vpc_flow_log").build
    spelt = build({"layout": "${version} ${vpc-id}  ${srcaddr}"})
    assert spelt == build({"layout": "version vpc-id srcaddr"})
    assert spelt.options["columns"] == ("version", "vpc-id", "srcaddr")


ACCESS: list[tuple[str, str, str, dict[str, Any]]] = [
    (
        "nginx_access_log",
        '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" '
        '"$http_user_agent" "$http_x_forwarded_for" rt=$request_time '
        'uct="$upstream_connect_time" ua=$upstream_addr',
        '10.0.0.1 - - [01/Feb/2026:00:00:00 +0000] "POST /api?x=1 HTTP/2.0" 200 5 "-" "curl/8" '
        '"1.2.3.4, 5.6.7.8" rt=0.010 uct="0.001, 0.002" ua=10.0.0.5:80, [2001:db8::1]:80',
        {"request_time": 0.01, "upstream_connect_time": 0.002,
         "upstream_addr": "10.0.0.5:80, [2001:db8::1]:80",
         "http_x_forwarded_for": "1.2.3.4, 5.6.7.8",
         "tp_ips": ["10.0.0.1", "1.2.3.4", "5.6.7.8", "10.0.0.5", "2001:db8::1"]},
    ),
    (
        "nginx_access_log",
        "${time_iso8601}|${status}|${request_method}|${request_uri}|${scheme}",
        "2026-02-01T01:00:00+01:00|404|GET|/a b|https",
        {"status": 404, "request_method": "GET", "request_uri": "/a b", "scheme": "https"},
    ),
    (
        "apache_access_log",
        r'%h %a [%{%Y-%m-%dT%H:%M:%S}t.%{msec_frac}t%{%z}t] %m %U%q %H %>s \"%{X-Forwarded-For}i\"'
        " %D %{ms}T %p",
        'host.example 10.0.0.1 [2026-02-01T00:00:00.000+0000] GET /x?y=1 HTTP/1.1 200 "a, b" 1700 2 443',
        {"remote_addr": "host.example", "request_uri": "/x", "query_string": "?y=1", "status": 200,
         "request_time_us": 1700.0, "request_time_ms": 2.0, "server_port": 443,
         "unmapped": '{"remote_addr_2":"10.0.0.1","http_x_forwarded_for":"a, b"}'},
    ),
    (
        "apache_access_log",
        '%v:%p %400,501{User-agent}i %!200{Referer}i %t %P %{tid}P %X %I %O %k %R %%',
        "www.example.com:443 - - [01/Feb/2026:00:00:00 +0000] 17 18 + 1 2 3 proxy %",
        {"server_name": "www.example.com", "pid": 17, "thread_id": 18, "connection_status": "+",
         "bytes_received": 1, "bytes_sent": 2, "keepalive_requests": 3, "handler": "proxy"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "layout", "line", "expected"), ACCESS)
def test_access_logs(trial: Trial, kind: str, layout: str, line: str, expected: dict[str, Any]) -> None:
    """The texts by which servers are told what to write take their lines apart, into the built-in table."""
    text = f"""
format "{kind}" "x" {{
  layout = `{layout}`
}}
partition "{kind}" "p" {{
  source "file" {{
    paths  = ["logs"]
    format = format.{kind}.x
  }}
}}
"""
    (row,) = read(trial, text, line + "\n", table=kind).rows
    assert row["tp_timestamp"].isoformat() == "2026-02-01T00:00:00"
    assert {key: row.get(key) for key in expected} == expected
