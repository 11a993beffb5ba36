"""AWS application load balancers: every request, with its client, target, timing and TLS."""

from __future__ import annotations

from penstock.tables import Column, Example, Syntax, Table, filled, number, text, time, typed
from penstock.tables._requests import (
    CONTROL_LINES,
    address,
    method,
    port,
    seconds,
    strays,
    url,
    version,
)

_DOCS = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html"

# Lines had 18 fields in 2016 and have 34 in 2026: new ones are added at the end.
_FIELDS = (
    "type", "time", "elb", "client:port", "target:port", "request_processing_time",
    "target_processing_time", "response_processing_time", "elb_status_code", "target_status_code",
    "received_bytes", "sent_bytes", "request", "user_agent", "ssl_cipher", "ssl_protocol",
    "target_group_arn", "trace_id", "domain_name", "chosen_cert_arn", "matched_rule_priority",
    "request_creation_time", "actions_executed", "redirect_url", "error_reason", "target:port_list",
    "target_status_code_list", "classification", "classification_reason", "conn_trace_id",
    "transformed_host", "transformed_uri", "request_transform_status", "ip_address",
)  # fmt: skip

_QUOTED = (
    "trace_id", "domain_name", "chosen_cert_arn", "actions_executed", "redirect_url", "error_reason",
    "target:port_list", "target_status_code_list", "classification", "classification_reason",
    "transformed_host", "transformed_uri", "request_transform_status",
)  # fmt: skip


def _actions() -> Column:
    return typed(
        "actions_executed",
        "VARCHAR[]",
        "string_split(r.\"actions_executed\", ',')",
        "actions_executed",
        "What was done with the request, in order: waf, authenticate, forward, redirect and others.",
    )


_COLUMNS = (
    text("type", "type", "Kind of request or connection: http, https, h2, grpcs, ws or wss."),
    time("timestamp", "time", "When the answer was sent (for WebSockets: the connection closed), UTC."),
    text("elb", "elb", "Load balancer: the last part of its ARN."),
    address("client_ip", "client:port", "Address of the client."),
    port("client_port", "client:port", "Port of the client."),
    address("target_ip", "target:port", "Address of the target that handled the request."),
    port("target_port", "target:port", "Port of the target that handled the request."),
    seconds(
        "request_processing_time",
        "request_processing_time",
        "Seconds from receiving the request to sending it to a target; null if it was not sent.",
    ),
    seconds(
        "target_processing_time",
        "target_processing_time",
        "Seconds until the target began to answer; null if it did not.",
    ),
    seconds(
        "response_processing_time",
        "response_processing_time",
        "Seconds from the target's answer to sending it on; null if there was none.",
    ),
    number("elb_status_code", "elb_status_code", "Status code that the load balancer answered."),
    number("target_status_code", "target_status_code", "Status code that the target answered."),
    number("received_bytes", "received_bytes", "Bytes received from the client."),
    number("sent_bytes", "sent_bytes", "Bytes sent to the client."),
    method(),
    url(),
    version(),
    text("user_agent", "user_agent", "User agent that the client names."),
    text("ssl_cipher", "ssl_cipher", "TLS cipher; null without TLS."),
    text("ssl_protocol", "ssl_protocol", "TLS protocol; null without TLS."),
    text("target_group_arn", "target_group_arn", "ARN of the target group."),
    text("trace_id", "trace_id", "The header X-Amzn-Trace-Id."),
    text("domain_name", "domain_name", "Host that the client named in the TLS handshake (SNI)."),
    text("chosen_cert_arn", "chosen_cert_arn", "ARN of the certificate shown, or session-reused."),
    number(
        "matched_rule_priority", "matched_rule_priority", "Priority of the rule that matched; 0: default."
    ),
    time("request_creation_time", "request_creation_time", "When the request was received, UTC."),
    _actions(),
    text("redirect_url", "redirect_url", "Where a redirect led to."),
    text("error_reason", "error_reason", "Code of the error, such as AuthInvalidCookie."),
    text("target_list", "target:port_list", "Targets that handled the request, separated by blanks."),
    text("target_status_list", "target_status_code_list", "Their status codes, separated by blanks."),
    text("classification", "classification", "Desync mitigation: Acceptable, Ambiguous or Severe."),
    text("classification_reason", "classification_reason", "Why it was classified so."),
    text("conn_trace_id", "conn_trace_id", "Connection, as in the connection log; TID_ and a token."),
    text("transformed_host", "transformed_host", "Host header after a transform of it."),
    text("transformed_uri", "transformed_uri", "URI after a transform of it."),
    text("request_transform_status", "request_transform_status", "What came of the transform."),
    text("ip_address", "ip_address", "Address of the load balancer's node."),
)

TABLE = Table(
    name="aws_alb_access_log",
    description="Requests to application load balancers, as their access logs record them.",
    reference=_DOCS,
    syntax=Syntax(
        "delimited",
        {
            "delim": " ",
            "nullstr": "-",
            "columns": _FIELDS,
            "skip": CONTROL_LINES,
            "pattern": strays(_FIELDS, ("request", "user_agent"), _QUOTED, least=14),
        },
    ),
    columns=_COLUMNS,
    enrichment={
        "tp_timestamp": "timestamp",
        "tp_source_ip": "client_ip",
        "tp_destination_ip": "target_ip",
        "tp_ips": filled("client_ip", "target_ip"),
        "tp_akas": filled("target_group_arn"),
        "tp_domains": filled("domain_name"),
    },
    layouts={
        "aws_s3_bucket": "AWSLogs/(%{DATA:org_id}/)?%{NUMBER:account_id}/elasticloadbalancing/%{DATA:region}/"
        "%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/"
        "%{NUMBER:account_id}_elasticloadbalancing_%{DATA:region}_app.%{DATA}.log.gz",
    },
    not_logs={
        r"(^|/)ELBAccessLogTestFile$": "a file that shows that the bucket can be written",
        r"(^|/)conn_log\.[^/]*$": "a connection log (aws_alb_connection_log)",
        r"(^|/)health_check_log\.[^/]*$": "a log of health checks",
    },
    statistics=("client_ip", "target_ip", "elb_status_code"),
    examples=(
        Example(
            "Addresses that were answered the most errors",
            "select client_ip, elb_status_code, count(*) as requests\n"
            "from aws_alb_access_log where elb_status_code >= 400 group by all order by requests desc limit 20",
        ),
        Example(
            "Slowest targets",
            "select target_ip, count(*) as requests, avg(target_processing_time) as mean,\n"
            "  max(target_processing_time) as slowest\n"
            "from aws_alb_access_log where target_ip is not null group by all order by slowest desc limit 20",
        ),
        Example(
            "Requests over old TLS",
            "select client_ip, ssl_protocol, user_agent, count(*) as requests\n"
            "from aws_alb_access_log where lower(ssl_protocol) in ('sslv3', 'tlsv1', 'tlsv1.0', 'tlsv1.1')\n"
            "group by all order by requests desc limit 20",
        ),
        Example(
            "Requests that look like request smuggling",
            "select timestamp, client_ip, request_url, classification, classification_reason\n"
            "from aws_alb_access_log where classification in ('Ambiguous', 'Severe') order by timestamp",
        ),
    ),
)
