"""AWS Config: how resources were configured, from history and snapshot files."""

from __future__ import annotations

from penstock import envelopes
from penstock.tables import Column, Example, Syntax, Table, json_value, text, text_list, time
from penstock.tables._arns import arn_names

_DOCS = "https://docs.aws.amazon.com/config/latest/developerguide/config-item-table.html"


def _found(*paths: str) -> str:
    """SQL for the texts at these paths of the configuration; null if there are none."""
    found = ", ".join(f"json_extract_string(configuration, '{path}')" for path in paths)
    return f"nullif(list_filter([{found}], lambda x: x <> ''), [])"


_NAMES = f"coalesce({arn_names('arn')}, [])"

TABLE = Table(
    name="aws_config_item",
    description="Configuration items: the state of a resource at a time, as AWS Config recorded it.",
    reference=_DOCS,
    syntax=Syntax(
        "json_text",
        {
            "shape": "records",
            "path": "configurationItems",
            "unwrap": ("$.detail.configurationItem", "$.configurationItem"),
            "unwrap_when": r'"(?:configurationItem|configurationItemDiff|detail-type)"\s*:',
        },
    ),
    # In CloudWatch Logs each message is one notification, or a list of items.
    syntaxes=(
        Syntax(
            "json_text",
            {
                "shape": "lines",
                "unwrap": ("$.detail.configurationItem", "$.configurationItem", "$.configurationItems"),
                "unwrap_when": r'"(?:configurationItems?|configurationItemDiff|detail-type)"\s*:',
            },
            when=envelopes.DELIVERED,
        ),
    ),
    columns=(
        text("arn", "ARN", "ARN of the resource."),
        text("availability_zone", "availabilityZone", "Availability zone of the resource."),
        Column(
            "aws_account_id",
            "VARCHAR",
            'coalesce(r."awsAccountId", r."accountId")',
            "Account of the resource; older files call it accountId.",
            "awsAccountId",
            reads={"accountId": "VARCHAR"},
        ),
        text("aws_region", "awsRegion", "Region of the resource."),
        json_value("configuration", "configuration", "The configuration, as the service's API describes it."),
        time("configuration_item_capture_time", "configurationItemCaptureTime", "When it was recorded, UTC."),
        time(
            "configuration_item_delivery_time",
            "configurationItemDeliveryTime",
            "When it was delivered, UTC.",
        ),
        text("configuration_item_md5_hash", "configurationItemMD5Hash", "MD5 of the item."),
        text(
            "configuration_item_status",
            "configurationItemStatus",
            "OK, ResourceDiscovered, ResourceDeleted, ResourceNotRecorded ….",
        ),
        text("configuration_item_version", "configurationItemVersion", "Version of the format of items."),
        text("configuration_state_id", "configurationStateId", "Orders the items of a resource."),
        text("configuration_state_md5_hash", "configurationStateMd5Hash", "MD5 of the state."),
        text("recording_frequency", "recordingFrequency", "CONTINUOUS or DAILY."),
        text_list(
            "related_events", "relatedEvents", "Identifiers of CloudTrail events that led to the item."
        ),
        json_value("relationships", "relationships", "Related resources: list of objects."),
        time("resource_creation_time", "resourceCreationTime", "When the resource was made, UTC."),
        text("resource_id", "resourceId", "Identifier of the resource."),
        text("resource_name", "resourceName", "Name of the resource."),
        text("resource_type", "resourceType", "Type of the resource, such as AWS::EC2::Instance."),
        text("snapshot_version", "snapshotVersion", "Version of the format, in older files."),
        json_value(
            "supplementary_configuration",
            "supplementaryConfiguration",
            "What further calls say of the configuration.",
        ),
        json_value("tags", "tags", "Tags of the resource: values by key."),
    ),
    enrichment={
        "tp_timestamp": "configuration_item_capture_time",
        "tp_akas": (
            f"nullif({_NAMES} || CASE WHEN resource_id <> '' AND NOT list_contains({_NAMES}, resource_id) "
            "THEN [resource_id] ELSE [] END, [])"
        ),
        "tp_ips": _found("$.privateIpAddress", "$.publicIpAddress", "$.publicIp"),
        "tp_domains": _found("$.privateDnsName", "$.publicDnsName", "$.dnsname", "$.dNSName"),
        "tp_usernames": "CASE WHEN resource_type = 'AWS::IAM::User' AND resource_name <> '' THEN [resource_name] END",
    },
    layouts={
        "aws_s3_bucket": (
            "AWSLogs/(%{DATA:org_id}/)?%{NUMBER:account_id}/Config/%{DATA:region}/"
            "%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/%{DATA:kind}/%{DATA}.json.gz"
        ),
    },
    not_logs={r"/ConfigWritabilityCheckFile$": "check that Config may write", r"/$": "folder marker"},
    statistics=("arn", "resource_id", "resource_type"),
    examples=(
        Example(
            "Resources that were deleted",
            "select tp_timestamp, resource_type, resource_id, aws_region, related_events from aws_config_item\n"
            "where configuration_item_status in ('ResourceDeleted', 'ResourceDeletedNotRecorded')\n"
            "order by tp_timestamp desc limit 20",
        ),
        Example(
            "Resources that change most",
            "select resource_type, resource_id, count(*) as items, max(tp_timestamp) as latest from aws_config_item\n"
            "group by all order by items desc, resource_id limit 20",
        ),
        Example(
            "Last known state of instances",
            "select resource_id, arg_max(configuration ->> '$.state.name', tp_timestamp) as state,\n"
            "  arg_max(tags ->> 'Name', tp_timestamp) as name, max(tp_timestamp) as recorded\n"
            "from aws_config_item where resource_type = 'AWS::EC2::Instance' group by resource_id limit 100",
        ),
    ),
)
