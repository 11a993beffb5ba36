"""Source `aws_cloudwatch_log_group`: events of CloudWatch Logs, which announce themselves to nobody."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.sources._declaration import Argument, ArgumentError, Source
from penstock.tables import Table

__all__ = ["SOURCE", "LogGroupSource"]


@dataclass(frozen=True, slots=True)
class LogGroupSource:
    """Events of one log group (`group`), or of all whose names begin with `prefix`.

    `streams` are patterns over names of log streams (`*`, `?`, `[…]`), empty for all. `filter` is
    handed to the service (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html).
    `overlap` is in seconds: how far back each poll looks again for events that came late.
    """

    group: str
    prefix: str = ""
    region: str | None = None
    streams: tuple[str, ...] = ()
    filter: str = ""
    overlap: int = 300
    connection: str = "aws.default"
    format: str | None = None
    type: str = "aws_cloudwatch_log_group"

    @property
    def place(self) -> str:
        """The group, or the beginning of the groups' names, with the region if it is told."""
        name = self.group or f"{self.prefix}*"
        return f"{self.region}:{name}" if self.region else name

    def wants(self, stream: str) -> bool:
        """Whether a log stream is asked for; a star does not cross a slash."""
        return not self.streams or any(_matches(stream, pattern) for pattern in self.streams)


def _matches(name: str, pattern: str) -> bool:
    parts, wanted = name.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(
        fnmatch.fnmatchcase(part, one) for part, one in zip(parts, wanted, strict=True)
    )


def _check_group(name: str) -> str | None:
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html
    if re.fullmatch(r"[\w./#-]{1,512}", name, re.ASCII):
        return None
    return "expected a log group's name: letters, digits and _-/.#, 512 at most"


def _check_streams(patterns: Sequence[str]) -> str | None:
    return None if all(patterns) else "expected patterns such as eni-*, none of them empty"


def _build(values: Mapping[str, Any], table: Table) -> LogGroupSource:  # noqa: ARG001 - the same for every table
    group, prefix = values.get("log_group_name", ""), values.get("log_group_prefix", "")
    if bool(group) == bool(prefix):
        found = "found both" if group else "found neither"
        raise ArgumentError("log_group_name", f"{found}, expected log_group_name or log_group_prefix")
    return LogGroupSource(
        group=group,
        prefix=prefix,
        region=values.get("region"),
        streams=tuple(values.get("log_stream_names", ())),
        filter=values.get("filter_pattern", ""),
        overlap=int(values.get("overlap", 300)),
        connection=values.get("connection", "aws.default"),
        format=values.get("format"),
    )


SOURCE = Source(
    name="aws_cloudwatch_log_group",
    description="Events of CloudWatch Logs, polled from where the last poll ended; the position moves in the "
    "commit that adds the rows. An overlap is looked at again for events that came late; those that are "
    "known by their ids are left out.",
    arguments=(
        Argument("log_group_name", "string", "Name of the log group.", check=_check_group),
        Argument(
            "log_group_prefix",
            "string",
            "Instead of a name: how the names of the groups begin.",
            check=_check_group,
        ),
        Argument(
            "log_stream_names",
            "strings",
            "Patterns for the log streams wanted: `*` (not across a slash), `?`, `[…]`.",
            default="all",
            check=_check_streams,
        ),
        Argument("filter_pattern", "string", "Filter that the service applies.", default=""),
        Argument(
            "overlap",
            "number",
            "How far back a poll looks again for late events.",
            default=300,
            unit="s",
            check=lambda seconds: None if 0 <= seconds <= 86_400 else "expected 0 to 86400 seconds",
        ),
        Argument(
            "region",
            "string",
            "Region of the group.",
            default="the connection's",
            check=lambda text: (
                None
                if re.fullmatch(r"[a-z]{2,}(-[a-z]+)+-\d+", text)
                else "expected a region such as eu-central-1"
            ),
        ),
        Argument("connection", "connection", "Credentials to use.", default="connection.aws.default"),
        Argument("format", "format", "How messages become rows.", default="the table's"),
    ),
    build=_build,
    example="""\
source "aws_cloudwatch_log_group" {
  log_group_name   = "/aws/eks/prod/cluster"
  log_stream_names = ["kube-apiserver-audit-*"]
  region           = "eu-central-1"
}
""",
)
