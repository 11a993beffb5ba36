"""The blocks of a configuration, each declared once: labels, arguments, defaults, docs.

Reading and checking go by these; the reference page and completion derive from them. The arguments
of a `source` block stand with the source (`sources/`).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any, get_args

from penstock import times
from penstock.arguments import Argument, ArgumentType
from penstock.config.block_type import BlockType
from penstock.config.own_blocks import COLUMN, FORMAT, TABLE
from penstock.errors import UsageError
from penstock.tables import Replaces

__all__ = ["BLOCKS", "COLUMN", "DEFAULT_CONNECTION", "BlockType", "check_label"]

DEFAULT_CONNECTION = "aws.default"
"""The connection that exists without being written: the AWS SDK's own chain of credentials."""


def check_label(text: str) -> str | None:
    """What is wrong with a name: it becomes part of references, keys and paths."""
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,127}", text):
        return None
    return "expected letters, digits, underscores and hyphens, 128 at most"


def _at_least(lowest: int) -> Callable[[Any], str | None]:
    return lambda value: (
        None if isinstance(value, int) and value >= lowest else f"expected a whole number from {lowest}"
    )


def _time(text: str) -> str | None:
    try:
        times.parse(text, dt.datetime.now(dt.UTC))
    except UsageError as error:
        return str(error).partition(", ")[2]
    return None


def _url(text: str) -> str | None:
    return (
        None
        if re.fullmatch(r"https?://[^/\s]+/?", text)
        else "expected http://host:port or https://host:port"
    )


def _role(text: str) -> str | None:
    pattern = r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+"
    return None if re.fullmatch(pattern, text) else "expected arn:aws:iam::<12 digits>:role/<name>"


def _region(text: str) -> str | None:
    return (
        None if re.fullmatch(r"[a-z]{2,}(-[a-z]+)+-\d+", text) else "expected a region such as eu-central-1"
    )


def _hive(text: str) -> str | None:
    if "://" in text and not text.startswith("s3://"):
        return "expected a directory or s3://bucket/prefix"
    if text.startswith("s3:") and not re.match(r"s3://[a-z0-9][a-z0-9.-]+[a-z0-9](/|$)", text):
        return "expected s3://bucket/prefix"
    return None if text.strip() else "expected a directory or s3://bucket/prefix"


def _queue(text: str) -> str | None:
    expected = "expected a queue's URL such as https://sqs.eu-central-1.amazonaws.com/123456789012/penstock"
    return None if re.fullmatch(r"https?://[^/\s]+(/[^/\s]+)+", text) else expected


def _retention(text: str) -> str | None:
    fits = text == "forever" or re.fullmatch(r"[1-9]\d{0,4}d", text)
    return None if fits else "expected days such as 400d"


def _replaces(text: str) -> str | None:
    return None if text in get_args(Replaces) else "expected nothing, object or delivery"


def _export(text: str) -> str | None:
    return None if text == "iceberg" else "expected iceberg"


def _ledger(text: str) -> str | None:
    if re.fullmatch(r"dynamodb://[A-Za-z0-9_.-]{3,255}|sqlite:///.+", text):
        return None
    return "expected dynamodb://<table> or sqlite:///<file>"


_ELSEWHERE = "it sizes another program; Penstock's own limits are settings"


def _ignored(name: str, type_: ArgumentType, why: str) -> Argument:
    return Argument(name, type_, "Accepted so that existing files load.", ignored=why)


_CONNECTION = BlockType(
    name="connection",
    labels=("type", "name"),
    description="Credentials and account scope for AWS. Without arguments, the SDK's own chain is used.",
    arguments=(
        Argument("profile", "string", "Profile of the shared AWS configuration files."),
        Argument("access_key", "string", "Access key id; needs secret_key."),
        Argument("secret_key", "string", "Secret access key; needs access_key."),
        Argument("session_token", "string", "Session token of temporary keys; needs both keys."),
        Argument("region", "string", "Region to call.", default="AWS_REGION, else us-east-1", check=_region),
        Argument("role_arn", "string", "Role to assume with these credentials.", check=_role),
        Argument("external_id", "string", "What the role's trust policy asks for; needs role_arn."),
        Argument("session_name", "string", "Name of the role's session; needs role_arn.", default="penstock"),
        Argument("max_error_retry_attempts", "number", "Tries of one call.", default=9, check=_at_least(1)),
        Argument(
            "endpoint_url", "string", "Endpoint instead of AWS's own.", default="AWS_ENDPOINT_URL", check=_url
        ),
        Argument("s3_force_path_style", "bool", "Put the bucket into the path of S3 URLs.", default=False),
        _ignored("min_error_retry_delay", "number", "the SDK chooses how long to wait between tries"),
        _ignored("ttl", "number", "keys are renewed when they expire"),
        _ignored("regions", "strings", "a bucket's region is looked up, a source names its own"),
    ),
    example="""\
connection "aws" "logs" {
  profile = "logging-account"
}
""",
)

