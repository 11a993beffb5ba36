"""AWS CloudTrail: who did what, where and when, through the AWS API."""

from __future__ import annotations

from penstock import envelopes
from penstock.tables import Column, Example, Syntax, Table, utc
from penstock.tables._members import renamed

_DOCS = "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html"

_ISSUER = {
    "accountId": "VARCHAR",
    "arn": "VARCHAR",
    "principalId": "VARCHAR",
    "type": "VARCHAR",
    "userName": "VARCHAR",
}
_WEB_ID = {"attributes": "JSON", "federatedProvider": "VARCHAR"}
_BEHALF = {"identityStoreArn": "VARCHAR", "userId": "VARCHAR"}
_SESSION = {
    "attributes": {"creationDate": "VARCHAR", "mfaAuthenticated": "VARCHAR"},
    "sessionIssuer": _ISSUER,
    "webIdFederationData": _WEB_ID,
    "ec2RoleDelivery": "VARCHAR",
    "ec2IssuedInVpc": "VARCHAR",
    "sourceIdentity": "VARCHAR",
    "assumedRoot": "VARCHAR",
}
_IDENTITY = {
    "type": "VARCHAR",
    "principalId": "VARCHAR",
    "arn": "VARCHAR",
    "accountId": "VARCHAR",
    "accessKeyId": "VARCHAR",
    "userName": "VARCHAR",
    "invokedBy": "VARCHAR",
    "identityProvider": "VARCHAR",
    "credentialId": "VARCHAR",
    "sessionContext": _SESSION,
    "onBehalfOf": _BEHALF,
    "inScopeOf": "JSON",
}
_TLS = {
    "cipherSuite": "VARCHAR",
    "clientProvidedHostHeader": "VARCHAR",
    "keyExchange": "VARCHAR",
    "tlsVersion": "VARCHAR",
}

_IDENTITY_TYPE = (
    "STRUCT(access_key_id VARCHAR, account_id VARCHAR, arn VARCHAR, credential_id VARCHAR, "
    "identity_provider VARCHAR, in_scope_of JSON, invoked_by VARCHAR, "
    "on_behalf_of STRUCT(identity_store_arn VARCHAR, user_id VARCHAR), principal_id VARCHAR, "
    "session_context STRUCT(assumed_root VARCHAR, attributes STRUCT(creation_date BIGINT, mfa_authenticated VARCHAR), "
    "ec2_issued_in_vpc VARCHAR, ec2_role_delivery VARCHAR, "
    'session_issuer STRUCT(account_id VARCHAR, arn VARCHAR, principal_id VARCHAR, "type" VARCHAR, user_name VARCHAR), '
    "source_identity VARCHAR, "
    "web_id_federation_data STRUCT(attributes JSON, federated_provider VARCHAR)), "
    '"type" VARCHAR, user_name VARCHAR)'
)

_CONTEXT = "r.userIdentity.sessionContext"

# AWS writes 2026-01-31T23:59:59Z; records of the first years also 20131102T010628Z.
_CREATED = f"{_CONTEXT}.attributes.creationDate"
_CREATED_MS = (
    f"epoch_ms(coalesce(try_cast({_CREATED} AS TIMESTAMP), try_strptime({_CREATED}, '%Y%m%dT%H%M%SZ')))"
)
_CREATED_MISFIT = (
    f"CASE WHEN {_CREATED} IS NOT NULL AND user_identity.session_context.attributes.creation_date IS NULL "
    f"THEN json_object('userIdentity', "
    f"json_object('sessionContext', json_object('attributes', json_object('creationDate', {_CREATED})))) END"
)

_SESSION_SQL = f"""CASE WHEN {_CONTEXT} IS NULL THEN NULL ELSE {{
    'assumed_root': {_CONTEXT}.assumedRoot,
    'attributes': CASE WHEN {_CONTEXT}.attributes IS NULL THEN NULL ELSE {{
        'creation_date': {_CREATED_MS}, 'mfa_authenticated': {_CONTEXT}.attributes.mfaAuthenticated}} END,
    'ec2_issued_in_vpc': {_CONTEXT}.ec2IssuedInVpc,
    'ec2_role_delivery': {_CONTEXT}.ec2RoleDelivery,
    'session_issuer': {renamed(_CONTEXT + ".sessionIssuer", _ISSUER)},
    'source_identity': {_CONTEXT}.sourceIdentity,
    'web_id_federation_data': {renamed(_CONTEXT + ".webIdFederationData", _WEB_ID)}
}} END"""

