"""Log texts for the bench: the same every time, of the size of what AWS delivers, in a folder kept.

Each is written by the rules of its format's documentation (the tables' references name it); values
are drawn, so that columns have as many distinct values as real ones.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LOGS", "Log", "files"]

_FILES = 8
_AGENT = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko)"


@dataclass(frozen=True, slots=True)
class Log:
    """A table's log: the reader of its floor with the types of the fields, rows a file, and the text.

    `floor` is the SQL of DuckDB's own reader over `{files}`, all fields typed as the table has them.
    """

    table: str
    rows: int
    floor: str
    text: Callable[[random.Random, int], Iterator[str]]


def files(log: Log, folder: Path) -> list[Path]:
    """The log's files, written if they are not there yet."""
    place = folder / f"{log.table}-{log.rows}x{_FILES}"
    if not place.exists():
        unfinished = place.with_suffix(".part")
        unfinished.mkdir(parents=True, exist_ok=True)
        for number in range(_FILES):
            lines = log.text(random.Random(f"{log.table} {number}"), log.rows)
            (unfinished / f"{number}.log").write_text(
                "".join(f"{line}\n" for line in lines), encoding="utf-8"
            )
        unfinished.rename(place)
    return sorted(place.glob("*.log"))


def _ip(draw: random.Random) -> str:
    return f"10.{draw.randrange(4)}.{draw.randrange(256)}.{draw.randrange(256)}"


def _clock(draw: random.Random) -> str:
    return f"{draw.randrange(24):02}:{draw.randrange(60):02}:{draw.randrange(60):02}"


def _vpc(draw: random.Random, rows: int) -> Iterator[str]:
    yield (
        "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end "
        "action log-status"
    )
    for _ in range(rows):
        start = 1760000000 + draw.randrange(600)
        yield (
            f"2 123456789012 eni-{draw.randrange(500):017x} {_ip(draw)} {_ip(draw)} {draw.randrange(65536)} "
            f"{draw.choice((443, 80, 53, 22))} 6 {draw.randrange(100)} {draw.randrange(100000)} {start} "
            f"{start + draw.randrange(60)} {draw.choice(('ACCEPT', 'REJECT'))} OK"
        )


def _alb(draw: random.Random, rows: int) -> Iterator[str]:
    group = "arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/web/73e2d6bc24d8a067"
    for _ in range(rows):
        target = f"10.0.0.{draw.randrange(20)}:80"
        yield (
            f"https 2026-01-31T{_clock(draw)}.{draw.randrange(10**6):06}Z app/web/50dc6c495c0c9188 "
            f"{_ip(draw)}:{draw.randrange(65536)} {target} 0.001 0.0{draw.randrange(100):02} 0.000 200 200 "
            f'{draw.randrange(2000)} {draw.randrange(100000)} "GET https://www.example.com:443/item/'
            f'{draw.randrange(10**6)}?from=mail HTTP/1.1" "{_AGENT}" '
            f"ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 {group} "
            f'"Root=1-58337281-{draw.randrange(16**12):012x}" "www.example.com" '
            '"arn:aws:acm:us-east-2:123456789012:certificate/12345678-1234-1234-1234-123456789012" 1 '
            f'2026-01-31T{_clock(draw)}.364000Z "forward" "-" "-" "{target}" "200" "-" "-" '
            f"TID_{draw.randrange(16**16):016x}"
        )


def _s3(draw: random.Random, rows: int) -> Iterator[str]:
    owner = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"
    for _ in range(rows):
        key = f"photos/2026/01/{draw.randrange(10**6)}.jpg"
        yield (
            f"{owner} shop-images [31/Jan/2026:{_clock(draw)} +0000] {_ip(draw)} "
            f"arn:aws:sts::123456789012:assumed-role/web/i-{draw.randrange(100):017x} "
            f"{draw.randrange(16**16):016X} "
            f'REST.GET.OBJECT {key} "GET /{key}?versionId={draw.randrange(10**9)} HTTP/1.1" 200 - '
            f"{draw.randrange(10**6)} {draw.randrange(10**6)} {draw.randrange(200)} {draw.randrange(100)} "
            '"-" '
            f'"{_AGENT}" - {draw.randrange(16**32):032x}= SigV4 ECDHE-RSA-AES128-GCM-SHA256 AuthHeader '
            "shop-images.s3.us-west-1.amazonaws.com TLSv1.2 - -"
        )


def _waf(draw: random.Random, rows: int) -> Iterator[str]:
    acl = "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/web/00000000-1111-2222-3333-444444444444"
    for _ in range(rows):
        headers = [
            ("Host", "www.example.com"),
            ("User-Agent", _AGENT),
            ("Accept", "*/*"),
            ("X-N", str(_ip(draw))),
        ]
        yield json.dumps(
            {
                "timestamp": 1769817600000 + draw.randrange(86_400_000),
                "formatVersion": 1,
                "webaclId": acl,
                "terminatingRuleId": draw.choice(("Default_Action", "rate", "sqli")),
                "terminatingRuleType": "REGULAR",
                "action": draw.choice(("ALLOW", "BLOCK")),
                "terminatingRuleMatchDetails": [],
                "httpSourceName": "ALB",
                "httpSourceId": "123456789012-app/web/50dc6c495c0c9188",
                "ruleGroupList": [
                    {"ruleGroupId": "AWS#AWSManagedRulesCommonRuleSet", "terminatingRule": None}
                ],
                "rateBasedRuleList": [],
                "nonTerminatingMatchingRules": [],
                "requestHeadersInserted": None,
                "responseCodeSent": None,
                "httpRequest": {
                    "clientIp": _ip(draw),
                    "country": draw.choice(("US", "DE", "FR", "JP")),
                    "headers": [{"name": name, "value": value} for name, value in headers],
                    "uri": f"/item/{draw.randrange(10**6)}",
                    "args": "from=mail",
                    "httpVersion": "HTTP/1.1",
                    "httpMethod": "GET",
                    "requestId": f"1-58337281-{draw.randrange(16**12):012x}",
                },
                "labels": [{"name": "awswaf:managed:token:absent"}],
            },
            separators=(",", ":"),
        )


