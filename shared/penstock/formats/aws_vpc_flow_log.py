"""Format `aws_vpc_flow_log`: VPC flow logs whose lines do not say which fields they have."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from penstock import tables
from penstock.arguments import Argument, ArgumentError
from penstock.formats._declaration import Format, Preset
from penstock.readers import Syntax

__all__ = ["FORMAT"]

_TABLE = tables.find("aws_vpc_flow_log")
_FIELD = re.compile(r"\$\{\s*([^}]*?)\s*\}|(\S+)")


def _build(values: Mapping[str, Any]) -> Syntax:
    names = tuple(found[1] or found[2] for found in _FIELD.finditer(values["layout"]))
    known = [column.source for column in _TABLE.columns]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            message = f"unknown field {name!r}, expected fields such as {', '.join(known)}"
            raise ArgumentError("layout", message, f"did you mean {near[0]}?" if near else "")
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise ArgumentError("layout", f'found the field "{twice[0]}" again, expected it once')
    if not names:
        raise ArgumentError("layout", "found nothing, expected fields with blanks between them")
    return Syntax("delimited", {**_TABLE.syntax.options, "columns": names})


FORMAT = Format(
    name="aws_vpc_flow_log",
    description="VPC flow logs in an order of fields that their owner chose. Objects in S3 name their fields "
    "in a header and need no format; what CloudWatch Logs holds names none.",
    arguments=(
        Argument(
            "layout",
            "string",
            "The fields in their order, as AWS shows them (`${version} ${account-id} …`, in backticks) or with "
            "blanks between them.",
            required=True,
        ),
        Argument("description", "string", "What it is for."),
    ),
    build=_build,
    reference="https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html",
    presets=(
        Preset(
            "default",
            "The fields of version 2, which AWS writes when nobody chose.",
            {
                "layout": "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets "
                "bytes start end action log-status"
            },
        ),
    ),
    example="""\
format "aws_vpc_flow_log" "with_vpc" {
  layout = `${version} ${vpc-id} ${srcaddr} ${dstaddr} ${action} ${start} ${end} ${log-status}`
}
""",
)
