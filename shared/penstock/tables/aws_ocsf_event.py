"""OCSF events as Amazon Security Lake keeps them: security events of many sources in one schema."""

from __future__ import annotations

from penstock import envelopes
from penstock.tables import Column, Example, Syntax, Table, epoch, flag, number, text, utc

_DOCS = "https://docs.aws.amazon.com/security-lake/latest/userguide/open-cybersecurity-schema-framework.html"


def _text(name: str, description: str) -> Column:
    return text(name, name, description)


def _id(name: str, description: str) -> Column:
    return number(name, name, description, "INTEGER")


def _flag(name: str, description: str) -> Column:
    return flag(name, name, description)


def _time(name: str, description: str) -> Column:
    """Milliseconds since 1970 (`timestamp_t`), or a timestamp; the profile `datetime` has it as `…_dt`."""
    value, in_words = f'r."{name}"', f'r."{name}_dt"'
    sql = f"coalesce({epoch(value)}, {utc(value)}, {utc(in_words)})"
    return Column(name, "TIMESTAMP", sql, description, name, reads={f"{name}_dt": "VARCHAR"})


def _object(name: str, description: str, source: str = "") -> Column:
    """A structure without its empty members: Parquet has them all in every row."""
    given = f'r."{source or name}"'
    kept = f"CASE WHEN json_type({given}) = 'OBJECT' THEN json_merge_patch('{{}}', {given}) ELSE {given} END"
    return Column(name, "JSON", f"nullif({kept}, '{{}}')", description, source or name, "JSON")


