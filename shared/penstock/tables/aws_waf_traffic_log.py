"""AWS WAF: the web requests that a web ACL inspected, and what became of them."""

from __future__ import annotations

from penstock.tables import (
    Example,
    Syntax,
    Table,
    dashed,
    epoch,
    json_value,
    number,
    text,
    text_list,
    typed,
)
from penstock.tables._arns import arn_names
from penstock.tables._members import struct

_DOCS = "https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html"

_REQUEST = {
    "clientIp": "VARCHAR",
    "country": "VARCHAR",
    "headers": "JSON",
    "uri": "VARCHAR",
    "args": "VARCHAR",
    "httpVersion": "VARCHAR",
    "httpMethod": "VARCHAR",
    "requestId": "VARCHAR",
    "fragment": "VARCHAR",
    "scheme": "VARCHAR",
    "host": "VARCHAR",
}
_TOKEN = {"responseCode": "BIGINT", "solveTimestamp": "BIGINT", "failureReason": "VARCHAR"}


TABLE = Table(
    name="aws_waf_traffic_log",
    description="Web requests that AWS WAF inspected: who sent them, which rules matched, what was done.",
    reference=_DOCS,
    syntax=Syntax("json_text", {"shape": "lines"}),
    columns=(
        text(
            "action",
            "action",
            "What was done at last: ALLOW, BLOCK, CAPTCHA, CHALLENGE; in COUNT mode still ALLOW.",
        ),
        struct(
            "captcha_response",
            "captchaResponse",
            "Result of a CAPTCHA; solveTimestamp is in seconds since 1970.",
            _TOKEN,
            str,
        ),
        text("cf_distribution_tenant_id", "cfDistributionTenantId", "Tenant of the CloudFront distribution."),
        struct(
            "challenge_response",
            "challengeResponse",
            "Result of a silent challenge; solveTimestamp is in seconds since 1970.",
            _TOKEN,
            str,
        ),
        number("format_version", "formatVersion", "Version of the log format.", "INTEGER"),
        struct(
            "http_request",
            "httpRequest",
            "The request: client address, country, headers, path, query and more.",
            _REQUEST,
            str,
        ),
        dashed(
            "http_source_id",
            "httpSourceId",
            "Protected resource: an ARN, or a name that depends on its service.",
        ),
        dashed("http_source_name", "httpSourceName", "Service protected: CF, ALB, APIGW, APPSYNC …."),
        number("client_asn", "clientAsn", "Number of the network that the client's address is in."),
        number("forwarded_asn", "forwardedAsn", "The same of the address in the forwarding header."),
        text("ja3_fingerprint", "ja3Fingerprint", "JA3 fingerprint of the TLS Client Hello."),
        text("ja4_fingerprint", "ja4Fingerprint", "JA4 fingerprint of the TLS Client Hello."),
        json_value("labels", "labels", "Labels on the request: list of objects with a name."),
        json_value(
            "non_terminating_matching_rules",
            "nonTerminatingMatchingRules",
            "Rules that matched without ending the inspection, in their order.",
        ),
        text_list(
            "oversize_fields",
            "oversizeFields",
            "Parts of the request that were inspected but larger than WAF can inspect.",
        ),
        json_value(
            "rate_based_rule_list", "rateBasedRuleList", "Rate-based rules that acted on the request."
        ),
        number("request_body_size", "requestBodySize", "Size of the request's body, bytes."),
        number(
            "request_body_size_inspected_by_waf",
            "requestBodySizeInspectedByWAF",
            "Bytes of the body that WAF inspected.",
        ),
        json_value(
            "request_headers_inserted",
            "requestHeadersInserted",
            "Headers that were added for the resource: list of objects with name and value.",
        ),
        number("response_code_sent", "responseCodeSent", "Status of a custom response.", "INTEGER"),
        json_value("rule_group_list", "ruleGroupList", "Rule groups that acted on the request."),
        text(
            "terminating_rule_id", "terminatingRuleId", "Rule that ended the inspection, or Default_Action."
        ),
        json_value(
            "terminating_rule_match_details",
            "terminatingRuleMatchDetails",
            "What in the request the terminating rule matched (SQL injection and scripting rules).",
        ),
        text(
            "terminating_rule_type",
            "terminatingRuleType",
            "Kind of that rule: RATE_BASED, REGULAR, GROUP or MANAGED_RULE_GROUP.",
        ),
        typed("timestamp", "TIMESTAMP", epoch('r."timestamp"'), "timestamp", "Time of the request, UTC."),
        text("web_acl_id", "webaclId", "ARN of the web ACL (protection pack)."),
    ),
    enrichment={
        "tp_timestamp": "timestamp",
        "tp_source_ip": "http_request.clientIp",
        "tp_ips": "CASE WHEN http_request.clientIp <> '' THEN [http_request.clientIp] END",
        "tp_akas": arn_names("http_source_id"),
        "tp_domains": "CASE WHEN http_request.host <> '' THEN [CASE WHEN contains(http_request.host, ':') "
        "THEN regexp_replace(http_request.host, ':[0-9]+$', '') ELSE http_request.host END] END",
    },
    layouts={
        "aws_s3_bucket": (
            "AWSLogs/(%{DATA:org_id}/)?%{NUMBER:account_id}/WAFLogs/%{DATA:cloudfront_or_region}/"
            "%{DATA:cloudfront_name_or_resource_name}/%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/"
            "%{HOUR:hour}/%{MINUTE:minute}/%{DATA}.log.gz"
        ),
    },
    not_logs={r"/$": "folder marker"},
    statistics=("action", "terminating_rule_id", "web_acl_id"),
    examples=(
        Example(
            "Addresses that were blocked most often",
            "select http_request.clientIp as client, http_request.country as country, count(*) as requests\n"
            "from aws_waf_traffic_log where action = 'BLOCK'\n"
            "group by all order by requests desc, client limit 10",
        ),
        Example(
            "Rules that ended inspections",
            "select web_acl_id, terminating_rule_id, action, count(*) as requests from aws_waf_traffic_log\n"
            "group by all order by requests desc, terminating_rule_id limit 20",
        ),
        Example(
            "Requests by label",
            "select label ->> 'name' as label, action, count(*) as requests\n"
            "from (select unnest(from_json(labels, '[\"JSON\"]')) as label, action from aws_waf_traffic_log)\n"
            "group by all order by requests desc, label limit 20",
        ),
        Example(
            "Would-be blocks of rules in count mode",
            "select rule ->> 'ruleId' as rule, http_request.uri as uri, count(*) as requests\n"
            "from (select unnest(from_json(non_terminating_matching_rules, '[\"JSON\"]')) as rule, http_request\n"
            "  from aws_waf_traffic_log)\n"
            "where (rule ->> 'action') = 'COUNT' group by all order by requests desc limit 20",
        ),
    ),
)