_PARTITION = BlockType(
    name="partition",
    labels=("table", "name"),
    description="A named instance of a table, collected from one or more sources.",
    arguments=(
        Argument(
            "filter", "string", "SQL condition over the table's columns; rows that fail it are not stored."
        ),
        Argument(
            "tp_index", "string", "Column whose value divides the partition in the hive.", default="default"
        ),
        Argument(
            "retention",
            "string",
            "How long rows are kept, in days of their tp_timestamp; older days are removed by compaction.",
            default="forever",
            check=_retention,
        ),
        Argument(
            "unique_key",
            "string",
            "Column of which compaction keeps one row of those that share its value and tp_timestamp, for "
            "example event_id where two trails deliver the same event.",
        ),
        Argument(
            "export",
            "string",
            "iceberg: compaction also lists the partition's files in an Iceberg table, which other engines "
            "read with snapshots; no data is copied.",
            check=_export,
        ),
        Argument(
            "replaces",
            "string",
            "What new rows take the place of: nothing; object, the rows of that object's older versions; "
            "delivery, those of the older deliveries of the period, once a manifest is there (cost and "
            "usage tables, in buckets).",
            default="the table's, mostly nothing (and files that changed are left alone)",
            check=_replaces,
        ),
    ),
    blocks=("source", "tier"),
    example="""\
partition "aws_cloudtrail_log" "prod" {
  source "aws_s3_bucket" {
    connection = connection.aws.logs
    bucket     = "my-cloudtrail-logs"
  }
  filter   = "event_source <> 'kms.amazonaws.com'"
  tp_index = "recipient_account_id"
  tier {
    after         = "90d"
    storage_class = "GLACIER_IR"
  }
}
""",
)

_WORKSPACE = BlockType(
    name="workspace",
    labels=("name",),
    description="A hive and its ledger, by name. `default` exists without being written.",
    arguments=(
        Argument(
            "hive", "string", "Root of the Parquet files: a directory or s3://bucket/prefix.",
            default="~/.penstock/<name>/hive", check=_hive,
        ),
        Argument(
            "ledger", "string", "dynamodb://<table> or sqlite:///<file>. Required with a hive on S3.",
            default="sqlite:///<hive>/_ledger.sqlite", check=_ledger,
        ),
        Argument(
            "region", "string", "Region of the hive and the ledger.", default="AWS_REGION", check=_region
        ),
        Argument(
            "queue", "string", "URL of the SQS queue that the collect function reads; `penstock collect` "
            "sends its work there. The stack's output QueueUrl.", check=_queue,
        ),
        Argument("profile", "string", "Profile of the shared AWS configuration files."),
        Argument(
            "endpoint_url", "string", "Endpoint instead of AWS's own.", default="AWS_ENDPOINT_URL", check=_url
        ),
        _ignored("log_level", "string", "set the level on the function or the command"),
        _ignored("update_check", "bool", "nothing calls home"),
        _ignored("memory_max_mb", "number", _ELSEWHERE),
        _ignored("plugin_memory_max_mb", "number", _ELSEWHERE),
        _ignored("temp_dir_max_mb", "number", _ELSEWHERE),
    ),
    example="""\
workspace "default" {
  hive   = "s3://my-hive/logs"
  ledger = "dynamodb://penstock-ledger"
  region = "eu-central-1"
}
""",
)  # fmt: skip

_SCHEMA = BlockType(
    name="schema",
    labels=("name",),
    description="Views of the tables, narrowed, under a name of their own: `select … from <name>.<table>`.",
    arguments=(
        Argument("tables", "strings", "Tables it shows; `*` and `?`.", default=["*"]),
        Argument(
            "partitions", "strings", "Only these partitions: table.partition or either; `*` and `?`.",
            default="all",
        ),
        Argument("indexes", "strings", "Only these values of tp_index; `*` and `?`.", default="all"),
        Argument(
            "from", "string",
            "Rows from this time on: 2026-01-31, T-7d and the like, counted when a query starts.",
            check=_time,
        ),
        Argument("to", "string", "Rows up to this time, itself included.", check=_time),
        Argument(
            "materialized", "bool", "Keep copies of its files where it is queried, up to date with the hive.",
            default=False,
        ),
    ),
    example="""\
schema "last_week" {
  tables     = ["aws_cloudtrail_log"]
  partitions = ["prod*"]
  from       = "T-7d"
}
""",
)  # fmt: skip

BLOCKS: dict[str, BlockType] = {
    block.name: block for block in (_CONNECTION, _PARTITION, _WORKSPACE, FORMAT, TABLE, _SCHEMA)
}
"""What may stand in a file, by name."""
