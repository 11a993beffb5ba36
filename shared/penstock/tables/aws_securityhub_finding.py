"""AWS Security Hub: findings of checks and of other products, in the AWS Security Finding Format."""

from __future__ import annotations

import re

from penstock.readers._names import plain
from penstock.tables import (
    Column,
    Example,
    Syntax,
    Table,
    filled,
    flag,
    json_value,
    number,
    text,
    text_list,
    time,
    utc,
)
from penstock.tables._arns import arn_names
from penstock.tables._members import Members, struct

_DOCS = "https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format-syntax.html"
_FINDING = "detail.findings[]."


def _of(name: str) -> str:
    """A field of the finding, by its place in an event; the other fields are those of the event."""
    return _FINDING + name


def _text(name: str, source: str, description: str) -> Column:
    return text(name, _of(source), description)


def _json(name: str, source: str, description: str) -> Column:
    return json_value(name, _of(source), description)


def _number(name: str, source: str, description: str) -> Column:
    return number(name, _of(source), description, "INTEGER")


def _struct(name: str, source: str, description: str, members: Members) -> Column:
    """Members are called as the API's are elsewhere: `IpAddressV4` is ip_address_v_4."""
    return struct(
        name, _of(source), description, members, lambda key: re.sub(r"_v(\d)$", r"_v_\1", plain(key))
    )


def _texts(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "VARCHAR")


def _numbers(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "INTEGER")


_PORT: Members = {"Port": "INTEGER", "PortName": "VARCHAR"}
_REMOTE: Members = {
    "City": _texts("CityName"),
    "Country": _texts("CountryCode", "CountryName"),
    "GeoLocation": {"Lat": "DOUBLE", "Lon": "DOUBLE"},
    "IpAddressV4": "VARCHAR",
    "Organization": {"Asn": "INTEGER", **_texts("AsnOrg", "Isp", "Org")},
}
_ACTION: Members = {
    "ActionType": "VARCHAR",
    "AwsApiCallAction": {
        "AffectedResources": "JSON",
        **_texts("Api", "CallerType"),
        "DomainDetails": _texts("Domain"),
        **_texts("FirstSeen", "LastSeen"),
        "RemoteIpDetails": _REMOTE,
        "ServiceName": "VARCHAR",
    },
    "DnsRequestAction": {"Blocked": "BOOLEAN", **_texts("Domain", "Protocol")},
    "NetworkConnectionAction": {
        "Blocked": "BOOLEAN",
        "ConnectionDirection": "VARCHAR",
        "LocalPortDetails": _PORT,
        "Protocol": "VARCHAR",
        "RemoteIpDetails": _REMOTE,
        "RemotePortDetails": _PORT,
    },
    "PortProbeAction": {"Blocked": "BOOLEAN", "PortProbeDetails": "JSON"},
}
_COMPLIANCE: Members = {
    "AssociatedStandards": "JSON",
    "RelatedRequirements": "VARCHAR[]",
    "SecurityControlId": "VARCHAR",
    "SecurityControlParameters": "JSON",
    "Status": "VARCHAR",
    "StatusReasons": "JSON",
}
_NETWORK: Members = {
    **_texts("DestinationDomain", "DestinationIpV4", "DestinationIpV6"),
    "DestinationPort": "INTEGER",
    "Direction": "VARCHAR",
    "OpenPortRange": _numbers("Begin", "End"),
    **_texts("Protocol", "SourceDomain", "SourceIpV4", "SourceIpV6", "SourceMac"),
    "SourcePort": "INTEGER",
}
_PATCHES: Members = {
    "Id": "VARCHAR",
    **_numbers("FailedCount", "InstalledCount", "InstalledOtherCount"),
    **_numbers("InstalledPendingReboot", "InstalledRejectedCount", "MissingCount"),
    **_texts("Operation", "OperationEndTime", "OperationStartTime", "RebootOption"),
}
_PROCESS: Members = {
    **_texts("LaunchedAt", "Name"),
    "ParentPid": "INTEGER",
    "Path": "VARCHAR",
    "Pid": "INTEGER",
    "TerminatedAt": "VARCHAR",
}
_SEVERITY: Members = {
    "Label": "VARCHAR",
    "Normalized": "INTEGER",
    "Original": "VARCHAR",
    "Product": "DOUBLE",
}

