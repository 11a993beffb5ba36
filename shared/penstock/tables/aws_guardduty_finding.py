"""AWS GuardDuty: suspicious activity found in accounts, workloads and data."""

from __future__ import annotations

from penstock import envelopes
from penstock.readers._names import plain
from penstock.tables import Column, Example, Syntax, Table, filled, number, text, typed
from penstock.tables._members import Made, Members, instant, struct

_DOCS = "https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Finding.html"

# What an action or a resource is, is told by the one of these that is there; the first one counts.
_ACTIONS = (
    "awsApiCallAction",
    "dnsRequestAction",
    "networkConnectionAction",
    "portProbeAction",
    "kubernetesApiCallAction",
    "kubernetesPermissionCheckedDetails",
    "kubernetesRoleDetails",
    "kubernetesRoleBindingDetails",
    "rdsLoginAttemptAction",
)
_RESOURCES = (
    "containerDetails",
    "ebsVolumeDetails",
    "ecsClusterDetails",
    "eksClusterDetails",
    "instanceDetails",
    "kubernetesDetails",
    "lambdaDetails",
    "rdsDbInstanceDetails",
    "rdsDbUserDetails",
)
_NEWER_RESOURCES = (
    "bedrockGuardrailDetails",
    "ebsSnapshotDetails",
    "ec2ImageDetails",
    "modelDetails",
    "rdsLimitlessDbDetails",
    "recoveryPointDetails",
)


# A time within JSON is now and then a number in E notation, which DuckDB's JSON writes with a point.
_NUMBERED = r'(?:At|Time|Seen)":[0-9]+\.[0-9]'


def _pascal(json: str) -> str:
    """SQL for JSON whose keys begin with a capital, as in the API: a key follows `{"` or `,"` in compact JSON.

    No text can hold the mark: control characters are escaped in JSON. Times are texts, as in the API.
    """
    marked = (
        f"""regexp_replace(({json})::VARCHAR, '([{{,])"([a-z][^"\\\\]*":)', '\\1"' || chr(1) || '\\2', 'g')"""
    )
    parts = f"string_split({marked}, chr(1))"
    raised = f"lambda part, i: CASE WHEN i = 1 THEN part ELSE upper(part[1]) || {_spelt('part[2:]')} END"
    return f"array_to_string(list_transform({parts}, {raised}), '')"


def _spelt(part: str) -> str:
    """SQL for a piece of JSON that begins within a key: its value, if that is a time as a number, as a text."""
    key, number = f"regexp_extract({part}, '^[^:]*:')", f"regexp_extract({part}, ':([0-9.]+)', 1)"
    made = f"{key} || '\"' || {_text_of(instant(number))} || '\"' || {part}[strlen({key} || {number}) + 1:]"
    return f"CASE WHEN regexp_matches({part}, '^[A-Za-z]*{_NUMBERED}') THEN coalesce({made}, {part}) ELSE {part} END"


def _text_of(time: str) -> str:
    """SQL for a time as GuardDuty spells it elsewhere."""
    return f"strftime({time}, '%Y-%m-%dT%H:%M:%SZ')"


def _first(names: tuple[str, ...]) -> str:
    """SQL for the first of these members of `@` that is filled."""
    filled_ones = (f"CASE WHEN {_is_filled(name)} THEN @.{name} END" for name in names)
    return f"coalesce({', '.join(filled_ones)})"


def _is_filled(name: str) -> str:
    """SQL: whether this member of `@`, an object or a list, holds anything."""
    return f"@.{name} NOT IN ('[]'::JSON, '{{}}'::JSON)"


def _seen(member: str) -> str:
    """SQL for a time as text: written as a number, it is spelt as the others are."""
    return (
        f"CASE WHEN try_cast({member} AS DOUBLE) IS NULL THEN {member} ELSE {_text_of(instant(member))} END"
    )


def _pascal_member() -> Made:
    return Made("JSON", _pascal("@"), "JSON")


