"""Amazon API Gateway access logs, in the formats that its console offers: JSON, and CLF."""

from __future__ import annotations

from penstock import envelopes
from penstock.tables import (
    Column,
    Example,
    Syntax,
    Table,
    any_time,
    dashed,
    dashed_number,
    filled,
    json_value,
)

_DOCS = "https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html"

# What the console offers beside JSON: CLF, XML and CSV, each of these fields in this order.
_LISTED = (
    "ip", "caller", "user", "requestTime", "httpMethod", "resourcePath", "protocol", "status",
    "responseLength", "requestId", "extendedRequestId",
)  # fmt: skip
_XML = (
    r'\s*<request id="(?P<requestId>[^"]*)">\s*'
    + "".join(
        rf"(?:<{name}>(?P<{name}>.*?)</{name}>\s*)?"
        for name in (*_LISTED[:6], "status", "protocol", "responseLength", "extendedRequestId")
    )
    + r"</request>\s*$"
)


def _lines(pattern: str, when: bytes) -> Syntax:
    """Behind the time that an export of CloudWatch Logs writes, if there is one."""
    exported = f"^(?:{envelopes.EXPORTED})?"
    return Syntax("pattern", {"pattern": exported + pattern, "nullstr": "-"}, when=exported.encode() + when)


TABLE = Table(
    name="aws_apigateway_access_log",
    description="Requests to the APIs of Amazon API Gateway: REST, HTTP and WebSocket.",
    reference=_DOCS,
    syntax=Syntax("json_text", {"shape": "lines"}),
    syntaxes=(
        _lines(
            r"(?P<ip>\S+) +(?P<caller>\S+) +(?P<user>\S+) +\[(?P<requestTime>[^\]]+)\] *"
            r'"(?P<httpMethod>\S+) (?P<resourcePath>.*) (?P<protocol>\S+)" (?P<status>\S+) '
            r"(?P<responseLength>\S+) (?P<requestId>\S+)(?: (?P<extendedRequestId>\S+))?\s*$",
            when=rb"[^\s{]\S* +\S+ +\S+ +\[",
        ),
        _lines(_XML, when=rb"\s*<request "),
        _lines(
            ",".join(f"(?P<{name}>[^,]*)" for name in _LISTED[:5]) + ",(?P<resourcePath>.*),"
            r"(?P<protocol>HTTP/[\d.]+|-),(?P<status>\d*|-),(?P<responseLength>\d*|-),(?P<requestId>[^,]*)"
            r"(?:,(?P<extendedRequestId>[^,]*))?\s*$",
            when=rb"[^,{<\n]+,[^,\n]*,[^,\n]*,\d",
        ),
    ),
    columns=(
        dashed("api_id", "apiId", "Identifier of the API."),
        json_value("authorizer", "authorizer", "What the authorizer returned."),
        dashed("caller", "caller", "Principal that signed the request."),
        dashed("domain_name", "domainName", "Domain that the request was sent to."),
        dashed("error_message", "errorMessage", "Error of API Gateway."),
        dashed("error_response_type", "errorResponseType", "Kind of the error's response."),
        dashed("extended_request_id", "extendedRequestId", "Identifier that a client may see in a header."),
        dashed("http_method", "httpMethod", "Method of the request."),
        dashed("integration_error", "integrationErrorMessage", "Error of the integration."),
        dashed_number("integration_latency", "integrationLatency", "Time that the integration took, ms."),
        dashed_number(
            "integration_status", "integrationStatus", "Status that the integration gave.", "INTEGER"
        ),
        dashed("ip", "ip", "Address the request came from."),
        dashed("path", "path", "Path of the request."),
        dashed("protocol", "protocol", "Protocol of the request, such as HTTP/1.1."),
        dashed("request_id", "requestId", "Identifier of the request."),
        Column(
            "request_time",
            "TIMESTAMP",
            any_time('coalesce(r."requestTimeEpoch", r."requestTime")'),
            "When the request arrived, UTC.",
            "requestTime",
            reads={"requestTimeEpoch": "VARCHAR"},
        ),
        dashed("resource_path", "resourcePath", "Path of the resource, as the API declares it."),
        dashed_number("response_latency", "responseLatency", "Time until the answer, ms."),
        dashed_number("response_length", "responseLength", "Bytes of the answer."),
        dashed("route_key", "routeKey", "Route of an HTTP or WebSocket API."),
        dashed("stage", "stage", "Stage of the API."),
        dashed_number("status", "status", "Status of the answer.", "INTEGER"),
        dashed("user", "user", "User that was identified."),
        dashed("user_agent", "userAgent", "Program that made the request, as it says."),
    ),
    enrichment={
        "tp_timestamp": "request_time",
        "tp_source_ip": "ip",
        "tp_ips": filled("ip"),
        "tp_usernames": filled('"user"', "caller"),
        "tp_domains": filled("lower(domain_name)"),
    },
    layouts={
        # https://docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html
        "aws_s3_bucket": "%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/%{HOUR:hour}/%{DATA}",
    },
    statistics=("ip", "request_id"),
    examples=(
        Example(
            "Errors by path, with the integration's own",
            "select http_method, coalesce(resource_path, route_key, path) as path, status, "
            "integration_error, count(*) as requests\n"
            "from aws_apigateway_access_log where status >= 400 group by all order by requests desc limit 20",
        ),
        Example(
            "Who calls most, and how long it takes",
            "select ip, count(*) as requests, quantile_cont(response_latency, 0.95) as p95_ms\n"
            "from aws_apigateway_access_log group by all order by requests desc limit 20",
        ),
    ),
)