_REMOTE_IP = "remote_ip_details.ip_address_v_4"
_RESOURCE_ARNS = "list_filter(json_extract_string(resources, '$[*].Id'), lambda id: coalesce(starts_with(id, 'arn:'), false))"


def _nonempty(*expressions: str) -> str:
    return filled(*(f"nullif({expression}, '')" for expression in expressions))


TABLE = Table(
    name="aws_securityhub_finding",
    description="Findings in Security Hub, as events, as the API answers, or as they are.",
    reference=_DOCS,
    syntax=Syntax(
        "json_text",
        {
            "shape": "lines",
            "unwrap": ("$.detail.findings", "$.Findings"),
            "unwrap_when": r"[\[{]",
            "unwrap_name": _FINDING,
        },
    ),
    columns=(
        text("account", "account", "Account that the event is of."),
        _struct("action", "Action", "What was done, by or to the resource.", _ACTION),
        _text("aws_account_id", "AwsAccountId", "Account that the finding is about."),
        _text("aws_account_name", "AwsAccountName", "Name of that account."),
        _text("company_name", "CompanyName", "Company of the product that made the finding."),
        _struct("compliance", "Compliance", "Result of a check of a control.", _COMPLIANCE),
        _number("confidence", "Confidence", "How sure the product is, 0 to 100."),
        time("created_at", _of("CreatedAt"), "When the product made the finding, UTC."),
        _number("criticality", "Criticality", "How much the resource matters, 0 to 100."),
        _text("description", "Description", "What was found, in words."),
        _json("detection", "Detection", "Attack sequence that GuardDuty found."),
        text("detail_type", "detail-type", "Kind of event: Imported, Custom Action …."),
        json_value("event_resources", "resources", "ARNs of the findings in the event."),
        _text("finding_id", "Id", "Identifier of the finding, given by the product."),
        _json("finding_provider_fields", "FindingProviderFields", "Values as the product gave them first."),
        _text("finding_region", "Region", "Region of the finding."),
        _text("first_observed_at", "FirstObservedAt", "When the problem was seen first, as logged."),
        _struct(
            "generator_details",
            "GeneratorDetails",
            "What made the finding, such as a detector.",
            {"Description": "VARCHAR", "Labels": "VARCHAR[]", "Name": "VARCHAR"},
        ),
        _text("generator_id", "GeneratorId", "Identifier of the rule, check or detector."),
        text("id", "id", "Identifier of the event."),
        _text("last_observed_at", "LastObservedAt", "When the problem was seen last, as logged."),
        _json("malware", "Malware", "Malware found: list of objects."),
        _struct("network", "Network", "Traffic that the finding is about.", _NETWORK),
        _json("network_path", "NetworkPath", "Path of network components: list of objects."),
        _struct("note", "Note", "Note of a user.", _texts("Text", "UpdatedAt", "UpdatedBy")),
        _struct("patch_summary", "PatchSummary", "State of patches of an instance.", _PATCHES),
        _struct("process", "Process", "Process that the finding is about.", _PROCESS),
        _text("processed_at", "ProcessedAt", "When Security Hub took the finding in, as logged."),
        _text("product_arn", "ProductArn", "ARN of the product that made the finding."),
        _json("product_fields", "ProductFields", "Fields of the product's own."),
        _text("product_name", "ProductName", "Name of the product."),
        _text("record_state", "RecordState", "ACTIVE or ARCHIVED."),
        text("region", "region", "Region of the event."),
        _json("related_findings", "RelatedFindings", "Related findings: list of objects."),
        _struct(
            "remediation",
            "Remediation",
            "What to do about it.",
            {"Recommendation": _texts("Text", "Url")},
        ),
        _json("resources", "Resources", "Resources that the finding is about: list of objects, as logged."),
        flag("sample", _of("Sample"), "Whether it is a sample."),
        _text("schema_version", "SchemaVersion", "Version of the finding format."),
        _struct("severity", "Severity", "Severity: label, 0 to 100, and the product's own.", _SEVERITY),
        text("source", "source", "Source of the event."),
        _text("source_url", "SourceUrl", "Page of the finding in the product."),
        _json("threat_intel_indicators", "ThreatIntelIndicators", "Threat intelligence: list of objects."),
        _json("threats", "Threats", "Threats found: list of objects."),
        time("time", "time", "Time of the event, UTC."),
        _text("title", "Title", "Title of the finding."),
        text_list("types", _of("Types"), "Types: namespace/category/classifier."),
        _text("updated_at", "UpdatedAt", "When the product changed the finding last, as logged."),
        _json("user_defined_fields", "UserDefinedFields", "Fields that users added."),
        _text("verification_state", "VerificationState", "Whether the finding was found to be true."),
        text("version", "version", "Version of the event format."),
        _json("vulnerabilities", "Vulnerabilities", "Vulnerabilities found: list of objects."),
        _struct("workflow", "Workflow", "State of the work on it.", _texts("Status")),
        _text("workflow_state", "WorkflowState", "The same, as it was called before."),
    ),
    enrichment={
        # A finding without an event has the time of its last change.
        "tp_timestamp": f'coalesce("time", {utc("updated_at")}, created_at)',
        "tp_akas": f"nullif(coalesce({arn_names('product_arn')}, []) || coalesce({_RESOURCE_ARNS}, []), [])",
        "tp_source_ip": "coalesce(network.source_ip_v_4, network.source_ip_v_6)",
        "tp_destination_ip": "coalesce(network.destination_ip_v_4, network.destination_ip_v_6)",
        "tp_ips": _nonempty(
            "network.source_ip_v_4",
            "network.source_ip_v_6",
            "network.destination_ip_v_4",
            "network.destination_ip_v_6",
            f"action.aws_api_call_action.{_REMOTE_IP}",
            f"action.network_connection_action.{_REMOTE_IP}",
        ),
        "tp_domains": _nonempty(
            "network.source_domain",
            "network.destination_domain",
            "action.aws_api_call_action.domain_details.domain",
            "action.dns_request_action.domain",
        ),
    },
    layouts={
        "aws_s3_bucket": (
            "AWSLogs/%{NUMBER:account_id}/%{DATA:security_hub_integrrated_product_name}/%{DATA:region}/"
            "%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/%{DATA}.json"
        ),
    },
    not_logs={r"/$": "folder marker"},
    statistics=("finding_id", "generator_id", "product_arn"),
    examples=(
        Example(
            "New critical and high findings",
            "select tp_timestamp, severity.label as severity, title, aws_account_id, resources ->> '$[0].Id' as resource\n"
            "from aws_securityhub_finding\n"
            "where severity.label in ('CRITICAL', 'HIGH') and record_state = 'ACTIVE' and workflow.status = 'NEW'\n"
            "order by tp_timestamp desc limit 20",
        ),
        Example(
            "Controls that fail most",
            "select coalesce(compliance.security_control_id, generator_id) as control, count(distinct finding_id) as findings\n"
            "from aws_securityhub_finding where compliance.status = 'FAILED'\n"
            "group by all order by findings desc, control limit 20",
        ),
        Example(
            "Last state of each finding",
            "select finding_id, arg_max(workflow.status, tp_timestamp) as workflow,\n"
            "  arg_max(record_state, tp_timestamp) as state, max(tp_timestamp) as changed\n"
            "from aws_securityhub_finding group by finding_id order by changed desc limit 20",
        ),
    ),
)