# Always a struct, of nulls where the record has none: a CASE around it would copy all of it.
_IDENTITY_SQL = f"""{{
    'access_key_id': r.userIdentity.accessKeyId,
    'account_id': r.userIdentity.accountId,
    'arn': r.userIdentity.arn,
    'credential_id': r.userIdentity.credentialId,
    'identity_provider': r.userIdentity.identityProvider,
    'in_scope_of': r.userIdentity.inScopeOf,
    'invoked_by': r.userIdentity.invokedBy,
    'on_behalf_of': {renamed("r.userIdentity.onBehalfOf", _BEHALF)},
    'principal_id': r.userIdentity.principalId,
    'session_context': {_SESSION_SQL},
    'type': r.userIdentity."type",
    'user_name': r.userIdentity.userName
}}"""

# For each resource: its ARN, the account in it, and the bare name that people search for.
# Without a CASE around it, which would copy the lists.
_AKAS_SQL = """nullif(list_filter(flatten(list_transform(
    list_filter(
        list_transform(resources->>'$[*].ARN', lambda arn: string_split(arn, ':')),
        lambda parts: len(parts) >= 6),
    lambda parts: [
        array_to_string(parts, ':'),
        parts[5],
        CASE parts[3]
            WHEN 's3' THEN split_part(parts[6], '/', 1)
            WHEN 'ec2' THEN regexp_extract(parts[6], '^(?:instance|volume)/(.+)$', 1)
        END])), lambda name: name <> ''), [])"""

# Written out: two values at most need no list function.
_LONG_LIVED_KEY = "starts_with(user_identity.access_key_id, 'AKIA')"
_USERNAMES_SQL = f"""CASE
    WHEN {_LONG_LIVED_KEY} AND user_identity.user_name <> ''
        THEN [user_identity.access_key_id, user_identity.user_name]
    WHEN {_LONG_LIVED_KEY} THEN [user_identity.access_key_id]
    WHEN user_identity.user_name <> '' THEN [user_identity.user_name] END"""


def _text(name: str, source: str, description: str) -> Column:
    return Column(name, "VARCHAR", f'r."{source}"', description, source)


def _json(name: str, source: str, description: str) -> Column:
    return Column(name, "JSON", f'r."{source}"', description, source, "JSON")


def _flag(name: str, source: str, description: str) -> Column:
    return Column(name, "BOOLEAN", f'try_cast(r."{source}" AS BOOLEAN)', description, source)


_LINES = {"shape": "lines"} | envelopes.BRIDGED
_BEGINS = rb'\A(?:[\d:.TZ-]+ +)?\s*\[?\s*\{\s*"'
# By whichever field a record begins: keys are sorted, if somebody else wrote it.
_BARE = _BEGINS + (
    rb"(?:eventVersion|eventTime|eventID|eventName|eventSource|userIdentity|awsRegion|addendum|additionalEventData"
    rb"|apiVersion|edgeDeviceDetails|errorCode|errorMessage|eventCategory|eventContext|eventType|managementEvent"
    rb'|readOnly|recipientAccountId|requestID|requestParameters)"\s*:'
)
_EVENT = _BEGINS + rb'(?:version|id|detail-type|source|account|time)"\s*:(?s:.*?)"detail-type"\s*:'

