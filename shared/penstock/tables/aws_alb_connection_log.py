"""AWS application load balancers: every connection to a listener, with its TLS handshake."""

from __future__ import annotations

from penstock.tables import Example, Syntax, Table, filled, number, text, time
from penstock.tables._requests import CONTROL_LINES, strays

_DOCS = (
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-connection-logs.html"
)

_FIELDS = (
    "timestamp", "client_ip", "client_port", "listener_port", "tls_protocol", "tls_cipher",
    "tls_handshake_latency", "leaf_client_cert_subject", "leaf_client_cert_validity",
    "leaf_client_cert_serial_number", "tls_verify_status", "conn_trace_id",
)  # fmt: skip

TABLE = Table(
    name="aws_alb_connection_log",
    description="Connections to application load balancers, as their connection logs record them.",
    reference=_DOCS,
    syntax=Syntax(
        "delimited",
        {
            "delim": " ",
            "nullstr": "-",
            "columns": _FIELDS,
            "skip": CONTROL_LINES,
            # Subjects of certificates have quotes where a value holds a comma.
            "pattern": strays(_FIELDS, ("leaf_client_cert_subject",), (), least=8),
        },
    ),
    columns=(
        time("timestamp", "timestamp", "When the connection was made, or failed to be, UTC."),
        text("client_ip", "client_ip", "Address of the client."),
        number("client_port", "client_port", "Port of the client."),
        number("listener_port", "listener_port", "Port of the listener."),
        text("tls_protocol", "tls_protocol", "TLS protocol; null without TLS."),
        text("tls_cipher", "tls_cipher", "TLS cipher; null without TLS."),
        number(
            "tls_handshake_latency",
            "tls_handshake_latency",
            "Seconds that the TLS handshake took; null if it failed.",
            "DOUBLE",
        ),
        text("leaf_client_cert_subject", "leaf_client_cert_subject", "Subject of the client's certificate."),
        text(
            "leaf_client_cert_validity",
            "leaf_client_cert_validity",
            "From when until when it is valid: NotBefore= and NotAfter=.",
        ),
        text(
            "leaf_client_cert_serial_number",
            "leaf_client_cert_serial_number",
            "Serial number of the client's certificate.",
        ),
        text(
            "tls_verify_status", "tls_verify_status", "Success, or Failed with the reason; null without mTLS."
        ),
        text("conn_trace_id", "conn_trace_id", "Connection, as in the access log; TID_ and a token."),
    ),
    enrichment={
        "tp_timestamp": "timestamp",
        "tp_source_ip": "client_ip",
        "tp_ips": filled("client_ip"),
    },
    layouts={
        "aws_s3_bucket": "(%{DATA:logging_prefix}/)?AWSLogs/(%{DATA:org_id}/)?%{NUMBER:account_id}/"
        "elasticloadbalancing/%{DATA:region}/%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/"
        "conn_log.%{DATA}.log.gz",
    },
    not_logs={
        r"(^|/)ELBConnectionLogTestFile$": "a file that shows that the bucket can be written",
    },
    statistics=("client_ip", "conn_trace_id"),
    examples=(
        Example(
            "Clients whose certificates were refused",
            "select client_ip, tls_verify_status, leaf_client_cert_subject, count(*) as connections\n"
            "from aws_alb_connection_log where tls_verify_status ilike 'failed%'\n"
            "group by all order by connections desc limit 20",
        ),
        Example(
            "TLS protocols and ciphers in use",
            "select lower(tls_protocol) as protocol, tls_cipher, count(*) as connections\n"
            "from aws_alb_connection_log where tls_protocol is not null group by all order by connections desc",
        ),
    ),
)
