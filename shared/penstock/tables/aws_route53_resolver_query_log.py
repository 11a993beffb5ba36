"""Amazon Route 53 Resolver query logs: the DNS queries of VPCs, and what was answered."""

from __future__ import annotations

from penstock.tables import Example, Syntax, Table, any_time, filled, json_value, text, typed
from penstock.tables._members import Made, struct

_DOCS = "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-query-logs-format.html"

# An answer may be one object where a tool has rewritten the log.
_ANSWERS = "CASE json_type(answers) WHEN 'ARRAY' THEN json_extract(answers, '$[*]') ELSE [answers] END"
_ADDRESSES = (
    "CASE WHEN answers IS NOT NULL THEN list_transform(list_filter("
    f"{_ANSWERS}, lambda a: a->>'Type' IN ('A', 'AAAA')), lambda a: a->>'Rdata') END"
)

TABLE = Table(
    name="aws_route53_resolver_query_log",
    description="DNS queries from VPCs and by resolver endpoints, with their answers and DNS Firewall's verdict.",
    reference=_DOCS,
    syntax=Syntax("json_text", {"shape": "lines"}),
    columns=(
        text("account_id", "account_id", "Account that created the VPC."),
        json_value("additional_properties", "additional_properties", "Further data, such as is_delayed."),
        json_value("answers", "answers", "Answers: list of objects with Rdata, Type and Class."),
        text("firewall_domain_list_id", "firewall_domain_list_id", "Domain list that the name is on."),
        text(
            "firewall_protection", "firewall_protection", "Advanced protection that matched: DGA, tunneling."
        ),
        text("firewall_rule_action", "firewall_rule_action", "What DNS Firewall did: ALERT or BLOCK."),
        text("firewall_rule_group_id", "firewall_rule_group_id", "Rule group that matched."),
        text("query_class", "query_class", "Class of the query, such as IN."),
        text("query_name", "query_name", "Name that was asked for, as asked."),
        typed(
            "query_timestamp", "TIMESTAMP", any_time('r."query_timestamp"'), "query_timestamp", "When, UTC."
        ),
        text("query_type", "query_type", "Type of record asked for, or ANY."),
        text("rcode", "rcode", "Answer's code: NOERROR, NXDOMAIN, SERVFAIL and others."),
        text("region", "region", "Region of the VPC."),
        text("src_addr", "srcaddr", "Address the query came from."),
        typed("src_port", "INTEGER", 'try_cast(r."srcport" AS INTEGER)', "srcport", "Port it came from."),
        struct(
            "srcids",
            "srcids",
            "What the query came from: an instance, or a resolver endpoint and its interface.",
            {
                "instance": "VARCHAR",
                "resolver_endpoint": "VARCHAR",
                "resolver_network_interface": Made("VARCHAR", "@", "VARCHAR"),
            },
        ),
        text("transport", "transport", "UDP, TCP or HTTPS; of earlier logs UDP or TCP."),
        text("version", "version", "Version of the log format."),
        text("vpc_id", "vpc_id", "VPC the query came from."),
    ),
    enrichment={
        "tp_timestamp": "query_timestamp",
        "tp_source_ip": "src_addr",
        "tp_ips": f"nullif(coalesce({filled('src_addr')}, []) || coalesce({_ADDRESSES}, []), [])",
        "tp_akas": filled("srcids.instance", "srcids.resolver_endpoint"),
        "tp_domains": "CASE WHEN rtrim(query_name, '.') <> '' THEN [lower(rtrim(query_name, '.'))] END",
    },
    layouts={
        "aws_s3_bucket": "AWSLogs/(%{DATA:org_id}/)?%{NUMBER:account_id}/vpcdnsquerylogs/%{DATA:vpc_id}/"
        "%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/%{DATA}.log.gz",
    },
    statistics=("query_name", "src_addr"),
    examples=(
        Example(
            "Names asked for most, and by how many addresses",
            "select tp_domains[1] as name, count(*) as queries, count(distinct src_addr) as sources\n"
            "from aws_route53_resolver_query_log group by all order by queries desc limit 20",
        ),
        Example(
            "What DNS Firewall blocked or warned of",
            "select firewall_rule_action, query_name, src_addr, srcids.instance as instance, count(*) as times\n"
            "from aws_route53_resolver_query_log where firewall_rule_action is not null\n"
            "group by all order by times desc",
        ),
    ),
)