_ACTION: Members = {
    "actionType": "VARCHAR",
    "actionDetails": Made("JSON", _pascal(_first(_ACTIONS))),
    **dict.fromkeys(_ACTIONS, "JSON"),
}
_RESOURCE_DETAILS = (
    f"coalesce({_pascal(_first(_RESOURCES))}, "
    f"CASE WHEN {_is_filled('s3BucketDetails')} "
    f"THEN '{{\"s3_bucket_details\":' || {_pascal('@.s3BucketDetails')} || '}}' END, "
    f"{_pascal(_first(_NEWER_RESOURCES))})"
)
_RESOURCE: Members = {
    "resourceType": "VARCHAR",
    "accessKeyDetails": {
        "accessKeyId": "VARCHAR",
        "principalId": "VARCHAR",
        "userName": "VARCHAR",
        "userType": "VARCHAR",
    },
    "resourceDetails": Made("JSON", _RESOURCE_DETAILS),
    **dict.fromkeys((*_RESOURCES, "s3BucketDetails", *_NEWER_RESOURCES), "JSON"),
}
_PROCESS: Members = {
    "euid": "INTEGER",
    "executablePath": "VARCHAR",
    "executableSha256": "VARCHAR",
    "lineage": "JSON",
    "name": "VARCHAR",
    "namespacePid": "INTEGER",
    "parentUuid": "VARCHAR",
    "pid": "INTEGER",
    "pwd": "VARCHAR",
    "startTime": "TIMESTAMP",
    "user": "VARCHAR",
    "userId": "INTEGER",
    "uuid": "VARCHAR",
}
_CONTEXT: Members = {
    "addressFamily": "VARCHAR",
    "commandLineExample": "VARCHAR",
    "fileOperation": "VARCHAR",
    "filePath": "VARCHAR",
    "fileSystemType": "VARCHAR",
    "flags": "VARCHAR[]",
    "ianaProtocolNumber": "INTEGER",
    "ldPreloadValue": "VARCHAR",
    "libraryPath": "VARCHAR",
    "memoryRegions": "VARCHAR[]",
    "modifiedAt": "TIMESTAMP",
    "modifyingProcess": _PROCESS,
    "moduleFilePath": "VARCHAR",
    "moduleName": "VARCHAR",
    "moduleSha256": "VARCHAR",
    "mountSource": "VARCHAR",
    "mountTarget": "VARCHAR",
    "relatedFilePaths": "VARCHAR[]",
    "releaseAgentPath": "VARCHAR",
    "runcBinaryPath": "VARCHAR",
    "scriptPath": "VARCHAR",
    "serviceName": "VARCHAR",
    "shellHistoryFilePath": "VARCHAR",
    "socketPath": "VARCHAR",
    "targetProcess": _PROCESS,
    "threatFilePath": "VARCHAR",
    "toolCategory": "VARCHAR",
    "toolName": "VARCHAR",
}
_SERVICE: Members = {
    "action": _ACTION,
    "additionalInfo": {"type": "VARCHAR", "value": "VARCHAR"},
    "archived": "BOOLEAN",
    "count": "INTEGER",
    "detection": _pascal_member(),
    "detectorId": "VARCHAR",
    "ebsVolumeScanDetails": _pascal_member(),
    "eventFirstSeen": Made("VARCHAR", _seen("@"), "VARCHAR"),
    "eventLastSeen": Made("VARCHAR", _seen("@"), "VARCHAR"),
    "evidence": _pascal_member(),
    "featureName": "VARCHAR",
    "malwareScanDetails": _pascal_member(),
    "resourceRole": "VARCHAR",
    "runtimeDetails": {"context": _CONTEXT, "process": _PROCESS},
    "serviceName": "VARCHAR",
    "userFeedback": "VARCHAR",
}
_NAMES = {"shellHistoryFilePath": "shell_history_path"}

_ACTION_JSON = "service.action.action_details"
_INTERFACES = "resource.instance_details"
_SEQUENCE = "service.detection"
_KEY = "resource.access_key_details"


def _found(json: str, *paths: str) -> str:
    """SQL for the texts at these JSON paths, each with a wildcard, without empty ones."""
    lists = ", ".join(f"json_extract_string({json}, '{path}')" for path in paths)
    return f"coalesce(list_filter(flatten([{lists}]), lambda x: x <> ''), [])"


def _all(*lists: str) -> str:
    """SQL for these lists as one; null if they are empty."""
    return f"nullif({' || '.join(lists)}, [])"


