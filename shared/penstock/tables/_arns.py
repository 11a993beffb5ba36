"""Names that an ARN holds, as people search for them."""

from __future__ import annotations

__all__ = ["arn_names"]


def arn_names(expression: str) -> str:
    """SQL for the names in a text: the ARN, its account, and the bare bucket, instance or volume; else null.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """
    part = "string_split(arn, ':')"
    bare = (
        f"CASE {part}[3] WHEN 's3' THEN nullif(string_split({part}[6], '/')[1], '') "
        f"WHEN 'ec2' THEN nullif(regexp_extract({part}[6], '^(?:instance|volume)/(.+)$', 1), '') END"
    )
    names = f"list_filter([arn, nullif({part}[5], ''), {bare}], lambda name: name IS NOT NULL)"
    arns = f"CASE WHEN starts_with({expression}, 'arn:') THEN [{expression}] END"
    return f"list_transform(list_filter({arns}, lambda arn: len({part}) >= 6), lambda arn: {names})[1]"
