"""The same records however they are delivered: by CloudWatch Logs, its exports, EventBridge, Firehose."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from tests.convert.trial import Trial, event, pieces_of

from penstock import envelopes, tables
from penstock.formats import find as format_of

FLOW = "2 428961148399 eni-0e0b 10.0.0.1 10.0.0.2 80 34210 6 10 100 1616729292 1616729349 ACCEPT OK"
TRANSIT = (
    "6 TransitGateway 123456789012 tgw-1 tgw-attach-1 123456789012 123456789012 vpc-1 vpc-2 subnet-1 "
    "subnet-2 eni-1 eni-2 use1-az1 use1-az2 tgw-attach-2 10.0.0.1 10.0.0.2 1 2 6 1 100 1616729292 1616729349 "
    "OK IPv4 0 0 0 0 2 us-east-1 ingress - -"
)
COMBINED = (
    '203.0.113.7 - alice [31/Jan/2026:12:00:01 +0000] "GET /a?b=1 HTTP/1.1" 200 12 "-" "curl/8 \\\\"x\\\\""'
)
CLF = '203.0.113.7 - - [31/Jan/2026:12:00:01 +0000] "GET /a HTTP/1.1" 200 12 abc-1'
CSV = "203.0.113.7,-,-,31/Jan/2026:12:00:01 +0000,GET,/a,HTTP/1.1,200,12,abc-1,x"
CLOUDFRONT = "2026-01-31\t12:00:01\t" + "\t".join(["a"] * 31)
INSIGHT = event(eventType="AwsCloudTrailInsight", insightDetails={"state": "Start"})
FINDING = {"Id": "f", "UpdatedAt": "2026-01-31T12:00:00Z"}
ITEM = {"configurationItemCaptureTime": "2026-01-31T12:00:00Z", "resourceType": "AWS::S3::Bucket"}


def bridged(detail: Any) -> str:
    """As EventBridge sends it."""
    return json.dumps(
        {"version": "0", "id": "1", "detail-type": "X", "source": "aws.x", "account": "1", "detail": detail}
    )


def wrapped(*lines: str) -> bytes:
    """As CloudWatch Logs sends lines to a subscription, which it tried before."""
    control = {"messageType": "CONTROL_MESSAGE", "logEvents": [{"message": "CWL CONTROL MESSAGE: Checking"}]}
    data = {"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "message": line} for line in lines]}
    return "\n".join(map(json.dumps, (control, data))).encode()


def exported(*lines: str) -> bytes:
    """As CloudWatch Logs writes lines into objects."""
    return "".join(f"2026-01-31T12:00:03.000Z {line}\n" for line in lines).encode()


LINES = {
    ("aws_vpc_flow_log", "src_addr", "10.0.0.1"): FLOW,
    ("aws_vpc_flow_log", "tgw_id", "tgw-1"): TRANSIT,
    ("nginx_access_log", "remote_user", "alice"): COMBINED,
    ("apache_access_log", "remote_user", "alice"): COMBINED,
    ("aws_apigateway_access_log", "ip", "203.0.113.7"): CLF,
    ("aws_apigateway_access_log", "resource_path", "/a"): CSV,
    ("aws_cloudtrail_log", "event_name", "X"): bridged(event()),
    ("aws_cloudtrail_insight", "event_type", "AwsCloudTrailInsight"): json.dumps(INSIGHT),
    ("aws_config_item", "resource_type", "AWS::S3::Bucket"): bridged({"configurationItem": ITEM}),
    ("aws_securityhub_finding", "finding_id", "f"): bridged({"findings": [FINDING]}),
}


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """An engine."""
    made = Trial(tmp_path_factory.mktemp("delivered"))
    yield made
    made.close()


@pytest.mark.parametrize("delivered", [wrapped, exported])
@pytest.mark.parametrize(("wanted", "line"), LINES.items(), ids=lambda one: str(one)[:40])
def test_lines_by_way_of_cloudwatch_logs(
    trial: Trial, wanted: tuple[str, str, str], line: str, delivered: Any
) -> None:
    """What they say is what they say without; whole and in pieces."""
    name, column, value = wanted
    text = delivered(*[line] * 4)
    out = trial(text, table=tables.find(name))
    assert out.counts == [("done", 4, 0, 0)]
    assert {row[column] for row in out.rows(name)} == {value}
    assert {row["tp_timestamp"].year for row in out.rows(name)} <= {2021, 2026}
    with pieces_of(600):
        assert trial(text, table=tables.find(name), blocks=200).sorted(name) == out.sorted(name)


def test_wrapped_lines_of_cloudfront(trial: Trial) -> None:
    """Their tabs are escaped there."""
    out = trial(wrapped(CLOUDFRONT, CLOUDFRONT), table=tables.find("aws_cloudfront_access_log"))
    assert out.counts == [("done", 2, 0, 0)]


@pytest.mark.parametrize("name", ["aws_guardduty_finding", "aws_securityhub_finding", "aws_cloudtrail_log"])
@pytest.mark.parametrize("told", ["hello ", "[INFO] ", ""])
def test_an_exported_line_that_only_looks_like_an_event(trial: Trial, name: str, told: str) -> None:
    """It is rejected or bad, alone."""
    line = f'2026-01-31T12:00:00.123Z {told}{{"detail-type":1}}\n'
    out = trial(line.encode(), line.encode() * 30, table=tables.find(name))
    assert all(stored == 0 for _, stored, _, _ in out.counts)


def test_records_of_config_in_lists_by_way_of_cloudwatch_logs(trial: Trial) -> None:
    """A message may be a whole document."""
    text = wrapped(json.dumps({"configurationItems": [ITEM, ITEM]}), json.dumps({"configurationItem": ITEM}))
    assert trial(text, table=tables.find("aws_config_item")).counts == [("done", 3, 0, 0)]


@pytest.mark.parametrize("agent", ["\\" * 1000, '"' * 1500, "\u00e9" * 900, "a\\"])
def test_whatever_a_first_message_holds(trial: Trial, agent: str) -> None:
    """It tells how the lines are written."""
    record = {"date": "2026-01-31", "time": "12:00:01", "cs(User-Agent)": agent, "c-ip": "203.0.113.7"}
    cloudfront = tables.find("aws_cloudfront_access_log")
    out = trial(wrapped(*[json.dumps(record)] * 2), table=cloudfront)
    assert out.counts == [("done", 2, 0, 0)]
    assert {row["c_ip"] for row in out.rows(cloudfront.name)} == {"203.0.113.7"}


def test_json_with_blanks_is_no_common_log_format(trial: Trial) -> None:
    """Of API Gateway, wrapped or not."""
    gateway = tables.find("aws_apigateway_access_log")
    line = (
        '{ "requestId":"r1", "roles": [1,2], "ip":"203.0.113.7", "requestTime":"31/Jan/2026:12:00:01 +0000" }'
    )
    for text in (wrapped(line, line), f"{line}\n{line}\n".encode()):
        assert trial(text, table=gateway).counts == [("done", 2, 0, 0)]


def test_a_user_may_begin_with_a_bracket(trial: Trial) -> None:
    """Clients choose their names."""
    nginx = tables.find("nginx_access_log")
    line = b'203.0.113.7 - [x [31/Jan/2026:23:59:58 +0000] "GET / HTTP/1.1" 401 12 "-" "-"'
    (row,) = trial(line, table=nginx).rows(nginx.name)
    assert row["remote_user"] == "[x"


def test_the_first_message_may_be_cut_off() -> None:
    """Anywhere, in an escape too."""
    whole = wrapped("\u00e9\u20ac" * 2000)
    for end in range(envelopes.BEGINNING - 12, envelopes.BEGINNING):
        message = envelopes.first_message(whole[:end])
        assert message
        assert "\u00e9\u20ac".encode() * 100 in message
    assert envelopes.first_message(wrapped()) == b""
    assert envelopes.first_message(b'{"Records":[]}') is None


@pytest.mark.parametrize("between", ["", "\n", "\r\n"])
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize("line", [FLOW, TRANSIT])
def test_flow_logs_by_way_of_firehose(
    trial: Trial, line: str, separators: tuple[str, str], between: str
) -> None:
    """Each record stands in an object there, and nobody writes line ends unless told to."""
    flow = tables.find("aws_vpc_flow_log")
    text = between.join([json.dumps({"message": line}, separators=separators)] * 30).encode()
    out = trial(text, table=flow)
    assert out.counts == [("done", 30, 0, 0)]
    assert {row["src_addr"] for row in out.rows(flow.name)} == {"10.0.0.1"}
    with pieces_of(700):
        cut = trial(text, table=flow, blocks=300)
    assert len(cut.made.files) > 1
    assert cut.sorted(flow.name) == out.sorted(flow.name)


def test_the_record_of_the_documentation(trial: Trial) -> None:
    """It is of December 2014, before there were flow logs."""
    line = FLOW.replace("1616729292 1616729349", "1418530010 1418530070")
    assert trial(line.encode(), table=tables.find("aws_vpc_flow_log")).counts == [("done", 1, 0, 0)]


def test_what_is_torn_among_them_is_rejected_alone(trial: Trial) -> None:
    """With its text."""
    text = (json.dumps({"message": FLOW}) + "\n") * 2 + '{"message":"2 cut'
    out = trial(text.encode(), table=tables.find("aws_vpc_flow_log"))
    assert out.counts == [("done", 2, 0, 1)]
    assert out.rows("tp_rejected")[0]["raw"] == '{"message":"2 cut'


@pytest.mark.parametrize(
    "line",
    [
        "5 52.95.128.179 10.0.0.71 80 34210 6 1616729292 1616729349 IPv4 14 15044 i-0 vpc-1 eni-2",
        "tls 2.0 2018-12-20T02:59:40 net/my-nlb/c6e7 g3d4 72.21.218.154:51341 172.100.100.185:443 5 2 98 246 "
        "- arn:aws:acm:us-east-2:671290407336:certificate/2 - ECDHE-RSA-AES128-SHA tlsv12 - my-x.com - - -",
        json.dumps({"logEvents": [{"message": FLOW}] * 2}),
    ],
)
def test_fields_of_another_order_without_names_are_rejected(trial: Trial, line: str) -> None:
    """Nothing is stored that would be wrong."""
    out = trial(f"{line}\n{line}\n".encode(), table=tables.find("aws_vpc_flow_log"))
    assert out.counts == [("done", 0, 0, 2)]


@pytest.mark.parametrize("beside", ["additionalEventData", "apiVersion", "requestID", "eventCategory"])
def test_records_of_cloudtrail_with_sorted_keys(trial: Trial, beside: str) -> None:
    """One a line, whichever comes first."""
    line = json.dumps({beside: {"x": 1}} | event())
    assert trial(f"{line}\n{line}".encode()).counts == [("done", 2, 0, 0)]


def test_a_notification_whose_difference_comes_first(trial: Trial) -> None:
    """AWS Config writes what changed before the item, and that may be long."""
    notice = {"configurationItemDiff": {"changed": "x" * 9000}, "configurationItem": ITEM}
    item = tables.find("aws_config_item")
    for text in (json.dumps(notice), bridged(notice), "\n".join([bridged(notice)] * 2)):
        out = trial(text.encode(), table=item)
        assert {row["resource_type"] for row in out.rows(item.name)} == {"AWS::S3::Bucket"}


def test_an_export_may_begin_with_what_is_no_record(trial: Trial) -> None:
    """The rest of it are records."""
    audit = tables.find("aws_eks_audit_log")
    text = exported(
        "level=info", json.dumps({"auditID": "a", "requestReceivedTimestamp": "2026-01-31T12:00:00Z"})
    )
    assert trial(text, table=audit).counts == [("done", 1, 0, 1)]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("aws_apigateway_access_log", CLF),
        ("aws_apigateway_access_log", CSV),
        ("aws_cloudfront_access_log", CLOUDFRONT),
    ],
)
def test_a_blank_first_line(trial: Trial, name: str, line: str) -> None:
    """It does not hide how the others are written."""
    out = trial(f"\n{line}\n{line}\n".encode(), table=tables.find(name))
    assert out.counts == [("done", 2, 0, 0)]


def test_parquet_without_the_objects_that_a_table_reads(trial: Trial) -> None:
    """They are null, at every depth."""
    path = trial.folder / "flat.parquet"
    for columns in ("", ", {'type': 'IAMUser', 'userName': 'a'} AS \"userIdentity\""):
        select = f"SELECT '2026-01-31T12:00:00Z' AS \"eventTime\", 'GetObject' AS \"eventName\"{columns}"
        duckdb.sql(f"COPY ({select}) TO '{path}'")
        out = trial(path.read_bytes(), b'{"Records":[]}')
        assert out.counts == [("done", 1, 0, 0), ("done", 0, 0, 0)]
        (row,) = out.rows()
        assert (row["user_identity"] or {}).get("user_name") == ("a" if columns else None)


TABLES = [name for name in tables.names() if name != "tp_rejected"]


@pytest.mark.parametrize("name", TABLES)
def test_parquet_with_one_column_of_a_table(trial: Trial, name: str) -> None:
    """Whatever is missing, the statement stands: rows are stored, or rejected for want of a time."""
    table = tables.find(name)
    flat = next(field for field, kind in table.record().items() if isinstance(kind, str) and "*" not in field)
    path = trial.folder / f"{name}.parquet"
    identifier = flat.replace('"', '""')
    duckdb.sql(f"COPY (SELECT 'x' AS \"{identifier}\") TO '{path}'")
    ((state, stored, _, rejected),) = trial(path.read_bytes(), table=table).counts
    assert (state, stored + rejected) == ("done", 1)


@pytest.mark.parametrize(
    ("user", "wanted"), [("-", None), ('""', None), ("a b", "a b"), ("-x", "-x"), ("alice", "alice")]
)
def test_a_user_is_what_stands_in_its_place(trial: Trial, user: str, wanted: str | None) -> None:
    """Behind a load balancer the header has several addresses, with blanks between them."""
    apache = tables.find("apache_access_log")
    layout = '%{X-Forwarded-For}i %h %l %u %t "%r" %>s %b'
    syntax = format_of("apache_access_log").build({"layout": layout})
    line = f'203.0.113.7, 10.0.0.1 10.0.0.5 - {user} [31/Jan/2026:12:00:01 +0000] "GET / HTTP/1.1" 200 5'
    (row,) = trial(line.encode(), table=apache, syntax=syntax).rows(apache.name)
    assert (row["remote_addr"], row["remote_user"]) == ("10.0.0.5", wanted)
    assert json.loads(row["unmapped"]) == {"http_x_forwarded_for": "203.0.113.7, 10.0.0.1"}


@pytest.mark.parametrize("name", ["apache_access_log", "nginx_access_log"])
def test_more_fields_than_the_format_has_are_no_user(trial: Trial, name: str) -> None:
    """Such a line is rejected."""
    line = b'203.0.113.7, 10.0.0.1 - - [31/Jan/2026:12:00:01 +0000] "GET / HTTP/1.1" 200 1 "-" "x"'
    assert trial(line, table=tables.find(name)).counts == [("done", 0, 0, 1)]


def test_apaches_times_in_pieces(trial: Trial) -> None:
    """As its documentation writes them: https://httpd.apache.org/docs/current/mod/mod_log_config.html."""
    apache = tables.find("apache_access_log")
    layout = '%h %l %u [%{%d/%b/%Y %T}t.%{msec_frac}t %{%z}t] "%r" %>s %b'
    syntax = format_of("apache_access_log").build({"layout": layout})
    line = b'1.2.3.4 - - [31/Jan/2026 12:00:01.123 +0100] "GET / HTTP/1.1" 200 5'
    (row,) = trial(line, table=apache, syntax=syntax).rows(apache.name)
    assert f"{row['tp_timestamp']:%d %T.%f}" == "31 11:00:01.123000"


def test_a_port_alone_is_no_address(trial: Trial) -> None:
    """Somebody's Parquet may have them apart."""
    alb = tables.find("aws_alb_access_log")
    path = trial.folder / "alb.parquet"
    select = "SELECT '2026-01-31T12:00:00Z' AS time, '10.0.0.1' AS client_ip, 1234 AS client_port"
    duckdb.sql(f"COPY ({select}) TO '{path}'")
    (row,) = trial(path.read_bytes(), table=alb).rows(alb.name)
    assert (row["client_ip"], row["tp_ips"]) == (None, None)
    assert json.loads(row["unmapped"])["client_ip"] == "10.0.0.1"
