"""Amazon API Gateway access logs, in the formats that its console offers: JSON, and CLF."""

from __future__ import annotations

from penstock.tables import Column, Example, Syntax, Table, any_time, filled, json_value, typed

_DOCS = "https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html"


def _text(name: str, source: str, description: str) -> Column:
    """A text; a dash stands where there is none."""
    return typed(name, "VARCHAR", f"""nullif(r."{source}", '-')""", source, description)


def _measure(name: str, source: str, description: str, type_: str = "BIGINT") -> Column:
    """A number; a dash stands where there is none."""
    value = f"""nullif(r."{source}", '-')"""
    return Column(name, type_, f"try_cast({value} AS {type_})", description, source, null_if=("-",))


TABLE = Table(
    name="aws_apigateway_access_log",
    description="Requests to the APIs of Amazon API Gateway: REST, HTTP and WebSocket.",
    reference=_DOCS,
    syntax=Syntax("json_text", {"shape": "lines"}),
    syntaxes=(
        Syntax(
            "pattern",
            {
                "pattern": r"^(?P<ip>\S+) (?P<caller>\S+) (?P<user>\S+) \[(?P<requestTime>[^\]]+)\] "
                r'"(?P<httpMethod>\S+) (?P<resourcePath>.*) (?P<protocol>\S+)" (?P<status>\S+) '
                r"(?P<responseLength>\S+) (?P<requestId>\S+)(?: (?P<extendedRequestId>\S+))?$",
                "nullstr": "-",
            },
            when=rb"^\S+ \S+ \S+ \[",
        ),
    ),
    columns=(
        _text("api_id", "apiId", "Identifier of the API."),
        json_value("authorizer", "authorizer", "What the authorizer returned."),
        _text("caller", "caller", "Principal that signed the request."),
        _text("domain_name", "domainName", "Domain that the request was sent to."),
        _text("error_message", "errorMessage", "Error of API Gateway."),
        _text("error_response_type", "errorResponseType", "Kind of the error's response."),
        _text("extended_request_id", "extendedRequestId", "Identifier that a client may see in a header."),
        _text("http_method", "httpMethod", "Method of the request."),
        _text("integration_error", "integrationErrorMessage", "Error of the integration."),
        _measure("integration_latency", "integrationLatency", "Time that the integration took, ms."),
        _measure("integration_status", "integrationStatus", "Status that the integration gave.", "INTEGER"),
        _text("ip", "ip", "Address the request came from."),
        _text("path", "path", "Path of the request."),
        _text("protocol", "protocol", "Protocol of the request, such as HTTP/1.1."),
        _text("request_id", "requestId", "Identifier of the request."),
        Column(
            "request_time",
            "TIMESTAMP",
            any_time('coalesce(r."requestTimeEpoch", r."requestTime")'),
            "When the request arrived, UTC.",
            "requestTime",
            reads={"requestTimeEpoch": "VARCHAR"},
        ),
        _text("resource_path", "resourcePath", "Path of the resource, as the API declares it."),
        _measure("response_latency", "responseLatency", "Time until the answer, ms."),
        _measure("response_length", "responseLength", "Bytes of the answer."),
        _text("route_key", "routeKey", "Route of an HTTP or WebSocket API."),
        _text("stage", "stage", "Stage of the API."),
        _measure("status", "status", "Status of the answer.", "INTEGER"),
        _text("user", "user", "User that was identified."),
        _text("user_agent", "userAgent", "Program that made the request, as it says."),
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
