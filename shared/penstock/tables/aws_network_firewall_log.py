"""AWS Network Firewall logs: alerts, flows and TLS inspection, as Suricata's EVE events."""

from __future__ import annotations

from penstock.tables import Column, Example, Syntax, Table, any_time, filled, text, typed
from penstock.tables._members import Members, struct

_DOCS = "https://docs.aws.amazon.com/network-firewall/latest/developerguide/firewall-logging-contents.html"

# https://docs.suricata.io/en/latest/output/eve/eve-json-format.html
_EVENT: Members = {
    "aws_category": "JSON",
    "alert": {
        "action": "VARCHAR",
        "category": "VARCHAR",
        "gid": "BIGINT",
        "metadata": "JSON",
        "rev": "BIGINT",
        "severity": "INTEGER",
        "signature": "VARCHAR",
        "signature_id": "BIGINT",
    },
    "app_proto": "VARCHAR",
    "dest_ip": "VARCHAR",
    "dest_port": "INTEGER",
    "direction": "VARCHAR",
    "dns": "JSON",
    "event_type": "VARCHAR",
    "flow_id": "BIGINT",
    "http": "JSON",
    "icmp_code": "INTEGER",
    "icmp_type": "INTEGER",
    "netflow": {
        "age": "BIGINT",
        "bytes": "BIGINT",
        "end": "TIMESTAMP",
        "max_ttl": "INTEGER",
        "min_ttl": "INTEGER",
        "pkts": "BIGINT",
        "start": "TIMESTAMP",
    },
    "pkt_src": "VARCHAR",
    "proto": "VARCHAR",
    "revocation_check": "JSON",
    "sni": "VARCHAR",
    "src_ip": "VARCHAR",
    "src_port": "INTEGER",
    "tcp": "JSON",
    "timestamp": "TIMESTAMP",
    "tls": {
        "fingerprint": "VARCHAR",
        "from_proto": "VARCHAR",
        "issuerdn": "VARCHAR",
        "ja3": "JSON",
        "ja3s": "JSON",
        "ja4": "VARCHAR",
        "notafter": "VARCHAR",
        "notbefore": "VARCHAR",
        "serial": "VARCHAR",
        "session_resumed": "BOOLEAN",
        "sni": "VARCHAR",
        "subject": "VARCHAR",
        "version": "VARCHAR",
    },
    "tls_error": "JSON",
    "tls_inspected": "BOOLEAN",
    "tx_id": "BIGINT",
    "verdict": {"action": "VARCHAR", "reject": "JSON", "reject-target": "VARCHAR"},
}


def _of(name: str, member: str, type_: str, description: str) -> Column:
    """A member of the event that people ask for, as a column of its own."""
    expression = f'r."event"."{member}"'
    return Column(
        name, type_, expression if type_ == "VARCHAR" else f"try_cast({expression} AS {type_})", description
    )


TABLE = Table(
    name="aws_network_firewall_log",
    description="Alert, flow and TLS logs of AWS Network Firewall.",
    reference=_DOCS,
    syntax=Syntax("json_text", {"shape": "lines"}),
    columns=(
        Column(
            "action",
            "VARCHAR",
            'coalesce(r."event"."verdict"."action", r."event"."alert"."action")',
            "What became of the packet: the verdict, else the rule's action.",
        ),
        text("availability_zone", "availability_zone", "Availability zone of the endpoint."),
        _of("dest_ip", "dest_ip", "VARCHAR", "Destination address."),
        _of("dest_port", "dest_port", "INTEGER", "Destination port."),
        struct("event", "event", "The event as Suricata writes it.", _EVENT),
        typed(
            "event_timestamp",
            "TIMESTAMP",
            any_time('r."event_timestamp"'),
            "event_timestamp",
            "When the log was created, UTC.",
        ),
        _of("event_type", "event_type", "VARCHAR", "Kind of event: alert, netflow, tls and others."),
        text("firewall_name", "firewall_name", "Name of the firewall."),
        _of("proto", "proto", "VARCHAR", "Protocol: TCP, UDP, ICMP and others."),
        Column("signature", "VARCHAR", 'r."event"."alert"."signature"', "Message of the rule that alerted."),
        Column(
            "sni",
            "VARCHAR",
            'coalesce(r."event"."tls"."sni", r."event"."sni")',
            "Server name of the TLS handshake.",
        ),
        _of("src_ip", "src_ip", "VARCHAR", "Source address."),
        _of("src_port", "src_port", "INTEGER", "Source port."),
    ),
    enrichment={
        "tp_timestamp": "coalesce(event.timestamp, event_timestamp)",
        "tp_source_ip": "src_ip",
        "tp_destination_ip": "dest_ip",
        "tp_ips": filled("src_ip", "dest_ip"),
        "tp_domains": filled("lower(sni)", "lower(event.http->>'hostname')"),
    },
    layouts={
        "aws_s3_bucket": "AWSLogs/(%{DATA:org_id}/)?%{NUMBER:account_id}/network-firewall/%{DATA:log_type}/"
        "%{DATA:region}/%{DATA:firewall_name}/%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/%{HOUR:hour}/"
        "%{DATA}.log.gz",
    },
    statistics=("src_ip", "dest_ip"),
    examples=(
        Example(
            "What was dropped or rejected, by rule",
            "select signature, src_ip, dest_ip, dest_port, count(*) as times\n"
            "from aws_network_firewall_log where action in ('drop', 'blocked', 'reject')\n"
            "group by all order by times desc limit 20",
        ),
        Example(
            "Bytes by pair of addresses",
            "select src_ip, dest_ip, sum(event.netflow.bytes) as bytes\n"
            "from aws_network_firewall_log where event_type = 'netflow'\n"
            "group by all order by bytes desc limit 20",
        ),
    ),
)
