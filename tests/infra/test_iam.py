"""The evaluator decides as IAM does for what the template's policies use."""

from __future__ import annotations

import pytest
from infra.local_cloud.iam import Access, allowed
from infra.local_cloud.requests import ACCOUNT, Request, caller, needs

READ = {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::logs/*"}
LIST = {
    "Effect": "Allow",
    "Action": "s3:ListBucket",
    "Resource": "arn:aws:s3:::hive",
    "Condition": {"StringLike": {"s3:prefix": "_config/*"}},
}
DENY = {"Effect": "Deny", "Action": "s3:*", "Resource": ["arn:aws:s3:::logs/secret/*"]}


@pytest.mark.parametrize(
    ("access", "expected"),
    [
        (Access("s3:GetObject", "arn:aws:s3:::logs/a/b"), True),
        (Access("s3:getobject", "arn:aws:s3:::logs/a"), True),
        (Access("s3:GetObjectVersion", "arn:aws:s3:::logs/a"), False),
        (Access("s3:GetObject", "arn:aws:s3:::logs-b/a"), False),
        (Access("s3:GetObject", "arn:aws:s3:::logs"), False),
        (Access("s3:GetObject", "arn:aws:s3:::logs/secret/a"), False),
        (Access("s3:ListBucket", "arn:aws:s3:::hive", {"s3:prefix": "_config/"}), True),
        (Access("s3:ListBucket", "arn:aws:s3:::hive", {"s3:prefix": ""}), False),
        (Access("s3:ListBucket", "arn:aws:s3:::hive"), False),
    ],
)
def test_decisions(access: Access, expected: bool) -> None:
    """Allow needs action, resource and conditions to fit; a deny wins over it; nothing else is allowed."""
    assert allowed([READ, LIST, DENY], access) is expected


def test_what_is_not_understood_is_refused() -> None:
    """A policy element that the evaluator does not know is an error and not ignored."""
    with pytest.raises(ValueError, match="NotAction"):
        allowed([{"Effect": "Allow", "NotAction": "s3:*", "Action": [], "Resource": "*"}], Access("a:b", "c"))
    statement = {**READ, "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}
    access = Access("s3:GetObject", "arn:aws:s3:::logs/a", {"aws:SourceIp": "10.0.0.1"})
    with pytest.raises(KeyError, match="IpAddress"):
        allowed([statement], access)


def _request(
    method: str, path: str, query: str = "", body: bytes = b"", service: str = "s3", **headers: str
) -> Request:
    signed = f"AWS4-HMAC-SHA256 Credential=KEY/20260131/us-east-1/{service}/aws4_request, Signature=0"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method, path, query, {"authorization": signed, **named}, body)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (_request("GET", "/logs/a b"), [("s3:GetObject", "arn:aws:s3:::logs/a b")]),
        (_request("HEAD", "/logs/a"), [("s3:GetObject", "arn:aws:s3:::logs/a")]),
        (_request("GET", "/logs/a", "versionId=1"), [("s3:GetObjectVersion", "arn:aws:s3:::logs/a")]),
        (_request("PUT", "/hive/a"), [("s3:PutObject", "arn:aws:s3:::hive/a")]),
        (_request("POST", "/hive/a", "uploads"), [("s3:PutObject", "arn:aws:s3:::hive/a")]),
        (_request("DELETE", "/hive/a", "uploadId=1"), [("s3:AbortMultipartUpload", "arn:aws:s3:::hive/a")]),
        (_request("DELETE", "/hive/a"), [("s3:DeleteObject", "arn:aws:s3:::hive/a")]),
        (_request("GET", "/hive", "list-type=2&prefix=x"), [("s3:ListBucket", "arn:aws:s3:::hive")]),
        (_request("PUT", "/hive", "policy"), [("s3:PutBucketPolicy", "arn:aws:s3:::hive")]),
        (
            _request("PUT", "/hive/b", x_amz_copy_source="logs/a%20b"),
            [("s3:PutObject", "arn:aws:s3:::hive/b"), ("s3:GetObject", "arn:aws:s3:::logs/a b")],
        ),
        (
            _request(
                "POST",
                "/",
                body=b'{"TransactItems": [{"Put": {"TableName": "t"}},'
                b' {"ConditionCheck": {"TableName": "t"}}]}',
                service="dynamodb",
                x_amz_target="DynamoDB_20120810.TransactWriteItems",
            ),
            [
                ("dynamodb:PutItem", f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/t"),
                ("dynamodb:ConditionCheckItem", f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/t"),
            ],
        ),
        (
            _request(
                "POST",
                "/",
                body=b'{"QueueUrl": "https://sqs/1/q"}',
                service="sqs",
                x_amz_target="AmazonSQS.DeleteMessageBatch",
            ),
            [("sqs:DeleteMessage", f"arn:aws:sqs:us-east-1:{ACCOUNT}:q")],
        ),
    ],
)
def test_what_a_request_needs(request_: Request, expected: list[tuple[str, str]]) -> None:
    """Every permission a request needs is read off it, with the ARN it is needed on."""
    assert [(access.action, access.resource) for access in needs(request_)] == expected
    assert caller(request_) == "KEY"
