"""Source `aws_s3_bucket`: log objects that AWS or anybody else puts into an S3 bucket."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from penstock.layout import Layout, LayoutError, compile_layout
from penstock.sources._declaration import Argument, ArgumentError, Source
from penstock.tables import Table

__all__ = ["SOURCE", "S3BucketSource", "by_manifest"]

EVERY_KEY = "^"
"""The layout of a table that brings none: every key below the prefix is wanted."""


@dataclass(frozen=True, slots=True)
class S3BucketSource:
    """Objects of `bucket` whose keys `layout` matches (it knows the prefix).

    `connection` names the credentials as `aws.<name>`, `format` a format as `<type>.<name>`, None
    for the table's own. `requester_pays` says that the account of the connection pays for requests
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/RequesterPaysBuckets.html).
    With `delivers`, `layout` is that of manifests, and `delivers` that of the objects they may name.
    """

    bucket: str
    layout: Layout
    connection: str = "aws.default"
    format: str | None = None
    requester_pays: bool = False
    type: str = "aws_s3_bucket"
    delivers: Layout | None = None

    @property
    def place(self) -> str:
        """`s3://bucket/prefix`."""
        return f"s3://{self.bucket}/{self.prefix}"

    @property
    def prefix(self) -> str:
        """What every key begins with; no slash is added."""
        return self.layout.prefix


def by_manifest(source: S3BucketSource, table: Table) -> S3BucketSource:
    """The same bucket, of which the manifests are wanted, and the objects when a manifest names them.

    A layout of the person's own says which of them; the table's would leave out those in Parquet.
    """
    assert table.deliveries is not None  # noqa: S101 - whoever asks has looked
    layout = compile_layout(table.deliveries.manifests, prefix=source.prefix)
    is_own = source.layout.text != table.layouts.get(SOURCE.name)
    objects = source.layout if is_own else compile_layout(EVERY_KEY, prefix=source.prefix)
    return replace(source, layout=layout, delivers=objects)


def check_bucket(name: str) -> str | None:
    """What is wrong with a bucket's name, or None.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    """
    if name.startswith(("s3://", "arn:")):
        return "expected the bucket's bare name; what follows it goes into prefix"
    if not 3 <= len(name) <= 63:
        return "expected a bucket's name of 3 to 63 characters"
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*[a-z0-9]", name) or ".." in name:
        return "expected lower-case letters, digits, dots and hyphens between letters or digits"
    return None


def _check_prefix(prefix: str) -> str | None:
    if prefix.startswith("s3://"):
        return "expected the beginning of a key, without the bucket"
    if len(prefix.encode()) > 1024:
        return "expected at most 1024 bytes, as long as a key can be"
    return None


def _build(values: Mapping[str, Any], table: Table) -> S3BucketSource:
    text = values.get("file_layout") or table.layouts.get(SOURCE.name, EVERY_KEY)
    try:
        layout = compile_layout(text, values.get("patterns", {}), values.get("prefix", ""))
    except LayoutError as error:
        raise ArgumentError("file_layout", f"column {error.position}: {error.message}", error.hint) from None
    return S3BucketSource(
        bucket=values["bucket"],
        layout=layout,
        connection=values.get("connection", "aws.default"),
        format=values.get("format"),
        requester_pays=values.get("requester_pays", False),
    )


SOURCE = Source(
    name="aws_s3_bucket",
    description="Log objects in an S3 bucket, collected as they land and found by listing.",
    arguments=(
        Argument("bucket", "string", "Name of the bucket.", required=True, check=check_bucket),
        Argument(
            "prefix",
            "string",
            "What the keys begin with. No slash is added.",
            default="",
            check=_check_prefix,
        ),
        Argument(
            "file_layout",
            "string",
            "Grok pattern that tells the wanted keys and their dates. With a prefix it may begin right "
            "behind it or take the whole key. Write it in backticks: nothing inside is special.",
            default="the table's",
            check=lambda text: None if text else "expected a layout; leave it out for the table's own",
        ),
        Argument("patterns", "map", "Further patterns for file_layout, by name.", default={}),
        Argument("connection", "connection", "Credentials to use.", default="connection.aws.default"),
        Argument(
            "requester_pays",
            "bool",
            "Agree to pay for requests and transfer: without it a bucket whose owner does not pay refuses.",
            default=False,
        ),
        Argument("format", "format", "How an object's bytes become rows.", default="the table's"),
        Argument(
            "region",
            "string",
            "Accepted so that existing files load.",
            ignored="a bucket's region is looked up",
        ),
    ),
    build=_build,
    example="""\
source "aws_s3_bucket" {
  bucket      = "my-cloudtrail-logs"
  prefix      = "audit/"
  file_layout = `AWSLogs/%{NUMBER:account_id}/CloudTrail/%{DATA:region}/%{YEAR:year}/%{DATA}.gz`
}
""",
)