# An attack sequence has no action: who and where stand in its detection.
_IPS = _all(
    _found(_ACTION_JSON, "$..IpAddressV4", "$..IpAddressV6", "$.SourceIPs[*]"),
    _found(
        _INTERFACES,
        "$.networkInterfaces[*].publicIp",
        "$.networkInterfaces[*].privateIpAddress",
        "$.networkInterfaces[*].ipv6Addresses[*]",
    ),
    _found(_SEQUENCE, "$.Sequence.Endpoints[*].Ip"),
)
_DOMAINS = _all(
    _found(_ACTION_JSON, "$..Domain"),
    _found(_INTERFACES, "$.networkInterfaces[*].publicDnsName"),
    _found(_SEQUENCE, "$.Sequence.Endpoints[*].Domain"),
)
_USERNAMES = _all(
    f"list_filter([{', '.join(f'{_KEY}.{name}' for name in ('access_key_id', 'user_name', 'principal_id'))}], "
    "lambda x: x <> '')",
    _found("resource.kubernetes_details", "$..username"),
    _found("resource.rds_db_user_details", "$..user"),
    _found(_SEQUENCE, "$.Sequence.Actors[*].User.Name", "$.Sequence.Actors[*].User.CredentialUid"),
)


def _time(name: str, source: str, description: str) -> Column:
    return typed(name, "TIMESTAMP", instant(f'r."{source}"'), source, description)


TABLE = Table(
    name="aws_guardduty_finding",
    description="Findings of GuardDuty: what was found, on which resource, how severe it is.",
    reference=_DOCS,
    syntax=Syntax("json_text", {"shape": "lines"} | envelopes.BRIDGED),
    columns=(
        text("account_id", "accountId", "Account in which it was found."),
        text("arn", "arn", "ARN of the finding."),
        text(
            "associated_attack_sequence_arn",
            "associatedAttackSequenceArn",
            "ARN of the attack sequence that the finding is part of.",
        ),
        number("confidence", "confidence", "How sure GuardDuty is.", "DOUBLE"),
        _time("created_at", "createdAt", "When the finding was made first, UTC."),
        text(
            "custom_detection_rule_name",
            "customDetectionRuleName",
            "Rule of your own that made the finding.",
        ),
        text("description", "description", "What was found, in words."),
        text("id", "id", "Identifier of the finding."),
        text("partition", "partition", "Partition of AWS: aws, aws-cn or aws-us-gov."),
        text("region", "region", "Region in which it was found."),
        struct(
            "resource",
            "resource",
            "What it was found on. resource_details is that of the first kind that is there, its keys spelt as in "
            "the API; the members named after a kind are as logged.",
            _RESOURCE,
        ),
        text("schema_version", "schemaVersion", "Version of the finding format."),
        struct(
            "service",
            "service",
            "What happened and how it was seen. JSON has its keys spelt as in the API, but for members named "
            "after a kind of action, which are as logged.",
            _SERVICE,
            lambda key: _NAMES.get(key) or plain(key),
        ),
        number("severity", "severity", "Severity, 0.1 to 10.", "DOUBLE"),
        text("title", "title", "Title of the finding."),
        text("type", "type", "Type: purpose:resource/family.mechanism."),
        _time("updated_at", "updatedAt", "When the same was found last, UTC."),
    ),
    enrichment={
        "tp_timestamp": "created_at",
        "tp_akas": filled("arn"),
        "tp_ips": _IPS,
        "tp_domains": _DOMAINS,
        "tp_usernames": _USERNAMES,
    },
    layouts={
        "aws_s3_bucket": (
            "AWSLogs/(%{DATA:org_id}/)?%{NUMBER:account_id}/GuardDuty/%{DATA:region_path}/"
            "%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/%{DATA}.jsonl.gz"
        ),
    },
    not_logs={r"/$": "folder marker"},
    statistics=("account_id", "id", "severity", "type"),
    examples=(
        Example(
            "Severe findings that are not archived",
            "select tp_timestamp, severity, type, title, account_id, region from aws_guardduty_finding\n"
            "where severity >= 7 and not coalesce(service.archived, false) order by severity desc limit 20",
        ),
        Example(
            "Findings by type",
            "select type, count(*) as findings, max(severity) as severity, sum(service.count) as times\n"
            "from aws_guardduty_finding group by type order by findings desc, type limit 20",
        ),
        Example(
            "Addresses in findings",
            "select ip, list(distinct type) as types, count(*) as findings\n"
            "from (select unnest(tp_ips) as ip, type from aws_guardduty_finding)\n"
            "group by ip order by findings desc, ip limit 20",
        ),
        Example(
            "Access keys and users that findings are about",
            "select resource.access_key_details.user_name as user_name, type, max(tp_timestamp) as latest\n"
            "from aws_guardduty_finding where resource.access_key_details.user_name is not null\n"
            "group by all order by latest desc limit 20",
        ),
    ),
)