TABLE = Table(
    name="aws_cloudtrail_log",
    description="API activity in AWS accounts as CloudTrail records it: management, data and network activity events.",
    reference=_DOCS,
    syntax=Syntax("json_text", {"shape": "records", "path": "Records"}),
    # A trail that writes to CloudWatch Logs: a message is a record. And records that somebody else
    # exported, one a line or in a bare array; and what EventBridge sends, a record in each event.
    syntaxes=(
        Syntax("json_text", _LINES, when=envelopes.DELIVERED),
        Syntax("json_text", _LINES, when=_BARE),
        Syntax("json_text", _LINES, when=_EVENT),
    ),
    columns=(
        _json("addendum", "addendum", "Why and how a record was changed or delivered late."),
        _json(
            "additional_event_data",
            "additionalEventData",
            "Data of the event that is neither request nor response.",
        ),
        _text("api_version", "apiVersion", "API version of the AwsApiCall."),
        _text("aws_region", "awsRegion", "Region the request was made to."),
        _json("edge_device_details", "edgeDeviceDetails", "Edge device that a request was aimed at."),
        _text("error_code", "errorCode", "AWS service error, if the request failed."),
        _text("error_message", "errorMessage", "Description of the error."),
        _text("event_category", "eventCategory", "Management, Data, NetworkActivity or Insight."),
        _json(
            "event_context", "eventContext", "Resource tags and request context of enriched events (1.11)."
        ),
        _text("event_id", "eventID", "Identifier that CloudTrail gives each event."),
        _text("event_name", "eventName", "Action that was requested."),
        _text("event_source", "eventSource", "Service the request was made to, such as ec2.amazonaws.com."),
        Column(
            "event_time",
            "TIMESTAMP",
            utc('r."eventTime"'),
            "When the request was completed, UTC.",
            "eventTime",
        ),
        _text("event_type", "eventType", "AwsApiCall, AwsServiceEvent, AwsConsoleSignIn and others."),
        _text("event_version", "eventVersion", "Version of the record format."),
        _json(
            "insight_details", "insightDetails", "Details of an Insights event, where one stands among logs."
        ),
        _flag("management_event", "managementEvent", "Whether it is a management event."),
        _flag("read_only", "readOnly", "Whether the action only reads."),
        _text("recipient_account_id", "recipientAccountId", "Account that received the event."),
        _text("request_id", "requestID", "Identifier of the request, made by the service called."),
        _json("request_parameters", "requestParameters", "Parameters sent with the request."),
        _json("resources", "resources", "Resources accessed: list of objects with ARN, accountId and type."),
        _json("response_elements", "responseElements", "Response of actions that make changes."),
        _json(
            "service_event_details", "serviceEventDetails", "What triggered a service event and its result."
        ),
        _text(
            "session_credential_from_console",
            "sessionCredentialFromConsole",
            "The text true when the session came from the console.",
        ),
        _text(
            "shared_event_id",
            "sharedEventID",
            "Same in the events that one action leaves in several accounts.",
        ),
        _text(
            "source_ip_address", "sourceIPAddress", "Address, service host name or AWS Internal that called."
        ),
        Column(
            "tls_details",
            "STRUCT(cipher_suite VARCHAR, client_provided_host_header VARCHAR, key_exchange VARCHAR, tls_version VARCHAR)",
            renamed("r.tlsDetails", _TLS),
            "TLS version, cipher suite, key exchange and host header of the call.",
            "tlsDetails",
            _TLS,
        ),
        _text("user_agent", "userAgent", "Agent through which the request was made."),
        Column(
            "user_identity",
            _IDENTITY_TYPE,
            _IDENTITY_SQL,
            "Who made the request; session_context.attributes.creation_date is in milliseconds since 1970.",
            "userIdentity",
            _IDENTITY,
            _CREATED_MISFIT,
        ),
        _text("vpc_endpoint_account_id", "vpcEndpointAccountId", "Account that owns the VPC endpoint."),
        _text("vpc_endpoint_id", "vpcEndpointId", "VPC endpoint the request came through."),
    ),
    enrichment={
        "tp_timestamp": "event_time",
        "tp_source_ip": "source_ip_address",
        "tp_ips": "CASE WHEN source_ip_address <> '' THEN [source_ip_address] END",
        "tp_akas": _AKAS_SQL,
        "tp_usernames": _USERNAMES_SQL,
    },
    layouts={
        "aws_s3_bucket": (
            "AWSLogs/(%{DATA:org_id}/)?%{NUMBER:account_id}/CloudTrail/%{DATA:region}/"
            "%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/%{DATA}.json.gz"
        ),
    },
    not_logs={
        r"/CloudTrail-Digest/": "digest file of log file validation",
        r"/CloudTrail-Insight/": "CloudTrail Insights file",
        r"/CloudTrail-Aggregated/": "aggregated events file",
        r"/$": "folder marker",
        r"(^|/)README(\.[a-z]+)?$": "not a log",
    },
    strangers={'"digestStartTime"': "a CloudTrail digest file"},
    statistics=("aws_region", "event_name", "event_source", "event_time", "recipient_account_id"),
    examples=(
        Example(
            "Most frequent calls",
            "select event_source, event_name, count(*) as calls from aws_cloudtrail_log\n"
            "group by all order by calls desc, event_name limit 10",
        ),
        Example(
            "Errors by principal",
            "select user_identity.arn as principal, error_code, count(*) as errors from aws_cloudtrail_log\n"
            "where error_code is not null group by all order by errors desc, principal limit 10",
        ),
        Example(
            "Console sign-ins without MFA",
            "select tp_timestamp, user_identity.arn as principal, source_ip_address,\n"
            "  response_elements->>'ConsoleLogin' as result\n"
            "from aws_cloudtrail_log\n"
            "where event_name = 'ConsoleLogin' and (additional_event_data->>'MFAUsed') = 'No'\n"
            "order by tp_timestamp desc limit 20",
        ),
        Example(
            "Use of the root user",
            "select tp_timestamp, event_name, event_source, source_ip_address from aws_cloudtrail_log\n"
            "where user_identity.type = 'Root' and event_type <> 'AwsServiceEvent'\n"
            "order by tp_timestamp desc limit 20",
        ),
        Example(
            "Everything one access key did",
            "select tp_timestamp, event_source, event_name, error_code, source_ip_address from aws_cloudtrail_log\n"
            "where list_contains(tp_usernames, 'AKIAIOSFODNN7EXAMPLE') order by tp_timestamp limit 100",
        ),
    ),
)
