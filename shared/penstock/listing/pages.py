"""The pages of S3's listings, and what it means when one cannot be had."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

from penstock import aws
from penstock.errors import BadObject, ConfigError, Problem
from penstock.listing.values import Seen
from penstock.sources.aws_s3_bucket import S3BucketSource

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["pages"]

_PERMISSION = "s3:ListBucket and s3:ListBucketVersions"
_NEXT = {
    "NextContinuationToken": "ContinuationToken",
    "NextKeyMarker": "KeyMarker",
    "NextVersionIdMarker": "VersionIdMarker",
}


def pages(
    source: S3BucketSource,
    client: S3Client,
    operation: str,
    seen: Seen,
    wanted: Mapping[str, Any],
    pool: Executor | None = None,
) -> Iterator[Any]:
    """The pages of a listing; with a pool, the first one is asked for in there before it is wanted.

    `operation` is the client's method, `wanted` its arguments. Errors as of `listing.objects`.
    """
    arguments = {**wanted, "Bucket": source.bucket}
    if source.requester_pays:
        arguments["RequestPayer"] = "requester"

    def ask() -> Any:
        try:
            return getattr(client, operation)(**arguments)
        except aws.AwsError as error:
            raise _fault(error, source) from error

    def counted(how: Callable[[], Any]) -> Any:
        seen.tick()
        seen.requests += 1
        return how()

    first = counted(lambda: pool.submit(ask)).result if pool else lambda: counted(ask)
    return _follow(arguments, first, lambda: counted(ask))


def _follow(arguments: dict[str, Any], first: Callable[[], Any], more: Callable[[], Any]) -> Iterator[Any]:
    page = first()
    yield page
    while page.get("IsTruncated"):
        for theirs, ours in _NEXT.items():
            arguments.pop(ours, None)
            if page.get(theirs):
                arguments[ours] = page[theirs]
        page = more()
        yield page


def _fault(error: BaseException, source: S3BucketSource) -> Exception:
    name = f"s3://{source.bucket}"
    found = aws.fault(error, name, _PERMISSION)
    if isinstance(found, BadObject):
        return ConfigError(Problem(name, 0, f"found no such bucket, expected the logs of {source.place}"))
    return found
