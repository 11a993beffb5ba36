"""AWS S3 server access logs: every request to a bucket."""

from __future__ import annotations

from penstock.tables import Column, Example, Syntax, Table, filled, number, text, typed, utc
from penstock.tables._requests import strays

_DOCS = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html"

# The time holds a blank: `[06/Feb/2019:00:00:38 +0000]` is two fields. Fields are added at the end;
# the first logs ended with version_id.
_FIELDS = (
    "bucket_owner", "bucket", "time", "time_zone", "remote_ip", "requester", "request_id", "operation",
    "key", "request_uri", "http_status", "error_code", "bytes_sent", "object_size", "total_time",
    "turn_around_time", "referer", "user_agent", "version_id", "host_id", "signature_version",
    "cipher_suite", "authentication_type", "host_header", "tls_version", "access_point_arn",
    "acl_required", "source_region",
)  # fmt: skip

_TIME = "[%d/%b/%Y:%H:%M:%S"


def _timestamp() -> Column:
    time, zone, in_json = 'r."time"', 'r."time_zone"', utc('r."request_time"')
    return Column(
        "timestamp",
        "TIMESTAMP",
        f"coalesce(CASE WHEN {zone} = '+0000]' THEN try_strptime({time}, '{_TIME}') "
        f"ELSE timezone('UTC', try_strptime({time} || ' ' || {zone}, '{_TIME} %z]')) END, "
        f"{in_json})",
        "When the request was received, UTC.",
        "time",
        reads={"time_zone": "VARCHAR", "request_time": "VARCHAR"},
    )


def _renamed(name: str, in_json: str, description: str) -> Column:
    """A text that has another name in JSON."""
    value = f'coalesce(r."{name}", r."{in_json}")'
    return Column(name, "VARCHAR", value, description, name, reads={in_json: "VARCHAR"})


def _acl_required() -> Column:
    field = 'r."acl_required"'
    return typed(
        "acl_required",
        "BOOLEAN",
        f"CASE WHEN {field} IS NOT NULL THEN lower({field}) NOT IN ('no', 'false') END",
        "acl_required",
        "True if the request needed an ACL to be allowed; null if not.",
    )


TABLE = Table(
    name="aws_s3_server_access_log",
    description="Requests to S3 buckets, as server access logging records them.",
    reference=_DOCS,
    syntax=Syntax(
        "delimited",
        {
            "delim": " ",
            "nullstr": "-",
            "columns": _FIELDS,
            # Quotes of clients are not escaped.
            "pattern": strays(_FIELDS, ("request_uri", "referer", "user_agent"), (), least=18),
        },
    ),
    # What comes by way of CloudWatch Logs is JSON, some of it under other names:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/sal-cw-log-format.html
    syntaxes=(Syntax("json_text", {"shape": "lines"}, when=rb"\A(?:[\d:.TZ-]+ )?\s*\{"),),
    columns=(
        _renamed("bucket_owner", "bucket_owner_id", "Canonical user id of the bucket's owner."),
        _renamed("bucket", "bucket_name", "Bucket that was asked."),
        _timestamp(),
        text("remote_ip", "remote_ip", "Address of the requester as S3 sees it; null within AWS."),
        text("requester", "requester", "Canonical user id or ARN of the requester; null if anonymous."),
        text("request_id", "request_id", "Id of the request."),
        text("operation", "operation", "Operation, such as REST.GET.OBJECT or BATCH.DELETE.OBJECT."),
        _renamed("key", "key_name", "Key of the object, URL-encoded."),
        text("request_uri", "request_uri", "Request line: method, URI and version of HTTP."),
        number("http_status", "http_status", "Status code of the answer."),
        text("error_code", "error_code", "Error code of S3, such as NoSuchKey; null if there was none."),
        number("bytes_sent", "bytes_sent", "Bytes of the answer's body."),
        number("object_size", "object_size", "Bytes of the object."),
        number("total_time", "total_time", "Milliseconds from receiving the request to the last byte sent."),
        number(
            "turn_around_time", "turn_around_time", "Milliseconds from its last byte to the first one sent."
        ),
        text("referer", "referer", "The header Referer."),
        text("user_agent", "user_agent", "User agent that the client names."),
        text("version_id", "version_id", "Version of the object that was asked for."),
        text("host_id", "host_id", "The extended request id (x-amz-id-2)."),
        text("signature_version", "signature_version", "Signature: SigV2 or SigV4; null if there was none."),
        text("cipher_suite", "cipher_suite", "TLS cipher; null without TLS."),
        text("authentication_type", "authentication_type", "AuthHeader, QueryString, or null if anonymous."),
        text("host_header", "host_header", "Endpoint that was connected to."),
        text("tls_version", "tls_version", "TLS protocol, such as TLSv1.2 or TLSV1.2; null without TLS."),
        text("access_point_arn", "access_point_arn", "ARN of the access point that was used."),
        _acl_required(),
        text("source_region", "source_region", "Region that the request came from, if it came from AWS."),
    ),
    enrichment={
        "tp_timestamp": "timestamp",
        "tp_source_ip": "remote_ip",
        "tp_ips": filled("remote_ip"),
        "tp_usernames": filled("requester", "bucket_owner"),
    },
    layouts={
        "aws_s3_bucket": "(%{NUMBER:account_id}/%{DATA:region}/%{DATA:bucket_name}/%{YEAR:partition_year}/"
        "%{MONTHNUM:partition_month}/%{MONTHDAY:partition_day}/)?"
        "%{YEAR:year}-%{MONTHNUM:month}-%{MONTHDAY:day}-%{HOUR:hour}-%{MINUTE:minute}-%{SECOND:second}-"
        "%{DATA:suffix}",
    },
    statistics=("remote_ip", "request_id", "key"),
    examples=(
        Example(
            "Who was denied access",
            "select requester, remote_ip, operation, bucket, count(*) as requests\n"
            "from aws_s3_server_access_log where http_status = 403 group by all order by requests desc limit 20",
        ),
        Example(
            "Objects read without signing in",
            "select bucket, key, remote_ip, timestamp from aws_s3_server_access_log\n"
            "where requester is null and operation = 'REST.GET.OBJECT' and http_status = 200 order by timestamp",
        ),
        Example(
            "Most bytes sent by requester",
            "select requester, bucket, sum(bytes_sent) as bytes from aws_s3_server_access_log\n"
            "group by all order by bytes desc nulls last limit 20",
        ),
        Example(
            "Deleted objects",
            "select timestamp, requester, bucket, key, operation from aws_s3_server_access_log\n"
            "where operation in ('REST.DELETE.OBJECT', 'BATCH.DELETE.OBJECT', 'S3.EXPIRE.OBJECT') order by timestamp",
        ),
    ),
)