_COLUMNS = (
    _text("account_switch_type", "How the account was changed at logon, in words."),
    _id("account_switch_type_id", "How the account was changed at logon."),
    _id("action_id", "What was done about it: 1 allowed, 2 denied."),
    _text("action", "What was done about it, in words."),
    _id("activity_id", "Activity within the class."),
    _text("activity_name", "Activity, in words."),
    _object("actor", "Who acted: user, session, process, the service that called."),
    _object("analytic", "What found it (findings of OCSF 1.0)."),
    _object("anomaly_analyses", "Baselines and what departs from them."),
    _object("answers", "Answers of a DNS query."),
    _object("api", "API call: operation, service, request, response."),
    _text("app_name", "Application."),
    _object("assignee", "Who works on the finding."),
    _object("assignee_group", "Group that works on the finding."),
    _object("attacks", "Techniques of MITRE ATT&CK."),
    _object("auth_factors", "Factors of the authentication."),
    _text("auth_protocol", "Protocol of the authentication, in words."),
    _id("auth_protocol_id", "Protocol of the authentication."),
    _object("authentication_token", "Token of the authentication."),
    _object("authorizations", "What was allowed or denied, and by which policy."),
    _id("category_uid", "Category of the class, such as 4 for network activity."),
    _text("category_name", "Category, in words."),
    _object("certificate", "Certificate of the authentication."),
    _object("cis_csc", "Controls of CIS (findings of OCSF 1.0)."),
    _id("class_uid", "Class of the event, such as 4001 for network activity, 6003 for API activity."),
    _text("class_name", "Class, in words."),
    _object("cloud", "Cloud it happened in: provider, region, account."),
    _text("comment", "What somebody wrote about the finding."),
    _object("compliance", "Result of a compliance check."),
    _id("confidence_id", "Confidence of a finding."),
    _text("confidence", "Confidence, in words."),
    _id("confidence_score", "Confidence, 0 to 100."),
    _object("connection_info", "Connection: direction, protocol, flags."),
    number("count", "count", "How many events this one stands for."),
    _object("data_sources", "Where the finding's data came from (OCSF 1.0)."),
    _object("database", "Database that was used."),
    _object("device", "Device it happened on."),
    _id("disposition_id", "What became of the threat, such as 2 for blocked."),
    _text("disposition", "What became of the threat, in words."),
    _object("dst_endpoint", "Where it went to: address, port, host name."),
    number("duration", "duration", "How long it took, milliseconds."),
    _time("end_time", "When the last of it happened, UTC."),
    _object("enrichments", "What was added from elsewhere."),
    _object("evidence", "Evidence of a finding (OCSF 1.0)."),
    _object("evidences", "Evidence of a finding."),
    _object("file", "File that was used."),
    _object("finding", "Finding: title, description, times (OCSF 1.0)."),
    _object("finding_info", "Finding: title, description, kinds, times."),
    _object("firewall_rule", "Firewall rule that matched."),
    _object("http_cookies", "Cookies of the request and the response."),
    _object("http_request", "HTTP request: method, URL, headers."),
    _object("http_response", "HTTP response: code, length."),
    _id("http_status", "Status of the HTTP response."),
    _text("impact", "Impact of the finding, in words."),
    _id("impact_id", "Impact of the finding."),
    _id("impact_score", "Impact of the finding, 0 to 100."),
    _flag("is_alert", "Whether it is an alert."),
    _flag("is_cleartext", "Whether credentials went in clear text."),
    _flag("is_mfa", "Whether several factors were asked for."),
    _flag("is_new_logon", "Whether it is the first logon."),
    _flag("is_remote", "Whether the logon came over the network."),
    _flag("is_src_dst_assignment_known", "Whether it is known which end is the source."),
    _flag("is_suspected_breach", "Whether a breach is suspected."),
    _object("ja4_fingerprint_list", "JA4+ fingerprints of the connection."),
    _object("kill_chain", "Phases of the attack (OCSF 1.0)."),
    _object("load_balancer", "Load balancer that took the request."),
    _object("logon_process", "Process that did the authentication."),
    _text("logon_type", "Kind of logon, in words."),
    _id("logon_type_id", "Kind of logon."),
    _object("malware", "Malware that was found."),
    _object("malware_scan_info", "Scan that found the malware."),
    _text("message", "What happened, in words."),
    _object("metadata", "Version of the schema, product, profiles, identifier of the event."),
    _object("nist", "Functions of NIST's framework (findings of OCSF 1.0)."),
    _object("observables", "Addresses, names and hashes in the event, each with its kind."),
    _object("ocsf_unmapped", "What the source had and the schema has not.", source="unmapped"),
    _object("osint", "What is known publicly about what is in the event."),
    _object("policies", "Policies of the account."),
    _object("policy", "Policy that was applied."),
    _text("priority", "Priority of the finding, in words."),
    _id("priority_id", "Priority of the finding."),
    _object("process", "Process that was used."),
    _object("proxy", "Proxy between the endpoints (OCSF 1.0)."),
    _object("proxy_connection_info", "Connection from the proxy."),
    _object("proxy_endpoint", "Proxy between the endpoints."),
    _object("proxy_http_request", "HTTP request of the proxy."),
    _object("proxy_http_response", "HTTP response to the proxy."),
    _object("proxy_tls", "TLS of the connection from the proxy."),
    _object("proxy_traffic", "Bytes and packets from and to the proxy."),
    _object("query", "DNS query: host name, type."),
    _time("query_time", "When the DNS query was made, UTC."),
    _text("raw_data", "The event as the source wrote it."),
    _object("raw_data_hash", "Hash of the event as the source wrote it."),
    number("raw_data_size", "raw_data_size", "Size of the event as the source wrote it, bytes."),
    _text("rcode", "Response code of DNS."),
    _id("rcode_id", "Response code of DNS, as a number."),
    _object("remediation", "How to mend it."),
    _object("resource", "Resource it happened to."),
    _object("resources", "Resources it happened to."),
    _time("response_time", "When DNS answered, UTC."),
    _text("risk_details", "Risk of the finding in detail."),
    _text("risk_level", "Level of risk, in words."),
    _id("risk_level_id", "Level of risk: 0 informational to 4 critical."),
    _id("risk_score", "Risk as the source has it."),
    _object("service", "Service that was logged on to."),
    _object("session", "Session of the user."),
    _id("severity_id", "Severity: 1 informational to 6 fatal."),
    _text("severity", "Severity, in words."),
    _object("src_endpoint", "Where it came from: address, port, host name."),
    _text("src_url", "Page of the finding."),
    _time("start_time", "When the first of it happened, UTC."),
    _text("state", "State of the finding, in words (OCSF 1.0)."),
    _id("state_id", "State of the finding (OCSF 1.0)."),
    _text("status", "Result, in words."),
    _text("status_code", "Result as the source has it."),
    _text("status_detail", "Result in detail."),
    _id("status_id", "Result: 1 success, 2 failure."),
    _object("ticket", "Ticket of the finding."),
    _object("tickets", "Tickets of the finding."),
    _time("time", "When it happened, UTC."),
    _id("timezone_offset", "Minutes between its place and UTC."),
    _object("tls", "TLS of the connection."),
    _object("trace", "Trace that it belongs to."),
    _object("traffic", "Bytes and packets, in and out."),
    number("type_uid", "type_uid", "Class and activity in one: class_uid * 100 + activity_id."),
    _text("type_name", "Class and activity, in words."),
    _object("url", "URL that was asked for."),
    _object("user", "User it happened to."),
    _object("user_result", "User as it is afterwards."),
    _object("vendor_attributes", "Values as the vendor gave them first."),
    _text("verdict", "Verdict on the finding, in words."),
    _id("verdict_id", "Verdict on the finding."),
    _object("vulnerabilities", "Vulnerabilities that were found."),
    _object("web_resources", "Web resources that were used."),
)


