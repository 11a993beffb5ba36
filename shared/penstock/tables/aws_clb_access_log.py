"""AWS classic load balancers: every request or TCP connection."""

from __future__ import annotations

from penstock.tables import Example, Syntax, Table, filled, number, text, time
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

_DOCS = "https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/access-log-collection.html"

# Those after the request came in 2014 and 2015.
_FIELDS = (
    "time", "elb", "client:port", "backend:port", "request_processing_time", "backend_processing_time",
    "response_processing_time", "elb_status_code", "backend_status_code", "received_bytes", "sent_bytes",
    "request", "user_agent", "ssl_cipher", "ssl_protocol",
)  # fmt: skip

TABLE = Table(
    name="aws_clb_access_log",
    description="Requests to classic load balancers, as their access logs record them.",
    reference=_DOCS,
    syntax=Syntax(
        "delimited",
        {
            "delim": " ",
            "nullstr": "-",
            "columns": _FIELDS,
            "skip": CONTROL_LINES,
            "pattern": strays(_FIELDS, ("request", "user_agent"), (), least=12),
        },
    ),
    columns=(
        time("timestamp", "time", "When the client's request was received, UTC."),
        text("elb", "elb", "Name of the load balancer."),
        address("client_ip", "client:port", "Address of the client."),
        port("client_port", "client:port", "Port of the client."),
        address("backend_ip", "backend:port", "Address of the instance that handled the request."),
        port("backend_port", "backend:port", "Port of the instance that handled the request."),
        seconds(
            "request_processing_time",
            "request_processing_time",
            "Seconds from receiving the request to sending it to an instance; null if it was not sent.",
        ),
        seconds(
            "backend_processing_time",
            "backend_processing_time",
            "Seconds until the instance began to answer; null if it did not.",
        ),
        seconds(
            "response_processing_time",
            "response_processing_time",
            "Seconds from the instance's answer to sending it on; null if there was none.",
        ),
        number("elb_status_code", "elb_status_code", "Status code that the load balancer answered."),
        number("backend_status_code", "backend_status_code", "Status code that the instance answered."),
        number("received_bytes", "received_bytes", "Bytes received from the client."),
        number("sent_bytes", "sent_bytes", "Bytes sent to the client."),
        method(),
        url(),
        version(),
        text("user_agent", "user_agent", "User agent that the client names."),
        text("ssl_cipher", "ssl_cipher", "TLS cipher; null without TLS."),
        text("ssl_protocol", "ssl_protocol", "TLS protocol; null without TLS."),
    ),
    enrichment={
        "tp_timestamp": "timestamp",
        "tp_source_ip": "client_ip",
        "tp_destination_ip": "backend_ip",
        "tp_ips": filled("client_ip", "backend_ip"),
    },
    layouts={
        "aws_s3_bucket": "AWSLogs/(%{DATA:org_id}/)?%{NUMBER:account_id}/elasticloadbalancing/%{DATA:region}/"
        "%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/"
        "%{NUMBER:account_id}_elasticloadbalancing_%{DATA:region}_%{DATA}.log",
    },
    not_logs={
        r"(^|/)ELBAccessLogTestFile$": "a file that shows that the bucket can be written",
        # Other load balancers write into the same folders.
        r"_elasticloadbalancing_[^/_]*_app\.[^/]*$": "a log of an application load balancer (aws_alb_access_log)",
        r"_elasticloadbalancing_[^/_]*_net\.[^/]*$": "a log of a network load balancer (aws_nlb_access_log)",
    },
    statistics=("client_ip", "backend_ip", "elb_status_code"),
    examples=(
        Example(
            "Addresses that were answered the most errors",
            "select client_ip, elb_status_code, count(*) as requests\n"
            "from aws_clb_access_log where elb_status_code >= 400 group by all order by requests desc limit 20",
        ),
        Example(
            "Slowest instances",
            "select backend_ip, count(*) as requests, avg(backend_processing_time) as mean,\n"
            "  max(backend_processing_time) as slowest\n"
            "from aws_clb_access_log where backend_ip is not null group by all order by slowest desc limit 20",
        ),
    ),
)