_CUR = {
    "identity_line_item_id": "VARCHAR",
    "identity_time_interval": "VARCHAR",
    "bill_bill_type": "VARCHAR",
    "bill_billing_entity": "VARCHAR",
    "bill_billing_period_end_date": "TIMESTAMP",
    "bill_billing_period_start_date": "TIMESTAMP",
    "bill_payer_account_id": "VARCHAR",
    "line_item_availability_zone": "VARCHAR",
    "line_item_blended_cost": "DOUBLE",
    "line_item_currency_code": "VARCHAR",
    "line_item_legal_entity": "VARCHAR",
    "line_item_line_item_description": "VARCHAR",
    "line_item_line_item_type": "VARCHAR",
    "line_item_operation": "VARCHAR",
    "line_item_product_code": "VARCHAR",
    "line_item_resource_id": "VARCHAR",
    "line_item_unblended_cost": "DOUBLE",
    "line_item_unblended_rate": "VARCHAR",
    "line_item_usage_account_id": "VARCHAR",
    "line_item_usage_amount": "DOUBLE",
    "line_item_usage_end_date": "TIMESTAMP",
    "line_item_usage_start_date": "TIMESTAMP",
    "line_item_usage_type": "VARCHAR",
    "pricing_public_on_demand_cost": "DOUBLE",
    "pricing_rate_code": "VARCHAR",
    "pricing_term": "VARCHAR",
    "pricing_unit": "VARCHAR",
    "product": "VARCHAR",
    "resource_tags": "VARCHAR",
}


def _cur(draw: random.Random, rows: int) -> Iterator[str]:
    yield ",".join(_CUR)
    for _ in range(rows):
        hour = draw.randrange(24)
        start, end = f"2026-01-31T{hour:02}:00:00Z", f"2026-01-31T{hour:02}:59:59Z"
        cost = draw.random()
        rate = draw.randrange(16**10)
        yield (
            f"{draw.randrange(16**20):020x},{start}/{end},Anniversary,AWS,2026-02-01T00:00:00Z,"
            f'2026-01-01T00:00:00Z,123456789012,us-east-1a,{cost:.10f},USD,"Amazon Web Services, Inc.",'
            f'"$0.0{draw.randrange(100)} per On Demand Linux m5.large Instance Hour",Usage,RunInstances:0002,'
            "AmazonEC2,"
            f"i-{draw.randrange(2000):017x},{cost:.10f},0.0960000000,{draw.randrange(10):012},{draw.random():.10f},"
            f"{end},{start},BoxUsage:m5.large,{cost:.10f},{rate:010X}.JRTCKXETXF.6YS6EN2CT7,OnDemand,Hrs,"
            '"{""product_name"":""Amazon Elastic Compute Cloud"",""region"":""us-east-1""}",'
            f'"{{""user_team"":""team-{draw.randrange(30)}""}}"'
        )


def _fields(types: str) -> str:
    """`columns` of read_csv: a letter for each field (v, i, b, d, t), in order."""
    names = {"v": "VARCHAR", "i": "INTEGER", "b": "BIGINT", "d": "DOUBLE", "t": "TIMESTAMP"}
    return "{" + ", ".join(f"'c{n}': '{names[letter]}'" for n, letter in enumerate(types)) + "}"


def _blanks(types: str, *, header: bool = False) -> str:
    return (
        (
            "read_csv({files}, auto_detect = false, delim = ' ', quote = '\"', nullstr = '-', "
            f"header = {str(header).lower()}, columns = {_fields(types)})"
        )
        .replace("{'", "{{'")
        .replace("'}", "'}}")
    )


_CUR_TYPES = "{{" + ", ".join(f"'{name}': '{kind}'" for name, kind in _CUR.items()) + "}}"

LOGS: tuple[Log, ...] = (
    Log("aws_vpc_flow_log", 40_000, _blanks("ivvvviiibbbbvv", header=True), _vpc),
    Log("aws_alb_access_log", 8_000, _blanks("vtvvvdddiibbvvvvvvvvitvvvvvvvv"), _alb),
    Log("aws_s3_server_access_log", 10_000, _blanks("vvvvvvvvvvivbbbbvvvvvvvvvvv"), _s3),
    Log(
        "aws_waf_traffic_log",
        4_000,
        "read_json({files}, format = 'newline_delimited', columns = {record})",
        _waf,
    ),
    Log(
        "aws_cost_and_usage_report",
        6_000,
        "read_csv({files}, auto_detect = false, delim = ',', quote = '\"', header = true, "
        f"columns = {_CUR_TYPES})",
        _cur,
    ),
)
"""What is measured: five kinds that between them use each reader of text."""
