"""AWS CloudTrail Insights: unusual rates of API calls and of errors."""

from __future__ import annotations

from penstock import envelopes
from penstock.tables import Example, Syntax, Table, json_value, text, time
from penstock.tables._members import Members, struct

_DOCS = "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-insights-fields-trails.html"

_DETAILS: Members = {
    "errorCode": "VARCHAR",
    "eventName": "VARCHAR",
    "eventSource": "VARCHAR",
    "insightContext": {
        "attributions": "JSON",
        "statistics": {
            "baseline": {"average": "DOUBLE"},
            "baselineDuration": "BIGINT",
            "insight": {"average": "DOUBLE"},
            "insightDuration": "BIGINT",
        },
    },
    "insightType": "VARCHAR",
    "sourceEventCategory": "VARCHAR",
    "state": "VARCHAR",
}

# Whose calls made the rate unusual.
_CALLERS = """flatten(list_transform(
    list_filter(
        TRY(from_json(insight_details.insight_context.attributions,
            '[{"attribute":"VARCHAR","insight":[{"value":"VARCHAR"}]}]')),
        lambda one: one.attribute = 'userIdentityArn'),
    lambda one: list_transform(one.insight, lambda found: found.value)))"""
_ARNS = f"list_filter({_CALLERS}, lambda arn: starts_with(arn, 'arn:'))"
_CALLER_NAMES = f"list_transform({_ARNS}, lambda arn: regexp_extract(arn, '[^:/]*$'))"

_LINES = {"shape": "lines"} | envelopes.BRIDGED

TABLE = Table(
    name="aws_cloudtrail_insight",
    description="Insights of CloudTrail: when calls or errors of an API became unusually many, and when that ended.",
    reference=_DOCS,
    syntax=Syntax("json_text", {"shape": "records", "path": "Records"} | envelopes.BRIDGED),
    # In CloudWatch Logs each message is one record, and so is each line that somebody else exported.
    syntaxes=(
        Syntax("json_text", _LINES, when=envelopes.DELIVERED),
        Syntax(
            "json_text",
            _LINES,
            when=rb'\A(?:[\d:.TZ-]+ +)?\s*\[?\s*\{\s*"(?:event\w+|awsRegion|addendum|insightDetails)"\s*:',
        ),
    ),
    columns=(
        json_value("addendum", "addendum", "Why and how a record was changed or delivered late."),
        text("aws_region", "awsRegion", "Region of the calls."),
        text("event_category", "eventCategory", "Always Insight."),
        text("event_id", "eventID", "Identifier of the event."),
        time("event_time", "eventTime", "When the unusual activity began or ended, UTC."),
        text("event_type", "eventType", "Always AwsCloudTrailInsight."),
        text("event_version", "eventVersion", "Version of the record format."),
        struct(
            "insight_details",
            "insightDetails",
            "What was unusual: the call, Start or End, averages per minute, durations in minutes, and who made "
            "the calls (attributions: list of objects).",
            _DETAILS,
        ),
        text("recipient_account_id", "recipientAccountId", "Account that received the event."),
        text("shared_event_id", "sharedEventID", "Same in the events of start and end."),
    ),
    enrichment={
        "tp_timestamp": "event_time",
        "tp_akas": f"nullif({_ARNS}, [])",
        "tp_usernames": f"nullif(list_filter({_CALLER_NAMES}, lambda name: name <> ''), [])",
    },
    layouts={
        "aws_s3_bucket": (
            "AWSLogs/(%{DATA:org_id}/)?%{NUMBER:account_id}/CloudTrail-Insight/%{DATA:region}/"
            "%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/%{DATA}.json.gz"
        ),
    },
    not_logs={
        r"/CloudTrail/": "CloudTrail log file",
        r"/CloudTrail-Digest/": "digest file of log file validation",
        r"/CloudTrail-Aggregated/": "aggregated events file",
        r"/$": "folder marker",
    },
    strangers={'"digestStartTime"': "a CloudTrail digest file"},
    statistics=("event_id", "recipient_account_id", "shared_event_id"),
    examples=(
        Example(
            "Unusual activity that began",
            "select tp_timestamp, insight_details.event_source as source, insight_details.event_name as call,\n"
            "  insight_details.insight_type as type,\n"
            "  insight_details.insight_context.statistics.baseline.average as usual,\n"
            "  insight_details.insight_context.statistics.insight.average as unusual\n"
            "from aws_cloudtrail_insight where insight_details.state = 'Start' order by tp_timestamp desc limit 20",
        ),
        Example(
            "How long it lasted",
            "select shared_event_id, min(tp_timestamp) as began, max(tp_timestamp) as ended,\n"
            "  max(insight_details.insight_context.statistics.insight_duration) as minutes\n"
            "from aws_cloudtrail_insight group by shared_event_id order by began desc limit 20",
        ),
        Example(
            "Who was behind it",
            "select name, call, count(*) as insights\n"
            "from (select unnest(tp_usernames) as name, insight_details.event_name as call from aws_cloudtrail_insight)\n"
            "group by all order by insights desc, name limit 20",
        ),
    ),
)