def _list(*parts: str, begins: str = "") -> str:
    """SQL for the list of what is in these lists and begins so, each once, in order; null if nothing is."""
    kept = f"x <> '' AND starts_with(x, '{begins}') AND list_position(l, x) = i"
    once = f"list_filter(l, lambda x, i: {kept})"
    return f"nullif(list_transform([list_concat({', '.join(parts)})], lambda l: {once})[1], [])"


def _one(*paths: str) -> str:
    """SQL for the list of texts at `column.path` each."""
    split = (path.split(".", 1) for path in paths)
    return "[" + ", ".join(f"{column}->>'$.{inner}'" for column, inner in split) + "]"


def _seen(kind: int) -> str:
    """SQL for the observables of a kind (https://schema.ocsf.io/objects/observable: `type_id`)."""
    read = 'from_json(observables, \'[{"type_id":"INTEGER","value":"VARCHAR"}]\')'
    some = f"list_filter({read}, lambda o: o.type_id = {kind})"
    return f"coalesce(list_transform({some}, lambda o: o.value), [])"


def _each(column: str, member: str) -> str:
    return f"coalesce({column}->>'$[*].{member}', [])"


TABLE = Table(
    name="aws_ocsf_event",
    description="Security events in the Open Cybersecurity Schema Framework, as Amazon Security Lake keeps "
    "them in Parquet; JSON, one event a line, is read as well. Structures are JSON columns.",
    reference=_DOCS,
    # Security Hub sends its findings in OCSF through EventBridge, several in one event.
    syntax=Syntax(
        "json_text",
        {"shape": "lines"} | envelopes.BRIDGED | {"unwrap": ("$.detail.findings", "$.detail")},
    ),
    columns=_COLUMNS,
    enrichment={
        "tp_timestamp": "time",
        "tp_source_ip": "src_endpoint->>'$.ip'",
        "tp_destination_ip": "dst_endpoint->>'$.ip'",
        "tp_ips": _list(
            _one("src_endpoint.ip", "dst_endpoint.ip", "device.ip"),
            "coalesce(src_endpoint->>'$.intermediate_ips[*]', [])",
            _seen(2),
        ),
        "tp_usernames": _list(_one("actor.user.name", "actor.user.credential_uid", "user.name"), _seen(4)),
        "tp_akas": _list(
            _one("actor.user.uid", "actor.user.uid_alt", "actor.session.issuer", "resource.uid"),
            _each("resources", "uid"),
            _seen(10),
            begins="arn:",
        ),
        "tp_domains": _list(
            _one(
                "src_endpoint.domain",
                "dst_endpoint.hostname",
                "query.hostname",
                "http_request.url.hostname",
                "url.hostname",
            ),
            _seen(1),
        ),
        "tp_emails": _list(_one("actor.user.email_addr", "user.email_addr"), _seen(5)),
    },
    layouts={
        "aws_s3_bucket": "(aws|ext)/%{DATA:source}/(%{DATA:version}/)?region=%{DATA:region}/accountId=%{DATA:account_id}/"
        "eventDay=%{YEAR:year}%{MONTHNUM2:month}%{MONTHDAY:day}/%{DATA:file_name}.parquet",
    },
    not_logs={r"/$": "folder marker"},
    statistics=("class_uid", "severity_id"),
    examples=(
        Example(
            "Findings of high severity, newest first",
            "select tp_timestamp, severity, class_name, coalesce(finding_info->>'$.title', finding->>'$.title', message) as title,\n"
            "  cloud->>'$.account.uid' as account\n"
            "from aws_ocsf_event where severity_id between 4 and 6 order by tp_timestamp desc limit 50",
        ),
        Example(
            "Events by source and class",
            "select metadata->>'$.product.name' as product, class_name, count(*) as events\n"
            "from aws_ocsf_event group by all order by events desc",
        ),
        Example(
            "Who failed to do what",
            "select actor->>'$.user.name' as name, api->>'$.operation' as operation, count(*) as failures\n"
            "from aws_ocsf_event where status_id = 2 group by all order by failures desc limit 20",
        ),
    ),
)
