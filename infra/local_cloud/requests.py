"""Reads off an HTTP request to AWS who calls and what permissions the call needs.

One request may need several: a DynamoDB transaction needs the action of each of its members
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html), a copy
needs to read its source. S3's actions per operation:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from infra.local_cloud.iam import Access

__all__ = ["ACCOUNT", "Request", "caller", "needs", "service"]

ACCOUNT = "123456789012"
"""The account that moto plays."""

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/]+)/([^/]+)/")
_INVOCATION = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
_TARGETS = {"AWSGlue": "glue", "DynamoDB_20120810": "dynamodb", "AmazonSQS": "sqs", "Logs_20140328": "logs"}
_TRANSACTION = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}
_BUCKET_QUERIES = {
    "location": "GetBucketLocation",
    "versions": "ListBucketVersions",
    "uploads": "ListBucketMultipartUploads",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What of an HTTP request matters here. `path` is decoded; header names are lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def caller(request: Request) -> str:
    """Access key id that signed the request, "" when nobody did."""
    found = _CREDENTIAL.search(_credential(request))
    return found.group(1) if found else ""


def service(request: Request) -> str:
    """Name of the service in the signature, "s3" when nobody signed."""
    found = _CREDENTIAL.search(_credential(request))
    return found.group(3) if found else "s3"


def needs(request: Request) -> list[Access]:
    """Every permission the call needs."""
    target = request.headers.get("x-amz-target", "")
    if target:
        prefix, _, operation = target.partition(".")
        return _json_needs(_TARGETS.get(prefix, prefix), operation, request)
    if service(request) == "s3":
        return _s3_needs(request)
    if invoked := _INVOCATION.fullmatch(request.path):
        arn = f"arn:aws:lambda:{_region(request)}:{ACCOUNT}:function:"
        return [Access("lambda:InvokeFunction", arn + invoked[1].rsplit(":", 1)[-1])]
    form = parse_qs(request.body.decode("utf-8", "replace"))
    return [Access(f"{service(request)}:{form.get('Action', ['Unknown'])[0]}", "*")]


def _credential(request: Request) -> str:
    query = parse_qs(request.query).get("X-Amz-Credential", [""])[0]
    return request.headers.get("authorization", "") or f"Credential={query}"


def _region(request: Request) -> str:
    found = _CREDENTIAL.search(_credential(request))
    return found.group(2) if found else "us-east-1"


def _json_needs(name: str, operation: str, request: Request) -> list[Access]:
    body = json.loads(request.body or b"{}")
    region = _region(request)
    if name == "dynamodb":
        return _dynamodb_needs(operation, body, f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/")
    if name == "sqs" and "QueueUrl" in body:
        operation = operation.removesuffix("Batch")  # a batch call needs the permission of the single one
        queue = body["QueueUrl"].rsplit("/", 1)[-1]
        return [Access(f"sqs:{operation}", f"arn:aws:sqs:{region}:{ACCOUNT}:{queue}")]
    if name == "glue":
        return _glue_needs(operation, body, f"arn:aws:glue:{region}:{ACCOUNT}:")
    if name == "logs":
        group = f"{body['logGroupName']}:*" if "logGroupName" in body else "*"
        return [Access(f"logs:{operation}", f"arn:aws:logs:{region}:{ACCOUNT}:log-group:{group}")]
    return [Access(f"{name}:{operation}", "*")]


def _glue_needs(operation: str, body: Mapping[str, Any], arn: str) -> list[Access]:
    """A call on a table needs its permission on the table, its database and the catalogue.

    https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
    """
    table = body.get("Name") or body.get("TableInput", {}).get("Name")
    places = ["catalog"]
    if database := body.get("DatabaseName"):
        places += [f"database/{database}", *([f"table/{database}/{table}"] if table else [])]
    elif table:
        places.append(f"database/{table}")
    return [Access(f"glue:{operation}", arn + place) for place in places]


def _dynamodb_needs(operation: str, body: Mapping[str, Any], tables: str) -> list[Access]:
    if operation.startswith("Transact"):
        members = [pair for item in body["TransactItems"] for pair in item.items()]
        return [
            Access(f"dynamodb:{_TRANSACTION[kind]}", tables + one["TableName"], _leading_key(one))
            for kind, one in members
        ]
    if operation.startswith("Batch"):
        return [Access(f"dynamodb:{operation}", tables + name) for name in body["RequestItems"]]
    index = f"/index/{body['IndexName']}" if "IndexName" in body else ""
    return [Access(f"dynamodb:{operation}", tables + body.get("TableName", "*") + index, _leading_key(body))]


def _leading_key(body: Mapping[str, Any]) -> dict[str, str]:
    """The partition key of a request on one item of the ledger, as policies see it."""
    item = body.get("Key") or body.get("Item") or {}
    return {"dynamodb:LeadingKeys": item["pk"]["S"]} if "pk" in item else {}


def _s3_needs(request: Request) -> list[Access]:
    bucket, _, key = request.path.lstrip("/").partition("/")
    query = parse_qs(request.query, keep_blank_values=True)
    if not bucket:
        return [Access("s3:ListAllMyBuckets", "*")]
    if not key:
        return [_bucket_access(request.method, f"arn:aws:s3:::{bucket}", query)]
    resource = f"arn:aws:s3:::{bucket}/{key}"
    found = [Access(f"s3:{_object_action(request.method, query)}", resource)]
    if "x-amz-copy-source" in request.headers:
        source = unquote(request.headers["x-amz-copy-source"]).lstrip("/").partition("?")[0]
        found.append(Access("s3:GetObject", f"arn:aws:s3:::{source}"))
    return found


def _bucket_access(method: str, arn: str, query: Mapping[str, list[str]]) -> Access:
    if method in ("GET", "HEAD"):
        for name, action in _BUCKET_QUERIES.items():
            if name in query:
                return Access(f"s3:{action}", arn)
        if not query or "list-type" in query or {"prefix", "marker", "delimiter"} & set(query):
            return Access("s3:ListBucket", arn, {"s3:prefix": query.get("prefix", [""])[0]})
    if method == "POST" and "delete" in query:
        return Access("s3:DeleteObject", f"{arn}/*")
    return Access(f"s3:{method.title()}Bucket" + "".join(name.title() for name in sorted(query)), arn)


def _object_action(method: str, query: Mapping[str, list[str]]) -> str:
    version = "Version" if "versionId" in query else ""
    if method in ("GET", "HEAD"):
        return f"GetObject{version}" + "".join(n.title() for n in ("acl", "tagging") if n in query)
    if method == "DELETE":
        return "AbortMultipartUpload" if "uploadId" in query else f"DeleteObject{version}"
    return "PutObject" + "".join(n.title() for n in ("acl", "tagging") if n in query)
