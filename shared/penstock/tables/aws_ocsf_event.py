"""OCSF events as Amazon Security Lake keeps them: security events of many sources in one schema."""

from __future__ import annotations

from penstock.tables import Column, Example, Syntax, Table, epoch, number, text, utc

_DOCS = "https://docs.aws.amazon.com/security-lake/latest/userguide/open-cybersecurity-schema-framework.html"


def _text(name: str, description: str) -> Column:
    return text(name, name, description)


def _id(name: str, description: str) -> Column:
    return number(name, name, description, "INTEGER")


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
    _id("action_id", "What was done about it: 1 allowed, 2 denied."),
    _text("action", "What was done about it, in words."),
    _id("activity_id", "Activity within the class."),
    _text("activity_name", "Activity, in words."),
    _object("actor", "Who acted: user, session, process, the service that called."),
    _object("answers", "Answers of a DNS query."),
    _object("api", "API call: operation, service, request, response."),
    _text("app_name", "Application."),
    _object("attacks", "Techniques of MITRE ATT&CK."),
    _id("category_uid", "Category of the class, such as 4 for network activity."),
    _text("category_name", "Category, in words."),
    _id("class_uid", "Class of the event, such as 4001 for network activity, 6003 for API activity."),
    _text("class_name", "Class, in words."),
    _object("cloud", "Cloud it happened in: provider, region, account."),
    _object("compliance", "Result of a compliance check."),
    _id("confidence_id", "Confidence of a finding."),
    _text("confidence", "Confidence, in words."),
    _object("connection_info", "Connection: direction, protocol, flags."),
    number("count", "count", "How many events this one stands for."),
    _object("database", "Database that was used."),
    _object("device", "Device it happened on."),
    _id("disposition_id", "What became of the threat, such as 2 for blocked."),
    _text("disposition", "What became of the threat, in words."),
    _object("dst_endpoint", "Where it went to: address, port, host name."),
    number("duration", "duration", "How long it took, milliseconds."),
    _time("end_time", "When the last of it happened, UTC."),
    _object("enrichments", "What was added from elsewhere."),
    _object("evidences", "Evidence of a finding."),
    _object("file", "File that was used."),
    _object("finding_info", "Finding: title, description, kinds, times."),
    _object("firewall_rule", "Firewall rule that matched."),
    _object("http_request", "HTTP request: method, URL, headers."),
    _object("http_response", "HTTP response: code, length."),
    _object("malware", "Malware that was found."),
    _text("message", "What happened, in words."),
    _object("metadata", "Version of the schema, product, profiles, identifier of the event."),
    _object("observables", "Addresses, names and hashes in the event, each with its kind."),
    _object("ocsf_unmapped", "What the source had and the schema has not.", source="unmapped"),
    _object("policy", "Policy that was applied."),
    _object("process", "Process that was used."),
    _object("proxy", "Proxy between the endpoints."),
    _object("query", "DNS query: host name, type."),
    _text("raw_data", "The event as the source wrote it."),
    _text("rcode", "Response code of DNS."),
    _id("rcode_id", "Response code of DNS, as a number."),
    _object("remediation", "How to mend it."),
    _object("resource", "Resource it happened to."),
    _object("resources", "Resources it happened to."),
    _object("session", "Session of the user."),
    _id("severity_id", "Severity: 1 informational to 6 fatal."),
    _text("severity", "Severity, in words."),
    _object("src_endpoint", "Where it came from: address, port, host name."),
    _time("start_time", "When the first of it happened, UTC."),
    _text("status", "Result, in words."),
    _text("status_code", "Result as the source has it."),
    _text("status_detail", "Result in detail."),
    _id("status_id", "Result: 1 success, 2 failure."),
    _time("time", "When it happened, UTC."),
    _id("timezone_offset", "Minutes between its place and UTC."),
    _object("tls", "TLS of the connection."),
    _object("traffic", "Bytes and packets, in and out."),
    number("type_uid", "type_uid", "Class and activity in one: class_uid * 100 + activity_id."),
    _text("type_name", "Class and activity, in words."),
    _object("user", "User it happened to."),
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
        {"shape": "lines", "unwrap": ("$.detail.findings", "$.detail"), "unwrap_when": r'"detail-type"\s*:'},
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
                "src_endpoint.domain", "dst_endpoint.hostname", "query.hostname", "http_request.url.hostname"
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
            "select tp_timestamp, severity, class_name, coalesce(finding_info->>'$.title', message) as title,\n"
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
