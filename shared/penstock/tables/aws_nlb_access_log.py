"""AWS network load balancers: every TLS connection."""

from __future__ import annotations

from penstock.tables import Column, Example, Syntax, Table, filled, number, text, typed
from penstock.tables._requests import CONTROL_LINES, address, port

_DOCS = "https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-access-logs.html"

# The four at the end came in 2020.
_FIELDS = (
    "type", "version", "time", "elb", "listener", "client:port", "destination:port", "connection_time",
    "tls_handshake_time", "received_bytes", "sent_bytes", "incoming_tls_alert", "chosen_cert_arn",
    "chosen_cert_serial", "tls_cipher", "tls_protocol_version", "tls_named_group", "domain_name",
    "alpn_fe_protocol", "alpn_be_protocol", "alpn_client_preference_list",
    "tls_connection_creation_time",
)  # fmt: skip


def _time(name: str, source: str, description: str) -> Column:
    """These times have no zone; they are in UTC."""
    return typed(name, "TIMESTAMP", f'try_cast(r."{source}" AS TIMESTAMP)', source, description)


def _preferences() -> Column:
    field = 'r."alpn_client_preference_list"'
    return typed(
        "alpn_client_preference_list",
        "VARCHAR[]",
        f"""CASE WHEN {field} IS NOT NULL THEN string_split(replace({field}, '"', ''), ',') END""",
        "alpn_client_preference_list",
        "Protocols that the client would speak (ALPN), the best first.",
    )


TABLE = Table(
    name="aws_nlb_access_log",
    description="TLS connections to network load balancers, as their access logs record them.",
    reference=_DOCS,
    # The one field with quotes is a list with each entry in its own; no field holds a blank.
    syntax=Syntax(
        "delimited",
        {"delim": " ", "quote": "", "nullstr": "-", "columns": _FIELDS, "skip": CONTROL_LINES},
    ),
    columns=(
        text("type", "type", "Kind of listener: tls."),
        text("version", "version", "Version of the log's format."),
        _time("timestamp", "time", "When the connection ended, UTC."),
        text("elb", "elb", "Load balancer: the last part of its ARN."),
        text("listener", "listener", "Listener: the last part of its ARN."),
        address("client_ip", "client:port", "Address of the client."),
        port("client_port", "client:port", "Port of the client."),
        address("destination_ip", "destination:port", "Address that was connected to, or the target's."),
        port("destination_port", "destination:port", "Port that was connected to, or the target's."),
        number("connection_time", "connection_time", "Milliseconds from the start to the end."),
        number("tls_handshake_time", "tls_handshake_time", "Milliseconds that the TLS handshake took."),
        number("received_bytes", "received_bytes", "Bytes received from the client, after decryption."),
        number("sent_bytes", "sent_bytes", "Bytes sent to the client, before encryption."),
        text("incoming_tls_alert", "incoming_tls_alert", "Number of the TLS alert that the client sent."),
        text("chosen_cert_arn", "chosen_cert_arn", "ARN of the certificate shown."),
        text("chosen_cert_serial", "chosen_cert_serial", "Reserved by AWS for its serial number."),
        text("tls_cipher", "tls_cipher", "TLS cipher."),
        text("tls_protocol_version", "tls_protocol_version", "TLS protocol, such as tlsv12."),
        text("tls_named_group", "tls_named_group", "Reserved by AWS for the named group."),
        text("domain_name", "domain_name", "Host that the client named in the TLS handshake (SNI)."),
        text("alpn_fe_protocol", "alpn_fe_protocol", "Protocol agreed on with the client (ALPN)."),
        text("alpn_be_protocol", "alpn_be_protocol", "Protocol agreed on with the target (ALPN)."),
        _preferences(),
        _time(
            "tls_connection_creation_time",
            "tls_connection_creation_time",
            "When the connection began, UTC.",
        ),
    ),
    enrichment={
        "tp_timestamp": "timestamp",
        "tp_source_ip": "client_ip",
        "tp_destination_ip": "destination_ip",
        "tp_ips": filled("client_ip", "destination_ip"),
        "tp_akas": filled("chosen_cert_arn"),
        "tp_domains": filled("domain_name"),
    },
    layouts={
        "aws_s3_bucket": "AWSLogs/(%{DATA:org_id}/)?%{NUMBER:account_id}/elasticloadbalancing/%{DATA:region}/"
        "%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/"
        "%{NUMBER:account_id}_elasticloadbalancing_%{DATA:region}_net.%{DATA}.log.gz",
    },
    not_logs={
        r"(^|/)ELBAccessLogTestFile$": "a file that shows that the bucket can be written",
    },
    statistics=("client_ip", "destination_ip"),
    examples=(
        Example(
            "Handshakes that failed, by client",
            "select client_ip, incoming_tls_alert, count(*) as connections\n"
            "from aws_nlb_access_log where tls_cipher is null or incoming_tls_alert is not null\n"
            "group by all order by connections desc limit 20",
        ),
        Example(
            "Most bytes by host name",
            "select domain_name, count(*) as connections, sum(received_bytes + sent_bytes) as bytes\n"
            "from aws_nlb_access_log group by all order by bytes desc limit 20",
        ),
    ),
)
